"""What a group promises, and what is refused."""

from typing import Any

import pyarrow as pa
import pytest

from filters.group import Group, measured

DOCUMENTS = pa.record_batch({"text": pa.array(["a", "bb"], pa.large_string())})


def lengths(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch({"n": pa.array([len(text) for text in documents.column("text").to_pylist()], pa.int64())})


def null_first(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch({"n": pa.array([1, None], pa.int64())})


def one_row(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch({"n": pa.array([1], pa.int64())})


def test_a_users_group_gives_its_columns() -> None:
    group = Group(name="mine", kernel=lengths, columns=(("n", "int64"),))
    assert measured(group, DOCUMENTS, DOCUMENTS).to_pydict() == {"n": [1, 2]}


@pytest.mark.parametrize(
    ("kernel", "columns", "error"),
    [
        (lengths, (("n", "float64"),), TypeError),
        (lengths, (("m", "int64"),), TypeError),
        (null_first, (("n", "int64"),), ValueError),
        (one_row, (("n", "int64"),), ValueError),
    ],
    ids=["type", "name", "null first", "rows"],
)
def test_a_kernel_that_breaks_its_promise_stops(kernel: Any, columns: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="mine"):
        measured(Group(name="mine", kernel=kernel, columns=columns), DOCUMENTS, DOCUMENTS)


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("two words", (("n", "int64"),)),
        ("mine", ()),
        ("mine", (("n", "int7"),)),
        ("mine", (("n", "int64"), ("n", "bool"))),
    ],
)
def test_a_group_that_cannot_be_is_refused_when_made(name: str, columns: Any) -> None:
    with pytest.raises(ValueError, match=name):
        Group(name=name, kernel=lengths, columns=columns)
