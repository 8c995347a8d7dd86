"""E-mail and IP addresses of people and machines in a text; those reserved for examples and local use stay.

Comes in: the bytes of a column of texts and the offsets of its rows. Goes out: byte spans by row. Candidates are found
by NumPy over the whole column (an @ between word characters; three dots between digits; four hexadecimal digits and a
colon), and each is then read by a pattern bounded to its 320 bytes. Refuses to find addresses written to be unreadable
to machines ("john at example dot com").
"""

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

import numba
import numpy as np
import numpy.typing as npt


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LOCAL: Final = re.compile(rb"[A-Za-z0-9_.+%-]{1,64}$")
_DOMAIN: Final = re.compile(
    rb"((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8})([A-Za-z]{2,24})(?![A-Za-z0-9_(@-])"
)
_REACH: Final = 254  # RFC 5321: the longest domain

# Country codes of ISO 3166 in use as top-level domains, and the generic ones seen in addresses; `x@w.dot` has neither.
TOP_LEVEL: Final = _words("""
    ac ad ae af ag ai al am ao ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc
    cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr
    ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm
    jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp
    mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw
    py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl
    tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw com org net edu gov mil
    int info biz name pro coop aero museum jobs mobi travel tel cat asia xyz online site tech dev app cloud
    email blog shop store work works world life live today team studio agency digital design media network space fun
    engineering engineer technology consulting services support training university energy health care club ninja guru
    expert ventures capital legal management social wiki zone house fund vip ltd llc inc
    systems solutions software academy institute science foundation community gmbh berlin hamburg koeln london
    paris wien amsterdam moscow tokyo nyc
""")
_KEPT_LOCALS: Final = _words("""
    git hg svn bzr noreply no-reply donotreply do-not-reply nobody mailer-daemon
""")
# RFC 2606 reserves the first four names and `example.*`; the others are what people write where nobody is meant.
_KEPT_DOMAINS: Final = re.compile(
    r"(?:.*\.)?(?:example|test|invalid|localhost|example\.(?:com|org|net|edu)|(?:your|my|some)?-?(?:domain|company|email|host"
    r"|site|server|mail|org|website)\.(?:com|org|net|tld)|(?:foo|bar|baz|foobar|test|acme|abc|xyz|bla|blah)\.(?:com|org|net|bar"
    r"|de|co)|localhost\.localdomain|x+\.(?:com|org|net)|[a-z]\.(?:com|org|net|de|co)|reply\.github\.com|openssh\.com|libssh\.org|2x\..*)"
)
# Words that end in "version" count; "server" ends in "ver" and does not. A slash or dash before the first number makes
# it a file name or a browser's version, but not after "://".
_VERSION_BEFORE: Final = re.compile(
    rb"(?i)(?:(?<![a-z])(?:v|ver|release|revision|rev|build|assembly\w*|sdk|firmware|update|tag|section|chapter|rfc|oid"
    rb"|upgrade\w*|kernel)|version)[\"']?\s*(?:number|id|to|from)?[\"']?\s*[:=(\[<>~^]*\s*[\"'(v]*$"
    rb"|[=~^><]=\s*[\"']?$|(?<!/)[-_/]v?$"
)
# The path of a drawing: .67-.21 22.23.82.64
_DECIMAL_BEFORE: Final = re.compile(rb"(?:^|[^\d.])\d*(?:\.\d+){1,2}[ ,-]$")
# What comes before the number of a section: "#### 34.5.1.1. Issuing Queries"; without a mark of a heading, a line's
# start (in a list, a quotation or a link too), and then a word with a capital must follow. A log's line begins with an
# address as well, and goes on otherwise.
_HEADING_BEFORE: Final = re.compile(rb"(?:^|\n)[ \t]*(?:#{1,6}|={1,6}|\\(?:sub){0,2}section\*?\{)[ \t]*\[?$")
_LINE_BEFORE: Final = re.compile(rb"(?:^|\n)[ \t>*+-]*\[?$")
_TITLE_AFTER: Final = re.compile(rb"\.?[ \t\xc2\xa0]+[A-Z][a-z]")
_LARGEST_SECTION: Final = 60  # of each number
_PUBLIC_RESOLVERS: Final = _words("""
    8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 149.112.112.112 208.67.222.222 208.67.220.220 4.2.2.1 4.2.2.2
""")
_CANDIDATES: Final = 1 << 16  # at a time
_OBJECT_IDS: Final = ([2, 5, 4], [2, 5, 29])
_IPV4: Final = re.compile(rb"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\w|\.\w|-[A-Za-z])")
_IPV6: Final = re.compile(rb"[23][0-9A-Fa-f]{3}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")

