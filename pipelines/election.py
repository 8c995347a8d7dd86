"""Steps of dedup: roots of nodes -> clusters, and which member each keeps. One bucket of rows at a time.

`vote` finds the best of each cluster among one bucket's members; `elect` the best of those of all buckets, for the
clusters whose root lies in one bucket; `write_clusters` tells each member. Row group j of a file is what concerns
bucket j.
"""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.schema import CLUSTERS, ID, RANGES
from corpus.shards import Shard, Store
from filters.survivors import best_members
from pipelines.components import Buckets, labels_of
from pipelines.stage import Job, Shards, Work

I64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
Prefer = tuple[tuple[str, str], ...]

_PREFERRED = [
    ("place", pa.int64()),  # global row of the document that stands for the unit: earlier crawl batches first
    ("n_shingles", pa.int32()),
    ("stars", pa.int32()),
    ("forks", pa.int32()),
    ("committed", pa.int64()),
    ("created", pa.int64()),
    ("license", pa.int8()),  # 2 of one that only asks to keep its notice, 1 of another one, 0 where none was found
    ("quality", pa.int64()),  # millionths of the measure that the recipe names
    ("vendored", pa.int8()),  # 1 of a file, by itself, that lies below a folder for other people's code
    ("key", pa.uint64()),  # first 8 bytes of the normalized key
    ("id", ID),
]
MEMBERS = pa.schema(
    [
        ("unit", pa.int64()),  # row in the group of the document that stands for its unit
        ("kept", pa.bool_()),
        ("held_out", pa.bool_()),
        ("counted", pa.bool_()),  # passed, and is not vendored in a repository: enters the unit's signature
        *_PREFERRED[1:],
    ]
)
VOTES = pa.schema([("root", pa.int64()), ("size", pa.int64()), ("held_out", pa.bool_()), *_PREFERRED], metadata=RANGES)
ELECTED = pa.schema(
    [
        ("root", pa.int64()),
        ("kept_node", pa.int64()),
        ("size", pa.int64()),
        ("kept_id", ID),
        ("kept_key", pa.uint64()),
        ("held_out", pa.bool_()),
    ],
    metadata=RANGES,
)


def elect_members(
    work: Work, prefer: Prefer, buckets: Buckets, members: Shards, labels: Shards, step: str
) -> tuple[Shards, Shards]:
    """Per bucket its rows of schema CLUSTERS; and what was elected."""
    n = len(buckets)
    jobs = [Job(([labels[j]], members[buckets.groups[j]]), params=(buckets.bounds, j)) for j in range(n)]
    votes = work.map(vote, prefer, jobs, step=f"{step}_votes", schema=VOTES)
    jobs = [Job((votes[j:],), params=(n, j)) for j in range(n)]
    elected = work.map(elect, prefer, jobs, step=f"{step}_elected", schema=ELECTED)
    jobs = []
    for j, groups in enumerate(buckets.groups):
        jobs.append(Job(([labels[j]], elected[: j + 1], members[groups]), params=(buckets.bounds[j], j)))
    return work.map(write_clusters, None, jobs, step=f"{step}_clusters", schema=CLUSTERS), elected


