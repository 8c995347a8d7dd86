"""Best-fit decreasing: pieces of at most a row's length into rows, each into the fullest row that still holds it.

Comes in: sizes and a capacity. Goes out: each piece's row. Ding et al. (2404.10830) pack documents so; what is found by
a search tree there is found here by a bit per free capacity: 131,072 capacities are 2,048 words.
"""

import numpy as np
from numba import njit

_WORD = 64


@njit(cache=True, nogil=True)
def _next_free(words: np.ndarray, low: int) -> int:
    """The smallest capacity of at least `low` that some row has free; -1 where none has."""
    at = low // _WORD
    word = words[at] >> np.uint64(low % _WORD) << np.uint64(low % _WORD)
    while word == 0:
        at += 1
        if at == len(words):
            return -1
        word = words[at]
    bit = 0
    while not word & np.uint64(1):
        word >>= np.uint64(1)
        bit += 1
    return at * _WORD + bit


@njit(cache=True, nogil=True)
def _place(sizes: np.ndarray, order: np.ndarray, capacity: int) -> np.ndarray:
    rows = np.empty(len(sizes), np.int64)
    words = np.zeros(capacity // _WORD + 1, np.uint64)
    top = np.full(capacity + 1, -1, np.int64)  # per free capacity the row used last; below it in `under`
    under = np.empty(len(sizes), np.int64)
    n_rows = 0
    for piece in order:
        size = sizes[piece]
        free = _next_free(words, size)
        if free < 0:
            row, free = n_rows, capacity
            n_rows += 1
        else:
            row = top[free]
            top[free] = under[row]
            if top[free] < 0:
                words[free // _WORD] &= ~(np.uint64(1) << np.uint64(free % _WORD))
        rows[piece] = row
        left = free - size
        if left:
            under[row] = top[left]
            top[left] = row
            words[left // _WORD] |= np.uint64(1) << np.uint64(left % _WORD)
    return rows


def best_fit(sizes: np.ndarray, capacity: int) -> np.ndarray:
    """Each piece's row, from the largest piece down, the earlier first among equal ones; every size is in
    1..capacity.
    """
    if len(sizes) and not 1 <= sizes.min() <= sizes.max() <= capacity:
        raise ValueError(f"sizes must be in 1..{capacity}, not {sizes.min()}..{sizes.max()}")
    return np.asarray(_place(sizes, np.argsort(-sizes, kind="stable"), capacity))
