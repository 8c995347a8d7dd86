"""The steps of one recall round, for pages and for source files: examples, models, scores, and what `recall_cuts`
selects.

Comes in: documents that take part with their BPE ids, and which of them are the seed. Goes out: an annotation of
scores and labels. Each step is a task of its own; where the seed comes from, and what follows from a selection, is for
the stages that use this. No task holds more than one shard's ids or one part of the examples, `_PART_BYTES` at most;
training holds its matrix beside one batch.
"""

import heapq
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.draws import uniform_draws
from corpus.schema import TOKENS
from corpus.shards import Shard, Store
from filters.recall import NEVER, REJECTED, ties
from filters.recall_learners import algorithm, learn, scorer
from filters.recall_model import SETTINGS, ClassifierConfig, Examples, buckets_for, card, epochs_for
from pipelines.recall_cuts import Selection, cut_and_select
from pipelines.stage import Job, Shards, Work, tally
from tokenization.tokenizer import TokenizerConfig, load

EXAMPLES = pa.schema(
    [
        ("key", pa.uint64()),  # rows are sorted by it
        ("label", pa.string()),  # of the seed it belongs to, or null
        ("taken", pa.bool_()),  # as a positive of its label
        ("drawn", pa.bool_()),  # as a negative
        ("held_out", pa.bool_()),
        ("ids", pa.large_list(pa.int32())),
    ]
)
_BATCH = 256  # examples at a time
_PART_BYTES = 1 << 28  # of ids that one task sorts
Row = tuple[int, np.ndarray, bool]  # key, ids, positive


@dataclass(frozen=True)
class Round:
    """What one round made."""

    models: Shards
    cards: Shards  # one per model, JSON
    scores: Shards  # RECALL_SCORES, one per input shard
    table: dict[str, dict[str, Any]]  # by label


