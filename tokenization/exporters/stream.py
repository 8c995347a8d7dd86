"""Rows back into one stream: its tokens, and how long each sample in it is. What formats without rows are made of."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tokenization.masks import words
from tokenization.packing import NO_ID


class Part(NamedTuple):
    """The tokens of one row group and the ends of samples among them, counted from the stream's beginning."""

    tokens: np.ndarray
    ends: np.ndarray  # exclusive; a sample that goes on in the next row group ends there


def parts(batches: Iterable[pa.RecordBatch], filling: bool = True) -> Iterator[Part]:
    """A shard's rows as a stream. A sample is a run of segments of one sample and repeat; the tokens that fill up rows
    are runs of their own, or left out without `filling`.
    """
    total, last = 0, None
    for batch in batches:
        segments = batch["segments"].flatten()
        lengths = np.asarray(segments.field("length"), np.int64)
        tokens = np.asarray(batch["input_ids"].flatten(), np.int32)
        if not filling:
            kept = pc.not_equal(segments.field("sample"), pa.scalar(NO_ID, segments.field("sample").type))
            tokens = tokens[np.repeat(np.asarray(kept), lengths)]
            segments, lengths = segments.filter(kept), lengths[np.asarray(kept)]
        if not len(segments):
            continue
        runs = _run_keys(segments)
        starts = total + np.concatenate([[0], np.cumsum(lengths)])
        changed = np.flatnonzero((runs[1:] != runs[:-1]).any(axis=1)) + 1
        ends = starts[changed]
        if last is not None and len(runs) and (runs[0] != last).any():
            ends = np.concatenate([[total], ends])
        total, last = int(starts[-1]), runs[-1] if len(runs) else last
        yield Part(tokens, ends)
    if last is not None:
        yield Part(np.zeros(0, np.int32), np.array([total]))


def _run_keys(segments: pa.StructArray) -> np.ndarray:
    """What tells one repeat of one sample from another, as rows of three integers."""
    return np.column_stack([*words(segments.field("sample")), np.asarray(segments.field("repeat"), np.int64)])
