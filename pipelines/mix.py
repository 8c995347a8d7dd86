"""Stage: samples and their token counts -> how often each sample is repeated; one mix shard per samples shard.

Three steps: a narrow shard per samples shard (order key, domain, tokens), one plan over all of them, and each shard's
repeats under the plan. Token counts alone are read of the encoded documents, never ids. The plan is an artefact of
JSON; it refuses a mixture that cannot be met before anything is packed.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.mixture import (
    NARROW,
    Line,
    MixConfig,
    budgets,
    describe,
    from_description,
    narrow,
    plan,
    repeats,
)
from corpus.schema import MIX
from corpus.shards import Store
from pipelines.stage import Job, Result, Shards, Work, groups, tally


def run(work: Work, cfg: MixConfig, samples: Shards, tokens: Shards, documents: Shards) -> Result:
    """The mix shards aligned with `samples`, and the plan."""
    cuts = groups(documents, cfg.group_bytes)
    if len(cuts) != len(samples):
        raise ValueError(
            f"mix makes {len(cuts)} groups of {cfg.group_bytes} bytes but assemble made {len(samples)}: "
            f"give both stages the same group_bytes"
        )
    if not samples:
        return Result({"mix": [], "plan": []}, {})
    jobs = [Job(([shard], tokens[cut]), batch=shard.batch) for shard, cut in zip(samples, cuts, strict=True)]
    narrowed = work.map(count_tokens, cfg.seed, jobs, step="narrow", schema=NARROW)
    lines = budgets(cfg, tally(narrowed))
    planned = work.map(make_plan, cfg.tolerance, [Job((narrowed,), params=lines)], step="plan", schema=None)
    made = work.map(
        apply_plan, None, [Job(([shard], planned), batch=shard.batch) for shard in narrowed], step="mix", schema=MIX
    )
    counts = tally(made)
    for domain, got in _got(from_description(json.loads(work.store.read_bytes(planned[0])))).items():
        assert counts.get(f"got.{domain}", 0) == got, f"the plan gives {domain} {got} tokens, the shards {counts}"
    return Result({"mix": made, "plan": planned}, counts)


def _got(lines: tuple[Line, ...]) -> dict[str, int]:
    return {domain: sum(line.got for line in lines if line.domain == domain) for domain in {li.domain for li in lines}}


def count_tokens(store: Store, seed: int, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """Sums the plain tokens of each sample's documents, which lie in the group's token shards."""
    (samples,), tokens = job.inputs
    columns = [store.table(shard, ["n_tokens"])["n_tokens"] for shard in tokens]
    by_row = pc.fill_null(pa.chunked_array([c for column in columns for c in column.chunks], pa.int32()), 0).to_numpy()
    first_row = np.concatenate([[0], np.cumsum([len(column) for column in columns], dtype=np.int64)])

    def n_tokens(batch: pa.RecordBatch) -> np.ndarray:
        lists = batch["documents"]
        members = lists.flatten()
        rows = first_row[members.field("shard").to_numpy()] + members.field("row").to_numpy()
        running = np.concatenate([[0], np.cumsum(by_row[rows], dtype=np.int64)])
        lengths = lists.value_lengths().to_numpy()
        ends = np.cumsum(lengths)
        sums: np.ndarray = running[ends] - running[ends - lengths]
        return sums

    for batch in store.batches(samples):
        made, more = narrow(batch, n_tokens, seed)
        for name, n in more.items():
            counts[name] = counts.get(name, 0) + n
        yield made


def make_plan(store: Store, tolerance: float, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Reads the narrow shards twice, one row group at a time."""
    (narrowed,) = job.inputs
    lines: Any = job.params

    def batches() -> Iterator[pa.RecordBatch]:
        for shard in narrowed:
            yield from store.batches(shard)

    yield json.dumps(describe(plan(lines, batches, tolerance)), indent=1).encode()


def apply_plan(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """The plan on one shard."""
    (narrowed,), (planned,) = job.inputs
    lines = from_description(json.loads(store.read_bytes(planned)))
    for batch in store.batches(narrowed):
        made, more = repeats(lines, batch)
        for name, n in more.items():
            counts[name] = counts.get(name, 0) + n
        yield made
