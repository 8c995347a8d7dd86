import numpy as np
import pyarrow as pa
import pytest

from corpus.schema import EDGES
from corpus.shards import Record
from pipelines.components import Buckets
from pipelines.election import MEMBERS, elect_members
from tests.pipelines.corpora import OneAfterTheOther, work

N, GROUP = 300, 10
PREFER = (("stars", "high"), ("place", "low"))


def corpus(tmp_path, seed):
    """Members in groups of ten, and random clusters across all of them."""
    rng = np.random.RandomState(seed)
    made = work(tmp_path, OneAfterTheOther(), "dedup")
    stars, held_out = rng.randint(0, 3, N), rng.rand(N) < 0.02
    rows = [
        {**dict.fromkeys(MEMBERS.names, 0), "unit": i % GROUP, "kept": True, "held_out": bool(held_out[i]),
         "counted": True, "stars": int(stars[i]), "key": i, "id": i.to_bytes(16, "big")}
        for i in range(N)
    ]  # fmt: skip
    members = [
        made.store.write_shard(
            f"objects/m/{a:03d}", MEMBERS, [pa.RecordBatch.from_pylist(rows[a : a + GROUP], MEMBERS)], Record("", {})
        )
        for a in range(0, N, GROUP)
    ]
    family = rng.randint(0, 60, N)
    root = np.array([int(np.flatnonzero(family == f)[0]) for f in family])
    root[np.bincount(root, minlength=N)[root] < 2] = -1
    return made, members, root, stars, held_out


def labels_in(made, buckets, root):
    nodes, out = np.flatnonzero(root >= 0), []
    for j, (a, b) in enumerate(zip(buckets.bounds, buckets.bounds[1:], strict=False)):
        mine = nodes[(nodes >= a) & (nodes < b)]
        batch = pa.RecordBatch.from_arrays([mine, root[mine]], schema=EDGES)
        out.append(made.store.write_shard(f"objects/l/{len(buckets)}-{j:03d}", EDGES, [batch], Record("", {})))
    return out


@pytest.mark.parametrize("most_rows", [1, 70, 10_000])
def test_each_cluster_keeps_its_best_member_however_rows_are_cut(tmp_path, most_rows):
    made, members, root, stars, held_out = corpus(tmp_path, 1)
    buckets = Buckets.of([GROUP] * (N // GROUP), most_rows)
    shards, elected = elect_members(made, PREFER, buckets, members, labels_in(made, buckets, root), "near")
    rows = [row for shard in shards for row in made.store.table(shard).to_pylist()]
    assert [row["node"] for row in rows] == np.flatnonzero(root >= 0).tolist()
    for row in rows:
        cluster = np.flatnonzero(root == root[row["node"]])
        best = min(cluster.tolist(), key=lambda i: (not held_out[i], -stars[i], i))
        assert row["kept_node"] == row["kept_key"] == best and row["kept_id"] == best.to_bytes(16, "big")
        assert row["size"] == len(cluster) and row["held_out"] == held_out[best]
        assert row["id"] == row["node"].to_bytes(16, "big")
    assert sum(shard.counts["clusters"] for shard in shards) == len(np.unique(root[root >= 0]))
    assert max(shard.counts["largest"] for shard in elected) == np.bincount(root[root >= 0]).max()
