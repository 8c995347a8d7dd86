"""The content model: bytes of text -> a score for each language that has samples.

In come UTF-8 bytes as an Arrow data buffer with the start and end of each row; out comes one float32 row of scores per
text, over the classes named in the model. A linear model on hashed tokens, token pairs and punctuation runs, of
which each bucket keeps its 32 largest weights in int8; for a short text, how much oftener its features occur in a class
than elsewhere is added (naive Bayes). It knows no file names and no decisions: see `corpus.languages`.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

DATA_FILES: Final = ("data/language_model.npz",)
MODEL: Final = Path(__file__).parent / DATA_FILES[0]
BITS: Final = 16  # 65,536 buckets: 18 bits gave the same accuracy (10 folds), 15 bits 0.4 points less
SHORT: Final = 160  # buckets in use from which on naive Bayes has no say: it helps below, and harms from 200 on
MIX: Final = 0.08  # its weight; 0.06 and 0.1 were within five of the 1,557 short files
COARSE: Final = 2  # bits fewer than BITS: 16 bits were right on eight files more of 1,557, in 2.3 MB more
ODDS_STEP: Final = 0.25  # the log ratios' rounding: no file's answer got worse by it
HEAD: Final = 16_384  # bytes read of a text: 32 KiB gave the same accuracy within 0.2 points

Floats = npt.NDArray[np.float32]
Offsets = npt.NDArray[np.int64]

_SPACE, _NEWLINE, _LETTER, _DIGIT = 1, 2, 3, 4  # 0 is punctuation
_LINE, _INDENT, _TAB, _NUMBER, _HEX, _WORD, _MARK = 10, 11, 12, 13, 14, 777, 1000  # tokens without a spelling
_MAX_WORD = 32  # bytes hashed of a word
_MAX_RUN = 6  # marks hashed of a run of punctuation


def _classes() -> npt.NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for byte in range(256):
        character = chr(byte)
        if byte >= 128 or character.isalpha() or character == "_":
            table[byte] = _LETTER  # a byte of any other script counts as a letter
        elif character.isdigit():
            table[byte] = _DIGIT
    table[[9, 11, 12, 13, 32]] = _SPACE
    table[10] = _NEWLINE
    return table


_CLASS: Final = _classes()
_LOG: Final = np.log1p(np.arange(1 << 16)).astype(np.float32)  # of one more than a count


@dataclass(frozen=True, slots=True)
class Model:
    """A trained model; `classes` are names of the list, or "~name" for a language outside it."""

    classes: tuple[str, ...]
    idf: Floats  # [buckets]
    scale: Floats  # [buckets], of the int8 weights
    pointers: npt.NDArray[np.int64]  # [buckets + 1], into the two below
    columns: npt.NDArray[np.uint16]  # class
    weights: npt.NDArray[np.int8]
    prior: Floats  # [classes], the log ratio of a feature that a class never had
    odds_pointers: npt.NDArray[np.int64]  # [coarse buckets + 1], into the two below
    odds_columns: npt.NDArray[np.uint16]  # class
    odds: npt.NDArray[np.uint8]  # what a feature adds to that, in steps of ODDS_STEP
    calibration: tuple[float, float, float]  # P(right) = sigmoid(c0 + c1 * best + c2 * (best - second))


@cache
def load(path: str = str(MODEL)) -> Model:
    """The model shipped with the project, or another one that `pipelines.train_languages` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        best, first, margin = (float(c) for c in stored["calibration"])
        return Model(
            classes=tuple(str(name) for name in stored["classes"]),
            idf=stored["idf"].astype(np.float32),
            scale=stored["scale"].astype(np.float32),
            pointers=np.concatenate([[0], np.cumsum(stored["lengths"], dtype=np.int64)]),
            columns=np.cumsum(stored["columns"], dtype=np.uint16),
            weights=stored["weights"],
            prior=stored["prior"],
            odds_pointers=np.concatenate([[0], np.cumsum(stored["odds_lengths"], dtype=np.int64)]),
            odds_columns=np.cumsum(stored["odds_columns"], dtype=np.uint16),
            odds=stored["odds"],
            calibration=(best, first, margin),
        )


