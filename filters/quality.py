"""Group `quality`: how much a source file reads like well-kept source, by a trained model. Optional.

Comes in: text and languages. Goes out: a probability and a rank a file; null outside the 338 languages. Refuses to know
what well-kept means (`filters.quality_training` has the default) and thresholds. DeepSeek-Coder screens with "a quality
model" that it leaves unpublished (2401.14196, section 2.3).

The text becomes pieces: words, signs in runs, line ends with their indentation, numbers by length. A word that few
repositories use is replaced by its shape (case, digits, length), since the model would otherwise know projects by their
names. Pieces and pairs of pieces are counted in 65,536 buckets, their logarithms made a vector of unit length, and the
logit is its product with the model's weights.

A rank is the share of files of the same language, where the model was trained, that score lower: a rule on it drops a
known share of every language, whatever the model. The first 65,536 bytes of a file are read: 4 bytes of memory each.
Impure in one place: a worker reads the model's file, and refuses one with another hash than the recipe's.
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Final

import fsspec
import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.characters import Bytes, Offsets, buffers
from filters.group import Group
from filters.recall_model import probability

MOST: Final = 1 << 16  # bytes of a file that are read
WORDS: Final = 1 << 17  # buckets of words; the other pieces follow
_SIGNS: Final = WORDS
_ENDS: Final = _SIGNS + 4 * 256  # a run of a sign is 1, 2, 3 or more
_SHAPES: Final = _ENDS + 32
_NUMBERS: Final = _SHAPES + 32 * 8
BUCKETS: Final = 1 << 16  # of pieces and pairs
_RANKS: Final = 101  # quantiles of a language's scores
_ROWS: Final = 256  # scored at once
_KINDS: Final = pa.array(("file", "notebook"))
_GOLDEN, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(64 - 16)
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_LOWER, _UPPER, _DIGIT, _JOIN, _BEYOND = 1, 2, 4, 8, 16  # what a word has; of any, a byte is part of one

Known = npt.NDArray[np.bool_]
Pieces = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]


def _table() -> Bytes:
    table = np.zeros(256, np.uint8)
    table[ord("a") : ord("z") + 1] = _LOWER
    table[ord("A") : ord("Z") + 1] = _UPPER
    table[ord("0") : ord("9") + 1] = _DIGIT
    table[ord("_")] = _JOIN
    table[128:] = _BEYOND
    return table


_CLASSES: Final = _table()


@numba.njit(cache=True, nogil=True)
def _size(length: int) -> int:
    """1, 2, 3-4, 5-8, 9-16, 17-32, 33-64 and longer."""
    place = 0
    while place < 7 and length > 1 << place:
        place += 1
    return place


@numba.njit(cache=True, nogil=True)
def _piece(text: Bytes, at: int, known: Known, table: Bytes) -> tuple[int, int]:
    """The piece that begins at this byte, which is no white space, and where it ends."""
    start, byte = at, text[at]
    if not table[byte]:
        while at < text.size and text[at] == byte:
            at += 1
        return _SIGNS + 4 * int(byte) + min(at - start, 4) - 1, at
    value, shape = _OFFSET, 0
    while at < text.size and table[text[at]]:
        shape |= int(table[text[at]])
        value = (value ^ np.uint64(text[at])) * _PRIME
        at += 1
    if table[byte] == _DIGIT:
        return _NUMBERS + _size(at - start), at
    bucket = int((value ^ value >> np.uint64(32)) & np.uint64(WORDS - 1))
    return (bucket if known[bucket] else _SHAPES + 8 * shape + _size(at - start)), at


@numba.njit(cache=True, nogil=True)
def _end(text: Bytes, at: int) -> tuple[int, int]:
    """The line end at this byte, with the next line's indentation in steps of two; several line ends are one, the last
    piece of this sort."""
    ends = width = 0
    while at < text.size and (text[at] <= 32):
        if text[at] == 10:
            ends, width = ends + 1, 0
        else:
            width += 4 if text[at] == 9 else 1
        at += 1
    return _ENDS + 31 if ends > 1 else _ENDS + min(width // 2, 30), at


@numba.njit(cache=True, nogil=True)
def _pieces(data: Bytes, offsets: Offsets, known: Known, table: Bytes, ids: Pieces, out: Offsets) -> None:
    n = 0
    for row in range(offsets.size - 1):
        text = data[offsets[row] : min(offsets[row + 1], offsets[row] + MOST)]
        at = 0
        while at < text.size:
            if text[at] == 10:
                ids[n], at = _end(text, at)
            elif text[at] <= 32:
                at += 1
                continue
            else:
                ids[n], at = _piece(text, at, known, table)
            n += 1
        out[row + 1] = n


def pieces(texts: pa.LargeStringArray, known: Known | None = None) -> pa.LargeListArray:
    """The pieces of each text; `known` says which buckets of words are words of the model, all where it is None."""
    data, offsets = buffers(texts)
    room = int(np.minimum(np.diff(offsets), MOST).sum())
    ids, out = np.empty(room, np.int32), np.zeros(len(offsets), np.int64)
    _pieces(data, offsets, np.ones(WORDS, np.bool_) if known is None else known, _CLASSES, ids, out)
    return pa.LargeListArray.from_arrays(pa.array(out), pa.array(ids[: out[-1]]))


@numba.njit(cache=True, nogil=True)
def _counted(ids: Pieces, counts: Pieces, used: Pieces) -> int:
    """Count each piece and pair in its bucket; which buckets are used, in the order of their first place."""
    n, before = 0, np.uint64(0)
    for index in range(ids.size):
        own = np.uint64(ids[index]) + np.uint64(1)
        for key in (own, before << np.uint64(20) | own):
            bucket = (key * _GOLDEN) >> _SHIFT
            if not counts[bucket]:
                used[n] = bucket
                n += 1
            counts[bucket] += 1
            if index == 0:
                break
        before = own
    return n


@numba.njit(cache=True, nogil=True)
def _logits(offsets: Offsets, ids: Pieces, weights: Floats, bias: float, made: Floats) -> None:
    counts, used = np.zeros(BUCKETS, np.int32), np.empty(BUCKETS, np.int32)
    for row in range(offsets.size - 1):
        total = square = 0.0
        for index in range(_counted(ids[offsets[row] : offsets[row + 1]], counts, used)):
            value = np.log(1.0 + counts[used[index]])
            total += value * weights[used[index]]
            square += value * value
            counts[used[index]] = 0
        made[row] = bias + total / np.sqrt(max(square, 1e-12))


@numba.njit(cache=True, nogil=True)
def _bags(offsets: Offsets, ids: Pieces, ends: Offsets, columns: Pieces, values: Floats) -> None:
    counts, used = np.zeros(BUCKETS, np.int32), np.empty(BUCKETS, np.int32)
    n = 0
    for row in range(offsets.size - 1):
        found, square, first = _counted(ids[offsets[row] : offsets[row + 1]], counts, used), 0.0, n
        for index in range(found):
            value = np.log(1.0 + counts[used[index]])
            columns[n], values[n] = used[index], value
            square += value * value
            counts[used[index]] = 0
            n += 1
        values[first:n] /= np.sqrt(max(square, 1e-12))
        ends[row + 1] = n


def bags(texts: pa.LargeStringArray, known: Known) -> tuple[Offsets, Pieces, Floats]:
    """The unit vectors of the texts as a sparse matrix: ends of the rows, columns, values."""
    made = pieces(texts, known)
    offsets, ids = made.offsets.to_numpy(), made.values.to_numpy()
    ends, columns, values = (
        np.zeros(len(offsets), np.int64),
        np.empty(2 * len(ids), np.int32),
        np.empty(2 * len(ids), np.float32),
    )
    _bags(offsets, ids, ends, columns, values)
    return ends, columns[: ends[-1]].copy(), values[: ends[-1]].copy()


@dataclass(frozen=True, eq=False)
class QualityModel:
    """The numbers of a trained model, its words, and by language the scores that its ranks are read from."""

    weights: Floats  # of BUCKETS
    bias: float
    known: Known  # of WORDS
    ranks: dict[str, Floats]  # ascending logits at 0, 1, ... 100 %; "" for any other language

    def encode(self) -> bytes:
        """A line of JSON, then the numbers."""
        head = json.dumps({"quality": 1, "bias": self.bias, "languages": list(self.ranks)}).encode()
        numbers = np.concatenate([*self.ranks.values(), self.weights]).astype("<f4")
        return head + b"\n" + np.packbits(self.known).tobytes() + numbers.tobytes()

    @staticmethod
    def decode(raw: bytes) -> "QualityModel":
        """The inverse of `encode`."""
        file = io.BytesIO(raw)
        try:
            head = json.loads(file.readline())
            languages, bias = head["languages"], head["bias"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError("not a quality model: make one with python -m pipelines.train_quality") from error
        known = np.unpackbits(np.frombuffer(file.read(WORDS // 8), np.uint8)).astype(np.bool_)
        numbers = np.frombuffer(file.read(), "<f4").astype(np.float32)
        if len(known) != WORDS or len(numbers) != _RANKS * len(languages) + BUCKETS:
            raise ValueError(f"a quality model that is cut short: {len(raw):,} bytes")
        rows = {name: numbers[_RANKS * i : _RANKS * (i + 1)] for i, name in enumerate(languages)}
        return QualityModel(numbers[-BUCKETS:], bias, known, rows)

    def logits(self, texts: pa.LargeStringArray) -> Floats:
        """One per text; some rows at a time."""
        made = np.zeros(len(texts), np.float32)
        for at in range(0, len(texts), _ROWS):
            found = pieces(texts.slice(at, _ROWS), self.known)
            _logits(found.offsets.to_numpy(), found.values.to_numpy(), self.weights, self.bias, made[at : at + _ROWS])
        return made

    def rank(self, found: Floats, languages: list[str]) -> npt.NDArray[np.float64]:
        """Share of files of the same language that score lower, where the model was trained."""
        steps = np.linspace(0, 1, _RANKS)
        ranks = np.zeros(len(found))
        for name in set(languages):
            rows = np.array([language == name for language in languages], np.bool_)
            ranks[rows] = np.interp(found[rows], self.ranks.get(name, self.ranks[""]), steps)
        return ranks


def quantiles(found: Floats) -> Floats:
    """What `QualityModel.ranks` keeps of the scores of a language's files."""
    return np.quantile(found, np.linspace(0, 1, _RANKS)).astype(np.float32)


