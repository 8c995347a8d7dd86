"""Stage: sources, in named batches -> documents, and pool pages; what is refused is counted by reason.

Two steps. `list` freezes what there is, one listing per root (repository, archive, WARC file). `read` turns
consecutive rows of the listings into one shard each: small roots share one, a large one spans several. A batch's
sources, limits and extractor enter the keys of its own shards only, so another batch or extractor redoes nothing else.
This file refuses to know any source: a source's module is found by the class of its settings (`sources/raw.py`).
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from types import ModuleType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from corpus.decode import Extracted
from corpus.draws import uniform_draws
from corpus.schema import DOCUMENTS, LISTED
from corpus.shards import Shard, Store
from corpus.sources.raw import Raw, document_id, text_names
from corpus.takedown import Taken, taken_down
from pipelines.gathering import gathered_by, row_groups
from pipelines.relatives import copies
from pipelines.stage import Job, Result, Work, tally

OUTPUTS: Final = ("documents", "pool")
ASSUMED_BYTES: Final = 10_000  # of a file whose size only reading tells: the mean of 28,387 source files was 10,600
ROW_GROUP_DOCUMENTS: Final = 1 << 16  # at most, however short they are: a signature takes 1 kB of each
Extractor = Callable[[Raw], Extracted]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One crawl: a source, how its bytes become text, and how much of each file is taken."""

    name: str
    source: Any  # settings of a module of corpus/sources, such as Git(...)
    extract: Extractor
    output: str = "documents"  # or "pool": web pages, from which recall selects
    max_bytes: int = 1 << 20  # of one file, as The Stack
    shard_bytes: int = 512 << 20  # before decoding

    def __post_init__(self) -> None:
        if not self.name or self.output not in OUTPUTS:
            raise ValueError(f"Batch needs a name and an output of {OUTPUTS}: {self.name!r}, {self.output!r}")
        if min(self.max_bytes, self.shard_bytes) < 1:
            raise ValueError(f"Batch {self.name}: max_bytes and shard_bytes must be at least 1")
        missing = [name for name in ("roots", "listing", "read") if not hasattr(_module(self.source), name)]
        if missing:
            raise ValueError(
                f"Batch {self.name}: {type(self.source).__module__} lacks {missing}; see corpus/sources/raw.py"
            )


@dataclass(frozen=True, kw_only=True)
class CrawlConfig:
    """All batches, in the order of the documents."""

    batches: tuple[Batch, ...]
    sample: float = 1.0  # share of origins, by hash
    seed: int = 0  # of the sample
    fork_overlap: float | None = (
        0.5  # share of a fork's files in its best relative from which it is refused; None: none
    )
    row_group_bytes: int = field(default=64 << 20)  # most text of one row group; one document may be larger

    def __post_init__(self) -> None:
        names = [batch.name for batch in self.batches]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"crawl needs batches of different names, not {names}")
        if not 0 < self.sample <= 1:
            raise ValueError(f"crawl.sample is a share above 0 and at most 1, not {self.sample}")
        if self.fork_overlap is not None and not 0 < self.fork_overlap <= 1:
            raise ValueError(f"crawl.fork_overlap is a share above 0 and at most 1, or None, not {self.fork_overlap}")
        if self.row_group_bytes < 1:
            raise ValueError(f"crawl.row_group_bytes must be at least 1, not {self.row_group_bytes}")


@dataclass(frozen=True, kw_only=True)
class _Root:
    """What one listing is made from. Neither limits nor the extractor: they change nothing about what there is."""

    source: Any
    listing: Callable[..., Iterator[pa.RecordBatch]]
    root: str

    def __str__(self) -> str:  # what an error names
        return self.root


@dataclass(frozen=True, slots=True)
class _Listed:
    """A root with its listing, and why it is not read."""

    root: str
    shard: Shard
    refused: str | None


