"""Imports point one way, Dask stays in pipelines/, and tests mirror the tree."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ORDER = ["corpus", "tokenization", "filters", "validate", "pipelines"]  # each may import itself and those before it
FILES = sorted(path for package in [*ORDER, "benchmarks"] for path in (ROOT / package).rglob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path} imports relatively"
            yield node.module.split(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    allowed = {*ORDER, "benchmarks"} if package == "benchmarks" else set(ORDER[: ORDER.index(package) + 1])
    assert {name for name in imported(path) if name in {*ORDER, "benchmarks"}} <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_dask_appears_only_in_the_cluster_file(path):
    if path != ROOT / "pipelines" / "cluster.py":
        assert not {"dask", "distributed"} & set(imported(path))


def test_every_source_file_says_what_it_is_for():
    silent = [path for path in FILES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert [str(path) for path in silent] == []
