"""Texts of files without their licence headers: what near-duplicates are told by.

In: texts, kinds and paths of documents as Arrow columns. Out: texts. Short files below one long header share most of
their shingles whatever they do, and a copy under another licence shares too few. Only `corpus.headers`' span goes:
documentation stays.
"""

import re
from typing import Final

import numpy as np
import pyarrow as pa

from corpus.headers import HEAD_BYTES, header_span
from corpus.licenses import is_licence_file
from corpus.minhash import MinHashConfig, text_buffers

COLUMNS: Final = ("kind", "path", "text")  # of DOCUMENTS
_WORD: Final = re.compile(rb"[0-9A-Za-z_\x80-\xff]")


def bodies(cfg: MinHashConfig, documents: pa.RecordBatch) -> pa.LargeStringArray:
    """The documents' texts as shingles are made of them."""
    text = documents.column("text")
    return without_headers(text, *(documents.column(name) for name in ("kind", "path"))) if cfg.drop_headers else text


def without_headers(texts: pa.LargeStringArray, kinds: pa.Array, paths: pa.Array) -> pa.LargeStringArray:
    """The texts, those of kind "file" without their licence header; nulls are empty.

    A licence file keeps its text, and so does a file that has no word outside of its header: without it all such files
    would be equal, or nobody's near-duplicates.
    """
    data, offsets = text_buffers(texts)
    whole, bounds = data.data, offsets.tolist()
    cuts: list[tuple[int, int, int]] = []
    for row, (kind, path) in enumerate(zip(kinds.to_pylist(), paths.to_pylist(), strict=True)):
        if kind != "file":
            continue
        start, stop = bounds[row], bounds[row + 1]
        span = header_span(bytes(whole[start : min(stop, start + HEAD_BYTES)]))
        if span is None or is_licence_file(path or ""):
            continue
        low, high = start + span[0], start + span[1]
        if _WORD.search(whole, start, low) or _WORD.search(whole, high, stop):
            cuts.append((row, low, high))
    return _without(texts, cuts) if cuts else texts


def _without(texts: pa.LargeStringArray, cuts: list[tuple[int, int, int]]) -> pa.LargeStringArray:
    """The texts without a span of each of some rows, which ascend: (row, start, end) into the column's bytes."""
    data, offsets = text_buffers(texts)
    rows, lows, highs = np.array(cuts, np.int64).T
    lost = np.zeros(len(offsets), np.int64)
    lost[rows + 1] = highs - lows
    moved = offsets - offsets[0] - np.cumsum(lost)
    kept = np.empty(moved[-1], np.uint8)
    at = 0
    for low, high in zip([offsets[0], *highs], [*lows, offsets[-1]], strict=True):
        kept[at : at + high - low] = data[low:high]
        at += high - low
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(moved), pa.py_buffer(kept))
