"""Part of stage crawl: which repositories are copies of others, by object ids alone, before their files are read.

Comes in: listings. Goes out: a reason for each listing that is not read. `mirror`: its root folder has the same object
id as a better one's, so every file is the same. `fork`: it shares its first commit with a better one, and that one
holds at least `overlap` of its files, by their ids; a fork that went its own way stays. Better: more stars, more forks,
created earlier, name.
The client holds some 300 bytes for each repository, a task the file ids of one repository and one batch of another's.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from corpus.shards import Shard, Store
from pipelines.stage import Job, Work

_PER_JOB: Final = 1_000  # listings of one task
_COLUMNS: Final = ("root", "tree", "family", "stars", "forks", "created")
RELATED: Final = pa.schema(
    [
        ("root", pa.string()),
        ("tree", pa.string()),
        ("family", pa.string()),
        ("stars", pa.int32()),
        ("forks", pa.int32()),
        ("created", pa.timestamp("s", "UTC")),
    ]
)
OVERLAP: Final = pa.schema([("files", pa.int64()), ("shared", pa.int64())])


@dataclass(frozen=True, slots=True)
class _Known:
    """A repository, and where its listing stands."""

    index: int
    tree: str
    family: str
    rank: tuple[int, int, int, str]  # ascending: the best first


def copies(work: Work, listings: Sequence[Shard], overlap: float) -> dict[int, str]:
    """Position of each listing that repeats another -> why it is not read."""
    jobs = [Job((list(listings[i : i + _PER_JOB]),)) for i in range(0, len(listings), _PER_JOB)]
    found = [
        row for shard in work.map(first_rows, None, jobs, step="related", schema=RELATED) for row in _rows(work, shard)
    ]
    known = [_known(index, row) for index, row in enumerate(found) if row["tree"] is not None]
    refused: dict[int, str] = {}
    for mirrors in _grouped(known, "tree"):
        refused |= {repository.index: "mirror" for repository in mirrors[1:]}
    families = list(_grouped([r for r in known if r.index not in refused], "family"))
    parts = [(family[0], family[i : i + _PER_JOB]) for family in families for i in range(1, len(family), _PER_JOB)]
    pairs = [Job(([listings[best.index]], [listings[r.index] for r in rest])) for best, rest in parts]
    for (_, rest), shard in zip(parts, work.map(shared, None, pairs, step="shared", schema=OVERLAP), strict=True):
        for repository, row in zip(rest, _rows(work, shard), strict=True):
            if row["shared"] >= overlap * row["files"]:
                refused[repository.index] = "fork"
    return refused


def _rows(work: Work, shard: Shard) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = work.store.table(shard).to_pylist()
    return rows


def _known(index: int, row: dict[str, Any]) -> _Known:
    created = int(row["created"].timestamp())
    stars, forks = (-1 if row[name] is None else row[name] for name in ("stars", "forks"))
    return _Known(index, row["tree"], row["family"], (-stars, -forks, created, row["root"]))


def _grouped(known: Sequence[_Known], by: str) -> Iterator[list[_Known]]:
    """Groups of two or more, the best first."""
    groups: dict[str, list[_Known]] = defaultdict(list)
    for repository in known:
        groups[getattr(repository, by)].append(repository)
    for group in groups.values():
        if len(group) > 1:
            yield sorted(group, key=lambda repository: repository.rank)


def first_rows(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """Task: what each listing says of its repository as a whole."""
    rows = [next(store.batches(shard, _COLUMNS)).slice(0, 1) for shard in job.inputs[0]]
    yield pa.Table.from_batches(rows).select(list(_COLUMNS)).combine_chunks().to_batches()[0]


def shared(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """Task: of each listing, how many files there are, and how many of them the best one holds too."""
    [best] = job.inputs[0]
    held = pa.chunked_array([_ids(batch) for batch in store.batches(best, ["locator", "refused"])], pa.string())
    rows = []
    for shard in job.inputs[1]:
        parts = [_ids(batch) for batch in store.batches(shard, ["locator", "refused"])]
        same = sum(pc.sum(pc.is_in(part, value_set=held)).as_py() or 0 for part in parts)
        rows.append({"files": sum(len(part) for part in parts), "shared": same})
    yield pa.RecordBatch.from_pylist(rows, OVERLAP)


def _ids(batch: pa.RecordBatch) -> pa.Array:
    return batch.filter(pc.is_null(batch["refused"]))["locator"]
