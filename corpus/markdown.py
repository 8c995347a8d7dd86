"""A page's nodes to Markdown-like text: the loop that writes.

Comes in: the arrays of `corpus/dom.py`, and for each node what is to become of it (`kind`): left out, code, a data
table, an index of mathematics, or replaced by a text that the caller made. Goes out: the text, and where in it code and
formulas stand, so that nothing rewrites them afterwards.
Headings get `#`, lists `-` and numbers, nested by indentation, quotes `>`, data tables `|`; code and displayed formulas
begin at the left margin wherever they are, since their own indentation is what counts. Everything else is paragraphs.
Time and space grow with the page: indentation is bounded (MAX_PREFIX), and each node adds a bounded number of bytes.
This file refuses to know what a class means and what is boilerplate.
"""

from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt

from corpus.dom import CODE, Dom, Ints
from corpus.names import Bytes
from corpus.verbatim import (
    BLOCK,
    BREAKS,
    FENCE,
    INLINE,
    SCRIPT,
    TABLE,
    Kinds,
    fence,
    inline_code,
    raw,
    script,
)
from corpus.writing import (
    BREAK,
    CELL,
    GAP,
    HEAD,
    IN_HEAD,
    MARK,
    MARK_AT,
    MARK_SIZE,
    POS,
    PREFIX,
    RANGES,
    SLOTS,
    begin_block,
    broken,
    flowing,
    write_due,
)

MAX_PREFIX: Final = 24  # bytes of indentation and quote marks; deeper lists stay there
_PER_NODE: Final = 72  # bytes that a node may add: two line breaks, a prefix, a marker, heading or table marks

_T_H1, _T_H6, _T_BR, _T_LI, _T_OL, _T_UL = (CODE[name] for name in ("h1", "h6", "br", "li", "ol", "ul"))
_T_P, _T_DD, _T_DT, _T_TR, _T_TD, _T_TH = (CODE[name] for name in ("p", "dd", "dt", "tr", "td", "th"))
_T_QUOTE, _T_TABLE, _T_CAPTION, _T_SUP = (CODE[name] for name in ("blockquote", "table", "caption", "sup"))
_T_BODY = CODE["body"]


def write(dom: Dom, root: int, kinds: Kinds, places: Ints, pieces: list[bytes]) -> tuple[bytes, npt.NDArray[np.int64]]:
    """(text, [start, end) of code and formulas in it). `places` are indices into `pieces`: replacements, languages."""
    bounds = np.zeros(len(pieces) + 1, np.int64)
    np.cumsum([len(piece) for piece in pieces], out=bounds[1:])
    inserted = np.frombuffer(b"".join(pieces) + b" ", np.uint8)
    n = int(dom.after[root]) - root
    low, high = int(dom.start[root]), int(dom.end[root])
    # Backticks in code are fenced by one more on both sides, a bar in a table by a backslash: at most 3 bytes for one.
    out = np.empty(3 * (high - low + int(bounds[-1])) + _PER_NODE * (n + 2), np.uint8)
    ranges = np.empty((n + 1, 2), np.int64)
    nodes = (dom.tag, dom.parent, dom.start, dom.end, dom.after)
    size, count = _write(dom.data, nodes, root, kinds, places, inserted, bounds, BREAKS, out, ranges)
    return out[:size].tobytes(), ranges[:count]


@numba.njit(cache=True, nogil=True)
def _leaf(
    data: Bytes,
    nodes: Any,
    node: int,
    kinds: Kinds,
    places: Ints,
    inserted: Bytes,
    bounds: Any,
    breaks: Bytes,
    out: Bytes,
    ranges: Any,
    st: Any,
    prefix: Bytes,
    marker: Bytes,
) -> None:
    """Code, indices and replacements, inside a cell or out of it."""
    tag = nodes[0]
    kind = kinds[node]
    cell = st[CELL] >= 0
    held = (st[BREAK], st[GAP], st[MARK], st[HEAD], st[POS])
    low, high = 0, 0
    if kind != SCRIPT and places[node] >= 0:
        low, high = bounds[places[node]], bounds[places[node] + 1]
    block = (kind in (FENCE, BLOCK)) and not cell and not st[IN_HEAD]
    if block:
        begin_block(out, st)
    elif kind == SCRIPT and not st[GAP] and not st[BREAK]:
        pass  # an index stands close to what it belongs to
    else:
        write_due(out, st, prefix, marker)
    begin = st[POS]
    if kind in (INLINE, BLOCK):
        pos = begin
        for at in range(low, high):
            byte = inserted[at]
            if cell and byte == 0x7C:
                out[pos] = 0x5C
                pos += 1
            out[pos] = 0x20 if byte == 0x0A and not block else byte
            pos += 1
    else:
        pos = raw(data, nodes, node, kinds, places, inserted, bounds, breaks, out, begin)
        if kind == FENCE and block:
            pos = fence(out, begin, pos, inserted, low, high)
        elif kind == SCRIPT:
            pos = script(out, begin, pos, tag[node] == _T_SUP)
        else:
            pos = inline_code(out, begin, pos, cell)
    if pos == begin:  # nothing in it: as if it had not been there
        st[BREAK], st[GAP], st[MARK], st[HEAD], st[POS] = held
        return
    st[POS] = pos
    if kind != SCRIPT:
        ranges[st[RANGES], 0] = begin
        ranges[st[RANGES], 1] = pos
        st[RANGES] += 1
    if block:
        st[BREAK] = 2