Column = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]


def address_spans(data: Column, offsets: Offsets) -> Iterator[tuple[int, int, int, str]]:
    """(row, start, end, kind) of every address to replace; offsets are relative to the row's text."""
    yield from _emails(data, offsets)
    yield from _ipv4(data, offsets)
    yield from _ipv6(data, offsets)


def _table(letters: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, bool)
    table[list(letters)] = True
    return table


_DIGITS: Final = b"0123456789"
_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_IS_DIGIT: Final = _table(_DIGITS)
_IS_HEX: Final = _table(_DIGITS + b"abcdefABCDEF")
_IS_WORD: Final = _table(_DIGITS + _LETTERS + b"_")
_IS_LABEL: Final = _table(_DIGITS + _LETTERS + b"-")
_IS_LOCAL: Final = _table(_DIGITS + _LETTERS + b"_.+%-")


def _inside(positions: Offsets, before: int, after: int, size: int) -> Offsets:
    """Those that have this many bytes on either side in the column."""
    return positions[(positions >= before) & (positions < size - after)]


def _rows(positions: Offsets, offsets: Offsets) -> Iterator[tuple[int, int, int, int]]:
    """Position with its row and the row's bounds; some at a time, since a column may hold millions."""
    for start in range(0, len(positions), _CANDIDATES):
        part = positions[start : start + _CANDIDATES]
        rows = np.searchsorted(offsets, part, side="right") - 1
        bounds = (part.tolist(), rows.tolist(), offsets[rows].tolist(), offsets[rows + 1].tolist())
        yield from zip(*bounds, strict=True)


