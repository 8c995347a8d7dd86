"""Group `basic`: counts of characters and lines, the measures behind the DeepSeek and BigCode rules.

Comes in: text as Arrow buffers. Goes out: one row of counts and fractions a document. Refuses to know languages and
thresholds. A character is a Unicode code point, classed as `str` classes it (`isalpha`, `isalnum`, `isspace`; a newer
Python knows some letters more); a line is one of `str.splitlines`, without its end, and the mean is over lines:
BigCode's preprocessing/filtering.py measures so, and DeepSeek's rules restate BigCode's. An empty text has no line: its
mean and maximum are 0, and so are its fractions.

Two loops over an ASCII text, and one that decodes over any other: some 700 MB/s of Python source a core (benchmark
`measures`), six times what a single loop that looks every byte up did.
"""

from functools import cache
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.group import Group

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]

ALPHA: Final = 1
ALNUM: Final = 2
BREAK: Final = 4  # ends a line for str.splitlines
SPACE: Final = 8
DIGIT: Final = 32  # 16 is taken by `filters.words`
REPLACEMENT: Final = 0xFFFD  # what decoders put where bytes mean nothing
_CODE_POINTS: Final = 0x110000
_XML: Final = np.frombuffer(b"<?xml version=", np.uint8)
_XML_WINDOW: Final = 100  # characters, DeepSeek-Coder, section 2.1, and BigCode's `content[:100]`
# columns of the kernel's result
_CHARS, _LINES, _LINE_CHARS, _MAX_LINE, _ALPHAS, _ALNUMS, _XML_HEADER, _DIGITS, _SPACES, _REPLACED, _COUNTS = range(11)


@cache
def classes() -> Bytes:
    """Class flags of every code point, from Python's own Unicode tables; built once a process, 0.3 s."""
    table = np.zeros(_CODE_POINTS, np.uint8)
    for code in range(_CODE_POINTS):
        char = chr(code)
        flags = ALPHA * char.isalpha() | ALNUM * char.isalnum() | SPACE * char.isspace() | DIGIT * char.isdigit()
        table[code] = flags | (BREAK if flags & SPACE and len(f"a{char}a".splitlines()) == 2 else 0)
    return table


def buffers(texts: pa.LargeStringArray) -> tuple[Bytes, Offsets]:
    """The column's UTF-8 bytes, and the offsets of its rows in them (a slice keeps the parent's bytes)."""
    if not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    _, offsets, data = texts.buffers()
    rows = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return np.frombuffer(data or b"", np.uint8), rows


@numba.njit(cache=True, nogil=True, inline="always")
def decode(data: Bytes, at: int) -> tuple[np.signedinteger[Any], int]:
    """Code point at byte `at`, and where the next one begins; the text is valid UTF-8, as Arrow promises."""
    byte = np.int64(data[at])
    if byte < 0x80:
        return byte, at + 1
    if byte < 0xE0:
        return (byte & 0x1F) << 6 | np.int64(data[at + 1] & 0x3F), at + 2
    if byte < 0xF0:
        return (byte & 0x0F) << 12 | np.int64(data[at + 1] & 0x3F) << 6 | np.int64(data[at + 2] & 0x3F), at + 3
    high = (byte & 0x07) << 18 | np.int64(data[at + 1] & 0x3F) << 12
    return high | np.int64(data[at + 2] & 0x3F) << 6 | np.int64(data[at + 3] & 0x3F), at + 4


@numba.njit(cache=True, nogil=True)
def _count(data: Bytes, offsets: Offsets, table: Bytes, xml: Bytes) -> npt.NDArray[np.int64]:
    counts = np.zeros((offsets.size - 1, _COUNTS), np.int64)
    for row in range(offsets.size - 1):
        text, out = data[offsets[row] : offsets[row + 1]], counts[row]
        if _count_ascii(text, out):
            _ascii_lines(text, table, out)
        else:
            _count_any(text, table, out)
        out[_XML_HEADER] = _has_xml_header(text, xml)
    return counts


@numba.njit(cache=True, nogil=True)
def _count_ascii(text: Bytes, out: Offsets) -> bool:
    """Characters by class, where all are ASCII: comparisons without a branch, which LLVM turns into vectors."""
    alphas = digits = spaces = 0
    seen = np.uint8(0)
    for byte in text:
        seen |= byte
        alphas += int(np.uint8((byte | np.uint8(0x20)) - np.uint8(97)) < np.uint8(26))
        digits += int(np.uint8(byte - np.uint8(48)) < np.uint8(10))
        spaces += int(byte == 32) + int(np.uint8(byte - np.uint8(9)) < np.uint8(5)) + int(byte >> 2 == 7)
    out[_CHARS], out[_ALPHAS], out[_ALNUMS] = text.size, alphas, alphas + digits
    out[_DIGITS], out[_SPACES] = digits, spaces
    return bool(seen < 0x80)


