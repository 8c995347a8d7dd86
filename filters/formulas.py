r"""Group `formulas`: how much mathematics a text shows, without a classifier; for pages, prose and notebooks alone.

Comes in: text as the extractor leaves it, formulas between dollars or in LaTeX environments. Goes out: counts and
shares, null for other kinds. They are measures to compare with the recall loop and to find a first seed with, and
refuse to know thresholds. OpenWebMath (2310.06786) lets a page pass that shows LaTeX commands or a formula, and asks a
classifier (its MathScore) where a page shows none; `math_evidence` puts in the place of that classifier what can be
counted.

One pass over the bytes: a dollar or a `\begin` that does not open a formula is left after one look at what follows, up
to the next one. Patterns of `re` did the same at 9 MB/s; they are the plain twin in the test.
"""

from functools import cache
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.characters import ALNUM, DIGIT, SPACE, Bytes, Offsets, buffers, classes, decode
from filters.group import Group

KINDS: Final = ("page", "prose", "notebook")


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


COMMANDS: Final = _split("""
    frac sum int prod lim sqrt alpha beta gamma delta epsilon lambda mu pi sigma theta phi omega mathbb mathcal mathbf
    mathrm operatorname left right cdot times otimes oplus le leq ge geq ne neq infty partial nabla in subset cup cap to
    mapsto rightarrow forall exists binom overline hat tilde ldots cdots dots equiv approx sim
""")
TERMS: Final = _split("""
    theorem theorems lemma lemmas proof proofs corollary corollaries conjecture conjectures polynomial polynomials
    integral integrals derivative derivatives equation equations matrix matrices eigenvalue eigenvalues subgroup
    subgroups isomorphic isomorphism isomorphisms homomorphism homomorphisms manifold manifolds coefficient coefficients
    integer integers convergent convergence convex topology topological algebra algebras algebraic modulo determinant
    determinants permutation permutations cohomology ideal ideals
""")
PAIRS: Final = ("vector space", "vector spaces", "finite field", "finite fields", "rational number", "rational numbers",
                "prime number", "prime numbers", "series expansion")  # fmt: skip
ENVIRONMENTS: Final = ("equation", "align", "gather", "multline", "eqnarray")
# Operators, letters of mathematical alphabets and arrows of Unicode; Greek is left out, which is also a language.
SYMBOLS: Final = ((0xD7, 0xD7), (0xF7, 0xF7), (0xB1, 0xB1), (0x2190, 0x21FF), (0x2200, 0x22FF), (0x27C0, 0x27EF),
                  (0x2980, 0x2AFF), (0x1D400, 0x1D7FF))  # fmt: skip
DISPLAY: Final = 4000  # characters of a formula between two dollars, or in an environment
INLINE: Final = 500
_HALF: Final = 10.0  # signs in 1,000 characters at which the evidence is a half: a formula or a term in every line
_DECIMAL, _SYMBOL, _WORD = 64, 16, 128  # beside the flags of `filters.characters`
_TERM, _FIRST, _COMMAND, _ENVIRONMENT = 1, 2, 4, 8  # what a word is; _FIRST: of a pair
_PLACES: Final = 512  # of the table of words
_DOLLAR, _BACKSLASH, _NEWLINE, _OPEN, _CLOSE, _STAR = b"$\\\n{}*"
_MARKS: Final = np.zeros(256, np.bool_)  # one of them makes a formula of what stands between single dollars
_MARKS[list(b"\\^_=+-*/<>{(|,")] = True
_BEGIN, _END = np.frombuffer(rb"\begin{", np.uint8), np.frombuffer(rb"\end{", np.uint8)
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
# columns of the kernel's result
_CHARS, _FORMULAS, _INSIDE, _IN_COMMANDS, _SIGNS, _TERMS, _COUNTS = range(7)

Keys = npt.NDArray[np.uint64]
Known = npt.NDArray[np.bool_]


