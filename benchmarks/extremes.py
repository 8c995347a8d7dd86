"""Benchmark `extremes`: repositories of one file and of a million, ten million identical documents, one line of 100 MB.

Each in a process of its own, by the stages themselves, in one process: processor time, the peak of resident memory
(program included), and whether what survives is what must. Texts are made from numbers alone. EXTREMES_SCALE (default
1) makes everything smaller or larger.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks._figures import figure
from benchmarks.clusters import Inline, Silent, status_bytes
from corpus.minhash import MinHashConfig
from corpus.schema import DOCUMENTS, ID, LANGUAGES, VERDICTS
from corpus.shards import Record, Store
from filters.survivors import DedupConfig
from pipelines import dedup, minhash
from pipelines.crawl import ROW_GROUP_DOCUMENTS
from pipelines.stage import Work

_SHARD = ROW_GROUP_DOCUMENTS
_CASES = ("repositories", "identical", "line")


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    for case in _CASES:
        told = subprocess.run(
            [sys.executable, "-m", "benchmarks.extremes", case, os.environ.get("EXTREMES_SCALE", "1")],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            raise RuntimeError(f"{case} ended with {told.returncode}: {told.stderr[-2000:]}")
        made = json.loads(told.stdout.splitlines()[-1])
        yield figure("extremes", f"{made['what']}: processor time", "s", made["seconds"])
        yield figure("extremes", f"{made['what']}: peak resident memory", "MiB", made["peak"] / 2**20)


def repositories(root: str, scale: float) -> tuple[str, float]:
    """A repository of a million files; one of one file, which the large one holds too; and a copy of that one."""
    n = int(1_000_000 * scale)
    cfg = DedupConfig(unit="repository")
    sizes = {"large": n, "single": 1, "copy": 1}
    store = Store(root)
    inputs: dict[str, list[Any]] = {"documents": [], "languages": [], "verdicts": []}
    for repo, size in sizes.items():
        for start in range(0, size, _SHARD):
            numbers = range(start, min(size, start + _SHARD))
            texts = [f"def name_{i}(a, b):\n    return a * {i} + b * {i * i} - {i % 7}\n" for i in numbers]
            _add(store, inputs, repo, start, texts)
    seconds, counts = _deduplicated(store, cfg, inputs)
    assert counts["kept"] == n + 1 and counts["refused.exact_duplicate"] == counts["clusters"] == 1, counts
    return f"repositories of {n:,} files, of one, and a copy of that", seconds


def identical(root: str, scale: float) -> tuple[str, float]:
    """Ten million documents of one text."""
    n = int(10_000_000 * scale)
    store = Store(root)
    inputs: dict[str, list[Any]] = {"documents": [], "languages": [], "verdicts": []}
    for start in range(0, n, _SHARD):
        _add(store, inputs, None, start, ["# the same in every place\n"] * min(_SHARD, n - start))
    seconds, counts = _deduplicated(store, DedupConfig(unit="file"), inputs)
    assert counts["kept"] == counts["clusters"] == 1 and counts["refused.exact_duplicate"] == n - 1, counts
    return f"{n:,} identical documents", seconds


def line(root: str, scale: float) -> tuple[str, float]:
    """One line of 100 MB, and its copy."""
    text = "".join(f"word{i}," for i in range(int(8_600_000 * scale)))
    store = Store(root)
    inputs: dict[str, list[Any]] = {"documents": [], "languages": [], "verdicts": []}
    for start in (0, 1):
        _add(store, inputs, None, start, [text])
    seconds, counts = _deduplicated(store, DedupConfig(unit="file"), inputs)
    assert counts["kept"] == counts["refused.exact_duplicate"] == 1, counts
    return f"two lines of {len(text) / 1e6:.0f} MB", seconds


def _add(store: Store, inputs: dict[str, list[Any]], repo: str | None, start: int, texts: list[str]) -> None:
    """One shard of documents that passed."""
    n = len(texts)
    ids = np.zeros((n, 2), "<u8")
    ids[:, 0], ids[:, 1] = np.arange(start, start + n), len(inputs["documents"])
    yes = pa.array(np.ones(n, bool))
    values = {
        "id": pa.FixedSizeBinaryArray.from_buffers(ID, n, [None, pa.py_buffer(ids.tobytes())]),
        "kind": pa.array(["page" if repo is None else "file"] * n),
        "repo": pa.array([repo] * n, pa.string()),
        "text": pa.array(texts, pa.large_string()),
        "kept": yes,
        "held_out": pc.invert(yes),
        "vendored": pc.invert(yes),
    }
    record = Record("", {"bytes": sum(map(len, texts)), "continues": int(start > 0 and repo is not None)})
    for name, schema in (("documents", DOCUMENTS), ("languages", LANGUAGES), ("verdicts", VERDICTS)):
        columns = [values[f.name].cast(f.type) if f.name in values else pa.nulls(n, f.type) for f in schema]
        batch = pa.RecordBatch.from_arrays(columns, schema=schema)
        stem = f"objects/input/{name}/{len(inputs[name]):06d}"
        inputs[name].append(store.write_shard(stem, schema, [batch], record))


def _deduplicated(store: Store, cfg: DedupConfig, inputs: dict[str, Any]) -> tuple[float, dict[str, int]]:
    """Processor time of the stages, and what they counted."""
    started = time.process_time()
    signing, work = (Work(store, Inline(), name, Silent()) for name in ("minhash", "dedup"))  # type: ignore[arg-type]
    keys = minhash.run(signing, MinHashConfig(), inputs["documents"]).outputs
    result = dedup.run(work, cfg, **inputs, signatures=keys["signatures"], bands=keys["bands"])
    return time.process_time() - started, result.counts


def _main() -> None:
    case, scale = globals()[sys.argv[1]], float(sys.argv[2])
    with tempfile.TemporaryDirectory() as root:
        what, seconds = case(root, scale)
    print(json.dumps({"what": what, "seconds": seconds, "peak": status_bytes("VmHWM")}))


if __name__ == "__main__":
    _main()
