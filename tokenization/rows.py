"""What samples emit to rows of one length: the second half of packing.

Comes in: one bucket of all groups, as `EMITTED` batches. Goes out: rows with segments that say what every token of a
row is. Two methods. "concatenate" (published): the bucket is one stream, cut every `length` tokens; the last row is
filled up. "best_fit": a sample that fits into a row is never cut, a longer one is cut every `length` tokens, and the
pieces are put into rows by best-fit decreasing; every row may end with filling. Filling is end tokens in a `padding`
segment, which readers mask: no token of the plan is dropped.

Memory: the bucket's ids stay where they are (mapped, on a local root); one row group of 64 MiB is made at a time.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus import schema
from tokenization.bestfit import best_fit
from tokenization.packing import EMITTED, NO_ID, PADDING, PackConfig, row_schema

_BATCH_TOKENS: Final = 16 << 20  # 64 MiB of ids per row group
_ORDER: Final = ("key", "sample", "repeat", "place")
_SEGMENT_COLUMNS: Final = ("sample", "document", "repeat", "layout", "cut_1", "cut_2", "domain")


class Pieces(NamedTuple):
    """The stream of a bucket in pieces that stay together, one entry each, in the order of the stream."""

    stop: np.ndarray  # exclusive, in the stream
    row: np.ndarray
    start: np.ndarray  # in the row


class Spans(NamedTuple):
    """Where pieces of documents stand: one entry per segment."""

    document: np.ndarray  # position in the stream's documents
    row: np.ndarray
    start: np.ndarray  # in the row
    length: np.ndarray
    document_start: np.ndarray


def cut_rows(
    cfg: PackConfig, end: int, parts: Sequence[pa.RecordBatch], counts: dict[str, int]
) -> Iterator[pa.RecordBatch]:
    """One bucket's emissions from all groups, in the order of the shuffle, as rows in row groups of 64 MiB of ids."""
    stream = _Stream.of(parts)
    if cfg.method == "best_fit":
        pieces = best_fit_pieces(stream.sizes, stream.sample_ends, cfg.length)
    else:
        pieces = fixed_pieces(int(stream.sizes.sum()), cfg.length)
    spans = segment_spans(stream.sizes, pieces)
    n_rows = int(pieces.row.max()) + 1 if len(pieces.row) else 0
    _count(cfg, stream, spans, n_rows, counts)
    filled = with_padding(spans, n_rows, cfg.length, len(stream.sizes))
    segments = _segments(filled, {name: _with_padding(stream.table[name], name) for name in _SEGMENT_COLUMNS})
    first = np.searchsorted(filled.row, np.arange(n_rows + 1))
    per_batch = max(1, _BATCH_TOKENS // cfg.length)
    for low in range(0, n_rows, per_batch):
        high = min(low + per_batch, n_rows)
        here = slice(int(first[low]), int(first[high]))
        ids = np.full((high - low) * cfg.length, end, np.int32)
        _fill(ids, stream, Spans(*(column[here] for column in filled)), low * cfg.length, cfg.length)
        offsets = pa.array((first[low : high + 1] - first[low]).astype(np.int32))
        made = [
            pa.FixedSizeListArray.from_arrays(pa.array(ids), cfg.length),
            pa.ListArray.from_arrays(offsets, segments.slice(here.start, here.stop - here.start)),
        ]
        yield pa.RecordBatch.from_arrays(made, schema=row_schema(cfg))


class _Stream(NamedTuple):
    """A bucket's documents in the order of the shuffle; their ids stay in the parts."""

    table: pa.Table  # narrow columns
    sizes: np.ndarray
    sample_ends: np.ndarray  # exclusive, in documents: where each repeat of a sample ends
    part: np.ndarray
    offset: np.ndarray  # in the part's ids
    ids: list[np.ndarray]

    @staticmethod
    def of(parts: Sequence[pa.RecordBatch]) -> "_Stream":
        narrow = [name for name in EMITTED.names if name != "input_ids"]
        lists = [part["input_ids"] for part in parts]
        sizes = np.concatenate([np.asarray(column.value_lengths(), np.int64) for column in lists])
        offsets = np.concatenate([np.asarray(column.offsets)[:-1] for column in lists])
        part = np.repeat(np.arange(len(parts)), [len(column) for column in lists])
        table = pa.Table.from_batches([batch.select(narrow) for batch in parts]).combine_chunks()
        order = np.asarray(pc.sort_indices(table, [(name, "ascending") for name in _ORDER]))
        order = order[np.asarray(table["place"])[order] >= 0]
        table = table.take(pa.array(order))
        place = np.asarray(table["place"])
        ends = np.append(np.flatnonzero(place == 0)[1:], len(place)) if len(place) else np.zeros(0, np.int64)
        return _Stream(table, sizes[order], ends, part[order], offsets[order], [_values(column) for column in lists])


def _values(column: pa.LargeListArray) -> np.ndarray:
    return np.asarray(column.values, np.int32)


def fixed_pieces(total: int, length: int) -> Pieces:
    """A stream of so many tokens, cut every `length`."""
    n = -(-total // length)
    stops = np.minimum((np.arange(n) + 1) * length, total)
    return Pieces(stops, np.arange(n), np.zeros(n, np.int64))


def best_fit_pieces(sizes: np.ndarray, sample_ends: np.ndarray, length: int) -> Pieces:
    """Samples whole where they fit. Rows are numbered by the first of their pieces in the stream, which is shuffled;
    in the order in which best fit opens them the longest samples would come first.
    """
    running = np.concatenate([[0], np.cumsum(sizes)])
    ends = running[sample_ends]
    starts = np.concatenate([[0], ends[:-1]])
    kept = ends > starts
    starts, ends = starts[kept], ends[kept]
    counts = -(-(ends - starts) // length)
    which = np.repeat(np.arange(len(starts)), counts)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    begin = starts[which] + nth * length
    stop = np.minimum(begin + length, ends[which])
    _, rows = np.unique(best_fit(stop - begin, length), return_inverse=True)
    first = np.full(int(rows.max()) + 1 if len(rows) else 0, len(rows))
    np.minimum.at(first, rows, np.arange(len(rows)))
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    row = rank[rows]
    by_row = np.argsort(row, kind="stable")
    sizes_by_row = (stop - begin)[by_row]
    before = np.cumsum(sizes_by_row) - sizes_by_row
    opening = np.concatenate([[True], row[by_row][1:] != row[by_row][:-1]])[: len(row)]
    start = np.empty(len(row), np.int64)
    start[by_row] = before - np.maximum.accumulate(np.where(opening, before, 0))
    return Pieces(stop, row, start)


def segment_spans(sizes: np.ndarray, pieces: Pieces) -> Spans:
    """Segments of documents of these sizes, laid end to end and cut into pieces; in order of row and place in it."""
    ends = np.cumsum(sizes)
    edges = np.unique(np.concatenate([[0], ends, pieces.stop]))
    starts, stops = edges[:-1], edges[1:]
    document = np.searchsorted(ends, starts, side="right")
    piece = np.searchsorted(pieces.stop, starts, side="right")
    piece_start = np.concatenate([[0], pieces.stop])[piece]
    row, start = pieces.row[piece], pieces.start[piece] + starts - piece_start
    order = np.lexsort([start, row])
    made = Spans(document, row, start, stops - starts, starts - (ends - sizes)[document])
    return Spans(*(column[order] for column in made))


def with_padding(spans: Spans, n_rows: int, length: int, padding: int) -> Spans:
    """A last segment of the document number `padding` in every row that is not full."""
    used = np.bincount(spans.row, weights=spans.length, minlength=n_rows).astype(np.int64)
    open_rows = np.flatnonzero(used < length)
    zeros = np.zeros(len(open_rows), np.int64)
    more = Spans(zeros + padding, open_rows, used[open_rows], (length - used)[open_rows], zeros)
    whole = Spans(*(np.concatenate(both) for both in zip(spans, more, strict=True)))
    order = np.lexsort([whole.start, whole.row])
    return Spans(*(column[order] for column in whole))


def _fill(ids: np.ndarray, stream: _Stream, spans: Spans, base: int, length: int) -> None:
    """Copy the segments' ids to their places; padding keeps what stands there."""
    real = spans.document < len(stream.sizes)
    document, size = spans.document[real], spans.length[real]
    source = stream.offset[document] + spans.document_start[real]
    target = spans.row[real] * length + spans.start[real] - base
    for part, begin, to, n in zip(
        stream.part[document].tolist(), source.tolist(), target.tolist(), size.tolist(), strict=True
    ):
        ids[to : to + n] = stream.ids[part][begin : begin + n]


def _count(cfg: PackConfig, stream: _Stream, spans: Spans, n_rows: int, counts: dict[str, int]) -> None:
    """Rows and filling; samples and documents in more than one row, and how many of those would fit into one."""
    total = int(stream.sizes.sum())
    found = {"rows": n_rows, "tokens": n_rows * cfg.length, "padding": n_rows * cfg.length - total}
    sample = np.searchsorted(stream.sample_ends, np.arange(len(stream.sizes)), side="right")
    sample_sizes = np.bincount(sample, weights=stream.sizes).astype(np.int64)
    for name, unit, sizes in (
        ("samples", sample[spans.document], sample_sizes),
        ("documents", spans.document, stream.sizes),
    ):
        low, high = np.full(len(sizes), n_rows), np.full(len(sizes), -1)
        np.minimum.at(low, unit, spans.row)
        np.maximum.at(high, unit, spans.row)
        cut = high > low
        found[f"cut_{name}"] = int(cut.sum())
        found[f"cut_short_{name}"] = int((cut & (sizes <= cfg.length)).sum())
    for name, n in found.items():
        counts[name] = counts.get(name, 0) + n


_PADDING_VALUES: Final = {"sample": NO_ID, "document": NO_ID, "repeat": 0, "layout": 0, "cut_1": -1, "cut_2": -1}


def _with_padding(column: pa.ChunkedArray, name: str) -> pa.Array:
    whole = column.combine_chunks()
    return pa.concat_arrays([whole, pa.array([_PADDING_VALUES.get(name, PADDING)], whole.type)])


def _segments(spans: Spans, columns: dict[str, pa.Array]) -> pa.StructArray:
    made = {
        "start": pa.array(spans.start.astype(np.int32)),
        "length": pa.array(spans.length.astype(np.int32)),
        "document_start": pa.array(spans.document_start.astype(np.int64)),
    }
    taken = pa.array(spans.document)
    arrays = [made[f.name] if f.name in made else columns[f.name].take(taken) for f in schema.SEGMENT]
    return pa.StructArray.from_arrays(arrays, fields=list(schema.SEGMENT))
