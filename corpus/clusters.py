"""Connected components of documents that share a key.

In: runs of nodes (global row numbers) that share a key, and later pairs. Out: per node the smallest node it is
connected to. What a node stands for, and which one to keep, is not known here.

Bound: the forest is one array of 8 bytes per document, 8 GB at 10^9. Nodes arrive in any order and any number of
pieces; the answer does not depend on either, since the smallest node of a component is its root.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]


def forest(n_nodes: int) -> I64:
    """Every node its own component."""
    return np.arange(n_nodes, dtype=np.int64)


def join_runs(parent: I64, keys: U64, nodes: I64) -> None:
    """Join nodes next to each other that have the same key; `keys` is sorted, so each run becomes one component."""
    _join_runs(parent, keys, nodes)


def join_pairs(parent: I64, left: I64, right: I64) -> None:
    """Join each pair."""
    _join_pairs(parent, left, right)


def roots(parent: I64) -> I64:
    """Per node the smallest node of its component. Paths are halved on the way, so a second call is cheap."""
    out = np.empty_like(parent)
    _roots(parent, out)
    return out


def members_of(parent: I64) -> tuple[I64, I64]:
    """The nodes in components of two or more, ascending, and the root of each."""
    root = roots(parent)
    inside = root != np.arange(len(root))
    inside[root[inside]] = True
    nodes = np.flatnonzero(inside)
    return nodes, root[nodes]


def pairs_of_runs(keys: U64, nodes: I64, all_pairs_below: int) -> tuple[I64, I64]:
    """Pairs to verify among nodes that share a key: all pairs of a short run; of a longer one each node with its
    first and with the one before it, so that a boilerplate of a million copies costs two million pairs and not 10^12.
    """
    upper = int(np.count_nonzero(keys[1:] == keys[:-1])) * max(2, all_pairs_below)
    left, right = np.empty(upper, np.int64), np.empty(upper, np.int64)
    n = _pairs_of_runs(keys, nodes, all_pairs_below, left, right)
    return left[:n].copy(), right[:n].copy()


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
def _join_pairs(parent: Any, left: Any, right: Any) -> None:
    for i in range(left.size):
        _join(parent, left[i], right[i])


@njit(cache=True)
def _roots(parent: Any, out: Any) -> None:
    for i in range(parent.size):
        out[i] = _root(parent, i)


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
