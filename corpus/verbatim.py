"""What a page's text says as it stands: code in backticks and fences, indices, and the text inside formulas.

Comes in: the arrays of `corpus/dom.py`, a node, and a buffer that is large enough (`corpus/markdown.py` sees to that).
Goes out: where in the buffer the node's text ends. White space is kept here and nowhere else.
"""

from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt

from corpus.dom import CODE, TAGS, Dom, Ints
from corpus.names import Bytes, is_space

Kinds = npt.NDArray[np.uint8]
SKIP, INLINE_CODE, FENCE, TABLE, SCRIPT, INLINE, BLOCK = 1, 2, 3, 4, 5, 6, 7  # kinds; 0: as its tag says

_LINES: Final = (
    "div header footer aside main article section address details summary figcaption dt dd caption thead tbody tfoot "
    "tr td th li option menu search dir body hgroup"
)
_PARAGRAPHS: Final = "p blockquote figure center h1 h2 h3 h4 h5 h6 ul ol dl pre listing table hr fieldset form"
# Line breaks around an element: 0 inline, 1 a line of its own, 2 a paragraph.
BREAKS: Final = np.zeros(len(TAGS), np.uint8)
BREAKS[[CODE[name] for name in _LINES.split()]] = 1
BREAKS[[CODE[name] for name in _PARAGRAPHS.split()]] = 2
_T_BR = CODE["br"]


def raw_text(dom: Dom, node: int, kinds: Kinds, places: Ints) -> str:
    """Text of one node as it stands, line breaks and all; what is left out is left out."""
    out = np.empty(int(dom.end[node] - dom.start[node]) + int(dom.after[node] - node) + 1, np.uint8)
    nodes = (dom.tag, dom.parent, dom.start, dom.end, dom.after)
    size = raw(dom.data, nodes, node, kinds, places, out[:0], np.zeros(1, np.int64), BREAKS, out, 0)
    return out[:size].tobytes().decode("utf-8", "replace")


