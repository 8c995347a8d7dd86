"""Connected components of documents that share a key, in memory and out of core.

In: runs of nodes (global row numbers) that share a key, or pairs. Out: per node the smallest node it is connected to.
What a node stands for, and which one to keep, is not known here.

In memory (`forest`, `join_*`, `roots`): one array of 8 bytes per node. Out of core nodes are cut into *buckets*,
consecutive ranges. An edge (node, to) has node > to and belongs to the bucket of its node. `contract` takes one
bucket's edges in any order and any number of pieces and holds 16 bytes per node of the bucket, however many edges
there are: each component inside the bucket remembers the one smallest node below the bucket it is connected to, and an
edge to another one becomes an edge between those two, which belongs to a lower bucket. So no edge makes more than one
other, every bucket is finished once all above it are, and from the lowest bucket up each node then finds its root. (The
idea is Sibeyn's for minimum spanning trees in external memory: take out the largest node, join its neighbours.)
Nodes arrive in any order; the answer does not depend on it, since the smallest node of a component is its root.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from corpus.schema import EDGES

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Bool = npt.NDArray[np.bool_]

_NONE: Final = -1


def forest(n_nodes: int) -> I64:
    """Every node its own component."""
    return np.arange(n_nodes, dtype=np.int64)


def join_runs(parent: I64, keys: U64, nodes: I64) -> None:
    """Join nodes next to each other that have the same key; `keys` is sorted, so each run becomes one component."""
    _join_runs(parent, keys, nodes)


def roots(parent: I64) -> I64:
    """Per node the smallest node of its component. Paths are halved on the way, so a second call is cheap."""
    out = np.empty_like(parent)
    _roots(parent, out)
    return out


def stars_of_runs(keys: U64, nodes: I64) -> tuple[I64, I64]:
    """Per run of nodes with one key, sorted by (key, node), an edge from each to the run's smallest."""
    first = np.ones(len(keys), bool)
    first[1:] = keys[1:] != keys[:-1]
    smallest = nodes[first][np.cumsum(first) - 1] if len(nodes) else nodes
    return nodes[~first], smallest[~first]


def pairs_of_runs(keys: U64, nodes: I64, all_pairs_below: int) -> tuple[I64, I64]:
    """Pairs to verify among nodes that share a key: all pairs of a short run; of a longer one each node with its
    first and with the one before it, so that a boilerplate of a million copies costs two million pairs and not 10^12.
    """
    upper = int(np.count_nonzero(keys[1:] == keys[:-1])) * max(2, all_pairs_below)
    left, right = np.empty(upper, np.int64), np.empty(upper, np.int64)
    n = _pairs_of_runs(keys, nodes, all_pairs_below, left, right)
    return right[:n].copy(), left[:n].copy()  # the larger node first


def distinct(node: I64, to: I64) -> tuple[I64, I64]:
    """The edges sorted by (node, to), each once."""
    order = np.lexsort((to, node))
    node, to = node[order], to[order]
    new = np.ones(len(node), bool)
    new[1:] = (node[1:] != node[:-1]) | (to[1:] != to[:-1])
    return node[new], to[new]


def by_bucket(bounds: Sequence[int], by: I64, node: I64, to: I64) -> Iterator[pa.RecordBatch]:
    """The edges as one batch per bucket of `by`, which ascends; bucket i is [bounds[i], bounds[i + 1])."""
    cuts = np.searchsorted(by, np.asarray(bounds))
    for start, stop in itertools.pairwise(cuts):
        yield pa.RecordBatch.from_arrays([node[start:stop], to[start:stop]], schema=EDGES)


class Bucket:
    """The components inside one bucket of nodes, and the smallest node below it that each is connected to."""

    def __init__(self, first: int, n_nodes: int) -> None:
        self.first = first
        self.parent = forest(n_nodes)
        self.outside = np.full(n_nodes, _NONE, np.int64)

    def join(self, node: I64, to: I64) -> tuple[I64, I64]:
        """Take edges of the bucket; the edges that follow for lower buckets, at most as many."""
        left, right = np.empty(len(node), np.int64), np.empty(len(node), np.int64)
        n = _contract(self.first, self.parent, self.outside, node, to, left, right)
        return left[:n], right[:n]

    def stars(self) -> tuple[I64, I64, I64, I64]:
        """Edges from each connected node to a smaller one: inside the bucket to a root there; to a node below it,
        sorted by that.
        """
        root = roots(self.parent)
        below = self.outside[root]
        out = np.flatnonzero(below != _NONE)
        out = out[np.argsort(below[out], kind="stable")]
        within = np.flatnonzero((below == _NONE) & (root != np.arange(len(root))))
        return self.first + within, self.first + root[within], self.first + out, below[out]


class Labels:
    """The roots of one bucket's nodes, filled from its own stars and from the answers of lower buckets."""

    def __init__(self, first: int, n_nodes: int) -> None:
        self.first = first
        self.root = first + np.arange(n_nodes, dtype=np.int64)
        self.inside = np.zeros(n_nodes, bool)  # in a component of two or more

    def put(self, node: I64, root: I64) -> None:
        """Answers: the final roots of some of the bucket's nodes, or stars to roots in the bucket."""
        self.root[node - self.first] = root
        self.inside[node - self.first] = True
        own = root[root >= self.first]
        self.inside[own - self.first] = True

    def ask(self, of: I64) -> I64:
        """The final roots of these nodes of the bucket, which others are connected to."""
        self.inside[of - self.first] = True
        return self.root[of - self.first]

    def clustered(self) -> tuple[I64, I64]:
        """The nodes in components of two or more, ascending, and the root of each."""
        rows = np.flatnonzero(self.inside)
        return self.first + rows, self.root[rows]


@njit(cache=True)
def _root(parent: Any, node: Any) -> Any:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(cache=True)
def _join(parent: Any, left: Any, right: Any) -> None:
    left, right = _root(parent, left), _root(parent, right)
    if left < right:
        parent[right] = left
    else:
        parent[left] = right


@njit(cache=True)
def _join_runs(parent: Any, keys: Any, nodes: Any) -> None:
    for i in range(1, nodes.size):
        if keys[i] == keys[i - 1]:
            _join(parent, nodes[i - 1], nodes[i])


@njit(cache=True)
def _roots(parent: Any, out: Any) -> None:
    for i in range(parent.size):
        out[i] = _root(parent, i)


@njit(cache=True)
def _contract(first: Any, parent: Any, outside: Any, node: Any, to: Any, left: Any, right: Any) -> Any:
    """Edges handed down are written to left > right; their number."""
    n = 0
    for i in range(node.size):
        a = _root(parent, node[i] - first)
        if to[i] >= first:
            b = _root(parent, to[i] - first)
            if a == b:
                continue
            a, b = min(a, b), max(a, b)
            parent[b] = a
            other = outside[b]
        else:
            other = to[i]
        mine = outside[a]
        if other in (_NONE, mine):
            continue
        if mine != _NONE:
            left[n], right[n] = max(mine, other), min(mine, other)
            n += 1
            other = right[n - 1]
        outside[a] = other
    return n


@njit(cache=True)
def _pairs_of_runs(keys: Any, nodes: Any, below: Any, left: Any, right: Any) -> Any:
    n, start = 0, 0
    for i in range(1, nodes.size + 1):
        if i < nodes.size and keys[i] == keys[start]:
            continue
        for j in range(start + 1, i):
            first = start if i - start < below else j - 1
            for k in range(first, j):
                left[n], right[n] = nodes[k], nodes[j]
                n += 1
            if first > start:
                left[n], right[n] = nodes[start], nodes[j]
                n += 1
        start = i
    return n
