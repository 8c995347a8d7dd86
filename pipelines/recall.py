"""Stage: the web pool and what is left of it after dedup -> the pages about math and code, as documents with a label.

Rounds over the whole pool, each of them per-shard steps joined by small ones (train, cut, related sites). The pages'
BPE ids are made once. After each round the proposed URL prefixes are published as a file that a person may edit.
Selected pages become documents, one shard per group of pool shards, and take the ordinary way from there. The history
of all rounds is one JSON artefact.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpus.schema import DOCUMENTS
from corpus.shards import Shard, Store
from filters.recall import NOT_SELECTED, REJECTED, SEEDS, Joining, RecallConfig, Seeds, addresses, parse_edits
from pipelines.recall_rounds import Round, ids_of, run_round
from pipelines.recall_sites import FILE, Close, find_close
from pipelines.stage import Job, Result, Shards, Work, groups, tally

OUTPUTS = ("documents", "scores", "rounds", "selections", "models", "cards", "proposals")
_GROUP_TEXT = 64 << 20  # most text of one row group
_NAMED = 5  # of seeds that match nothing; the others are counted


def run(work: Work, cfg: RecallConfig, pool: Shards, pool_survivors: Shards) -> Result:
    """The loop. Stops early when less than `stop_share` of a round's selection is new."""
    if not pool or not cfg.labels:
        return Result({name: [] for name in OUTPUTS}, {})
    ids = ids_of(work, cfg.classifier, pool, pool_survivors)
    texts = {label.name: label.documents for label in cfg.labels}
    seeds: Shards | None = None
    made: Round | None = None
    history: list[dict[str, Any]] = []
    kept: dict[str, Shards] = {"selections": [], "models": [], "cards": [], "proposals": []}
    for number in range(1, cfg.rounds + 1):
        before = made.scores if made else None
        seeds = _mark_seeds(work, cfg, (pool, ids, seeds, before), kept["proposals"][-1:], number)
        _check_seeds(cfg, tally(seeds), tally(ids).get("pages", 0), number)
        budgets = _budgets(cfg, tally(seeds), number)
        made = run_round(work, cfg.classifier, (pool, ids, seeds, before), budgets, texts, cfg.samples)
        lowest = {label: row["lowest_logit"] for label, row in made.table.items()}
        close = find_close(work, cfg, (pool, ids, made.scores, seeds), number, lowest)
        for name, shards in (("selections", made.scores), ("models", made.models), ("cards", made.cards)):
            kept[name] += shards  # round after round
        kept["proposals"] += close.proposals
        history.append(_entry(cfg, number, made, close))
        if history[-1]["stopped"]:
            break
    assert made is not None  # at least one round
    _publish(work, kept["proposals"], history)
    rounds = work.map(write_history, None, [Job((), params=history)], step="rounds", schema=None)
    jobs = [
        Job((pool[group], pool_survivors[group], made.scores[group]), batch=pool[group.start].batch)
        for group in groups(pool, cfg.group_bytes)
    ]
    documents = work.map(write_documents, None, jobs, step="documents", schema=DOCUMENTS)
    outputs = {"documents": documents, "scores": made.scores, "rounds": rounds, **kept}
    return Result(outputs, tally(documents) | {"rounds": len(history)})


def _budgets(cfg: RecallConfig, counts: dict[str, int], number: int) -> dict[str, int]:
    found = {}
    for label in cfg.labels:
        seed, undecided = (counts.get(f"{what}_tokens.{label.name}", 0) for what in ("seed", "undecided"))
        found[label.name] = label.cut_of(number - 1, seed, undecided)
    return found


def _entry(cfg: RecallConfig, number: int, made: Round, close: Close) -> dict[str, Any]:
    """What the history says of one round, and why it was the last, where the loop stops early."""
    pages = sum(row["pages"] for row in made.table.values())
    new = sum(row["new_pages"] for row in made.table.values())
    stop = number > 1 and new < cfg.stop_share * pages
    edited = cfg.edited_after(number)
    return {
        "round": number,
        "labels": made.table,
        "sites": close.found,
        "edited": None if edited is None else [list(pattern) for pattern in edited.patterns],
        "stopped": f"{new:,} of {pages:,} pages are new, less than stop_share={cfg.stop_share:g}" if stop else None,
    }


def _publish(work: Work, proposals: Shards, history: list[dict[str, Any]]) -> None:
    """The proposals under names of their own, in a folder per history; the history says where."""
    files = {FILE.format(number): shard for number, shard in enumerate(proposals, 1)}
    folder = f"recall/{_fingerprint(proposals)}"  # below the root: where the root lies is no part of the history
    work.publish(files, folder)
    for entry in history:
        entry["file"] = f"{folder}/{FILE.format(entry['round'])}"


def _fingerprint(shards: Shards) -> str:
    return shards[-1].content[:12]


def _mark_seeds(
    work: Work,
    cfg: RecallConfig,
    aligned: tuple[Shards, Shards, Shards | None, Shards | None],
    proposals: Shards,
    number: int,
) -> Shards:
    """The seed of this round: that of the round before, and pages below prefixes that it did not collect.

    The prefixes are the proposed ones, or what a person made of them.
    """
    pool, ids, seeds, scores = aligned
    edited = cfg.edited_after(number - 1)
    patterns = None if edited is None else edited.patterns
    jobs = []
    for i, (page, tokens) in enumerate(zip(pool, ids, strict=True)):
        before: tuple[list[Shard], ...] = ()
        if seeds and scores:
            before = ([seeds[i]], [scores[i]], proposals if patterns is None else [])
        jobs.append(Job(([page], [tokens], *before), params=patterns, batch=page.batch))
    rules = tuple((label.name, label.domains, label.url_patterns) for label in cfg.labels)
    settings = (rules, cfg.prefix_depth, cfg.max_domain_share, cfg.join_collected)
    return work.map(mark_seeds, settings, jobs, step="seeds", schema=SEEDS)


