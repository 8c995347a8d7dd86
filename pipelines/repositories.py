"""Steps of dedup: files -> one signature per repository, and band keys in the form of the files'.

A repository is one unit: the element-wise minimum over its files that passed `filter` and are not vendored, since two
unrelated repositories that share a vendored tree measure Jaccard 0.9 otherwise.
"""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from corpus import minhash
from corpus.bands import slices_for, sorted_bands
from corpus.minhash import MinHashConfig
from corpus.schema import BANDS
from corpus.shards import Store
from pipelines.clustering import Keys, Layout
from pipelines.minhash import signature_matrix
from pipelines.stage import Job, Shards, Work


def repository_keys(
    work: Work, cfg: MinHashConfig, layout: Layout, units: Shards, signatures: Shards, scopes: Shards
) -> Keys:
    """Signatures of the units, and their band keys in the form of the files'; a unit has its row's scope."""
    fields = [("unit", pa.int64()), ("n_files", pa.int32()), ("n_shingles", pa.int64()), ("exact", pa.uint64())]
    schema = pa.schema([*fields, ("signature", pa.list_(pa.uint32(), cfg.n_hashes))])
    groups = [signatures[group] for group in layout.shards]
    jobs = [Job(([unit], group)) for unit, group in zip(units, groups, strict=True)]
    merged = work.map(merge_units, cfg, jobs, step="unit_signatures", schema=schema)
    jobs = [Job(([shard], group), batch=group[0].batch) for shard, group in zip(merged, groups, strict=True)]
    bands = work.map(write_unit_bands, cfg, jobs, step="unit_bands", schema=BANDS)
    behind = layout.behind(merged, ("unit", "signature"))
    return Keys(bands, exact=(cfg.bands,), near=tuple(range(cfg.bands)), behind=behind, scopes=scopes)


def merge_units(store: Store, cfg: MinHashConfig, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """Element-wise minimum over files that passed and are not vendored; a unit leaves memory with its last document."""
    (members,), signed = job.inputs
    table = store.table(members, ["unit", "counted", "n_shingles", "key"])
    unit, counted, n_shingles, key = (table[name].to_numpy() for name in ("unit", "counted", "n_shingles", "key"))
    n = len(unit)
    last = np.full(n, -1)
    last[unit] = np.arange(n)  # of repeated indices the last assignment stays
    n_files = np.bincount(unit[counted], minlength=n)
    shingles = np.bincount(unit[counted], weights=n_shingles[counted], minlength=n).astype(np.int64)
    only_key = np.zeros(n, np.uint64)
    only_key[unit[counted]] = key[counted]
    open_units, open_minima = np.zeros(0, np.int64), np.zeros((0, cfg.n_hashes), np.uint32)
    row = 0
    for batch in (batch for shard in signed for batch in store.batches(shard, ["signature"])):
        among = np.flatnonzero(counted[row : row + batch.num_rows])
        values = signature_matrix(batch.column("signature"))[among]
        open_units, open_minima = minhash.merge(
            np.concatenate([open_units, unit[row + among]]), np.concatenate([open_minima, values])
        )
        row += batch.num_rows
        done = last[open_units] < row
        ids, minima = open_units[done], open_minima[done]
        open_units, open_minima = open_units[~done], open_minima[~done]
        signature = pa.FixedSizeListArray.from_arrays(pa.array(minima.reshape(-1)), cfg.n_hashes)
        columns = [pa.array(column[ids]) for column in (n_files.astype(np.int32), shingles, only_key)]
        yield pa.RecordBatch.from_arrays(
            [pa.array(ids), *columns, signature], names=["unit", "n_files", "n_shingles", "exact", "signature"]
        )
    counts["units"] = int((n_files > 0).sum())


def write_unit_bands(store: Store, cfg: MinHashConfig, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The units' band keys, sorted; the exact key only of a unit with one file that counts."""
    (merged,), signed = job.inputs
    begins = np.cumsum([0, *(shard.rows for shard in signed)])
    parts = [
        (
            np.zeros((0, cfg.bands), np.uint64),
            np.zeros(0, np.int64),
            np.zeros(0, bool),
            np.zeros(0, bool),
            np.zeros(0, np.uint64),
        )
    ]
    for batch in store.batches(merged):
        keys = minhash.band_keys(cfg, signature_matrix(batch.column("signature")))
        unit, n_shingles, n_files, only = (
            batch.column(c).to_numpy() for c in ("unit", "n_shingles", "n_files", "exact")
        )
        parts.append((keys, unit, n_shingles > 0, n_files == 1, only))
    keys, unit, worded, single, only = (np.concatenate(column) for column in zip(*parts, strict=True))
    shard = (np.searchsorted(begins, unit, "right") - 1).astype(np.int32)
    row = (unit - begins[shard]).astype(np.int32)
    counts["shards"], counts["slices"] = len(signed), slices_for(len(unit))
    columns = [(band, keys[worded, band], shard[worded], row[worded]) for band in range(cfg.bands)]
    yield from sorted_bands([*columns, (cfg.bands, only[single], shard[single], row[single])], counts["slices"])
