"""MosaicML's MDS: one shard file per rows shard, and one `index.json` for all.

A shard is u32 number of samples, u32 offsets of samples in the file (one more than samples), the shard's settings as
JSON, then the samples: u32 sizes of the columns of no fixed size, then the columns by name. A sample is a row: its ids,
where its samples end (`cu_seqlens`, which begins with 0) and which of those bear no loss (`masked`).
"""

import json
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokenization.masks import masked, runs

_NAMES = ("cu_seqlens", "input_ids", "masked")  # sorted, as the format has them


def encodings(length: int, n_ids: int) -> dict[str, str]:
    """Column encodings; two bytes an id where every id fits."""
    return {
        "cu_seqlens": "ndarray:int32",
        "input_ids": f"ndarray:{'uint16' if n_ids <= 1 << 16 else 'int32'}:{length}",
        "masked": "ndarray:uint8",
    }


def _settings(length: int, n_ids: int) -> dict[str, Any]:
    by_name = encodings(length, n_ids)
    size = length * (2 if n_ids <= 1 << 16 else 4)
    return {
        "version": 2,
        "format": "mds",
        "compression": None,
        "hashes": [],
        "size_limit": None,
        "column_names": list(_NAMES),
        "column_encodings": [by_name[name] for name in _NAMES],
        "column_sizes": [None, size, None],
    }


def shard_chunks(batches: Iterable[pa.RecordBatch], length: int, n_ids: int) -> Iterator[bytes]:
    """One shard file; holds its samples, since their offsets stand before them."""
    head = json.dumps(_settings(length, n_ids), sort_keys=True).encode()
    samples = [sample for batch in batches for sample in _samples(batch, length, n_ids)]
    sizes = np.array([len(sample) for sample in samples], np.int64)
    offsets = 4 + 4 * (len(samples) + 1) + len(head) + np.concatenate([[0], np.cumsum(sizes)])
    if offsets[-1] >= 1 << 32:
        raise ValueError(f"an MDS shard of {offsets[-1]:,} bytes does not fit its 32-bit offsets: lower bucket_bytes")
    yield np.array(len(samples), "<u4").tobytes() + offsets.astype("<u4").tobytes() + head
    yield from samples


def shard_bytes(batches: Iterable[pa.RecordBatch], length: int, n_ids: int) -> int:
    """Size of a shard file, from its segments."""
    head = len(json.dumps(_settings(length, n_ids), sort_keys=True).encode())
    size, rows = 0, 0
    for batch in batches:
        counts = np.bincount(runs(batch["segments"]).row, minlength=batch.num_rows)
        for shape, item in ((counts + 1, 4), (counts, 1)):
            size += int((1 + np.where(shape < 1 << 8, 1, np.where(shape < 1 << 16, 2, 4)) + shape * item).sum())
        rows += batch.num_rows
    return 4 + 4 * (rows + 1) + head + size + rows * (8 + length * (2 if n_ids <= 1 << 16 else 4))


def _samples(batch: pa.RecordBatch, length: int, n_ids: int) -> Iterator[bytes]:
    ids = np.asarray(batch["input_ids"].flatten()).reshape(-1, length)
    ids = ids.astype("<u2" if n_ids <= 1 << 16 else "<i4")
    found, lost = runs(batch["segments"]), masked(batch["segments"], len(ids), length)
    first = np.searchsorted(found.row, np.arange(len(ids) + 1))
    for row in range(len(ids)):
        here = slice(int(first[row]), int(first[row + 1]))
        starts = found.start[here]
        ends = np.append(starts, length).astype("<i4")
        bare = lost[row][starts].astype("u1")
        parts = [_dynamic(ends), ids[row].tobytes(), _dynamic(bare)]
        yield np.array([len(parts[0]), len(parts[2])], "<u4").tobytes() + b"".join(parts)


def _dynamic(values: np.ndarray) -> bytes:
    """An array of one dimension with its shape before it."""
    code, kind = next((i, k) for i, k in enumerate(("u1", "<u2", "<u4")) if len(values) < 1 << 8 * np.dtype(k).itemsize)
    return bytes([1 << 2 | code]) + np.array([len(values)], kind).tobytes() + values.tobytes()