@cache
def _classes() -> Bytes:
    """Python's classes as `re` takes them: \\s, \\w and \\d; and the symbols."""
    table = classes().copy()
    table[(table & ALNUM) > 0] |= _WORD
    table[ord("_")] |= _WORD
    for code in np.flatnonzero(table & DIGIT).tolist():
        if chr(code).isdecimal():
            table[code] |= _DECIMAL
    for first, last in SYMBOLS:
        table[first : last + 1] |= _SYMBOL
    return table


def _key(word: str) -> int:
    value = int(_OFFSET)
    for byte in word.encode():
        value = (value ^ byte) * int(_PRIME) % 2**64
    return value | 1


@numba.njit(cache=True, nogil=True)
def _prefix(first: int, second: int, third: int) -> int:
    """A number for three letters, the same for small and capital ones."""
    return (first & 31) << 10 | (second & 31) << 5 | third & 31


@cache
def _words() -> tuple[Keys, Bytes, Known]:
    """A table from the hash of a word to what it is; of a pair the hash of both words is one too; how terms begin."""
    kinds: dict[int, int] = {}
    firsts = [pair.split()[0] for pair in PAIRS]
    for words, kind in (
        (TERMS, _TERM),
        (PAIRS, _TERM),
        (firsts, _FIRST),
        (COMMANDS, _COMMAND),
        (ENVIRONMENTS, _ENVIRONMENT),
    ):
        for word in words:
            kinds[_key(word)] = kinds.get(_key(word), 0) | kind
    keys, flags = np.zeros(_PLACES, np.uint64), np.zeros(_PLACES, np.uint8)
    for key, kind in kinds.items():
        place = key % _PLACES
        while keys[place]:
            place = (place + 1) % _PLACES
        keys[place], flags[place] = key, kind
    begins = np.zeros(1 << 15, np.bool_)
    for word in (*TERMS, *PAIRS):
        begins[_prefix(*word.encode()[:3])] = True
    return keys, flags, begins


@numba.njit(cache=True, nogil=True)
def _what(value: np.uint64, keys: Keys, flags: Bytes) -> int:
    value |= np.uint64(1)
    place = np.int64(value & np.uint64(_PLACES - 1))
    while keys[place] and keys[place] != value:
        place = (place + 1) & (_PLACES - 1)
    return int(flags[place]) if keys[place] else 0


@numba.njit(cache=True, nogil=True)
def _letters(text: Bytes, at: int) -> tuple[np.uint64, int]:
    """Hash of the ASCII letters from here, and where they end."""
    value = _OFFSET
    while at < text.size and 97 <= text[at] | 0x20 <= 122:
        value = (value ^ np.uint64(text[at])) * _PRIME
        at += 1
    return value, at


@numba.njit(cache=True, nogil=True)
def _stands(text: Bytes, at: int, mark: Bytes) -> bool:
    if at + mark.size > text.size:
        return False
    same = 0
    while same < mark.size and text[at + same] == mark[same]:
        same += 1
    return same == mark.size


@numba.njit(cache=True, nogil=True)
def _class_before(text: Bytes, at: int, table: Bytes) -> int:
    """Flags of the character that ends before this byte; those of none at the beginning."""
    if at == 0:
        return 0
    at -= 1
    while text[at] & 0xC0 == 0x80:
        at -= 1
    return int(table[decode(text, at)[0]])