@dataclass(frozen=True, kw_only=True)
class _Range:
    """Rows [start, stop) of one of the job's listings; none is read where there is a reason."""

    start: int
    stop: int
    root: str
    refused: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """What one shard is made from, beside its listings."""

    source: Any
    read: Callable[..., Iterator[Raw]]
    extract: Extractor
    max_bytes: int
    ranges: tuple[_Range, ...]


@dataclass(frozen=True, kw_only=True)
class _Take:
    """Settings that every batch shares."""

    sample: float
    seed: int
    row_group_bytes: int


def run(work: Work, cfg: CrawlConfig) -> Result:
    """List every root of every batch, then read."""
    roots = [(batch, root) for batch in cfg.batches for root in text_names(_module(batch.source).roots(batch.source))]
    gathered = {batch.name: gathered_by(work, batch.source, batch.name) for batch in cfg.batches}
    list_jobs = [
        Job(gathered[b.name], _Root(source=b.source, listing=_module(b.source).listing, root=r), batch=b.name)
        for b, r in roots
    ]
    listings = work.map(list_root, None, list_jobs, step="list", schema=LISTED, together=16)
    refused = _copies(work, cfg, [batch for batch, _ in roots], listings)
    listed = [
        (batch.name, _Listed(root, shard, refused.get(index)))
        for index, ((batch, root), shard) in enumerate(zip(roots, listings, strict=True))
    ]
    jobs = [
        job
        for batch in cfg.batches
        for job in _plan(
            work.store, cfg, batch, [entry for name, entry in listed if name == batch.name], gathered[batch.name]
        )
    ]
    take = _Take(sample=cfg.sample, seed=cfg.seed, row_group_bytes=cfg.row_group_bytes)
    shards = work.map(read_shard, take, jobs, step="read", schema=DOCUMENTS)
    pool = {batch.name for batch in cfg.batches if batch.output == "pool"}
    counts = tally(shards)
    counts.pop("continues", None)
    counts |= tally([shard for inputs in gathered.values() for part in inputs for shard in part])
    return Result(
        outputs={
            "documents": [shard for shard in shards if shard.batch not in pool],
            "pool": [shard for shard in shards if shard.batch in pool],
            "listing": listings,
        },
        counts={"roots": len(listings), **counts},
    )


def _copies(work: Work, cfg: CrawlConfig, batches: Sequence[Batch], listings: Sequence[Shard]) -> dict[int, str]:
    """Position of each listing that is not read, because another repository of the crawl holds its files."""
    places = [i for i, batch in enumerate(batches) if getattr(_module(batch.source), "RELATED", False)]
    if cfg.fork_overlap is None or len(places) < 2:
        return {}
    found = copies(work, [listings[place] for place in places], cfg.fork_overlap)
    return {places[index]: reason for index, reason in found.items()}


def _module(source: object) -> ModuleType:
    return sys.modules[type(source).__module__]


# --- list


def list_root(store: Store, cfg: None, job: Job, counts: Counter[str]) -> Iterator[pa.RecordBatch]:
    """Task: one root's listing. Its rows are counted as seen by `read`, so that no row is counted twice."""
    assert isinstance(job.params, _Root)
    for batch in job.params.listing(job.params.source, job.params.root, *row_groups(store, job.inputs)):
        taken = batch.filter(pc.is_null(batch["refused"]))
        counts["listed"] += batch.num_rows
        counts["listed_bytes"] += pc.sum(_sizes(taken)).as_py() or 0
        missing = [pa.nulls(batch.num_rows, f.type) for f in list(LISTED)[batch.num_columns :]]
        yield pa.RecordBatch.from_arrays([*batch.columns, *missing], schema=LISTED)


def _sizes(listing: pa.RecordBatch) -> pa.Array:
    """Sizes for planning, where only reading tells some of them."""
    return pc.fill_null(listing["size"], ASSUMED_BYTES)


# --- plan


