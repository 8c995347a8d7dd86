"""Files of the fetcher's cache."""

import io
import json

import pytest

from corpus.fetched import cache_path, keep, opened
from corpus.transport import Request


@pytest.mark.parametrize("root", ["memory://fetched", None])
def test_what_is_kept_comes_back_and_nothing_else_lies_there(tmp_path, root):
    path = cache_path(root or str(tmp_path), Request("GET", "https://a.org/"))
    assert opened(path) is None
    keep(path, {"url": "https://b.org/"}, io.BytesIO(b"body\nmore"))
    with opened(path) as file:
        assert json.loads(file.readline()) == {"url": "https://b.org/"}
        assert file.read() == b"body\nmore"
    assert root or [str(file) for file in tmp_path.rglob("*") if file.is_file()] == [path]


def test_everything_that_is_asked_makes_the_name():
    asked = [
        Request("GET", "https://a.org/"),
        Request("POST", "https://a.org/"),
        Request("GET", "https://a.org/b"),
        Request("GET", "https://a.org/", {"Range": "bytes=0-1"}),
        Request("POST", "https://a.org/", {}, b"body"),
    ]
    assert len({cache_path("root", request) for request in asked}) == 5
    assert cache_path("root/", asked[0]) == cache_path("root", Request("GET", "https://a.org/", timeout=1))