@numba.njit(cache=True, nogil=True)
def _dollars(text: Bytes, at: int, table: Bytes) -> tuple[int, int, int]:
    """The formula that a dollar opens here: first byte and end of its body, where it ends; -1: there is none."""
    double = at + 1 < text.size and text[at + 1] == _DOLLAR
    if double:
        start, most = at + 2, DISPLAY
    else:
        before = text[at - 1] if at else np.uint8(32)
        if before in (_BACKSLASH, _DOLLAR) or _class_before(text, at, table) & _WORD or at + 1 == text.size:
            return -1, 0, 0
        if table[decode(text, at + 1)[0]] & (SPACE | _DECIMAL):
            return -1, 0, 0
        start, most = at + 1, INLINE
    end, chars = start, 0
    while end < text.size and text[end] != _DOLLAR and chars <= most and (double or text[end] != _NEWLINE):
        chars += 1
        end += 1
        while end < text.size and text[end] & 0xC0 == 0x80:
            end += 1
    if not 1 <= chars <= most or end >= text.size or text[end] != _DOLLAR:
        return -1, 0, 0
    if double:
        if end + 1 < text.size and text[end + 1] == _DOLLAR:
            return start, end, end + 2
        return -1, 0, 0
    if text[end - 1] == _BACKSLASH or _class_before(text, end, table) & SPACE:
        return -1, 0, 0
    if end + 1 < text.size and (text[end + 1] == _DOLLAR or table[decode(text, end + 1)[0]] & _WORD):
        return -1, 0, 0
    return start, end, end + 1


@numba.njit(cache=True, nogil=True)
def _environment(text: Bytes, at: int, keys: Keys, flags: Bytes) -> tuple[int, int, int]:
    """The same for an environment that begins here."""
    if not _stands(text, at, _BEGIN):
        return -1, 0, 0
    value, start = _letters(text, at + _BEGIN.size)
    if not _what(value, keys, flags) & _ENVIRONMENT:
        return -1, 0, 0
    start += int(start < text.size and text[start] == _STAR)
    if start >= text.size or text[start] != _CLOSE:
        return -1, 0, 0
    start += 1
    end, chars = start, 0
    while end < text.size and chars <= DISPLAY:
        if text[end] == _BACKSLASH:
            if _stands(text, end, _END):
                return (start, end, end + _END.size) if 1 <= chars <= DISPLAY else (-1, 0, 0)
            if _stands(text, end, _BEGIN):
                break
        chars += int(text[end] & 0xC0 != 0x80)
        end += 1
    return -1, 0, 0


@numba.njit(cache=True, nogil=True)
def _body(text: Bytes, start: int, end: int, single: bool, keys: Keys, flags: Bytes, out: Offsets) -> None:
    """Count a formula; between single dollars only if it looks like one: a mark of mathematics, or one letter."""
    chars = commands = 0
    marked = False
    for at in range(start, end):
        chars += int(text[at] & 0xC0 != 0x80)
        marked |= _MARKS[text[at]]
        if text[at] == _BACKSLASH and at + 1 < end:
            commands += int(_what(_letters(text[:end], at + 1)[0], keys, flags) & _COMMAND != 0)
    if not single or marked or chars == 1:
        out[_FORMULAS] += 1
        out[_INSIDE] += chars
        out[_IN_COMMANDS] += commands


@numba.njit(cache=True, nogil=True)
def _word(text: Bytes, at: int, value: np.uint64, table: Bytes) -> tuple[np.uint64, int]:
    """The hash so far with the word that begins here, ASCII letters small, and where it ends."""
    while at < text.size:
        byte, after = text[at], at + 1
        if byte < 0x80:
            if not table[byte] & _WORD:
                break
            byte = np.uint8(byte | 0x20 if 65 <= byte <= 90 else byte)
        else:
            code, after = decode(text, at)
            if not table[code] & _WORD:
                break
        value = (value ^ np.uint64(byte)) * _PRIME
        at = after
    return value, at


@numba.njit(cache=True, nogil=True)
def _symbols(text: Bytes, table: Bytes, out: Offsets) -> None:
    seen = np.uint8(0)
    for byte in text:
        seen |= byte
        out[_CHARS] += int(byte & 0xC0 != 0x80)
    at = 0
    while seen >= 0x80 and at < text.size:
        if text[at] < 0x80:
            at += 1
            continue
        code, at = decode(text, at)
        out[_SIGNS] += int(table[code] & _SYMBOL != 0)


