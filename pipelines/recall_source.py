"""Stage: source files -> score and label, by the recall loop's classifier; an annotation of every document.

The seed is files written with care: what care is, is data (`RecallSourceConfig`). Text is read for the ids, and for the
comment share of files that pass every cheaper test. Which score matters and what a label means is for `filter` to say.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.schema import RECALL_SCORES
from corpus.shards import Store
from filters.commented import commented_characters
from filters.recall import SEEDS, RecallSourceConfig
from pipelines.recall_rounds import ids_of, run_round
from pipelines.stage import Job, Result, Shards, Work, groups, tally

TAKES_PART = pa.schema([("survives", pa.bool_())])  # as a page's survivors say
_TESTED = pa.schema([("repo", pa.string())])
_MARKS = ("language", "generated", "vendored", "minified", "test")
_FILES = pa.array(["file", "notebook"])
_SAMPLES = 5  # files shown on each side of a cut


def run(
    work: Work, cfg: RecallSourceConfig, documents: Shards, languages: Shards, basic: Shards, licenses: Shards
) -> Result:
    """Scores and labels of every document; those that do not take part have score 0 and no label."""
    taking_part = work.annotate(
        take_part, None, documents, languages, step="take_part", schema=TAKES_PART, columns=[["kind"], _MARKS]
    )
    if not cfg.rounds or not tally(taking_part).get("files"):  # a corpus without source has no seed to miss
        return Result(
            {"source_scores": _unscored(work, taking_part), "rounds": [], "models": [], "cards": []}, tally(taking_part)
        )
    ids = ids_of(work, cfg.classifier, documents, taking_part)
    aligned = (documents, languages, basic, licenses, taking_part, _tested(work, cfg, documents, languages))
    jobs = [Job(tuple([shard] for shard in row), batch=row[0].batch) for row in zip(*aligned, strict=True)]
    definition = replace(cfg, rounds=1, cut_share=1.0, unmatched_seeds=False, group_bytes=1)
    seeds = work.map(mark_seeds, definition, jobs, step="seeds", schema=SEEDS)
    counts = tally(ids) | tally(seeds)
    if not counts.get(f"seeds.{cfg.label}"):
        if not cfg.unmatched_seeds:
            raise ValueError(
                f"recall_source: none of {counts.get('pages', 0):,} source files is fit for the seed "
                f"(comment_share {cfg.comment_share}, lines {cfg.lines}, licenses {cfg.licenses}, needs_tests "
                f"{cfg.needs_tests}): widen these, set rounds=0 to leave the stage out, or unmatched_seeds=True"
            )
        return Result({"source_scores": _unscored(work, taking_part), "rounds": [], "models": [], "cards": []}, counts)
    budget = max(1, int(cfg.cut_share * counts["tokens"]))
    history: list[dict[str, Any]] = []
    scores: Shards | None = None
    models: Shards = []
    cards: Shards = []
    for number in range(cfg.rounds):
        if scores is not None:
            jobs = [Job(([s], [f]), batch=s.batch) for s, f in zip(seeds, scores, strict=True)]
            seeds = work.map(join_seeds, (cfg.label, cfg.join_probability), jobs, step="join", schema=SEEDS)
        made = run_round(work, cfg.classifier, (documents, ids, seeds, scores), {cfg.label: budget}, {}, _SAMPLES)
        scores, models, cards = made.scores, models + made.models, cards + made.cards
        history.append({"round": number + 1, "labels": made.table})
    assert scores is not None  # rounds is at least 1 here
    rounds = work.map(write_history, None, [Job((), params=history)], step="rounds", schema=None)
    outputs = {"source_scores": scores, "rounds": rounds, "models": models, "cards": cards}
    return Result(outputs, counts | tally(scores) | {"rounds": len(history)})


def _unscored(work: Work, taking_part: Shards) -> Shards:
    return work.annotate(no_score, None, taking_part, step="unscored", schema=RECALL_SCORES)


def _tested(work: Work, cfg: RecallSourceConfig, documents: Shards, languages: Shards) -> Shards:
    """Per document shard the repositories of its group that have tests."""
    cuts = groups(documents, cfg.group_bytes)
    jobs = [Job((documents[cut], languages[cut]), batch=documents[cut.start].batch) for cut in cuts]
    found = work.map(find_tested, None, jobs, step="tested", schema=_TESTED)
    return [shard for cut, shard in zip(cuts, found, strict=True) for _ in range(cut.start, cut.stop)]


def take_part(cfg: None, documents: pa.RecordBatch, languages: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
    """Files and notebooks in one of the listed languages that a person wrote."""
    mask = pc.and_(pc.is_in(documents["kind"], value_set=_FILES), languages["language"].is_valid())
    for mark in ("generated", "vendored", "minified"):
        mask = pc.and_(mask, pc.invert(pc.fill_null(languages[mark], False)))
    mask = pc.fill_null(mask, False)
    return pa.RecordBatch.from_arrays([mask], schema=TAKES_PART), {"files": pc.sum(mask).as_py() or 0}


def no_score(cfg: None, rows: pa.RecordBatch) -> pa.RecordBatch:
    """The annotation of a corpus in which nothing is scored."""
    n = rows.num_rows
    return pa.RecordBatch.from_arrays(
        [pa.array(np.zeros(n, np.float32)), pa.nulls(n, pa.string())], schema=RECALL_SCORES
    )


def find_tested(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """Repositories of the group in which some file is a test."""
    repos: set[str] = set()
    for documents, languages in zip(*job.inputs, strict=True):
        mask = pc.fill_null(store.table(languages, ["test"])["test"], False)
        repos.update(repo for repo in store.table(documents, ["repo"])["repo"].filter(mask).to_pylist() if repo)
    counts["tested_repositories"] = len(repos)
    yield pa.RecordBatch.from_pylist([{"repo": repo} for repo in sorted(repos)], _TESTED)


def mark_seeds(store: Store, cfg: RecallSourceConfig, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """Files that are fit for the seed."""
    documents, languages, basic, licenses, taking_part, (tested,) = job.inputs
    repos = pa.array(store.table(tested)["repo"].to_pylist(), pa.string())
    readers = (
        store.batches(documents[0], ["repo", "text"]),
        store.batches(languages[0], ["language", "test"]),
        store.batches(basic[0], ["n_chars", "n_lines"]),
        store.batches(licenses[0], ["license"]),
        store.batches(taking_part[0]),
    )
    for document, language, measures, licence, part in zip(*readers, strict=True):
        fit = pc.and_(part["survives"], pc.invert(pc.fill_null(language["test"], False)))
        fit = pc.and_(fit, pc.is_in(measures["n_lines"], value_set=pa.array(range(cfg.lines[0], cfg.lines[1] + 1))))
        if cfg.licenses is not None:
            fit = pc.and_(fit, pc.is_in(licence["license"], value_set=pa.array(cfg.licenses)))
        if cfg.needs_tests:
            fit = pc.and_(fit, pc.is_in(document["repo"], value_set=repos))
        names: list[str | None] = [None] * document.num_rows
        for row in np.flatnonzero(pc.fill_null(fit, False).to_numpy(zero_copy_only=False)).tolist():
            text, name = document["text"][row].as_py(), language["language"][row].as_py()
            share = commented_characters(text, name) / max(1, len(text))
            if cfg.comment_share[0] <= share <= cfg.comment_share[1]:
                names[row] = cfg.label
        counts[f"seeds.{cfg.label}"] += sum(name is not None for name in names)
        columns = [pa.array([name is not None for name in names]), pa.array(names, pa.string())]
        yield pa.RecordBatch.from_arrays(columns, schema=SEEDS)


def join_seeds(store: Store, cfg: tuple[str, float], job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The seed and what the round before was sure of."""
    (seeds,), (scores,) = job.inputs
    label, least = cfg
    for seed, found in zip(store.batches(seeds), store.batches(scores), strict=True):
        sure = pc.and_(pc.fill_null(pc.equal(found["label"], label), False), pc.greater_equal(found["score"], least))
        either = pc.or_(seed["seed"], sure)
        counts[f"seeds.{label}"] += pc.sum(either).as_py() or 0
        yield pa.RecordBatch.from_arrays([either, pc.if_else(either, label, None)], schema=SEEDS)


def write_history(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[bytes]:
    """All rounds as one JSON table."""
    yield json.dumps(job.params, indent=1).encode()
