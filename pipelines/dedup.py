"""Stage: signatures, verdicts -> clusters, survivors (one annotation per document shard), and the scoring set.

Survivors name documents by id, never by position, so that their bytes do not change when other shards join the corpus.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus import exact, planted
from corpus.bodies import COLUMNS
from corpus.licenses import PERMISSIVE
from corpus.minhash import MinHashConfig
from corpus.schema import CLUSTERS, DOCUMENTS, SCORING, SURVIVORS
from corpus.schema import signatures as signature_schema
from corpus.shards import Shard, Store
from filters.drop_rates import ALL, implausible
from filters.edits import edited
from filters.survivors import Clustered, DedupConfig, ScoringIndex, survivors, unit_rows
from pipelines import minhash as sign_stage
from pipelines.clustering import Keys, Layout, Pass, cluster, scopes_of
from pipelines.election import MEMBERS
from pipelines.minhash import signature_matrix
from pipelines.repositories import repository_keys
from pipelines.stage import Job, Result, Shards, Silent, Work, tally
from pipelines.taken import Listed, not_comparable

Bool = npt.NDArray[np.bool_]
_NARROW = ["id", "kind", "repo", "stars", "forks", "committed", "created"]
PLANTED_FAMILIES = 16
_BY_LANGUAGE = ("judged.", "dropped.")  # counters of survivors' shards
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
    licenses: Shards | None = None,
    basic: Shards | None = None,
) -> Result:
    """Clusters, the scoring set, survivors. A variant is handed the base's set and signatures as `frozen`.

    Licences and measures are read where they are preferred by. `held_signatures`: this build's documents, signed with
    the settings of that set, where its own settings are others.
    """
    if (frozen is None) != (frozen_signatures is None):
        raise ValueError("frozen and frozen_signatures are two outputs of one base build: name both or neither")
    cfg = replace(cfg, minhash=replace(cfg.minhash, group_bytes=1))  # groups are told by `bands`
    check_itself(work, cfg)
    layout = Layout.of(bands, signatures)
    aligned = (documents, signatures, verdicts, languages, *preferred(cfg, licenses, basic))
    files = gather(work, cfg, layout, aligned, by_repository=False)
    if lost := not_comparable(work.store, cfg.minhash.definition()):
        print(
            f"*** WARNING: {lost} documents were taken down with --near in a build with other MinHash settings than "
            f"{cfg.minhash.definition()}: what is near them is not told from other documents here ***",
            file=sys.stderr,
        )
    passes: list[Pass] = []
    scopes = scopes_of(work, cfg, layout, documents)
    if cfg.unit in ("repository", "both"):
        units = gather(work, cfg, layout, aligned, by_repository=True)
        keys = repository_keys(work, cfg.minhash, layout, units, signatures, scopes)
        passes.append(cluster(work, cfg, layout, keys, units, passes, "near_duplicate"))
    if cfg.unit in ("file", "both"):
        keys = file_keys(cfg, layout, bands, signatures, documents, scopes)
        passes.append(cluster(work, cfg, layout, keys, files, passes, "near_duplicate"))
    if frozen is None or frozen_signatures is None:
        frozen, frozen_signatures = scoring(work, cfg, layout, (verdicts, documents, languages, signatures), passes)
    signed = held_signatures or signatures
    made = survive(work, cfg, layout, (signed, verdicts, languages, files), passes, frozen_signatures)
    totals, judged, dropped = by_language(tally(made))
    if cfg.unit == "repository":  # the published rates are of files
        judged, dropped = {ALL: sum(judged.values())}, {ALL: sum(dropped.values())}
    if cfg.unit != "none":
        for sentence in implausible(cfg.plausible, judged, dropped):
            totals["implausible"] = totals.get("implausible", 0) + 1
            print(f"\n*** WARNING: {sentence}. Look at `python -m pipelines.report`. ***\n", file=sys.stderr)
    found = [shard for one in passes for shard in one.clusters]
    outputs = {"survivors": made, "clusters": found, "scoring": frozen, "scoring_signatures": frozen_signatures}
    return Result(outputs, totals | {"clusters": tally(found).get("clusters", 0)})


def file_keys(
    cfg: DedupConfig, layout: Layout, bands: Shards, signatures: Shards, documents: Shards, scopes: Shards
) -> Keys:
    """The file unit: every document by itself. Its text is read only where candidates are verified by it."""
    behind = (signatures, ("signature",)) if cfg.verify_by == "signature" else (documents, COLUMNS)
    near = tuple(range(cfg.minhash.bands))
    return Keys(bands, exact=(cfg.minhash.bands,), near=near, behind=layout.behind(*behind), scopes=scopes)


def check_itself(work: Work, cfg: DedupConfig) -> None:
    """Planted near-duplicates through the steps of both stages, in files that nothing else reads: of each family one
    survives, in whose place the others stand.

    Three shards and three groups, so that keys, runs, components, votes and clusters meet across files. `verify` is
    at most 0.9 here, since no estimate tells 0.995 from a threshold beside it.
    """
    side = replace(work, stage=f"{work.stage}/check", progress=Silent())
    verify = None if cfg.verify is None else min(cfg.verify, 0.9)
    own = DedupConfig(
        unit="file", minhash=cfg.minhash, verify=verify, verify_by=cfg.verify_by, range_bytes=cfg.range_bytes
    )
    none: Shards = []
    parts = [Job((), params=copy, batch="planted") for copy in range(planted.COPIES)]
    documents = side.map(write_planted, None, parts, step="planted", schema=DOCUMENTS)
    signed = sign_stage.run(side, cfg.minhash, documents)
    layout = Layout.of(signed.outputs["bands"], signed.outputs["signatures"])
    members = gather(side, own, layout, (documents, signed.outputs["signatures"], *[none] * 4), by_repository=False)
    scopes = scopes_of(side, own, layout, documents)
    keys = file_keys(own, layout, signed.outputs["bands"], signed.outputs["signatures"], documents, scopes)
    passes = [cluster(side, own, layout, keys, members, [], "near_duplicate")]
    made = survive(side, own, layout, (signed.outputs["signatures"], none, none, members), passes, none)
    tables = [work.store.table(shard, ["survives", "kept_id"]) for shard in made]
    kept = list(zip(*(table["kept_id"].to_pylist() for table in tables), strict=True))  # per family, of each copy
    found = sum(len(set(family)) == 1 and None not in family for family in kept)
    alive = sum(table["survives"].to_pylist().count(True) for table in tables)
    if found < PLANTED_FAMILIES or alive != PLANTED_FAMILIES or len(set(kept)) < PLANTED_FAMILIES:
        raise RuntimeError(
            f"of {PLANTED_FAMILIES} families of planted near-duplicates {found} were found and {alive} documents "
            f"survived: bands={cfg.minhash.bands} and rows={cfg.minhash.rows} find a pair at 0.995 with chance "
            f"{cfg.minhash.recall_at(0.995):.3f}; choose more bands or fewer rows"
        )


def write_planted(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """One text of each family, as documents."""
    copy = cast(int, job.params)
    texts = planted.planted_texts(PLANTED_FAMILIES)[0].to_pylist()[copy :: planted.COPIES]
    fixed = {"source": "planted", "kind": "page", "origin": "planted"}
    rows = [{**fixed, "id": exact.exact_key(f"{copy} {text}".encode()), "text": text} for text in texts]
    yield pa.RecordBatch.from_pylist([{f.name: row.get(f.name) for f in DOCUMENTS} for row in rows], DOCUMENTS)


# the narrow columns that decide


def preferred(cfg: DedupConfig, licenses: Shards | None, basic: Shards | None) -> tuple[Shards, Shards]:
    """Licences and measures, each only where the recipe prefers by it: otherwise another one decides nothing here."""
    wanted = []
    for name, shards in (("license", licenses), ("quality", basic)):
        if name in dict(cfg.prefer) and shards is None:
            raise ValueError(
                f"prefer names {name!r}, but this stage is handed none: it is for documents, not for a pool"
            )
        wanted.append((shards or []) if name in dict(cfg.prefer) else [])
    return wanted[0], wanted[1]


def gather(work: Work, cfg: DedupConfig, layout: Layout, aligned: tuple[Shards, ...], *, by_repository: bool) -> Shards:
    """Per group, the rows of schema MEMBERS."""
    params = (by_repository, cfg.quality)
    jobs = [Job(tuple(shards[group] for shards in aligned), params=params) for group in layout.shards]
    return work.map(gather_group, cfg.minhash, jobs, step="units" if by_repository else "files", schema=MEMBERS)


def gather_group(store: Store, cfg: MinHashConfig, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """One group's documents: what filter said, their unit, what they are preferred by. Without verdicts all passed."""
    documents, signed, verdicts, languages, licenses, basic = job.inputs
    by_repository, quality = cast(tuple[bool, str | None], job.params)
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
    if languages:
        vendored = _joined(store, languages, ["vendored"])["vendored"].fill_null(False).to_numpy()
    if by_repository:
        kinds, repos = (table[name].combine_chunks() for name in ("kind", "repo"))
        units, in_repository = unit_rows(kinds, repos, kept)
    columns = [
        units,
        kept,
        held_out,
        kept & ~(vendored & in_repository),
        keys["n_shingles"].fill_null(0),
        *(table[name] for name in ("stars", "forks")),
        *(table[name].cast(pa.int64()) for name in ("committed", "created")),
        license_ranks(_joined(store, licenses, ["license"])["license"]) if licenses else np.zeros(n, np.int8),
        _millionths(_joined(store, basic, [str(quality)])[str(quality)]) if basic else pa.nulls(n, pa.int64()),
        pa.array((vendored & ~in_repository).astype(np.int8)),
        exact.short_keys(keys["normalized"].combine_chunks()),
        table["id"],
    ]
    yield from pa.table(columns, schema=MEMBERS).combine_chunks().to_batches()


