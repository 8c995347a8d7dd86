"""Stage: samples, their repeats and their documents' ids -> packed rows, and an index from document to row.

Three steps. Emit: one file per group, what each repeat of each document emits (FIM, comments, begin and end tokens),
by bucket of the shuffle. Rows: one bucket of all groups, concatenated and cut. Index: where each document's tokens are.
Buckets are counted from planned tokens and the recipe's bytes, never from workers. No sample may hold a held-out
document, and the plain tokens of each domain are those of the plan to the token: else the stage stops.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.schema import INDEX
from corpus.shards import Shard, Store
from pipelines.stage import Job, Result, Shards, Work, groups, tally
from tokenization.packing import DOMAINS, EMITTED, NO_ID, PADDING, PackConfig, cut_rows, emit_group, row_schema
from tokenization.tokenizer import load


def run(
    work: Work, cfg: PackConfig, samples: Shards, mix: Shards, tokens: Shards, documents: Shards, verdicts: Shards
) -> Result:
    """Rows and index shards; `documents` only tells the groups, `verdicts` what is held out."""
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
        Job(([group], [repeats], tokens[cut], verdicts[cut]), params=buckets, batch=group.batch)
        for group, repeats, cut in zip(samples, mix, cuts, strict=True)
    ]
    emitted = work.map(emit, cfg, jobs, step="emit", schema=EMITTED)
    check_plan(plan, tally(emitted))
    rows = work.map(
        cut, cfg, [Job((emitted,), params=bucket) for bucket in range(buckets)], step="rows", schema=row_schema(cfg)
    )
    index = work.map(
        list_documents, None, [Job(([shard],), params=i) for i, shard in enumerate(rows)], step="index", schema=INDEX
    )
    packed, laid = tally(emitted), tally(rows)
    assert laid.get("tokens", 0) - laid.get("padding", 0) == packed.get("emitted", 0), (
        f"rows lost tokens: {laid} of {packed}"
    )
    return Result({"rows": rows, "index": index}, {"buckets": buckets, **packed, **laid})


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
    """Plain tokens, with those that re-encoded lines replaced, are the plan's, domain by domain."""
    for domain in DOMAINS[:PADDING]:
        got = packed.get(f"plain.{domain}", 0) + packed.get(f"replaced.{domain}", 0)
        if got != plan.get(domain, 0):
            raise AssertionError(f"{domain}: {got} plain tokens were packed, the plan has {plan.get(domain, 0)}")


def emit(store: Store, cfg: PackConfig, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """One group: what its samples emit, one row group per bucket."""
    (samples,), (mix,), tokens, verdicts = job.inputs
    buckets: Any = job.params
    table = store.table(samples)
    repeats = store.table(mix)
    refuse_held_out(table, repeats, [_column(store, shard, "held_out") for shard in verdicts])
    ids = [_column(store, shard, "ids") for shard in tokens]
    for batch in emit_group(cfg, table, repeats, ids, buckets, counts):
        counts["emitted"] = counts.get("emitted", 0) + len(batch["input_ids"].values)
        yield batch


def refuse_held_out(samples: pa.Table, mix: pa.Table, held_out: list[pa.Array]) -> None:
    """Held-out documents never reach `assemble`: with one packed, a probe would be scored on what it was trained on."""
    packed = samples.filter(pc.greater(mix["repeats"], 0))
    for sample in packed.select(["sample", "documents"]).to_pylist():
        for member in sample["documents"]:
            if held_out[member["shard"]][member["row"]].as_py():
                raise AssertionError(
                    f"sample {sample['sample'].hex()} holds held-out document {member['document'].hex()}"
                )


def cut(store: Store, cfg: PackConfig, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """One bucket: its row group in every group's file, as rows."""
    (emitted,) = job.inputs
    bucket: Any = job.params
    parts = [_row_group(store, shard, bucket) for shard in emitted]
    assert all(part["bucket"][0].as_py() == bucket for part in parts), (
        "an emitted file's row groups are not its buckets"
    )
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


def _row_group(store: Store, shard: Shard, index: int) -> pa.RecordBatch:
    """Row group `index` of an uncompressed shard: on a local root, those before it are mapped and never read."""
    return next(islice(store.batches(shard), index, None))


def _column(store: Store, shard: Shard, name: str) -> pa.Array:
    return store.table(shard, [name])[name].combine_chunks()
