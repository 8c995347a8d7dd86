"""Group `html`: how much of an HTML file its reader sees.

Comes in: text as Arrow buffers, and languages. Goes out: characters of visible text and their share of the file, null
for other languages. Refuses to know thresholds, and how a page looks: style sheets are not applied. Visible is what
BeautifulSoup's `get_text()` gives after `script` and `style` are removed (BigCode's preprocessing/filtering.py): all
text outside tags, white space included.

A byte automaton over the tokenizer's states and no document tree. Removing scripts from resiliparse 2.0.1's tree took
4 ms a node and crashed the interpreter on nested `style`, and visiting its nodes ran at 150 microseconds each: one
hostile page would hold a worker for hours.
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.characters import Bytes, Offsets, buffers
from filters.group import Group

_LT, _GT, _AMP, _SEMICOLON, _BANG, _QUERY, _SLASH, _DASH = b"<>&;!?/-"
_QUOTES: Final = (0x22, 0x27)
_ENTITY_CHARS = 32  # the longest named reference of HTML, CounterClockwiseContourIntegral, has 31 letters
_RAW: Final = (np.frombuffer(b"script", np.uint8), np.frombuffer(b"style", np.uint8))


@numba.njit(cache=True, nogil=True)
def _is_letter(byte: np.uint8) -> bool:
    return bool(97 <= byte | 0x20 <= 122)


@numba.njit(cache=True, nogil=True)
def _names(text: Bytes, at: int, name: Bytes) -> bool:
    """Whether a tag's name begins at `at` and is `name`, in any case."""
    if at + name.size > text.size:
        return False
    for index in range(name.size):
        if text[at + index] | 0x20 != name[index]:
            return False
    after = at + name.size
    return after == text.size or not (_is_letter(text[after]) or 48 <= text[after] <= 57 or text[after] == _DASH)


@numba.njit(cache=True, nogil=True)
def _tag_end(text: Bytes, at: int) -> int:
    """The byte after the tag's `>`, which does not count inside a quoted value; the text's end where there is none."""
    quote = 0
    while at < text.size:
        byte = text[at]
        if quote:
            quote = 0 if byte == quote else quote
        elif byte == _GT:
            return at + 1
        elif byte in _QUOTES and text[at - 1] in (0x3D, 0x20, 0x0A, 0x09):  # after "=", or apart from it by space
            quote = byte
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _markup_end(text: Bytes, at: int) -> int:
    """Where the comment, declaration or instruction that begins at `at` ends."""
    if at + 3 < text.size and text[at + 1] == _BANG and text[at + 2] == _DASH and text[at + 3] == _DASH:
        at += 4
        while at + 2 < text.size:
            if text[at] == _DASH and text[at + 1] == _DASH and text[at + 2] == _GT:
                return at + 3
            at += 1
        return text.size
    while at < text.size and text[at] != _GT:
        at += 1
    return at + 1


@numba.njit(cache=True, nogil=True)
def _raw_end(text: Bytes, at: int, name: Bytes) -> int:
    """Where the closing tag of a script or style begins; the text's end where there is none."""
    while at < text.size:
        if text[at] == _LT and at + 1 < text.size and text[at + 1] == _SLASH and _names(text, at + 2, name):
            return at
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _reference_end(text: Bytes, at: int) -> int:
    """Where a character reference such as `&amp;` ends, or `at` + 1 where the ampersand stands for itself."""
    end = at + 1
    while end < min(text.size, at + _ENTITY_CHARS + 2):
        byte = text[end]
        if byte == _SEMICOLON:
            return end + 1 if end > at + 1 else at + 1
        if not (_is_letter(byte) or 48 <= byte <= 57 or (byte == 0x23 and end == at + 1)):
            return at + 1
        end += 1
    return at + 1


@numba.njit(cache=True, nogil=True)
def _visible(text: Bytes, script: Bytes, style: Bytes) -> int:
    at = shown = 0
    while at < text.size:
        byte = text[at]
        after = text[at + 1] if at + 1 < text.size else np.uint8(0)
        if byte == _LT and (_is_letter(after) or (after == _SLASH and at + 2 < text.size and _is_letter(text[at + 2]))):
            name = at + 1
            at = _tag_end(text, name)
            if _names(text, name, script):
                at = _raw_end(text, at, script)
            elif _names(text, name, style):
                at = _raw_end(text, at, style)
        elif byte == _LT and after in (_BANG, _QUERY, _SLASH):
            at = _markup_end(text, at)
        elif byte == _AMP:
            shown += 1
            at = _reference_end(text, at)
        else:
            shown += byte & 0xC0 != 0x80  # one for each character: its first byte
            at += 1
    return shown


@numba.njit(cache=True, nogil=True)
def _count(
    data: Bytes, offsets: Offsets, applies: npt.NDArray[np.bool_], script: Bytes, style: Bytes
) -> npt.NDArray[np.int64]:
    counts = np.zeros((2, offsets.size - 1), np.int64)  # visible, all
    for row in range(offsets.size - 1):
        if applies[row]:
            text = data[offsets[row] : offsets[row + 1]]
            counts[0, row] = _visible(text, script, style)
            for byte in text:
                counts[1, row] += byte & 0xC0 != 0x80
    return counts


def html(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """Visible text of HTML files; 0 of 0 characters is a fraction of 0."""
    data, offsets = buffers(documents.column("text"))
    is_html = pc.fill_null(pc.equal(languages.column("language"), "HTML"), False)
    applies = is_html.to_numpy(zero_copy_only=False)
    shown, total = _count(data, offsets, applies, *_RAW)
    fraction = shown / np.maximum(total, 1)
    columns = [is_html, pa.array(shown, mask=~applies), pa.array(fraction, mask=~applies)]
    return pa.RecordBatch.from_arrays(columns, schema=HTML.schema())


HTML: Final = Group(
    name="html",
    kernel=html,
    columns=(("is_html", "bool"), ("visible_chars", "int64"), ("visible_fraction", "float64")),
)
