"""Steps that dedup and pool_dedup share: sorted band keys -> runs -> edges -> components -> clusters.

`runs` reads one key range of one band from every group as one contiguous range; `edges` drops what did not pass and
joins each of a run to its first (or `verification` proposes pairs); `components` and `election` work on one bucket of
rows at a time. Each task holds at most `range_bytes`, or what belongs to one group of shards if that is more.
A *node* is the global row of the document that stands for a unit.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus import clusters
from corpus.bands import RUNS, in_range, range_groups, shared_runs
from corpus.exact import exact_key, short_keys
from corpus.schema import EDGES, ID
from corpus.shards import Shard, Store
from filters.survivors import DedupConfig
from pipelines.components import Buckets, connect, labels_of
from pipelines.election import decisions, elect_members
from pipelines.stage import Job, Shards, Work
from pipelines.verification import Behind, compared

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_RUN_KEYS = 1 << 19  # keys of a task where memory would allow more: 50 ms of work, ten times what handing it out takes
_RUN_ROW_BYTES = 64  # working memory per key of a range: key, node, the order of the sort, and copies
SCOPES = pa.schema([("scope", pa.uint64())])
ALIVE = pa.schema([("alive", pa.bool_())])
_NODE_BYTES = 384  # per row of a bucket, at the most hungry step, the election


@dataclass(frozen=True)
class Layout:
    """Where each group's documents lie; the groups are those of the minhash stage."""

    shards: tuple[slice, ...]  # per group, its document shards
    offsets: tuple[tuple[int, ...], ...]  # per group, the global row at which each of its shards begins
    sizes: tuple[int, ...]  # per group, its documents
    batches: tuple[str, ...]  # per group, its crawl batch

    @classmethod
    def of(cls, bands: Shards, signatures: Shards) -> "Layout":
        sizes = [shard.counts["shards"] for shard in bands]
        if sum(sizes) != len(signatures):
            raise ValueError(
                f"bands cover {sum(sizes)} shards, signatures {len(signatures)}: both must be of one minhash stage"
            )
        ends = np.cumsum([0, *sizes]).tolist()
        starts = np.cumsum([0, *(shard.rows for shard in signatures)]).tolist()
        shards = tuple(slice(a, b) for a, b in pairwise(ends))
        offsets = tuple(tuple(starts[group]) for group in shards)
        rows = tuple(starts[b] - starts[a] for a, b in pairwise(ends))
        return cls(shards, offsets, rows, tuple(shard.batch for shard in bands))

    def behind(self, shards: Shards, columns: tuple[str, ...]) -> Behind:
        """What is compared in place of documents: a shard per document shard, or one per group with a row per unit."""
        if "unit" in columns:
            return Behind(tuple((shard,) for shard in shards), tuple(starts[:1] for starts in self.offsets), columns)
        return Behind(tuple(tuple(shards[group]) for group in self.shards), self.offsets, columns)


@dataclass(frozen=True)
class Pass:
    """One clustering of the corpus, finished: whose units, why the others are lost, and the clusters."""

    members: Shards  # per group
    reason: str
    clusters: Shards  # per bucket
    buckets: Buckets

    def of_group(self, group: int) -> tuple[Shards, Shards]:
        """The group's members, and the clusters that hold them."""
        return [self.members[group]], [self.clusters[self.buckets.of_group(group)]]


@dataclass(frozen=True)
class Keys:
    """What a pass compares: sorted keys per group, which of their bands, and what is behind them."""

    bands: Shards
    exact: tuple[int, ...]  # bands whose keys prove equality
    near: tuple[int, ...]  # bands whose keys make candidates
    behind: Behind  # what is compared where candidates are verified
    scopes: Shards  # per group a number for each row: only those of one number are compared; none: all are


