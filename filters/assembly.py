"""Samples: which documents are read as one, in which order, with which path comments.

Comes in: a narrow table of survivors (id, kind, repo, path, language, domain, subdomain, size, imports, shard,
row). Goes out: samples. A connected part of a repository within one sub-domain is one sample where the recipe asks for
it, dependencies first; every other document is a sample of its own. Knows no text, no shards and no tokens.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from typing import Any, Literal

import pyarrow as pa

from corpus.schema import SAMPLES
from filters.dependencies import dependencies
from filters.path_comments import path_comment

_ROWS = 8192  # samples per row group: some 100 bytes each, and one entry per document
IN_REPOSITORIES = ("file", "notebook")


@dataclass(frozen=True, kw_only=True, slots=True)
class AssemblyConfig:
    """How files become samples.

    `max_bytes` cuts a longer repository sample at file borders: 1 MiB is three windows of the longest published context
    (128K tokens x 2.39 bytes of mixed source); what lies further apart is never seen together. The published recipe
    names no cap, and CV2 does not say that C1's assembly was applied, so `mode` is "file" unless a recipe asks.
    """

    mode: Literal["file", "repository"] = "file"
    max_bytes: int = 1 << 20
    comment: bool = True  # the file's path at its head, in the file's comment syntax
    group_bytes: int = 1 << 30  # documents per samples shard; `mix` and `pack` must be given the same

    def __post_init__(self) -> None:
        if self.mode not in ("file", "repository"):
            raise ValueError(f"mode must be 'file' or 'repository', not {self.mode!r}")
        if self.max_bytes < 1:
            raise ValueError(f"max_bytes must be at least 1, not {self.max_bytes}; a large number never cuts")
        if self.group_bytes < 1:
            raise ValueError(f"group_bytes must be at least 1, not {self.group_bytes}")


def dependency_order(n_files: int, edges: Iterable[tuple[int, int]]) -> list[list[int]]:
    """DeepSeek-Coder's Algorithm 1: the files of each connected part, dependencies before what depends on them.

    `edges`: distinct pairs (file, file it depends on). In each part the unplaced file of minimal in-degree comes next
    (minimal, not zero: there are cycles), the smaller index where in-degrees are equal; so files must come in path
    order. The published pseudo-code takes O(n^2); one heap over all parts takes O((n + edges) log n), because a part's
    files come off it in the same order as off a heap of its own.
    """
    dependants: list[list[int]] = [[] for _ in range(n_files)]
    waits_for = [0] * n_files
    part = list(range(n_files))
    for file, needed in edges:
        dependants[needed].append(file)
        waits_for[file] += 1
        a, b = _root(part, file), _root(part, needed)
        part[max(a, b)] = min(a, b)
    heap = [(degree, file) for file, degree in enumerate(waits_for)]
    heapify(heap)
    placed = [False] * n_files
    parts: dict[int, list[int]] = {_root(part, file): [] for file in range(n_files)}
    while heap:
        _, file = heappop(heap)
        if placed[file]:
            continue  # an entry from before its in-degree fell; the newer one came first
        placed[file] = True
        parts[_root(part, file)].append(file)
        for dependant in dependants[file]:
            waits_for[dependant] -= 1
            if not placed[dependant]:
                heappush(heap, (waits_for[dependant], dependant))
    return list(parts.values())


def _root(part: list[int], file: int) -> int:
    while part[file] != file:
        part[file] = part[part[file]]
        file = part[file]
    return file


def cut_at_files(files: Sequence[int], sizes: Sequence[int], most: int) -> Iterator[list[int]]:
    """Consecutive runs of at most `most` bytes; a file that is larger is a run of its own."""
    run: list[int] = []
    size = 0
    for file in files:
        if run and size + sizes[file] > most:
            yield run
            run, size = [], 0
        run.append(file)
        size += sizes[file]
    if run:
        yield run


def assemble(cfg: AssemblyConfig, files: pa.Table) -> Iterator[pa.RecordBatch]:
    """Samples in the order of their first document, so that a shard's order says nothing about anything else."""
    sizes = files["size"].to_pylist()
    samples = [
        run for part in _parts(cfg, files) for run in (cut_at_files(part, sizes, cfg.max_bytes) if part[1:] else [part])
    ]
    samples.sort(key=min)
    columns = {
        name: files[name].to_pylist()
        for name in ("id", "kind", "path", "language", "domain", "subdomain", "shard", "row")
    }
    for start in range(0, len(samples), _ROWS):
        yield _batch(cfg, columns, sizes, samples[start : start + _ROWS])


def _parts(cfg: AssemblyConfig, files: pa.Table) -> Iterator[list[int]]:
    kinds, repos = files["kind"].to_pylist(), files["repo"].to_pylist()
    joined: dict[tuple[str, str, str], list[int]] = {}
    domains, subdomains = files["domain"].to_pylist(), files["subdomain"].to_pylist()
    for i, (kind, repo) in enumerate(zip(kinds, repos, strict=True)):
        if cfg.mode == "repository" and repo is not None and kind in IN_REPOSITORIES:
            joined.setdefault((repo, domains[i], subdomains[i]), []).append(i)
        else:
            yield [i]
    paths, languages = files["path"].to_pylist(), files["language"].to_pylist()
    statements = files["imports"].combine_chunks()
    for (repo, _, _), members in joined.items():
        members.sort(key=lambda i: (paths[i], i))
        imports = [found or [] for found in statements.take(members).to_pylist()]
        needs = dependencies([paths[i] for i in members], [languages[i] for i in members], imports, repo)
        for part in dependency_order(len(members), needs):
            yield [members[n] for n in part]


def _batch(
    cfg: AssemblyConfig, columns: dict[str, list[Any]], sizes: list[int], samples: list[list[int]]
) -> pa.RecordBatch:
    rows = []
    for sample in samples:
        ids = [columns["id"][i] for i in sample]
        largest = max(sample, key=lambda i: (sizes[i], -i))
        rows.append(
            {
                "sample": blake2b(b"".join(ids), digest_size=16).digest(),
                "domain": columns["domain"][sample[0]],
                "subdomain": columns["subdomain"][sample[0]],
                "language": columns["language"][largest],
                "documents": [
                    {
                        "document": columns["id"][i],
                        "shard": columns["shard"][i],
                        "row": columns["row"][i],
                        "comment": _comment(cfg, columns["kind"][i], columns["path"][i], columns["language"][i]),
                    }
                    for i in sample
                ],
            }
        )
    return pa.RecordBatch.from_pylist(rows, SAMPLES)


def _comment(cfg: AssemblyConfig, kind: str, path: str | None, language: str | None) -> str:
    if not cfg.comment or path is None or kind not in IN_REPOSITORIES:
        return ""
    return path_comment(path, language)
