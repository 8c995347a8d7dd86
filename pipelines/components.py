"""Steps of dedup: edges between global rows -> per bucket of rows, the root of each row in a component of two or more.

`contract` takes out each bucket's edges, all buckets at once; then, from the highest bucket down, those that it handed
to lower ones (`contract` again, only where there are any); then, from the lowest bucket up, `resolve` gives each node
its root and answers the higher buckets that are connected to it. Every edge is read once and handed down at most once a
bucket; a task holds some 50 bytes per row of its bucket, whatever the number of edges. Row group j of a file is what
concerns bucket j, so each task reads its part of every file as one contiguous range.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.clusters import Bucket, Labels, by_bucket, distinct
from corpus.schema import EDGES
from corpus.shards import Shard, Store
from pipelines.stage import Job, Shards, Work

I64 = npt.NDArray[np.int64]
Place = tuple[tuple[int, ...], int]  # where the buckets begin and end; which one this is


@dataclass(frozen=True)
class Buckets:
    """Consecutive groups of shards, cut into ranges of rows of which one is held at a time."""

    bounds: tuple[int, ...]  # bucket i is rows [bounds[i], bounds[i + 1])
    groups: tuple[slice, ...]  # its groups

    @classmethod
    def of(cls, sizes: Sequence[int], most_rows: int) -> "Buckets":
        """Filled from the first group on, so that a group added at the end moves no bound; a group is never split."""
        cuts, held = [0], 0
        for index, size in enumerate(sizes):
            if held and held + size > most_rows:
                cuts.append(index)
                held = 0
            held += size
        cuts.append(len(sizes))
        rows = np.concatenate(([0], np.cumsum(sizes))).astype(int)
        groups = tuple(slice(a, b) for a, b in itertools.pairwise(cuts))
        return cls(tuple(int(rows[cut]) for cut in cuts), groups)

    def __len__(self) -> int:
        return len(self.groups)

    def of_group(self, group: int) -> int:
        return next(index for index, groups in enumerate(self.groups) if group < groups.stop)


def connect(work: Work, buckets: Buckets, edges: Shards, step: str, memory_bytes: int) -> Shards:
    """Per bucket, its nodes in components of two or more with their roots: the last row group of each file."""
    n, held = len(buckets), max(1, memory_bytes // 64)
    jobs = [Job(([], edges, []), params=(buckets.bounds, j)) for j in range(n)]
    stars = work.map(contract, held, jobs, step=f"{step}_contract", schema=EDGES)
    handed = list(stars)
    for j in reversed(range(n - 1)):
        to_me = [shard for shard in handed if shard.counts.get(_handed_to(j))]
        if to_me:
            job = Job(([stars[j]], [], to_me), params=(buckets.bounds, j))
            (stars[j],) = work.map(contract, held, [job], step=f"{step}_sweep", schema=EDGES)
            handed.append(stars[j])
    labels: Shards = []
    for j in range(n):
        job = Job(([stars[j]], list(labels), stars[j + 1 :]), params=(buckets.bounds, j))
        labels += work.map(resolve, None, [job], step=f"{step}_roots", schema=EDGES)
    return labels


def _handed_to(bucket: int) -> str:
    return f"to.{bucket}"


def contract(store: Store, held: int, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """One bucket's edges as stars. Of its own earlier result, of files of edges, and of what other buckets handed down.

    Row groups come in rounds of two per bucket: edges handed to it, and, in the last round, stars to one of its nodes.
    """
    own, edges, handed = job.inputs
    bounds, j = cast(Place, job.params)
    n = len(bounds) - 1
    bucket = Bucket(bounds[j], bounds[j + 1] - bounds[j])
    waiting = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    sources = [(own, slice(-n, None)), (edges, slice(j, None, n)), (handed, slice(j, None, 2 * n))]
    for batch in _batches(store, sources):
        waiting.append(bucket.join(*_columns(batch)))
        if sum(len(node) for node, _ in waiting) > held:
            waiting = [_once(waiting)]
            if len(waiting[0][0]) > held // 2:
                yield from _down(bounds, *waiting.pop(), counts)
                yield from _nothing(n)
                waiting = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    yield from _down(bounds, *_once(waiting), counts)
    yield from _stars(bounds, j, bucket)


def _once(parts: list[tuple[I64, I64]]) -> tuple[I64, I64]:
    node, to = (np.concatenate(column) for column in zip(*parts, strict=True))
    return distinct(node, to)


def _down(bounds: tuple[int, ...], node: I64, to: I64, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    for place, batch in enumerate(by_bucket(bounds, node, node, to)):
        if batch.num_rows:
            counts[_handed_to(place)] += batch.num_rows
        yield batch


def _nothing(n: int) -> Iterator[pa.RecordBatch]:
    yield from [pa.RecordBatch.from_pylist([], EDGES)] * n


def _stars(bounds: tuple[int, ...], j: int, bucket: Bucket) -> Iterator[pa.RecordBatch]:
    within, root, node, below = bucket.stars()
    for place, batch in enumerate(by_bucket(bounds, below, node, below)):
        yield pa.RecordBatch.from_arrays([within, root], schema=EDGES) if place == j else batch


def resolve(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """One bucket's roots; a row group per bucket with the answers to it, and last its own nodes with theirs."""
    own, answers, higher = job.inputs
    bounds, j = cast(Place, job.params)
    n = len(bounds) - 1
    labels = Labels(bounds[j], bounds[j + 1] - bounds[j])
    to_me = slice(j - n, j - n + 1 or None)  # of the last round of stars
    for batch in _batches(store, [(own, to_me), (answers, slice(j, j + 1))]):
        labels.put(*_columns(batch))
    yield from _nothing(j + 1)
    for shard in higher:
        node, of = np.zeros(0, np.int64), np.zeros(0, np.int64)
        for batch in store.batches(shard, groups=to_me):
            node, of = _columns(batch)
        yield pa.RecordBatch.from_arrays([node, labels.ask(of)], schema=EDGES)
    nodes, root = labels.clustered()
    counts["clustered"] = len(nodes)
    yield pa.RecordBatch.from_arrays([nodes, root], schema=EDGES)


def labels_of(store: Store, shard: Shard) -> tuple[I64, I64]:
    """The nodes of one bucket that are in components of two or more, ascending, and their roots."""
    for batch in store.batches(shard, groups=slice(-1, None)):
        return _columns(batch)
    return np.zeros(0, np.int64), np.zeros(0, np.int64)


def _batches(store: Store, sources: Sequence[tuple[Shards, slice]]) -> Iterator[pa.RecordBatch]:
    for shards, groups in sources:
        for shard in shards:
            yield from store.batches(shard, groups=groups)


def _columns(batch: pa.RecordBatch) -> tuple[I64, I64]:
    return batch.column("node").to_numpy(), batch.column("to").to_numpy()
