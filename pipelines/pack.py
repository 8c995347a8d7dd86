"""Stage: samples, their repeats and their documents' ids -> packed rows, and an index from document to row.

Three steps, four where groups are many. Emit: one file per group, what each repeat of each document emits (FIM,
comments, begin and end tokens), by bucket of the shuffle. Merge: where there are more than `merge_groups` groups,
files of so many of them for a range of buckets each, so that no task opens more files than that. Rows: one bucket of
all groups, made into rows. Index: where each document's tokens are. Buckets are counted from planned tokens and the
recipe's bytes, never from workers. No sample may hold a document that is held out or did not survive `dedup` (near-
duplicates of held-out ones do not), and the plain tokens of each domain are those of the plan to the token: else the
stage stops.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.schema import INDEX
from corpus.shards import Shard, Store
from corpus.takedown import taken_down
from pipelines.stage import Job, Result, Shards, Work, groups, tally
from tokenization.packing import DOMAINS, EMITTED, NO_ID, PADDING, PackConfig, emit_group, row_schema
from tokenization.rows import cut_rows
from tokenization.tokenizer import load


def run(
    work: Work,
    cfg: PackConfig,
    samples: Shards,
    mix: Shards,
    tokens: Shards,
    documents: Shards,
    verdicts: Shards,
    survivors: Shards,
) -> Result:
    """Rows and index shards; `documents` only tells the groups, `verdicts` and `survivors` what must not be packed."""
    cuts = groups(documents, cfg.group_bytes)
    if len(cuts) != len(samples):
        raise ValueError(
            f"pack makes {len(cuts)} groups of {cfg.group_bytes} bytes but assemble made {len(samples)}: "
            f"give both stages the same group_bytes"
        )
    measured = work.map(plan_group, None, [Job(([shard],)) for shard in mix], step="plan", schema=None)
    plan = tally(measured)
    buckets = cfg.buckets(sum(plan.values()))
    jobs = [
        Job(([group], [repeats], tokens[cut], verdicts[cut], survivors[cut]), params=buckets, batch=group.batch)
        for group, repeats, cut in zip(samples, mix, cuts, strict=True)
    ]
    emitted = work.map(emit, cfg, jobs, step="emit", schema=EMITTED)
    check_plan(plan, tally(emitted))
    jobs = [Job((files,), params=at) for files, at in _files_of_buckets(work, cfg, emitted, buckets)]
    rows = work.map(cut, cfg, jobs, step="rows", schema=row_schema(cfg))
    index = work.map(
        list_documents, None, [Job(([shard],), params=i) for i, shard in enumerate(rows)], step="index", schema=INDEX
    )
    packed, laid = tally(emitted), tally(rows)
    assert laid.get("tokens", 0) - laid.get("padding", 0) == packed.get("emitted", 0), (
        f"rows lost tokens: {laid} of {packed}"
    )
    most = max((shard.counts["reads"] for shard in rows), default=0)
    return Result({"rows": rows, "index": index}, {"buckets": buckets, "most_reads": most, **packed, **laid})


def _files_of_buckets(
    work: Work, cfg: PackConfig, emitted: Shards, buckets: int
) -> Iterator[tuple[Shards, tuple[int, int]]]:
    """Per bucket, the files that hold it and which of their row groups it is, as (bucket, row group)."""
    if len(emitted) <= cfg.merge_groups:
        yield from ((emitted, (bucket, bucket)) for bucket in range(buckets))
        return
    blocks = [emitted[at : at + cfg.merge_groups] for at in range(0, len(emitted), cfg.merge_groups)]
    # A merged file holds about as much as a bucket of all groups: its block's share of so many buckets.
    span = min(buckets, len(blocks))
    ranges = [(low, min(low + span, buckets)) for low in range(0, buckets, span)]
    jobs = [Job((block,), params=list(each)) for each in ranges for block in blocks]
    merged = work.map(merge, None, jobs, step="merge", schema=EMITTED)
    for at, (low, high) in enumerate(ranges):
        files = merged[at * len(blocks) : (at + 1) * len(blocks)]
        yield from ((files, (bucket, bucket - low)) for bucket in range(low, high))


def merge(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """A range of buckets of some groups, one row group per bucket; holds one bucket of them at a time."""
    (files,) = job.inputs
    low, high = _pair(job.params)
    readers = [store.batches(file, groups=slice(low, high)) for file in files]
    counts["reads"] = len(files)
    for parts in zip(*readers, strict=True):
        yield pa.Table.from_batches(parts).combine_chunks().to_batches()[0]


def plan_group(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Planned plain tokens of one group by domain, as counters alone."""
    ((mix,),) = job.inputs
    for batch in store.batches(mix):
        planned = np.asarray(batch["repeats"], np.int64) * np.asarray(batch["n_tokens"], np.int64)
        for name, n in zip(batch["domain"].to_pylist(), planned.tolist(), strict=True):
            if n:
                counts[name] = counts.get(name, 0) + n
    yield b""


def check_plan(plan: dict[str, int], packed: dict[str, int]) -> None:
    """Plain tokens are the plan's, domain by domain, with those that re-encoded lines replaced and those taken down."""
    for domain in DOMAINS[:PADDING]:
        got = sum(packed.get(f"{kind}.{domain}", 0) for kind in ("plain", "replaced", "taken"))
        if got != plan.get(domain, 0):
            raise AssertionError(f"{domain}: {got} plain tokens were packed, the plan has {plan.get(domain, 0)}")


