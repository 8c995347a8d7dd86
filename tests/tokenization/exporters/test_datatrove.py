import numpy as np
import pyarrow as pa
import pytest

from tokenization.exporters import datatrove


@pytest.mark.parametrize(("n_ids", "size"), [(65_536, 2), (65_537, 4), (100_005, 4)])
def test_two_bytes_where_every_id_fits(n_ids, size):
    batch = pa.record_batch({"input_ids": pa.array([[1, 65_535]], pa.list_(pa.int32(), 2))})
    assert len(b"".join(datatrove.ds_chunks([batch], n_ids))) == 2 * size
    assert datatrove.token_size(n_ids) == size


@pytest.mark.parametrize(("tokens", "people"), [(16, "16.0 T"), (1500, "1.50 kT"), (2_147_483_648, "2.15 GT")])
def test_metadata_is_what_datatroves_writer_writes(tokens, people):
    assert datatrove.metadata("deepseek-v2", 100_005, tokens).decode() == f"deepseek-v2|4\n{tokens}\n{people}"


def test_positions_begin_again_where_a_sample_ends():
    ends = np.array([3, 4, 10, 12])
    assert datatrove._begins(ends, 0, 4).tolist() == [0, 0, 0, 3]
    assert datatrove._begins(ends, 4, 4).tolist() == [0, 0, 0, 0]
    assert datatrove._begins(ends, 8, 4).tolist() == [0, 0, 2, 2]
