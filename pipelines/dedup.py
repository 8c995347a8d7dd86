"""Stage: signatures, verdicts -> clusters, survivors (one annotation per document shard), and the scoring set.

Each step reads one group of shards, or one key range of one band, but for `clusters`, which holds 8 bytes per document and some
100 per document that shares a key. A *node* is the global row of a unit's first document; nodes stay inside this stage: survivors
name documents by id, so that another crawl batch does not change them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus import clusters, exact, minhash, planted
from corpus.bands import RUNS, in_range, shared_runs, sorted_bands
from corpus.minhash import MinHashConfig
from corpus.schema import BANDS, CLUSTERS, ID, SCORING, SURVIVORS
from corpus.schema import signatures as signature_schema
from corpus.shards import Shard, Store
from filters import survivors
from filters.edits import edited
from filters.survivors import Clustered, DedupConfig, ScoringIndex
from pipelines.minhash import signature_matrix
from pipelines.stage import Job, Result, Shards, Work, tally

_RUN_ROW_BYTES = 64  # working memory per key of a range: key, node, the sort's order, and their copies

MEMBERS = pa.schema(
    [
        ("unit", pa.int64()),  # row in the group of the first document of its unit
        ("kept", pa.bool_()),
        ("held_out", pa.bool_()),
        ("vendored", pa.bool_()),
        ("n_shingles", pa.int32()),
        ("stars", pa.int32()),
        ("forks", pa.int32()),
        ("committed", pa.int64()),
        ("created", pa.int64()),
        ("key", pa.uint64()),  # short normalized key
        ("id", ID),
    ]
)
PAIRS = pa.schema([("left", pa.int64()), ("right", pa.int64())])


@dataclass(frozen=True)
class Layout:
    """Where the global rows of each group's shards begin; groups are those of the minhash stage."""

    shards: tuple[slice, ...]  # per group, its document shards
    offsets: tuple[tuple[int, ...], ...]  # per group, the global row at which each shard begins

    @classmethod
    def of(cls, bands: Shards, signatures: Shards) -> "Layout":
        sizes = [shard.counts["shards"] for shard in bands]
        if sum(sizes) != len(signatures):
            raise ValueError(f"bands cover {sum(sizes)} shards but there are {len(signatures)} signature shards: run minhash again")
        ends = np.cumsum([0, *sizes]).tolist()
        starts = np.cumsum([0, *(shard.rows for shard in signatures)]).tolist()
        shards = tuple(slice(a, b) for a, b in zip(ends, ends[1:], strict=False))
        return cls(shards, tuple(tuple(starts[group]) for group in shards))


def run(
    work: Work,
    cfg: DedupConfig,
    documents: Shards,
    languages: Shards,
    signatures: Shards,
    bands: Shards,
    verdicts: Shards,
    frozen: Shards | None = None,
    frozen_signatures: Shards | None = None,
) -> Result:
    """Clusters, then the scoring set, then survivors. A variant names the base's scoring set as `frozen`, with its signatures."""
    work.map(check_itself, cfg, [Job(())], step="planted", schema=None)
    layout = Layout.of(bands, signatures)
    aligned = (documents, signatures, verdicts, languages)
    files = gather(work, layout, aligned, by_repository=False, step="files")
    units, found = files, []
    if cfg.unit in ("repository", "both"):
        units = gather(work, layout, aligned, by_repository=True, step="units")
        merged, keys = repository_bands(work, cfg, layout, units, signatures)
        found.append(cluster(work, cfg, layout, keys, units, merged, [], step="repository"))
    if cfg.unit in ("file", "both"):
        earlier = [(units, shard) for shard in found]
        found.append(cluster(work, cfg, layout, bands, files, signatures, earlier, step="file"))
    passes = [units, files] if cfg.unit == "both" else [units] if found else []
    if frozen is None:
        frozen, frozen_signatures = scoring(work, layout, (documents, verdicts, languages, signatures), passes, found)
    elif frozen_signatures is None:
        raise ValueError("frozen is given without frozen_signatures: name both outputs of the base build")
    annotated = survive(work, cfg, layout, (signatures, verdicts), (files, passes, found), frozen_signatures or [])
    counts = tally(annotated) | {"clusters": sum(shard.counts["clusters"] for shard in found)}
    outputs = {"survivors": annotated, "clusters": found, "scoring": frozen, "scoring_signatures": frozen_signatures or []}
    return Result(outputs, counts)


# narrow columns


def gather(work: Work, layout: Layout, aligned: tuple[Shards, ...], *, by_repository: bool, step: str) -> Shards:
    """The narrow columns that decide, per group: what filter said, by what documents are preferred, and their unit."""
    jobs = [Job(tuple(shards[group] for shards in aligned), params=by_repository) for group in layout.shards]
    return work.map(gather_group, None, jobs, step=step, schema=MEMBERS)


def gather_group(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """One group's rows of schema MEMBERS. Without verdicts (the web pool) every document passes."""
    documents, signatures, verdicts, languages = job.inputs
    narrow = ["id", "kind", "repo", "stars", "forks", "committed", "created"]
    table = _concat(store, documents, narrow)
    signed = _concat(store, signatures, ["n_shingles", "normalized"])
    n = table.num_rows
    judged = _concat(store, verdicts, ["kept", "held_out"]) if verdicts else None
    marked = _concat(store, languages, ["vendored"]) if languages else None
    unit = survivors.unit_rows(_array(table["kind"]), _array(table["repo"])) if job.params else np.arange(n, dtype=np.int64)
    columns = [
        pa.array(unit),
        _flags(judged, "kept", n, missing=True),
        _flags(judged, "held_out", n, missing=False),
        _flags(marked, "vendored", n, missing=False),
        _array(signed["n_shingles"].fill_null(0)),
        *(_array(table[name]) for name in ("stars", "forks")),
        *(_array(table[name].cast(pa.int64())) for name in ("committed", "created")),
        pa.array(exact.short_keys(_array(signed["normalized"]))),
        _array(table["id"]),
    ]
    yield pa.RecordBatch.from_arrays(columns, schema=MEMBERS)


def _concat(store: Store, shards: Sequence[Shard], columns: list[str]) -> pa.Table:
    return pa.concat_tables(store.table(shard, columns) for shard in shards)


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()


def _flags(table: pa.Table | None, name: str, n: int, *, missing: bool) -> pa.Array:
    if table is None:
        return pa.array(np.full(n, missing))
    return _array(table[name].fill_null(False))


# repositories


def repository_bands(
    work: Work, cfg: DedupConfig, layout: Layout, units: Shards, signatures: Shards
) -> tuple[Shards, Shards]:
    """The units' signatures, and their band keys in the form of the files'."""
    width = cfg.minhash.n_hashes
    merged_schema = pa.schema([("unit", pa.int64()), ("exact", pa.uint64()), ("signature", pa.list_(pa.uint32(), width))])
    jobs = [Job(([unit], signatures[group])) for unit, group in zip(units, layout.shards, strict=True)]
    merged = work.map(merge_repositories, cfg.minhash, jobs, step="repositories", schema=merged_schema)
    jobs = [
        Job(([shard], signatures[group]), batch=signatures[group.start].batch)
        for shard, group in zip(merged, layout.shards, strict=True)
    ]
    return merged, work.map(write_repository_bands, _of_text(cfg), jobs, step="repository_bands", schema=BANDS)
