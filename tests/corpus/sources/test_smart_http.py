"""git's pkt-lines and what a server says of itself."""

import io

import pytest

from corpus.http import Fetcher, HttpConfig, RefusedError
from corpus.sources.smart_http import Remote, head, packets, remote
from corpus.transport import FakeTransport

URL = "https://example.org/o/r.git"
REFS = f"{URL}/info/refs?service=git-upload-pack"


def line(payload):
    return b"%04x" % (len(payload) + 4) + payload


def asked(*lines, answers=None):
    body = b"".join(map(line, lines)) + b"0000"
    return Fetcher(HttpConfig(), FakeTransport({REFS: [(200, {}, body)], **(answers or {})}))


def test_packets_are_told_from_delimiters():
    assert list(packets(io.BytesIO(b"0005a000100060b0000"))) == [b"a", None, b"0b", None]
    assert list(packets(io.BytesIO(b""))) == []


@pytest.mark.parametrize("data", [b"00", b"zzzz", b"0003", b"0009abc"])
def test_what_is_no_packet_is_refused(data):
    with pytest.raises(RefusedError) as caught:
        list(packets(io.BytesIO(data)))
    assert caught.value.reason == "bad_protocol"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((b"version 2\n", b"fetch=shallow filter\n"), Remote(URL, filters=True, shallow=True)),
        ((b"# service=git-upload-pack\n", b"version 2\n", b"fetch\n"), Remote(URL, filters=False, shallow=False)),
        ((b"version 2\n", b"fetch\n", b"object-format=sha256\n"), "not_sha1"),
        ((b"# service=git-upload-pack\n", b"%s HEAD\0multi_ack\n" % (b"1" * 40)), "no_protocol_2"),
        ((), "no_protocol_2"),
    ],
)
def test_a_server_says_what_it_can_do(lines, expected):
    if isinstance(expected, Remote):
        assert remote(asked(*lines), URL) == expected
        return
    with pytest.raises(RefusedError) as caught:
        remote(asked(*lines), URL)
    assert caught.value.reason == expected


def test_a_renamed_repository_is_asked_where_it_is_now():
    there = "https://example.org/new/name.git/info/refs?service=git-upload-pack"
    body = line(b"version 2\n") + line(b"fetch=filter\n") + b"0000"
    answers = {REFS: [(301, {"location": there}, b"")], there: [(200, {}, body)]}
    assert remote(Fetcher(HttpConfig(), FakeTransport(answers)), URL).url == "https://example.org/new/name.git"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (line(b"%s HEAD symref-target:refs/heads/main\n" % (b"a" * 40)) + b"0000", b"a" * 40),
        (line(b"%s HEAD\n" % (b"a" * 40)) + b"0000", b"a" * 40),
        (line(b"%s refs/heads/main\n" % (b"a" * 40)) + b"0000", None),
        (b"0000", None),
    ],
)
def test_the_commit_behind_head_is_found(answer, expected):
    web = asked(answers={f"{URL}/git-upload-pack": [(200, {}, answer)]})
    assert head(web, Remote(URL, filters=True, shallow=True)) == expected
