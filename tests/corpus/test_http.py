"""The polite fetcher: decisions on a fake transport, and the real one on loopback."""

import pytest

from corpus.http import Fetcher, HttpConfig, RefusedError, UnavailableError, asked_wait
from corpus.transport import BrokenError, ConnectError, FakeTransport, NotAllowedError, SocketTransport
from tests.corpus.sources.servers import Server

URL = "https://example.org/a"
OK = (200, {}, b"body")


def fetched(*answers, config=None, **settings):
    transport = FakeTransport({URL: list(answers)})
    return Fetcher(config or HttpConfig(**settings), transport), transport


def test_what_the_server_says_is_waited_for_and_a_limit_costs_no_attempt():
    web, transport = fetched(*[(429, {"retry-after": "7"}, b"")] * 3, OK, attempts=1)
    assert web.get(URL) == b"body"
    assert transport.slept == [7 + 0.5 * 7] * 3  # jitter: up to as much again, at most ten seconds


@pytest.mark.parametrize(
    ("status", "headers", "body", "wait"),
    [
        (429, {"retry-after": "30"}, b"", 30),
        (403, {"retry-after": "30"}, b"", 30),
        (503, {"retry-after": "30"}, b"", 30),
        (429, {"retry-after": "Thu, 01 Jan 1970 00:20:00 GMT"}, b"", 200),
        (429, {"retry-after": "soon"}, b"", 60),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1500"}, b"", 500),
        (403, {"x-ratelimit-remaining": "0"}, b"", 60),
        (403, {}, b"You have exceeded a secondary Rate Limit", 60),
        (429, {}, b"", 60),
        (403, {"x-ratelimit-remaining": "9"}, b"Repository access blocked", None),
        (503, {}, b"", None),
        (404, {"retry-after": "30"}, b"", None),
    ],
)
def test_how_long_the_server_asks_us_to_wait(status, headers, body, wait):
    assert asked_wait(status, headers, body, 1000.0) == wait


def test_the_last_request_of_a_limit_is_followed_by_a_wait():
    limited = (200, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1000100"}, b"body")
    web, transport = fetched(limited, OK)
    web.get(URL)
    assert transport.slept == []
    web.get(URL)
    assert transport.slept == [100.5]


def test_waits_double_with_jitter():
    web, transport = fetched(*[(500, {}, b""), BrokenError("reset"), ConnectError("no"), (502, {}, b"")], OK)
    assert web.get(URL) == b"body"
    assert transport.slept == [1.5, 3, 6, 12]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, {}, b""), "gone"),
        ((410, {}, b""), "gone"),
        ((451, {}, b""), "gone"),
        ((401, {}, b""), "forbidden"),
        ((403, {}, b""), "forbidden"),
        ((416, {}, b""), "status_416"),
        ((500, {}, b""), "server_error"),
        (BrokenError("reset"), "broken_transfer"),
        (NotAllowedError("private"), "not_allowed"),
        ((200, {}, b"x" * 101), "too_large"),
        ((302, {"location": "http://example.org/b"}, b""), "not_allowed"),
        ((302, {"location": "https://elsewhere.org/b"}, b""), "not_allowed"),
        ((302, {"location": "file:///etc/passwd"}, b""), "not_allowed"),
        ((302, {"location": URL}, b""), "not_allowed"),
        ((206, {"content-range": "bytes 5-8/9"}, b"body"), "broken_transfer"),
    ],
)
def test_what_a_url_does_not_give_is_refused_by_reason(answer, reason):
    web, _ = fetched(answer, hosts=("example.org",), max_page=100, attempts=2)
    with pytest.raises(RefusedError) as caught:
        web.get(URL)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (ConnectError("nobody there"), "nobody there"),
        ((429, {"retry-after": "9999"}, b""), "9999 s, longer than longest_wait: run the same command again later"),
        ((429, {"retry-after": "0"}, b""), "status 429 .49 attempts"),
    ],
)
def test_an_outage_stops_the_run(answer, message):
    web, _ = fetched(answer, attempts=2)
    with pytest.raises(UnavailableError, match=message):
        web.get(URL)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://example.org/a", True),
        ("https://sub.example.net/a", True),
        ("https://sub.example.org/a", False),
        ("https://notexample.org/a", False),
        ("https://example.org@evil.org/a", False),
    ],
)
def test_only_hosts_of_the_recipe_are_asked(url, allowed):
    web = Fetcher(HttpConfig(hosts=("example.org", ".example.net")), FakeTransport({url: [OK]}))
    if allowed:
        assert web.get(url) == b"body"
        return
    with pytest.raises(RefusedError, match="on no host"):
        web.get(url)