def _plan(
    store: Store, cfg: CrawlConfig, batch: Batch, roots: Sequence[_Listed], gathered: tuple[list[Shard], ...]
) -> list[Job]:
    """Jobs of one batch: consecutive roots together up to `shard_bytes`, a larger root in pieces of its own."""
    jobs: list[Job] = []
    held: list[tuple[_Range, Shard]] = []
    held_bytes = 0

    def flush() -> None:
        if held:
            jobs.append(_job(batch, held, gathered))
            held.clear()

    for listed in roots:
        root, shard = listed.root, listed.shard
        size = shard.counts["listed_bytes"] if shard.rows and listed.refused is None else 0
        if not shard.rows or not _root_sampled(cfg, batch, root):
            continue
        if held_bytes + size > batch.shard_bytes:
            flush()
            held_bytes = 0
        if size > batch.shard_bytes:
            jobs += [
                _job(batch, [(piece, shard)], gathered) for piece in _pieces(store, root, shard, batch.shard_bytes)
            ]
        else:
            held.append((_Range(start=0, stop=shard.rows, root=root, refused=listed.refused), shard))
            held_bytes += size
    flush()
    return jobs


def _job(batch: Batch, held: Sequence[tuple[_Range, Shard]], gathered: tuple[list[Shard], ...]) -> Job:
    reading = _Reading(
        source=batch.source,
        read=_module(batch.source).read,
        extract=batch.extract,
        max_bytes=batch.max_bytes,
        ranges=tuple(piece for piece, _ in held),
    )
    return Job(([shard for _, shard in held], *gathered), reading, batch=batch.name)


def _pieces(store: Store, root: str, shard: Shard, shard_bytes: int) -> Iterator[_Range]:
    """Cuts of a large root; a cut falls before the row that would exceed `shard_bytes`."""
    start = row = size = 0
    for listing in store.batches(shard, ["size", "refused"]):
        taken = pc.if_else(pc.is_null(listing["refused"]), _sizes(listing), 0)
        for more in taken.to_pylist():
            if more and size + more > shard_bytes and row > start:
                yield _Range(start=start, stop=row, root=root)
                start, size = row, 0
            size += more
            row += 1
    yield _Range(start=start, stop=row, root=root)


# --- read


def read_shard(store: Store, cfg: _Take, job: Job, counts: Counter[str]) -> Iterator[pa.RecordBatch]:
    """Task: the documents of the job's rows, in their order, in row groups of bounded text."""
    assert isinstance(job.params, _Reading)
    reading = job.params
    first = reading.ranges[0]
    # A repository spans this shard and the one before; a WARC file that does is none, and may be cut anywhere.
    continued = first.root if first.start else None
    counts["continues"] = int(continued is not None)
    taken = taken_down(store)
    held: list[tuple[Raw, Extracted]] = []
    held_bytes = 0
    for raw in _raws(store, cfg, job, counts):
        if raw.root == continued and raw.repo is None:
            counts["continues"] = 0
        if not _sampled(cfg, raw.origin):
            continue
        counts["seen"] += 1
        made = Extracted(refused=raw.refused) if raw.refused else reading.extract(raw)
        if made.refused:
            counts[f"refused.{made.refused}"] += 1
            continue
        if taken and _is_taken(taken, job.batch, raw, made):
            counts["refused.taken_down"] += 1
            continue
        counts["kept"] += 1
        counts["bytes"] += len(made.text)
        full = held_bytes + len(made.text) > cfg.row_group_bytes or len(held) == ROW_GROUP_DOCUMENTS
        if held and full:
            yield _documents(job.batch, held)
            held, held_bytes = [], 0
        held.append((raw, made))
        held_bytes += len(made.text)
    if held:
        yield _documents(job.batch, held)


def _is_taken(taken: Taken, batch: str, raw: Raw, made: Extracted) -> bool:
    """Whether a takedown names the document; its list is read when the shard is made, and keys no shard anew."""
    return taken.holds(document_id(batch, raw.origin, raw.path, made.text), made.text, raw.repo, raw.path, raw.url)


