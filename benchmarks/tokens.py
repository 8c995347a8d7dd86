"""Benchmark `tokens`: every speed of docs/tokens.md from one run: encoding, packing, and reading the rows again."""

from collections.abc import Iterator
from typing import Any

from benchmarks import dataset, pack, tokenize


def rows() -> Iterator[dict[str, Any]]:
    """The figures of `tokenize`, `pack` and `dataset`."""
    for one in (tokenize, pack, dataset):
        yield from one.rows()
