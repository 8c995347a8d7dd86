"""The domain table: the first row that matches, and nothing where none does."""

from typing import Any

import pyarrow as pa
import pytest

from filters.domains import TABLE, Place, language_classes, language_names, places

STRING = pa.string()


def languages(*rows: tuple[str | None, str | None, str | None]) -> pa.RecordBatch:
    names = ("language", "text_format", "outside")
    return pa.record_batch({n: pa.array([row[i] for row in rows], STRING) for i, n in enumerate(names)})


def test_a_language_has_one_name_and_one_class() -> None:
    batch = languages(
        ("C", None, None), (None, "Markdown", None), (None, None, "YAML"), (None, None, "Prolog"), (None,) * 3
    )
    assert language_names(batch).to_pylist() == ["C", "Markdown", "YAML", "Prolog", None]
    assert language_classes(batch).to_pylist() == ["listed", "text", "data", "outside", "none"]
    assert language_classes(batch.slice(3)).to_pylist() == ["outside", "none"]


@pytest.mark.parametrize(
    ("kind", "language_class", "label", "place"),
    [
        ("file", "listed", None, ("code", "source")),
        ("notebook", "listed", None, ("code", "source")),
        ("file", "listed", "code", ("code", "recalled")),
        ("file", "data", None, ("code", "source")),
        ("file", "text", None, ("code", "text")),
        ("file", "outside", None, (None, None)),
        ("file", "none", None, (None, None)),
        ("issue", "none", None, ("code", "text")),
        ("page", "none", "code", ("code", "web")),
        ("page", "none", "math", ("math", "web")),
        ("page", "none", None, (None, None)),
        ("prose", "none", None, ("natural", "prose")),
    ],
)
def test_the_default_table_is_the_papers_parts(kind: str, language_class: str, label: str | None, place: Any) -> None:
    documents = pa.record_batch({"kind": [kind], "source": ["any"]})
    found = places(TABLE, documents, pa.array([language_class]), pa.array([label], STRING))
    assert tuple(column.to_pylist()[0] for column in found) == place


def test_the_first_row_that_matches_decides() -> None:
    table = (Place(kinds=("file",), sources=("maths",), domain="math", subdomain="source"), *TABLE)
    documents = pa.record_batch({"kind": ["file", "file"], "source": ["maths", "other"]})
    found = places(table, documents, pa.array(["listed"] * 2), pa.array([None] * 2, STRING))
    assert [column.to_pylist() for column in found] == [["math", "code"], ["source", "source"]]


@pytest.mark.parametrize("wrong", [{"domain": "maths"}, {"kinds": ("files",)}, {"classes": ("lisp",)}])
def test_an_unknown_name_is_refused_when_made(wrong: Any) -> None:
    with pytest.raises(ValueError, match="choose from"):
        Place(**{"kinds": ("file",), "domain": "math", "subdomain": "x", **wrong})
