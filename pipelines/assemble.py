"""Stage: survivors, verdicts, languages, import strings -> samples; one shard per group of document shards.

A job reads narrow columns of one group: ids, kinds, repositories, paths, sizes and imports, never text. A repository
lies in one group, so no sample needs two; shard and row positions in a sample are those of its group.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.schema import SAMPLES
from corpus.shards import Shard, Store
from filters.assembly import AssemblyConfig, assemble
from pipelines.stage import Job, Result, Shards, Work, groups, tally

_COLUMNS = (
    ("id", "kind", "repo", "path"),
    ("survives",),
    ("domain", "subdomain"),
    ("language",),
    ("imports",),
    ("n_bytes",),
)


def run(
    work: Work,
    cfg: AssemblyConfig,
    documents: Shards,
    survivors: Shards,
    verdicts: Shards,
    languages: Shards,
    imports: Shards,
    basic: Shards,
) -> Result:
    """Samples of all survivors; `basic` gives sizes: where a repository is cut, and which of its files is largest."""
    aligned = (documents, survivors, verdicts, languages, imports, basic)
    jobs = [
        Job(tuple(shards[group] for shards in aligned), batch=documents[group.start].batch)
        for group in groups(documents, cfg.group_bytes)
    ]
    samples = work.map(make_samples, cfg, jobs, step="samples", schema=SAMPLES)
    return Result({"samples": samples}, tally(samples))


def make_samples(store: Store, cfg: AssemblyConfig, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """One group's samples."""
    files = pa.concat_tables(
        [_survivors(store, position, row) for position, row in enumerate(zip(*job.inputs, strict=True))]
    )
    counts["documents"] = files.num_rows
    counts["samples"] = counts["joined"] = 0
    for batch in assemble(cfg, files):
        counts["samples"] += batch.num_rows
        counts["joined"] += pc.sum(pc.greater(batch["documents"].value_lengths(), 1)).as_py()
        yield batch


def _survivors(store: Store, position: int, aligned: tuple[Shard, ...]) -> pa.Table:
    """The rows of one document shard that survive, with where they are."""
    tables = [store.table(shard, names) for shard, names in zip(aligned, _COLUMNS, strict=True)]
    table = pa.table({name: part[name] for part in tables for name in part.column_names})
    table = table.append_column("shard", pa.array(np.full(table.num_rows, position, np.int32)))
    table = table.append_column("row", pa.array(np.arange(table.num_rows, dtype=np.int32)))
    return table.filter(pc.fill_null(table["survives"], False)).rename_columns({"n_bytes": "size"})
