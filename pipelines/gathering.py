"""Part of stage crawl: sources whose roots lie across many files, such as an issue's comments across hours.

Each file is gathered once into a shard with a row group for each root; listing and reading a root then get its row
groups from all of them. Where there are more files than `fan_in`, neighbours are merged first, so many at a time, until
a job carries at most that many names: a year of hours is 69 shards after one merge, nine years are 5 after two.
Memory of a merge: a row group of each of `fan_in` shards, which is a part of what a root needs when it is read.
This file refuses to know any source (`corpus/sources/raw.py` says what such a one gives).
"""

import heapq
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import pyarrow as pa

from corpus.shards import Shard, Store
from pipelines.stage import Job, Work

FAN_IN: Final = 128  # shards that one job reads, and files that it has open


@dataclass(frozen=True, kw_only=True)
class _Part:
    """What is gathered from one file of a source."""

    source: Any
    gather: Callable[[Any, str, dict[str, int]], Iterator[pa.RecordBatch]]
    part: str

    def __str__(self) -> str:  # what an error names
        return self.part


def gathered_by(work: Work, source: Any, batch: str, fan_in: int | None = None) -> tuple[list[Shard], ...]:
    """What a source sorts before it can list: its roots lie across many files. Empty for the others."""
    module = sys.modules[type(source).__module__]
    if not hasattr(module, "gather"):
        return ()
    jobs = [
        Job((), _Part(source=module.gathering(source), gather=module.gather, part=part), batch=batch)
        for part in module.parts(source)
    ]
    shards = work.map(gather, None, jobs, step="gather", schema=module.GATHERED)
    most = fan_in or FAN_IN
    while len(shards) > most:
        parts = [shards[start : start + most] for start in range(0, len(shards), most)]
        jobs = [Job((part,), batch=batch) for part in parts]
        shards = work.map(merge, None, jobs, step="merge", schema=module.GATHERED)
    return (shards,)


def gather(store: Store, cfg: None, job: Job, counts: Counter[str]) -> Iterator[pa.RecordBatch]:
    """Task: one part of what a source gathers, a row group for each root."""
    assert isinstance(job.params, _Part)
    yield from job.params.gather(job.params.source, job.params.part, counts)


def merge(store: Store, cfg: None, job: Job, counts: Counter[str]) -> Iterator[pa.RecordBatch]:
    """Task: neighbouring shards as one, a row group for each root; its rows stay in the order of the shards."""
    for shard in job.inputs[0]:
        counts.update(shard.counts)
    # A slice, so that each of the many open files is read ahead by little; of equal roots the order stays.
    batches = heapq.merge(*(store.batches(shard, groups=slice(0, None)) for shard in job.inputs[0]), key=_root)
    for _, group in groupby(batches, key=_root):
        yield from pa.Table.from_batches(list(group)).combine_chunks().to_batches()


def _root(batch: pa.RecordBatch) -> str:
    return str(batch["root"][0].as_py())


def row_groups(store: Store, gathered: Sequence[list[Shard]]) -> tuple[Callable[[str], Iterator[pa.RecordBatch]], ...]:
    """The further argument of a gathering source's functions: a root's row groups."""
    if not gathered:
        return ()

    def found(root: str) -> Iterator[pa.RecordBatch]:
        for shard in gathered[0]:
            yield from store.part(shard, "root", root)

    return (found,)
