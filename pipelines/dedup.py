"""Stage: signatures, verdicts -> clusters, survivors (one annotation per document shard), and the scoring set.

Survivors name documents by id, never by position, so that their bytes do not change when other shards join the corpus.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus import clusters, exact, minhash, planted
from corpus.bands import shared_runs, sorted_bands
from corpus.minhash import MinHashConfig
from corpus.schema import BANDS, CLUSTERS, SCORING, SURVIVORS
from corpus.schema import signatures as signature_schema
from corpus.shards import Shard, Store
from filters.edits import edited
from filters.survivors import Clustered, DedupConfig, ScoringIndex, survivors, unit_rows
from pipelines.clustering import MEMBERS, Keys, Layout, Pass, cluster
from pipelines.minhash import signature_matrix
from pipelines.stage import Job, Result, Shards, Work, tally

Bool = npt.NDArray[np.bool_]
_NARROW = ["id", "kind", "repo", "stars", "forks", "committed", "created"]
_PLANTED_FAMILIES = 16
Place = tuple[int, int, tuple[str, ...]]  # where its group begins, its own first row in the group, the passes' reasons


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
    held_signatures: Shards | None = None,
) -> Result:
    """Clusters, the scoring set, survivors. A variant is handed the base's set and signatures as `frozen`.

    `held_signatures`: this build's documents, signed with the settings of that set, where its own settings are others.
    """
    if (frozen is None) != (frozen_signatures is None):
        raise ValueError("frozen and frozen_signatures are two outputs of one base build: name both or neither")
    cfg = replace(cfg, minhash=replace(cfg.minhash, group_bytes=1))  # groups are told by `bands`
    work.map(check_itself, cfg.minhash, [Job(())], step="planted", schema=None)
    layout = Layout.of(bands, signatures)
    files = gather(work, cfg.minhash, layout, (documents, signatures, verdicts, languages), by_repository=False)
    passes: list[Pass] = []
    if cfg.unit in ("repository", "both"):
        units = gather(work, cfg.minhash, layout, (documents, signatures, verdicts, languages), by_repository=True)
        keys = repository_keys(work, cfg.minhash, layout, units, signatures)
        passes.append(cluster(work, cfg, layout, keys, units, passes, "near_duplicate"))
    if cfg.unit in ("file", "both"):
        keys = file_keys(cfg.minhash, bands, signatures)
        passes.append(cluster(work, cfg, layout, keys, files, passes, "near_duplicate"))
    if frozen is None or frozen_signatures is None:
        frozen, frozen_signatures = scoring(work, cfg, layout, (verdicts, documents, languages, signatures), passes)
    made = survive(work, cfg, layout, (held_signatures or signatures, verdicts, files), passes, frozen_signatures)
    found = [one.clusters for one in passes]
    outputs = {"survivors": made, "clusters": found, "scoring": frozen, "scoring_signatures": frozen_signatures}
    return Result(outputs, tally(made) | {"clusters": sum(shard.counts["clusters"] for shard in found)})


def file_keys(cfg: MinHashConfig, bands: Shards, signatures: Shards) -> Keys:
    """The file unit: every document by itself."""
    return Keys(bands, exact=(cfg.bands,), near=tuple(range(cfg.bands)), signatures=signatures)


def check_itself(store: Store, cfg: MinHashConfig, job: Job, counts: "Counter[str]") -> Iterator[bytes]:
    """Planted near-duplicates through the kernels of this build: found, every family, and no two families joined."""
    texts, families = planted.planted_texts(_PLANTED_FAMILIES)
    keys = minhash.band_keys(cfg, minhash.signatures(cfg, texts)[1])
    parent = clusters.forest(len(texts))
    for band in range(cfg.bands):
        clusters.join_runs(parent, *shared_runs(keys[:, band], np.arange(len(texts))))
    roots = clusters.roots(parent)
    first = {family: roots[families.index(family)] for family in families}
    found = sum(bool(root == first[family]) for root, family in zip(roots, families, strict=True))
    if found < len(texts) or len(set(first.values())) < _PLANTED_FAMILIES:
        raise RuntimeError(
            f"{found} of {len(texts)} planted near-duplicates were found, in {len(set(roots.tolist()))} clusters "
            f"instead of {_PLANTED_FAMILIES}: bands={cfg.bands} and rows={cfg.rows} find a pair at 0.995 with chance "
            f"{cfg.recall_at(0.995):.3f}; choose more bands or fewer rows"
        )
    yield json.dumps({"planted": len(texts), "found": found, "families": _PLANTED_FAMILIES}).encode()


# the narrow columns that decide


def gather(
    work: Work, cfg: MinHashConfig, layout: Layout, aligned: tuple[Shards, ...], *, by_repository: bool
) -> Shards:
    """Per group, the rows of schema MEMBERS."""
    jobs = [Job(tuple(shards[group] for shards in aligned), params=by_repository) for group in layout.shards]
    return work.map(gather_group, cfg, jobs, step="units" if by_repository else "files", schema=MEMBERS)


def gather_group(store: Store, cfg: MinHashConfig, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """One group's documents: what filter said, their unit, what they are preferred by. Without verdicts all passed."""
    documents, signed, verdicts, languages = job.inputs
    table = _joined(store, documents, _NARROW)
    keys = _joined(store, signed, ["n_shingles", "normalized"])
    made_with = (keys.schema.metadata or {}).get(b"minhash", b"unknown settings").decode()
    if made_with != cfg.definition():
        raise ValueError(
            f"signatures were made with {made_with}, this stage is set to {cfg.definition()}: use one MinHashConfig"
        )
    n = table.num_rows
    kept, held_out = np.ones(n, bool), np.zeros(n, bool)
    if verdicts:
        judged = _joined(store, verdicts, ["kept", "held_out"])
        kept, held_out = (judged[name].fill_null(False).to_numpy() for name in ("kept", "held_out"))
    units, in_repository, vendored = np.arange(n), np.zeros(n, bool), np.zeros(n, bool)
    if job.params:
        kinds, repos = (table[name].combine_chunks() for name in ("kind", "repo"))
        units, in_repository = unit_rows(kinds, repos, kept)
        vendored = _joined(store, languages, ["vendored"])["vendored"].fill_null(False).to_numpy()
    columns = [
        units,
        kept,
        held_out,
        kept & ~(vendored & in_repository),
        keys["n_shingles"].fill_null(0),
        *(table[name] for name in ("stars", "forks")),
        *(table[name].cast(pa.int64()) for name in ("committed", "created")),
        exact.short_keys(keys["normalized"].combine_chunks()),
        table["id"],
    ]
    yield from pa.table(columns, schema=MEMBERS).combine_chunks().to_batches()


