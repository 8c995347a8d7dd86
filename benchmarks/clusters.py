"""Benchmark `clusters`: band keys in, cluster map out, for millions of documents in a bounded memory; is it right?

Keys are drawn, in place of signatures: documents fall into families of one to thousands, share each band's key with
their family with chance 0.6, and a few families are chained to others. The steps of dedup run in a process whose
allocations are limited to those of the program and 256 MiB; SciPy's components of the same edges, in memory, are the
truth. Time is processor time; growth per document should not depend on the number of documents.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmarks._figures import figure
from corpus.bands import slices_for, sorted_bands
from corpus.schema import BANDS
from corpus.shards import Record, Shard, Store
from filters.survivors import DedupConfig
from pipelines.clustering import Keys, Layout, cluster
from pipelines.election import MEMBERS
from pipelines.stage import Work

_row = partial(figure, "clusters")

_SIZES = (5_000_000, 20_000_000)
_BANDS = 4
_GROUP = 100_000
_LIMIT = 256 << 20
_RANGE = 96 << 20

U64 = npt.NDArray[np.uint64]


class Inline:
    """Runs every call here, one after the other."""

    n_workers = 1

    def run(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """As `pipelines.cluster.Cluster.run`."""
        for index, arguments in enumerate(calls):
            yield index, function(*arguments)


class Silent:
    """Progress that nobody watches."""

    def begin(self, stage: str, step: str, total: int, reused: int) -> None:
        """A step begins."""

    def advance(self, shard: Shard, task: dict[str, float]) -> None:
        """A task is done."""

    def end(self) -> None:
        """The step is done."""


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    for n in _SIZES:
        with tempfile.TemporaryDirectory() as root:
            yield from measure(root, n, _GROUP, _RANGE, _LIMIT)


def measure(root: str, n: int, group: int, range_bytes: int, limit: int) -> Iterator[dict[str, Any]]:
    """Draw keys, cluster them in a limited process, compare with SciPy."""
    groups = draw(root, n, group)
    seconds = time.process_time()
    truth = components(n)
    seconds = time.process_time() - seconds
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.clusters", root, str(range_bytes), str(limit)],
        input=json.dumps(groups),
        env={**os.environ, "OMP_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system"},
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        raise RuntimeError(f"the limited process ended with {told.returncode}: {told.stderr[-2000:]}")
    made = json.loads(told.stdout.splitlines()[-1])
    size = f"{n / 1e6:g} million documents"
    same = agrees(root, made["clusters"], truth)
    yield _row(f"{size}: share of nodes in SciPy's cluster", "share", same, "SciPy in memory", 1.0)
    yield _row(f"{size}: clusters", "clusters", float(made["n_clusters"]))
    yield _row(f"{size}: allocated beyond the program, at most", "MiB", made["limit"] / 2**20)
    yield _row(f"{size}: peak resident, program included", "MiB", made["peak"] / 2**20)
    yield _row(f"{size}: time per document", "µs", 1e6 * made["seconds"] / n, "SciPy in memory", 1e6 * seconds / n)
    yield _row(f"{size}: disk read and kept per document", "bytes", made["bytes"] / n)


def keys_of(n: int, rows: npt.NDArray[np.int64]) -> list[U64]:
    """The keys of some documents of n, per band; the last band is that of equal texts."""
    family = (_mixed(rows, 1).astype(np.float64) / 2**64) ** 3 * (n / 3)  # a few large families, many small ones
    family = family.astype(np.int64)
    keys = []
    for band in range(_BANDS + 1):
        draw = _mixed(rows, 10 + band).astype(np.float64) / 2**64
        key = np.where(draw < 0.6, _mixed(family, 100 + band), _mixed(rows, 200 + band))
        if band == 0:  # one document in ten thousand shares a key with the next family
            key = np.where(draw > 0.9999, _mixed(family + 1, 100), key)
        keys.append(key)
    return keys


def _mixed(values: npt.NDArray[Any], salt: int) -> U64:
    x = values.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(salt * 0x632BE59BD9B4E019 % 2**64)
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    x = (x ^ (x >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return x ^ (x >> np.uint64(33))


def draw(root: str, n: int, group: int) -> list[dict[str, Any]]:
    """Write bands and members of each group; what the limited process is told of them."""
    store, told = Store(root), []
    for start in range(0, n, group):
        nodes = np.arange(start, min(n, start + group))
        size, zeros = len(nodes), np.zeros(len(nodes), np.int32)
        place = np.arange(size, dtype=np.int32)
        columns = [(band, key, zeros, place) for band, key in enumerate(keys_of(n, nodes))]
        counts = {"shards": 1, "slices": slices_for(size)}
        batches = sorted_bands(columns, counts["slices"])
        bands = store.write_shard(f"objects/bands/{start:012d}", BANDS, batches, Record("", counts))
        ids = np.stack([_mixed(nodes, 3), nodes.astype(np.uint64)], axis=1).astype("<u8").tobytes()
        id_column = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), size, [None, pa.py_buffer(ids)])
        yes, no = np.ones(size, bool), np.zeros(size, bool)
        stars = (_mixed(nodes, 4) % np.uint64(1000)).astype(np.int32)
        dates = np.zeros(size, np.int64)
        values = [
            np.arange(size),
            yes,
            no,
            yes,
            zeros + 9,
            stars,
            zeros,
            dates,
            dates,
            zeros.astype(np.int8),
            dates,
            zeros.astype(np.int8),
            _mixed(nodes, 5),
            id_column,
        ]
        batch = pa.RecordBatch.from_arrays([pa.array(value) for value in values], schema=MEMBERS)
        members = store.write_shard(f"objects/members/{start:012d}", MEMBERS, [batch], Record("", {}))
        told.append({"bands": _told(bands), "members": _told(members), "start": start, "rows": size})
    return told


def _told(shard: Shard) -> dict[str, Any]:
    return {name: getattr(shard, name) for name in ("path", "content", "rows", "bytes", "batch", "counts")}


def components(n: int) -> npt.NDArray[np.int32]:
    """Per document the smallest of its component, by SciPy from all edges at once."""
    left, right = [], []
    for band in range(_BANDS + 1):
        key = np.concatenate([keys_of(n, np.arange(a, min(n, a + _GROUP)))[band] for a in range(0, n, _GROUP)])
        order = np.argsort(key, kind="stable").astype(np.int32)
        same = key[order[1:]] == key[order[:-1]]
        left.append(order[:-1][same])
        right.append(order[1:][same])
    a, b = np.concatenate(left), np.concatenate(right)
    label = connected_components(coo_array((np.ones(len(a), np.int8), (a, b)), shape=(n, n)), directed=False)[1]
    least = np.full(int(label.max()) + 1, n, np.int32)
    np.minimum.at(least, label, np.arange(n, dtype=np.int32))
    return np.asarray(least[label])


def agrees(root: str, clusters: list[dict[str, Any]], truth: npt.NDArray[np.int32]) -> float:
    """Share of documents whose cluster map names the same set as SciPy's labels: kept nodes and components pair up."""
    kept = np.arange(len(truth), dtype=np.int32)
    for told in clusters:
        for batch in Store(root).batches(Shard(**told), ["node", "kept_node"]):
            kept[batch.column("node").to_numpy()] = batch.column("kept_node").to_numpy()
    of_component = np.full(len(truth), -1, np.int32)
    of_component[truth] = kept  # one kept node of each component
    of_kept = np.full(len(truth), -1, np.int32)
    of_kept[kept] = truth
    return float(((of_component[truth] == kept) & (of_kept[kept] == truth)).mean())


