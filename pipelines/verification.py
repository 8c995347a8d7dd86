"""Steps of dedup: runs -> pairs -> only those pairs that are as alike as the recipe asks.

A pair needs what stands behind both documents, which lie anywhere. So pairs are sorted by their later document, `fetch`
sends its signature (or set of shingles) along, sorted by the earlier one, and `compare` meets it there. Every signature
is read twice and sent once per pair; a task holds those of one bucket of rows, cut by `range_bytes`.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus import clusters
from corpus.bodies import bodies
from corpus.minhash import MinHashConfig, estimated_jaccard
from corpus.schema import EDGES, RANGES
from corpus.shards import Shard, Store
from corpus.shingles import containment, jaccard, list_buffers, shared, shingle_sets
from filters.survivors import DedupConfig
from pipelines.components import Buckets
from pipelines.minhash import signature_matrix
from pipelines.stage import Job, Shards, Work

I64 = npt.NDArray[np.int64]

_SET_BYTES = 1 << 14  # of a document's shingles, twice the average of source files
_BLOCK_BYTES = 1 << 25  # of signatures or sets in one row group
_IDS = ("node", "to")


@dataclass(frozen=True)
class Comparison:
    """How pairs are compared."""

    minhash: MinHashConfig
    by: str
    threshold: float
    columns: tuple[str, ...]  # read of what stands behind a document; "unit" where that has a row per unit

    @property
    def row_bytes(self) -> int:
        return 8 * self.minhash.n_hashes if self.by == "signature" else _SET_BYTES

    @property
    def schema(self) -> pa.Schema:
        kind = pa.list_(pa.uint32(), self.minhash.n_hashes) if self.by == "signature" else pa.large_list(pa.uint32())
        return pa.schema([*EDGES, ("payload", kind)], metadata=RANGES)


@dataclass(frozen=True)
class Behind:
    """What stands behind the documents: shards per group, and the global row at which each begins."""

    shards: tuple[tuple[Shard, ...], ...]
    starts: tuple[tuple[int, ...], ...]
    columns: tuple[str, ...]


def compared(
    work: Work,
    cfg: DedupConfig,
    sizes: Sequence[int],
    buckets: Buckets,
    pairs: Callable[[Buckets], Shards],
    behind: Behind,
    step: str,
) -> Shards:
    """Files of edges by bucket: of the pairs, made for buckets small enough for what is compared, those alike."""
    assert cfg.verify is not None
    way = Comparison(cfg.minhash, cfg.verify_by, cfg.verify, behind.columns)
    small = Buckets.of(sizes, max(1, cfg.range_bytes // way.row_bytes))
    proposed = pairs(small)
    read, starts = [], []
    for groups in small.groups:
        read.append([shard for shards in behind.shards[groups] for shard in shards])
        starts.append(tuple(start for some in behind.starts[groups] for start in some))
    n = len(small)
    jobs = [Job((read[j], proposed), params=(small.bounds, j, starts[j])) for j in range(n)]
    fetched = work.map(fetch, way, jobs, step=f"{step}_fetch", schema=way.schema)
    jobs = [Job((read[j], fetched[j:]), params=(small.bounds, j, starts[j], buckets.bounds)) for j in range(n)]
    return work.map(compare, way, jobs, step=f"{step}_verify", schema=EDGES)


def fetch(store: Store, way: Comparison, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """One bucket's distinct pairs with what stands behind their later document, in rounds of a row group per bucket."""
    behind, pairs = job.inputs
    bounds, j, starts = cast(tuple[tuple[int, ...], int, tuple[int, ...]], job.params)
    n = len(bounds) - 1
    node, to = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for shard in pairs:
        for batch in store.batches(shard, groups=slice(j, None, n)):
            more = (batch.column(name).to_numpy() for name in _IDS)
            node, to = clusters.distinct(*(np.concatenate(both) for both in zip((node, to), more, strict=True)))
    counts["candidates"] = len(node)
    wanted, place = np.unique(node, return_inverse=True)
    payload = payload_of(store, way, behind, starts, wanted)
    order = np.lexsort((node, to))
    step = max(1, 2 * _BLOCK_BYTES // way.row_bytes)
    for first in range(0, len(order), step):
        some = order[first : first + step]
        cuts = np.searchsorted(to[some], np.asarray(bounds))
        for a, b in itertools.pairwise(cuts):
            rows = some[a:b]
            columns = [pa.array(node[rows]), pa.array(to[rows]), payload.take(pa.array(place[rows]))]
            yield pa.RecordBatch.from_arrays(columns, schema=way.schema)


def compare(store: Store, way: Comparison, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The pairs whose earlier document is in one bucket and that are alike, as edges by bucket of the later one."""
    behind, fetched = job.inputs
    bounds, j, starts, by = cast(tuple[tuple[int, ...], int, tuple[int, ...], tuple[int, ...]], job.params)
    mine = slice(j, None, len(bounds) - 1)
    found = [np.zeros(0, np.int64)]
    for shard in fetched:
        found += [np.unique(batch.column("to").to_numpy()) for batch in store.batches(shard, ["to"], mine)]
    wanted = np.unique(np.concatenate(found))
    payload = payload_of(store, way, behind, starts, wanted)
    close = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for shard in fetched:
        for batch in store.batches(shard, groups=mine):
            node, to = (batch.column(name).to_numpy() for name in _IDS)
            alike = similarity(way.by, batch.column("payload"), payload, np.searchsorted(wanted, to)) >= way.threshold
            close.append((node[alike], to[alike]))
    node, to = clusters.distinct(*(np.concatenate(column) for column in zip(*close, strict=True)))
    counts["verified"] = len(node)
    yield from clusters.by_bucket(by, node, node, to)


def similarity(by: str, left: pa.Array, right: pa.Array, rows: I64) -> npt.NDArray[np.float64]:
    """Of each row of `left` to the row of `right` that `rows` names."""
    if by == "signature":
        return estimated_jaccard(signature_matrix(left), signature_matrix(right)[rows])
    one, other = list_buffers(left), list_buffers(right)
    common = shared(one, np.arange(len(left)), other, rows)
    measure = jaccard if by == "jaccard" else containment
    return measure(common, np.diff(one[1]), np.diff(other[1])[rows])


def payload_of(store: Store, way: Comparison, behind: Shards, starts: Sequence[int], wanted: I64) -> pa.Array:
    """Signatures or shingle sets of the nodes wanted, which ascend; a shard without any is not read."""
    nodes: list[I64] = [np.zeros(0, np.int64)]
    found: list[pa.Array] = [pa.array([], way.schema.field("payload").type)]
    for shard, start, end in zip(behind, starts, [*starts[1:], 1 << 62], strict=True):
        if np.searchsorted(wanted, start) == np.searchsorted(wanted, end):
            continue
        row = start
        for batch in store.batches(shard, way.columns):
            here = np.arange(row, row + batch.num_rows)
            if "unit" in way.columns:
                here = start + batch.column("unit").to_numpy()
            row += batch.num_rows
            rows = np.flatnonzero(np.isin(here, wanted))
            if len(rows):
                nodes.append(here[rows])
                some = batch.take(pa.array(rows))
                found.append(
                    some.column("signature")
                    if way.by == "signature"
                    else shingle_sets(way.minhash, bodies(way.minhash, some))
                )
    order = np.argsort(np.concatenate(nodes))
    assert len(order) == len(wanted), "a document in a run has no signature"
    return pa.concat_arrays(found).take(pa.array(order))