def test_the_token_goes_to_its_origins_alone(monkeypatch):
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    away = {"location": "https://api.github.com.evil.org/"}
    answers = {"https://api.github.com/a": [(302, away, b"")], "https://api.github.com.evil.org/": [OK]}
    transport = FakeTransport(answers)
    Fetcher(HttpConfig(), transport).get("https://api.github.com/a")
    assert [request.headers.get("Authorization") for request in transport.sent] == ["Bearer secret", None]


def test_a_body_that_broke_off_is_continued():
    etag = {"etag": '"one"', "accept-ranges": "bytes", "content-length": "8"}
    rest = (206, {"content-range": "bytes 4-7/8"}, b"more")
    web, transport = fetched((200, etag, b"body"), rest)
    assert web.get(URL) == b"bodymore"
    assert (transport.sent[1].headers["Range"], transport.sent[1].headers["If-Range"]) == ("bytes=4-", '"one"')


@pytest.mark.parametrize("etag", ['"one"', 'W/"one"'], ids=["changed meanwhile", "weak"])
def test_a_body_that_cannot_be_continued_comes_whole_again(etag):
    headers = {"etag": etag, "accept-ranges": "bytes", "content-length": "8"}
    web, _ = fetched((200, headers, b"body"), (200, {}, b"another"))
    assert web.get(URL) == b"another"


def test_a_range_is_asked_for_and_checked():
    web, transport = fetched((206, {"content-range": "bytes 2-3/9"}, b"dy"))
    assert web.get(URL, start=2, stop=4) == b"dy"
    assert transport.sent[0].headers["Range"] == "bytes=2-3"
    with pytest.raises(RefusedError, match="bytes=3-3 was asked for, bytes 2-3/9 came"):
        web.get(URL, start=3, stop=4)
    whole, _ = fetched(OK, attempts=1)
    with pytest.raises(RefusedError, match="bytes=1-1 was asked for, status 200 came"):
        whole.get(URL, start=1, stop=2)


@pytest.mark.parametrize("root", ["file", "memory"])
def test_what_was_fetched_is_not_fetched_again(tmp_path, root):
    cache = str(tmp_path / "cache") if root == "file" else f"memory://{tmp_path}"
    web, transport = fetched((200, {"link": "next"}, b"a\nb"), config=HttpConfig(cache=cache))
    for _ in range(2):
        page = web.page(URL)
        assert (page.data, page.url, page.headers) == (b"a\nb", URL, {"link": "next"})
    assert len(transport.sent) == 1
    assert web.get(URL, cached=False) == b"a\nb"
    with pytest.raises(RefusedError):
        web.get(URL, start=1, stop=2)  # another request, another entry
    with web.open(URL, body=b"question") as file:
        assert file.read() == b"a\nb"
    assert transport.sent[-1].method == "POST"


def test_a_refusal_is_not_kept(tmp_path):
    web, _ = fetched((404, {}, b""), OK, config=HttpConfig(cache=str(tmp_path)))
    with pytest.raises(RefusedError):
        web.get(URL)
    assert web.get(URL) == b"body"


def test_a_server_that_drips_is_too_slow():
    with Server(pages={"/a": "x" * 100}) as server:
        server.faults.extend(["drip"] * 2)
        config = HttpConfig(networks=("127.0.0.0/8",), timeout=0.2, attempts=2, first_wait=0.01)
        with pytest.raises(RefusedError, match="too slow"):
            Fetcher(config, SocketTransport(config.networks)).get(f"{server.url}/a")


def test_requests_to_one_host_are_apart():
    web, transport = fetched(OK, pause=2.0)
    web.get(URL)
    web.get(URL)
    assert transport.slept == [2.0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attempts": 0}, "at least 1"),
        ({"timeout": 0}, "cannot be negative"),
        ({"networks": ("here",)}, "'here' is no network"),
        ({"token_origins": ("api.github.com",)}, "is no origin"),
    ],
)
def test_settings_are_checked_where_they_are_made(settings, message):
    with pytest.raises(ValueError, match=message):
        HttpConfig(**settings)
