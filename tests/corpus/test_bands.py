import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.bands import in_range, range_groups, shared_runs, slices_for, sorted_bands
from corpus.schema import BANDS

KEYS = st.lists(st.integers(0, 2**64 - 1), max_size=30)


def columns(keys):
    n = len(keys)
    return np.array(keys, np.uint64), np.arange(n, dtype=np.int32) % 3, np.arange(n, dtype=np.int32)


def test_rows_are_sorted_by_band_key_shard_and_row():
    zero, one = columns([5, 1, 5, 2**64 - 1]), columns([9, 0])
    batches = list(sorted_bands([(0, *zero), (1, *one)], 2))
    rows = [tuple(row.values()) for row in pa.Table.from_batches(batches, BANDS).to_pylist()]
    assert rows == sorted(rows) and len(rows) == 6
    assert [batch.num_rows for batch in batches] == [3, 1, 2, 0]
    assert [batch.num_rows for batch in sorted_bands([(0, *columns([]))], 2)] == [0, 0]


@given(keys=KEYS, parts=st.integers(0, 4), slices=st.integers(0, 3))
def test_every_key_lies_in_exactly_one_range_and_in_the_row_groups_named(keys, parts, slices):
    n_parts, n_slices = 1 << parts, 1 << slices
    groups = list(sorted_bands([(2, *columns(keys)), (3, *columns(keys))], n_slices))
    assert len(groups) == 2 * n_slices
    found = []
    for part in range(n_parts):
        read = groups[range_groups(1, part, n_parts, n_slices)]
        assert len(read) == max(1, n_slices // n_parts)
        found += [row for batch in read for row in in_range(batch, part, n_parts).to_pylist()]
    assert [row["key"] for row in found] == sorted(keys) and {row["band"] for row in found} <= {3}


@pytest.mark.parametrize(("rows", "slices"), [(0, 1), (1, 1), (1 << 12, 1), ((1 << 12) + 1, 2), (5 << 12, 8)])
def test_a_slice_holds_some_four_thousand_keys(rows, slices):
    assert slices_for(rows) == slices


@given(keys=st.lists(st.integers(0, 4), max_size=20))
def test_runs_are_the_nodes_whose_key_occurs_again(keys):
    nodes = np.arange(len(keys), dtype=np.int64)[::-1]
    got_keys, got_nodes = shared_runs(np.array(keys, np.uint64), nodes)
    plain = sorted((k, int(n)) for k, n in zip(keys, nodes, strict=True) if keys.count(k) > 1)
    assert list(zip(got_keys.tolist(), got_nodes.tolist(), strict=True)) == plain