def save(model: Model, path: str) -> None:
    """Half floats are enough: what they scale is an int8 rounded to 1 in 127; columns pack better as differences."""
    np.savez_compressed(
        path,
        classes=np.array(model.classes),
        idf=model.idf.astype(np.float16),
        scale=model.scale.astype(np.float16),
        lengths=np.diff(model.pointers).astype(np.uint16),
        columns=np.diff(model.columns, prepend=np.uint16(0)),
        weights=model.weights,
        prior=model.prior,
        odds_lengths=np.diff(model.odds_pointers).astype(np.uint16),
        odds_columns=np.diff(model.odds_columns, prepend=np.uint16(0)),
        odds=model.odds,
        calibration=np.array(model.calibration),
    )


@njit(cache=True, nogil=True)
def _mix(left: Any, right: Any) -> Any:
    mixed = (left ^ (right * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed ^ (mixed >> np.uint64(29))


@njit(cache=True, nogil=True)
def _count(token: Any, salt: int, counts: Any, touched: Any, n: int) -> int:
    """Add one to the feature's bucket; `touched` lists the buckets in use, so that clearing costs what was used."""
    bucket = _mix(token, np.uint64(salt)) >> np.uint64(64 - BITS)
    if counts[bucket] == 0:
        touched[n] = bucket
        n += 1
    counts[bucket] += 1
    return n


@njit(cache=True, nogil=True)
def _word(data: Any, start: int, end: int) -> Any:
    """FNV-1a of the first bytes of a word."""
    key = np.uint64(14695981039346656037)
    for k in range(start, min(end, start + _MAX_WORD)):
        key = (key ^ np.uint64(data[k])) * np.uint64(1099511628211)
    return key


@njit(cache=True, nogil=True)
def _end(data: Any, start: int, end: int, kind: int) -> int:
    """Where the token that starts here ends: blanks and words are runs, a number takes letters and dots with it."""
    i = start + 1
    if kind == _SPACE:
        while i < end and _CLASS[data[i]] == _SPACE:
            i += 1
    elif kind >= _LETTER:
        while i < end and (_CLASS[data[i]] >= _LETTER or (kind == _DIGIT and data[i] == 46)):
            i += 1
    return i


@njit(cache=True, nogil=True)
def _run(data: Any, start: int, end: int) -> Any:
    """Key of the run of punctuation that starts here, 0 where it is one mark or goes on from before."""
    k = start
    key = np.uint64(7)
    while k < end and k < start + _MAX_RUN and _CLASS[data[k]] == 0:
        key = _mix(key, np.uint64(data[k]))
        k += 1
    return key if k > start + 1 else np.uint64(0)


@njit(cache=True, nogil=True)
def _token(data: Any, start: int, end: int, kind: int) -> Any:
    """What a token counts as: a word by its spelling, a number as a number, a mark by itself."""
    if kind == _LETTER:
        return _word(data, start, end)
    if kind == _DIGIT:
        hexadecimal = data[start] == 48 and end - start > 1 and (data[start + 1] | 32) == 120
        return np.uint64(_HEX) if hexadecimal else np.uint64(_NUMBER)
    return np.uint64(_LINE) if kind == _NEWLINE else np.uint64(data[start]) + np.uint64(_MARK)


@njit(cache=True, nogil=True)
def _features(data: Any, start: int, end: int, counts: Any, touched: Any) -> int:
    """Count a text's features; returns how many buckets are in use.

    Tokens; pairs of neighbours, where a line's start and its indentation are tokens too; the same pairs with any word
    in place of the word; triples with any word in place of each word; runs of punctuation. What gained nothing:
    triples of the words themselves, byte 4-grams, lower case, affixes, comments or strings apart, the first tokens.
    """
    n = 0
    i = start
    before = previous = np.uint64(_LINE)
    shape_before = shape = np.uint64(_LINE)
    previous_kind = _NEWLINE
    while i < end:
        kind = _CLASS[data[i]]
        j = _end(data, i, end, kind)
        if kind == _SPACE:
            if previous_kind == _NEWLINE:
                shape = previous = np.uint64(_TAB) if data[i] == 9 else np.uint64(_INDENT)
            i = j
            continue
        token = _token(data, i, j, kind)
        if kind == _NEWLINE and previous == token and before == token:
            i = j
            continue  # many blank lines count as one
        if kind != _NEWLINE:
            n = _count(token, 1, counts, touched, n)
        n = _count(_mix(previous, token), 2, counts, touched, n)
        own = np.uint64(_WORD) if kind == _LETTER else token
        if kind == _LETTER or previous_kind == _LETTER:
            n = _count(_mix(shape, own), 3, counts, touched, n)
        if kind != _NEWLINE:
            n = _count(_mix(_mix(shape_before, shape), own), 6, counts, touched, n)
        if kind == 0 and (i == start or _CLASS[data[i - 1]] != 0):
            run = _run(data, i, end)
            if run != 0:
                n = _count(run, 5, counts, touched, n)
        before, previous, previous_kind = previous, token, kind
        shape_before, shape = shape, own
        i = j
    return n


@njit(cache=True, nogil=True)
def _scores(data: Any, starts: Any, ends: Any, idf: Any, scale: Any, weights: Any, odds: Any, prior: Any) -> Any:
    """Each text's unit-length tf-idf vector, tf being log(1 + count), times the weights; and a short text's odds."""
    pointers, columns, values = weights
    odds_pointers, odds_columns, odds_values = odds
    out = np.zeros((len(starts), len(prior)), np.float32)
    counts = np.zeros(1 << BITS, np.uint16)
    touched = np.zeros(1 << BITS, np.int64)
    for row in range(len(starts)):
        line = out[row]
        n = _features(data, starts[row], min(ends[row], starts[row] + HEAD), counts, touched)
        norm = np.float32(0)
        for k in range(n):
            bucket = touched[k]
            weight = _LOG[counts[bucket]] * idf[bucket]
            counts[bucket] = 0
            norm += weight * weight
            weight *= scale[bucket]
            for p in range(pointers[bucket], pointers[bucket + 1]):
                line[columns[p]] += weight * np.float32(values[p])
        if norm > 0:
            line /= np.sqrt(norm)
        if 0 < n < SHORT:
            share = np.float32(MIX * ODDS_STEP / n)
            for k in range(n):
                bucket = touched[k] >> COARSE
                for p in range(odds_pointers[bucket], odds_pointers[bucket + 1]):
                    line[odds_columns[p]] += share * np.float32(odds_values[p])
            line += np.float32(MIX) * prior
    return out


@njit(cache=True, nogil=True)
def _bag(data: Any, start: int, end: int) -> Any:
    counts = np.zeros(1 << BITS, np.uint16)
    touched = np.zeros(1 << BITS, np.int64)
    n = _features(data, start, min(end, start + HEAD), counts, touched)
    buckets = np.sort(touched[:n])
    return buckets, counts[buckets]


def bag(text: bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16]]:
    """The buckets a text uses, ascending, and their counts: what training sees."""
    buckets, counts = _bag(np.frombuffer(text or b"\n", np.uint8), 0, len(text))
    return buckets, counts


def scores(model: Model, data: npt.NDArray[np.uint8], starts: Offsets, ends: Offsets) -> Floats:
    """One row of scores per text. It depends on the text's first `HEAD` bytes alone, whatever else is in the batch."""
    weights = (model.pointers, model.columns, model.weights)
    odds = (model.odds_pointers, model.odds_columns, model.odds)
    found: Floats = _scores(data, starts, ends, model.idf, model.scale, weights, odds, model.prior)
    return found


def confidence(model: Model, best: float, second: float) -> float:
    """Chance that the best class is the right one, as cross-validation saw it; rounded, so that it compares exactly."""
    intercept, first, margin = model.calibration
    return round(float(1 / (1 + np.exp(-(intercept + first * best + margin * (best - second))))), 4)
