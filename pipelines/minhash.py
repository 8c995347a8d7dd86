"""Stage: documents -> signatures and exact keys, one annotation per shard; then, per group, sorted band keys."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import pyarrow as pa

from corpus import exact, minhash
from corpus.bands import slices_for, sorted_bands
from corpus.bodies import COLUMNS, bodies
from corpus.comments import syntaxes
from corpus.minhash import MinHashConfig
from corpus.schema import BANDS
from corpus.schema import signatures as signature_schema
from corpus.shards import Shard, Store
from pipelines.stage import Job, Result, Shards, Work, groups, tally

_DOCUMENT_BYTES = 1 << 10  # at least, in a group: its keys take half of that, however short its text is


def run(work: Work, cfg: MinHashConfig, documents: Shards) -> Result:
    """Signatures of every document, whatever `filter` will say: another threshold there signs nothing again."""
    schema = signature_schema(cfg.n_hashes).with_metadata({"minhash": cfg.definition()})
    signed = work.annotate(sign, _of_text(cfg), documents, step="sign", schema=schema, columns=[COLUMNS])
    cuts = groups(documents, cfg.group_bytes, _DOCUMENT_BYTES)
    jobs = [Job((signed[group],), batch=documents[group.start].batch) for group in cuts]
    bands = work.map(write_bands, _of_text(cfg), jobs, step="bands", schema=BANDS)
    return Result({"signatures": signed, "bands": bands}, tally(signed) | {"band_keys": sum(s.rows for s in bands)})


def _of_text(cfg: MinHashConfig) -> MinHashConfig:
    """The settings without the size of a group, which changes which shards a job reads but no signature."""
    return replace(cfg, group_bytes=1)


def sign(cfg: MinHashConfig, documents: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
    """One row group of texts, as a row group of schema `signatures`."""
    texts = documents.column("text")
    counts, values = minhash.signatures(cfg, bodies(cfg, documents))
    syntax = syntaxes(documents.column("path")) if cfg.drop_comments else None
    raw, normalized = exact.exact_keys(texts, syntax)
    schema = signature_schema(cfg.n_hashes)
    signature = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), cfg.n_hashes)
    batch = pa.RecordBatch.from_arrays([pa.array(counts), raw, normalized, signature], schema=schema)
    return batch, {"without_words": int((counts == 0).sum()), "bytes": int(texts.nbytes)}


def write_bands(store: Store, cfg: MinHashConfig, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The group's file-unit band keys, sorted. Rows without shingles have the exact key only.

    Holds 8 bytes per key and 8 per document, twice while they are joined: 450 bytes a document at 25 bands.
    """
    (signed,) = job.inputs
    keys, exacts, shards, rows, worded = _group_keys(store, cfg, signed)
    counts["shards"] = len(signed)  # dedup tells the groups apart by it
    counts["slices"] = slices_for(len(rows))  # and finds ranges of keys by it
    columns = ((band, keys[worded, band], shards[worded], rows[worded]) for band in range(cfg.bands))
    yield from sorted_bands(chain(columns, [(cfg.bands, exacts, shards, rows)]), counts["slices"])


def _group_keys(store: Store, cfg: MinHashConfig, signed: Sequence[Shard]) -> tuple[np.ndarray, ...]:
    """Band keys, exact key, shard, row, and whether there are shingles, per document that is not in quarantine."""
    parts: list[tuple[np.ndarray, ...]] = []
    for position, shard in enumerate(signed):
        start = 0
        for batch in store.batches(shard):
            valid = np.asarray(batch.column("n_shingles").is_valid())
            known = batch.filter(pa.array(valid))
            keys = minhash.band_keys(cfg, signature_matrix(known.column("signature")))
            rows = (start + np.flatnonzero(valid)).astype(np.int32)
            worded = known.column("n_shingles").to_numpy() > 0
            exacts = exact.short_keys(known.column("normalized"))
            parts.append((keys, exacts, np.full(len(rows), position, np.int32), rows, worded))
            start += batch.num_rows
    if not parts:
        empty = np.zeros(0, np.int32)
        return np.zeros((0, cfg.bands), np.uint64), np.zeros(0, np.uint64), empty, empty, np.zeros(0, bool)
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def signature_matrix(column: pa.FixedSizeListArray) -> minhash.U32:
    """The column as [rows, hashes]; without a copy. Rows of a null are whatever lies there."""
    width = column.type.list_size
    values = column.values.to_numpy(zero_copy_only=True)
    return np.asarray(values[column.offset * width : (column.offset + len(column)) * width].reshape(-1, width))
