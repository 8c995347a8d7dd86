import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from corpus.clusters import forest, join_pairs, join_runs, members_of, pairs_of_runs, roots

N = 30
NODES = st.integers(0, N - 1)
PAIRS = st.lists(st.tuples(NODES, NODES), max_size=40)


def least_of_component(pairs):
    """SciPy's labels, each replaced by the smallest node that has it."""
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs)), (left, right)), shape=(N, N))
    _, labels = connected_components(graph, directed=False)
    return [int(np.flatnonzero(labels == label)[0]) for label in labels]


@settings(deadline=None)
@given(pairs=PAIRS, seed=st.integers(0, 9))
def test_components_are_scipys_in_whatever_order_pairs_arrive(pairs, seed):
    parent = forest(N)
    left, right = np.array(pairs, np.int64).reshape(-1, 2)[np.random.RandomState(seed).permutation(len(pairs))].T
    join_pairs(parent, left.copy(), right.copy())
    assert roots(parent).tolist() == least_of_component(pairs)


RUNS = st.lists(st.lists(NODES, min_size=1, max_size=9, unique=True).map(sorted), max_size=6)


def columns(runs):
    keys = np.array([i for i, run in enumerate(runs) for _ in run], np.uint64)
    return keys, np.array([node for run in runs for node in run], np.int64)


@settings(deadline=None)
@given(runs=RUNS)
def test_nodes_with_a_common_key_become_one_component(runs):
    parent = forest(N)
    join_runs(parent, *columns(runs))
    assert roots(parent).tolist() == least_of_component([(run[0], node) for run in runs for node in run])


@settings(deadline=None)
@given(runs=RUNS, below=st.integers(2, 9))
def test_short_runs_give_all_pairs_and_long_ones_a_star_and_a_chain(runs, below):
    left, right = pairs_of_runs(*columns(runs), below)
    expected = []
    for run in runs:
        if len(run) < below:
            expected += [(a, b) for j, b in enumerate(run) for a in run[:j]]
        else:
            expected += [(run[0], run[1])]
            expected += [pair for j in range(2, len(run)) for pair in ((run[j - 1], run[j]), (run[0], run[j]))]
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == sorted(expected)


def test_only_components_of_two_or_more_are_clusters():
    parent = forest(6)
    join_pairs(parent, np.array([5, 3]), np.array([3, 1]))
    nodes, root = members_of(parent)
    assert nodes.tolist() == [1, 3, 5] and root.tolist() == [1, 1, 1]
    assert members_of(forest(3))[0].tolist() == []


def test_ten_million_identical_documents_are_one_cluster():
    n = 10_000_000
    parent = forest(n)
    join_runs(parent, np.zeros(n, np.uint64), np.arange(n))
    assert not roots(parent).any()