def encode_ids(store: Store, cfg: TokenizerConfig, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """BPE ids of the texts that take part, once for all rounds; none for the others."""
    (shard,), (taking_part,) = job.inputs
    tokenizer = load(cfg)
    for batch, part in zip(store.batches(shard, ["text"]), store.batches(taking_part, ["survives"]), strict=True):
        mask = pc.fill_null(part["survives"], False)
        texts = pc.if_else(mask, batch["text"], pa.scalar("", pa.large_string()))
        ids = tokenizer.encode_column(texts)
        lengths = pc.cast(ids.value_lengths(), pa.int32())
        counts["bytes"] = counts.get("bytes", 0) + pc.sum(pc.binary_length(texts)).as_py()
        counts["tokens"] = counts.get("tokens", 0) + pc.sum(lengths).as_py()
        counts["pages"] = counts.get("pages", 0) + pc.sum(pc.greater(lengths, 0)).as_py()
        yield pa.RecordBatch.from_arrays([lengths, ids], schema=TOKENS)


def ids_of(work: Work, cfg: ClassifierConfig, documents: Shards, taking_part: Shards) -> Shards:
    """The step that makes them."""
    jobs = [Job(([d], [t]), batch=d.batch) for d, t in zip(documents, taking_part, strict=True)]
    return work.map(encode_ids, cfg.tokenizer, jobs, step="ids", schema=TOKENS)


def run_round(
    work: Work,
    cfg: ClassifierConfig,
    aligned: tuple[Shards, Shards, Shards, Shards | None],
    budgets: dict[str, int],
    texts: dict[str, tuple[str, ...]],
    samples: int,
) -> Round:
    """Train on the seed, score, keep each label's best tokens.

    `aligned`: documents, ids, seeds (schema SEEDS), and the round before's selection, whose pages are no negatives.
    """
    documents, ids, seeds, before = aligned
    rows = list(zip(documents, ids, seeds, [[b] for b in before] if before else [[]] * len(ids), strict=True))
    seeded, pages = tally(seeds), tally(ids).get("pages", 0)
    labels = tuple(label for label in budgets if seeded.get(f"seeds.{label}") or texts.get(label))
    rates = tuple((label, cfg.max_positives / max(1, seeded.get(f"seeds.{label}", 0))) for label in labels)
    params = (rates, cfg.max_negatives / max(1, pages))
    jobs = [Job(([d], [i], [s], b), params=params, batch=d.batch) for d, i, s, b in rows]
    drawn = work.map(draw_examples, (cfg.seed, cfg.held_out), jobs, step="examples", schema=EXAMPLES)
    n_parts = max(1, -(-tally(drawn).get("example_tokens", 0) * 4 // _PART_BYTES))
    jobs = [Job((drawn,), params=(part, n_parts)) for part in range(n_parts)]
    examples = work.map(sort_examples, None, jobs, step="sorted", schema=EXAMPLES)
    folds = (None, *range(cfg.folds)) if cfg.folds > 1 else (None,)
    trainings = [Job((examples,), params=(label, texts.get(label, ()), fold)) for fold in folds for label in labels]
    trained = work.map(train_model, cfg, trainings, step="train", schema=None)
    models = trained[: len(labels)]  # of all examples
    schema = pa.schema([("tie", pa.uint32()), *((label, pa.float32()) for label in labels)])
    jobs = [Job(([d], [i], trained, [s]), params=labels, batch=d.batch) for d, i, s, _ in rows]
    scored = work.map(score, cfg, jobs, step="score", schema=schema)
    given = Selection(documents, ids, scored, before)
    found = cut_and_select(work, given, {label: budgets[label] for label in labels}, samples)
    jobs = [
        Job((examples, [m]), params=(label, found.table[label]["lowest_logit"], m.counts, m.content))
        for label, m in zip(labels, models, strict=True)
    ]
    cards = work.map(make_card, cfg, jobs, step="card", schema=None)
    table = {
        label: {
            "seed_pages": seeded.get(f"seeds.{label}", 0),
            "asked_tokens": budgets[label],
            **found.table[label],
            "held_out": json.loads(work.store.read_bytes(made))["held_out"],
        }
        for label, made in zip(labels, cards, strict=True)
    }
    return Round(models, cards, found.scores, table)


def draw_examples(store: Store, cfg: tuple[int, float], job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """The shard's part of the training and held-out examples, in a drawn order.

    Positives: seed pages, each with the chance that gives the wanted number over the whole pool; negatives: pages drawn
    in the same way, neither seed of the label nor selected by the round before, and all that a person rejected.
    """
    (documents,), (tokens,), (seeds,), before = job.inputs
    seed, held_out = cfg
    params: Any = job.params
    rates, negative_rate = dict(params[0]), params[1]
    numbers = store.table(tokens, ["n_tokens"])["n_tokens"].to_numpy()
    labels = store.table(seeds, ["label"])["label"].to_pylist()
    collected = store.table(before[0], ["label"])["label"].to_pylist() if before else [None] * len(labels)
    chosen = []
    for row, document in enumerate(store.table(documents, ["id"])["id"].to_pylist()):
        if not numbers[row]:
            continue
        key, positive, negative, apart = _draws(document, seed)
        taken = labels[row] is not None and positive < rates.get(labels[row], 0)
        taken |= (labels[row] or "").startswith(REJECTED)
        drawn = negative < negative_rate and collected[row] is None
        if taken or drawn:
            chosen.append((_key(key), row, labels[row], taken, drawn, apart < held_out))
    chosen.sort()
    counts["examples"] = len(chosen)
    counts["example_tokens"] = sum(int(numbers[row]) for _, row, *_ in chosen)
    ids = store.table(tokens, ["ids"])["ids"]
    for start in range(0, len(chosen), _BATCH):
        keys, rows, names, taken_, drawn_, apart_ = zip(*chosen[start : start + _BATCH], strict=True)
        columns = [pa.array(keys, pa.uint64()), pa.array(names, pa.string()), *map(pa.array, (taken_, drawn_, apart_))]
        yield pa.RecordBatch.from_arrays([*columns, ids.take(pa.array(rows)).combine_chunks()], schema=EXAMPLES)


def sort_examples(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """The part-th of n equal ranges of keys, from all shards, sorted: what training reads one batch after the other."""
    (drawn,) = job.inputs
    params: Any = job.params
    part, n_parts = params
    low, last = part * 2**64 // n_parts, (part + 1) * 2**64 // n_parts - 1
    held = [pa.Table.from_batches([], EXAMPLES)]
    for shard in drawn:
        for batch in store.batches(shard):
            keys = batch["key"].to_numpy()
            start, stop = np.searchsorted(keys, np.uint64(low), "left"), np.searchsorted(keys, np.uint64(last), "right")
            held.append(pa.Table.from_batches([batch.slice(start, stop - start)]))
    table = pa.concat_tables(held)
    order = np.argsort(table["key"].to_numpy(), kind="stable")
    for first in range(0, len(order), _BATCH):
        yield table.take(pa.array(order[first : first + _BATCH])).combine_chunks().to_batches()[0]


def _rows(store: Store, shard: Shard, label: str, held_out: bool, left_out: range = range(0)) -> Iterator[Row]:
    """The shard's examples of one label's model, without the seed pages whose keys are left out."""
    for batch in store.batches(shard):
        offsets, values = batch["ids"].offsets.to_numpy(), batch["ids"].values.to_numpy()
        columns = (batch[name].to_pylist() for name in ("key", "label", "taken", "drawn", "held_out"))
        for i, (key, name, taken, drawn, apart) in enumerate(zip(*columns, strict=True)):
            wanted = taken if name in (label, REJECTED + label) else drawn
            if apart == held_out and wanted and not (name == label and key in left_out):
                yield key, values[offsets[i] : offsets[i + 1]], name == label


def _texts(cfg: ClassifierConfig, texts: Sequence[str]) -> list[Row]:
    """Seed documents from outside the pool, in the same drawn order."""
    if not texts:
        return []
    ids = load(cfg.tokenizer).encode_column(pa.array(texts, pa.large_string()))
    keys = [_key(_draws(text.encode(), cfg.seed)[0]) for text in texts]
    offsets, values = ids.offsets.to_numpy(), ids.values.to_numpy()
    rows = [(key, values[a:b], True) for key, a, b in zip(keys, offsets[:-1], offsets[1:], strict=True) if b > a]
    return sorted(rows, key=lambda row: row[0])


def fold_keys(fold: int, folds: int) -> range:
    """The keys of one fold: of equal ranges one, since keys are drawn."""
    return range(fold * 2**64 // folds, (fold + 1) * 2**64 // folds)


def _draws(document: bytes, seed: int) -> list[float]:
    """A page's key as a number in [0, 1), and whether it is taken, is a negative, is held out: the same everywhere."""
    return uniform_draws(document, seed, "recall", 0, 4)


def _key(draw: float) -> int:
    return int(draw * 2**53) << 11


def train_model(store: Store, cfg: ClassifierConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One label's model, from the sorted examples: a batch of them is in memory."""
    (examples,) = job.inputs
    params: Any = job.params
    label, texts, fold = params
    outside = _texts(cfg, texts)
    left_out = range(0) if fold is None else fold_keys(fold, cfg.folds)

    def rows() -> Iterator[Row]:
        inside = (row for shard in examples for row in _rows(store, shard, label, False, left_out))
        yield from heapq.merge(iter(outside), inside, key=lambda row: row[0])

    def batches() -> Iterator[Examples]:
        merged = rows()
        while part := list(islice(merged, _BATCH)):
            offsets = np.concatenate([[0], np.cumsum([len(ids) for _, ids, _ in part])]).astype(np.int64)
            yield Examples(offsets, np.concatenate([ids for _, ids, _ in part]), np.array([p for _, _, p in part]))

    for _, ids, is_positive in rows():
        for name, n in (("positives" if is_positive else "negatives", 1), ("tokens", len(ids))):
            counts[name] = counts.get(name, 0) + n
    positives, negatives = counts.get("positives", 0), counts.get("negatives", 0)
    if not positives or not negatives:
        lacks = "positive" if not positives else "negative"
        raise ValueError(
            f"recall of {label}: {positives} positive and {negatives} negative examples"
            + ("" if fold is None else f" outside fold {fold + 1} of {cfg.folds}")
            + ", and a classifier needs both: "
            + ("add seeds to the label" if lacks == "positive" else "enlarge the pool")
            + ("" if fold is None else ", or set folds=1")
        )
    counts["epochs"] = epochs_for(cfg, positives + negatives) if cfg.words is None else cfg.words.epochs
    counts["buckets"] = buckets_for(cfg, counts["tokens"]) if cfg.words is None else cfg.words.buckets
    yield learn(cfg, batches)


def make_card(store: Store, cfg: ClassifierConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """The model's card: what it is trained on and how, and how it does on examples that it has not seen."""
    examples, (model,) = job.inputs
    params: Any = job.params
    label, threshold, trained, content = params
    logits = scorer(cfg, store.read_bytes(model))
    found, positive = [], []
    for shard in examples:
        for _, ids, is_positive in _rows(store, shard, label, held_out=True):
            found.append(logits(pa.LargeListArray.from_arrays(pa.array([0, len(ids)]), pa.array(ids)))[0])
            positive.append(is_positive)
    made = {
        "label": label,
        "model": content,
        "algorithm": algorithm(cfg),
        "settings": {name: getattr(cfg, name) for name in SETTINGS} if cfg.words is None else asdict(cfg.words),
        "vocabulary": {"name": cfg.tokenizer.name, "sha256": cfg.tokenizer.sha256},
        "trained_on": trained,
        "negatives": "drawn at random, neither seed of the label nor selected by the round before; some are about it",
        "held_out": card(np.array(found, np.float32), np.array(positive, bool), threshold),
    }
    yield json.dumps(made, indent=1).encode()


def score(store: Store, cfg: ClassifierConfig, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """Every page's logit by label, and its place among equals. What a person rejected comes last; a page of the seed
    is scored by the model of the folds that it is not in."""
    (documents,), (tokens,), models, (seeds,) = job.inputs
    labels: Any = job.params
    loaded = [scorer(cfg, store.read_bytes(model)) for model in models]
    n = len(labels)
    apart = [loaded[n * fold : n * (fold + 1)] for fold in range(1, cfg.folds + 1)] if cfg.folds > 1 else []
    schema = pa.schema([("tie", pa.uint32()), *((label, pa.float32()) for label in labels)])
    columns = (store.batches(documents, ["id"]), store.batches(tokens, ["ids"]), store.batches(seeds, ["label"]))
    for batch, ids, seed in zip(*columns, strict=True):
        page_ids, names = batch["id"].to_pylist(), seed["label"]
        drawn = [_key(_draws(page, cfg.seed)[0]) for page in page_ids] if apart else []
        keys = np.array(drawn, np.uint64)
        made = []
        for at, label in enumerate(labels):
            found = loaded[at](ids["ids"])
            inside = pc.fill_null(pc.equal(names, label), False).to_numpy(zero_copy_only=False)
            for fold, others in enumerate(apart):
                keys_of = fold_keys(fold, cfg.folds)
                rows = np.flatnonzero(inside & (keys >= keys_of.start) & (keys <= keys_of.stop - 1))
                if len(rows):
                    found[rows] = others[at](ids["ids"].take(pa.array(rows))) + np.float32(cfg.seed_logit)
            found[pc.fill_null(pc.equal(names, REJECTED + label), False).to_numpy(zero_copy_only=False)] = NEVER
            made.append(pa.array(found, pa.float32()))
        yield pa.RecordBatch.from_arrays([pa.array(ties(page_ids)), *made], schema=schema)
