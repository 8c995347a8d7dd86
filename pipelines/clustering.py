"""Steps that dedup and pool_dedup share: sorted band keys -> runs -> (verified pairs) -> clusters with one member kept.

`runs` reads one key range of one band from every group; `verify` holds the signatures of the documents in one such
range; `clusters` is one task that holds 18 bytes per document (the forest, its roots, two flags) and some 100 per
document in a cluster.
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

from corpus import clusters
from corpus.bands import RUNS, in_range, shared_runs
from corpus.minhash import estimated_jaccard
from corpus.schema import CLUSTERS, ID
from corpus.shards import Shard, Store
from filters.survivors import DedupConfig, best_members
from pipelines.minhash import signature_matrix
from pipelines.stage import Job, Shards, Work

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

_RUN_ROW_BYTES = 64  # working memory per key of a range: key, node, the order of the sort, and copies
_PAIR_BLOCK = 1 << 15  # pairs compared at once: 33 MB a side at 250 hashes

MEMBERS = pa.schema(
    [
        ("unit", pa.int64()),  # row in the group of the document that stands for its unit
        ("kept", pa.bool_()),
        ("held_out", pa.bool_()),
        ("counted", pa.bool_()),  # passed, and is not vendored in a repository: enters the unit's signature
        ("n_shingles", pa.int32()),
        ("stars", pa.int32()),
        ("forks", pa.int32()),
        ("committed", pa.int64()),
        ("created", pa.int64()),
        ("key", pa.uint64()),  # first 8 bytes of the normalized key
        ("id", ID),
    ]
)
PAIRS = pa.schema([("left", pa.int64()), ("right", pa.int64())])


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


@dataclass(frozen=True)
class Pass:
    """One clustering of the corpus, finished: whose units, why the others are lost, and the clusters."""

    members: Shards
    reason: str
    clusters: Shard


@dataclass(frozen=True)
class Keys:
    """What a pass compares: sorted keys per group, which of their bands, and the signatures behind them."""

    bands: Shards
    exact: tuple[int, ...]  # bands whose keys prove equality
    near: tuple[int, ...]  # bands whose keys make candidates
    signatures: Shards  # per document, or per unit where the shards have a column `unit`


def cluster(
    work: Work, cfg: DedupConfig, layout: Layout, keys: Keys, members: Shards, earlier: Sequence[Pass], reason: str
) -> Pass:
    """Clusters of units that share a key, one kept in each, among those that passed and that no earlier pass lost."""
    step = reason.removesuffix("_duplicate") + ("_second" if earlier else "")
    before = ([s for one in earlier for s in one.members], [one.clusters for one in earlier])
    proven = runs(work, cfg, layout, keys.bands, keys.exact, f"{step}_equal")
    proposed = runs(work, cfg, layout, keys.bands, keys.near, f"{step}_runs")
    pairs: Shards = []
    if cfg.verify is not None:
        settings = (cfg.verify, cfg.all_pairs_below)
        starts = tuple(offsets[0] for offsets in layout.offsets)
        jobs = [Job(([run], keys.signatures, members, *before), params=starts) for run in proposed if run.rows]
        pairs, proposed = work.map(verify_runs, settings, jobs, step=f"{step}_verify", schema=PAIRS), []
    job = Job((proven + proposed, pairs, members, *before))
    (made,) = work.map(join_clusters, cfg.prefer, [job], step=f"{step}_clusters", schema=CLUSTERS)
    return Pass(members, reason, made)


def runs(work: Work, cfg: DedupConfig, layout: Layout, bands: Shards, numbers: Sequence[int], step: str) -> Shards:
    """Runs of nodes with a common key: a file per scope and key range of a band, or per several bands that fit."""
    scopes = sorted(set(layout.batches)) if cfg.scope == "source" else [None]
    jobs = []
    for scope in scopes:
        chosen = [i for i, batch in enumerate(layout.batches) if scope in (None, batch)]
        rows = sum(layout.sizes[i] for i in chosen)  # a band has at most one key per document
        together = max(1, cfg.range_bytes // max(1, rows * _RUN_ROW_BYTES))
        n_parts = max(1, -(-rows * _RUN_ROW_BYTES // cfg.range_bytes))
        offsets = tuple(layout.offsets[i] for i in chosen)
        for start in range(0, len(numbers), together):
            some = tuple(numbers[start : start + together])
            jobs += [
                Job(([bands[i] for i in chosen],), params=(some, part, n_parts, offsets)) for part in range(n_parts)
            ]
    return work.map(find_runs, None, jobs, step=step, schema=RUNS)


def find_runs(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The nodes that share a key of one band and key range, sorted by key; one row group per band."""
    numbers, part, n_parts, offsets = cast(tuple[tuple[int, ...], int, int, tuple[tuple[int, ...], ...]], job.params)
    parts: dict[int, list[tuple[npt.NDArray[np.uint64], I64]]] = {band: [] for band in numbers}
    for shard, starts in zip(job.inputs[0], offsets, strict=True):
        begins = np.asarray(starts, np.int64)
        for batch in store.batches(shard):
            bands = batch.column("band").to_numpy()
            for band in sorted(parts.keys() & set(range(bands[0], bands[-1] + 1))):
                found = in_range(batch, band, part, n_parts)
                if found is not None:
                    nodes = begins[found.column("shard").to_numpy()] + found.column("row").to_numpy()
                    parts[band].append((found.column("key").to_numpy(), nodes))
    for band in numbers:
        if parts[band]:
            keys, nodes = shared_runs(*(np.concatenate(column) for column in zip(*parts.pop(band), strict=True)))
            counts["in_runs"] += len(nodes)
            yield pa.RecordBatch.from_arrays([keys, nodes], schema=RUNS)


