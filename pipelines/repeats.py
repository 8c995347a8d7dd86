"""Optional stage: survivors -> verdicts whose edits also take out spans that an earlier survivor holds.

Windows are written per group of shards, in row groups of equal ranges of hashes; one job per range reads that range of
every group and names the windows that go, a row group per group of shards; one job per document shard reads its group's
and merges their spans into the edits. So every window is read once, and every reading is of contiguous row groups.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.bands import range_groups, slices_for
from corpus.schema import RANGES, VERDICTS
from corpus.shards import Store
from filters.edits import merged, span_column
from filters.repeats import RepeatsConfig, repeat_spans, repeated, windows
from pipelines.stage import Job, Result, Shards, Work, groups, tally

_PLACE = [("shard", pa.int32()), ("row", pa.int32()), ("word", pa.int32())]
WINDOWS = pa.schema([("hash", pa.uint64()), *_PLACE], metadata=RANGES)
REPEATED = pa.schema(_PLACE, metadata=RANGES)
_WINDOW_BYTES = 72  # working memory per window of a range: its columns, the order of the sort, and copies
_TEXT = ("kind", "text")


def run(work: Work, cfg: RepeatsConfig, documents: Shards, verdicts: Shards, survivors: Shards) -> Result:
    """Documents are numbered as they lie in the plan's list, so the first crawl batch keeps its text."""
    parts = groups(documents, cfg.group_bytes)
    jobs = [Job((documents[part], survivors[part]), params=part.start) for part in parts]
    hashed = work.map(write_windows, cfg, jobs, step="windows", schema=WINDOWS)
    n_ranges = max(1, -(-sum(shard.rows for shard in hashed) * _WINDOW_BYTES // cfg.range_bytes))
    bounds = (*(part.start for part in parts), len(documents))
    jobs = [Job((hashed,), params=(index, n_ranges, bounds)) for index in range(n_ranges)]
    found = work.map(write_repeated, None, jobs, step="repeated", schema=REPEATED)
    jobs = []
    for place, part in enumerate(parts):
        for index in range(part.start, part.stop):
            inputs = ([documents[index]], [verdicts[index]], found)
            jobs.append(Job(inputs, params=(index, place), batch=documents[index].batch))
    edits = work.map(write_edits, cfg, jobs, step="edits", schema=VERDICTS)
    return Result({"edits": edits}, tally(edits) | {"windows": sum(s.rows for s in hashed)})


def write_windows(store: Store, cfg: RepeatsConfig, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The windows of one group's survivors; holds 24 bytes per window of the group."""
    documents, survivors = job.inputs
    parts = [(np.zeros(0, np.uint64), *(np.zeros(0, np.int64),) * 3)]
    for place, (shard, survivor) in enumerate(zip(documents, survivors, strict=True)):
        start = 0
        for batch, fate in zip(store.batches(shard, _TEXT), store.batches(survivor, ["survives"]), strict=True):
            alive = np.flatnonzero(np.asarray(fate["survives"].fill_null(False)))
            living = batch.take(pa.array(alive))
            hashes, rows, words = windows(cfg, living["kind"].to_pylist(), living["text"])
            shards = np.full(len(rows), int(str(job.params)) + place, np.int64)
            parts.append((hashes, shards, start + alive[rows], words))
            start += batch.num_rows
    hashes, shards, rows, words = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(hashes, kind="stable")
    columns = [column[order] for column in (hashes, shards, rows, words)]
    counts["slices"] = slices_for(len(order))
    cuts = np.searchsorted(columns[0], [np.uint64(i * 2**64 // counts["slices"]) for i in range(counts["slices"])])
    for a, b in pairwise([*cuts.tolist(), len(order)]):
        yield _batch(WINDOWS, *(column[a:b] for column in columns))


def write_repeated(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """Of one range of hashes, the windows that an earlier document holds, in the order of the documents."""
    (hashed,) = job.inputs
    index, n_ranges, bounds = cast(tuple[int, int, tuple[int, ...]], job.params)
    low, high = np.uint64(index * 2**64 // n_ranges), np.uint64((index + 1) * 2**64 // n_ranges - 1)
    parts = [(np.zeros(0, np.uint64), *(np.zeros(0, np.int64),) * 3)]
    for shard in hashed:
        for batch in store.batches(shard, groups=range_groups(0, index, n_ranges, shard.counts["slices"])):
            hashes = batch["hash"].to_numpy()
            some = slice(np.searchsorted(hashes, low, "left"), np.searchsorted(hashes, high, "right"))
            parts.append(tuple(batch[name].to_numpy()[some] for name in WINDOWS.names))
    hashes, shards, rows, words = (np.concatenate(column) for column in zip(*parts, strict=True))
    documents = (shards.astype(np.int64) << 32) + rows
    later = np.flatnonzero(repeated(hashes, documents, words))
    counts["repeated_windows"] = len(later)
    order = later[np.lexsort((words[later], documents[later]))]
    cuts = np.searchsorted(shards[order], np.asarray(bounds))
    for a, b in pairwise(cuts.tolist()):
        yield _batch(REPEATED, *(column[order[a:b]] for column in (shards, rows, words)))


def write_edits(store: Store, cfg: RepeatsConfig, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The shard's verdicts with the repeats' spans merged into their edits."""
    (shard,), (verdict,), found = job.inputs
    index, place = cast(tuple[int, int], job.params)
    places = [_of_shard(store.batches(repeats, groups=slice(place, place + 1)), index) for repeats in found]
    rows, words = (np.concatenate(column) for column in zip(*places, strict=True))
    start = 0
    for batch, verdicts in zip(store.batches(shard, _TEXT), store.batches(verdict), strict=True):
        here = (rows >= start) & (rows < start + batch.num_rows)
        spans = repeat_spans(cfg, batch["kind"].to_pylist(), batch["text"], rows[here] - start, words[here])
        counts["spans"] += sum(map(len, spans))
        counts["repeated_bytes"] += sum(end - begin for row in spans for begin, end, _ in row)
        edits = merged(verdicts["edits"], span_column(spans))
        yield verdicts.set_column(verdicts.schema.get_field_index("edits"), verdicts.schema.field("edits"), edits)
        start += batch.num_rows


def _of_shard(batches: Iterator[pa.RecordBatch], shard: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Row and word of the repeated windows of one shard."""
    rows, words = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for batch in batches:
        mine = batch["shard"].to_numpy() == shard
        rows.append(batch["row"].to_numpy()[mine].astype(np.int64))
        words.append(batch["word"].to_numpy()[mine].astype(np.int64))
    return np.concatenate(rows), np.concatenate(words)


def _batch(schema: pa.Schema, *columns: npt.NDArray[np.generic]) -> pa.RecordBatch:
    arrays = [pa.array(column).cast(field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
