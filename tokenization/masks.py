"""What attention and loss must know of a row: where its samples begin, positions inside them, which tokens count.

Comes in: rows with segments. Goes out: arrays over their tokens. Masks are by sample (a repository's files see each
other) unless the caller says by document. Tokens of a `padding` segment (filling, or taken down) bear no loss.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokenization.packing import PADDING


class Runs(NamedTuple):
    """Runs of segments that attend to each other, of all rows of a batch, in order."""

    row: np.ndarray
    start: np.ndarray  # in the row
    length: np.ndarray


def runs(segments: pa.ListArray, by_document: bool = False) -> Runs:
    """One run per repeat of a sample in a row, or per document."""
    flat = segments.flatten()
    row = np.asarray(pc.list_parent_indices(segments), np.int64)
    length = np.asarray(flat.field("length"), np.int64)
    keys = [row, np.asarray(flat.field("repeat"), np.int64), *words(flat.field("sample"))]
    if by_document:
        keys += words(flat.field("document"))
    changed = np.ones(len(row), bool)
    if len(row):
        changed[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    first = np.flatnonzero(changed)
    lengths = np.add.reduceat(length, first) if len(first) else length
    return Runs(row[first], np.asarray(flat.field("start"), np.int64)[first], lengths)


def words(ids: pa.Array) -> list[np.ndarray]:
    """16-byte ids as two columns of integers."""
    start = 16 * ids.offset
    pairs = np.frombuffer(ids.buffers()[1], np.uint8)[start : start + 16 * len(ids)].view(np.int64).reshape(-1, 2)
    return [pairs[:, 0], pairs[:, 1]]


def positions(found: Runs, n_rows: int, length: int) -> np.ndarray:
    """Position of every token inside its run, one row of the result per row."""
    starts = found.row * length + found.start
    at = np.arange(n_rows * length) - np.repeat(starts, found.length)
    return np.asarray(at.reshape(n_rows, length))


def masked(segments: pa.ListArray, n_rows: int, length: int) -> np.ndarray:
    """Which tokens bear no loss, one row of the result per row."""
    flat = segments.flatten()
    padding = np.asarray(flat.field("domain")) == PADDING
    return np.asarray(np.repeat(padding, np.asarray(flat.field("length"), np.int64)).reshape(n_rows, length))