@numba.njit(cache=True, nogil=True)
def _terms(text: Bytes, table: Bytes, keys: Keys, flags: Bytes, begins: Known) -> int:
    """Of most words three letters say that they are no term: they are stepped over without a hash."""
    count = at = 0
    while at < text.size:
        byte, after = text[at], at + 1
        flagged = table[byte]
        if byte >= 0x80:
            code, after = decode(text, at)
            flagged = table[code]
        if not flagged & _WORD:
            at = after
            continue
        if at + 2 < text.size and begins[_prefix(int(byte), int(text[at + 1]), int(text[at + 2]))]:
            value, at = _word(text, at, _OFFSET, table)
            kind = _what(value, keys, flags)
            if kind & _FIRST and at < text.size and text[at] == 32:
                pair, after = _word(text, at + 1, (value ^ np.uint64(32)) * _PRIME, table)
                if _what(pair, keys, flags) & _TERM:
                    kind, at = _TERM, after
            count += int(kind & _TERM != 0)
            continue
        at = after
        while at < text.size and text[at] < 0x80 and table[text[at]] & _WORD:
            at += 1
        if at < text.size and text[at] >= 0x80:
            at = _word(text, at, _OFFSET, table)[1]
    return count


@numba.njit(cache=True, nogil=True)
def _formulas(text: Bytes, table: Bytes, keys: Keys, flags: Bytes, out: Offsets) -> None:
    at = 0
    while at < text.size:
        byte = text[at]
        if byte == _DOLLAR:
            start, end, after = _dollars(text, at, table)
        elif byte == _BACKSLASH:
            start, end, after = _environment(text, at, keys, flags)
        else:
            at += 1
            continue
        if start < 0:
            at += 1
            continue
        _body(text, start, end, byte == _DOLLAR and start == at + 1, keys, flags, out)
        at = after


@numba.njit(cache=True, nogil=True)
def _count(
    data: Bytes, offsets: Offsets, applies: Known, table: Bytes, keys: Keys, flags: Bytes, begins: Known
) -> npt.NDArray[np.int64]:
    counts = np.zeros((offsets.size - 1, _COUNTS), np.int64)
    for row in range(offsets.size - 1):
        if applies[row]:
            text, out = data[offsets[row] : offsets[row + 1]], counts[row]
            _symbols(text, table, out)
            _formulas(text, table, keys, flags, out)
            out[_TERMS] = _terms(text, table, keys, flags, begins)
    return counts


def measure(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """One row per document."""
    data, offsets = buffers(documents.column("text"))
    kinds = pc.fill_null(pc.is_in(documents.column("kind"), value_set=pa.array(KINDS)), False)
    applies = kinds.to_numpy(zero_copy_only=False)
    counts = _count(data, offsets, applies, _classes(), *_words())
    chars = np.maximum(counts[:, _CHARS], 1)
    signs = 1000 * (counts[:, _FORMULAS] + counts[:, _IN_COMMANDS] + counts[:, _SIGNS] + counts[:, _TERMS]) / chars
    values = (
        counts[:, _INSIDE] / chars,
        1000 * counts[:, _SIGNS] / chars,
        1000 * counts[:, _TERMS] / chars,
        1 - np.exp(-np.log(2) * signs / _HALF),
    )
    bare = pa.array(values[-1], mask=~applies | (counts[:, _FORMULAS] > 0))
    columns = [pa.array(counts[:, _FORMULAS]), *(pa.array(value, mask=~applies) for value in values), bare]
    return pa.RecordBatch.from_arrays(columns, schema=FORMULAS.schema())


FORMULAS: Final = Group(
    name="formulas",
    kernel=measure,
    columns=(
        ("n_formulas", "int64"),
        ("formula_fraction", "float64"),  # of the characters
        ("math_symbols", "float64"),  # in 1,000 characters
        ("math_terms", "float64"),  # in 1,000 characters
        ("math_evidence", "float64"),  # in [0, 1)
        ("bare_evidence", "float64"),  # the same where no formula stands; null otherwise
    ),
)
