from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from corpus.clusters import Bucket, Labels, by_bucket, distinct, forest, join_runs, pairs_of_runs, roots, stars_of_runs

N = 30
NODES = st.integers(0, N - 1)
RUNS = st.lists(st.lists(NODES, min_size=1, max_size=9, unique=True).map(sorted), max_size=6)
EDGES = st.lists(st.tuples(NODES, NODES).filter(lambda pair: pair[0] != pair[1]), max_size=40)


def least_of_component(pairs):
    """SciPy's labels, each replaced by the smallest node that has it."""
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs)), (left, right)), shape=(N, N))
    _, labels = connected_components(graph, directed=False)
    return [int(np.flatnonzero(labels == label)[0]) for label in labels]


def columns(runs):
    keys = np.array([i for i, run in enumerate(runs) for _ in run], np.uint64)
    return keys, np.array([node for run in runs for node in run], np.int64)


@settings(deadline=None)
@given(runs=RUNS)
def test_nodes_with_a_common_key_become_one_component(runs):
    parent = forest(N)
    join_runs(parent, *columns(runs))
    assert roots(parent).tolist() == least_of_component([(run[0], node) for run in runs for node in run])


@given(runs=RUNS)
def test_a_run_is_a_star_around_its_smallest_node(runs):
    node, to = stars_of_runs(*columns(runs))
    assert list(zip(node.tolist(), to.tolist(), strict=True)) == [(n, run[0]) for run in runs for n in run[1:]]


@settings(deadline=None)
@given(runs=RUNS, below=st.integers(2, 9))
def test_short_runs_give_all_pairs_and_long_ones_a_star_and_a_chain(runs, below):
    later, earlier = pairs_of_runs(*columns(runs), below)
    expected = []
    for run in runs:
        if len(run) < below:
            expected += [(b, a) for j, b in enumerate(run) for a in run[:j]]
        else:
            expected += [(run[1], run[0])]
            expected += [pair for j in range(2, len(run)) for pair in ((run[j], run[j - 1]), (run[j], run[0]))]
    assert sorted(zip(later.tolist(), earlier.tolist(), strict=True)) == sorted(expected)


@given(pairs=EDGES)
def test_each_edge_is_left_once_and_in_order(pairs):
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    node, to = distinct(left, right)
    assert list(zip(node.tolist(), to.tolist(), strict=True)) == sorted(set(pairs))


def bucket_by_bucket(pairs, bounds, order):
    """The protocol of `pipelines.components` in memory: contract from the top, resolve from the bottom."""
    n = len(bounds) - 1
    waiting = [[] for _ in range(n)]

    def hand_out(node, to):
        for place, batch in enumerate(by_bucket(bounds, np.sort(node), *(c[np.argsort(node)] for c in (node, to)))):
            if batch.num_rows:
                waiting[place].append([batch.column(name).to_numpy() for name in ("node", "to")])

    edges = np.array([sorted(pair, reverse=True) for pair in pairs], np.int64).reshape(-1, 2)[order]
    hand_out(*edges.T)
    stars = []
    for j in reversed(range(n)):
        bucket = Bucket(bounds[j], bounds[j + 1] - bounds[j])
        for node, to in waiting[j]:
            left, right = bucket.join(node.copy(), to.copy())
            assert len(left) <= len(node) and (left > right).all() and (left < bounds[j]).all()
            hand_out(left, right)
        stars.insert(0, bucket.stars())
    labels = [Labels(a, b - a) for a, b in pairwise(bounds)]
    for j in range(n):
        labels[j].put(*stars[j][:2])
        for i in range(j + 1, n):
            node, below = stars[i][2:]
            mine = (below >= bounds[j]) & (below < bounds[j + 1])
            labels[i].put(node[mine], labels[j].ask(below[mine]))
    return [np.concatenate(column) for column in zip(*(one.clustered() for one in labels), strict=True)]


@pytest.mark.parametrize("bounds", [(0, 30), (0, 15, 30), (0, 1, 2, 7, 7, 19, 30), tuple(range(31))], ids=len)
@settings(deadline=None)
@given(pairs=EDGES, seed=st.integers(0, 9))
def test_components_are_scipys_however_nodes_are_cut_and_edges_ordered(bounds, pairs, seed):
    nodes, root = bucket_by_bucket(pairs, bounds, np.random.RandomState(seed).permutation(len(pairs)))
    expected = least_of_component(pairs)
    inside = [node for node in range(N) if expected.count(expected[node]) > 1]
    assert nodes.tolist() == inside and root.tolist() == [expected[node] for node in inside]


def test_ten_million_identical_documents_are_one_cluster():
    n = 10_000_000
    bucket = Bucket(n, n)
    handed, _ = bucket.join(np.arange(n, 2 * n), np.zeros(n, np.int64))
    _, _, node, below = bucket.stars()
    assert len(handed) == 0 and len(node) == n and not below.any()
