"""The steps of one recall round, for pages and for source files: examples, models, scores, the cut, the selection.

Comes in: documents that take part with their BPE ids, and which of them are the seed. Goes out: an annotation of scores
and labels. Each step is a task of its own; where the seed comes from, and what follows from a selection, is for the
stages that use this. No task holds more than one shard's text or ids, except training's examples, one batch per shard.
"""

import heapq
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.cuts import ALL_INSIDE, NONE_INSIDE, bucket_of, cut, histogram, inside, is_inside
from corpus.draws import uniform_draws
from corpus.schema import RECALL_SCORES, TOKENS
from corpus.shards import Shard, Store
from filters.recall import rank_keys, selected, ties
from filters.recall_model import ClassifierConfig, Examples, Linear, card, logits, train
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
Row = tuple[int, np.ndarray, bool]  # key, ids, positive


@dataclass(frozen=True)
class Round:
    """What one round made."""

    models: Shards
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
    examples = work.map(draw_examples, (cfg.seed, cfg.held_out), jobs, step="examples", schema=EXAMPLES)
    trainings = [Job((examples,), params=(label, texts.get(label, ()))) for label in labels]
    models = work.map(train_model, cfg, trainings, step="train", schema=None)
    jobs = [Job((examples, [m]), params=label) for label, m in zip(labels, models, strict=True)]
    cards = work.map(make_card, None, jobs, step="card", schema=None)
    schema = pa.schema([("tie", pa.uint32()), *((label, pa.float32()) for label in labels)])
    jobs = [Job(([d], [i], models), params=labels, batch=d.batch) for d, i, _, _ in rows]
    scored = work.map(score, None, jobs, step="score", schema=schema)
    asked = tuple((label, budgets[label]) for label in labels)
    cuts = work.map(find_cuts, None, [Job((scored, ids), params=asked)], step="cut", schema=None)
    jobs = [Job(([s], [i], cuts, b), batch=s.batch) for s, (_, i, _, b) in zip(scored, rows, strict=True)]
    scores = work.map(select, None, jobs, step="select", schema=RECALL_SCORES)
    found, limits = tally(scores), json.loads(work.store.read_bytes(cuts[0]))
    table = {
        label: {
            "seed_pages": seeded.get(f"seeds.{label}", 0),
            "asked_tokens": budgets[label],
            "pages": found.get(f"selected.{label}", 0),
            "tokens": found.get(f"tokens.{label}", 0),
            "new_pages": found.get(f"new.{label}", 0),
            "lowest_logit": limits[label]["lowest_logit"],
            "held_out": json.loads(work.store.read_bytes(made)),
        }
        for label, made in zip(labels, cards, strict=True)
    }
    return Round(models, scores, table)


