"""Each format gives every row a number; a bad row costs itself, a bad end costs the rest."""

import bz2
import gzip
import io
import json
import lzma
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.sources.members import DamagedError
from corpus.sources.rows import Row, rows

MOST = 1 << 20


def zstd(data):
    return pa.compress(data, "zstd", asbytes=True)


def write(tmp_path, data, name="file"):
    path = tmp_path / name
    path.write_bytes(data)
    return str(path)


def texts(path, form, most=MOST, member=None):
    return [(row.fields.get("text"), row.refused) for row in rows(path, member, form, ("text",), most)]


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, bz2.compress, lzma.compress, zstd], ids=["plain", "gzip", "bzip2", "xz", "zstd"]
)
def test_packing_is_known_by_its_content(tmp_path, pack):
    path = write(tmp_path, pack(b'{"text": "a", "other": 1}\n{"text": "b"}\n'), "file.bin")
    assert texts(path, "jsonl") == [("a", None), ("b", None)]


def test_a_member_of_a_wheel_is_read_in_place(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.whl", "w") as wheel:
        wheel.writestr("data/a.jsonl.gz", gzip.compress(b'{"text": "a"}\n'))
    path = str(tmp_path / "w.whl")
    assert texts(path, "jsonl", member="data/a.jsonl.gz") == [("a", None)]
    with pytest.raises(DamagedError, match="no_member"):
        texts(path, "jsonl", member="data/b.jsonl")


def test_every_line_of_json_has_a_number_whatever_it_holds(tmp_path):
    lines = [
        b'{"text": "a"}',
        b"",
        b"[1]",
        b"{",
        b'{"text": "\xff"}',
        b'{"no": 1}',
        b'{"text": "' + b"x" * 60 + b'"}',
        b'{"text": "z"}',
    ]
    path = write(tmp_path, b"\n".join(lines))
    found = list(rows(path, None, "jsonl", ("text", "id"), 50))
    assert [row.number for row in found] == list(range(8))
    assert [row.refused for row in found] == [
        None,
        "empty",
        "malformed",
        "malformed",
        "malformed",
        None,
        "too_large",
        None,
    ]
    assert found[0] == Row(0, {"text": "a", "id": None}) and found[-1].fields["text"] == "z"


def test_deep_json_is_malformed(tmp_path):
    path = write(tmp_path, b"[" * 200_000 + b'\n{"text": "a"}\n')
    assert texts(path, "jsonl") == [(None, "malformed"), ("a", None)]


def test_a_line_without_end_does_not_fill_the_memory(tmp_path):
    path = write(tmp_path, gzip.compress(bytes(64 << 20) + b"\nnext\n"))
    assert texts(path, "lines", most=100) == [(None, "too_large"), (b"next", None)]


def test_lines_are_documents(tmp_path):
    assert texts(write(tmp_path, b"one\r\n\n  two\nthree"), "lines") == [
        (b"one", None),
        (None, "empty"),
        (b"two", None),
        (b"three", None),
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"a\nb\n\nc", [(b"a\nb", None), (b"c", None)]),
        (b"\n\na\n \t\n\n\nb\n\n", [(b"a", None), (b"b", None)]),
        (b"a\n" * 8 + b"\nb\n", [(None, "too_large"), (b"b", None)]),
        (b"x" * 30 + b"\n\nb", [(None, "too_large"), (b"b", None)]),
        (b"a\n\n" + b"x" * 30, [(b"a", None), (None, "too_large")]),
        (b"a\n" + b"x" * 30 + b"\nb\n\nc", [(None, "too_large"), (b"c", None)]),
    ],
)
def test_paragraphs_are_blocks_between_blank_lines(tmp_path, data, expected):
    assert texts(write(tmp_path, data), "paragraphs", most=10) == expected