def _joined(store: Store, shards: Sequence[Shard], columns: list[str]) -> pa.Table:
    return pa.concat_tables([store.table(shard, columns) for shard in shards])


# repositories


def repository_keys(work: Work, cfg: MinHashConfig, layout: Layout, units: Shards, signatures: Shards) -> Keys:
    """Signatures of the units, and their band keys in the form of the files'."""
    fields = [("unit", pa.int64()), ("n_files", pa.int32()), ("n_shingles", pa.int64()), ("exact", pa.uint64())]
    schema = pa.schema([*fields, ("signature", pa.list_(pa.uint32(), cfg.n_hashes))])
    groups = [signatures[group] for group in layout.shards]
    jobs = [Job(([unit], group)) for unit, group in zip(units, groups, strict=True)]
    merged = work.map(merge_units, cfg, jobs, step="unit_signatures", schema=schema)
    jobs = [Job(([shard], group), batch=group[0].batch) for shard, group in zip(merged, groups, strict=True)]
    bands = work.map(write_unit_bands, cfg, jobs, step="unit_bands", schema=BANDS)
    return Keys(bands, exact=(cfg.bands,), near=tuple(range(cfg.bands)), signatures=merged)


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
    counts["shards"] = len(signed)
    yield from sorted_bands((band, keys[worded, band], shard[worded], row[worded]) for band in range(cfg.bands))
    yield from sorted_bands([(cfg.bands, only[single], shard[single], row[single])])


# what is written per document shard


def scoring(
    work: Work, cfg: DedupConfig, layout: Layout, aligned: tuple[Shards, Shards, Shards, Shards], passes: list[Pass]
) -> tuple[Shards, Shards]:
    """Per document shard, the held-out documents that passed, one per cluster: their edited text; their signatures."""
    verdicts, documents, languages, signed = aligned
    texts, keys = [], []
    for index, inside, params in places(layout, passes):
        texts.append(Job(([verdicts[index]], [documents[index]], [languages[index]], *inside), params))
        keys.append(Job(([verdicts[index]], [signed[index]], *inside), params))
    written = work.map(write_scoring, None, texts, step="scoring", schema=SCORING)
    schema = signature_schema(cfg.minhash.n_hashes)
    return written, work.map(write_scoring_keys, None, keys, step="scoring_keys", schema=schema)


def places(layout: Layout, passes: Sequence[Pass]) -> Iterator[tuple[int, list[Shards], Place]]:
    """Per document shard: its index, the members and clusters of each pass that its group needs, and where it lies."""
    for group, (shards, offsets) in enumerate(zip(layout.shards, layout.offsets, strict=True)):
        inside = [[one.members[group], one.clusters] for one in passes]
        for position, index in enumerate(range(shards.start, shards.stop)):
            reasons = tuple(one.reason for one in passes)
            yield index, inside, (offsets[0], offsets[position] - offsets[0], reasons)


def clustered(store: Store, inside: Sequence[Shards], params: object, n: int) -> list[Clustered]:
    """Of a shard's n documents, the place in the clusters of each pass."""
    low, first, reasons = cast(Place, params)
    found = []
    for (members, made), reason in zip(inside, reasons, strict=True):
        units = store.table(members, ["unit"])["unit"].to_numpy()
        high = low + len(units)
        wanted = [CLUSTERS.empty_table()]
        for batch in store.batches(made):
            start, stop = np.searchsorted(batch.column("node").to_numpy(), [low, high])
            wanted.append(pa.Table.from_batches([batch.slice(start, stop - start)]))
        nodes = low + units[first : first + n]
        found.append(Clustered.of(nodes, pa.concat_tables(wanted), reason))
    return found


