import gzip
import json
from dataclasses import dataclass

import pytest

from corpus.http import HttpConfig
from pipelines.fetched import caches, entries, pattern, purge_entry


@dataclass(frozen=True)
class Hours:
    http: HttpConfig


@dataclass(frozen=True)
class Source:
    hours: Hours
    name: str = "x"


def answer(cache, name, body, url="https://host.example/x"):
    path = cache / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(json.dumps({"url": url, "headers": {}}).encode() + b"\n" + body)
    return str(path)


NAMES = ("pallets/jinja", "https://docs.example/page")


@pytest.mark.parametrize(
    ("body", "url", "held"),
    [
        (b"nothing", "https://github.com/pallets/jinja/git-upload-pack", True),
        (b"nothing", "https://github.com/Pallets/Jinja.git/info/refs", True),
        (b"nothing", "https://github.com/pallets/jinja2/git-upload-pack", False),
        (b"nothing", "https://github.com/x-pallets/jinja/git-upload-pack", False),
        (b"WARC-Target-URI: https://docs.example/page\r\n", "https://cc.example/a.warc.gz", True),
        (gzip.compress(b"WARC-Target-URI: https://docs.example/page\r\n"), "https://cc.example/a.warc.gz", True),
        (gzip.compress(b"a") + gzip.compress(b'{"repo":{"name":"pallets/jinja"}}'), "https://gh.example/0.gz", True),
        (gzip.compress(b"x" * ((1 << 20) - 5) + b" pallets/jinja "), "https://gh.example/0.gz", True),
        (gzip.compress(b"another")[:-6], "https://gh.example/0.gz", False),
        (b"\x1f\x8bdamaged, and yet pallets/jinja", "https://gh.example/0.gz", True),
    ],
    ids=["repository", "other case", "longer name", "another owner", "record", "packed", "second member", "at a border",
         "cut short", "damaged"],
)  # fmt: skip
def test_an_answer_that_names_what_is_taken_down_goes_and_others_stay(tmp_path, body, url, held):
    path = answer(tmp_path, "ab12", body, url)
    assert purge_entry(str(tmp_path), path, NAMES, keep=True) == held
    assert entries(str(tmp_path)) == [path]
    assert purge_entry(str(tmp_path), path, NAMES) == held
    assert entries(str(tmp_path)) == ([] if held else [path])


def test_caches_are_found_wherever_settings_name_them():
    one, two = HttpConfig(cache="/a"), HttpConfig(cache="/b")
    assert list(caches((Source(Hours(one)), [Source(Hours(two)), Source(Hours(one))], HttpConfig()))) == ["/a", "/b"]


def test_a_cache_that_is_not_there_has_no_entries(tmp_path):
    assert entries(str(tmp_path / "none")) == []


def test_a_name_is_no_pattern():
    assert not pattern(["a.b/c"]).search(b"axb/c")