def limited(root: str, range_bytes: int, limit: int, groups: list[dict[str, Any]]) -> dict[str, Any]:
    """The steps of dedup from band keys on, in this process, which may allocate `limit` bytes more than it has."""
    bands, members = ([Shard(**group[name]) for group in groups] for name in ("bands", "members"))
    sizes = tuple(group["rows"] for group in groups)
    layout = Layout(
        tuple(slice(i, i + 1) for i in range(len(groups))),
        tuple((group["start"],) for group in groups),
        sizes,
        ("",) * len(groups),
    )
    work = Work(Store(root), Inline(), "dedup", Silent())  # type: ignore[arg-type]
    keys = Keys(bands, (_BANDS,), tuple(range(_BANDS)), layout.behind(bands, ("signature",)), [])
    cfg = DedupConfig(unit="file", range_bytes=range_bytes)
    held = status_bytes("VmData")
    resource.setrlimit(resource.RLIMIT_DATA, (held + limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))
    started = time.process_time()
    made = cluster(work, cfg, layout, keys, members, [], "near_duplicate")
    written = sum(os.path.getsize(f"{root}/{path}") for path in work.files)
    return {
        "seconds": time.process_time() - started,
        "peak": status_bytes("VmHWM"),  # ru_maxrss would be that of the process that started this one, if it is larger
        "limit": limit,
        "bytes": written + sum(shard.bytes for shard in (*bands, *members)),
        "n_clusters": sum(shard.counts["clusters"] for shard in made.clusters),
        "clusters": [_told(shard) for shard in made.clusters],
    }


def status_bytes(name: str) -> int:
    """Bytes, from Linux's account of this process."""
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith(name))


def _main() -> None:
    root, range_bytes, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    groups = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as scratch:  # kernels compiled before the limit counts
        limited_warm(scratch)
    print(json.dumps(limited(root, range_bytes, limit, groups)))


def limited_warm(root: str) -> None:
    """The same steps on a thousand documents, so that every kernel is loaded."""
    groups = draw(root, 1000, 500)
    soft = resource.getrlimit(resource.RLIMIT_DATA)
    limited(root, 1 << 20, 1 << 40, groups)
    resource.setrlimit(resource.RLIMIT_DATA, soft)


if __name__ == "__main__":
    _main()