@numba.njit(cache=True, nogil=True)
def _table(
    data: Bytes,
    nodes: Any,
    node: int,
    kinds: Kinds,
    places: Ints,
    inserted: Bytes,
    bounds: Any,
    breaks: Bytes,
    out: Bytes,
    ranges: Any,
    st: Any,
    prefix: Bytes,
    marker: Bytes,
) -> None:
    """Rows between bars, a rule below the first; rows without text are left out."""
    tag, _, start, end, after = nodes
    width = 0
    row_cells = 0
    for i in range(node, after[node]):
        if tag[i] == _T_TR:
            row_cells = 0
        elif tag[i] == _T_TD or tag[i] == _T_TH:
            row_cells += 1
            width = max(width, row_cells)
    begin_block(out, st)
    row_start, cells, filled, rows = -1, 0, False, 0
    i = node + 1
    stop = after[node]
    while i <= stop:
        at_cell = i < stop and kinds[i] != 1 and (tag[i] == _T_TD or tag[i] == _T_TH)
        if row_start >= 0 and (i == stop or (tag[i] == _T_TR and kinds[i] != 1)):  # the row before is whole
            if filled:
                rows += 1
                _row_end(out, st, width, cells, rows)
            else:
                st[POS] = row_start
            row_start = -1
        if i == stop:
            break
        if kinds[i] == 1:
            i = after[i]
        elif tag[i] == _T_TR:
            row_start, cells, filled = st[POS], 0, False
            out[st[POS]] = 0x7C
            st[POS] += 1
            i += 1
        elif at_cell and row_start >= 0:
            out[st[POS]] = 0x20
            st[CELL] = st[POS] = st[POS] + 1
            st[GAP] = 0
            j = i + 1
            while j < after[i]:
                if kinds[j] == 1:
                    j = after[j]
                elif kinds[j] != 0:
                    _leaf(data, nodes, j, kinds, places, inserted, bounds, breaks, out, ranges, st, prefix, marker)
                    j = after[j]
                else:
                    if tag[j] == 0:
                        flowing(data, start[j], end[j], out, st, prefix, marker)
                    elif tag[j] == _T_BR or breaks[tag[j]]:
                        st[GAP] = 1
                    j += 1
            filled |= st[POS] > st[CELL]
            st[CELL] = -1
            st[GAP] = 0
            out[st[POS]] = 0x20
            out[st[POS] + 1] = 0x7C
            st[POS] += 2
            cells += 1
            i = after[i]
        else:
            i += 1
    st[BREAK] = 2
    st[GAP] = 0
    if rows:
        st[POS] -= 1  # the last row's line break: what follows brings its own


@numba.njit(cache=True, nogil=True)
def _row_end(out: Bytes, st: Any, width: int, cells: int, rows: int) -> None:
    pos = st[POS]
    for _ in range(width - cells):
        out[pos], out[pos + 1], out[pos + 2] = 0x20, 0x20, 0x7C
        pos += 3
    out[pos] = 0x0A
    pos += 1
    if rows == 1:
        out[pos] = 0x7C
        pos += 1
        for _ in range(width):
            out[pos], out[pos + 1], out[pos + 5] = 0x20, 0x2D, 0x7C
            out[pos + 2], out[pos + 3], out[pos + 4] = 0x2D, 0x2D, 0x20
            pos += 6
        out[pos] = 0x0A
        pos += 1
    st[POS] = pos


