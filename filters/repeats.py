"""Spans of many words that stand in several documents: boilerplate, notices, quoted articles.

Comes in: columns of texts with the kinds of their documents. Goes out: the hash and place of every window of
`min_words` words; which windows stand in an earlier document too; and the spans that these cover. As in Lee et al.
(2107.06499, §4), the first occurrence stays and the others go; their windows are 50 BPE tokens, ours 50 words of
`filters.word_hashes`. In source only comment lines count. A window is known by 64 bits: among 10⁹ windows 0.03 false
pairs are expected. Refuses to know shards and survivors. Repeats inside one document are left to `filter`'s measures.
"""

from dataclasses import dataclass, field

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filters.word_hashes import MULTIPLIER, folding, mixed, next_word

Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True, slots=True)
class RepeatsConfig:
    """What counts as a repeat, and how much is held in memory."""

    min_words: int = 50
    comments_in: tuple[str, ...] = ("file", "notebook")  # kinds of document of which only comment lines are compared
    # Working memory: of one range of hashes; and, some 70 bytes for each word, of one group's text. Neither decides the
    # spans.
    range_bytes: int = field(default=1 << 29, metadata={"identity": False})
    group_bytes: int = field(default=1 << 26, metadata={"identity": False})

    def __post_init__(self) -> None:
        if not 2 <= self.min_words <= 10_000:
            raise ValueError(f"RepeatsConfig.min_words is {self.min_words}: choose from 2 to 10,000")
        if min(self.range_bytes, self.group_bytes) < 1:
            raise ValueError(f"RepeatsConfig: range_bytes and group_bytes must be at least 1: {self}")


def windows(cfg: RepeatsConfig, kinds: list[str], texts: pa.LargeStringArray) -> tuple[Hashes, Integers, Integers]:
    """Hash, row and first word's number of every window, in order."""
    offsets, data = _buffers(texts)
    hashes, rows, numbers = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for row, kind in enumerate(kinds):
        only_comments = kind in cfg.comments_in
        _, _, runs, words = _words(data, offsets[row], offsets[row + 1], folding(), only_comments)
        values, first = _windows(words, runs, cfg.min_words)
        hashes.append(values)
        rows.append(np.full(len(values), row, np.int64))
        numbers.append(first)
    return np.concatenate(hashes), np.concatenate(rows), np.concatenate(numbers)


def repeated(hashes: Hashes, documents: Integers, numbers: Integers) -> npt.NDArray[np.bool_]:
    """Which windows also stand in an earlier document; documents are numbered in the order that decides."""
    order = np.lexsort((numbers, documents, hashes))
    sorted_hashes = hashes[order]
    begins = np.concatenate(([True], sorted_hashes[1:] != sorted_hashes[:-1])) if len(order) else np.zeros(0, bool)
    first = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    later = documents[order] != documents[order[first]]
    out = np.zeros(len(order), bool)
    out[order] = later
    return out


def repeat_spans(
    cfg: RepeatsConfig, kinds: list[str], texts: pa.LargeStringArray, rows: Integers, numbers: Integers
) -> list[list[tuple[int, int, str]]]:
    """Byte spans that the repeated windows cover, per text: from a first word to a last, so that code stays whole."""
    offsets, data = _buffers(texts)
    spans: list[list[tuple[int, int, str]]] = [[] for _ in kinds]
    for row in np.unique(rows).tolist():
        low = int(offsets[row])
        begins, ends, runs, _ = _words(data, low, offsets[row + 1], folding(), kinds[row] in cfg.comments_in)
        first = np.sort(numbers[rows == row])
        # Windows of one run that touch or overlap are one span.
        cuts = np.flatnonzero((np.diff(first) > cfg.min_words) | (np.diff(runs[first]) != 0)) + 1
        for group in np.split(first, cuts):
            end = int(ends[group[-1] + cfg.min_words - 1])
            spans[row].append((int(begins[group[0]]) - low, end - low, "repeat"))
    return spans


def _buffers(texts: pa.LargeStringArray) -> tuple[Integers, npt.NDArray[np.uint8]]:
    if not len(texts):
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    _, offsets, data = texts.buffers()
    rows = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return rows, np.frombuffer(data or b"", np.uint8)


@numba.njit(cache=True, nogil=True)
def _line_end(data, at, end):  # type: ignore[no-untyped-def]
    while at < end and data[at] != 10:
        at += 1
    return min(at + 1, end)


@numba.njit(cache=True, nogil=True)
def _is_comment(data, at, end):  # type: ignore[no-untyped-def]
    """Whether a line begins as a comment does in most languages: `//`, `/*`, `* `, `# `, `-- `, `;; `, `% `, `<!--`."""
    while at < end and (data[at] == 32 or data[at] == 9):
        at += 1
    if at + 1 >= end:
        return False
    a, b = data[at], data[at + 1]
    if a == 47:
        return b == 47 or b == 42
    if a == 60:
        return b == 33
    # A letter behind # is a directive of C, behind * a pointer, behind - or ; or % a word of the program.
    return (a == 35 or a == 42 or a == 45 or a == 59 or a == 37) and (b == 32 or b == 9 or b == a)


@numba.njit(cache=True, nogil=True)
def _words(data, start, end, table, only_comments):  # type: ignore[no-untyped-def]
    """Begin, end, run and hash of every word that counts; a line of the program ends a run of comments."""
    size = 64
    begins, ends = np.empty(size, np.int64), np.empty(size, np.int64)
    runs, words = np.empty(size, np.int64), np.empty(size, np.uint64)
    n, run, at = 0, 0, start
    while at < end:
        stop = _line_end(data, at, end)
        if only_comments and not _is_comment(data, at, stop):
            begin, _, _ = next_word(data, at, stop, table)
            run += begin >= 0
            at = stop
            continue
        while True:
            begin, at, value = next_word(data, at, stop, table)
            if begin < 0:
                break
            if n == size:
                size *= 2
                begins, ends = np.append(begins, np.empty_like(begins)), np.append(ends, np.empty_like(ends))
                runs, words = np.append(runs, np.empty_like(runs)), np.append(words, np.empty_like(words))
            begins[n], ends[n], runs[n], words[n] = begin, at, run, value
            n += 1
        at = stop
    return begins[:n], ends[:n], runs[:n], words[:n]


@numba.njit(cache=True, nogil=True)
def _windows(words, runs, size):  # type: ignore[no-untyped-def]
    """Hash and first word of every window inside one run: a polynomial kept rolling, then mixed."""
    hashes, first = np.empty(len(words), np.uint64), np.empty(len(words), np.int64)
    power = np.uint64(1)
    for _ in range(size):
        power = power * MULTIPLIER
    n, value = 0, np.uint64(0)
    for i in range(len(words)):
        value = value * MULTIPLIER + words[i]
        if i >= size:
            value = value - words[i - size] * power
        if i >= size - 1 and runs[i] == runs[i - size + 1]:
            hashes[n], first[n] = mixed(value), i - size + 1
            n += 1
    return hashes[:n].copy(), first[:n].copy()
