"""A classifier for small seeds: logistic regression over the words of BPE ids, weighted by how rare they are.

Comes in: id columns and which rows are positive, as for `recall_model`. Goes out: a model and its logits. Of a hundred
seed pages fastText learns the seed's own n-grams; a linear model of tf-idf learns its subject: average precision on
sites that it has not seen is 0.61 instead of 0.25 (docs/recall.md). Words are folded out of the ids, so the ids made
once serve both: pieces of ASCII letters are joined and lower-cased, all other pieces beyond ASCII (symbols, Chinese)
stand for themselves, and what is left (digits, punctuation, white space) is not read.

Trained by dual coordinate descent (Yu, Huang, Lin 2011: each example's dual variable in turn), in the order of the
examples: one batch, the two arrays and eight bytes an example are in memory, and the words of all examples where they
are below `_HELD_BYTES`; above, they are read anew for each epoch.
"""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numba
import numpy as np
import pyarrow as pa

_PRIME = np.uint64(1099511628211)
_START = np.uint64(14695981039346656037)
_BISECTIONS = 40
_HELD_BYTES = 1 << 29  # of counted words: where all examples have fewer, they are counted once and not in every epoch


@dataclass(frozen=True, eq=False)
class Pieces:
    """A vocabulary as letters: what each id adds to a word."""

    letters: np.ndarray  # uint8, lower-cased ASCII letters of all pieces, one after the other
    offsets: np.ndarray  # int64, one more than ids
    joins: np.ndarray  # bool: continues the word before it, where there is one
    alone: np.ndarray  # bool: no letters, and counts as a word of its own


def pieces_of(raw: Iterable[bytes]) -> Pieces:
    """The table of a vocabulary, from the bytes of its ids in order."""
    letters, offsets, joins, alone = bytearray(), [0], [], []
    for piece in raw:
        body = piece[1:] if piece[:1] == b" " else piece
        word = body.isascii() and body.isalpha()
        letters += body.lower() if word else b""
        offsets.append(len(letters))
        joins.append(word and body is piece)
        alone.append(not word and not piece.isascii())
    return Pieces(np.frombuffer(bytes(letters), np.uint8), np.array(offsets), np.array(joins), np.array(alone))


@dataclass(frozen=True, eq=False)
class Words:
    """The model: by bucket of a word's hash how rare it is, and what it says."""

    rarity: np.ndarray  # float32; 0 where too few examples have the word
    weights: np.ndarray  # float32
    bias: float

    def encode(self) -> bytes:
        """A line of JSON, then the numbers."""
        numbers = np.concatenate([self.rarity, self.weights]).astype("<f4")
        return json.dumps({"buckets": len(self.rarity), "bias": self.bias}).encode() + b"\n" + numbers.tobytes()

    @staticmethod
    def decode(raw: bytes) -> "Words":
        """The inverse of `encode`."""
        file = io.BytesIO(raw)
        head = json.loads(file.readline())
        numbers = np.frombuffer(raw, "<f4", offset=file.tell())
        return Words(numbers[: head["buckets"]], numbers[head["buckets"] :], head["bias"])


Batch = tuple[np.ndarray, np.ndarray, np.ndarray]  # offsets, ids, positive
_Counted = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # starts, buckets, counts, positive


@dataclass(frozen=True, kw_only=True, slots=True)
class WordsConfig:
    """`penalty`: the cost of an error against that of a large weight; both classes weigh the same, however many.

    0.3 to 3 rank unseen sites within 0.03 of each other; small ones win at first, larger ones as the seed grows.
    """

    penalty: float = 1.0
    epochs: int = 20
    buckets: int = 1 << 20
    min_count: int = 3  # examples with the word

    def __post_init__(self) -> None:
        if not self.penalty > 0:
            raise ValueError(f"penalty must be above 0, not {self.penalty}")
        if min(self.epochs, self.buckets, self.min_count) < 1:
            raise ValueError(f"epochs, buckets and min_count must be at least 1: {self}")


def train_words(cfg: WordsConfig, pieces: Pieces, batches: Callable[[], Iterable[Batch]]) -> Words:
    """The model of these examples; `batches` gives them anew for each epoch, in one order."""
    having = np.zeros(cfg.buckets, np.int64)
    rows = positives = 0
    held: list[_Counted] | None = []
    size = 0
    for counted in _counted(cfg, pieces, batches):
        _, found, _, positive = counted
        having += np.bincount(found, minlength=cfg.buckets)
        rows, positives = rows + len(positive), positives + int(positive.sum())
        size += sum(part.nbytes for part in counted)
        if size > _HELD_BYTES:
            held = None
        elif held is not None:
            held.append(counted)
    if not 0 < positives < rows:
        raise ValueError(f"{positives} positive and {rows - positives} negative examples: a classifier needs both")
    rarity = np.where(having >= cfg.min_count, np.log(rows / np.maximum(having, 1)), 0).astype(np.float32)
    weights, bias = np.zeros(cfg.buckets, np.float64), np.zeros(1)
    caps = cfg.penalty * rows / 2 / np.array([rows - positives, positives])  # each class weighs half
    duals = np.zeros(rows)
    for _ in range(cfg.epochs):
        at = 0
        for starts, found, counts, positive in held if held is not None else _counted(cfg, pieces, batches):
            values = _values(starts, found, counts, rarity)
            _descend(starts, found, values, positive, caps, duals[at : at + len(positive)], weights, bias)
            at += len(positive)
    return Words(rarity, weights.astype(np.float32), float(bias[0]))


