"""Members, dates, origins and pins of archives."""

import dataclasses
import gzip
import hashlib
import io
import os
import tarfile
import zipfile
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from corpus.schema import LISTING
from corpus.sources.archives import Archive, Archives, listing, origin, read, roots

BEFORE, CUTOFF, AFTER = (int(datetime(2023, m, 1, tzinfo=UTC).timestamp()) for m in (10, 11, 12))


def write_tar(path, files, pack=gzip.compress):
    """Files as (name, data, date)."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data, date in files:
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), date
            archive.addfile(info, io.BytesIO(data))
    path.write_bytes(pack(content.getvalue()))


def listed(source, root):
    return pa.Table.from_batches(list(listing(source, root)), LISTING)


def reasons(source, root):
    table = listed(source, root)
    return dict(zip(table["path"].to_pylist(), table["refused"].to_pylist(), strict=True))


def documents(source):
    table = pa.concat_tables([listed(source, root) for root in roots(source)])
    return list(read(source, table.filter(pc.is_null(table["refused"]))))


@pytest.fixture
def folder(tmp_path):
    write_tar(
        tmp_path / "flask-2.3.3.tar.gz",
        [("flask-2.3.3/src/flask/app.py", b"app", BEFORE), ("flask-2.3.3/README", b"read me", BEFORE)],
    )
    with zipfile.ZipFile(tmp_path / "tool-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(zipfile.ZipInfo("tool/main.py", (2023, 10, 1, 0, 0, 0)), b"main")
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "a.c").write_bytes(b"int a;")
    os.utime(tmp_path / "checkout" / "a.c", (BEFORE, BEFORE))
    return tmp_path


def test_every_archive_and_folder_is_a_root(folder):
    (folder / ".cache").write_text("hidden")
    assert roots(Archives(folder=str(folder))) == ["checkout", "flask-2.3.3.tar.gz", "tool-1.0-py3-none-any.whl"]


def test_what_is_read_is_what_was_put_in(folder):
    found = documents(Archives(folder=str(folder)))
    assert [(raw.row, raw.root, raw.path, raw.data, raw.repo, raw.committed, raw.snapshot) for raw in found] == [
        (0, "checkout", "a.c", b"int a;", "checkout", BEFORE, "checkout"),
        (1, "flask-2.3.3.tar.gz", "src/flask/app.py", b"app", "flask", BEFORE, "flask-2.3.3"),
        (2, "flask-2.3.3.tar.gz", "README", b"read me", "flask", BEFORE, "flask-2.3.3"),
        (3, "tool-1.0-py3-none-any.whl", "tool/main.py", b"main", "tool", BEFORE, "tool-1.0-py3-none-any"),
    ]
    assert {raw.kind for raw in found} == {"file"} and {raw.refused for raw in found} == {None}


def test_the_cut_off_is_exclusive(tmp_path):
    dates = [("p/a", b"x", CUTOFF - 1), ("p/b", b"x", CUTOFF), ("p/c", b"x", AFTER)]
    write_tar(tmp_path / "p.tar.gz", dates)
    assert reasons(Archives(folder=str(tmp_path)), "p.tar.gz") == {"a": None, "b": "after_cutoff", "c": "after_cutoff"}


@pytest.mark.parametrize(
    ("released", "refused"),
    [(None, "undated"), ("2023-10-31", None), ("2023-11-01", "after_cutoff")],
    ids=["unknown", "before", "at the cut-off"],
)
def test_a_member_without_a_date_takes_that_of_its_release(tmp_path, released, refused):
    write_tar(tmp_path / "p.tar.gz", [("p/a", b"x", 0)])
    source = Archives(folder=str(tmp_path), archives=(Archive(file="p.tar.gz", project="p", released=released),))
    assert reasons(source, "p.tar.gz") == {"a": refused}


def test_what_the_recipe_leaves_out_is_counted(tmp_path):
    write_tar(tmp_path / "p.tar.gz", [("p/docs/a.md", b"x", BEFORE), ("p/docs/a.min.js", b"x", BEFORE)])
    source = Archives(folder=str(tmp_path), archives=(Archive(file="p.tar.gz", project="p", leave=("*.min.js",)),))
    assert reasons(source, "p.tar.gz") == {"docs/a.md": None, "docs/a.min.js": "not_selected"}


def test_empty_files_are_refused(tmp_path):
    write_tar(tmp_path / "p.tar.gz", [("p/a", b"", BEFORE), ("p/b", b"x", BEFORE)])
    assert reasons(Archives(folder=str(tmp_path)), "p.tar.gz") == {"a": "empty", "b": None}


def test_a_path_that_occurs_twice_is_its_last_member(tmp_path):
    write_tar(tmp_path / "p.tar.gz", [("p/a", b"old", BEFORE), ("p/b", b"x", BEFORE), ("p/a", b"new", BEFORE)])
    source = Archives(folder=str(tmp_path))
    assert listed(source, "p.tar.gz")["refused"].to_pylist() == ["overwritten", None, None]
    assert {raw.path: raw.data for raw in documents(source)} == {"a": b"new", "b": b"x"}


def test_a_folder_is_stripped_only_where_all_members_lie_in_it(tmp_path):
    write_tar(tmp_path / "p.tar.gz", [("p/a", b"x", BEFORE), ("q/a", b"x", BEFORE)])
    assert list(reasons(Archives(folder=str(tmp_path)), "p.tar.gz")) == ["p/a", "q/a"]


def test_a_hostile_member_costs_itself_only_and_nothing_is_written(tmp_path):
    (tmp_path / "in").mkdir()
    write_tar(
        tmp_path / "in" / "p.tar.gz", [("../evil", b"x", BEFORE), ("/abs", b"x", BEFORE), ("p/a", b"good", BEFORE)]
    )
    source = Archives(folder=str(tmp_path / "in"))
    assert reasons(source, "p.tar.gz") == {"../evil": "path_traversal", "/abs": "absolute_path", "a": None}
    assert [raw.data for raw in documents(source)] == [b"good"]
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["in", "p.tar.gz"]


def test_a_truncated_archive_is_one_more_refused_row(tmp_path):
    write_tar(tmp_path / "p.tar.gz", [(f"p/{n}", os.urandom(3000), BEFORE) for n in range(10)])
    whole = (tmp_path / "p.tar.gz").read_bytes()
    (tmp_path / "p.tar.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "q.zip").write_bytes(b"PK\3\4 not a zip")
    (tmp_path / "r.txt").write_bytes(b"not an archive")
    source = Archives(folder=str(tmp_path))
    assert listed(source, "p.tar.gz")["refused"].to_pylist()[-1] == "corrupt_archive"
    assert listed(source, "q.zip")["refused"].to_pylist() == ["corrupt_archive"]
    assert listed(source, "r.txt")["refused"].to_pylist() == ["unknown_format"]
    refused = [raw.refused for raw in documents(source)]
    assert refused.count(None) >= 3 and len(refused) == listed(source, "p.tar.gz").num_rows - 1


@pytest.mark.parametrize(
    ("depth", "path", "expected"),
    [
        (0, "", "o/p"),
        (0, "a/b/c.py", "o/p"),
        (1, "", None),
        (1, "c.py", "o/p"),
        (1, "a/b/c.py", "o/p/a"),
        (2, "a/b/c.py", "o/p/a/b"),
        (9, "a/b/c.py", "o/p/a/b"),
    ],
)
def test_an_origin_is_the_project_and_its_leading_folders(tmp_path, depth, path, expected):
    source = Archives(folder=str(tmp_path), archives=(Archive(file="p.zip", project="o/p"),), origin_depth=depth)
    assert origin(source, "p.zip", path) == expected


def test_documents_carry_the_origin_that_is_known_before(folder):
    source = Archives(folder=str(folder), origin_depth=1)
    assert {raw.origin for raw in documents(source)} == {"checkout", "flask", "flask/src", "tool/tool"}
    assert all(raw.origin == origin(source, raw.root, raw.path) for raw in documents(source))


def test_a_pin_is_the_hash_of_the_bytes(folder):
    name = "flask-2.3.3.tar.gz"
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    good = Archives(folder=str(folder), archives=(Archive(file=name, project="pallets/flask", sha256=digest),))
    assert len(documents(good)) == 2
    bad = dataclasses.replace(good, archives=(Archive(file=name, project="pallets/flask", sha256="0" * 64),))
    with pytest.raises(ValueError, match=f"{name} has sha256 {digest}.*delete it and fetch it again"):
        listed(bad, name)


def test_a_pinned_archive_that_changed_after_the_listing_is_an_error_when_read(folder):
    name = "flask-2.3.3.tar.gz"
    digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    source = Archives(folder=str(folder), archives=(Archive(file=name, project="pallets/flask", sha256=digest),))
    rows = listed(source, name)
    write_tar(folder / name, [("flask-2.3.3/src/flask/app.py", b"evil", BEFORE)])
    with pytest.raises(ValueError, match="has sha256"):
        list(read(source, rows))


def test_an_absent_archive_is_named(tmp_path):
    source = Archives(folder=str(tmp_path), archives=(Archive(file="gone.zip", project="p"),))
    with pytest.raises(FileNotFoundError, match=r"gone\.zip is not there: fetch it"):
        listed(source, "gone.zip")
    with pytest.raises(FileNotFoundError, match=r"nowhere.*is not a folder"):
        roots(Archives(folder=str(tmp_path / "nowhere")))


def test_a_slice_of_a_listing_reads_those_rows(folder):
    source = Archives(folder=str(folder))
    rows = listed(source, "flask-2.3.3.tar.gz").slice(1)
    assert [(raw.row, raw.path) for raw in read(source, rows)] == [(0, "README")]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Archive(file="../x.zip", project="p"), "name without folders"),
        (lambda: Archive(file="x.zip", project="p", sha256="abc"), "64 hex digits"),
        (lambda: Archive(file="x.zip", project="p", released="soon"), "must be a date"),
        (lambda: Archives(folder=".", cutoff="November"), "must be a date"),
        (lambda: Archives(folder=".", origin_depth=-1), "at least 0"),
        (lambda: Archives(folder=".", archives=(Archive(file="x", project="p"),) * 2), "named twice"),
    ],
)
def test_settings_are_checked_where_they_are_made(make, message):
    with pytest.raises(ValueError, match=message):
        make()