def _scored(store: Store, job: Job, verdicts: Shard, inside: Sequence[Shards]) -> Bool:
    """Which of a shard's documents are in the scoring set."""
    table = store.table(verdicts, ["kept", "held_out"])
    chosen = table["kept"].fill_null(False).to_numpy() & table["held_out"].fill_null(False).to_numpy()
    for one in clustered(store, inside, job.params, verdicts.rows):
        chosen &= ~one.lost
    return np.asarray(chosen)


def write_scoring(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The chosen documents of one shard, edited; a shard without any is not read."""
    (verdicts,), (documents,), (languages,), *inside = job.inputs
    chosen = _scored(store, job, verdicts, inside)
    if not chosen.any():
        return
    row = 0
    readers = (
        store.batches(documents, ["id", "origin", "text"]),
        store.batches(verdicts, ["domain", "subdomain", "edits"]),
        store.batches(languages, ["language"]),
    )
    for batches in zip(*readers, strict=True):
        mask = pa.array(chosen[row : row + batches[0].num_rows])
        row += batches[0].num_rows
        document, verdict, language = (batch.filter(mask) for batch in batches)
        text = edited(document.column("text"), verdict.column("edits"))
        columns = [
            document.column("id"),
            document.column("origin"),
            verdict.column("domain"),
            verdict.column("subdomain"),
        ]
        counts["scoring_documents"] += len(text)
        counts["scoring_bytes"] += text.nbytes
        yield pa.RecordBatch.from_arrays([*columns, language.column("language"), text], schema=SCORING)


def write_scoring_keys(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The signatures of the same documents, in the same order."""
    (verdicts,), (signed,), *inside = job.inputs
    chosen = _scored(store, job, verdicts, inside)
    row = 0
    for batch in store.batches(signed) if chosen.any() else ():
        yield batch.filter(pa.array(chosen[row : row + batch.num_rows]))
        row += batch.num_rows


def survive(
    work: Work,
    cfg: DedupConfig,
    layout: Layout,
    aligned: tuple[Shards, Shards, Shards],
    passes: list[Pass],
    held: Shards,
) -> Shards:
    """One row of schema SURVIVORS per document. `aligned`: signatures, verdicts (or none), files per group."""
    signed, verdicts, files = aligned
    held = [shard for shard in held if shard.rows]
    jobs = []
    for (index, inside, params), group in zip(places(layout, passes), _group_of(layout), strict=True):
        judged = [verdicts[index]] if verdicts else []
        jobs.append(Job(([signed[index]], judged, [files[group]], held, *inside), params, batch=signed[index].batch))
    return work.map(write_survivors, cfg.held_out_threshold, jobs, step="survivors", schema=SURVIVORS)


def _group_of(layout: Layout) -> Iterator[int]:
    for group, shards in enumerate(layout.shards):
        yield from [group] * (shards.stop - shards.start)


def write_survivors(store: Store, threshold: float, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """Row groups like those of the signatures. Holds some 3 kB per document of the scoring set."""
    (signed,), verdicts, (files,), held, *inside = job.inputs
    _, first, _ = cast(Place, job.params)
    narrow = store.table(files, ["key", "id"]).slice(first, signed.rows)
    ids, keys = narrow["id"].combine_chunks(), narrow["key"].to_numpy()
    passes = clustered(store, inside, job.params, signed.rows)
    index = None
    if held:
        scored = _joined(store, held, ["normalized", "signature"]).combine_chunks()
        matrix = signature_matrix(scored["signature"].combine_chunks())
        index = ScoringIndex(matrix, exact.short_keys(scored["normalized"].combine_chunks()), threshold)
    row = 0
    for batch, verdict in _with_verdicts(store, signed, verdicts):
        part = slice(row, row + batch.num_rows)
        near = np.zeros(batch.num_rows, bool)
        if index is not None:
            candidates = np.flatnonzero(verdict.column("kept").fill_null(False))
            taken = batch.take(pa.array(candidates))
            n_shingles = taken.column("n_shingles").fill_null(0).to_numpy()
            near[candidates] = index.near(
                signature_matrix(taken.column("signature")), n_shingles, keys[part][candidates]
            )
        made, counted = survivors(ids[part], keys[part], verdict, [one.rows(part) for one in passes], near)
        counts.update(counted)
        row = part.stop
        yield made


def _with_verdicts(store: Store, signed: Shard, verdicts: Shards) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Row groups of both; where there are no verdicts (the web pool), ones that keep every document."""
    batches = store.batches(signed, ["n_shingles", "signature"])
    if verdicts:
        yield from zip(batches, store.batches(verdicts[0], ["kept", "reason", "held_out"]), strict=True)
        return
    for batch in batches:
        n = batch.num_rows
        columns = [pa.array(np.ones(n, bool)), pa.nulls(n, pa.string()), pa.array(np.zeros(n, bool))]
        yield batch, pa.RecordBatch.from_arrays(columns, names=["kept", "reason", "held_out"])