def vote(store: Store, prefer: Prefer, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The best member of each cluster among one bucket's, and how many units of the cluster are in it."""
    (labels,), members = job.inputs
    bounds, j = cast(tuple[tuple[int, ...], int], job.params)
    nodes, root = labels_of(store, labels)
    parts = [VOTES.empty_table()]
    start = bounds[j]
    for shard in members:
        first, last = np.searchsorted(nodes, [start, start + shard.rows])
        if last > first:
            table = _standing_for(store, shard, nodes[first:last] - start, start)
            columns = {"root": root[first:last], "size": np.ones(last - first, np.int64)}
            parts.append(pa.table({**columns, **{name: table[name] for name in VOTES.names[2:]}}, VOTES))
            if sum(map(len, parts[1:])) > len(parts[0]):  # seldom, and never more than twice the bucket's rows
                parts = [_best(pa.concat_tables(parts), prefer)]
        start += shard.rows
    best = _best(pa.concat_tables(parts), prefer)
    cuts = np.searchsorted(best["root"].to_numpy(), np.asarray(bounds))
    for a, b in itertools.pairwise(cuts):
        yield _as_batch(best.slice(a, b - a))


def elect(store: Store, prefer: Prefer, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The best members of the clusters whose root is in one bucket; a row group for each bucket with its clusters."""
    (votes,) = job.inputs
    n, j = cast(tuple[int, int], job.params)
    mine = slice(j, j + 1)
    parts, waiting = [VOTES.empty_table()], 0
    for shard in votes:
        more = [pa.Table.from_batches([batch]) for batch in store.batches(shard, groups=mine)]
        parts, waiting = parts + more, waiting + sum(map(len, more))
        if waiting > len(parts[0]):  # a root comes back from many buckets: merged one by one, each pays for all roots
            parts, waiting = [_best(pa.concat_tables(parts), prefer)], 0
    best = _best(pa.concat_tables(parts), prefer)
    names = ["root", "place", "size", "id", "key", "held_out"]
    best = best.select(names).rename_columns(ELECTED.names).cast(ELECTED)
    root, size = best["root"].to_numpy(), best["size"].to_numpy()
    counts["largest"] = int(size.max(initial=0))
    yield from [pa.RecordBatch.from_pylist([], ELECTED)] * j
    for shard in votes:
        wanted = [np.zeros(0, np.int64)]
        wanted += [batch.column("root").to_numpy() for batch in store.batches(shard, ["root"], mine)]
        yield _as_batch(best.take(pa.array(np.searchsorted(root, np.concatenate(wanted)))))
    assert len(votes) == n - j


def decisions(store: Store, elected: Sequence[Shard], j: int) -> pa.Table:
    """What was elected for the clusters that have members in bucket j, by ascending root."""
    batches = [batch for shard in elected for batch in store.batches(shard, groups=slice(j, j + 1))]
    return pa.Table.from_batches(batches, ELECTED)


def write_clusters(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """One bucket's members of clusters of two units or more, by ascending node."""
    (labels,), elected, members = job.inputs
    start, j = cast(tuple[int, int], job.params)
    nodes, root = labels_of(store, labels)
    found = decisions(store, elected, j).combine_chunks()
    place = np.searchsorted(found["root"].to_numpy(), root)
    for shard in members:
        first, last = np.searchsorted(nodes, [start, start + shard.rows])
        ids = store.table(shard, ["id"])["id"].take(pa.array(nodes[first:last] - start))
        made = found.take(pa.array(place[first:last]))
        counts["clusters"] += int((made["kept_node"].to_numpy() == nodes[first:last]).sum())
        columns = [nodes[first:last], made["kept_node"], made["size"].cast(pa.int32()), ids]
        columns += [made[name] for name in ("kept_id", "kept_key", "held_out")]
        yield _as_batch(pa.table(columns, CLUSTERS))
        start += shard.rows


def _best(table: pa.Table, prefer: Prefer) -> pa.Table:
    """One row of each root, ascending: its best member; sizes added up."""
    if not len(table):
        return table
    root = table["root"].to_numpy()
    kept = best_members(root, table["held_out"].to_numpy(), table, prefer)
    distinct, group = np.unique(root, return_inverse=True)
    first = np.empty(len(distinct), np.int64)
    first[group] = kept
    size = np.bincount(group, weights=table["size"].to_numpy()).astype(np.int64)
    return table.take(pa.array(first)).set_column(1, "size", pa.array(size)).combine_chunks()


def _standing_for(store: Store, members: Shard, rows: I64, start: int) -> pa.Table:
    """Rows of schema MEMBERS and their places; held out where any document of the unit that passed is.

    The key of a unit of several documents is put to 0: no document is the exact duplicate of a repository.
    """
    table = store.table(members)
    unit = table["unit"].to_numpy()
    several = np.bincount(unit, minlength=members.rows) > 1
    held_out = np.zeros(members.rows, bool)
    held_out[unit[table["kept"].to_numpy() & table["held_out"].to_numpy()]] = True
    key = np.where(several, 0, table["key"].to_numpy())
    for name, column in (("key", key), ("held_out", held_out)):
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(column))
    return table.take(pa.array(rows)).append_column("place", pa.array(start + rows))


def _as_batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], table.schema)