def emit(store: Store, cfg: PackConfig, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """One group: what its samples emit, one row group per bucket. Holds the group's ids, and one bucket of them
    twice.
    """
    (samples,), (mix,), tokens, verdicts, survivors = job.inputs
    buckets: Any = job.params
    table = store.table(samples)
    repeats = store.table(mix)
    refuse_unfit(table, repeats, _flags(store, verdicts, "held_out"), _flags(store, survivors, "survives"))
    ids = [_column(store, shard, "ids") for shard in tokens]
    count_taken(table, repeats, ids, taken_down(store).ids, counts)
    for batch in emit_group(cfg, table, repeats, ids, buckets, counts):
        counts["emitted"] = counts.get("emitted", 0) + len(batch["input_ids"].values)
        yield batch


def count_taken(
    samples: pa.Table, mix: pa.Table, ids: list[pa.Array], taken: frozenset[bytes], counts: dict[str, int]
) -> None:
    """Tokens that were planned and then taken down; a sample that lacks tokens for another reason stops the stage."""
    lists = samples["documents"].combine_chunks()
    members = lists.flatten()
    sizes = [np.asarray(part.value_lengths(), np.int64) for part in ids]
    first = np.cumsum([0, *(len(part) for part in sizes)])
    at = first[np.asarray(members.field("shard"))] + np.asarray(members.field("row"))
    running = np.concatenate([[0], np.cumsum(np.concatenate([*sizes, np.zeros(0, np.int64)])[at])])
    ends = np.cumsum(np.asarray(lists.value_lengths(), np.int64))
    found = running[ends] - running[np.concatenate([[0], ends[:-1]])] if len(ends) else ends
    less = (np.asarray(mix["n_tokens"], np.int64) - found) * np.asarray(mix["repeats"], np.int64)
    for row in np.flatnonzero(less).tolist():
        if taken.isdisjoint(member["document"] for member in lists[row].as_py()):
            raise AssertionError(f"sample {samples['sample'][row].as_py().hex()} lacks {less[row]} planned tokens")
        name = f"taken.{mix['domain'][row].as_py()}"
        counts[name] = counts.get(name, 0) + int(less[row])


def refuse_unfit(samples: pa.Table, mix: pa.Table, held_out: list[np.ndarray], survives: list[np.ndarray]) -> None:
    """With a held-out document or its near-duplicate packed, a probe would be scored on what it was trained on."""
    packed = samples.filter(pc.greater(mix["repeats"], 0))
    members = packed["documents"].combine_chunks().flatten()
    first = np.cumsum([0, *(len(part) for part in held_out)])
    at = first[np.asarray(members.field("shard"))] + np.asarray(members.field("row"))
    for marks, wrong, what in (
        (held_out, True, "held-out document"),
        (survives, False, "document that dedup dropped:"),
    ):
        found = np.flatnonzero(np.concatenate([*marks, np.zeros(0, bool)])[at] == wrong)
        if len(found):
            parents = pc.list_parent_indices(packed["documents"].combine_chunks())
            sample = packed["sample"][parents[int(found[0])].as_py()].as_py()
            document = members.field("document")[int(found[0])].as_py()
            raise AssertionError(f"sample {sample.hex()} holds {what} {document.hex()}")


def cut(store: Store, cfg: PackConfig, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """One bucket: its row group in every group's file, as rows."""
    (files,) = job.inputs
    bucket, at = _pair(job.params)
    parts = [next(store.batches(file, groups=slice(at, at + 1))) for file in files]
    counts["reads"] = len(parts)
    assert all(part["bucket"][0].as_py() == bucket for part in parts), "a file's row groups are not its buckets"
    yield from cut_rows(cfg, load(cfg.tokenizer).end, parts, counts)


def list_documents(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """(document, sample, shard, row) of one rows shard, sorted by document, once per row."""
    ((rows,),) = job.inputs
    found, first = [], 0
    for batch in store.batches(rows, ["segments"]):
        segments = batch["segments"].flatten()
        row = pc.list_parent_indices(batch["segments"]).cast(pa.int32())
        table = pa.table({"document": segments.field("document"), "sample": segments.field("sample"), "row": row})
        found.append(table.set_column(2, "row", pc.add(table["row"], pa.scalar(first, pa.int32()))))
        first += batch.num_rows
    if not found:
        return
    table = pa.concat_tables(found)
    table = table.filter(pc.not_equal(table["document"], pa.scalar(NO_ID, pa.binary(16))))
    table = table.group_by(["document", "sample", "row"], use_threads=False).aggregate([])
    table = table.sort_by([("document", "ascending"), ("row", "ascending"), ("sample", "ascending")])
    shard = pa.array(np.full(len(table), job.params, np.int32))
    arrays = [table["document"], table["sample"], shard, table["row"]]
    columns = [a.combine_chunks() if isinstance(a, pa.ChunkedArray) else a for a in arrays]
    yield pa.RecordBatch.from_arrays(columns, schema=INDEX)


def _column(store: Store, shard: Shard, name: str) -> pa.Array:
    return store.table(shard, [name])[name].combine_chunks()


def _flags(store: Store, shards: Shards, name: str) -> list[np.ndarray]:
    return [np.asarray(pc.fill_null(_column(store, shard, name), False)) for shard in shards]


def _pair(params: Any) -> tuple[int, int]:
    first, second = params
    return first, second
