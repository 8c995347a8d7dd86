"""datatrove's and nanotron's `.ds`: token ids back to back, sample ends in `.ds.index`, a text file of `.metadata`.

Rows stay whole, padding included: with seq_len = row length - 1 the reader's windows are exactly our rows. Ids are u16
or u32 by datatrove's rule, little-endian without a header; index entries are u64 ends of samples in tokens, exclusive.
"""

from collections.abc import Iterable, Iterator

import humanize  # as datatrove does
import numpy as np
import pyarrow as pa

from tokenization.exporters.stream import parts


def token_size(n_ids: int) -> int:
    """Bytes per token: two where every id fits."""
    return 2 if n_ids <= 1 << 16 else 4


def ds_chunks(batches: Iterable[pa.RecordBatch], n_ids: int) -> Iterator[bytes]:
    """The `.ds` file of one shard."""
    for batch in batches:
        yield np.asarray(batch["input_ids"].flatten()).astype(f"<u{token_size(n_ids)}").tobytes()


def index_chunks(batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """The `.ds.index` file."""
    for part in parts(batches):
        yield part.ends.astype("<u8").tobytes()


def metadata(tokenizer: str, n_ids: int, tokens: int) -> bytes:
    """The `.ds.metadata` file: tokenizer and bytes per token, tokens, tokens for people."""
    return f"{tokenizer}|{token_size(n_ids)}\n{tokens}\n{humanize.metric(tokens, unit='T')}".encode()


def check(folder: str, rows: pa.Array, ends: np.ndarray, n_ids: int, every: int) -> int:
    """Read a folder of one `.ds` with datatrove: number of windows, all ends, the tokens and positions of some rows."""
    from datatrove.utils.dataset import DatatroveFolderDataset

    length = rows.type.list_size
    dataset = DatatroveFolderDataset(
        folder, seq_len=length - 1, filename_pattern="*.ds", token_size=token_size(n_ids), return_positions=True
    )
    if len(dataset) != len(rows):
        raise AssertionError(f"{folder}: datatrove reads {len(dataset)} windows of {len(rows)} rows")
    expected = np.asarray(rows.flatten()).reshape(-1, length)
    chosen = range(0, len(rows), every)
    for at in chosen:
        window = dataset[at]
        positions = np.arange(length) - _begins(ends, at * length, length)
        if not np.array_equal(window["input_ids"].numpy(), expected[at]):
            raise AssertionError(f"{folder}: datatrove reads other tokens in row {at}")
        if not np.array_equal(window["positions"].numpy(), positions):
            raise AssertionError(f"{folder}: datatrove reads other sample ends in row {at}")
    return len(chosen)


def _begins(ends: np.ndarray, start: int, length: int) -> np.ndarray:
    """For every token of a window, where in it the token's sample begins."""
    marks = np.zeros(length, np.int64)
    inside = ends[(ends > start) & (ends < start + length)] - start
    marks[inside] = inside
    return np.maximum.accumulate(marks)
