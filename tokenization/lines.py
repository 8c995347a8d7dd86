"""Characters and lines of a document, from its ids alone, compiled: what a cut in its text needs to know.

Only arrays come in and numbers go out. `characters` and `newlines` are the vocabulary's tables: how many characters
begin in an id's bytes, and whether it is a newline. With a line's ids independent of other lines this costs 1 ns an
id.
"""

from typing import NamedTuple

import numpy as np
from numba import njit


class CutLine(NamedTuple):
    """The ids start:stop of the line, without newlines, that a cut runs through; empty at a line's edge."""

    start: int
    stop: int
    before: int  # characters before `start`


@njit(cache=True, nogil=True)
def count_characters(ids: np.ndarray, characters: np.ndarray) -> int:
    """Characters of the text behind the ids."""
    total = 0
    for i in range(len(ids)):
        total += characters[ids[i]]
    return total


@njit(cache=True, nogil=True)
def _cut_line(
    ids: np.ndarray, characters: np.ndarray, newlines: np.ndarray, cut: int, start: int, before: int
) -> tuple[int, int, int]:
    total, at, n = before, start, len(ids)
    while at < n and total + characters[ids[at]] <= cut:  # an id whose last character is at the cut stays left
        total += characters[ids[at]]
        if newlines[ids[at]]:
            start, before = at + 1, total
        at += 1
    if cut == before:
        return start, start, before
    while at < n and not newlines[ids[at]]:
        total += characters[ids[at]]
        at += 1
    return (at, at, total) if cut == total else (start, at, before)


def cut_line(
    ids: np.ndarray, characters: np.ndarray, newlines: np.ndarray, cut: int, start: int, before: int
) -> CutLine:
    """The line that the cut runs through, looking from a known start of a line with `before` characters before it."""
    return CutLine(*_cut_line(ids, characters, newlines, cut, start, before))
