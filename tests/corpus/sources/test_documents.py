"""Rows become documents by their declared columns; what cannot is refused, and the numbers add up."""

import hashlib
import json
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.schema import LISTING
from corpus.sources.documents import Documents, File, _seconds, listing, origin, read, roots

CUTOFF = int(datetime(2023, 11, 1, tzinfo=UTC).timestamp())


def listed(source):
    return pa.concat_tables([pa.Table.from_batches(list(listing(source, root)), LISTING) for root in roots(source)])


def documents(source):
    table = listed(source)
    return list(read(source, table.filter(pc.is_null(table["refused"]))))


def jsonl(path, *objects):
    path.write_text("".join(json.dumps(item) + "\n" for item in objects))


def test_declared_columns_become_those_of_a_document(tmp_path):
    row = {
        "body": "héllo",
        "key": 7,
        "site": "example.org",
        "at": "https://example.org/7",
        "day": "2023-10-31T23:59:59Z",
    }
    jsonl(tmp_path / "a.jsonl", row)
    source = Documents(
        folder=str(tmp_path), form="jsonl", text="body", id="key", group="site", url="at", date="day", release="r1"
    )
    (raw,) = documents(source)
    assert (raw.row, raw.root, raw.path, raw.data, raw.kind) == (0, "a.jsonl", "a.jsonl#7", "héllo".encode(), "prose")
    assert (raw.origin, raw.url, raw.created, raw.snapshot) == (
        "example.org",
        "https://example.org/7",
        CUTOFF - 1,
        "r1",
    )
    assert (raw.repo, raw.committed, raw.refused) == (None, None, None)


def test_without_a_group_each_row_is_its_own_origin(tmp_path):
    jsonl(tmp_path / "a.jsonl", {"text": "one"}, {"text": "two"})
    source = Documents(folder=str(tmp_path), form="jsonl")
    assert [raw.origin for raw in documents(source)] == ["a.jsonl#0", "a.jsonl#1"]
    assert [origin(source, raw.root, raw.path) for raw in documents(source)] == ["a.jsonl#0", "a.jsonl#1"]
    assert origin(source, "a.jsonl", "") is None


def test_a_group_is_known_only_from_the_row(tmp_path):
    assert origin(Documents(folder=str(tmp_path), form="jsonl", group="site"), "a.jsonl", "a.jsonl#0") is None


def test_every_refusal_is_a_row_with_its_reason(tmp_path):
    rows = [
        {"text": "good", "day": "2023-10-31"},
        {"text": ""},
        {"text": 5},
        {"other": "x"},
        {"text": "\ud800"},
        {"text": "x" * 101, "day": "2023-10-31"},
        {"text": "late", "day": "2023-11-01"},
        {"text": "odd", "day": "yesterday"},
        *({"text": "undated", "day": day} for day in (None, "")),
        {"text": "undated"},
    ]
    jsonl(tmp_path / "a.jsonl", *rows)
    source = Documents(folder=str(tmp_path), form="jsonl", date="day", max_row=180)
    small = Documents(folder=str(tmp_path), form="jsonl", date="day", max_row=110)
    expected = [
        None,
        "empty",
        "no_text",
        "no_text",
        "not_unicode",
        None,
        "after_cutoff",
        "bad_date",
        "undated",
        "undated",
        "undated",
    ]
    assert listed(source)["refused"].to_pylist() == expected
    assert listed(small)["refused"].to_pylist()[5] == "too_large"
    assert [raw.data for raw in documents(source)] == [b"good", b"x" * 101]


def test_without_a_declared_date_no_row_is_undated(tmp_path):
    jsonl(tmp_path / "a.jsonl", {"text": "one", "day": ""})
    assert [raw.data for raw in documents(Documents(folder=str(tmp_path), form="jsonl"))] == [b"one"]