def quality(model: QualityModel, documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """Files and notebooks in one of the 338 languages; null for others."""
    names = languages.column("language")
    applies = pc.and_(pc.is_in(documents.column("kind"), value_set=_KINDS), names.is_valid())
    rows = np.flatnonzero(applies.to_numpy(zero_copy_only=False))
    found = model.logits(documents.column("text").take(pa.array(rows)))
    ranks = model.rank(found, names.take(pa.array(rows)).to_pylist())
    wide = np.zeros((2, documents.num_rows))
    wide[:, rows] = probability(found), ranks
    absent = ~applies.to_numpy(zero_copy_only=False)
    return pa.RecordBatch.from_arrays([applies, *(pa.array(row, mask=absent) for row in wide)], names=list(_COLUMNS))


_COLUMNS: Final = {
    "has_quality": "bool",  # whether it was scored: a file or notebook in one of the 338 languages
    "quality": "float64",  # the model's probability; 0.5 is as many good as other ones among its examples
    "quality_rank": "float64",  # share of the language's files that score lower
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scorer:
    """The group's kernel: a model by the hash of its bytes, and where they lie, a path or URL that workers can read."""

    sha256: str
    path: str = field(metadata={"identity": False})
    by: Callable[[QualityModel, pa.RecordBatch, pa.RecordBatch], pa.RecordBatch] = quality  # its code is in identities

    def __call__(self, documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
        return self.by(_loaded(self.path, self.sha256), documents, languages)


@lru_cache(maxsize=2)
def _loaded(path: str, digest: str) -> QualityModel:
    """Read once a process."""
    raw = _read(path)
    if sha256(raw).hexdigest() != digest:
        raise ValueError(
            f"{path} has SHA-256 {sha256(raw).hexdigest()}, the recipe was made with {digest}: make it anew"
        )
    return QualityModel.decode(raw)


def _read(path: str) -> bytes:
    with fsspec.open(path, "rb") as file:
        return bytes(file.read())


def quality_group(path: str) -> Group:
    """The group for `MeasureConfig.groups`, with the model at this path or URL. Raises ValueError where it is none."""
    try:
        raw = _read(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"no quality model at {path}: make one, python -m pipelines.train_quality OUT"
        ) from error
    QualityModel.decode(raw)
    kernel = Scorer(sha256=sha256(raw).hexdigest(), path=path)
    return Group(name="quality", kernel=kernel, columns=tuple(_COLUMNS.items()))
