"""Rows back into one stream: its tokens, and how long each sample in it is. What formats without rows are made of."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tokenization.packing import PADDING


class Part(NamedTuple):
    """The tokens of one row group and the ends of samples among them, counted from the stream's beginning."""

    tokens: np.ndarray
    ends: np.ndarray  # exclusive; a sample that goes on in the next row group ends there
    padding: int  # tokens at the end that belong to no document


def parts(batches: Iterable[pa.RecordBatch]) -> Iterator[Part]:
    """A shard's rows as a stream. A sample is a run of segments of one sample and repeat; padding is the last run."""
    total, last = 0, None
    for batch in batches:
        segments = batch["segments"].flatten()
        lengths = np.asarray(segments.field("length"), np.int64)
        runs = _run_keys(segments)
        starts = total + np.concatenate([[0], np.cumsum(lengths)])
        changed = np.flatnonzero((runs[1:] != runs[:-1]).any(axis=1)) + 1
        ends = starts[changed]
        if last is not None and len(runs) and (runs[0] != last).any():
            ends = np.concatenate([[total], ends])
        padded = np.asarray(segments.field("domain")) == PADDING
        total, last = int(starts[-1]), runs[-1] if len(runs) else last
        yield Part(np.asarray(batch["input_ids"].flatten(), np.int32), ends, int(lengths[padded].sum()))
    if last is not None:
        yield Part(np.zeros(0, np.int32), np.array([total]), 0)


def _run_keys(segments: pa.StructArray) -> np.ndarray:
    """What tells one repeat of one sample from another, as rows of three integers."""
    sample = segments.field("sample")
    start = 16 * sample.offset
    words = np.frombuffer(sample.buffers()[1], np.uint8)[start : start + 16 * len(sample)].view(np.int64).reshape(-1, 2)
    return np.column_stack([words, np.asarray(segments.field("repeat"), np.int64)])
