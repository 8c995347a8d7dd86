"""Group `lines`: how lines end, how short they are, and how many are copies of each other.

Comes in: text as Arrow buffers, and kinds. Goes out: one row of shares a document. Refuses to know thresholds. Pages,
prose and issues are read as datatrove 0.10 reads them, in GopherRepetitionFilter (Rae et al., 2112.11446, table A1) and
FineWebQualityFilter; files and notebooks as OpenCoder's released filters count copies: lines without white space, the
first copy counted too, a line of one character or `},` not.

Lines are compared by 64-bit hashes of their bytes, the first 4,194,304 of a document (every set of rules drops far
shorter ones), which bounds memory at 64 MiB.
"""

from functools import cache
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.characters import SPACE, Bytes, Offsets, buffers, classes, decode
from filters.group import Group

SOURCE_KINDS: Final = ("file", "notebook")
MOST: Final = 1 << 22  # lines of one document that are compared
SHORT: Final = 30  # characters; FineWeb's short line
_TERMINAL: Final = 64  # ends a sentence; beside the flags of `filters.characters`
_NEWLINE: Final = 10
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
# columns of the kernels' result
(_CHARS, _NEWLINES, _LINES, _ENDED, _SHORT, _COPIES, _COPIED, _RUNS, _RUN_COPIES, _RUN_COPIED, _PARTS, _PART_COPIES,
 _PART_COPIED, _COUNTS) = range(14)  # fmt: skip


@cache
def _classes() -> Bytes:
    """Python's classes, and datatrove's list of what ends a sentence in any script."""
    from datatrove.utils.text import TERMINAL_PUNCTUATION  # a second to import, so not at the top

    table = classes().copy()
    for char in TERMINAL_PUNCTUATION:
        table[ord(char)] |= _TERMINAL
    return table


