"""Group `cleaning`: what C4's cleaning of lines would leave of a text; for web pages and prose alone.

Comes in: text as Arrow buffers, and kinds. Goes out: counts and shares, null for other kinds. Refuses to know
thresholds, and to edit the text: C4 removes lines, here the share of words in them is a measure (DCLM drops a page that
loses more than 5 %). The tests of a line and their order are those of datatrove 0.10's C4QualityFilter (Raffel et al.,
JMLR 21-140), whose decision rule set `filters.text.C4` repeats; a sentence ends in `.`, `!` or `?` before white space
or the line's end, where datatrove asks spaCy. Accented letters are counted because OpenWebMath drops by them.

A line is copied without citations and with small ASCII letters, then searched once: time is linear, memory the longest
line's.
"""

from functools import cache
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.characters import BREAK, DIGIT, SPACE, Bytes, Offsets, buffers, classes, decode
from filters.group import Group

KINDS: Final = ("page", "prose")
PHRASES: Final = (
    "lorem ipsum", "javascript", "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies",
    "use cookies",
)  # fmt: skip
CITATIONS: Final = ("[edit]", "[citation needed]")
LONGEST_WORD: Final = 1000  # characters
FEWEST_WORDS: Final = 3
_DECIMAL: Final = 64  # beside the flags of `filters.characters`
_ACCENTED: Final = 128
_DOT, _OPEN, _CLOSE, _BRACE, _CITES, _NEWLINE, _RETURN = b".[]{\x00\n\r"
_ENDS: Final = np.zeros(256, np.bool_)
_ENDS[list(b".?!\"'")] = True
_SENTENCE: Final = np.zeros(256, np.bool_)
_SENTENCE[list(b".?!")] = True
# columns of the kernel's result
_CHARS, _ACCENTS, _WORDS, _LOST, _LINES, _KEPT, _SENTENCES, _LOREM, _CURLY, _COUNTS = range(10)


@cache
def _classes() -> Bytes:
    """Python's classes; `re`'s \\d; and the accented letters of Latin script."""
    table = classes().copy()
    for code in np.flatnonzero(table & DIGIT).tolist():
        if chr(code).isdecimal():
            table[code] |= _DECIMAL
    table[0xC0:0x250] |= _ACCENTED
    table[[0xD7, 0xF7]] &= ~np.uint8(_ACCENTED)
    return table


def _packed(phrases: tuple[str, ...]) -> tuple[Bytes, Offsets]:
    raw = [phrase.encode() for phrase in phrases]
    return np.frombuffer(b"".join(raw), np.uint8), np.cumsum([0, *map(len, raw)]).astype(np.int64)


_PHRASE_BYTES, _PHRASE_ENDS = _packed(PHRASES)
_CITATION_BYTES, _CITATION_ENDS = _packed(CITATIONS)
_BEGINS: Final = np.zeros(256, np.bool_)  # first letters of the phrases
_BEGINS[[phrase.encode()[0] for phrase in PHRASES]] = True


@numba.njit(cache=True, nogil=True)
def _stands(text: Bytes, at: int, end: int, phrase: Bytes) -> bool:
    if at + phrase.size > end:
        return False
    same = 0
    while same < phrase.size and text[at + same] == phrase[same]:
        same += 1
    return same == phrase.size


@numba.njit(cache=True, nogil=True)
def _cited(text: Bytes, at: int, end: int, table: Bytes) -> int:
    """Where the citation ends that begins with the bracket here; 0 where there is none."""
    after = at + 1
    while after < end and text[after] != _CLOSE:
        code, next_ = decode(text, after)
        if not table[code] & _DECIMAL:
            break
        after = next_
    if after < end and text[after] == _CLOSE:
        return after + 1
    for index in range(_CITATION_ENDS.size - 1):
        phrase = _CITATION_BYTES[_CITATION_ENDS[index] : _CITATION_ENDS[index + 1]]
        if _stands(text, at, end, phrase):
            return at + phrase.size
    return 0


@numba.njit(cache=True, nogil=True)
def _copied(text: Bytes, start: int, end: int, table: Bytes, line: Bytes) -> int:
    """The line without citations, ASCII letters small; how many bytes."""
    size, at = 0, start
    while at < end:
        byte = text[at]
        if byte == _OPEN:
            after = _cited(text, at, end, table)
            if after:
                at = after
                continue
        line[size] = byte | 0x20 if 65 <= byte <= 90 else byte
        size += 1
        at += 1
    return size


@numba.njit(cache=True, nogil=True)
def _said(line: Bytes, size: int) -> tuple[int, bool]:
    """Which phrases stand in the line, a bit each, and whether a curly bracket does."""
    found, curly = 0, False
    for at in range(size):
        byte = line[at]
        curly |= byte == _BRACE
        if _BEGINS[byte]:
            for index in range(_PHRASE_ENDS.size - 1):
                if _stands(line, at, size, _PHRASE_BYTES[_PHRASE_ENDS[index] : _PHRASE_ENDS[index + 1]]):
                    found |= 1 << index
    return found, curly


