"""The writer's hand: what is due before the next visible character, and text with its white space made one.

Comes in: the writer's state, an array whose slots are named here, and bytes. Goes out: bytes in `out`, and the state.
This file refuses to know nodes and what is written (`corpus/markdown.py`).
"""

from typing import Any, Final

import numba

from corpus.names import Bytes
from corpus.verbatim import reference

# The writer's state. Numba's caches of other files hold these numbers, and are not told of a change here.
POS, BREAK, GAP, MARK, MARK_AT, MARK_SIZE, HEAD, IN_HEAD, PREFIX, CELL, RANGES = range(11)
SLOTS: Final = 11


@numba.njit(cache=True, nogil=True)
def write_due(out: Bytes, st: Any, prefix: Bytes, marker: Bytes) -> None:
    """What is due before the next visible character: line breaks, prefix, list marker, heading marks, or a space."""
    pos = st[POS]
    if st[CELL] >= 0:
        if st[GAP] and pos > st[CELL]:
            out[pos] = 0x20
            pos += 1
    elif st[BREAK] or pos == 0:
        if pos:
            for _ in range(st[BREAK]):
                out[pos] = 0x0A
                pos += 1
        skip_from, skip_to = st[PREFIX], st[PREFIX]
        if st[MARK]:
            skip_from, skip_to = st[MARK_AT], st[MARK_AT] + st[MARK_SIZE]
        for index in range(st[PREFIX]):
            inside = skip_from <= index < skip_to
            out[pos] = marker[index - skip_from] if inside else prefix[index]
            pos += 1
        if st[HEAD]:
            for _ in range(st[HEAD]):
                out[pos] = 0x23
                pos += 1
            out[pos] = 0x20
            pos += 1
    elif st[GAP]:
        out[pos] = 0x20
        pos += 1
    st[POS] = pos
    st[BREAK] = st[GAP] = st[MARK] = st[HEAD] = 0


@numba.njit(cache=True, nogil=True)
def begin_block(out: Bytes, st: Any) -> None:
    """Line breaks before what stands at the left margin, whatever list it is in."""
    pos = st[POS]
    if pos:
        for _ in range(2):
            out[pos] = 0x0A
            pos += 1
    st[POS] = pos
    st[BREAK] = st[GAP] = st[MARK] = st[HEAD] = 0


@numba.njit(cache=True, nogil=True)
def broken(st: Any, lines: int) -> None:
    """At least so many line breaks are due; in headings and cells a space."""
    if st[IN_HEAD] or st[CELL] >= 0:
        st[GAP] = 1
    elif lines > st[BREAK]:
        st[BREAK] = lines
        st[GAP] = 0


@numba.njit(cache=True, nogil=True)
def flowing(data: Bytes, at: int, end: int, out: Bytes, st: Any, prefix: Bytes, marker: Bytes) -> None:
    """A run of text, white space collapsed."""
    while at < end:
        byte, size = int(data[at]), 1
        if byte == 0x26:
            byte, size = reference(data, at, end)
        at += size
        if byte <= 32 and (byte == 32 or 9 <= byte <= 13):
            st[GAP] = 1
            continue
        if st[GAP] or st[BREAK] or st[POS] == 0:
            write_due(out, st, prefix, marker)
        if byte == 0x7C and st[CELL] >= 0:
            out[st[POS]] = 0x5C
            st[POS] += 1
        out[st[POS]] = byte
        st[POS] += 1