def alive_nodes(store: Store, members: Shards, before_members: Shards, before_clusters: Shards) -> Bool:
    """Per global row, whether it stands for a unit that has a document that passed and is in no unit lost earlier."""
    n = sum(shard.rows for shard in members)
    alive = np.zeros(n, bool)
    start = 0
    for shard in members:
        table = store.table(shard, ["unit", "kept"])
        alive[start + table["unit"].to_numpy()[table["kept"].to_numpy()]] = True
        start += shard.rows
    for position, made in enumerate(before_clusters):
        lost = np.zeros(n, bool)
        for batch in store.batches(made, ["node", "kept_node"]):
            node = batch.column("node").to_numpy()
            lost[node[batch.column("kept_node").to_numpy() != node]] = True
        start = 0
        per_pass = len(before_members) // len(before_clusters)
        for shard in before_members[position * per_pass : (position + 1) * per_pass]:
            unit = store.table(shard, ["unit"])["unit"].to_numpy()
            alive[start : start + shard.rows] &= ~lost[start + unit]
            start += shard.rows
    return alive


def verify_runs(store: Store, cfg: tuple[float, int], job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The pairs of one file of runs whose estimated Jaccard is at least the threshold.

    Holds one signature (1 kB at 250 hashes) per node in a run; a smaller range_bytes makes more and smaller files.
    """
    threshold, all_pairs_below = cfg
    (run,), signed, members, *before = job.inputs
    alive = alive_nodes(store, members, *before)
    table = store.table(run)
    keys, nodes = table["key"].to_numpy(), table["node"].to_numpy()
    keys, nodes = keys[alive[nodes]], nodes[alive[nodes]]
    left, right = clusters.pairs_of_runs(keys, nodes, all_pairs_below)
    wanted = np.unique(np.concatenate([left, right]))
    signature = _signatures_of(store, signed, wanted, cast(tuple[int, ...], job.params))
    close = np.zeros(len(left), bool)
    for start in range(0, len(left), _PAIR_BLOCK):
        block = slice(start, start + _PAIR_BLOCK)
        a, b = (signature[np.searchsorted(wanted, side[block])] for side in (left, right))
        close[block] = estimated_jaccard(a, b) >= threshold
    counts["candidates"], counts["verified"] = len(left), int(close.sum())
    yield pa.RecordBatch.from_arrays([left[close], right[close]], schema=PAIRS)


def _signatures_of(store: Store, signed: Shards, wanted: I64, group_starts: Sequence[int]) -> npt.NDArray[np.uint32]:
    """Signatures of the nodes wanted, ascending: by position in document shards, by `unit` in merged ones."""
    out: npt.NDArray[np.uint32] | None = None
    start = 0
    for position, shard in enumerate(signed):
        for batch in store.batches(shard):
            if "unit" in batch.schema.names:
                nodes = group_starts[position] + batch.column("unit").to_numpy()
            else:
                nodes = np.arange(start, start + batch.num_rows)
            start += batch.num_rows
            rows = np.flatnonzero(np.isin(nodes, wanted))
            if not len(rows):
                continue
            found = signature_matrix(batch.column("signature"))[rows]
            if out is None:
                out = np.zeros((len(wanted), found.shape[1]), np.uint32)
            out[np.searchsorted(wanted, nodes[rows])] = found
    return np.zeros((0, 1), np.uint32) if out is None else out


def join_clusters(
    store: Store, prefer: tuple[tuple[str, str], ...], job: Job, counts: "Counter[str]"
) -> Iterator[pa.RecordBatch]:
    """Clusters of two units or more, sorted by node, and which member each keeps."""
    shared, pairs, members, *before = job.inputs
    alive = alive_nodes(store, members, *before)
    parent = clusters.forest(len(alive))
    for run in shared:
        for batch in store.batches(run):  # a row group per band: its runs do not go on in the next
            keys, nodes = batch.column("key").to_numpy(), batch.column("node").to_numpy()
            among = alive[nodes]
            clusters.join_runs(parent, keys[among], nodes[among])
    for shard in pairs:
        for batch in store.batches(shard):
            clusters.join_pairs(parent, batch.column("left").to_numpy(), batch.column("right").to_numpy())
    nodes, roots = clusters.members_of(parent)
    table, held_out = _standing_for(store, members, nodes)
    kept = best_members(roots, held_out, table, prefer)
    sizes = np.unique(roots, return_inverse=True, return_counts=True)
    size = sizes[2][sizes[1]].astype(np.int32) if len(roots) else np.zeros(0, np.int32)
    counts["clusters"], counts["clustered"] = len(sizes[0]), len(nodes)
    ids = table["id"].combine_chunks()
    keys = table["key"].to_numpy()
    columns = [nodes, nodes[kept], size, ids, ids.take(pa.array(kept)), keys[kept], pa.array(held_out[kept])]
    yield pa.RecordBatch.from_arrays(columns, schema=CLUSTERS)


def _standing_for(store: Store, members: Shards, nodes: I64) -> tuple[pa.Table, Bool]:
    """The members' rows at the nodes, and whether any document of the unit that passed is held out.

    The key of a unit of several documents is put to 0: no document is the exact duplicate of a repository.
    """
    tables, held = [MEMBERS.empty_table()], [np.zeros(0, bool)]
    start = 0
    for shard in members:
        first, last = np.searchsorted(nodes, [start, start + shard.rows])
        if last > first:
            table = store.table(shard)
            rows = nodes[first:last] - start
            several = np.bincount(table["unit"].to_numpy(), minlength=shard.rows) > 1
            key = pa.array(np.where(several, 0, table["key"].to_numpy()))
            table = table.set_column(table.schema.get_field_index("key"), "key", key)
            marked = np.zeros(shard.rows, bool)
            mine = table["kept"].to_numpy() & table["held_out"].to_numpy()
            marked[table["unit"].to_numpy()[mine]] = True
            tables.append(table.take(pa.array(rows)))
            held.append(marked[rows])
        start += shard.rows
    return pa.concat_tables(tables), np.concatenate(held)