@numba.njit(cache=True, nogil=True)
def _sentences(line: Bytes, size: int) -> int:
    """Marks, quotes or brackets behind them, then white space or the end; what follows the last is one more."""
    count, open_, at = 0, False, 0
    while at < size:
        if not _SENTENCE[line[at]]:
            open_ |= line[at] > 32
            at += 1
            continue
        while at < size and (_ENDS[line[at]] or line[at] == 41 or line[at] == _CLOSE):
            at += 1
        if at == size or line[at] <= 32:
            count, open_ = count + 1, False
        else:
            open_ = True
    return count + int(open_)


@numba.njit(cache=True, nogil=True)
def _words(text: Bytes, start: int, end: int, table: Bytes, out: Offsets) -> tuple[int, int, int, int]:
    """Words of a line, characters of the longest, and the line's bounds without white space at its ends."""
    words = longest = chars = 0
    first, last, at = end, start, start
    while at < end:
        byte = text[at]
        if byte < 0x80:
            space, after = table[byte] & SPACE != 0, at + 1
        else:
            code, after = decode(text, at)
            space = table[code] & SPACE != 0
            out[_ACCENTS] += int(table[code] & _ACCENTED != 0)
        out[_CHARS] += 1
        if space:
            chars = 0
        else:
            words += int(chars == 0)
            chars += 1
            longest = max(longest, chars)
            first, last = min(first, at), after
        at = after
    return words, longest, first, last


@numba.njit(cache=True, nogil=True)
def _line(text: Bytes, start: int, end: int, table: Bytes, line: Bytes, out: Offsets) -> None:
    words, longest, first, last = _words(text, start, end, table, out)
    out[_LINES] += 1
    out[_WORDS] += words
    out[_LOST] += words  # taken back where the line stays
    if longest > LONGEST_WORD or words < FEWEST_WORDS:
        return
    if not (_ENDS[text[last - 1]] or text[last - 1] == _CLOSE):  # most lines that go end in neither
        return
    size = _copied(text, first, last, table, line)
    if not size or not _ENDS[line[size - 1]]:
        return
    if size >= 3 and line[size - 1] == line[size - 2] == line[size - 3] == _DOT:
        return
    said, curly = _said(line, size)
    if said & 1:
        out[_LOREM] = 1
    elif said & 2:
        return
    elif curly:
        out[_CURLY] = 1
    elif said:
        return
    out[_SENTENCES] += _sentences(line, size)
    out[_KEPT] += 1
    out[_LOST] -= words


@numba.njit(cache=True, nogil=True)
def _count(data: Bytes, offsets: Offsets, applies: npt.NDArray[np.bool_], table: Bytes) -> npt.NDArray[np.int64]:
    counts = np.zeros((offsets.size - 1, _COUNTS), np.int64)
    line = np.empty(256, np.uint8)
    for row in range(offsets.size - 1):
        if not applies[row]:
            continue
        text, start, at = data[offsets[row] : offsets[row + 1]], 0, 0
        while at < text.size:
            byte = text[at]
            if 0x20 <= byte < 0xC2 and byte != 0x7F:  # no line ends with these: ASCII, or the rest of a character
                at += 1
                continue
            code, after = decode(text, at)
            if not table[code] & BREAK:
                at = after
                continue
            if at - start > line.size:
                line = np.empty(2 * (at - start), np.uint8)
            _line(text, start, at, table, line, counts[row])
            counts[row, _CHARS] += 1
            if byte == _RETURN and after < text.size and text[after] == _NEWLINE:
                after += 1
                counts[row, _CHARS] += 1
            start = at = after
        if start < text.size:
            if text.size - start > line.size:
                line = np.empty(2 * (text.size - start), np.uint8)
            _line(text, start, text.size, table, line, counts[row])
    return counts


def cleaning(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """Counts over pages and prose."""
    data, offsets = buffers(documents.column("text"))
    kinds = pc.fill_null(pc.is_in(documents.column("kind"), value_set=pa.array(KINDS)), False)
    applies = kinds.to_numpy(zero_copy_only=False)
    counts = _count(data, offsets, applies, _classes())
    values = (
        counts[:, _KEPT] / np.maximum(counts[:, _LINES], 1),
        counts[:, _LOST] / np.maximum(counts[:, _WORDS], 1),
        counts[:, _SENTENCES],
        counts[:, _LOREM],
        counts[:, _CURLY],
        counts[:, _ACCENTS] / np.maximum(counts[:, _CHARS], 1),
    )
    columns = [kinds, *(pa.array(value, mask=~applies) for value in values)]
    return pa.RecordBatch.from_arrays(columns, schema=CLEANING.schema())


CLEANING: Final = Group(
    name="cleaning",
    kernel=cleaning,
    columns=(
        ("has_cleaning", "bool"),  # whether lines were looked at: a page or prose
        ("clean_lines", "float64"),  # share of the lines that C4 keeps
        ("cleaned_words", "float64"),  # share of the words that stand in the others
        ("clean_sentences", "int64"),  # in lines that C4 keeps
        ("lorem_ipsum", "int64"),  # 1 or 0: in a line that C4 would otherwise keep, as the next
        ("curly_bracket", "int64"),
        ("accented_fraction", "float64"),  # of the characters: accented letters of Latin script
    ),
)
