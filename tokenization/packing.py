"""Samples to rows of one length: what each sample emits, shuffled into buckets, concatenated and cut.

Comes in: one group's samples, their repeats, the ids of their documents; later one bucket of all groups. Goes out:
`EMITTED` batches, one per bucket; then rows with segments that say what every token of a row is. Knows no stores.

Shuffle: order key = draw(sample id, seed, "order", repeat), bucket = key * buckets. Rows of a bucket are cut from its
samples in order of (key, sample, repeat, place). The last row of a bucket is filled with end tokens that belong to a
`padding` segment (readers mask it): so no token of the plan is dropped, at the price of less than one row per bucket.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus import schema
from corpus.draws import uniform_draws
from tokenization.fim import LAYOUTS, Emission, FimConfig, Place, draw_cut, emit
from tokenization.tokenizer import Tokenizer, TokenizerConfig, load

DOMAINS: Final = ("code", "math", "natural", "padding")  # codes of the column `domain`
PADDING: Final = DOMAINS.index("padding")
NO_ID: Final = bytes(16)  # sample and document of a padding segment
_BATCH_TOKENS: Final = 16 << 20  # 64 MiB of ids per row group

EMITTED: Final = pa.schema(
    [
        ("bucket", pa.int32()),
        ("key", pa.float64()),
        ("sample", schema.ID),
        ("repeat", pa.int16()),
        ("place", pa.int32()),  # in the sample; -1 in the row that opens a bucket, so that no bucket is without rows
        ("document", schema.ID),
        ("layout", pa.int8()),
        ("cut_1", pa.int32()),
        ("cut_2", pa.int32()),
        ("domain", pa.int8()),
        ("input_ids", schema.IDS),
    ]
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PackConfig:
    """Settings of the stage `pack`."""

    length: int = 2048  # tokens per row; V2 trains at 4096, then 32K and 128K
    seed: int = 0
    group_bytes: int = 1 << 30  # documents per first-step task, the same as in `assemble`
    bucket_bytes: int = 256 << 20  # ids per second-step task, held in memory
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    fim: FimConfig = field(default_factory=FimConfig)

    def __post_init__(self) -> None:
        for name in ("length", "group_bytes", "bucket_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        unknown = set(self.fim.domains) - set(DOMAINS[:PADDING])
        if unknown:
            raise ValueError(f"fim.domains names {sorted(unknown)}: the domains are {', '.join(DOMAINS[:PADDING])}")

    def buckets(self, tokens: int) -> int:
        """How many, for this many planned tokens of four bytes: fixed by the data, whatever the workers."""
        return max(1, -(-4 * tokens // self.bucket_bytes))


class Draft(NamedTuple):
    """One repeat of one sample, before its documents are emitted."""

    bucket: int
    key: float
    sample: bytes
    repeat: int
    row: int  # in the group's samples


def row_schema(cfg: PackConfig) -> pa.Schema:
    """Schema of packed rows, with the names behind the codes and the tokens a reader needs."""
    loaded = load(cfg.tokenizer)
    tokens = {"name": cfg.tokenizer.name, "sha256": cfg.tokenizer.sha256, "n_ids": loaded.n_ids, "end": loaded.end}
    facts = {"layouts": LAYOUTS, "domains": DOMAINS, "length": cfg.length, "tokenizer": tokens}
    return schema.rows(cfg.length).with_metadata({name: json.dumps(value) for name, value in facts.items()})


def order_samples(seed: int, samples: Sequence[bytes], repeats: Sequence[int], buckets: int) -> list[Draft]:
    """Every repeat of every sample, in the order of the shuffle."""
    drafts = []
    for row, (sample, times) in enumerate(zip(samples, repeats, strict=True)):
        for repeat in range(times):
            [key] = uniform_draws(sample, seed, "order", repeat, 1)
            drafts.append(Draft(int(key * buckets), key, sample, repeat, row))
    return sorted(drafts)


def emit_group(
    cfg: PackConfig,
    samples: pa.Table,
    mix: pa.Table,
    tokens: Sequence[pa.LargeListArray],
    buckets: int,
    counts: dict[str, int],
) -> Iterator[pa.RecordBatch]:
    """One batch per bucket. `tokens[shard]` holds the ids of one of the group's shards; adds to `counts`."""
    drafts = order_samples(cfg.seed, samples["sample"].to_pylist(), mix["repeats"].to_pylist(), buckets)
    members, domains = samples["documents"].combine_chunks(), mix["domain"].to_pylist()
    tokenizer, views = load(cfg.tokenizer), [_view(shard) for shard in tokens]
    at = 0
    for bucket in range(buckets):
        columns = _Columns(bucket)
        while at < len(drafts) and drafts[at].bucket == bucket:
            draft = drafts[at]
            documents = [
                _Document(member["document"], member["comment"], _ids_of(views[member["shard"]], member["row"]))
                for member in members[draft.row].as_py()
            ]
            for place, emission in enumerate(_emit_sample(cfg, tokenizer, draft, documents, domains[draft.row])):
                columns.add(draft, place, documents[place].id, DOMAINS.index(domains[draft.row]), emission)
                _count(counts, domains[draft.row], emission)
            counts["samples"] = counts.get("samples", 0) + 1
            at += 1
        yield columns.batch()