def index_bytes(files: list[tuple[str, int, int]], length: int, n_ids: int) -> bytes:
    """`index.json` over (file name, bytes, rows)."""
    shards = [
        {
            **_settings(length, n_ids),
            "raw_data": {"basename": name, "bytes": size, "hashes": {}},
            "zip_data": None,
            "samples": rows,
        }
        for name, size, rows in files
    ]
    return json.dumps({"version": 2, "shards": shards}, sort_keys=True).encode()


def read(path: str, length: int, n_ids: int) -> list[dict[str, np.ndarray]]:
    """Every sample of a shard file, without the library."""
    data = Path(path).read_bytes()
    count = int(np.frombuffer(data, "<u4", 1)[0])
    offsets = np.frombuffer(data, "<u4", count + 1, 4).astype(np.int64)
    kind = np.dtype("<u2" if n_ids <= 1 << 16 else "<i4")
    samples = []
    for low, high in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        ends, _ = (int(n) for n in np.frombuffer(data, "<u4", 2, low))
        at = low + 8
        ids = np.frombuffer(data, kind, length, at + ends)
        rest = at + ends + length * kind.itemsize
        found = {"cu_seqlens": _values(data[at : at + ends], "<i4"), "input_ids": ids}
        samples.append({**found, "masked": _values(data[rest:high], "u1")})
    return samples


def _values(raw: bytes, kind: str) -> np.ndarray:
    return np.frombuffer(raw, kind, offset=1 + (1 << (raw[0] & 3)))


def check_index(contents: dict[str, bytes], files: list[tuple[str, int, int]]) -> None:
    """`index.json` against the files, as (name, bytes, rows)."""
    index = json.loads(contents["index.json"])
    found = [(shard["raw_data"]["basename"], shard["raw_data"]["bytes"], shard["samples"]) for shard in index["shards"]]
    if found != files:
        wrong = next((a, b) for a, b in zip_longest(found, files) if a != b)
        raise AssertionError(f"index.json of MDS says {wrong[0]} where a file is {wrong[1]}")


def check(folder: str, names: list[str], shards: list[pa.Table], every: int) -> tuple[int, str]:
    """All samples of all files by a plain reader, every `every`-th by mosaicml-streaming where it is installed.

    mosaicml-streaming needs transformers below 5 and so cannot be installed beside this project's own.
    """
    sizes = [(name, Path(folder, name).stat().st_size, len(table)) for name, table in zip(names, shards, strict=True)]
    check_index({"index.json": Path(folder, "index.json").read_bytes()}, sizes)
    about = json.loads(shards[0].schema.metadata[b"tokenizer"])
    length = shards[0].schema.field("input_ids").type.list_size
    read_rows = 0
    for name, table in zip(names, shards, strict=True):
        made = read(f"{folder}/{name}", length, about["n_ids"])
        ids = np.asarray(table["input_ids"].combine_chunks().flatten()).reshape(-1, length)
        segments = table["segments"].combine_chunks()
        bounds = runs(segments)
        first = np.searchsorted(bounds.row, np.arange(len(ids) + 1))
        if len(made) != len(ids):
            raise AssertionError(f"{folder}/{name}: {len(made)} samples of {len(ids)} rows")
        for row, sample in enumerate(made):
            starts = bounds.start[first[row] : first[row + 1]]
            if not np.array_equal(sample["input_ids"], ids[row]) or sample["cu_seqlens"].tolist() != [*starts, length]:
                raise AssertionError(f"{folder}/{name}: other tokens or ends in row {row}")
        read_rows += len(made)
    if find_spec("streaming") is None:
        return read_rows, "plain reader"
    from streaming import StreamingDataset

    dataset = StreamingDataset(local=folder, batch_size=1, shuffle=False)
    rows = pa.concat_tables(shards)["input_ids"]
    if len(dataset) != len(rows):
        raise AssertionError(f"{folder}: mosaicml-streaming reads {len(dataset)} of {len(rows)} rows")
    for at in range(0, len(rows), every):
        if dataset[at]["input_ids"].tolist() != rows[at].as_py():
            raise AssertionError(f"{folder}: mosaicml-streaming reads other tokens in row {at}")
    return read_rows, "mosaicml-streaming"
