r"""Group `encoded`: data written as text - base64, hexadecimal bytes, unicode escapes.

Comes in: text as Arrow buffers. Goes out: the longest run of encoded data and the share of the file that such runs
make up. Refuses to know thresholds. The runs are what The Stack v2's and OpenCoder's patterns match, ASCII alone:

    base64   [a-zA-Z0-9+/\n=]{64,}
    hex      (?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}
    unicode  (?:\\u[0-9a-fA-F]{4}){8,}

As printed, the hex pattern also takes runs of two-digit numbers, and leaves out the first byte of `"\x41\x42..."`,
because no word ends or begins before its backslash. One automaton a pattern and no regular expression: linear whatever
the text, at some 400 MB/s of source for the three (benchmark `measures`).
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.characters import Bytes, Offsets, buffers
from filters.group import Group

BASE64_LEAST: Final = 64
HEX_LEAST: Final = 8  # bytes; also of unicode escapes
_BASE64, _HEX, _SPACE, _WORD = 1, 2, 4, 8
_BACKSLASH, _ZERO, _X, _COMMA, _U = b"\\0x,u"


def _table() -> Bytes:
    table = np.zeros(256, np.uint8)
    for code in range(128):
        char = chr(code)
        word = char.isalnum() or char == "_"
        flags = _BASE64 * ((char.isalnum()) or char in "+/\n=") | _HEX * (char in "0123456789abcdefABCDEF")
        table[code] = flags | _SPACE * (char in " \t\n\r\f\v") | _WORD * word
    return table


_CLASSES: Final = _table()


@numba.njit(cache=True, nogil=True)
def _hex_element(text: Bytes, at: int, table: Bytes) -> int:
    """Where one byte of a hex run that begins at `at` ends, with what parts it from the next; -1 if none begins there.

    The caller has seen that a word begins or ends at `at`.
    """
    if at + 1 < text.size and (text[at] == _ZERO or text[at] == _BACKSLASH) and text[at + 1] == _X:
        at += 2
    if at + 2 > text.size or not table[text[at]] & _HEX or not table[text[at + 1]] & _HEX:
        return -1
    at += 2
    if at == text.size:
        return at
    if text[at] == _COMMA:
        return at + 1
    if table[text[at]] & _WORD:
        return -1
    while at < text.size and table[text[at]] & _SPACE:
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _is_edge(text: Bytes, at: int, table: Bytes) -> bool:
    """Whether a word begins or ends before the byte at `at`, which exists."""
    before = at > 0 and table[text[at - 1]] & _WORD != 0
    return bool(before != (table[text[at]] & _WORD != 0))


@numba.njit(cache=True, nogil=True)
def _hex_run(text: Bytes, at: int, table: Bytes) -> tuple[int, int]:
    """Bytes in the run that begins at `at`, and where it ends."""
    count = 0
    while at < text.size and _is_edge(text, at, table):
        end = _hex_element(text, at, table)
        if end < 0:
            break
        count, at = count + 1, end
    return count, at


@numba.njit(cache=True, nogil=True)
def _unicode_run(text: Bytes, at: int, table: Bytes) -> tuple[int, int]:
    count = 0
    while at + 6 <= text.size and text[at] == _BACKSLASH and text[at + 1] == _U:
        for index in range(at + 2, at + 6):
            if not table[text[index]] & _HEX:
                return count, at
        count, at = count + 1, at + 6
    return count, at


@numba.njit(cache=True, nogil=True)
def _scan(text: Bytes, table: Bytes) -> tuple[int, int]:
    """The longest run, and the characters in all runs of the three patterns."""
    longest = matched = 0
    start = 0  # of the base64 run
    free = 0  # where the next hex or unicode run may begin
    for at in range(text.size):
        flags = table[text[at]]
        if not flags & _BASE64:
            if at - start >= BASE64_LEAST:
                longest, matched = max(longest, at - start), matched + at - start
            start = at + 1
        if at < free or not (flags & _HEX or text[at] == _BACKSLASH):
            continue
        count, end = 0, at
        if text[at] == _BACKSLASH:
            count, end = _unicode_run(text, at, table)
        if count < HEX_LEAST and _is_edge(text, at, table):
            count, end = _hex_run(text, at, table)
        if count >= HEX_LEAST:
            longest, matched, free = max(longest, end - at), matched + end - at, end
        elif count:
            free = end  # what begins inside a run that is too short is shorter still
    if text.size - start >= BASE64_LEAST:
        longest, matched = max(longest, text.size - start), matched + text.size - start
    return longest, matched


@numba.njit(cache=True, nogil=True)
def _count(data: Bytes, offsets: Offsets, table: Bytes) -> npt.NDArray[np.int64]:
    counts = np.zeros((3, offsets.size - 1), np.int64)  # longest, matched, characters
    for row in range(offsets.size - 1):
        text = data[offsets[row] : offsets[row + 1]]
        counts[0, row], counts[1, row] = _scan(text, table)
        chars = 0
        for byte in text:
            chars += int(byte & 0xC0 != 0x80)
        counts[2, row] = chars
    return counts


def encoded(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """Runs of encoded data in every document; a character that two patterns match counts twice, up to the whole."""
    data, offsets = buffers(documents.column("text"))
    longest, matched, chars = _count(data, offsets, _CLASSES)
    share = np.minimum(matched / np.maximum(chars, 1), 1.0)
    return pa.RecordBatch.from_arrays([pa.array(longest), pa.array(share)], schema=ENCODED.schema())


ENCODED: Final = Group(
    name="encoded", kernel=encoded, columns=(("longest_encoded", "int64"), ("encoded_fraction", "float64"))
)
