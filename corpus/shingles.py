"""Sets of shingles of texts, and how alike two sets are: what a signature estimates.

In: UTF-8 texts as an Arrow column. Out: per text its distinct shingles as ascending 32-bit base values, the ones whose
minima `corpus.minhash` takes; and of two lists of sets Jaccard similarity or containment, pair by pair. Two different
shingles have one value with chance 2^-32. Which pairs are compared is not known here.
"""

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from corpus.minhash import CHUNK, I64, U32, MinHashConfig, byte_table, cut, mix, shingle, text_buffers


def shingle_sets(cfg: MinHashConfig, texts: pa.LargeStringArray) -> pa.LargeListArray:
    """The sets, as large_list<uint32>. Holds 4 bytes per token of one text beside them."""
    data, offsets = text_buffers(texts)
    table = byte_table(cfg.shingle)
    sets = [np.unique(_bases(data[a:b], table, cfg.n)) for a, b in itertools.pairwise(offsets)]
    ends = np.concatenate([[0], np.cumsum([len(values) for values in sets])]).astype(np.int64)
    values = np.concatenate([np.zeros(0, np.uint32), *sets])
    return pa.LargeListArray.from_arrays(pa.array(ends), pa.array(values))


def list_buffers(lists: pa.LargeListArray) -> tuple[U32, I64]:
    """Values and offsets of a column of sets, without a copy."""
    offsets = np.frombuffer(lists.buffers()[1], np.int64)[lists.offset : lists.offset + len(lists) + 1]
    return lists.values.to_numpy(), offsets


def shared(left: tuple[U32, I64], left_rows: I64, right: tuple[U32, I64], right_rows: I64) -> I64:
    """How many shingles the sets at the rows have in common, pair by pair."""
    out = np.empty(len(left_rows), np.int64)
    _shared(*left, left_rows, *right, right_rows, out)
    return out


def jaccard(common: I64, left_size: I64, right_size: I64) -> npt.NDArray[np.float64]:
    """Share of the union that is common; of two empty sets 0."""
    return np.asarray(common / np.maximum(left_size + right_size - common, 1))


def containment(common: I64, left_size: I64, right_size: I64) -> npt.NDArray[np.float64]:
    """Share of the smaller set that is in the larger; where one is empty 0."""
    return np.asarray(common / np.maximum(np.minimum(left_size, right_size), 1))


@njit(cache=True)
def _bases(data: Any, byte: Any, n: Any) -> Any:
    """Base values of every shingle, repeats included: the loop of `corpus.minhash`, without the minima."""
    tokens = np.empty(CHUNK + n + 1, np.uint64)
    out = np.empty(1024, np.uint32)
    count, m, kept, start = 0, 0, 0, 0
    h, inside = np.uint64(0), np.uint64(0)
    while start < data.size:
        stop = min(start + CHUNK, data.size)
        m, h, inside = cut(data, start, stop, byte, tokens, m, h, inside)
        if stop == data.size and inside:
            tokens[m] = h
            m += 1
        for i in range(kept, m):
            tokens[i] = mix(tokens[i])
        if count + m > out.size:
            grown = np.empty(max(2 * out.size, count + m), np.uint32)
            grown[:count] = out[:count]
            out = grown
        for i in range(m - n + 1):
            out[count] = shingle(tokens, i, n)
            count += 1
        kept = min(m, n - 1)
        for i in range(kept):
            tokens[i] = tokens[m - kept + i]
        m, start = kept, stop
    if count == 0 and m > 0:
        out[0] = shingle(tokens, 0, m)
        count = 1
    return out[:count]


@njit(cache=True)
def _shared(left: Any, left_at: Any, left_rows: Any, right: Any, right_at: Any, right_rows: Any, out: Any) -> None:
    for pair in range(out.size):
        i, i_end = left_at[left_rows[pair]], left_at[left_rows[pair] + 1]
        j, j_end = right_at[right_rows[pair]], right_at[right_rows[pair] + 1]
        common = 0
        while i < i_end and j < j_end:
            a, b = left[i], right[j]
            common += a == b
            i += a <= b
            j += b <= a
        out[pair] = common
