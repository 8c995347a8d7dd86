"""Band keys as sorted runs: how they are written, and how the documents that share one are read back.

In: per document (shard in its group, row) one key per band. Out: record batches sorted by (band, key, shard, row), of
each band as many as there are slices, equal ranges of keys; and from many such files the runs of documents with a
common key. Band `bands`, one past the MinHash bands, holds the exact key: equal texts are found like similar ones.
What a document is, is not known here.
"""

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.schema import BANDS

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]

_SLICE_ROWS = 1 << 12  # keys of one slice, on the average: 74 kB, so that a group of 250,000 documents serves 64 ranges

RUNS = pa.schema(
    [
        ("key", pa.uint64()),
        ("node", pa.int64()),  # global row: the rows of the shards before it, and its row
    ]
)


def slices_for(n_rows: int) -> int:
    """Row groups of each band in a file of so many documents: a power of two, so that ranges of one file end where
    those of another do.
    """
    return 1 << max(0, (n_rows - 1) // _SLICE_ROWS).bit_length()


def sorted_bands(columns: Iterable[tuple[int, U64, I32, I32]], slices: int) -> Iterator[pa.RecordBatch]:
    """Batches of schema BANDS from (band, keys, shards, rows), bands ascending; the rows of a band in any order."""
    for band, keys, shards, rows in columns:
        order = np.lexsort((rows, shards, keys))
        keys, shards, rows = keys[order], shards[order], rows[order]
        begins = [int(np.searchsorted(keys, np.uint64(i * 2**64 // slices))) for i in range(slices)]
        cuts = [*begins, len(keys)]
        for start, stop in itertools.pairwise(cuts):
            bands = np.full(stop - start, band, np.int16)
            yield pa.RecordBatch.from_arrays(
                [bands, keys[start:stop], shards[start:stop], rows[start:stop]], schema=BANDS
            )


def range_groups(place: int, part: int, n_parts: int, slices: int) -> slice:
    """The row groups that hold the part-th of n_parts ranges of keys of the band at `place` in its file.

    Keys are spread evenly, so n_parts bounds the memory of whatever is done with one range. One slice may hold
    several parts: `in_range` cuts them.
    """
    return slice(place * slices + part * slices // n_parts, place * slices - (-(part + 1) * slices // n_parts))


def in_range(batch: pa.RecordBatch, part: int, n_parts: int) -> pa.RecordBatch:
    """The rows whose key lies in the part-th of n_parts equal ranges of keys; the batch is sorted by key."""
    keys = batch.column("key").to_numpy()
    low, high = part * 2**64 // n_parts, (part + 1) * 2**64 // n_parts - 1
    start = int(np.searchsorted(keys, np.uint64(low), "left"))
    return batch.slice(start, int(np.searchsorted(keys, np.uint64(high), "right")) - start)


def shared_runs(keys: U64, nodes: I64) -> tuple[U64, I64]:
    """Nodes whose key occurs more than once, sorted by (key, node)."""
    order = np.lexsort((nodes, keys))
    keys, nodes = keys[order], nodes[order]
    same = np.zeros(len(keys) + 1, bool)
    same[1:-1] = keys[1:] == keys[:-1]
    shared = same[1:] | same[:-1]
    return keys[shared], nodes[shared]
