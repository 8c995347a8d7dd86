"""Where a key could be: one pass over the bytes that finds every place a detector's pattern could match.

Comes in: the bytes of a column of texts. Goes out: positions, few enough that a slow detector can look at each. It may
name too many places, never too few: the literals of `ANCHORS` and the five shapes of `anchors` are implied by the
patterns of detect-secrets 1.5.0 (for ASCII; its `\\d` also takes other digits). Refuses to decide anything.
"""

from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

UPPER, LOWER, DIGIT, DASH, SLASH, EQUAL, HEX, BACKSLASH = (1 << bit for bit in range(8))
ALNUM: Final = UPPER | LOWER | DIGIT
TOKEN: Final = ALNUM | DASH
BASE64: Final = TOKEN | SLASH | EQUAL | BACKSLASH  # the library's alphabet, a stray backslash included
MIN_QUOTED_HEX: Final = 9  # an entropy above 3.0 bits needs more than 2**3 distinct characters
MIN_QUOTED_BASE64: Final = 23  # and one above 4.5 bits more than 2**4.5 = 22.6
AWS_SECRET: Final = 40  # looked for by length, whatever its entropy
MIN_ASSIGNED: Final = 24  # the shortest value behind a name such as cloudant_api_key


class Anchor(NamedTuple):
    """A literal that every match of some pattern holds, and how many bytes of which classes must follow it."""

    literal: bytes
    tail: int = 0
    classes: int = 0


ANCHORS: Final = (
    Anchor(b"eyJ", 1, TOKEN | EQUAL),  # first: the pass treats it apart
    Anchor(b"A3T", 17, UPPER | DIGIT), Anchor(b"ABIA", 16, UPPER | DIGIT), Anchor(b"ACCA", 16, UPPER | DIGIT),
    Anchor(b"AKIA", 16, UPPER | DIGIT), Anchor(b"ASIA", 16, UPPER | DIGIT), Anchor(b"AKC", 10, ALNUM),
    *(Anchor(b"AP" + bytes([third]), 8, ALNUM) for third in b"0123456789ABCDEF"),
    Anchor(b"AccountKey=", 88, ALNUM | SLASH | EQUAL),
    *(Anchor(b"gh" + bytes([third]) + b"_", 36, TOKEN) for third in b"pousr"), Anchor(b"github_pat_", 30, TOKEN),
    *(Anchor(name, 20, TOKEN) for name in (b"glpat-", b"gldt-", b"glft-", b"glsoat-", b"glrt-", b"GR1348941")),
    Anchor(b"glcbt-", 20, TOKEN), Anchor(b"glimt-", 25, TOKEN), Anchor(b"glptt-", 40, TOKEN),
    Anchor(b"glagent-", 50, TOKEN), Anchor(b"gloas-", 64, TOKEN),
    Anchor(b"_authToken="), Anchor(b"T3BlbkFJ", 20, ALNUM), Anchor(b"PRIVATE KEY"), Anchor(b"Private-Lines: "),
    Anchor(b"pypi-AgE", 70, TOKEN), Anchor(b"SG.", 22, TOKEN), Anchor(b"sq0csp-"), Anchor(b"k_live_", 24, ALNUM),
    Anchor(b"AC", 32, LOWER | DIGIT), Anchor(b"SK", 32, LOWER | DIGIT), Anchor(b"-us", 1, DIGIT),
    *(Anchor(bytes([a, b, c]), 1, ALNUM) for a in b"xX" for b in b"oO" for c in b"xX"),  # Slack's rule folds case
    # The forms of `filters.keys.FORMS`, which the library does not know.
    Anchor(b"npm_", 36, ALNUM), Anchor(b"AIza", 35, TOKEN), Anchor(b"GOCSPX-", 28, TOKEN), Anchor(b"_v1_", 64, HEX),
    Anchor(b"hvs.", 24, TOKEN), Anchor(b"hf_", 34, ALNUM), Anchor(b"sk-ant-", 80, TOKEN), Anchor(b"dapi", 32, HEX),
    *(Anchor(name, 32, HEX) for name in (b"shpat_", b"shpss_", b"shpca_", b"shppa_", b"key-")),
    Anchor(b"sq0atp-", 22, TOKEN), Anchor(b"ya29.", 60, TOKEN), Anchor(b"lin_api_", 40, ALNUM),
    Anchor(b"rubygems_", 48, HEX), Anchor(b"PMAK-", 24, HEX), Anchor(b"NRAK-", 27, UPPER | DIGIT),
    Anchor(b"dckr_pat_", 27, TOKEN), Anchor(b"glsa_", 32, ALNUM), Anchor(b"sbp_", 40, HEX), Anchor(b"gsk_", 52, ALNUM),
    Anchor(b"xkeysib-", 64, HEX), Anchor(b"ATATT3xFfGF0", 60, TOKEN), Anchor(b"AGE-SECRET-KEY-1", 58, UPPER | DIGIT),
)  # fmt: skip


