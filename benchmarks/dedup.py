"""Benchmark `dedup`: the stages minhash and dedup whole, shards in to cluster map and survivors out, in MB of text a
second.

Real files: Python's library and installed packages, cut into repositories of 400. One core: processor time of this
process. Two workers against one: time on the clock, of the same command on local worker processes, started before, on
four times as much (lines reversed, letter case swapped, both), since a second is too short to tell.
Nothing else may run then: a third busy process takes its time from two workers, and none from one.
"""

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import pyarrow as pa

from benchmarks._figures import figure
from benchmarks.clusters import Inline, Silent
from benchmarks.minhash import real_texts
from corpus.exact import exact_key
from corpus.minhash import MinHashConfig
from corpus.schema import DOCUMENTS, LANGUAGES, VERDICTS
from corpus.shards import Record, Shard, Store
from filters.survivors import DedupConfig
from pipelines import dedup, minhash
from pipelines.cluster import connect
from pipelines.stage import Result, Work

_row = partial(figure, "dedup")

_BYTES = 160_000_000
_SHARD = 16 << 20  # closed at the next end of a repository; a crawl's are 512 MiB
_GROUP = 64 << 20
_REPOSITORY = 400  # files

Inputs = dict[str, list[Shard]]


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    texts = real_texts(_BYTES)
    size = sum(len(text.encode()) for text in texts) / 1e6
    for unit in ("file", "repository"):
        signed, deduped, result = one_core(texts, unit)
        what = f"{unit} unit, {len(texts)} files, {size:.0f} MB, one core"
        yield _row(f"{what}: signatures, exact keys, bands", "MB/s", size / signed)
        yield _row(f"{what}: bands to survivors", "MB/s", size / deduped)
        yield _row(f"{what}: the whole", "MB/s", size / (signed + deduped))
        yield _row(f"{what}: dropped", "share", 1 - result.counts["kept"] / result.counts["seen"])
    yield from choices(texts)
    texts += ["\n".join(reversed(text.split("\n"))) for text in texts]
    texts += [text.swapcase() for text in texts]
    texts += [text.replace(" ", "  ") for text in texts]
    size = sum(len(text.encode()) for text in texts) / 1e6
    one, two = (clocked(texts, workers) for workers in (1, 2))
    yield _row(f"two workers against one, {size:.0f} MB, by the clock", "MB/s", size / two, "one worker", size / one)


def choices(texts: list[str]) -> Iterator[dict[str, Any]]:
    """What verification and the guard against giant clusters cost, and what they change."""
    _, plain, before = one_core(texts, "file")
    ways: tuple[dict[str, Any], ...] = (
        {"verify": 0.7},
        {"verify": 0.7, "verify_by": "jaccard"},
        {"verify": 0.7, "verify_by": "containment"},
        {"largest_cluster": 20},
    )
    for more in ways:
        _, seconds, result = one_core(texts, "file", more)
        name = ", ".join(f"{key}={value}" for key, value in more.items())
        yield _row(f"{name}: bands to survivors", "seconds", seconds, "neither", plain)
        kept = float(result.counts["kept"])
        yield _row(f"{name}: documents kept", "documents", kept, "neither", float(before.counts["kept"]))


def one_core(texts: list[str], unit: Any, more: dict[str, Any] | None = None) -> tuple[float, float, Result]:
    """Seconds of processor time of minhash and of dedup, the second time, when everything is compiled."""
    cfg = DedupConfig(unit=unit, minhash=MinHashConfig(group_bytes=_GROUP), **(more or {}))
    seconds = (0.0, 0.0)
    for part in (texts[:200], texts):
        with tempfile.TemporaryDirectory() as root:
            store = Store(root)
            inputs = written(store, part)
            started = time.process_time()
            signed, between, result = _run(store, Inline(), cfg, inputs)
            seconds = (between - started, time.process_time() - between)
            assert signed.counts["rows"] == len(part)
    return (*seconds, result)


def clocked(texts: list[str], workers: int) -> float:
    """Seconds on the clock with so many workers, the better of two once everything is compiled."""
    cfg = DedupConfig(unit="file", minhash=MinHashConfig(group_bytes=_GROUP))
    seconds = []
    with connect(None, workers, None) as cluster:
        for part in (texts[:2000], texts, texts):
            with tempfile.TemporaryDirectory() as root:
                store = Store(root)
                inputs = written(store, part)
                started = time.monotonic()
                _run(store, cluster, cfg, inputs)
                seconds.append(time.monotonic() - started)
    return min(seconds[1:])


def _run(store: Store, cluster: Any, cfg: DedupConfig, inputs: Inputs) -> tuple[Result, float, Result]:
    signed = minhash.run(Work(store, cluster, "minhash", Silent()), cfg.minhash, inputs["documents"])
    between = time.process_time()
    keys = {name: signed.outputs[name] for name in ("signatures", "bands")}
    return signed, between, dedup.run(Work(store, cluster, "dedup", Silent()), cfg, **inputs, **keys)


def written(store: Store, texts: list[str]) -> Inputs:
    """Documents in shards that end with a repository; every document passed."""
    out: Inputs = {"documents": [], "languages": [], "verdicts": []}
    start = 0
    while start < len(texts):
        stop, size = start, 0
        while stop < len(texts) and (size < _SHARD or stop % _REPOSITORY):
            size += len(texts[stop].encode())
            stop += 1
        n = stop - start
        values: dict[str, list[Any]] = {
            "id": [exact_key(str(i).encode()) for i in range(start, stop)],
            "kind": ["file"] * n,
            "repo": [f"r{i // _REPOSITORY}" for i in range(start, stop)],
            "path": ["file.py"] * n,
            "text": texts[start:stop],
            "kept": [True] * n,
            "held_out": [False] * n,
            "vendored": [False] * n,
            "edits": [[]] * n,
        }
        record = Record("", {"bytes": size})
        for name, schema in (("documents", DOCUMENTS), ("languages", LANGUAGES), ("verdicts", VERDICTS)):
            columns = [pa.array(values.get(field.name, [None] * n), field.type) for field in schema]
            batch = pa.RecordBatch.from_arrays(columns, schema=schema)
            out[name].append(store.write_shard(f"objects/input/{name}/{start:08d}", schema, [batch], record))
        start = stop
    return out
