"""Edits to a document's text, kept as data: [start, end) byte offsets and a kind, merged once and applied once.

Comes in: span lists of any number of stages over the same UTF-8 text. Goes out: one ascending, disjoint list per
document, and the text after it. Refuses to know who found a span, and why.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from corpus.schema import SPANS


class Edit(NamedTuple):
    """Bytes [start, end) of a document's UTF-8 text, and what stands there."""

    start: int
    end: int
    kind: str


# What takes a span's place, strongest first: overlapping spans become one, with the placeholder of the strongest kind.
# Removals come before replacements, so an address inside a removed licence header leaves nothing behind; a key
# comes before what it may contain. The four placeholders are StarCoder2's for keys, e-mail, IP addresses and names.
PLACEHOLDERS: Final = {
    "contaminated": b"",
    "licence_header": b"",
    "repeat": b"",
    "key": b"<key>",
    "email": b"<email>",
    "ip_address": b"<ip_address>",
    "user": b"<user>",
}
_RANK: Final = {kind: rank for rank, kind in enumerate(PLACEHOLDERS)}


def merge_edits(*span_lists: Iterable[tuple[int, int, str]]) -> list[Edit]:
    """The union of overlapping spans, ascending and disjoint; spans that only touch stay two, and empty ones go."""
    merged: list[Edit] = []
    for start, end, kind in sorted(span for spans in span_lists for span in spans):
        if start >= end:
            continue
        if merged and start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Edit(last.start, max(last.end, end), min(last.kind, kind, key=_rank))
        else:
            _rank(kind)
            merged.append(Edit(start, end, kind))
    return merged


def apply_edits(text: bytes, edits: Iterable[tuple[int, int, str]]) -> bytes:
    """One document's text after its merged edits; the column form is `edited`."""
    pieces, done = [], 0
    for start, end, kind in edits:
        if not done <= start < end <= len(text):
            raise ValueError(
                f"edit [{start}, {end}) is out of order or beyond the text's {len(text)} bytes: merge first"
            )
        if _continues(text, start) or _continues(text, end):
            raise ValueError(f"edit [{start}, {end}) {kind} cuts a UTF-8 character: offsets are bytes, not characters")
        pieces += [text[done:start], placeholder(kind)]
        done = end
    return b"".join([*pieces, text[done:]])


def placeholder(kind: str) -> bytes:
    """What takes the place of a span of this kind; nothing for the kinds that are removed."""
    _rank(kind)
    return PLACEHOLDERS[kind]


def merged(*columns: pa.ListArray) -> pa.ListArray:
    """Row by row `merge_edits` of span columns of equal length; a null list counts as empty."""
    if len({len(column) for column in columns}) != 1:
        raise ValueError(f"span columns differ in length: {[len(column) for column in columns]}")
    n_rows = len(columns[0])
    by_row: dict[int, list[tuple[int, int, str]]] = {}
    for column in columns:
        rows, starts, ends, kinds = _flat(column)
        for row, start, end, kind in zip(rows.tolist(), starts.tolist(), ends.tolist(), kinds, strict=True):
            by_row.setdefault(row, []).append((start, end, kind))
    united = {row: merge_edits(spans) for row, spans in by_row.items()}
    return span_column([united.get(row, []) for row in range(n_rows)])


def span_column(rows: list[list[Edit]] | list[list[tuple[int, int, str]]]) -> pa.ListArray:
    """A column of type `SPANS` from one list of spans per row."""
    lengths = np.fromiter((len(spans) for spans in rows), np.int32, len(rows))
    flat = [span for spans in rows for span in spans]
    values = pa.StructArray.from_arrays(
        [
            pa.array([span[0] for span in flat], pa.int64()),
            pa.array([span[1] for span in flat], pa.int64()),
            pa.array([span[2] for span in flat], pa.string()),
        ],
        fields=list(SPANS.value_type),
    )
    offsets = np.zeros(len(rows) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=SPANS)