@numba.njit(cache=True, nogil=True)
def _ascii_lines(text: Bytes, table: Bytes, out: Offsets) -> None:
    start = lines = line_chars = longest = 0
    for at in range(text.size):
        if text[at] >= 0x20 or not table[text[at]] & BREAK:
            continue
        if not (text[at] == 10 and at > 0 and text[at - 1] == 13):  # \r\n is one end
            lines += 1
            line_chars += at - start
            longest = max(longest, at - start)
        start = at + 1
    if start < text.size:
        lines += 1
        line_chars += text.size - start
        longest = max(longest, text.size - start)
    out[_LINES], out[_LINE_CHARS], out[_MAX_LINE] = lines, line_chars, longest


@numba.njit(cache=True, nogil=True)
def _count_any(text: Bytes, table: Bytes, out: Offsets) -> None:
    """All of it where some characters are beyond ASCII: decode, and look each code point up."""
    at = chars = lines = line_chars = longest = line = alphas = alnums = digits = spaces = replaced = 0
    after_return = False
    while at < text.size:
        code, at = decode(text, at)
        flags = table[code]
        chars += 1
        alphas += flags & 1
        alnums += flags >> 1 & 1
        spaces += flags >> 3 & 1
        digits += flags >> 5 & 1
        replaced += code == REPLACEMENT
        if not flags & BREAK:
            line += 1
            after_return = False
        elif code == 10 and after_return:  # the second half of \r\n
            after_return = False
        else:
            lines += 1
            line_chars += line
            longest = max(longest, line)
            line = 0
            after_return = code == 13
    if line:
        lines += 1
        line_chars += line
        longest = max(longest, line)
    out[_CHARS], out[_LINES], out[_LINE_CHARS], out[_MAX_LINE] = chars, lines, line_chars, longest
    out[_ALPHAS], out[_ALNUMS], out[_DIGITS], out[_SPACES] = alphas, alnums, digits, spaces
    out[_REPLACED] = replaced


@numba.njit(cache=True, nogil=True)
def _has_xml_header(text: Bytes, xml: Bytes) -> bool:
    """Whether `<?xml version=` lies wholly within the first hundred characters."""
    at, char, last = 0, 0, _XML_WINDOW - xml.size
    while at + xml.size <= text.size and char <= last:
        same = 0
        while same < xml.size and text[at + same] == xml[same]:
            same += 1
        if same == xml.size:
            return True
        _, at = decode(text, at)
        char += 1
    return False


def basic(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """Counts over every document, in a single pass over its bytes."""
    data, offsets = buffers(documents.column("text"))
    counts = _count(data, offsets, classes(), _XML)
    chars, lines = np.maximum(counts[:, _CHARS], 1), np.maximum(counts[:, _LINES], 1)
    values = [
        counts[:, _CHARS],
        np.diff(offsets),
        counts[:, _LINES],
        counts[:, _LINE_CHARS] / lines,
        counts[:, _MAX_LINE],
        counts[:, _ALPHAS] / chars,
        counts[:, _ALNUMS] / chars,
        counts[:, _XML_HEADER],
        counts[:, _DIGITS] / chars,
        counts[:, _SPACES] / chars,
        counts[:, _ALPHAS] / np.maximum(chars - counts[:, _SPACES], 1),
        counts[:, _REPLACED] / chars,
    ]
    return pa.RecordBatch.from_arrays([pa.array(v) for v in values], schema=BASIC.schema())


BASIC: Final = Group(
    name="basic",
    kernel=basic,
    columns=(
        ("n_chars", "int64"),
        ("n_bytes", "int64"),
        ("n_lines", "int64"),
        ("mean_line_chars", "float64"),
        ("max_line_chars", "int64"),
        ("alphabetic_fraction", "float64"),
        ("alphanumeric_fraction", "float64"),
        ("xml_header", "int64"),  # 1 or 0
        ("digit_fraction", "float64"),
        ("space_fraction", "float64"),
        ("visible_alphabetic_fraction", "float64"),  # of what is not white space, as OpenCoder takes it
        ("replacement_fraction", "float64"),  # U+FFFD
    ),
)