def cluster(
    work: Work, cfg: DedupConfig, layout: Layout, keys: Keys, members: Shards, earlier: Sequence[Pass], reason: str
) -> Pass:
    """Clusters of units that share a key, one kept in each, among those that passed and that no earlier pass lost."""
    step = reason.removesuffix("_duplicate") + ("_second" if earlier else "")
    buckets = Buckets.of(layout.sizes, cfg.range_bytes // _NODE_BYTES)
    alive = living(work, buckets, members, earlier, f"{step}_alive")
    proven = edges(work, buckets, runs(work, cfg, layout, keys, keys.exact, f"{step}_equal"), alive, step)
    shared = runs(work, cfg, layout, keys, keys.near, f"{step}_runs")
    if cfg.verify is None:
        near = edges(work, buckets, shared, alive, step)
    else:
        jobs = [Job(([run], alive), params=buckets.bounds) for run in shared if run.rows]

        def pairs(small: Buckets) -> Shards:
            cut = PairCuts(cfg.all_pairs_below, small.bounds)
            return work.map(write_pairs, cut, jobs, step=f"{step}_pairs", schema=EDGES)

        near = compared(work, cfg, layout.sizes, buckets, pairs, keys.behind, step)
    labels = connect(work, buckets, proven + near, step, cfg.range_bytes)
    made, elected = elect_members(work, cfg.prefer, buckets, members, labels, step)
    largest = max((shard.counts["largest"] for shard in elected), default=0)
    if cfg.largest_cluster is not None and largest > cfg.largest_cluster and near:
        equal = connect(work, buckets, proven, f"{step}_apart", cfg.range_bytes)
        labels = break_up(work, cfg.largest_cluster, buckets, labels, equal, elected, step)
        made, _ = elect_members(work, cfg.prefer, buckets, members, labels, step)
    return Pass(members, reason, made, buckets)


def runs(work: Work, cfg: DedupConfig, layout: Layout, keys: Keys, numbers: Sequence[int], step: str) -> Shards:
    """Runs of nodes with a common key: a file per scope and key range of a band, or per several bands that fit."""
    scopes = sorted(set(layout.batches)) if cfg.scope == "source" else [None]
    jobs = []
    for scope in scopes:
        chosen = [i for i, batch in enumerate(layout.batches) if scope in (None, batch)]
        rows = sum(layout.sizes[i] for i in chosen)  # a band has at most one key per document
        together = max(1, min(cfg.range_bytes // _RUN_ROW_BYTES, _RUN_KEYS) // max(1, rows))
        n_parts = 1 << max(0, -(-rows * _RUN_ROW_BYTES // cfg.range_bytes) - 1).bit_length()
        offsets = tuple(layout.offsets[i] for i in chosen)
        read = ([keys.bands[i] for i in chosen], [keys.scopes[i] for i in chosen] if keys.scopes else [])
        for start in range(0, len(numbers), together):
            some = tuple(numbers[start : start + together])
            jobs += [Job(read, params=(some, part, n_parts, offsets)) for part in range(n_parts)]
    return work.map(find_runs, None, jobs, step=step, schema=RUNS)


def find_runs(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The nodes that share a key of one band and key range, sorted by key; one row group per band.

    Of each group's file one contiguous range is read per band: `requests` counts them, and the footer of each file.
    """
    numbers, part, n_parts, offsets = cast(tuple[tuple[int, ...], int, int, tuple[tuple[int, ...], ...]], job.params)
    for band in numbers:
        parts = [(np.zeros(0, np.uint64), np.zeros(0, np.int64))]
        for index, (shard, starts) in enumerate(zip(job.inputs[0], offsets, strict=True)):
            begins = np.asarray(starts, np.int64)
            scope = store.table(job.inputs[1][index])["scope"].to_numpy() if job.inputs[1] else None
            for batch in store.batches(shard, groups=range_groups(band, part, n_parts, shard.counts["slices"])):
                found = in_range(batch.select(["key", "shard", "row"]), part, n_parts)
                nodes = begins[found.column("shard").to_numpy()] + found.column("row").to_numpy()
                key = found.column("key").to_numpy()
                parts.append((key if scope is None else key ^ scope[nodes - begins[0]], nodes))
        keys, nodes = shared_runs(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        counts["in_runs"] += len(nodes)
        yield pa.RecordBatch.from_arrays([keys, nodes], schema=RUNS)


def scopes_of(work: Work, cfg: DedupConfig, layout: Layout, documents: Shards) -> Shards:
    """Per group the numbers of its rows' dumps, where only pages of one dump are compared."""
    if cfg.scope != "dump":
        return []
    jobs = [Job((documents[group],)) for group in layout.shards]
    return work.map(write_scopes, None, jobs, step="scopes", schema=SCOPES)


def write_scopes(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """A number per row, of the snapshot of a page; 0 for whatever is no page."""
    for shard in job.inputs[0]:
        table = store.table(shard, ["kind", "snapshot"]).combine_chunks()
        names = pc.if_else(pc.equal(table["kind"], "page"), table["snapshot"], None)
        names = pc.fill_null(names, "").combine_chunks().dictionary_encode()
        numbers = [exact_key(name.encode()) if name else bytes(16) for name in names.dictionary.to_pylist()]
        yield pa.RecordBatch.from_arrays([short_keys(pa.array(numbers, ID))[names.indices.to_numpy()]], schema=SCOPES)


def living(work: Work, buckets: Buckets, members: Shards, earlier: Sequence[Pass], step: str) -> Shards:
    """Per bucket, which rows stand for a unit that has a document that passed and is in no unit lost earlier."""
    jobs = []
    for j, groups in enumerate(buckets.groups):
        before = [part for one in earlier for part in (one.members[groups], [one.clusters[j]])]
        jobs.append(Job((members[groups], *before), params=buckets.bounds[j]))
    return work.map(write_alive, None, jobs, step=step, schema=ALIVE)


def write_alive(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """One row per row of the bucket."""
    members, *before = job.inputs
    start = cast(int, job.params)
    alive = np.concatenate([np.zeros(0, bool), *(_standing(store, shard) for shard in members)])
    for units, (made,) in zip(before[::2], before[1::2], strict=True):
        table = store.table(made, ["node", "kept_node"])
        node, kept_node = (table[name].to_numpy() for name in ("node", "kept_node"))
        lost = np.zeros(len(alive), bool)
        lost[node[kept_node != node] - start] = True
        row = 0
        for shard in units:
            unit = store.table(shard, ["unit"])["unit"].to_numpy()
            alive[row : row + shard.rows] &= ~lost[row + unit]
            row += shard.rows
    yield pa.RecordBatch.from_arrays([pa.array(alive)], schema=ALIVE)


def _standing(store: Store, members: Shard) -> Bool:
    table = store.table(members, ["unit", "kept"])
    alive = np.zeros(members.rows, bool)
    alive[table["unit"].to_numpy()[table["kept"].to_numpy()]] = True
    return alive


def edges(work: Work, buckets: Buckets, shared: Shards, alive: Shards, step: str) -> Shards:
    """Per file of runs, an edge from each living node to the first of its run, in row groups by bucket."""
    jobs = [Job(([run], alive), params=buckets.bounds) for run in shared if run.rows]
    return work.map(write_edges, None, jobs, step=f"{step}_edges", schema=EDGES)


def write_edges(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """Each distinct edge of one file of runs once."""
    (run,), alive = job.inputs
    bounds = cast(tuple[int, ...], job.params)
    parts = [clusters.stars_of_runs(*some) for some in living_runs(store, run, alive, bounds)]
    node, to = clusters.distinct(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    counts["edges"] = len(node)
    yield from clusters.by_bucket(bounds, node, node, to)


@dataclass(frozen=True)
class PairCuts:
    """How many pairs a run makes, and where the buckets end by which they are laid out."""

    all_pairs_below: int
    bounds: tuple[int, ...]


def write_pairs(store: Store, cfg: PairCuts, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """Each distinct pair to verify of one file of runs."""
    (run,), alive = job.inputs
    found = living_runs(store, run, alive, cast(tuple[int, ...], job.params))
    parts = [clusters.pairs_of_runs(*some, cfg.all_pairs_below) for some in found]
    node, to = clusters.distinct(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    yield from clusters.by_bucket(cfg.bounds, node, node, to)


def living_runs(store: Store, run: Shard, alive: Shards, bounds: Sequence[int]) -> Iterator[tuple[clusters.U64, I64]]:
    """Keys and living nodes of each row group (band) of a file of runs; its runs do not go on in the next."""
    batches = [(batch.column("key").to_numpy(), batch.column("node").to_numpy()) for batch in store.batches(run)]
    living = [np.zeros(len(nodes), bool) for _, nodes in batches]
    places = [_by_bucket(nodes, bounds) for _, nodes in batches]
    for j, shard in enumerate(alive):
        mask = store.table(shard)["alive"].to_numpy()
        for (_, nodes), found, (order, cuts) in zip(batches, living, places, strict=True):
            here = order[cuts[j] : cuts[j + 1]]
            found[here] = mask[nodes[here] - bounds[j]]
    for (keys, nodes), found in zip(batches, living, strict=True):
        yield keys[found], nodes[found]


def _by_bucket(nodes: I64, bounds: Sequence[int]) -> tuple[I64, I64]:
    """The places of the nodes in order of their buckets, and where each bucket begins among them."""
    bucket = np.searchsorted(np.asarray(bounds), nodes, "right") - 1
    order = np.argsort(bucket.astype(np.int16) if len(bounds) < 1 << 15 else bucket, kind="stable")  # radix sort
    return order, np.concatenate([[0], np.cumsum(np.bincount(bucket, minlength=len(bounds)))])


def break_up(
    work: Work, most: int, buckets: Buckets, labels: Shards, equal: Shards, elected: Shards, step: str
) -> Shards:
    """Labels in which the members of a cluster of more than `most` units stay together only where they are equal."""
    jobs = [Job(([labels[j]], [equal[j]], elected[: j + 1]), params=j) for j in range(len(buckets))]
    return work.map(write_apart, most, jobs, step=f"{step}_broken", schema=EDGES)


def write_apart(store: Store, most: int, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """One bucket's nodes and roots."""
    (mine,), (equal,), elected = job.inputs
    nodes, root = labels_of(store, mine)
    found = decisions(store, elected, cast(int, job.params))
    size = found["size"].to_numpy()[np.searchsorted(found["root"].to_numpy(), root)]
    same, same_root = labels_of(store, equal)
    stays = size <= most
    others = np.isin(same, nodes[~stays], assume_unique=True)
    counts["let_go"] = int((~stays).sum())
    nodes, root = np.concatenate([nodes[stays], same[others]]), np.concatenate([root[stays], same_root[others]])
    order = np.argsort(nodes)
    yield pa.RecordBatch.from_arrays([nodes[order], root[order]], schema=EDGES)
