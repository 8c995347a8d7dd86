"""Stage: samples and their token counts -> how often each sample is repeated; one mix shard per samples shard.

Three steps: a narrow shard per samples shard (order key, domain, tokens), one plan over all of them, and each shard's
repeats under the plan. Token counts alone are read of the encoded documents, never ids. The plan is an artefact of
JSON; it refuses a mixture that cannot be met before anything is packed.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.mix_plan import describe, from_description, plan, repeats, with_parts
from corpus.mixture import NARROW, Line, MixConfig, budgets, narrow
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
    jobs = [Job(([shard], tokens[cut]), batch=shard.batch) for shard, cut in zip(samples, cuts, strict=True)]
    narrowed = work.map(count_tokens, cfg.seed, jobs, step="narrow", schema=NARROW)
    lines = budgets(cfg, tally(narrowed))
    lengths = {share.domain: share.lengths for share in cfg.shares if share.lengths}
    jobs = [Job((narrowed,), params=(lines, lengths))]
    planned = work.map(make_plan, cfg.tolerance, jobs, step="plan", schema=None)
    agreed = from_description(json.loads(work.store.read_bytes(planned[0])))
    print("\n".join(shown(agreed)), file=sys.stderr)
    made = work.map(
        apply_plan, None, [Job(([shard], planned), batch=shard.batch) for shard in narrowed], step="mix", schema=MIX
    )
    counts = tally(made)
    for domain, got in _got(agreed).items():
        assert counts.get(f"got.{domain}", 0) == got, f"the plan gives {domain} {got} tokens, the shards {counts}"
    return Result({"mix": made, "plan": planned}, counts)


def _got(lines: tuple[Line, ...]) -> dict[str, int]:
    return {domain: sum(line.got for line in lines if line.domain == domain) for domain in {li.domain for li in lines}}


def shown(lines: tuple[Line, ...]) -> Iterator[str]:
    """The plan as a person reads it, before anything is packed: what has a share, then its parts, largest first."""
    yield f"  {'mixture':<44} {'share':>8} {'available':>16} {'asked':>16} {'planned':>16} {'repeats':>8}"
    for line in with_parts(lines):
        tokens = " ".join(f"{n:>16,}" for n in (line.available, line.budget, line.got))
        yield f"  {line.name:<44} {line.share:>8.2%} {tokens} {line.got / max(1, line.available):>8.2f}"


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
    params: Any = job.params
    lines, lengths = params

    def batches() -> Iterator[pa.RecordBatch]:
        for shard in narrowed:
            yield from store.batches(shard)

    yield json.dumps(describe(plan(lines, lengths, batches, tolerance)), indent=1).encode()


def apply_plan(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """The plan on one shard."""
    (narrowed,), (planned,) = job.inputs
    lines = from_description(json.loads(store.read_bytes(planned)))
    for batch in store.batches(narrowed):
        made, more = repeats(lines, batch)
        for name, n in more.items():
            counts[name] = counts.get(name, 0) + n
        yield made
