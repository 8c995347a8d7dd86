"""The classifier of the recall loop: fastText's over BPE ids, one binary model per label.

Comes in: id columns and which of them are positive. Goes out: a model, its scores, and a card that says how it does on
examples it has not seen. DeepSeekMath pre-tokenizes with its BPE because Chinese cannot be split at spaces (section
2.1); here ids stand for its pieces, in their order. Knows no URLs, no rounds and no files.

The algorithm is fastText's, the code is not: with one thread the library leaves nine tenths of its input matrix
uninitialised (`DenseMatrix::uniform` fills one of ten blocks per thread), so the same data gives other models, and now
and then NaN; with more threads its updates race. Hashes, n-grams, updates and learning rate are the library's, and a
test holds both to the same scores. A binary model is linear: its logit is the mean, over words and word n-grams, of
(vector . difference of the output vectors). So a model is kept as one number per word and per bucket, 256 times smaller
than fastText's file, and scoring reads 3 numbers a token instead of 768.
"""

import io
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numba
import numpy as np
import pyarrow as pa

from filters.recall_words import WordsConfig
from tokenization.tokenizer import TokenizerConfig

_LIBRARY_BUCKETS = 2_000_000  # fastText's default; DeepSeekMath does not name another. 2 GB to train at 256 dimensions
_FEWEST_BUCKETS = 1 << 12
_TOKENS_PER_BUCKET = 32  # of a small pool: one of 2 million tokens then trains in 70 MB instead of 2 GB
_END = "</s>"  # fastText reads a line's end as this word
_MOST_IDS = 1 << 18  # more than any vocabulary in use
SEED_LOGIT: Final = 3.0
MOST_FOLDS: Final = 20  # each is a training of its own


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierConfig:
    """DeepSeekMath's settings (section 2.1); loss and buckets are unpublished, so the library's softmax and default.

    `buckets` None takes one per 32 training tokens, as a power of two and at most the library's 2,000,000. One thread,
    always: with more, fastText's updates race and the same data gives another model each time.

    `min_steps`: learning rate x epochs x examples, 300,000 as published. Of a few hundred pages the published settings
    make 170 steps, and the model still says 0.5 to everything (average precision 0.06 on 692 real pages, 0.89 after
    2,900): where there are too few examples, more epochs are run until there are as many steps.

    `folds`: with 1, seed pages are scored by the model that they trained, and so come first whatever they hold. With
    more, each is scored by a model of the other folds plus `seed_logit`, the log odds that a seed page is about the
    label before its text is read (3: 95 of 100). So the bibliography below an accepted folder falls, and the chapter
    does not. Costs a training of its own per fold; see docs/recall.md for what it gains.
    """

    dim: int = 256
    learning_rate: float = 0.1
    word_ngrams: int = 3
    min_count: int = 3
    epochs: int = 3
    min_steps: int = 2_000
    buckets: int | None = None
    max_positives: int = 500_000
    max_negatives: int = 500_000
    held_out: float = 0.1  # of the examples: not trained on, for the card
    folds: int = 1
    seed_logit: float = SEED_LOGIT
    seed: int = 0
    words: WordsConfig | None = None  # for a small seed: words and logistic regression instead of fastText
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)

    def __post_init__(self) -> None:
        for name in ("dim", "word_ngrams", "min_count", "epochs", "max_positives", "max_negatives", "folds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.buckets is not None and self.buckets < 1:
            raise ValueError(f"buckets must be at least 1, not {self.buckets}; None chooses by the training tokens")
        if not isinstance(self.folds, int) or self.folds > MOST_FOLDS:
            raise ValueError(f"folds is a whole number from 1 to {MOST_FOLDS}, not {self.folds}")
        if not math.isfinite(self.seed_logit):
            raise ValueError(f"seed_logit must be a finite number, not {self.seed_logit}")
        if self.folds == 1 and self.seed_logit != SEED_LOGIT:
            raise ValueError(f"seed_logit={self.seed_logit:g} does nothing with folds=1: set folds, or leave it out")
        if self.min_steps < 0:
            raise ValueError(f"min_steps must be at least 0, not {self.min_steps}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, not {self.learning_rate}")
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out must be in [0, 1), not {self.held_out}")


SETTINGS: Final = tuple(
    f.name for f in fields(ClassifierConfig) if f.name not in ("tokenizer", "words")
)  # numbers, for a card


@dataclass(frozen=True, eq=False)
class Linear:
    """A binary fastText model as numbers: what each word and each bucket of word n-grams adds to the logit."""

    words: np.ndarray  # float32 by token id; NaN for an id that is no word of the model, as for one beyond the end
    end: float  # of the line's end; NaN where it is no word
    buckets: np.ndarray  # float32
    order: int  # longest n-gram

    def encode(self) -> bytes:
        """A line of JSON, then the numbers."""
        head = {"words": len(self.words), "buckets": len(self.buckets), "order": self.order}
        numbers = np.concatenate([[self.end], self.words, self.buckets]).astype("<f4")
        return json.dumps(head).encode() + b"\n" + numbers.tobytes()

    @staticmethod
    def decode(raw: bytes) -> "Linear":
        """The inverse of `encode`."""
        file = io.BytesIO(raw)
        head = json.loads(file.readline())
        numbers = np.frombuffer(raw, "<f4", offset=file.tell())
        n = 1 + head["words"]
        return Linear(numbers[1:n], float(numbers[0]), numbers[n:], head["order"])


def buckets_for(cfg: ClassifierConfig, n_tokens: int) -> int:
    """Rows for word n-grams in the model's matrix."""
    if cfg.buckets is not None:
        return cfg.buckets
    power = 1 << int(math.log2(max(n_tokens // _TOKENS_PER_BUCKET, _FEWEST_BUCKETS)))
    return min(power, _LIBRARY_BUCKETS)


class Examples(NamedTuple):
    """Rows of ids, and which rows are positive."""

    offsets: np.ndarray  # int64
    ids: np.ndarray  # int32
    positive: np.ndarray  # bool


def epochs_for(cfg: ClassifierConfig, n_examples: int) -> int:
    """How often the examples are gone through."""
    return max(cfg.epochs, math.ceil(cfg.min_steps / (cfg.learning_rate * n_examples)))


def train(cfg: ClassifierConfig, batches: Callable[[], Iterable[Examples]]) -> Linear:
    """The model of these examples; `batches` gives them anew for each epoch, in one shuffled order.

    Shuffled, because updates are made in the order of the examples: all positives first, and the model forgets them.
    """
    counted = np.zeros(_MOST_IDS, np.int64)
    rows, positives = 0, 0
    for batch in batches():
        counted += np.bincount(batch.ids[batch.offsets[0] : batch.offsets[-1]], minlength=_MOST_IDS)
        rows, positives = rows + len(batch.positive), positives + int(batch.positive.sum())
    if not 0 < positives < rows:
        raise ValueError(f"{positives} positive and {rows - positives} negative examples: a classifier needs both")
    total = int(counted.sum())
    known = np.flatnonzero(counted >= cfg.min_count)
    row_of = np.full(_MOST_IDS + 1, -1, np.int64)  # of each word; the last is the line's end
    row_of[known] = np.arange(len(known))
    if rows >= cfg.min_count:
        row_of[-1] = len(known)
    first = len(known) + 1
    vectors = _uniform(first + buckets_for(cfg, total), cfg.dim, np.uint64(cfg.seed))
    output = np.zeros((2, cfg.dim), np.float32)
    done, epochs = 0, epochs_for(cfg, rows)
    for _ in range(epochs):
        for batch in batches():
            pace = np.array([cfg.learning_rate, done, (total + rows) * epochs])
            _update(*batch, row_of, vectors, output, first, cfg.word_ngrams, pace, *_hashes())
            done += int(batch.offsets[-1] - batch.offsets[0]) + len(batch.positive)
    numbers = vectors @ (output[1] - output[0])
    words = np.where(row_of >= 0, numbers[row_of], np.nan).astype(np.float32)
    last = int(known[-1]) + 1 if len(known) else 0
    return Linear(words[:last], float(words[-1]), numbers[first:].astype(np.float32), cfg.word_ngrams)


@numba.njit(cache=True, nogil=True)
def _uniform(n_rows: int, dim: int, seed: np.uint64) -> np.ndarray:
    """fastText's start, uniform in [-1/dim, 1/dim), from splitmix64: the same on any machine and any NumPy."""
    made = np.empty((n_rows, dim), np.float32)
    state = seed
    for row in range(n_rows):
        for column in range(dim):
            state += np.uint64(0x9E3779B97F4A7C15)
            mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
            made[row, column] = np.float32((np.float64(mixed >> np.uint64(11)) / 2.0**52 - 1.0) / dim)
    return made


@numba.njit(cache=True, nogil=True)
def _update(
    offsets: np.ndarray,
    ids: np.ndarray,
    positive: np.ndarray,
    row_of: np.ndarray,
    vectors: np.ndarray,
    output: np.ndarray,
    first: int,
    order: int,
    pace: np.ndarray,  # learning rate at the start, tokens done, tokens in all
    hashes: np.ndarray,
    end_hash: np.uint64,
) -> None:
    """One pass of stochastic gradient descent on the softmax of two labels, in place."""
    dim = vectors.shape[1]
    size, factor = np.uint64(len(vectors) - first), np.uint64(116049371)
    hidden, back = np.empty(dim, np.float32), np.empty(dim, np.float32)
    longest = 0
    for row in range(len(positive)):
        longest = max(longest, offsets[row + 1] - offsets[row])
    rows = np.empty((longest + 1) * order, np.int64)
    for row in range(len(positive)):
        start, stop = offsets[row], offsets[row + 1]
        n = 0
        for i in range(start, stop + 1):  # the last place is the line's end
            word = row_of[ids[i]] if i < stop else row_of[-1]
            if word >= 0:
                rows[n] = word
                n += 1
            mixed = hashes[ids[i]] if i < stop else end_hash
            for j in range(i + 1, min(i + order, stop + 1)):
                mixed = mixed * factor + (hashes[ids[j]] if j < stop else end_hash)
                rows[n] = first + np.int64(mixed % size)
                n += 1
        step = pace[0] * (1.0 - pace[1] / pace[2])
        pace[1] += stop - start + 1
        if n == 0:
            continue
        hidden[:] = 0
        for k in range(n):
            vector = vectors[rows[k]]
            for d in range(dim):
                hidden[d] += vector[d]
        odds = 0.0
        for d in range(dim):
            hidden[d] /= n
            odds += hidden[d] * (output[1, d] - output[0, d])
        wrong = np.float32(
            step * (positive[row] - 1.0 / (1.0 + np.exp(-odds)))
        )  # of label 1; label 0's is its negative
        for d in range(dim):
            back[d] = wrong * (output[1, d] - output[0, d]) / n
            output[1, d] += wrong * hidden[d]
            output[0, d] -= wrong * hidden[d]
        for k in range(n):
            vector = vectors[rows[k]]
            for d in range(dim):
                vector[d] += back[d]


@lru_cache(maxsize=1)
def _hashes() -> tuple[np.ndarray, np.uint64]:
    """fastText's hash of each id's decimal name, and of the line's end: FNV-1a, sign-extended as its code does."""
    end = _fnv(np.frombuffer(_END.encode(), np.uint8)[None, :])
    made = np.zeros(_MOST_IDS, np.uint64)
    for digits in range(1, len(str(_MOST_IDS - 1)) + 1):
        low, high = (0 if digits == 1 else 10 ** (digits - 1)), min(10**digits, _MOST_IDS)
        numbers = np.arange(low, high)
        text = np.stack([numbers // 10**place % 10 + ord("0") for place in range(digits - 1, -1, -1)], axis=1)
        made[low:high] = _fnv(text)
    return made, end[0]


def _fnv(text: np.ndarray) -> np.ndarray:
    hashed = np.full(len(text), 2166136261, np.uint64)
    for column in text.T:
        hashed = (hashed ^ column.astype(np.uint64)) * np.uint64(16777619) & np.uint64(0xFFFFFFFF)
    return hashed.astype(np.uint32).view(np.int32).astype(np.int64).view(np.uint64)


def logits(model: Linear, ids: pa.LargeListArray) -> np.ndarray:
    """Log odds of the positive label, one per row; 0 where the model knows none of the row's words."""
    hashes, end = _hashes()
    offsets = ids.offsets.to_numpy()
    flat = np.asarray(ids.values.to_numpy(), np.int32)
    return _logits(offsets, flat, model.words, np.float32(model.end), model.buckets, model.order, hashes, end)


@numba.njit(cache=True, nogil=True)
def _logits(
    offsets: np.ndarray,
    ids: np.ndarray,
    words: np.ndarray,
    end: np.float32,
    buckets: np.ndarray,
    order: int,
    hashes: np.ndarray,
    end_hash: np.uint64,
) -> np.ndarray:
    made = np.zeros(len(offsets) - 1, np.float32)
    size, factor = np.uint64(len(buckets)), np.uint64(116049371)
    for row in range(len(made)):
        start, stop = offsets[row], offsets[row + 1]
        total, count = 0.0, 0
        for i in range(start, stop + 1):  # the last place is the line's end
            word = float(end)
            if i < stop:
                word = float(words[ids[i]]) if ids[i] < len(words) else np.nan
            if not np.isnan(word):
                total += word
                count += 1
            mixed = hashes[ids[i]] if i < stop else end_hash
            for j in range(i + 1, min(i + order, stop + 1)):
                mixed = mixed * factor + (hashes[ids[j]] if j < stop else end_hash)
                total += buckets[mixed % size]
                count += 1
        if count:
            made[row] = total / count
    return made


def probability(found: np.ndarray) -> np.ndarray:
    """Of the positive label."""
    made: np.ndarray = (1 / (1 + np.exp(-found.astype(np.float64)))).astype(np.float32)
    return made


def card(found: np.ndarray, positive: np.ndarray, threshold: float | None = None) -> dict[str, Any]:
    """How logits do on held-out examples: at probability 0.5, at the round's cut, as a ranking, and as probabilities.

    A negative is a random page of the pool and may well be about the subject, so precision is a lower bound.
    """
    return {
        "positives": int(positive.sum()),
        "negatives": int((~positive).sum()),
        **_at(found, positive, 0.0, ""),
        **({} if threshold is None else _at(found, positive, threshold, "_at_cut")),
        "average_precision": _average_precision(found, positive),
        "calibration": calibration(probability(found), positive),
    }


def _at(found: np.ndarray, positive: np.ndarray, threshold: float, suffix: str) -> dict[str, float | None]:
    chosen = found >= threshold
    hits = int((chosen & positive).sum())
    return {
        f"precision{suffix}": hits / int(chosen.sum()) if chosen.any() else None,
        f"recall{suffix}": hits / int(positive.sum()) if positive.any() else None,
    }


def calibration(probabilities: np.ndarray, positive: np.ndarray) -> dict[str, Any]:
    """Tenths of the scale with the mean probability in them and the share that is positive, and their mean distance.

    Of the examples as drawn: where positives are rarer than among these, a probability says too much.
    """
    tenth = np.minimum((probabilities * 10).astype(np.int64), 9)
    bins = []
    for index in range(10):
        inside = tenth == index
        if inside.any():
            said, seen = float(probabilities[inside].mean()), float(positive[inside].mean())
            bins.append({"from": index / 10, "examples": int(inside.sum()), "said": said, "positive": seen})
    n = max(1, len(positive))
    return {"error": sum(b["examples"] / n * abs(b["said"] - b["positive"]) for b in bins), "bins": bins}


def _average_precision(found: np.ndarray, positive: np.ndarray) -> float | None:
    """Mean over the positives of the precision at their rank; equal scores share the worst of their ranks."""
    if not positive.any():
        return None
    order = np.argsort(-found, kind="stable")
    ranked, hits = found[order], np.cumsum(positive[order])
    last = np.searchsorted(-ranked, -ranked, side="right") - 1
    precision = hits[last] / (last + 1)
    return float(precision[positive[order]].mean())