def edited(texts: pa.LargeStringArray, edits: pa.ListArray) -> pa.LargeStringArray:
    """The column after its merged edits: the very same column if there are none, one copy of the bytes if there are."""
    rows, starts, ends, kinds = _flat(edits)
    if len(texts) != len(edits):
        raise ValueError(f"{len(texts)} texts but {len(edits)} edit lists")
    if not len(rows):
        return texts
    offsets, data = _buffers(texts)
    _check(offsets, data, rows, starts, ends)
    new = [placeholder(kind) for kind in kinds]
    growth = np.zeros(len(texts), np.int64)
    np.add.at(growth, rows, np.fromiter(map(len, new), np.int64, len(new)) - (ends - starts))
    pieces: list[bytes | memoryview] = []
    view, done = data.data, int(offsets[0])
    absolute = offsets[rows]
    for start, end, instead in zip((absolute + starts).tolist(), (absolute + ends).tolist(), new, strict=True):
        pieces += [view[done:start], instead]
        done = end
    pieces.append(view[done : int(offsets[-1])])
    lengths = np.zeros(len(texts) + 1, np.int64)
    np.cumsum(np.diff(offsets) + growth, out=lengths[1:])
    valid = pa.py_buffer(np.packbits(np.asarray(texts.is_valid()), bitorder="little")) if texts.null_count else None
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(lengths), pa.py_buffer(b"".join(pieces)), valid)


def edited_bytes(texts: pa.LargeStringArray, edits: pa.ListArray) -> np.ndarray:
    """UTF-8 length of every text after its merged edits, without making it; 0 for a null text."""
    offsets, _ = _buffers(texts)
    rows, starts, ends, kinds = _flat(edits)
    sizes = np.diff(offsets)
    if len(rows):
        np.add.at(sizes, rows, np.array([len(placeholder(kind)) for kind in kinds]) - (ends - starts))
    return sizes


def _rank(kind: str) -> int:
    if kind not in _RANK:
        raise ValueError(f"unknown kind of edit {kind!r}: one of {', '.join(PLACEHOLDERS)}")
    return _RANK[kind]


def _continues(text: bytes, at: int) -> bool:
    """Whether the byte at this offset is inside a UTF-8 character."""
    return at < len(text) and text[at] & 0xC0 == 0x80


def _flat(column: pa.ListArray) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Row, start, end and kind of every span of the column, in order."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    lengths = np.asarray(column.value_lengths().fill_null(0), np.int64)
    values = column.flatten()
    rows = np.repeat(np.arange(len(column)), lengths)
    starts, ends = (np.asarray(values.field(name), np.int64) for name in ("start", "end"))
    return rows, starts, ends, values.field("kind").to_pylist()


def _buffers(texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of the column's rows, and the bytes they point into."""
    if not len(texts):
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    _, offsets, data = texts.buffers()
    rows = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return rows, np.frombuffer(data or b"", np.uint8)


def _check(offsets: np.ndarray, data: np.ndarray, rows: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> None:
    """Every edit lies inside its text, after the one before it, and between characters."""
    sizes = np.diff(offsets)[rows]
    wrong = (starts < 0) | (starts >= ends) | (ends > sizes)
    wrong[1:] |= (rows[1:] == rows[:-1]) & (starts[1:] < ends[:-1])
    if wrong.any():
        at = int(np.argmax(wrong))
        span = f"edit [{starts[at]}, {ends[at]}) of row {rows[at]}"
        raise ValueError(f"{span} is out of order or beyond the text's {sizes[at]} bytes: merge first")
    cuts = np.concatenate([(offsets[rows] + starts)[starts < sizes], (offsets[rows] + ends)[ends < sizes]])
    if ((data[cuts] & 0xC0) == 0x80).any():
        at = int(np.argmax((data[cuts] & 0xC0) == 0x80))
        raise ValueError(f"an edit cuts a UTF-8 character at byte {cuts[at]}: offsets are bytes, not characters")
