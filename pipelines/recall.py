"""Stage: the web pool and what is left of it after dedup -> the pages about math and code, as documents with a label.

Rounds over the whole pool, each of them per-shard steps joined by three small ones (train, cut, related sites). The
pages' BPE ids are made once. Selected pages become documents, one shard per group of pool shards, and take the ordinary
way from there. The history of all rounds is one JSON artefact.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpus.schema import DOCUMENTS
from corpus.shards import Store
from filters.recall import (
    NOT_SELECTED,
    SEEDS,
    SITES,
    RecallConfig,
    Seeds,
    addresses,
    joined,
    related,
    sites,
)
from pipelines.recall_rounds import ids_of, run_round
from pipelines.stage import Job, Result, Shards, Work, groups, tally

_GROUP_TEXT = 64 << 20  # most text of one row group


def run(work: Work, cfg: RecallConfig, pool: Shards, pool_survivors: Shards) -> Result:
    """The loop. Stops early when less than `stop_share` of a round's selection is new."""
    if not pool or not cfg.labels:
        return Result({"documents": [], "scores": [], "rounds": [], "models": []}, {})
    ids = ids_of(work, cfg.classifier, pool, pool_survivors)
    texts = {label.name: label.documents for label in cfg.labels}
    seeds: Shards | None = None
    scores: Shards | None = None
    close: Shards = []
    history: list[dict[str, Any]] = []
    models: Shards = []
    for number in range(cfg.rounds):
        seeds = _mark_seeds(work, cfg, (pool, ids, seeds, scores), close)
        if number == 0:
            _check_seeds(cfg, tally(seeds), tally(ids).get("pages", 0))
        budgets = {label.name: label.cut_of(number) for label in cfg.labels}
        made = run_round(work, cfg.classifier, (pool, ids, seeds, scores), budgets, texts)
        scores, models = made.scores, models + made.models
        close = _related_sites(work, cfg, pool, ids, scores)
        history.append(
            {"round": number + 1, "labels": made.table, "sites": json.loads(work.store.read_bytes(close[0]))}
        )
        pages = sum(row["pages"] for row in made.table.values())
        if number and sum(row["new_pages"] for row in made.table.values()) < cfg.stop_share * pages:
            break
    assert scores is not None  # at least one round
    rounds = work.map(write_history, None, [Job((), params=history)], step="rounds", schema=None)
    jobs = [
        Job((pool[group], pool_survivors[group], scores[group]), batch=pool[group.start].batch)
        for group in groups(pool, cfg.group_bytes)
    ]
    documents = work.map(write_documents, None, jobs, step="documents", schema=DOCUMENTS)
    outputs = {"documents": documents, "scores": scores, "rounds": rounds, "models": models}
    return Result(outputs, tally(documents) | {"rounds": len(history)})


def _mark_seeds(
    work: Work, cfg: RecallConfig, aligned: tuple[Shards, Shards, Shards | None, Shards | None], close: Shards
) -> Shards:
    """The seed of this round: that of the round before, and pages below related prefixes that it did not collect."""
    pool, ids, seeds, scores = aligned
    jobs = []
    for i, (page, tokens) in enumerate(zip(pool, ids, strict=True)):
        before = ([seeds[i]], [scores[i]], close) if seeds and scores else ()
        jobs.append(Job(([page], [tokens], *before), batch=page.batch))
    rules = tuple((label.name, label.domains, label.url_patterns) for label in cfg.labels)
    return work.map(mark_seeds, (rules, cfg.prefix_depth), jobs, step="seeds", schema=SEEDS)


def _check_seeds(cfg: RecallConfig, counts: dict[str, int], pages: int) -> None:
    """A seed that matches nothing, or most of the pool, is a mistake; better told than trained on."""
    for label in cfg.labels:
        lost = [seed for seed in label.seeds() if not counts.get(f"matched.{label.name}.{seed}")]
        if lost and not cfg.unmatched_seeds:
            raise ValueError(
                f"recall: {label.name}'s seed {lost[0]!r} matches none of the pool's {pages:,} pages"
                f"{f' (nor do {len(lost) - 1} others)' if lost[1:] else ''}: correct it, take it out, or set "
                f"unmatched_seeds=True"
            )
        found = counts.get(f"seeds.{label.name}", 0)
        if found > cfg.max_seed_share * pages:
            raise ValueError(
                f"recall: {label.name}'s seed is {found:,} of the pool's {pages:,} pages, more than "
                f"max_seed_share={cfg.max_seed_share:g}: too few are left as random negatives; narrow "
                f"{', '.join(label.seeds())} or enlarge the pool"
            )


def _related_sites(work: Work, cfg: RecallConfig, pool: Shards, ids: Shards, scores: Shards) -> Shards:
    labels = tuple(label.name for label in cfg.labels)
    jobs = [Job(([p], [i], [s]), batch=p.batch) for p, i, s in zip(pool, ids, scores, strict=True)]
    counted = work.map(count_sites, (labels, cfg.prefix_depth), jobs, step="sites", schema=SITES)
    shares = (cfg.domain_share, cfg.prefix_share, cfg.min_pages)
    return work.map(find_related, (labels, shares), [Job((counted,))], step="related", schema=None)


