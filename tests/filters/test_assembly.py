from hashlib import blake2b
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.schema import SAMPLES
from filters.assembly import AssemblyConfig, assemble, cut_at_files, dependency_order

FILES = pa.schema(
    [
        ("id", pa.binary(16)),
        ("kind", pa.string()),
        ("repo", pa.string()),
        ("path", pa.string()),
        ("language", pa.string()),
        ("domain", pa.string()),
        ("subdomain", pa.string()),
        ("size", pa.int64()),
        ("imports", pa.list_(pa.string())),
        ("shard", pa.int32()),
        ("row", pa.int32()),
    ]
)
REPOSITORY = AssemblyConfig(mode="repository")


def table(rows):
    full = [
        {"id": i.to_bytes(16, "big"), "kind": "file", "repo": "o/r", "language": "Python", "domain": "code",
         "subdomain": "source", "size": 10, "imports": [], "shard": i % 2, "row": i, **row}
        for i, row in enumerate(rows)
    ]  # fmt: skip
    return pa.Table.from_pylist(full, FILES)


def assembled(cfg, rows):
    batches = list(assemble(cfg, table(rows)))
    return [row for batch in batches for row in batch.to_pylist()]


def paths(samples, rows):
    return [[rows[d["row"]]["path"] for d in sample["documents"]] for sample in samples]


def algorithm_1(n, edges):
    """The published pseudo-code: argmin over all unplaced files of a subgraph."""
    in_degree = [sum(1 for file, _ in edges if file == i) for i in range(n)]
    part = list(range(n))
    for _ in range(n):
        for a, b in edges:
            part[a] = part[b] = min(part[a], part[b])
    orders = []
    for root in sorted(set(part)):
        members, placed = [i for i in range(n) if part[i] == root], []
        while len(placed) < len(members):
            file = min((i for i in members if i not in placed), key=lambda i: (in_degree[i], i))
            for a, b in edges:
                if b == file:
                    in_degree[a] -= 1
            placed.append(file)
        orders.append(placed)
    return orders


@given(st.integers(1, 9).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.tuples(*[st.integers(0, n - 1)] * 2)))))
def test_the_heap_gives_the_published_order(case):
    n, edges = case
    edges = {(a, b) for a, b in edges if a != b}
    assert dependency_order(n, sorted(edges)) == algorithm_1(n, edges)


def test_dependencies_come_first_and_parts_stay_apart():
    assert dependency_order(5, [(0, 2), (2, 4), (1, 3)]) == [[4, 2, 0], [3, 1]]


def test_a_cycle_starts_at_its_least_dependent_file():
    assert dependency_order(3, [(0, 1), (1, 0), (0, 2)]) == [[2, 0, 1]]


def test_a_repository_of_100_000_files_in_a_chain_is_ordered():
    n = 100_000
    assert dependency_order(n, [(i, i + 1) for i in range(n - 1)]) == [list(range(n - 1, -1, -1))]


@given(st.lists(st.integers(0, 9), max_size=20), st.integers(1, 15))
def test_cuts_keep_every_file_in_order_and_the_cap(sizes, most):
    runs = list(cut_at_files(range(len(sizes)), sizes, most))
    assert [i for run in runs for i in run] == list(range(len(sizes)))
    assert all(len(run) == 1 or sum(sizes[i] for i in run) <= most for run in runs)
    assert all(sum(sizes[i] for i in [*a, b[0]]) > most for a, b in pairwise(runs))


ROWS = [
    {"path": "app/main.py", "imports": ["from app import util", "import os"]},
    {"path": "app/util.py", "imports": ["from .base import Base"]},
    {"path": "app/base.py"},
    {"path": "setup.py", "size": 500},
    {"path": "README.md", "language": None, "subdomain": "text"},
    {"path": None, "kind": "page", "repo": None, "language": None, "domain": "math", "subdomain": "web"},
]


def test_a_repository_becomes_its_connected_parts_dependencies_first():
    samples = assembled(REPOSITORY, ROWS)
    assert paths(samples, ROWS) == [["app/base.py", "app/util.py", "app/main.py"], ["setup.py"], ["README.md"], [None]]
    assert [d["comment"] for d in samples[0]["documents"]] == ["# app/base.py\n", "# app/util.py\n", "# app/main.py\n"]
    assert [s["documents"][0]["comment"] for s in samples[1:]] == ["# setup.py\n", "", ""]
    assert [(s["domain"], s["subdomain"], s["language"]) for s in samples] == [
        ("code", "source", "Python"), ("code", "source", "Python"), ("code", "text", None), ("math", "web", None)
    ]  # fmt: skip


def test_per_file_every_document_is_a_sample_in_the_order_of_the_documents():
    samples = assembled(AssemblyConfig(mode="file", comment=False), ROWS)
    assert paths(samples, ROWS) == [[row["path"]] for row in ROWS]
    assert {d["comment"] for s in samples for d in s["documents"]} == {""}


def test_a_long_part_is_cut_at_file_borders():
    samples = assembled(AssemblyConfig(mode="repository", max_bytes=20), ROWS)
    assert paths(samples, ROWS)[:2] == [["app/main.py"], ["app/base.py", "app/util.py"]]


def test_a_sample_is_named_by_its_documents_in_order():
    first = assembled(REPOSITORY, ROWS)[0]
    assert first["sample"] == blake2b(b"".join(d["document"] for d in first["documents"]), digest_size=16).digest()


def test_a_samples_language_is_that_of_its_largest_document():
    rows = [
        {"path": "a.c", "language": "C", "imports": ['#include "a.h"'], "size": 5},
        {"path": "a.h", "language": "C++", "size": 6},
    ]
    assert [s["language"] for s in assembled(REPOSITORY, rows)] == ["C++"]


def test_files_that_do_not_wait_come_in_path_order_wherever_they_lie():
    rows = [{"path": "b.py"}, {"path": "a.py"}, {"path": "c.py"}, {"path": "m.py", "imports": ["import a, b, c"]}]
    assert paths(assembled(REPOSITORY, rows), rows) == [["a.py", "b.py", "c.py", "m.py"]]


def test_two_repositories_are_never_joined():
    rows = [{"path": "a.py", "imports": ["import b"]}, {"path": "b.py", "repo": "other/r"}]
    assert paths(assembled(REPOSITORY, rows), rows) == [["a.py"], ["b.py"]]


def test_missing_imports_are_no_imports():
    assert len(assembled(REPOSITORY, [{"path": "a.py", "imports": None}])) == 1


def test_nothing_gives_nothing():
    assert list(assemble(REPOSITORY, table([]))) == []


def test_the_samples_have_the_declared_schema():
    assert next(assemble(REPOSITORY, table(ROWS))).schema.equals(SAMPLES)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"mode": "off"}, "mode must be 'file' or 'repository'"), ({"max_bytes": 0}, "max_bytes must be at least 1"),
     ({"group_bytes": 0}, "group_bytes must be at least 1")],
)  # fmt: skip
def test_a_wrong_setting_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        AssemblyConfig(**settings)
