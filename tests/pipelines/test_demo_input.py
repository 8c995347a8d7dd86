"""Fetching: what is there is left alone, what is wrong is fetched again, what fails is said."""

import hashlib

import pytest

from pipelines.demo_input import FetchError, _dealt, fetch, main, missing, place, table
from pipelines.demo_sources import PACKAGES, Package


def package(name, data=b"data", version="1"):
    return Package(
        requirement=f"{name}=={version}",
        file=f"{name}-{version}.tar.gz",
        sha256=hashlib.sha256(data).hexdigest(),
        use="archive",
        repo="o/p",
    )


def test_only_a_file_with_the_pinned_hash_is_there(tmp_path):
    good, bad, absent = package("good"), package("bad"), package("absent")
    place(tmp_path, good).parent.mkdir()
    place(tmp_path, good).write_bytes(b"data")
    place(tmp_path, bad).write_bytes(b"other data")
    assert missing(tmp_path, (good, bad, absent)) == [bad, absent]


def test_packages_are_dealt_once_each():
    hands = _dealt(list(PACKAGES), 4)
    assert sorted(p.file for hand in hands for p in hand) == sorted(p.file for p in PACKAGES)


def test_a_package_that_cannot_be_fetched_is_named_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(FetchError, match=r"could not fetch no-such-package==1\. pip said:(.|\n)*Check the network"):
        fetch(tmp_path, [package("no-such-package")])
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_fetched_where_nothing_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    fetch(tmp_path, [])


def test_the_command_ends_with_status_1_and_no_traceback(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert main(["--into", str(tmp_path / "demo")]) == 1
    assert "could not fetch" in capsys.readouterr().err
    assert not (tmp_path / "demo" / "complete").exists()


def test_the_table_counts_files_and_bytes(tmp_path):
    for name in ("archives", "git", "warc", "prose", "packages"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_bytes(b"x" * 1_500_000)
    lines = list(table(tmp_path))
    assert len(lines) == 6 and lines[1].split() == ["archives", "1", "1.5", "x"]
