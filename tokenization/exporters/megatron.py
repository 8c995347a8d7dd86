"""Megatron's `.bin` and `.idx`: samples as sequences, one per document, without padding.

`.bin` is token ids back to back, little-endian. `.idx` is "MMIDIDX", version 1, a dtype code, the number of sequences
and of document boundaries, int32 lengths, int64 byte offsets, int64 document boundaries. The reader takes the dtype
from the code, so that u16 or i32 follows from the vocabulary by Megatron's own rule.
"""

import struct
import warnings
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from tokenization.exporters.stream import parts

_MAGIC: Final = b"MMIDIDX\x00\x00"
_CODES: Final = {"<u2": 8, "<i4": 4}  # of Megatron's enumeration of dtypes


def dtype(n_ids: int) -> np.dtype:
    """Megatron's rule: two bytes below 65,500 ids. Others draw the line at 65,536; the code in the index decides."""
    return np.dtype("<u2" if n_ids < 65_500 else "<i4")


def bin_chunks(batches: Iterable[pa.RecordBatch], n_ids: int) -> Iterator[bytes]:
    """The shard's tokens without those that fill up rows."""
    for part in parts(batches, filling=False):
        yield part.tokens.astype(dtype(n_ids)).tobytes()


def idx_bytes(batches: Iterable[pa.RecordBatch], n_ids: int) -> bytes:
    """The index of the same shard."""
    ends = [part.ends for part in parts(batches, filling=False)]
    return index_of(np.concatenate([[0], *ends]).astype(np.int64), n_ids)


def index_of(edges: np.ndarray, n_ids: int) -> bytes:
    """The index of sequences that end at edges[1:], counted in tokens."""
    lengths, size = np.diff(edges), dtype(n_ids).itemsize
    if len(lengths) and lengths.max() > np.iinfo(np.int32).max:
        raise ValueError(f"a sample of {lengths.max()} tokens does not fit the format's 32-bit lengths: split it")
    head = struct.pack("<QBQQ", 1, _CODES[dtype(n_ids).str], len(lengths), len(edges))
    documents = np.arange(len(edges), dtype="<i8")
    return b"".join(
        [
            _MAGIC,
            head,
            lengths.astype("<i4").tobytes(),
            (edges[:-1] * size).astype("<i8").tobytes(),
            documents.tobytes(),
        ]
    )


def check(prefix: str, expected: list[np.ndarray], every: int) -> int:
    """Read `prefix`.bin/.idx with megatron-core: all lengths and boundaries, tokens of every `every`-th sequence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that its optional GPU libraries are not there
        from megatron.core.datasets.indexed_dataset import IndexedDataset

        dataset = IndexedDataset(prefix)
    lengths = [len(tokens) for tokens in expected]
    if dataset.sequence_lengths.tolist() != lengths or dataset.document_indices.tolist() != list(
        range(len(lengths) + 1)
    ):
        raise AssertionError(
            f"{prefix}.idx: megatron-core reads {len(dataset)} sequences that are not the {len(lengths)} samples"
        )
    chosen = range(0, len(lengths), every)
    for at in chosen:
        if not np.array_equal(dataset[at], expected[at]):
            raise AssertionError(f"{prefix}.bin: megatron-core reads other tokens in sequence {at}")
    return len(chosen)