def license_ranks(names: pa.ChunkedArray) -> pa.ChunkedArray:
    """2 of a licence that only asks to keep its notice, 1 of any other, 0 of none."""
    free = pc.is_in(names, value_set=pa.array(sorted(PERMISSIVE)))
    return pc.add(pc.cast(names.is_valid(), pa.int8()), pc.cast(free, pa.int8()))


def _millionths(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.cast(pc.round(pc.multiply(pc.cast(values, pa.float64()), 1e6)), pa.int64())


def _joined(store: Store, shards: Sequence[Shard], columns: list[str]) -> pa.Table:
    return pa.concat_tables([store.table(shard, columns) for shard in shards])


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
        inside = [part for one in passes for part in one.of_group(group)]
        for position, index in enumerate(range(shards.start, shards.stop)):
            reasons = tuple(one.reason for one in passes)
            yield index, inside, (offsets[0], offsets[position] - offsets[0], reasons)


def clustered(store: Store, inside: Sequence[Shards], params: object, n: int) -> list[Clustered]:
    """Of a shard's n documents, the place in the clusters of each pass."""
    low, first, reasons = cast(Place, params)
    found = []
    for (members,), (made,), reason in zip(inside[::2], inside[1::2], reasons, strict=True):
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
    if not chosen.any():  # of most shards; then clusters are not read
        return np.asarray(chosen)
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
    aligned: tuple[Shards, Shards, Shards, Shards],
    passes: list[Pass],
    held: Shards,
) -> Shards:
    """One row of schema SURVIVORS per document. `aligned`: signatures, verdicts, languages; files by group."""
    signed, verdicts, languages, files = aligned
    held = [shard for shard in held if shard.rows]
    jobs = []
    for (index, inside, params), group in zip(places(layout, passes), _group_of(layout), strict=True):
        judged = [verdicts[index], languages[index]] if verdicts else []
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
    made_with = (store.schema(signed.path).metadata or {}).get(b"minhash", b"").decode()
    listed = Listed.read(store, made_with, threshold)
    row = 0
    named = store.table(verdicts[1], ["language"])["language"] if verdicts else None
    for batch, verdict in _with_verdicts(store, signed, verdicts):
        part = slice(row, row + batch.num_rows)
        verdict = listed.judge(ids[part], batch, keys[part], verdict)
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
        if named is not None:
            counts.update(_language_counts(named.slice(row, batch.num_rows), made))
        row = part.stop
        yield made