@numba.njit(cache=True, nogil=True)
def _pushed(nodes: Any, node: int, st: Any, prefix: Bytes, marker: Bytes, numbers: Ints) -> int:
    """Lengthen the prefix for a list item or a quote; by how many bytes."""
    tag, parent = nodes[0], nodes[1]
    before = st[PREFIX]
    if tag[node] == _T_QUOTE:
        if before + 2 > MAX_PREFIX:
            return 0
        prefix[before], prefix[before + 1] = 0x3E, 0x20
        st[PREFIX] = before + 2
        return 2
    number = 0
    if parent[node] >= 0 and tag[parent[node]] == _T_OL:
        numbers[parent[node]] += 1
        number = numbers[parent[node]]
    digits = 0
    rest = number
    while rest:
        digits += 1
        rest //= 10
    size = digits + 2 if number else 2
    if before + size > MAX_PREFIX:
        return 0
    for index in range(size):
        prefix[before + index] = 0x20
        marker[index] = 0x20
    if number:
        for index in range(digits - 1, -1, -1):
            marker[index] = 0x30 + number % 10
            number //= 10
        marker[digits] = 0x2E
    else:
        marker[0] = 0x2D
    st[PREFIX] = before + size
    st[MARK], st[MARK_AT], st[MARK_SIZE] = node + 1, before, size
    return size


@numba.njit(cache=True, nogil=True)
def _lines(nodes: Any, node: int, breaks: Bytes, entering: bool) -> int:
    """Line breaks before or after the element, by what it is in."""
    tag, parent = nodes[0], nodes[1]
    code = tag[node]
    up = parent[node]
    inside = tag[up] if up >= 0 else 0
    if code == _T_DT and entering:
        return 2
    if inside in (_T_LI, _T_DD):
        if code in (_T_UL, _T_OL):
            return 1
        if code == _T_P and (node == up + 1 or (node == up + 2 and tag[up + 1] == 0)):
            return 1
    return int(breaks[code])


@numba.njit(cache=True, nogil=True)
def _write(
    data: Bytes,
    nodes: Any,
    root: int,
    kinds: Kinds,
    places: Ints,
    inserted: Bytes,
    bounds: Any,
    breaks: Bytes,
    out: Bytes,
    ranges: Any,
) -> tuple[int, int]:
    tag, parent, start, end, after = nodes
    st = np.zeros(SLOTS, np.int64)
    st[CELL] = -1
    prefix, marker = np.zeros(MAX_PREFIX + 24, np.uint8), np.zeros(24, np.uint8)
    stop = after[root]
    pushed, numbers = np.zeros(stop - root + 1, np.uint8), np.zeros(tag.size, np.int32)
    current, i = parent[root], root
    while i <= stop:
        while current != parent[root] and (i >= after[current] or i == stop):
            code = tag[current]
            if pushed[current - root]:
                st[PREFIX] -= pushed[current - root]
                if st[MARK] == current + 1:
                    st[MARK] = 0
            if _T_H1 <= code <= _T_H6:
                st[IN_HEAD] -= 1
                st[HEAD] = 0 if st[IN_HEAD] == 0 else st[HEAD]
            if breaks[code]:
                broken(st, _lines(nodes, current, breaks, False))
            current = parent[current]
        if i == stop:
            break
        kind, code = kinds[i], tag[i]
        if kind == 1:
            i = after[i]
        elif kind == TABLE:
            _table(data, nodes, i, kinds, places, inserted, bounds, breaks, out, ranges, st, prefix, marker)
            i = after[i]
        elif kind:
            _leaf(data, nodes, i, kinds, places, inserted, bounds, breaks, out, ranges, st, prefix, marker)
            i = after[i]
        elif code == 0:
            flowing(data, start[i], end[i], out, st, prefix, marker)
            i += 1
        else:
            if code == _T_BR:
                broken(st, min(st[BREAK] + 1, 2))
            elif breaks[code]:
                broken(st, _lines(nodes, i, breaks, True))
                if _T_H1 <= code <= _T_H6:
                    st[HEAD] = code - _T_H1 + 1 if st[IN_HEAD] == 0 else st[HEAD]
                    st[IN_HEAD] += 1
                elif code in (_T_LI, _T_QUOTE):
                    pushed[i - root] = _pushed(nodes, i, st, prefix, marker, numbers)
            current = i
            i += 1
    return st[POS], st[RANGES]