class _Document(NamedTuple):
    id: bytes
    comment: str
    ids: np.ndarray


def _emit_sample(
    cfg: PackConfig, tokenizer: Tokenizer, draft: Draft, documents: list[_Document], domain: str
) -> Iterator[Emission]:
    for place, document in enumerate(documents):
        characters = int(tokenizer.characters[document.ids].sum())
        cut = draw_cut(cfg.fim, document.id, domain, characters, (cfg.seed, draft.repeat))
        yield emit(tokenizer, document.ids, cut, Place(document.comment, place == 0, place == len(documents) - 1))


def _count(counts: dict[str, int], domain: str, emission: Emission) -> None:
    """plain + replaced is what the mixture planned; plain + reencoded + special + comment is what was emitted."""
    for name, n in (
        ("documents", 1),
        (f"plain.{domain}", emission.plain),
        (f"replaced.{domain}", emission.replaced),
        (f"reencoded.{domain}", emission.reencoded),
        ("special", emission.special),
        ("comment", emission.comment),
        (f"layout.{LAYOUTS[emission.cut.layout]}", 1),
    ):
        counts[name] = counts.get(name, 0) + n


def _view(ids: pa.LargeListArray) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(ids.offsets, np.int64), np.asarray(ids.values, np.int32)


def _ids_of(view: tuple[np.ndarray, np.ndarray], row: int) -> np.ndarray:
    offsets, values = view
    return values[offsets[row] : offsets[row + 1]]


class _Columns:
    """Rows of one bucket's batch, begun by the row that opens it."""

    def __init__(self, bucket: int) -> None:
        self._bucket = bucket
        self._rows: list[tuple[Any, ...]] = [(0.0, NO_ID, 0, -1, NO_ID, 0, -1, -1, PADDING)]
        self._ids: list[np.ndarray] = [np.zeros(0, np.int32)]

    def add(self, draft: Draft, place: int, document: bytes, domain: int, emission: Emission) -> None:
        self._rows.append((draft.key, draft.sample, draft.repeat, place, document, *emission.cut, domain))
        self._ids.append(emission.ids)

    def batch(self) -> pa.RecordBatch:
        offsets = np.zeros(len(self._ids) + 1, np.int64)
        np.cumsum([len(ids) for ids in self._ids], out=offsets[1:])
        ids = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(np.concatenate(self._ids)))
        fields = [EMITTED.field(name) for name in EMITTED.names[1:-1]]
        columns = [pa.array(values, f.type) for f, values in zip(fields, zip(*self._rows, strict=True), strict=True)]
        bucket = pa.array(np.full(len(self._rows), self._bucket, np.int32))
        return pa.RecordBatch.from_arrays([bucket, *columns, ids], schema=EMITTED)


