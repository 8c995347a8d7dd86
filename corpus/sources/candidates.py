"""Lists of repositories: what `pipelines.discover` found, sorted by name, or a text file with one name per line.

Comes in: the path of a list. Goes out: names, and what is known of one. The Arrow file is read through a memory map and
searched by halving, so a hundred million candidates cost a worker no memory.
"""

import os
from dataclasses import dataclass
from functools import cache
from typing import Final

import pyarrow as pa

CANDIDATES: Final = pa.schema(
    [
        pa.field("name", pa.large_string(), nullable=False),  # owner/name; ascending, each once
        ("created", pa.timestamp("s", "UTC")),
        ("stars", pa.int32()),
        ("forks", pa.int32()),
        ("fork", pa.bool_()),  # whether it was made as a fork
    ]
)


@dataclass(frozen=True, slots=True)
class Known:
    """What a list says of a repository."""

    stars: int | None = None
    forks: int | None = None


def names(path: str) -> list[str]:
    """Every repository of the list."""
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"no list of repositories {path}: write a name per line, or make one with python -m pipelines.discover"
        )
    if path.endswith(".arrow"):
        found: list[str] = _table(path)["name"].to_pylist()
        return found
    with open(path, encoding="utf-8") as file:
        lines = (line.partition("#")[0].strip() for line in file)
        return list(dict.fromkeys(line for line in lines if line))


def known(path: str, name: str) -> Known:
    """Stars and forks of one; nothing where the list does not say."""
    if not path.endswith(".arrow"):
        return Known()
    table = _table(path)
    column, low, high = table["name"], 0, table.num_rows
    while low < high:
        middle = (low + high) // 2
        if column[middle].as_py() < name:
            low = middle + 1
        else:
            high = middle
    if low == table.num_rows or column[low].as_py() != name:
        return Known()
    return Known(table["stars"][low].as_py(), table["forks"][low].as_py())


@cache
def _table(path: str) -> pa.Table:
    try:
        with pa.memory_map(path) as source:
            table = pa.ipc.open_file(source).read_all()
    except pa.ArrowInvalid as error:
        raise ValueError(
            f"{path} is no Arrow file, or a cut one ({error}): make it again with python -m pipelines.discover"
        ) from error
    if not table.schema.equals(CANDIDATES):
        raise ValueError(f"{path} is no list of candidates: make one with python -m pipelines.discover")
    return table
