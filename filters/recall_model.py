"""The classifier of the recall loop: fastText over BPE ids joined by spaces, one binary model per label.

Comes in: id columns and which of them are positive. Goes out: a model, its scores, and a card that says how it does on
examples it has not seen. DeepSeekMath pre-tokenizes with its BPE because Chinese cannot be split at spaces (section
2.1); FACTS gives the mechanics. Impure by nature: training is handed a scratch folder. Knows no URLs and no rounds.

A binary fastText model is linear: the difference of its two outputs is the mean, over words and word n-grams, of
(vector . difference of the output vectors). So a model is kept as one number per word and per bucket, 256 times smaller
than fastText's file, and scoring reads 3 numbers a token instead of 768: 8 MB/s of text through the library, 290 here.
"""

import io
import json
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import pyarrow as pa

from tokenization.tokenizer import TokenizerConfig

_LIBRARY_BUCKETS = 2_000_000  # fastText's default; DeepSeekMath does not name another. 2 GB to train at 256 dimensions
_FEWEST_BUCKETS = 1 << 12
_TOKENS_PER_BUCKET = 32  # of a small pool: one of 2 million tokens then trains in 70 MB instead of 2 GB
_END = "</s>"  # fastText reads a line's end as this word
_MOST_IDS = 1 << 18  # more than any vocabulary in use
_AT_ONCE = 512  # rows of ids that are Python strings at one time


@dataclass(frozen=True, kw_only=True, slots=True)
class ClassifierConfig:
    """DeepSeekMath's settings (section 2.1); loss and buckets are unpublished, so the library's softmax and default.

    `buckets` None takes one per 32 training tokens, as a power of two and at most the library's 2,000,000. One thread,
    always: with more, fastText's updates race and the same data gives another model each time.
    """

    dim: int = 256
    learning_rate: float = 0.1
    word_ngrams: int = 3
    min_count: int = 3
    epochs: int = 3
    buckets: int | None = None
    max_positives: int = 500_000
    max_negatives: int = 500_000
    held_out: float = 0.1  # of the examples: not trained on, for the card
    seed: int = 0
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)

    def __post_init__(self) -> None:
        for name in ("dim", "word_ngrams", "min_count", "epochs", "max_positives", "max_negatives"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.buckets is not None and self.buckets < 1:
            raise ValueError(f"buckets must be at least 1, not {self.buckets}; None chooses by the training tokens")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, not {self.learning_rate}")
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out must be in [0, 1), not {self.held_out}")


@dataclass(frozen=True, eq=False)
class Linear:
    """A binary fastText model as numbers: what each word and each bucket of word n-grams adds to the logit."""

    words: np.ndarray  # float32 by token id; NaN for an id that is no word of the model
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


def lines(ids: pa.LargeListArray) -> Iterable[str]:
    """Each row's ids, joined by single spaces and without a newline, as fastText reads them."""
    names = _names()
    for start in range(0, len(ids), _AT_ONCE):
        part = ids.slice(start, _AT_ONCE)
        offsets = part.offsets.to_numpy()
        words = [names[token] for token in part.values.slice(offsets[0], offsets[-1] - offsets[0]).to_pylist()]
        yield from (" ".join(words[a - offsets[0] : b - offsets[0]]) for a, b in pairwise(offsets))


@lru_cache(maxsize=1)
def _names() -> list[str]:
    return [str(token) for token in range(_MOST_IDS)]


def buckets_for(cfg: ClassifierConfig, n_tokens: int) -> int:
    """Rows for word n-grams in the model's matrix."""
    if cfg.buckets is not None:
        return cfg.buckets
    power = 1 << int(math.log2(max(n_tokens // _TOKENS_PER_BUCKET, _FEWEST_BUCKETS)))
    return min(power, _LIBRARY_BUCKETS)


def train(cfg: ClassifierConfig, examples: Iterable[tuple[bool, str]], scratch: str) -> Any:
    """fastText's model of (positive, line) examples in a shuffled order, for it trains in the order in which it reads."""
    import fasttext

    text = os.path.join(scratch, "examples.txt")
    counted = [0, 0]
    n_tokens = 0
    with open(text, "w", encoding="ascii") as file:
        for positive, line in examples:
            file.write(f"__label__{int(positive)} {line}\n")
            counted[positive] += 1
            n_tokens += line.count(" ") + 1
    if not all(counted):
        raise ValueError(f"{counted[1]} positive and {counted[0]} negative examples: a classifier needs some of both")
    return fasttext.train_supervised(
        input=text,
        dim=cfg.dim,
        lr=cfg.learning_rate,
        wordNgrams=cfg.word_ngrams,
        minCount=cfg.min_count,
        epoch=cfg.epochs,
        bucket=buckets_for(cfg, n_tokens),
        loss="softmax",
        seed=cfg.seed,
        thread=1,
        verbose=0,
    )


def linear(model: Any, n_ids: int, order: int) -> Linear:
    """What is kept of a trained model."""
    labels = model.get_labels()
    output = model.get_output_matrix()
    towards = output[labels.index("__label__1")] - output[labels.index("__label__0")]
    numbers = (model.get_input_matrix() @ towards).astype(np.float32)
    listed = model.get_words()
    words = np.full(n_ids, np.nan, np.float32)
    end = math.nan
    for word, number in zip(listed, numbers, strict=False):
        if word == _END:
            end = float(number)
        else:
            words[int(word)] = number
    return Linear(words, end, numbers[len(listed) :], order)


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
            word: float = words[ids[i]] if i < stop else end
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


def card(found: np.ndarray, positive: np.ndarray) -> dict[str, float | int | None]:
    """How logits do on held-out examples, at probability 0.5 and as a ranking.

    A negative is a random page of the pool and may well be about the subject, so precision is a lower bound.
    """
    chosen = found >= 0
    hits = int((chosen & positive).sum())
    return {
        "positives": int(positive.sum()),
        "negatives": int((~positive).sum()),
        "precision": hits / int(chosen.sum()) if chosen.any() else None,
        "recall": hits / int(positive.sum()) if positive.any() else None,
        "average_precision": _average_precision(found, positive),
    }


def _average_precision(found: np.ndarray, positive: np.ndarray) -> float | None:
    """Mean over the positives of the precision at their rank; equal scores share the worst of their ranks."""
    if not positive.any():
        return None
    order = np.argsort(-found, kind="stable")
    ranked, hits = found[order], np.cumsum(positive[order])
    last = np.searchsorted(-ranked, -ranked, side="right") - 1
    precision = hits[last] / (last + 1)
    return float(precision[positive[order]].mean())