def _check_seeds(cfg: RecallConfig, counts: dict[str, int], pages: int, number: int) -> None:
    """A seed that matches nothing, or most of the pool, is a mistake; better told than trained on."""
    if not pages:
        raise ValueError(
            "recall: no page of the pool has text, or none is left by pool_dedup: look at the extractor of the batches "
            'with output="pool", and at the counts of crawl and pool_dedup'
        )
    edited = cfg.edited_after(number - 1)
    named = [(label, pattern) for label, pattern in edited.patterns] if edited and number > 1 else []
    if number == 1:
        named = [(label.name, seed) for label in cfg.labels for seed in label.seeds()]
        _check_domains(cfg, counts, pages)
    lost = [(label, seed) for label, seed in named if not counts.get(f"matched.{label}.{seed}")]
    if lost and not cfg.unmatched_seeds:
        label, seed = lost[0]
        what = "seed" if number == 1 else f"edited pattern after round {number - 1}"
        others = [repr(seed) for _, seed in lost[1:_NAMED]] + [f"{len(lost) - _NAMED:,} more"] * (len(lost) > _NAMED)
        also = f" (nor: {', '.join(others)})" if others else ""
        raise ValueError(
            f"recall: {label}'s {what} {seed!r} matches none of the pool's {pages:,} pages with text{also}: "
            f"correct it, take it out, or set unmatched_seeds=True"
        )
    for wanted in cfg.labels:
        found = counts.get(f"seeds.{wanted.name}", 0)
        if found > cfg.max_seed_share * pages:
            raise ValueError(
                f"recall: {wanted.name}'s seed is {found:,} of the pool's {pages:,} pages, more than "
                f"max_seed_share={cfg.max_seed_share:g}: too few are left as random negatives; narrow "
                f"{', '.join(wanted.seeds()) or 'what joined it'} or enlarge the pool"
            )
        if not found and not wanted.documents and not cfg.unmatched_seeds:
            raise ValueError(
                f"recall: no page is positive for {wanted.name}: give it other domains, url_patterns or documents"
            )


def _check_domains(cfg: RecallConfig, counts: dict[str, int], pages: int) -> None:
    """A pool that is mostly one site has no random pages to tell a subject from."""
    for name, found in counts.items():
        if name.startswith("domain.") and found > cfg.max_domain_share * pages:
            raise ValueError(
                f"recall: {name.removeprefix('domain.')} is {found:,} of the pool's {pages:,} pages "
                f"({found / pages:.0%}), "
                f"more than max_domain_share={cfg.max_domain_share:g}: random negatives would be that site's; crawl "
                f"other sites, take fewer of its pages, or raise max_domain_share"
            )


def mark_seeds(store: Store, cfg: Any, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """Per page whether it is in the seed, and of which label; pages without text never are.

    A page that a person rejected has the label with `REJECTED` before it; the newest decision counts.
    """
    (pages,), (tokens,), *before = job.inputs
    rules, depth, most, join_collected = cfg
    known, joining = Seeds(rules), Joining((), depth)
    earlier: list[str | None] = []
    collected: list[str | None] = []
    if before:
        (seeds,), (scores,), proposals = before
        earlier = store.table(seeds, ["label"])["label"].to_pylist()
        collected = store.table(scores, ["label"])["label"].to_pylist()
        patterns: Any = job.params
        if patterns is None:
            patterns = parse_edits(store.read_bytes(proposals[0]).decode(), proposals[0].path)
        joining = Joining(patterns, depth)
    at = 0
    domains: Counter[str] = Counter()
    for batch, numbers in zip(
        store.batches(pages, ["origin", "url"]), store.batches(tokens, ["n_tokens"]), strict=True
    ):
        urls = addresses(batch["url"])
        n_tokens = numbers["n_tokens"].to_pylist()
        with_text = [n > 0 for n in n_tokens]
        rows = slice(at, at := at + len(urls))
        if before:
            every = [joining.matches(url) if has else [] for url, has in zip(urls, with_text, strict=True)]
            found = [matches[0] if matches else None for matches in every]
            if job.params is not None:
                counts.update(f"matched.{label}.{pattern}" for matches in every for label, pattern in matches)
            new = [
                match[0] if match and (join_collected or old is None or match[0].startswith(REJECTED)) else None
                for match, old in zip(found, collected[rows], strict=True)
            ]
            names = [more or old for old, more in zip(earlier[rows], new, strict=True)]
        else:
            matches = [known.matches(url) if has else [] for url, has in zip(urls, with_text, strict=True)]
            names = [match[0][0] if match else None for match in matches]
            counts.update(f"matched.{label}.{seed}" for match in matches for label, seed in match)
            domains.update(d for d, has in zip(batch["origin"].to_pylist(), with_text, strict=True) if has and d)
        counts.update(f"seeds.{name}" for name in names if name)
        for name, old, n in zip(names, collected[rows] if before else names, n_tokens, strict=True):
            if name is not None:
                counts[f"seed_tokens.{name}"] += n
            elif old is not None:
                counts[f"undecided_tokens.{old}"] += n
        positive = [name is not None and not name.startswith(REJECTED) for name in names]
        yield pa.RecordBatch.from_arrays([pa.array(positive), pa.array(names, pa.string())], schema=SEEDS)
    large = {f"domain.{domain}": n for domain, n in domains.items() if n > most * domains.total()}
    counts.update(large)


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
