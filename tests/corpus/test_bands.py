import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.bands import in_range, shared_runs, sorted_bands
from corpus.schema import BANDS

KEYS = st.lists(st.integers(0, 2**64 - 1), max_size=30)


def columns(keys):
    n = len(keys)
    return np.array(keys, np.uint64), np.arange(n, dtype=np.int32) % 3, np.arange(n, dtype=np.int32)


def test_rows_are_sorted_by_band_key_shard_and_row():
    zero, one = columns([5, 1, 5, 2**64 - 1]), columns([9, 0])
    batches = list(sorted_bands([(0, *zero), (1, *one)]))
    rows = [tuple(row.values()) for row in pa.Table.from_batches(batches, BANDS).to_pylist()]
    assert rows == sorted(rows) and len(rows) == 6
    assert [set(batch.column("band").to_pylist()) for batch in batches] == [{0}, {1}]
    assert list(sorted_bands([(0, *columns([]))])) == []


@given(keys=KEYS, n_parts=st.integers(1, 5))
def test_every_key_lies_in_exactly_one_range(keys, n_parts):
    batch = pa.Table.from_batches(list(sorted_bands([(2, *columns(keys)), (3, *columns(keys))])), BANDS)
    batches = batch.combine_chunks().to_batches()
    found = [in_range(batch, 3, part, n_parts) for part in range(n_parts) for batch in batches]
    rows = [row for part in found if part is not None for row in part.to_pylist()]
    assert [row["key"] for row in rows] == sorted(keys) and {row["band"] for row in rows} <= {3}


@pytest.mark.parametrize("band", [1, 4])
def test_another_band_has_no_rows(band):
    (batch,) = sorted_bands([(2, *columns([1, 2]))])
    assert in_range(batch, band, 0, 1) is None


@given(keys=st.lists(st.integers(0, 4), max_size=20))
def test_runs_are_the_nodes_whose_key_occurs_again(keys):
    nodes = np.arange(len(keys), dtype=np.int64)[::-1]
    got_keys, got_nodes = shared_runs(np.array(keys, np.uint64), nodes)
    plain = sorted((k, int(n)) for k, n in zip(keys, nodes, strict=True) if keys.count(k) > 1)
    assert list(zip(got_keys.tolist(), got_nodes.tolist(), strict=True)) == plain