@numba.njit(cache=True, nogil=True)
def _seen(keys: npt.NDArray[np.uint64], key: np.uint64) -> bool:
    """Whether the key was there already; it is from now on. Zero marks a free place."""
    mask = np.uint64(keys.size - 1)
    key = key | np.uint64(1)
    place = (key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(20) & mask
    while keys[place]:
        if keys[place] == key:
            return True
        place = (place + np.uint64(1)) & mask
    keys[place] = key
    return False


@numba.njit(cache=True, nogil=True)
def _places(entries: int) -> npt.NDArray[np.uint64]:
    size = 16
    while size < 2 * min(entries, MOST):
        size *= 2
    return np.zeros(size, np.uint64)


@numba.njit(cache=True, nogil=True)
def _hash(text: Bytes, start: int, end: int) -> np.uint64:
    """Eight bytes a step: one at a time, three hashes of each line made half of the group's cost."""
    value = _OFFSET ^ np.uint64(end - start)
    at = start
    while at + 8 <= end:
        word = np.uint64(0)
        for index in range(8):
            word |= np.uint64(text[at + index]) << np.uint64(8 * index)
        value = (value ^ word) * _PRIME
        value ^= value >> np.uint64(32)
        at += 8
    while at < end:
        value = (value ^ np.uint64(text[at])) * _PRIME
        at += 1
    return value ^ value >> np.uint64(29)


@numba.njit(cache=True, nogil=True)
def _chars(text: Bytes, start: int, end: int) -> int:
    count = 0
    for at in range(start, end):
        count += int(text[at] & 0xC0 != 0x80)
    return count


@numba.njit(cache=True, nogil=True)
def _is_visible(text: Bytes, start: int, end: int, table: Bytes) -> bool:
    """Whether something but white space stands here: as a rule the first byte says so."""
    at = start
    while at < end:
        code, at = decode(text, at)
        if not table[code] & SPACE:
            return True
    return False


@numba.njit(cache=True, nogil=True)
def _prose_lines(text: Bytes, table: Bytes, newlines: int, out: Offsets) -> None:
    """FineWeb's lines: parted by a newline, with something but white space in them."""
    keys = _places(newlines + 1)
    start = 0
    while start <= text.size:
        end = start
        while end < text.size and text[end] != _NEWLINE:
            end += 1
        if _is_visible(text, start, end, table):
            chars, last = _chars(text, start, end), end - 1
            while text[last] & 0xC0 == 0x80:
                last -= 1
            out[_LINES] += 1
            out[_ENDED] += int(table[decode(text, last)[0]] & _TERMINAL != 0)
            out[_SHORT] += int(chars <= SHORT)
            if out[_LINES] < MOST and _seen(keys, _hash(text, start, end)):
                out[_COPIES] += 1
                out[_COPIED] += chars
        start = end + 1


@numba.njit(cache=True, nogil=True)
def _runs(text: Bytes, first: int, last: int, least: int, entries: int, out: Offsets) -> None:
    """Gopher's lines and paragraphs: what stands between `least` newlines or more; an empty end counts."""
    keys = _places(entries)
    start = at = first
    while at <= last:
        while at < last and text[at] != _NEWLINE:
            at += 1
        end = at
        while at < last and text[at] == _NEWLINE:
            at += 1
        if at - end >= least or end == last:
            out[0] += 1
            if out[0] < MOST and _seen(keys, _hash(text, start, end)):
                out[1] += 1
                out[2] += _chars(text, start, end)
            if end == last:
                break
            start = at


@numba.njit(cache=True, nogil=True)
def _stripped(text: Bytes, table: Bytes) -> tuple[int, int]:
    """First and last byte of what `str.strip` leaves."""
    first, end = 0, text.size
    while first < text.size:
        code, after = decode(text, first)
        if not table[code] & SPACE:
            break
        first = after
    while end > first:
        last = end - 1
        while text[last] & 0xC0 == 0x80:
            last -= 1
        if not table[decode(text, last)[0]] & SPACE:
            break
        end = last
    return (first, end) if first < end else (0, 0)


@numba.njit(cache=True, nogil=True)
def _source_lines(text: Bytes, table: Bytes, newlines: int, out: Offsets) -> None:
    """OpenCoder's: a line is what is left of it without white space; every copy counts, the first too."""
    keys = _places(newlines + 1)
    values, counted = np.empty(min(newlines + 1, MOST), np.uint64), 0
    first = np.zeros(values.size, np.bool_)
    at = 0
    while at < text.size:
        value, chars, brace = _OFFSET, 0, False
        while at < text.size and text[at] != _NEWLINE:
            code, after = decode(text, at)
            if not table[code] & SPACE:
                brace = (chars == 0 and code == 0x7D) or (chars == 1 and brace and code == 0x2C)
                chars += 1
                value = (value ^ np.uint64(code)) * _PRIME
            at = after
        at += 1
        if chars:
            out[_LINES] += 1
            if chars > 1 and not (brace and chars == 2) and counted < values.size:
                values[counted] = value
                first[counted] = not _seen(keys, value)
                counted += 1
    again = _places(counted + 1)
    for index in range(counted):
        if not first[index]:
            out[_COPIES] += 1 + int(not _seen(again, values[index]))  # the second copy brings the first with it


@numba.njit(cache=True, nogil=True)
def _count(data: Bytes, offsets: Offsets, source: npt.NDArray[np.bool_], table: Bytes) -> npt.NDArray[np.int64]:
    counts = np.zeros((offsets.size - 1, _COUNTS), np.int64)
    for row in range(offsets.size - 1):
        text, out = data[offsets[row] : offsets[row + 1]], counts[row]
        chars = newlines = 0
        for byte in text:
            newlines += int(byte == _NEWLINE)
            chars += int(byte & 0xC0 != 0x80)
        out[_CHARS], out[_NEWLINES] = chars, newlines
        if source[row]:
            _source_lines(text, table, newlines, out)
        else:
            _prose_lines(text, table, newlines, out)
            _runs(text, 0, text.size, 1, newlines + 2, out[_RUNS : _RUNS + 3])
            first, last = _stripped(text, table)
            _runs(text, first, last, 2, newlines + 2, out[_PARTS : _PARTS + 3])
    return counts


def lines(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """Shares of lines and of the characters in them; null where the kind is read in the other way."""
    data, offsets = buffers(documents.column("text"))
    kinds = pc.fill_null(pc.is_in(documents.column("kind"), value_set=pa.array(SOURCE_KINDS)), False)
    source = kinds.to_numpy(zero_copy_only=False)
    counts = _count(data, offsets, source, _classes())
    chars, found = np.maximum(counts[:, _CHARS], 1), np.maximum(counts[:, _LINES], 1)
    prose = (
        counts[:, _LINES],
        counts[:, _ENDED] / found,
        counts[:, _SHORT] / found,
        counts[:, _COPIED] / np.maximum(counts[:, _CHARS] - counts[:, _NEWLINES], 1),
        counts[:, _RUN_COPIES] / np.maximum(counts[:, _RUNS], 1),
        counts[:, _RUN_COPIED] / chars,
        counts[:, _PART_COPIES] / np.maximum(counts[:, _PARTS], 1),
        counts[:, _PART_COPIED] / chars,
    )
    columns = [
        pa.array(counts[:, _NEWLINES]),
        pa.array(counts[:, _COPIES] / found, mask=~source),
        *(pa.array(value, mask=source) for value in prose),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=LINES.schema())


LINES: Final = Group(
    name="lines",
    kernel=lines,
    columns=(
        ("n_newlines", "int64"),
        ("copied_lines", "float64"),  # files and notebooks: OpenCoder's share of lines that occur twice or more
        ("n_full_lines", "int64"),  # the others: lines with something but white space, as FineWeb takes them
        ("ended_lines", "float64"),  # share of these that end as a sentence does
        ("short_lines", "float64"),  # share of at most 30 characters
        ("copied_line_chars", "float64"),  # characters of lines seen before, per character but newlines
        ("duplicate_lines", "float64"),  # Gopher's: share of lines seen before
        ("duplicate_line_chars", "float64"),
        ("duplicate_paragraphs", "float64"),
        ("duplicate_paragraph_chars", "float64"),
    ),
)