def cut_rows(
    cfg: PackConfig, end: int, parts: Sequence[pa.RecordBatch], counts: dict[str, int]
) -> Iterator[pa.RecordBatch]:
    """One bucket's emissions from all groups, in the order of the shuffle, as rows in row groups of 64 MiB of ids."""
    table = pa.Table.from_batches(parts, EMITTED)
    table = table.filter(pc.greater_equal(table["place"], 0))
    table = table.take(pc.sort_indices(table, [(name, "ascending") for name in ("key", "sample", "repeat", "place")]))
    columns = {name: table[name].combine_chunks() for name in (*_SEGMENT_COLUMNS, "input_ids")}
    stream = np.asarray(columns["input_ids"].flatten(), np.int32)
    n_rows = -(-len(stream) // cfg.length)
    padding = n_rows * cfg.length - len(stream)
    for name, n in (("rows", n_rows), ("tokens", n_rows * cfg.length), ("padding", padding)):
        counts[name] = counts.get(name, 0) + n
    sizes = np.append(np.asarray(columns["input_ids"].value_lengths(), np.int64), padding)
    spans = segment_spans(sizes, cfg.length)
    segments = _segments(spans, {name: _with_padding(columns[name], name) for name in _SEGMENT_COLUMNS})
    first = np.searchsorted(spans.row, np.arange(n_rows + 1))
    per_batch = max(1, _BATCH_TOKENS // cfg.length)
    for low in range(0, n_rows, per_batch):
        high = min(low + per_batch, n_rows)
        ids = np.full((high - low) * cfg.length, end, np.int32)
        part = stream[low * cfg.length : high * cfg.length]
        ids[: len(part)] = part
        yield pa.RecordBatch.from_arrays(
            [
                pa.FixedSizeListArray.from_arrays(pa.array(ids), cfg.length),
                pa.ListArray.from_arrays(
                    pa.array((first[low : high + 1] - first[low]).astype(np.int32)),
                    segments.slice(int(first[low]), int(first[high] - first[low])),
                ),
            ],
            schema=row_schema(cfg),
        )


class Spans(NamedTuple):
    """Where pieces of documents stand: one entry per segment."""

    document: np.ndarray  # position in the stream's documents
    row: np.ndarray
    start: np.ndarray  # in the row
    length: np.ndarray
    document_start: np.ndarray


def segment_spans(sizes: np.ndarray, length: int) -> Spans:
    """Segments of documents of these sizes, laid end to end and cut every `length` tokens."""
    ends = np.cumsum(sizes)
    total = int(ends[-1])
    edges = np.unique(np.concatenate([ends, np.arange(0, total + 1, length)]))
    starts, stops = edges[:-1], edges[1:]
    if len(edges) and edges[0]:  # the first edge is 0 wherever there is a row
        raise AssertionError(f"the stream begins at {edges[0]}")
    document = np.searchsorted(ends, starts, side="right")
    return Spans(document, starts // length, starts % length, stops - starts, starts - (ends - sizes)[document])


_SEGMENT_COLUMNS: Final = ("sample", "document", "repeat", "layout", "cut_1", "cut_2", "domain")
_PADDING_VALUES: Final = {"sample": NO_ID, "document": NO_ID, "repeat": 0, "layout": 0, "cut_1": -1, "cut_2": -1}


def _with_padding(column: pa.Array, name: str) -> pa.Array:
    value = _PADDING_VALUES.get(name, PADDING)
    return pa.concat_arrays([column, pa.array([value], column.type)])


def _segments(spans: Spans, columns: dict[str, pa.Array]) -> pa.StructArray:
    made = {
        "start": pa.array(spans.start.astype(np.int32)),
        "length": pa.array(spans.length.astype(np.int32)),
        "document_start": pa.array(spans.document_start.astype(np.int64)),
    }
    taken = pa.array(spans.document)
    arrays = [made[f.name] if f.name in made else columns[f.name].take(taken) for f in schema.SEGMENT]
    return pa.StructArray.from_arrays(arrays, fields=list(schema.SEGMENT))
