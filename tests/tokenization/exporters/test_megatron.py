import warnings

import numpy as np
import pyarrow as pa
import pytest

from tokenization.exporters import megatron
from tokenization.packing import PackConfig, row_schema

CFG = PackConfig(length=4)


def batch(tokens, lengths):
    """One row of whole samples."""
    starts = np.cumsum([0, *lengths])
    segments = [
        {"sample": bytes([i]) * 16, "document": bytes([i]) * 16, "start": int(start), "length": length}
        | {"document_start": 0, "repeat": 0, "layout": 0, "cut_1": -1, "cut_2": -1, "domain": 0}
        for i, (start, length) in enumerate(zip(starts, lengths), 1)
    ]
    return pa.RecordBatch.from_pylist([{"input_ids": tokens, "segments": segments}], row_schema(CFG))


@pytest.mark.parametrize(("n_ids", "size"), [(65_499, 2), (65_500, 4), (65_536, 4), (100_005, 4)])
def test_the_vocabulary_decides_between_two_and_four_bytes_by_megatrons_rule(n_ids, size):
    rows = [batch([1, 2, 3, 65_000], [1, 3])]
    assert len(b"".join(megatron.bin_chunks(rows, n_ids))) == 4 * size
    index = megatron.idx_bytes(rows, n_ids)
    assert index[17] == {2: 8, 4: 4}[size]
    assert np.frombuffer(index[34 + 8 : 34 + 24], "<i8").tolist() == [0, size]


def test_an_index_takes_42_bytes_and_20_per_sample():
    rows = [batch([1, 2, 3, 4], [1, 2, 1])]
    assert len(megatron.idx_bytes(rows, 100_005)) == 42 + 20 * 3


def test_offsets_beyond_two_to_the_31_tokens_are_read_by_megatron_core(tmp_path):
    """A sparse file: 2.2 billion tokens, of which the last sequence alone is on disk."""
    lengths = np.append(np.full(1100, 2_000_000), 5)
    edges = np.concatenate([[0], np.cumsum(lengths)])
    assert edges[-2] > 1 << 31
    prefix = str(tmp_path / "rows")
    with open(f"{prefix}.bin", "wb") as file:
        file.seek(int(edges[-2]) * 4)
        file.write(np.arange(5, dtype="<i4").tobytes())
    with open(f"{prefix}.idx", "wb") as file:
        file.write(megatron.index_of(edges, 100_005))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from megatron.core.datasets.indexed_dataset import IndexedDataset

        dataset = IndexedDataset(prefix)
    assert dataset.sequence_lengths[-1] == 5
    assert dataset[len(lengths) - 1].tolist() == [0, 1, 2, 3, 4]
    assert dataset[1099][-3:].tolist() == [0, 0, 0]


def test_bytes_beyond_32_bits_are_counted_in_64():
    """2**30 tokens of four bytes end at 2**32: shown on an index alone, made of three samples."""
    index = megatron.index_of(np.array([0, 2**30, 2**30 + 5, 2**31 + 4]), 100_005)
    assert np.frombuffer(index[34:46], "<i4").tolist() == [2**30, 5, 2**30 - 1]
    assert np.frombuffer(index[46:70], "<i8").tolist() == [0, 2**32, 2**32 + 20]


def test_a_sample_beyond_the_formats_lengths_is_refused():
    with pytest.raises(ValueError, match="2147483648 tokens"):
        megatron.index_of(np.array([0, 2**31]), 100_005)
