"""Benchmark `dataset`: int64 batches of shuffled packed rows, ours against `numpy.memmap` on the same rows.

2,048-token rows in a file of our own format and in a plain one, 256 MiB each; batches of 32. "Cold" is after the kernel
was asked to drop both files' pages, which it does for pages nobody maps; the rows of both sides are compared first.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks._figures import figure
from corpus.shards import Record, Store
from tokenization.dataset import PackedRows
from tokenization.packing import PackConfig, row_schema

_ROWS, _BATCH = 32_768, 32


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    length = PackConfig().length
    with tempfile.TemporaryDirectory() as folder:
        plain = f"{folder}/plain.bin"
        files = [_write(folder, plain, length)]
        order = PackedRows(files, batch=_BATCH)
        next(iter(order))  # compiled, or read from the cache
        steps = order.rows_of(0, np.arange(order.steps))

        def ours() -> Iterator[np.ndarray]:
            yield from (batch["input_ids"].numpy() for batch in PackedRows(files, batch=_BATCH))

        def theirs() -> Iterator[np.ndarray]:
            mapped = np.memmap(plain, np.int32, "r").reshape(-1, length)
            yield from (mapped[step].astype(np.int64) for step in steps)

        if any(not np.array_equal(a, b) for a, b in zip(ours(), theirs(), strict=True)):
            raise AssertionError("the two sides read other rows")
        for when in ("cold", "warm"):
            times = [[_timed(side, [*files, plain], when == "cold") for side in (ours, theirs)] for _ in range(3)]
            fast, slow = (_ROWS * length / 1e6 / min(column) for column in zip(*times, strict=True))
            yield figure("dataset", f"int64 batches, {when}", "Mtokens/s", fast, "numpy.memmap", slow)
        masked = PackedRows(files, batch=_BATCH, masks="sample")
        rate = _ROWS * length / 1e6 / _timed(lambda: (batch["position_ids"] for batch in masked), [], False)
        yield figure("dataset", "with positions, lengths and loss mask, warm", "Mtokens/s", rate)


def _timed(side: Callable[[], Iterator[Any]], files: list[str], cold: bool) -> float:
    for path in files if cold else ():
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    started = time.perf_counter()
    for _ in side():
        pass
    return time.perf_counter() - started


def _write(folder: str, plain: str, length: int) -> str:
    """The same ids as a row shard and as plain int32."""
    schema = row_schema(PackConfig())
    ids = (np.arange(_ROWS * length, dtype=np.int64) * 2654435761 % 100_003).astype(np.int32)
    ids.tofile(plain)
    segment = {"sample": b"s" * 16, "document": b"d" * 16, "start": 0, "length": length, "document_start": 0}
    segment |= {"repeat": 0, "layout": 0, "cut_1": -1, "cut_2": -1, "domain": 0}
    per_batch = 8192
    segments = pa.array([[segment]] * per_batch, schema.field("segments").type)
    parts = (
        pa.RecordBatch.from_arrays([pa.FixedSizeListArray.from_arrays(pa.array(part), length), segments], schema=schema)
        for part in np.split(ids, _ROWS // per_batch)
    )
    store = Store(folder)
    return store.url(store.write_shard("rows", schema, parts, Record("", {})).path)