def test_a_whole_file_is_one_document(tmp_path):
    assert texts(write(tmp_path, b"a\n\nb\n"), "file") == [(b"a\n\nb\n", None)]
    assert texts(write(tmp_path, b""), "file") == [(None, "empty")]
    assert texts(write(tmp_path, b"x" * 11), "file", most=10) == [(None, "too_large")]


def parquet(table):
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=3)
    return file.getvalue()


def test_parquet_gives_the_declared_columns_only(tmp_path):
    table = pa.table({"text": [f"t{n}" for n in range(700)], "id": range(700), "more": ["m"] * 700})
    found = list(rows(write(tmp_path, parquet(table)), None, "parquet", ("text", "id"), MOST))
    assert [row.number for row in found] == list(range(700))
    assert found[699] == Row(699, {"text": "t699", "id": 699})


def test_parquet_inside_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.parquet", parquet(pa.table({"text": ["a", "b"]})))
    assert texts(str(tmp_path / "w.zip"), "parquet", member="a.parquet") == [("a", None), ("b", None)]


def test_a_column_that_a_parquet_file_lacks_is_an_error_that_names_those_it_has(tmp_path):
    with pytest.raises(ValueError, match=r"no columns \['text'\]; it has \['content'\]"):
        texts(write(tmp_path, parquet(pa.table({"content": ["a"]}))), "parquet")


@pytest.mark.parametrize(
    ("form", "data"), [("parquet", b"PAR1 nothing"), ("jsonl", gzip.compress(b'{"text": "a"}\n' * 9)[:-12])]
)
def test_a_file_that_ends_badly_says_so(tmp_path, form, data):
    with pytest.raises(DamagedError, match="corrupt_file"):
        texts(write(tmp_path, data), form)


def test_rows_before_a_bad_end_are_given(tmp_path):
    data = gzip.compress(b"".join(b'{"text": "%d"}\n' % n for n in range(50_000)))
    found = []
    with pytest.raises(DamagedError):
        found.extend(rows(write(tmp_path, data[: len(data) // 2]), None, "jsonl", ("text",), MOST))
    assert len(found) > 1000 and found[1000] == Row(1000, {"text": "1000"})


def test_a_file_that_cannot_be_opened_is_no_damage(tmp_path):
    with pytest.raises(IsADirectoryError):
        texts(str(tmp_path), "lines")


def test_csv_is_read_by_datatrove_and_rows_without_text_keep_their_number(tmp_path):
    path = write(tmp_path, b'text,id\n"a, b",1\n,2\nc,3\n', "x.csv")
    assert list(rows(path, None, "csv", ("text", "id"), MOST)) == [
        Row(0, {"text": "a, b", "id": "1"}),
        Row(1, {"text": "", "id": "2"}),
        Row(2, {"text": "c", "id": "3"}),
    ]


def test_csv_in_another_encoding_is_damage(tmp_path):
    with pytest.raises(DamagedError, match="corrupt_file"):
        list(rows(write(tmp_path, b"text\nk\xf6nig\n", "x.csv"), None, "csv", ("text",), MOST))


@pytest.mark.parametrize("save", [pa.ipc.new_stream, pa.ipc.new_file], ids=["stream", "file"])
def test_arrow_is_read_by_datatrove(tmp_path, save):
    table = pa.table({"text": ["a", None, "c"], "id": [1, 2, 3]})
    with pa.OSFile(str(tmp_path / "x.arrow"), "wb") as sink, save(sink, table.schema) as writer:
        writer.write_table(table)
    found = list(rows(str(tmp_path / "x.arrow"), None, "arrow", ("text", "id"), MOST))
    assert [row.fields for row in found] == table.to_pylist()


@given(st.lists(st.text(), max_size=8))
def test_text_written_as_json_comes_back(tmp_path_factory, written):
    path = tmp_path_factory.mktemp("rows") / "x.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in written), encoding="utf-8")
    assert [row.fields["text"] for row in rows(str(path), None, "jsonl", ("text",), MOST)] == written