def _language_counts(languages: pa.ChunkedArray, made: pa.RecordBatch) -> dict[str, int]:
    """Per language, documents among which duplicates were sought, and how many were dropped as such."""
    reason = made.column("reason")
    dropped = pc.is_in(reason, value_set=pa.array(["exact_duplicate", "near_duplicate"]))
    judged = pc.or_(made.column("survives"), dropped)
    out = {}
    for what, mask in (("judged", judged), ("dropped", dropped)):
        for pair in languages.filter(mask).value_counts().to_pylist():
            out[f"{what}.{pair['values'] or 'none'}"] = pair["counts"]
    return out


def by_language(counts: dict[str, int]) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """The counters that are of no language; per language those judged; per language those dropped."""
    of = {what: {k.removeprefix(what): n for k, n in counts.items() if k.startswith(what)} for what in _BY_LANGUAGE}
    rest = {name: n for name, n in counts.items() if not name.startswith(_BY_LANGUAGE)}
    return rest, of[_BY_LANGUAGE[0]], of[_BY_LANGUAGE[1]]


def _with_verdicts(store: Store, signed: Shard, verdicts: Shards) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Row groups of both; where there are no verdicts (the web pool), ones that keep every document."""
    batches = store.batches(signed, ["n_shingles", "exact", "signature"])
    if verdicts:
        yield from zip(batches, store.batches(verdicts[0], ["kept", "reason", "held_out"]), strict=True)
        return
    for batch in batches:
        n = batch.num_rows
        columns = [pa.array(np.ones(n, bool)), pa.nulls(n, pa.string()), pa.array(np.zeros(n, bool))]
        yield batch, pa.RecordBatch.from_arrays(columns, names=["kept", "reason", "held_out"])