def draw_examples(store: Store, cfg: tuple[int, float], job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """The shard's part of the training and held-out examples, in a drawn order.

    Positives: seed pages, each with the chance that gives the wanted number over the whole pool; negatives: pages drawn
    in the same way, neither seed of the label nor selected by the round before.
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
        key, positive, negative, apart = uniform_draws(document, seed, "recall", 0, 4)
        taken = labels[row] in rates and positive < rates[labels[row]]
        drawn = negative < negative_rate and collected[row] is None
        if taken or drawn:
            chosen.append((int(key * 2**53) << 11, row, labels[row], taken, drawn, apart < held_out))
    chosen.sort()
    counts["examples"] = len(chosen)
    ids = store.table(tokens, ["ids"])["ids"]
    for start in range(0, len(chosen), _BATCH):
        keys, rows, names, taken_, drawn_, apart_ = zip(*chosen[start : start + _BATCH], strict=True)
        columns = [pa.array(keys, pa.uint64()), pa.array(names, pa.string()), *map(pa.array, (taken_, drawn_, apart_))]
        yield pa.RecordBatch.from_arrays([*columns, ids.take(pa.array(rows)).combine_chunks()], schema=EXAMPLES)


def _rows(store: Store, shard: Shard, label: str, held_out: bool) -> Iterator[Row]:
    """The shard's examples of one label's model."""
    for batch in store.batches(shard):
        offsets, values = batch["ids"].offsets.to_numpy(), batch["ids"].values.to_numpy()
        columns = (batch[name].to_pylist() for name in ("key", "label", "taken", "drawn", "held_out"))
        for i, (key, name, taken, drawn, apart) in enumerate(zip(*columns, strict=True)):
            if apart == held_out and (taken if name == label else drawn):
                yield key, values[offsets[i] : offsets[i + 1]], name == label


def _texts(cfg: ClassifierConfig, texts: Sequence[str]) -> list[Row]:
    """Seed documents from outside the pool, in the same drawn order."""
    if not texts:
        return []
    ids = load(cfg.tokenizer).encode_column(pa.array(texts, pa.large_string()))
    keys = [int(uniform_draws(text.encode(), cfg.seed, "recall", 0, 1)[0] * 2**53) << 11 for text in texts]
    offsets, values = ids.offsets.to_numpy(), ids.values.to_numpy()
    rows = [(key, values[a:b], True) for key, a, b in zip(keys, offsets[:-1], offsets[1:], strict=True) if b > a]
    return sorted(rows, key=lambda row: row[0])


def train_model(store: Store, cfg: ClassifierConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One label's model. Examples are merged from all shards for each epoch, so only a batch of each is in memory."""
    (examples,) = job.inputs
    params: Any = job.params
    label, texts = params
    outside = _texts(cfg, texts)

    def batches() -> Iterator[Examples]:
        sources = [_rows(store, shard, label, held_out=False) for shard in examples]
        merged = heapq.merge(iter(outside), *sources, key=lambda row: row[0])
        while rows := list(islice(merged, _BATCH)):
            lengths = [len(ids) for _, ids, _ in rows]
            offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            yield Examples(offsets, np.concatenate([ids for _, ids, _ in rows]), np.array([p for _, _, p in rows]))

    try:
        yield train(cfg, batches).encode()
    except ValueError as error:
        raise ValueError(f"recall of {label}: {error}; add seeds, or a larger pool") from error


def make_card(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """How the model does on the examples that it has not seen."""
    examples, (model,) = job.inputs
    linear = Linear.decode(store.read_bytes(model))
    found, positive = [], []
    for shard in examples:
        for _, ids, is_positive in _rows(store, shard, str(job.params), held_out=True):
            found.append(logits(linear, pa.LargeListArray.from_arrays(pa.array([0, len(ids)]), pa.array(ids)))[0])
            positive.append(is_positive)
    yield json.dumps(card(np.array(found, np.float32), np.array(positive, bool)), indent=1).encode()


def score(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """Every page's logit by label, and its place among equals."""
    (documents,), (tokens,), models = job.inputs
    labels: Any = job.params
    loaded = [Linear.decode(store.read_bytes(model)) for model in models]
    schema = pa.schema([("tie", pa.uint32()), *((label, pa.float32()) for label in labels)])
    for batch, ids in zip(store.batches(documents, ["id"]), store.batches(tokens, ["ids"]), strict=True):
        made = [pa.array(logits(model, ids["ids"])) for model in loaded]
        yield pa.RecordBatch.from_arrays([pa.array(ties(batch["id"].to_pylist())), *made], schema=schema)


def find_cuts(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Per label the last rank inside the token budget; two passes over narrow columns, 16 bytes a page and label."""
    scored, tokens = job.inputs
    asked: Any = job.params
    made = {}
    for label, budget in asked:

        def parts(label: str = label) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for a, b in zip(scored, tokens, strict=True):
                for found, n in zip(store.batches(a, ["tie", label]), store.batches(b, ["n_tokens"]), strict=True):
                    yield rank_keys(found[label].to_numpy(), found["tie"].to_numpy()), n["n_tokens"].to_numpy()

        sums = sum((histogram(keys, n) for keys, n in parts()), np.zeros(1, np.int64))
        bucket = bucket_of(sums, budget)
        last = ALL_INSIDE
        if bucket is not None:
            rows = [(keys[m], n[m]) for keys, n in parts() for m in [inside(bucket, keys)]]
            last = cut(bucket, rows, budget).last
        made[label] = {"last": last, "lowest_logit": _logit_of(last)}
    yield json.dumps(made).encode()


def _logit_of(last: int) -> float | None:
    """The score at the cut; None where all or nothing is inside."""
    if last in (ALL_INSIDE, NONE_INSIDE):
        return None
    ascending = np.uint32(~np.uint32(last >> 32))
    bits = ascending & np.uint32(0x7FFFFFFF) if ascending >> np.uint32(31) else ~ascending
    return float(np.array([bits], np.uint32).view(np.float32)[0])


def select(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """The selection: pages inside a label's cut, and what was not selected by the round before."""
    (scored,), (tokens,), (cuts,), before = job.inputs
    lasts = {label: row["last"] for label, row in json.loads(store.read_bytes(cuts)).items()}
    earlier = store.table(before[0], ["label"])["label"].to_pylist() if before else None
    at = 0
    for found, batch in zip(store.batches(scored), store.batches(tokens, ["n_tokens"]), strict=True):
        numbers, labels = batch["n_tokens"].to_numpy(), list(lasts)
        tied, values = found["tie"].to_numpy(), [found[label].to_numpy() for label in labels]
        within = [is_inside(rank_keys(v, tied), last) for v, last in zip(values, lasts.values(), strict=True)]
        made = selected(labels, values, within, numbers > 0)
        was = earlier[at : at + len(numbers)] if earlier else [None] * len(numbers)
        at += len(numbers)
        for name, old, n in zip(made["label"].to_pylist(), was, numbers.tolist(), strict=True):
            if name is not None:
                more = {f"selected.{name}": 1, f"tokens.{name}": n, f"new.{name}": int(name != old)}
                for counter, amount in more.items():
                    counts[counter] = counts.get(counter, 0) + amount
        yield made