def test_a_file_that_ends_badly_is_one_more_refused_row(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 broken")
    source = Documents(folder=str(tmp_path), form="parquet")
    assert listed(source).to_pylist()[0] | {} == {
        "root": "a.parquet",
        "path": "",
        "size": 0,
        "locator": None,
        "refused": "corrupt_file",
        "snapshot": None,
        "created": None,
        "committed": None,
    }


def test_parquet_timestamps_are_dates(tmp_path):
    table = pa.table({"text": ["a", "b"], "day": pa.array([CUTOFF - 1, CUTOFF], pa.timestamp("s", "UTC"))})
    pq.write_table(table, tmp_path / "a.parquet")
    source = Documents(folder=str(tmp_path), form="parquet", date="day")
    assert listed(source)["refused"].to_pylist() == [None, "after_cutoff"]
    assert documents(source)[0].created == CUTOFF - 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0),
        (1.9, 1),
        ("1970-01-02", 86_400),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:05Z", 5),
        (datetime(1970, 1, 1, 0, 1), 60),
        (date(1970, 1, 2), 86_400),
        ("1599-01-01", -11_707_632_000),
        (1_698_796_800_000, None),
        (float("nan"), None),
        (float("inf"), None),
        ("soon", None),
        ([], None),
    ],
)
def test_dates_of_many_forms(value, seconds):
    assert _seconds(value) == seconds


def test_files_are_found_below_the_folder(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("b/2.txt", "a.txt", ".x", ".hidden/y"):
        (tmp_path / name).write_text(name)
    source = Documents(folder=str(tmp_path), form="file")
    assert roots(source) == ["a.txt", "b/2.txt"]
    assert [(raw.row, raw.root, raw.data) for raw in documents(source)] == [
        (0, "a.txt", b"a.txt"),
        (1, "b/2.txt", b"b/2.txt"),
    ]


def test_a_pin_is_the_hash_of_the_bytes(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    digest = hashlib.sha256(b"text").hexdigest()
    good = Documents(folder=str(tmp_path), form="lines", files=(File(file="a.txt", sha256=digest),))
    assert [raw.data for raw in documents(good)] == [b"text"]
    bad = Documents(folder=str(tmp_path), form="lines", files=(File(file="a.txt", sha256="0" * 64),))
    with pytest.raises(ValueError, match=rf"a\.txt has sha256 {digest}.*fetch it again"):
        listed(bad)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.txt is not there: fetch it"):
        listed(Documents(folder=str(tmp_path), form="lines", files=(File(file="gone.txt"),)))
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        roots(Documents(folder=str(tmp_path / "gone"), form="lines"))


def test_a_row_that_changed_since_it_was_listed_is_refused(tmp_path):
    jsonl(tmp_path / "a.jsonl", {"text": "one"}, {"text": "two"}, {"text": "three"})
    source = Documents(folder=str(tmp_path), form="jsonl")
    rows = listed(source)
    jsonl(tmp_path / "a.jsonl", {"text": "one"}, {"text": "too long"})
    assert [(raw.data, raw.refused) for raw in read(source, rows)] == [
        (b"one", None),
        (b"", "changed"),
        (b"", "changed"),
    ]


@given(st.lists(st.text(max_size=20), max_size=12), st.data())
def test_any_slice_of_the_listing_is_read_in_its_order(tmp_path_factory, texts, data):
    folder = tmp_path_factory.mktemp("documents")
    jsonl(folder / "a.jsonl", *({"text": text} for text in texts[::2]))
    jsonl(folder / "b.jsonl", *({"text": text} for text in texts[1::2]))
    source = Documents(folder=str(folder), form="jsonl")
    table = listed(source)
    assert table.num_rows == len(texts)
    good = table.filter(pc.is_null(table["refused"]))
    start = data.draw(st.integers(0, good.num_rows))
    part = good.slice(start, data.draw(st.integers(0, good.num_rows - start)))
    found = list(read(source, part))
    assert [raw.row for raw in found] == list(range(part.num_rows))
    assert [raw.path for raw in found] == part["path"].to_pylist()
    assert [raw.data.decode() for raw in found] == [text for text in texts[::2] + texts[1::2] if text][
        start : start + part.num_rows
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"form": "xml"}, "form is one of"),
        ({"form": "lines", "id": "key"}, "no columns but the text"),
        ({"form": "csv", "files": (File(file="a.zip", member="a.csv"),)}, "unpack them"),
        ({"form": "lines", "files": (File(file="a"), File(file="a"))}, "named twice"),
        ({"form": "lines", "cutoff": "soon"}, "must be a date"),
        ({"form": "lines", "max_row": 0}, "at least 1"),
    ],
)
def test_settings_are_checked_where_they_are_made(settings, message):
    with pytest.raises(ValueError, match=message):
        Documents(folder=".", **settings)
