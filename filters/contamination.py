"""Decontamination with names: which benchmark item's words stand in a document, and where.

Comes in: benchmark strings with their item's name, as an index; then columns of texts. Goes out: a CONTAMINATION
annotation. The rule is DeepSeek-Coder's §2.4: a document that shares any 10-gram with the test data is hit; a test
string of 3 to 9 grams must occur whole; a shorter one is not used. A gram is a word of `filters.word_hashes`, which
takes Chinese character by character; the paper leaves it open. A hash proposes and the words themselves decide, so no
hit is a collision. Refuses to know where benchmarks are stored, and what is done with a hit: `filter` drops the
document or the span.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.schema import CONTAMINATION, HITS
from filters.benchmarks import HUMAN_EVAL, KNOWN, Benchmark, Item, where_to_get
from filters.edits import span_column
from filters.gram_index import Buffer, Builder, Grams, Index, bit_of, find, power
from filters.word_hashes import MULTIPLIER, folding, mixed, next_word

# Grams inside these are no evidence, anybody writes them. First BigCode's four solutions of HumanEval; then what
# HumanEval's 10-grams met in 289 MB of innocent Python: double loops, Euclid, and counting in words.
TRIVIAL: Final = (
    "return x + y",
    "return len(string)",
    "return n**2",
    'return "".join(strings)',
    "1 for i in range(n): for j in range(n): if",
    "for i in range(n): for j in range(i + 1, n): for k in range(j + 1, n):",
    "for i in range(len(l)): for j in range(i + 1, len(l)): if l[i]",
    "for i in range(len(l)): for j in range(len(l)):",
    "for i in range(2, n + 1): if i == 2",
    "while b: a, b = b, a % b return a",
    "0 1 2 3 4 5 6 7 8 9 a b c d e f",
    "zero one two three four five six seven eight nine ten",
    "0 zero 1 one 2 two 3 three 4 four 5 five 6 six 7 seven 8 eight 9 nine 10 ten",
    "zero 0 one 1 two 2 three 3 four 4 five 5 six 6 seven 7 eight 8 nine 9 ten 10",
)
_BATCH: Final = 4096  # strings that are folded together
_BLOCK: Final = 4096  # words whose grams are looked up together


@dataclass(frozen=True, kw_only=True, slots=True)
class ContaminationConfig:
    """What the corpus is checked against, and what it is knowingly not checked against."""

    benchmarks: tuple[Benchmark, ...] = (HUMAN_EVAL,)
    required: tuple[str, ...] = tuple(KNOWN)
    unchecked: tuple[str, ...] = ("MBPP", "GSM8K", "MATH", "CMATH", "AGIEval", "LiveCodeBench")
    whitelist: tuple[str, ...] = TRIVIAL
    gram: int = 10
    min_gram: int = 3
    min_lettered: float = 0.3  # share of a gram's words with a letter: 0, 1, 2, … 9 stands in every tenth test file

    def __post_init__(self) -> None:
        if not 1 <= self.min_gram <= self.gram <= 32:
            raise ValueError(f"ContaminationConfig needs 1 <= min_gram <= gram <= 32, not {self.min_gram}, {self.gram}")
        names = [benchmark.name for benchmark in self.benchmarks]
        if len(set(names)) < len(names):
            raise ValueError(f"ContaminationConfig.benchmarks names a set twice: {names}")
        for name in self.required:
            if name not in names and name not in self.unchecked:
                raise ValueError(
                    f"benchmark {name} is required but not among ContaminationConfig.benchmarks: add it with its path"
                    f" (from {where_to_get(name)}), or list it as unchecked"
                )
        if not 0 <= self.min_lettered <= 1:
            raise ValueError(f"ContaminationConfig.min_lettered is a share from 0 to 1, not {self.min_lettered}")
        both = set(names) & set(self.unchecked)
        if both:
            raise ValueError(f"{sorted(both)[0]} is both in ContaminationConfig.benchmarks and unchecked: take one out")


def build_index(cfg: ContaminationConfig, items: Iterable[Item], hashes: dict[str, str]) -> Iterator[Buffer]:
    """The index as bytes: every gram once, under the first string that has it. `hashes` names what was read, per set.

    A file of 1.93 GB for a million items of a hundred words; building holds that and the words once more.
    """
    builder = Builder(Grams(gram=cfg.gram, min_gram=cfg.min_gram, min_lettered=cfg.min_lettered, trivial=cfg.whitelist))
    names: dict[tuple[str, str], int] = {}
    strings: Counter[str] = Counter()
    used: Counter[str] = Counter()
    rest = iter(items)
    while batch := list(islice(rest, _BATCH)):
        numbers = [names.setdefault((one.benchmark, one.item), len(names)) for one in batch]
        strings.update(one.benchmark for one in batch)
        enough = builder.add([one.text.encode("utf-8", "replace") for one in batch], numbers)
        used.update(one.benchmark for one, yes in zip(batch, enough, strict=True) if yes)
    checked: dict[str, dict[str, str | int]] = {
        name: {"hash": hashes[name], "strings": strings[name], "used": used[name]} for name in sorted(hashes)
    }
    yield from builder.finish(list(names), checked)


def contamination(index: Index, texts: pa.LargeStringArray) -> tuple[pa.RecordBatch, dict[str, int]]:
    """Per text its hits, ascending; hits of one item and one n-gram length without a word between them are one."""
    rows, starts, ends, places, sizes, ordinals = _hits(index, texts)
    owners = index.items[np.searchsorted(index.starts, places, side="right") - 1]
    hits: list[list[int]] = []  # row, start, end, item, n-gram length, words up to the end
    last: dict[tuple[int, int, int], list[int]] = {}  # the hit that the next gram may prolong
    columns = (rows, starts, ends, owners, sizes, ordinals)
    for row, start, end, item, size, ordinal in zip(*(column.tolist() for column in columns), strict=True):
        hit = last.get((row, item, size))
        if hit is not None and ordinal - size <= hit[5]:
            hit[2], hit[5] = end, ordinal
            continue
        hit = last[row, item, size] = [row, start, end, item, size, ordinal]
        hits.append(hit)
    return _annotation(index, sorted(hits), len(texts))


def _annotation(index: Index, hits: list[list[int]], n_rows: int) -> tuple[pa.RecordBatch, dict[str, int]]:
    columns = np.array(hits, np.int64).reshape(-1, 6)
    per_row = np.bincount(columns[:, 0], minlength=n_rows) if n_rows else np.zeros(0, np.int64)
    names = [index.name(item) for item in columns[:, 3].tolist()]
    fields = [
        pa.array([name for name, _ in names], pa.string()),
        pa.array([item for _, item in names], pa.string()),
        pa.array(columns[:, 1]),
        pa.array(columns[:, 2]),
        pa.array(columns[:, 4].astype(np.int32)),
    ]
    offsets = pa.array(np.concatenate(([0], np.cumsum(per_row))).astype(np.int32))
    lists = pa.ListArray.from_arrays(
        offsets, pa.StructArray.from_arrays(fields, fields=list(HITS.value_type)), type=HITS
    )
    in_sets = {(row, name) for row, (name, _) in zip(columns[:, 0].tolist(), names, strict=True)}
    counts = Counter(f"documents_hit.{name}" for _, name in in_sets)
    counts["documents_hit"] = int(np.count_nonzero(per_row))
    return pa.RecordBatch.from_arrays([pa.array(per_row.astype(np.int32)), lists], schema=CONTAMINATION), dict(counts)


def contaminated_spans(hits: pa.ListArray) -> pa.ListArray:
    """The hits as spans to be merged with other edits, for `FilterConfig.contaminated="segment"`."""
    spans = [[(hit["start"], hit["end"], "contaminated") for hit in row or ()] for row in hits.to_pylist()]
    return span_column(spans)


def _hits(index: Index, texts: pa.LargeStringArray) -> npt.NDArray[np.int64]:
    """Six columns; see `_scan`."""
    if not len(texts) or not len(index.lengths):
        return np.zeros((6, 0), np.int64)
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    flat = np.frombuffer(data or b"", np.uint8)
    arrays = (index.table, index.full, index.short, index.stream, index.lengths, index.gram)
    found: npt.NDArray[np.int64] = _scan(flat, bounds, folding(), *arrays)
    return found.T


@numba.njit(cache=True, nogil=True)
def _scan(data, bounds, folds, table, full, short, stream, lengths, gram):  # type: ignore[no-untyped-def]
    """Row, start, end, place in the stream, size and number of words up to the end of every verified hit.

    A block of words is hashed first and looked up then: the looks of one length do not wait for each other, so a
    filter larger than the caches costs a fraction of its latency.
    """
    out = np.empty((256, 6), np.int64)
    n = 0
    powers = np.array([power(size) for size in lengths])
    begins, stops = np.zeros(_BLOCK, np.int64), np.zeros(_BLOCK, np.int64)
    prefix = np.zeros(_BLOCK + 1, np.uint64)
    keep = lengths[-1] - 1  # words of a block that grams of the next begin with
    for row in range(len(bounds) - 1):
        at, end, before, old, filled = bounds[row], bounds[row + 1], 0, 0, 0
        prefix[0] = np.uint64(0)
        while True:
            while filled < _BLOCK:
                start, at, value = next_word(data, at, end, folds)
                if start < 0:
                    break
                begins[filled], stops[filled] = start, at
                prefix[filled + 1] = prefix[filled] * MULTIPLIER + value
                filled += 1
            for k in range(len(lengths)):
                size = lengths[k]
                bitmap = full if size == gram else short
                for j in range(max(size, old + 1), filled + 1):
                    wanted = mixed(prefix[j] - prefix[j - size] * powers[k] + np.uint64(size))
                    if not bit_of(bitmap, wanted):
                        continue
                    place = find(table, stream, data, begins[j - size], stops[j - 1], wanted, size, folds)
                    if place < 0:
                        continue
                    if n == len(out):
                        out = np.concatenate((out, np.empty_like(out)))
                    out[n, 0], out[n, 1], out[n, 2] = row, begins[j - size] - bounds[row], stops[j - 1] - bounds[row]
                    out[n, 3], out[n, 4], out[n, 5] = place, size, before + j
                    n += 1
            if filled < _BLOCK:
                break
            first = filled - keep
            for j in range(keep):
                begins[j], stops[j] = begins[first + j], stops[first + j]
            for j in range(keep + 1):
                prefix[j] = prefix[first + j]
            before, old, filled = before + first, keep, keep
    return out[:n].copy()
