"""Benchmark `assemble`: seconds for one repository of 100,000 files, from import statements to samples in order.

The repository is made here: packages of 100 modules, each of which imports two earlier ones by name and one package,
and a ring of files in each package that import each other; Python and C, whose look-ups differ most. What is timed is
`assemble` over the narrow table, as the stage calls it. The half as large repository beside it shows the growth.
"""

import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from benchmarks._figures import figure
from filters.assembly import AssemblyConfig, assemble

_FILES = 100_000
_FOLDER = 100


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    for language in ("Python", "C"):
        half, whole = (_seconds(language, count) for count in (_FILES // 2, _FILES))
        yield figure("assemble", f"{language}: {_FILES:,} files", "s", whole)
        yield figure("assemble", f"{language}: {_FILES // 2:,} files", "s", half)


def _seconds(language: str, count: int) -> float:
    table = _repository(language, count)
    start = time.process_time()
    placed = sum(len(batch["documents"].flatten()) for batch in assemble(AssemblyConfig(mode="repository"), table))
    seconds = time.process_time() - start
    if placed != count:
        raise AssertionError(f"{placed} of {count} files were placed")
    return seconds


def _repository(language: str, count: int) -> pa.Table:
    paths, imports = [], []
    for index in range(count):
        folder, place = divmod(index, _FOLDER)
        ring = folder * _FOLDER + (place + 1) % _FOLDER
        targets = (index * 7 // 11, index * 3 // 5, ring if place < 5 else index // 2)
        paths.append(_path(language, index))
        imports.append([_statement(language, target) for target in targets if target != index and target < count])
    size = len(paths)
    columns = {
        "id": pa.array([index.to_bytes(16, "big") for index in range(size)], pa.binary(16)),
        "kind": ["file"] * size,
        "repo": ["owner/big"] * size,
        "path": paths,
        "language": [language] * size,
        "domain": ["code"] * size,
        "subdomain": ["source"] * size,
        "size": pa.array([5_000] * size, pa.int64()),
        "imports": pa.array(imports, pa.list_(pa.string())),
        "shard": pa.array([0] * size, pa.int32()),
        "row": pa.array(range(size), pa.int32()),
    }
    return pa.table(columns)


def _path(language: str, index: int) -> str:
    folder, place = divmod(index, _FOLDER)
    return f"pkg{folder}/mod{place}.{'py' if language == 'Python' else 'h'}"


def _statement(language: str, index: int) -> str:
    folder, place = divmod(index, _FOLDER)
    return f"from pkg{folder} import mod{place}" if language == "Python" else f'#include "pkg{folder}/mod{place}.h"'
