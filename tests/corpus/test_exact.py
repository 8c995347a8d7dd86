from hashlib import blake2b

import pyarrow as pa
import pytest

from corpus.exact import exact_keys, normalized_key, normalized_url, short_keys, url_keys
from corpus.schema import ID


def column(*texts):
    return pa.array(texts, pa.large_string())


def test_keys_are_blake2b_of_the_bytes_and_of_the_bytes_without_white_space():
    raw, normalized = exact_keys(column("skipped", "é\t x\r\n", None, "").slice(1))
    digest = [blake2b(b, digest_size=16).digest() for b in ("é\t x\r\n".encode(), "éx".encode(), b"")]
    assert raw.to_pylist() == [digest[0], None, digest[2]]
    assert normalized.to_pylist() == [digest[1], None, digest[2]]
    assert raw.type == ID


def test_white_space_that_is_not_ascii_stays():
    assert normalized_key("a\u00a0b".encode()) != normalized_key(b"ab") == normalized_key(b"a \v\fb")


def test_short_keys_are_the_first_eight_bytes():
    keys = pa.array([b"x" * 16, b"\x01" + bytes(7) + b"y" * 8, None], ID)
    assert short_keys(keys.slice(1)).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("url", "same"),
    [
        ("http://WWW.Example.org/a/", "https://example.org/a"),
        ("https://example.org:443/a#part", "http://example.org/a"),
        ("https://user@example.org./a", "https://example.org/a"),
        (" https://example.org", "https://example.org/"),
    ],
)
def test_what_does_not_choose_a_page_is_left_out_of_its_url(url, same):
    assert normalized_url(url) == normalized_url(same)


@pytest.mark.parametrize(
    "other", ["https://example.org/a?p=1", "https://example.org/A", "https://example.org:8080/a", "https://x.org/a"]
)
def test_what_chooses_a_page_stays_in_its_url(other):
    assert normalized_url("https://example.org/a") != normalized_url(other)


def test_a_url_that_cannot_be_read_is_compared_as_written():
    assert normalized_url("http://[::1/a ") == "http://[::1/a"
    assert normalized_url("http://example.org:port/") == "http://example.org:port/"


def test_a_page_without_url_has_no_key():
    keys = url_keys(pa.array(["http://a.org", None, "https://a.org/"]))
    assert keys[1] == 0 and keys[0] == keys[2] != 0