def _class_table() -> npt.NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for letters, bit in (
        (b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", UPPER), (b"abcdefghijklmnopqrstuvwxyz", LOWER), (b"0123456789", DIGIT),
        (b"-_", DASH), (b"/+", SLASH), (b"=", EQUAL), (b"0123456789abcdefABCDEF", HEX), (b"\\", BACKSLASH),
    ):  # fmt: skip
        table[list(letters)] |= bit
    return table


def _literal_tables() -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """By first two bytes the first anchor; per anchor its next of the same two bytes, length, tail, classes; bytes."""
    first = np.full(65536, -1, np.int16)
    rows = np.zeros((len(ANCHORS), 4), np.int64)
    letters = np.zeros((len(ANCHORS), max(len(anchor.literal) for anchor in ANCHORS)), np.uint8)
    for index, (literal, tail, classes) in enumerate(ANCHORS):
        pair = literal[0] << 8 | literal[1]
        rows[index] = first[pair], len(literal), tail, classes
        first[pair] = index
        letters[index, : len(literal)] = list(literal)
    return first, rows, letters


CLASSES: Final = _class_table()
# How the words of credentials begin that `filters.keys` knows: key, token, secret, passw, pwd, auth, credential, ...
_NAMES: Final = np.array(
    [list(word) for word in (b"key", b"tok", b"sec", b"pas", b"pwd", b"aut", b"cre", b"bea", b"api", b"pri")], np.uint8
)
JWT: Final = 0  # its place in ANCHORS
_FIRST, _ROWS, _LETTERS = _literal_tables()


def anchors(data: npt.NDArray[np.uint8], base64_limit: float, hex_limit: float) -> npt.NDArray[np.int64]:
    """Ascending positions at which a detector should look.

    Besides the literals: a quoted run of base64 or hexadecimal digits above its entropy limit that changes as a random
    one does or, of hexadecimal digits, is set to a name of credentials; one of an AWS secret's length; a long run,
    quoted or not, that a name ending in key, token, password, … is set to; `user:password@`, hooks or api after `://`;
    the dots of a Discord token and the colon of a Telegram one.
    """
    found: npt.NDArray[np.int64] = _scan(data, CLASSES, _FIRST, _ROWS, _LETTERS, base64_limit - 1e-6, hex_limit - 1e-6)
    return found


@numba.njit(cache=True, nogil=True)
def _scan(data, classes, first, rows, letters, base64_limit, hex_limit):  # type: ignore[no-untyped-def]
    out = np.empty(1024, np.int64)
    counts = np.zeros(256, np.int64)
    n, size = 0, len(data)
    token_run, base_run, jwt_end = 0, 0, 0  # where the current runs began; no JWT begins before jwt_end
    for i in range(size + 1):
        byte = data[i] if i < size else np.uint8(0)
        kind = classes[byte]
        if n + 4 > len(out):
            out = np.concatenate((out, np.empty(n, np.int64)))
        if not kind & TOKEN:
            if i - token_run >= MIN_ASSIGNED and (
                _is_assigned(data, token_run) or (byte == 46 and i + 7 < size and data[i + 7] == 46)
            ):  # the dots are a Discord token's
                out[n] = token_run
                n += 1
            if byte == 58 and (_is_telling_url(data, i) or _is_telegram(data, classes, i)):
                out[n] = i
                n += 1
            token_run = i + 1
        if not kind & BASE64:
            length = i - base_run
            opened = data[base_run - 1] if base_run > 0 else np.uint8(0)
            quoted = (byte == 34 or byte == 39) and (opened == 34 or opened == 39) and length >= MIN_QUOTED_HEX
            if quoted:
                found = (
                    length == AWS_SECRET
                    or (length >= MIN_ASSIGNED and _is_assigned(data, base_run))
                    or (
                        opened == byte
                        and _is_random(data, classes, base_run, i, counts, base64_limit, hex_limit)
                        and (
                            _is_credential(data, classes, base_run)
                            if _is_hex(data, classes, base_run, i)
                            else _changes_enough(data, classes, base_run, i)
                        )
                    )
                )
            else:
                found = length >= MIN_ASSIGNED and _is_assigned(data, base_run)
            if found:
                out[n] = base_run
                n += 1
            base_run = i + 1
        index = first[np.int64(byte) << 8 | data[i + 1]] if i + 1 < size else -1
        while index >= 0:
            stands = _stands(data, classes, i, index, rows, letters)
            if stands and index == JWT:  # one look per run: every start inside it would read to its end
                stands = i >= jwt_end
                if stands:
                    jwt_end = _token_end(data, classes, i)
                    stands = jwt_end < size and data[jwt_end] == 46
            if stands:
                out[n] = i
                n += 1
                break
            index = rows[index, 0]
    return np.sort(out[:n])


@numba.njit(cache=True, nogil=True)
def _stands(data, classes, at, index, rows, letters):  # type: ignore[no-untyped-def]
    """Whether an anchor's literal stands here, of which two bytes are known to, with its tail behind it."""
    length, tail, allowed = rows[index, 1], rows[index, 2], rows[index, 3]
    if at + length + tail > len(data):
        return False
    for j in range(2, length):
        if data[at + j] != letters[index, j]:
            return False
    for j in range(at + length, at + length + tail):  # noqa: SIM110  # Numba has no all()
        if not classes[data[j]] & allowed:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _token_end(data, classes, at):  # type: ignore[no-untyped-def]
    while at < len(data) and classes[data[at]] & (TOKEN | EQUAL):
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _is_assigned(data, at):  # type: ignore[no-untyped-def]
    """Whether `key =`, `"token": "` or the like ends here; the last word of the name, one s or `_base` behind it."""
    end = at
    while end > 0 and at - end < 80:
        byte = data[end - 1]
        if not (byte == 9 or byte == 32 or byte == 34 or byte == 39 or byte == 58 or byte == 61 or byte == 62
                or byte == 93 or byte == 96):  # fmt: skip
            break
        end -= 1
    if end == at:
        return False
    if end > 4 and data[end - 4] | 32 == 98 and data[end - 3] | 32 == 97 and data[end - 2] | 32 == 115:
        if data[end - 1] | 32 == 101:
            end -= 4
            end -= int(data[end - 1] == 45 or data[end - 1] == 95)
    elif end > 1 and data[end - 1] | 32 == 115 and data[end - 2] | 32 != 115:
        end -= 1
    if end < 3:
        return False
    a, b, c = data[end - 3] | 32, data[end - 2] | 32, data[end - 1] | 32
    return (
        (b == 112 and c == 119)  # pw
        or (a == 107 and b == 101 and (c == 121 or c == 110))  # key, to-ken
        or (a == 112 and b == 119 and c == 100)  # pwd
        or (a == 115 and b == 119 and c == 100)  # pas-swd
        or (a == 97 and b == 115 and c == 115 and end > 3 and data[end - 4] | 32 == 112)  # pass
        or (a == 111 and b == 114 and c == 100)  # passw-ord
        or (a == 114 and b == 101 and c == 116)  # sec-ret
        or (a == 117 and b == 116 and c == 104)  # a-uth
        or (a == 105 and b == 97 and c == 108)  # credent-ial
    )


@numba.njit(cache=True, nogil=True)
def _is_telegram(data, classes, at):  # type: ignore[no-untyped-def]
    """Whether this colon has eight digits before it and 35 token bytes behind it."""
    if at < 8 or at + 35 >= len(data):
        return False
    for j in range(at - 8, at):
        if not classes[data[j]] & DIGIT:
            return False
    for j in range(at + 1, at + 36):  # noqa: SIM110
        if not classes[data[j]] & TOKEN:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _is_telling_url(data, at):  # type: ignore[no-untyped-def]
    """Whether `://` starts here, and then a host hoo… or api…, or a colon and an @ before any white space."""
    if at + 5 >= len(data) or data[at + 1] != 47 or data[at + 2] != 47:
        return False
    a, b, c = data[at + 3] | 32, data[at + 4] | 32, data[at + 5] | 32
    if (a == 104 and b == 111 and c == 111) or (a == 97 and b == 112 and c == 105):
        return True
    colon = False
    for j in range(at + 3, min(at + 256, len(data))):
        if data[j] <= 32:
            return False
        if data[j] == 64 and colon:
            return True
        colon = colon or data[j] == 58
    return False


@numba.njit(cache=True, nogil=True)
def _is_random(data, classes, start, end, counts, base64_limit, hex_limit):  # type: ignore[no-untyped-def]
    """Whether the run's entropy is above the limit of its alphabet."""
    all_hex, entropy = _is_hex(data, classes, start, end), 0.0
    if not all_hex and end - start < MIN_QUOTED_BASE64:
        return False
    for j in range(start, end):
        counts[data[j]] += 1
    for j in range(start, end):
        count = counts[data[j]]
        if count:
            entropy -= count / (end - start) * np.log2(count / (end - start))
            counts[data[j]] = 0
    return entropy > (hex_limit if all_hex else base64_limit)


@numba.njit(cache=True, nogil=True)
def _is_hex(data, classes, start, end):  # type: ignore[no-untyped-def]
    for j in range(start, end):  # noqa: SIM110
        if not classes[data[j]] & HEX:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _changes_enough(data, classes, start, end):  # type: ignore[no-untyped-def]
    """What `filters.keys.is_random` asks of the value, counted."""
    changes = digits = 0
    before = 0
    for j in range(start, end):
        kind = classes[data[j]] & ALNUM
        changes += int(j > start and kind != before)
        digits += int(kind == DIGIT and before != DIGIT)
        before = kind
    return changes >= 0.35 * (end - start - 1) and digits >= max(1, (end - start) // 16)


@numba.njit(cache=True, nogil=True)
def _is_credential(data, classes, at):  # type: ignore[no-untyped-def]
    """Whether a sign of assignment stands close before the value, and in the name before that a word of credentials.

    Random hexadecimal digits under no such name are a digest or a test vector: one folder had 33,000 of them.
    """
    i = at
    while i > 0 and at - i < 36 and not (data[i - 1] == 58 or data[i - 1] == 61):
        i -= 1
    if i == 0 or not (data[i - 1] == 58 or data[i - 1] == 61):
        return False
    end = max(0, i - 16)  # signs, white space, brackets and quotes between the name and the value
    while i > end and data[i - 1] < 128 and not classes[data[i - 1]] & ALNUM and data[i - 1] != 95:
        i -= 1
    low = max(0, i - 100)
    while i > low and (data[i - 1] >= 128 or classes[data[i - 1]] & TOKEN or data[i - 1] == 46):
        a = data[i - 1] | 32
        if i + 1 < at:
            b, c = data[i] | 32, data[i + 1] | 32
            for word in range(len(_NAMES)):
                if a == _NAMES[word, 0] and b == _NAMES[word, 1] and c == _NAMES[word, 2]:
                    return True
        i -= 1
    return False