@numba.njit(cache=True, nogil=True)
def _dotted(data: Column, at: Offsets, is_label: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether a dot ends what could be a domain's first part: `a@a@a@` has many signs, no address."""
    found = np.zeros(at.size, np.bool_)
    for index in range(at.size):
        place = at[index] + 1
        last = min(place + 64, data.size - 1)
        while place < last and is_label[data[place]]:
            place += 1
        found[index] = data[place] == 46
    return found


def _emails(data: Column, offsets: Offsets) -> Iterator[tuple[int, int, int, str]]:
    at = _inside(np.flatnonzero(data == ord("@")), 1, 4, len(data))
    at = at[_IS_LOCAL[data[at - 1]] & _IS_WORD[data[at + 1]]]
    at = at[_dotted(data, at, _IS_LABEL)]
    for position, row, low, high in _rows(at, offsets):
        before = data[max(low, position - 65) : position].tobytes()
        local = _LOCAL.search(before)
        domain = _DOMAIN.match(data[position + 1 : min(high, position + 2 + _REACH)].tobytes())
        if not local or not domain or domain.group(2).decode().lower() not in TOP_LEVEL:
            continue
        name = local.group().lstrip(b".%+-")
        if not name or name.endswith(b".") or (before[: local.start()].endswith((b":", b"/")) and b"//" in before):
            continue  # the password or user of a URL
        if name.decode().lower() in _KEPT_LOCALS or _KEPT_DOMAINS.fullmatch(domain.group().decode().lower()):
            continue
        yield row, position - len(name) - low, position + 1 + domain.end() - low, "email"


def _ipv4(data: Column, offsets: Offsets) -> Iterator[tuple[int, int, int, str]]:
    dots = _inside(np.flatnonzero(data == ord(".")), 1, 1, len(data))
    dots = dots[_IS_DIGIT[data[dots - 1]] & _IS_DIGIT[data[dots + 1]]]
    rows = np.searchsorted(offsets, dots - 1, side="right")
    inner = rows == np.searchsorted(offsets, dots + 1, side="right")  # both digits are of the dot's own row
    dots, rows = dots[inner], rows[inner]
    gaps = np.diff(dots)
    near = (gaps == 2) | (gaps == 3) | ((gaps == 4) & _IS_DIGIT[data[dots[:-1] + 2]])  # one to three digits between
    near &= np.diff(rows) == 0
    near = np.concatenate(([False], near, [False, False]))
    four = near[1:-2] & near[2:-1] & ~near[:-3] & ~near[3:]  # not five numbers, which an address never has
    for position, row, low, high in _rows(dots[:-1][four], offsets):
        before = data[max(low, position - 40) : position].tobytes()
        stem = before.rstrip(_DIGITS)
        start = position - (len(before) - len(stem))
        ahead = data[start : min(high, start + 24)].tobytes()
        match = _IPV4.match(ahead)
        if not match or stem[-1:] == b"." or _IS_WORD[stem[-1:][0] if stem else 32]:
            continue
        address = match.group().decode()
        if not _keeps_ipv4(address, stem) and not _is_section(address, stem, ahead[match.end() :]):
            yield row, start - low, start + match.end() - low, "ip_address"


def _keeps_ipv4(address: str, before: bytes) -> bool:
    """Private, reserved and documentation ranges, public resolvers, and what reads as a version number."""
    octets = [int(part) for part in address.split(".")]
    if max(octets) > 255 or any(part != str(int(part)) for part in address.split(".")):
        return True
    if address in _PUBLIC_RESOLVERS or not ipaddress.IPv4Address(address).is_global or octets[0] >= 224:
        return True
    if octets[3] == 0 or octets[:3] in _OBJECT_IDS or octets[:2] == [1, 3]:
        return True  # a network; an arc of X.500 or ISO
    # 1.2.3.4, 4.10.2.7, 3.0.5.130: hardly a machine has only small numbers, but releases and sections do.
    if max(octets) < 20 or max(octets[:3]) < 10:
        return True
    return _VERSION_BEFORE.search(before) is not None or _DECIMAL_BEFORE.search(before) is not None


def _is_section(address: str, before: bytes, after: bytes) -> bool:
    """Whether four numbers are those of a section with its title."""
    if max(map(int, address.split("."))) > _LARGEST_SECTION:
        return False
    if _HEADING_BEFORE.search(before):
        return True
    return _LINE_BEFORE.search(before) is not None and _TITLE_AFTER.match(after) is not None


def _ipv6(data: Column, offsets: Offsets) -> Iterator[tuple[int, int, int, str]]:
    """Only 2000::/3, the part of the address space that is given to anybody."""
    colons = _inside(np.flatnonzero(data == ord(":")), 4, 2, len(data))
    first = data[colons - 4]
    likely = ((first == ord("2")) | (first == ord("3"))) & (_IS_HEX[data[colons + 1]] | (data[colons + 1] == ord(":")))
    for back in (1, 2, 3):
        likely &= _IS_HEX[data[colons - back]]
    for position, row, low, high in _rows(colons[likely], offsets):
        start = position - 4
        if start < low or (start > low and (_IS_WORD[data[start - 1]] or data[start - 1] == ord(":"))):
            continue
        match = _IPV6.match(data[start : min(high, start + 42)].tobytes())
        if match and not _keeps_ipv6(match.group().decode()):
            yield row, start - low, start + match.end() - low, "ip_address"


def _keeps_ipv6(address: str) -> bool:
    try:
        return address.endswith("::") or not ipaddress.IPv6Address(address).is_global  # a network, or reserved
    except ipaddress.AddressValueError:
        return True  # 2023:10:11 is a date
