import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from corpus.clusters import by_bucket, distinct
from corpus.schema import EDGES
from corpus.shards import Record
from pipelines.components import Buckets, connect, labels_of
from tests.pipelines.corpora import OneAfterTheOther, work


def test_a_group_added_at_the_end_moves_no_bound():
    sizes = [5, 4, 9, 1, 1, 30, 2]
    buckets = Buckets.of(sizes, 10)
    assert buckets.bounds == (0, 9, 19, 20, 50, 52)
    assert buckets.groups == (slice(0, 2), slice(2, 4), slice(4, 5), slice(5, 6), slice(6, 7))
    assert Buckets.of([*sizes, 3], 10).bounds[:5] == buckets.bounds[:5]
    assert [buckets.of_group(group) for group in range(7)] == [0, 0, 1, 1, 2, 3, 4]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("most_rows", "memory"), [(10_000, 1 << 20), (700, 1 << 20), (50, 64 * 40)])
def test_components_are_scipys_with_one_bucket_and_with_forty(tmp_path, seed, most_rows, memory):
    """Long chains and stars in random order; in the smallest memory edges handed down are written in many rounds."""
    rng, n = np.random.RandomState(seed), 2_000
    made = work(tmp_path, OneAfterTheOther(), "dedup")
    buckets = Buckets.of([50] * 40, most_rows)
    ends = rng.randint(0, n, (4, 2, 400))
    files = []
    for index, (a, b) in enumerate(ends):
        a, b = a[a != b], b[a != b]
        node, to = distinct(np.maximum(a, b), np.minimum(a, b))
        batches = by_bucket(buckets.bounds, node, node, to)
        files.append(made.store.write_shard(f"objects/edges/{index}", EDGES, batches, Record("", {})))
    labels = connect(made, buckets, files, "near", memory)
    found = [np.concatenate(column) for column in zip(*(labels_of(made.store, s) for s in labels), strict=True)]
    graph = coo_array((np.ones(ends[:, 0].size), (ends[:, 0].ravel(), ends[:, 1].ravel())), shape=(n, n))
    _, component, size = np.unique(connected_components(graph)[1], return_inverse=True, return_counts=True)
    least = np.full(len(size), n)
    np.minimum.at(least, component, np.arange(n))
    inside = np.flatnonzero(size[component] > 1)
    assert found[0].tolist() == inside.tolist() and found[1].tolist() == least[component[inside]].tolist()
    assert len(labels) == len(buckets)


def test_no_edges_make_no_components(tmp_path):
    made = work(tmp_path, OneAfterTheOther(), "dedup")
    labels = connect(made, Buckets.of([3, 3], 3), [], "near", 1 << 20)
    assert [len(labels_of(made.store, shard)[0]) for shard in labels] == [0, 0]
