import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tokenization.exporters.stream import parts
from tokenization.packing import EMITTED, PackConfig, row_schema
from tokenization.rows import cut_rows

LENGTH = 5
CFG = PackConfig(length=LENGTH)


def rows(sizes):
    """Packed rows of samples of these many tokens, one document each; sample i holds the token i."""
    emitted = [
        {"bucket": 0, "key": i / 100, "sample": bytes([i]) * 16, "repeat": 0, "place": 0, "document": bytes([i]) * 16}
        | {"layout": 0, "cut_1": -1, "cut_2": -1, "domain": 0, "input_ids": [i] * size}
        for i, size in enumerate(sizes, 1)
    ]
    [batch] = cut_rows(CFG, 0, [pa.RecordBatch.from_pylist(emitted, EMITTED)], {})
    return batch


@given(sizes=st.lists(st.integers(1, 12), min_size=1, max_size=6), cut=st.integers(0, 10))
def test_ends_padding_and_tokens_are_those_of_the_samples_however_rows_are_grouped(sizes, cut):
    batch = rows(sizes)
    groups = [part for part in (batch.slice(0, cut), batch.slice(cut)) if part.num_rows]
    found = list(parts(groups))
    padding = -sum(sizes) % LENGTH
    ends = np.cumsum([*sizes, padding] if padding else sizes).tolist()
    assert np.concatenate([part.ends for part in found]).tolist() == ends
    bare = list(parts(groups, filling=False))
    assert np.concatenate([part.ends for part in bare]).tolist() == np.cumsum(sizes).tolist()
    assert sum(len(part.tokens) for part in bare) == sum(sizes)
    assert (
        np.concatenate([part.tokens for part in found]).tolist()
        == [i for i, size in enumerate(sizes, 1) for _ in range(size)] + [0] * padding
    )


def test_two_repeats_in_a_row_are_two_samples():
    segments = [
        {"sample": b"s" * 16, "document": b"d" * 16, "start": start, "length": length, "document_start": 0}
        | {"repeat": repeat, "layout": 0, "cut_1": -1, "cut_2": -1, "domain": 0}
        for start, length, repeat in ((0, 2, 0), (2, 3, 1))
    ]
    batch = pa.RecordBatch.from_pylist([{"input_ids": [1] * LENGTH, "segments": segments}], row_schema(CFG))
    assert [part.ends.tolist() for part in parts([batch])] == [[2], [5]]


def test_no_rows_are_no_parts():
    assert list(parts([])) == []
