"""Files below a root, local and by range over http."""

import gzip
import io

import pytest

from corpus.http import RefusedError
from corpus.sources.places import Place
from tests.corpus.sources.crawl_server import LOOPBACK, served

DATA = bytes(range(256)) * 40


@pytest.fixture(params=["http", "local"])
def place(request, tmp_path):
    if request.param == "local":
        (tmp_path / "a").mkdir()
        (tmp_path / "a/b").write_bytes(DATA)
        yield Place(str(tmp_path))
        return
    with served({"a/b": DATA}) as (url, _):
        yield Place(url + "/", LOOPBACK)


def test_whole_and_part(place):
    assert place.whole("a/b") == DATA and place.part("a/b", 10, 20) == DATA[10:20]
    assert place.part("a/b", len(DATA) - 3, len(DATA) + 9) == DATA[-3:]


def test_a_file_to_seek_in(place):
    with place.open("a/b", 64) as file:
        assert file.seek(0, io.SEEK_END) == len(DATA) and file.read(1) == b""
        file.seek(100)
        assert (file.read(7), file.tell()) == (DATA[100:107], 107)
        file.seek(5)
        assert file.read(3_000) == DATA[5:3_005] and file.read() == DATA[3_005:]


def test_what_is_not_there(place):
    for call in (lambda: place.whole("no"), lambda: place.part("no", 0, 1), lambda: place.open("no")):
        with pytest.raises((FileNotFoundError, RefusedError)):
            call()


def test_a_manifest_that_is_not_there_names_the_setting_the_path_and_the_way_out(place):
    with pytest.raises(FileNotFoundError) as told:
        place.manifest("crawl-data/X/warc.paths.gz", "CommonCrawl.folder")
    for part in (place.url("crawl-data/X/warc.paths.gz"), "CommonCrawl.folder=", "COMMON_CRAWL", "correct it"):
        assert part in str(told.value)


def test_a_manifest_may_be_packed_and_a_damaged_one_is_named(tmp_path):
    packed = gzip.compress(b"one\ntwo\n")
    for name, data in {"plain": b"one\ntwo\n", "packed": packed, "cut": packed[:-9]}.items():
        (tmp_path / name).write_bytes(data)
    place = Place(str(tmp_path))
    assert place.manifest("plain", "X.folder") == place.manifest("packed", "X.folder") == b"one\ntwo\n"
    with pytest.raises(ValueError, match="cut is cut or damaged"):
        place.manifest("cut", "X.folder")


def test_a_file_is_read_by_the_block():
    with served({"a": DATA}) as (url, server), Place(url, LOOPBACK).open("a", 1_000) as file:
        while file.read(10):
            pass
        assert server.asked["a"] == 1 + 11  # its size, and eleven blocks