def _raws(store: Store, cfg: _Take, job: Job, counts: Counter[str]) -> Iterator[Raw]:
    """What the source gives for the rows that nothing refuses before it is read; the others are counted here."""
    assert isinstance(job.params, _Reading)
    reading = job.params
    pieces = [_slice(store, shard, piece) for shard, piece in zip(job.inputs[0], reading.ranges, strict=True)]
    rows = pa.Table.from_batches([batch for piece in pieces for batch in piece], LISTED)
    rows = rows.filter(pa.array(_rows_sampled(cfg, reading, rows), pa.bool_()))
    large = pc.if_else(pc.greater(rows["size"], reading.max_bytes), "too_large", None)
    refused = pc.coalesce(rows["refused"], large)
    for entry in pc.value_counts(refused.drop_null()):
        counts[f"refused.{entry['values'].as_py()}"] += entry["counts"].as_py()
        counts["seen"] += entry["counts"].as_py()
    taken = rows.filter(pc.is_null(refused))
    if not taken.num_rows:
        return
    given = 0
    for row, raws in groupby(
        reading.read(reading.source, taken, *row_groups(store, job.inputs[1:])), key=lambda raw: raw.row
    ):
        if row != given:
            raise AssertionError(
                f"{reading.read.__module__}.read gave row {row} where {given} was due: {taken['path'][given]}"
            )
        yield from raws
        given += 1
    if given != taken.num_rows:
        raise AssertionError(
            f"{reading.read.__module__}.read left out {taken.num_rows - given} of {taken.num_rows} rows"
        )


def _slice(store: Store, shard: Shard, piece: _Range) -> Iterator[pa.RecordBatch]:
    start = 0
    for batch in store.batches(shard):
        low, high = max(piece.start - start, 0), min(piece.stop - start, batch.num_rows)
        if low < high:
            part = batch.slice(low, high - low)
            place = part.schema.get_field_index("refused")
            yield (
                part.set_column(place, part.field(place).name, pc.fill_null(part["refused"], piece.refused))
                if (piece.refused)
                else part
            )
        start += batch.num_rows


def _documents(source: str, held: Sequence[tuple[Raw, Extracted]]) -> pa.RecordBatch:
    raws, texts = zip(*held, strict=True)
    columns: dict[str, list[Any]] = {
        "id": [document_id(source, raw.origin, raw.path, made.text) for raw, made in held],
        "source": [source] * len(held),
        "kind": [made.kind or raw.kind for raw, made in held],
        "encoding": [made.encoding for made in texts],
        "declared": [made.declared or raw.declared for raw, made in held],
        "people": [list(raw.people) or None for raw in raws],
        "label": [None] * len(held),
        "text": [made.text for made in texts],
    }
    columns |= {f.name: [getattr(raw, f.name) for raw in raws] for f in DOCUMENTS if f.name not in columns}
    arrays = [pa.array(columns[f.name], f.type) for f in DOCUMENTS]
    return pa.RecordBatch.from_arrays(arrays, schema=DOCUMENTS)


# --- sample


def _sampled(cfg: _Take | CrawlConfig, origin: str) -> bool:
    return cfg.sample == 1 or _draw(origin, cfg.seed) < cfg.sample


@cache
def _draw(origin: str, seed: int) -> float:
    return uniform_draws(origin.encode(), seed, "sample", 0, 1)[0]


def _root_sampled(cfg: CrawlConfig, batch: Batch, root: str) -> bool:
    """Whether any of the root can be in the sample: a source's `origin(source, root, "")` may know before reading."""
    known = getattr(_module(batch.source), "origin", lambda *_: None)(batch.source, root, "")
    return known is None or _sampled(cfg, known)


def _rows_sampled(cfg: _Take, reading: _Reading, rows: pa.Table) -> list[bool]:
    """The same for rows; what only the content tells is asked of each `Raw`."""
    origin = getattr(_module(reading.source), "origin", None)
    if cfg.sample == 1 or origin is None:
        return [True] * rows.num_rows
    known = (
        origin(reading.source, root.as_py(), path.as_py())
        for root, path in zip(rows["root"], rows["path"], strict=True)
    )
    return [name is None or _sampled(cfg, name) for name in known]
