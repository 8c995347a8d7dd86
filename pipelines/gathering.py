"""Part of stage crawl: sources whose roots lie across many files, such as an issue's comments across hours.

Each file is gathered once into a shard with a row group for each root; listing and reading a root then get its row
groups from all of them. This file refuses to know any source (`corpus/sources/raw.py` says what such a one gives).
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from corpus.shards import Shard, Store
from pipelines.stage import Job, Work


@dataclass(frozen=True, kw_only=True)
class _Part:
    """What is gathered from one file of a source."""

    source: Any
    gather: Callable[[Any, str, dict[str, int]], Iterator[pa.RecordBatch]]
    part: str


def gathered_by(work: Work, source: Any, batch: str) -> tuple[list[Shard], ...]:
    """What a source sorts before it can list: its roots lie across many files. Empty for the others."""
    module = sys.modules[type(source).__module__]
    if not hasattr(module, "gather"):
        return ()
    jobs = [
        Job((), _Part(source=module.gathering(source), gather=module.gather, part=part), batch=batch)
        for part in module.parts(source)
    ]
    return (work.map(gather, None, jobs, step="gather", schema=module.GATHERED),)


def gather(store: Store, cfg: None, job: Job, counts: Counter[str]) -> Iterator[pa.RecordBatch]:
    """Task: one part of what a source gathers, a row group for each root."""
    assert isinstance(job.params, _Part)
    yield from job.params.gather(job.params.source, job.params.part, counts)


def row_groups(store: Store, gathered: Sequence[list[Shard]]) -> tuple[Callable[[str], Iterator[pa.RecordBatch]], ...]:
    """The further argument of a gathering source's functions: a root's row groups."""
    if not gathered:
        return ()

    def found(root: str) -> Iterator[pa.RecordBatch]:
        for shard in gathered[0]:
            yield from store.part(shard, "root", root)

    return (found,)