def mark_seeds(store: Store, cfg: Any, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """Per page whether it is in the seed, and of which label; pages without text never are."""
    (pages,), (tokens,), *before = job.inputs
    rules, depth = cfg
    known, prefixes = Seeds(rules), {}
    earlier: list[str | None] = []
    collected: list[str | None] = []
    if before:
        (seeds,), (scores,), (close,) = before
        earlier = store.table(seeds, ["label"])["label"].to_pylist()
        collected = store.table(scores, ["label"])["label"].to_pylist()
        found = json.loads(store.read_bytes(close))
        prefixes = {row["prefix"]: label for label in found for row in found[label]["prefixes"]}
    at = 0
    for batch, numbers in zip(store.batches(pages, ["url"]), store.batches(tokens, ["n_tokens"]), strict=True):
        urls = addresses(batch["url"])
        rows = slice(at, at := at + len(urls))
        if before:
            more = joined(prefixes, urls, depth, collected[rows])
            names = [old or new for old, new in zip(earlier[rows], more, strict=True)]
        else:
            matches = [known.matches(url) for url in urls]
            names = [match[0][0] if match else None for match in matches]
        with_text = [n > 0 for n in numbers["n_tokens"].to_pylist()]
        names = [name if has else None for name, has in zip(names, with_text, strict=True)]
        counts.update(f"seeds.{name}" for name in names if name)
        if not before:
            found_by = (found for match, has in zip(matches, with_text, strict=True) if has for found in match)
            counts.update(f"matched.{label}.{seed}" for label, seed in found_by)
        columns = [pa.array([name is not None for name in names]), pa.array(names, pa.string())]
        yield pa.RecordBatch.from_arrays(columns, schema=SEEDS)


def count_sites(store: Store, cfg: Any, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """Pages and collected pages of the shard by domain and URL prefix; one row per label."""
    (pages,), (tokens,), (scores,) = job.inputs
    labels, depth = cfg
    has_text = pc.greater(store.table(tokens, ["n_tokens"])["n_tokens"], 0)
    table = store.table(pages, ["origin", "url"]).filter(has_text)
    collected = store.table(scores, ["label"]).filter(has_text)["label"].to_pylist()
    urls = addresses(table["url"].combine_chunks())
    found = sites(labels, table["origin"].to_pylist(), urls, collected, depth)
    rows = [
        {"label": label, "domain": domain, "prefix": prefix, "pages": row[0], "collected": row[i]}
        for (domain, prefix), row in sorted(found.items())
        for i, label in enumerate(labels, 1)
    ]
    yield pa.RecordBatch.from_pylist(rows, SITES)


def find_related(store: Store, cfg: Any, job: Job, counts: "Counter[str]") -> Iterator[bytes]:
    """Related domains and proposed prefixes. Holds every (domain, prefix) of the pool: some 300 bytes each."""
    labels, (domain_share, prefix_share, min_pages) = cfg
    found: dict[tuple[str, str], list[int]] = {}
    for shard in job.inputs[0]:
        for row in store.table(shard).to_pylist():
            whole = found.setdefault((row["domain"], row["prefix"]), [0] * (1 + len(labels)))
            whole[1 + labels.index(row["label"])] += row["collected"]
            whole[0] += row["pages"] if row["label"] == labels[0] else 0
    settings = RecallConfig(domain_share=domain_share, prefix_share=prefix_share, min_pages=min_pages)
    yield json.dumps(related(settings, labels, found), indent=1).encode()


def write_history(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[bytes]:
    """All rounds as one JSON table."""
    yield json.dumps(job.params, indent=1).encode()


def write_documents(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The group's selected pages with their label; what is left out is counted by why."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    for pages, survivors, scores in zip(*job.inputs, strict=True):
        columns = (store.batches(pages), store.batches(survivors, ["survives", "reason"]), store.batches(scores))
        for batch, kept, found in zip(*columns, strict=True):
            takes_part = pc.fill_null(kept["survives"], False)
            chosen = pc.and_(found["label"].is_valid(), takes_part)
            lost = pc.if_else(takes_part, NOT_SELECTED, pc.fill_null(kept["reason"], "quarantined"))
            counts["seen"] += batch.num_rows
            counts.update(f"refused.{reason}" for reason in lost.filter(pc.invert(chosen)).to_pylist())
            part = batch.set_column(batch.schema.get_field_index("label"), "label", found["label"]).filter(chosen)
            text = pc.sum(pc.binary_length(part["text"])).as_py() or 0
            counts["kept"] += part.num_rows
            counts["bytes"] += text
            if waiting and size + text > _GROUP_TEXT:
                yield pa.concat_batches(waiting)
                waiting, size = [], 0
            waiting.append(part)
            size += text
    if waiting:
        yield pa.concat_batches(waiting)