def _counted(cfg: WordsConfig, pieces: Pieces, batches: Callable[[], Iterable[Batch]]) -> Iterator[_Counted]:
    for offsets, ids, positive in batches():
        yield (*_counts(offsets, ids, *_table(pieces), cfg.buckets), positive)


def word_logits(model: Words, pieces: Pieces, ids: pa.LargeListArray) -> np.ndarray:
    """Log odds of the positive label, one per row."""
    flat = np.asarray(ids.values.to_numpy(), np.int32)
    starts, found, counts = _counts(ids.offsets.to_numpy(), flat, *_table(pieces), len(model.rarity))
    return _scored(starts, found, counts, model.rarity, model.weights, model.bias)


def _table(pieces: Pieces) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return pieces.letters, pieces.offsets, pieces.joins, pieces.alone


@numba.njit(cache=True, nogil=True)
def _counts(
    offsets: np.ndarray,
    ids: np.ndarray,
    letters: np.ndarray,
    ends: np.ndarray,
    joins: np.ndarray,
    alone: np.ndarray,
    buckets: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per row its buckets, each once and in order, and how often: starts of rows, buckets, counts."""
    n_rows = len(offsets) - 1
    starts = np.zeros(n_rows + 1, np.int64)
    found = np.empty(offsets[-1] - offsets[0], np.int64)
    counts = np.empty(len(found), np.float32)
    size, total = np.uint64(buckets), 0
    for row in range(n_rows):
        begin, mixed, length = total, _START, 0
        for i in range(offsets[row], offsets[row + 1] + 1):
            known = i < offsets[row + 1] and ids[i] < len(joins)
            piece = ids[i] if known else 0
            word = known and ends[piece] < ends[piece + 1]
            if length and not (word and joins[piece]):
                found[total] = np.int64(mixed % size)
                total += 1
                mixed, length = _START, 0
            if word:
                for k in range(ends[piece], ends[piece + 1]):
                    mixed = (mixed ^ np.uint64(letters[k])) * _PRIME
                length += ends[piece + 1] - ends[piece]
            elif known and alone[piece]:
                found[total] = np.int64(((_START ^ np.uint64(piece + 256)) * _PRIME * _PRIME) % size)
                total += 1
        inside = np.sort(found[begin:total])
        total = begin
        for k in range(len(inside)):
            if k == 0 or inside[k] != inside[k - 1]:
                found[total], counts[total] = inside[k], 0
                total += 1
            counts[total - 1] += 1
        starts[row + 1] = total
    return starts, found[:total], counts[:total]


@numba.njit(cache=True, nogil=True)
def _values(starts: np.ndarray, found: np.ndarray, counts: np.ndarray, rarity: np.ndarray) -> np.ndarray:
    """Rows of length 1: (1 + log count) x rarity."""
    values = np.empty(len(found), np.float64)
    for row in range(len(starts) - 1):
        square = 0.0
        for k in range(starts[row], starts[row + 1]):
            values[k] = (1.0 + np.log(counts[k])) * rarity[found[k]]
            square += values[k] * values[k]
        if square > 0:
            for k in range(starts[row], starts[row + 1]):
                values[k] /= np.sqrt(square)
    return values


@numba.njit(cache=True, nogil=True)
def _descend(
    starts: np.ndarray,
    found: np.ndarray,
    values: np.ndarray,
    positive: np.ndarray,
    caps: np.ndarray,
    duals: np.ndarray,
    weights: np.ndarray,
    bias: np.ndarray,
) -> None:
    """One pass over a batch, in place: each example's dual variable is set to its best, all others as they are.

    The bias is the weight of a feature that is 1 in every row. The best is the zero of an increasing function, and
    bisected: a fixed number of steps, so that nothing depends on how close another machine thinks it is.
    """
    for row in range(len(positive)):
        sign = 1.0 if positive[row] else -1.0
        cap = caps[1] if positive[row] else caps[0]
        margin, square = bias[0], 1.0
        for k in range(starts[row], starts[row + 1]):
            margin += weights[found[k]] * values[k]
            square += values[k] * values[k]
        low, high, old = 0.0, cap, duals[row]
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            if square * (middle - old) + sign * margin + np.log(middle / (cap - middle)) > 0:
                high = middle
            else:
                low = middle
        duals[row] = 0.5 * (low + high)
        step = sign * (duals[row] - old)
        bias[0] += step
        for k in range(starts[row], starts[row + 1]):
            weights[found[k]] += step * values[k]


@numba.njit(cache=True, nogil=True)
def _scored(
    starts: np.ndarray, found: np.ndarray, counts: np.ndarray, rarity: np.ndarray, weights: np.ndarray, bias: float
) -> np.ndarray:
    made = np.empty(len(starts) - 1, np.float32)
    for row in range(len(made)):
        total, square = 0.0, 0.0
        for k in range(starts[row], starts[row + 1]):
            value = (1.0 + np.log(counts[k])) * rarity[found[k]]
            square += value * value
            total += value * weights[found[k]]
        made[row] = bias + (total / np.sqrt(square) if square > 0 else 0.0)
    return made
