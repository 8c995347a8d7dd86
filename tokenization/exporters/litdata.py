"""LitData's chunks for its TokensLoader: one file per rows shard, and one `index.json` for all.

A chunk is u32 number of items, u32 offsets of items in the file (one more than items), then the tokens of all rows back
to back; with block_size = row length the reader's blocks are exactly our rows. There is no place for masks.
"""

import json
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pyarrow as pa

_CODES = {"<i4": 2, "<u2": 5}  # of LitData's enumeration of NumPy types


def dtype(n_ids: int) -> np.dtype:
    """Two bytes where every id fits."""
    return np.dtype("<u2" if n_ids <= 1 << 16 else "<i4")


def chunk_bytes(rows: int, length: int, n_ids: int) -> int:
    """Size of a file."""
    return 4 * (rows + 2) + rows * length * dtype(n_ids).itemsize


def chunk_chunks(batches: Iterable[pa.RecordBatch], rows: int, length: int, n_ids: int) -> Iterator[bytes]:
    """One file of so many rows."""
    if chunk_bytes(rows, length, n_ids) >= 1 << 32:
        raise ValueError(f"a LitData chunk of {rows:,} rows does not fit its 32-bit offsets: lower bucket_bytes")
    offsets = 4 * (rows + 2) + np.arange(rows + 1) * length * dtype(n_ids).itemsize
    yield np.array(rows, "<u4").tobytes() + offsets.astype("<u4").tobytes()
    for batch in batches:
        yield np.asarray(batch["input_ids"].flatten()).astype(dtype(n_ids)).tobytes()


def index_bytes(files: list[tuple[str, int]], length: int, n_ids: int) -> bytes:
    """`index.json` over (file name, rows)."""
    chunks = [
        {"filename": name, "chunk_bytes": chunk_bytes(rows, length, n_ids), "chunk_size": rows, "dim": rows * length}
        for name, rows in files
    ]
    config = {
        "chunk_bytes": None,
        "chunk_size": max(rows for _, rows in files) * length,
        "compression": None,
        "data_format": [f"no_header_numpy:{_CODES[dtype(n_ids).str]}"],
        "data_spec": '[1, {"type": null, "context": null, "children_spec": []}]',
        "encryption": None,
        "item_loader": "TokensLoader",
    }
    return json.dumps({"chunks": chunks, "config": config, "updated_at": "0"}, sort_keys=True).encode()


def read(path: str, length: int, n_ids: int) -> np.ndarray:
    """The rows of a file, without the library."""
    count = int(np.fromfile(path, "<u4", 1)[0])
    offsets = np.fromfile(path, "<u4", count + 1, offset=4).astype(np.int64)
    whole = 4 * (count + 2) + np.arange(count + 1) * length * dtype(n_ids).itemsize
    if not np.array_equal(offsets, whole) or Path(path).stat().st_size != whole[-1]:
        raise AssertionError(f"{path}: offsets are not those of {count} rows")
    return np.fromfile(path, dtype(n_ids), offset=int(whole[0])).reshape(count, length)


def check_index(contents: dict[str, bytes], files: list[tuple[str, int, int]]) -> None:
    """`index.json` against the files, as (name, bytes, rows)."""
    chunks = json.loads(contents["index.json"])["chunks"]
    found = [(chunk["filename"], chunk["chunk_bytes"], chunk["chunk_size"]) for chunk in chunks]
    if found != files:
        wrong = next((a, b) for a, b in zip_longest(found, files) if a != b)
        raise AssertionError(f"index.json of LitData says {wrong[0]} where a file is {wrong[1]}")


def check(folder: str, names: list[str], shards: list[pa.Table], every: int) -> tuple[int, str]:
    """All rows of all files by a plain reader, every `every`-th by litdata where it is installed."""
    sizes = [(name, Path(folder, name).stat().st_size, len(table)) for name, table in zip(names, shards, strict=True)]
    check_index({"index.json": Path(folder, "index.json").read_bytes()}, sizes)
    about = json.loads(shards[0].schema.metadata[b"tokenizer"])
    length = shards[0].schema.field("input_ids").type.list_size
    tables = [np.asarray(t["input_ids"].combine_chunks().flatten()).reshape(-1, length) for t in shards]
    for name, rows in zip(names, tables, strict=True):
        if not np.array_equal(read(f"{folder}/{name}", length, about["n_ids"]), rows):
            raise AssertionError(f"{folder}/{name}: other tokens than the rows")
    count = sum(len(rows) for rows in tables)
    if find_spec("litdata") is None:
        return count, "plain reader"
    from litdata import StreamingDataset, TokensLoader

    dataset = StreamingDataset(folder, item_loader=TokensLoader(block_size=length))
    if len(dataset) != count:
        raise AssertionError(f"{folder}: litdata reads {len(dataset)} of {count} rows")
    rows = np.concatenate(tables)
    for at in range(0, count, every):
        if not np.array_equal(dataset[at], rows[at]):
            raise AssertionError(f"{folder}: litdata reads other tokens in row {at}")
    return count, "litdata"