@numba.njit(cache=True, nogil=True)
def reference(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """(character, bytes) of the reference at `at`: one of the four that the serialiser writes in text."""
    if at + 4 < end and data[at + 1] == 0x61 and data[at + 2] == 0x6D and data[at + 3] == 0x70 and data[at + 4] == 0x3B:
        return 0x26, 5
    if at + 3 < end and data[at + 2] == 0x74 and data[at + 3] == 0x3B and data[at + 1] in (0x6C, 0x67):
        return (0x3C if data[at + 1] == 0x6C else 0x3E), 4
    if at + 5 < end and data[at + 1] == 0x6E and data[at + 2] == 0x62 and data[at + 4] == 0x70 and data[at + 5] == 0x3B:
        return 0x20, 6
    return 0x26, 1


@numba.njit(cache=True, nogil=True)
def raw(
    data: Bytes,
    nodes: Any,
    node: int,
    kinds: Kinds,
    places: Ints,
    inserted: Bytes,
    bounds: Any,
    breaks: Bytes,
    out: Bytes,
    pos: int,
) -> int:
    """Write the node's text as it stands at `pos`; where it ends. Blocks and `br` begin a line."""
    tag, _, start, end, after = nodes
    first = pos
    i, stop = node, after[node]
    if tag[node] != 0:
        i += 1
        if stop == i:  # a raw element, such as a script: its text is no node
            for at in range(start[node], end[node]):
                out[pos] = data[at]
                pos += 1
    while i < stop:
        if kinds[i] == 1:
            i = after[i]
            continue
        if kinds[i] >= 6 and bounds.size > 1:
            for at in range(bounds[places[i]], bounds[places[i] + 1]):
                out[pos] = inserted[at]
                pos += 1
            i = after[i]
            continue
        if tag[i] == 0:
            at = start[i]
            while at < end[i]:
                byte, size = int(data[at]), 1
                if byte == 0x26:
                    byte, size = reference(data, at, end[i])
                out[pos] = byte
                pos += 1
                at += size
        elif tag[i] == _T_BR or (breaks[tag[i]] and pos > first and out[pos - 1] != 0x0A):
            out[pos] = 0x0A
            pos += 1
        i += 1
    return pos


@numba.njit(cache=True, nogil=True)
def moved(out: Bytes, start: int, end: int, by: int) -> None:
    """Shift bytes to the right."""
    for at in range(end - 1, start - 1, -1):
        out[at + by] = out[at]


@numba.njit(cache=True, nogil=True)
def inline_code(out: Bytes, start: int, end: int, cell: bool) -> int:
    """Put backticks around [start, end), trimmed, on one line; where it ends, `start` if there is nothing."""
    while end > start and is_space(out[end - 1]):
        end -= 1
    first = start
    while first < end and is_space(out[first]):
        first += 1
    if first == end:
        return start
    longest = run = to = 0
    to = start
    bars = 0
    for at in range(first, end):
        byte = out[at]
        run = run + 1 if byte == 0x60 else 0
        longest = max(longest, run)
        bars += byte == 0x7C
        if 9 <= byte <= 13:
            byte = np.uint8(0x20)
        out[to] = byte
        to += 1
    if cell and bars:
        at = to + bars
        for source in range(to - 1, start - 1, -1):
            at -= 1
            out[at] = out[source]
            if out[source] == 0x7C:
                at -= 1
                out[at] = 0x5C
        to += bars
    fence = longest + 1
    space = 1 if longest else 0
    moved(out, start, to, fence + space)
    for index in range(fence):
        out[start + index] = 0x60
        out[to + fence + 2 * space + index] = 0x60
    if space:
        out[start + fence] = 0x20
        out[to + fence + space] = 0x20
    return to + 2 * (fence + space)


@numba.njit(cache=True, nogil=True)
def fence(out: Bytes, start: int, end: int, inserted: Bytes, low: int, high: int) -> int:
    """Put a fence with a language around [start, end), empty lines around it taken off; `start` if nothing is left."""
    while end > start and is_space(out[end - 1]):
        end -= 1
    first = at = start
    while at < end and is_space(out[at]):
        at += 1
        if out[at - 1] == 0x0A:
            first = at
    if first == end:
        return start
    run = longest = 0
    counting = True
    for at in range(first, end):
        if out[at] == 0x0A:
            run, counting = 0, True
        elif out[at] == 0x60 and counting:
            run += 1
            longest = max(longest, run)
        else:
            counting = False
    fence = max(3, longest + 1)
    size = end - first
    shift = fence + (high - low) + 1
    if first >= start:
        for index in range(size):  # to the front first: `first` may be less than what the fence needs
            out[start + index] = out[first + index]
    moved(out, start, start + size, shift)
    for index in range(fence):
        out[start + index] = 0x60
    for index in range(high - low):
        out[start + fence + index] = inserted[low + index]
    out[start + shift - 1] = 0x0A
    at = start + shift + size
    out[at] = 0x0A
    for index in range(fence):
        out[at + 1 + index] = 0x60
    return at + 1 + fence


@numba.njit(cache=True, nogil=True)
def script(out: Bytes, start: int, end: int, superscript: bool) -> int:
    """`^` or `_` before an index, braces around more than one character; ordinals and signs as they are."""
    while end > start and is_space(out[end - 1]):
        end -= 1
    if end == start:
        return start
    for at in range(start, end):
        if 9 <= out[at] <= 13:
            out[at] = 0x20
    size = end - start
    plain = out[start] in (0x5B, 0x28, 0x2A)  # [ ( *
    if size == 3 and out[start] == 0xE2:  # the sign of trade marks, daggers of notes
        plain |= (out[start + 1] == 0x84 and out[start + 2] == 0xA2) or (out[start + 1] == 0x80)
    plain |= size == 2 and out[start] == 0xC2 and out[start + 1] == 0xAE  # registered
    if superscript and size == 2:
        a, b = out[start] | 0x20, out[start + 1] | 0x20
        plain |= (a == 0x73 and b == 0x74) or (a == 0x6E and b == 0x64) or (a == 0x72 and b == 0x64)
        plain |= (a == 0x74 and b == 0x68) or (a == 0x74 and b == 0x6D)
    if plain:
        return end
    braces = size > 1
    moved(out, start, end, 1 + braces)
    out[start] = 0x5E if superscript else 0x5F
    if braces:
        out[start + 1] = 0x7B
        out[end + 2] = 0x7D
    return end + 1 + 2 * braces
