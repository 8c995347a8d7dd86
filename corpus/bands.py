"""Band keys as sorted runs: how they are written, and how the documents that share one are read back.

In: per document (shard in its group, row) one key per band. Out: record batches sorted by (band, key, shard, row),
one band after the other, and from many such files the runs of documents with a common key. Band `bands`, one past the
MinHash bands, holds the exact key: equal texts are found like similar ones. What a document is, is not known here.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.schema import BANDS

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]

_BATCH_ROWS = 1 << 18  # keys of one record batch: 5 MB, so that reading one band skips the others in small steps

RUNS = pa.schema(
    [
        ("key", pa.uint64()),
        ("node", pa.int64()),  # global row: the rows of the shards before it, and its row
    ]
)


def sorted_bands(columns: Iterable[tuple[int, U64, I32, I32]]) -> Iterator[pa.RecordBatch]:
    """Batches of schema BANDS from (band, keys, shards, rows), bands ascending; the rows of a band in any order."""
    for band, keys, shards, rows in columns:
        order = np.lexsort((rows, shards, keys))
        for start in range(0, len(order), _BATCH_ROWS):
            part = order[start : start + _BATCH_ROWS]
            bands = np.full(len(part), band, np.int16)
            yield pa.RecordBatch.from_arrays([bands, keys[part], shards[part], rows[part]], schema=BANDS)


def in_range(batch: pa.RecordBatch, band: int, part: int, n_parts: int) -> pa.RecordBatch | None:
    """The rows of one band whose key lies in the part-th of n_parts equal ranges of keys; None where there are none.

    Keys are spread evenly, so n_parts bounds the memory of whatever is done with one range.
    """
    bands = batch.column("band").to_numpy()
    if not len(bands) or bands[0] > band or bands[-1] < band:
        return None
    keys = batch.column("key").to_numpy()
    first, last = np.searchsorted(bands, band, "left"), np.searchsorted(bands, band, "right")
    low, high = part * 2**64 // n_parts, (part + 1) * 2**64 // n_parts - 1
    start = first + np.searchsorted(keys[first:last], np.uint64(low), "left")
    stop = first + np.searchsorted(keys[first:last], np.uint64(high), "right")
    return batch.slice(start, stop - start) if stop > start else None


def shared_runs(keys: U64, nodes: I64) -> tuple[U64, I64]:
    """Nodes whose key occurs more than once, sorted by (key, node)."""
    order = np.lexsort((nodes, keys))
    keys, nodes = keys[order], nodes[order]
    same = np.zeros(len(keys) + 1, bool)
    same[1:-1] = keys[1:] == keys[:-1]
    shared = same[1:] | same[:-1]
    return keys[shared], nodes[shared]
