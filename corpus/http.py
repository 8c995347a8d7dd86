"""One polite fetcher: what a URL holds, from the cache or from the server, or why it cannot be had.

Comes in: a URL, and `HttpConfig`. Goes out: bytes, or one of two errors. `RefusedError` is a fact about this URL
(gone, forbidden, too large, not allowed, broken in every attempt): data, to be counted by its `reason`.
`UnavailableError` says that the service cannot be had now (no answer at all, or a rate limit beyond `longest_wait`):
the run stops and goes on when it is started again, so that an outage is not taken for a million missing repositories.
Waits are what the server asks for (`Retry-After`, `X-RateLimit-Reset`), else they double, with jitter; a body that
broke off is continued where the server can (`Range` with `If-Range`). Redirects are followed only to what the recipe
allows, never from https to http, and never with the token to another origin. Bodies are taken as they are transferred:
nothing is unpacked here. What was fetched once is not fetched again as long as the cache has it.
This file refuses to know what it fetches, and leaves sockets and addresses to `corpus/transport.py`.
"""

import base64
import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache as remember
from ipaddress import ip_network
from typing import IO, Any, Final
from urllib.parse import urljoin, urlsplit

from corpus.fetched import cache_path, keep, opened
from corpus.proxies import proxy
from corpus.transport import BrokenError, ConnectError, NotAllowedError, Request, Response, SocketTransport, Transport

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS: Final = 5
_GONE: Final = frozenset({404, 410, 451})  # 451: taken down for legal reasons
_SECONDARY_WAIT: Final = 60.0  # GitHub's documentation: at least a minute where a secondary limit names no time
_MAX_LIMITS: Final = 48  # rate limits met by one request: two days of hourly ones
_MAX_ERROR_BODY: Final = 1 << 16
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(?:\d+|\*)")


@dataclass(frozen=True, kw_only=True)
class HttpConfig:
    """How a source fetches, and where it may go. Marked LOCATION where it is used: it changes no document."""

    hosts: tuple[str, ...] = ()  # only these, ".example.org" with all below it; empty: any
    networks: tuple[str, ...] = ()  # not public, but reachable all the same, such as "10.1.0.0/16"
    proxy: str | None = field(default=None, repr=False)  # "http://name:port"; None: the environment's (proxies.py)
    cache: str | None = None  # folder or fsspec URL; what it holds is never asked for again
    token_variable: str = "GITHUB_TOKEN"  # environment variable; nothing is sent where it is not set
    token_origins: tuple[str, ...] = ("https://github.com", "https://api.github.com")
    agent: str = "coder-corpus/0.1"  # name a way to reach you: "my-crawl (me@example.org)"
    attempts: int = 6  # 1 + 2 + 4 + 8 + 16 s of waiting, and jitter
    first_wait: float = 1.0
    longest_wait: float = 3_900.0  # GitHub's primary limit lasts an hour
    timeout: float = 60.0  # seconds to connect, and of silence
    min_rate: float = 1_000.0  # bytes a second, from `timeout` on: a server that drips costs itself only
    max_bytes: int = 8 << 30  # of one body; kept on disk
    max_page: int = 64 << 20  # of one body that is held in memory
    pause: float = 0.0  # seconds between two requests to one host, for each worker

    def __post_init__(self) -> None:
        if self.attempts < 1 or min(self.max_bytes, self.max_page) < 1:
            raise ValueError(f"HttpConfig: attempts, max_bytes and max_page must be at least 1: {self}")
        if min(self.first_wait, self.longest_wait, self.min_rate, self.pause) < 0 or self.timeout <= 0:
            raise ValueError(f"HttpConfig: waits, min_rate and pause cannot be negative, nor timeout 0: {self}")
        if self.proxy is not None:
            proxy(self.proxy)
        for network in self.networks:
            try:
                ip_network(network)
            except ValueError as error:
                raise ValueError(f"HttpConfig.networks: {network!r} is no network such as '10.1.0.0/16'") from error
        for origin in self.token_origins:
            if origin != _origin(origin):
                raise ValueError(f"HttpConfig.token_origins: {origin!r} is no origin such as 'https://api.github.com'")


class RefusedError(Exception):
    """This URL cannot be had, for a reason that is counted. `passing`: every attempt failed; later ones need not."""

    def __init__(self, reason: str, message: str, passing: bool = False) -> None:
        super().__init__(message)
        self.reason, self.passing = reason, passing


class UnavailableError(Exception):
    """The service cannot be had now. The run stops; started again, it goes on."""


@dataclass(frozen=True, slots=True)
class Page:
    """A body in memory, with where it came from after redirects, and the answer's headers (names in lower case)."""

    url: str
    headers: dict[str, str]
    data: bytes


@dataclass(slots=True)
class _Partial:
    """What has arrived so far, and the validator under which the rest may be asked for."""

    sink: IO[bytes]
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    size: int = 0
    validator: str | None = None

    def restart(self) -> None:
        self.sink.seek(0)
        self.sink.truncate()
        self.size, self.validator = 0, None


class _AgainError(Exception):
    """This attempt failed. `wait`: what the server asks for; `limited`: by a rate limit, no failure of the URL."""

    def __init__(self, reason: str, message: str, wait: float | None = None, limited: bool = False) -> None:
        super().__init__(message)
        self.reason, self.wait, self.limited = reason, wait, limited


def asked_wait(status: int, headers: dict[str, str], body: bytes, now: float) -> float | None:
    """Seconds that the server asks us to keep away, or None where the answer is no rate limit."""
    if status not in (403, 429, 503):
        return None
    if "retry-after" in headers:
        return _retry_after(headers["retry-after"], now)
    if status != 503 and headers.get("x-ratelimit-remaining") == "0":
        return _reset(headers, now)
    return _SECONDARY_WAIT if status == 429 or (status == 403 and b"rate limit" in body.lower()) else None


def _retry_after(value: str, now: float) -> float:
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return _SECONDARY_WAIT


def _reset(headers: dict[str, str], now: float) -> float:
    at = headers.get("x-ratelimit-reset", "")
    return max(1.0, float(at) - now) if at.isdigit() else _SECONDARY_WAIT


@remember
def fetcher(config: HttpConfig) -> "Fetcher":
    """The process's fetcher for these settings: connections and what is known of rate limits are shared."""
    return Fetcher(config, SocketTransport(config.networks, config.proxy))


class Fetcher:
    """GET and POST with the manners of the module's docstring. For one thread."""

    def __init__(self, config: HttpConfig, transport: Transport) -> None:
        self.config, self.transport = config, transport
        self._not_before: dict[str, float] = {}  # by host

    def get(self, url: str, *, start: int | None = None, stop: int | None = None, cached: bool = True) -> bytes:
        """The body, or bytes [start, stop) of it; fewer where it ends before `stop`."""
        headers: dict[str, str] = {}
        if start is not None:
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
        return self.page(url, headers=headers, cached=cached).data

    def page(self, url: str, *, headers: dict[str, str] | None = None, cached: bool = True) -> Page:
        """A body of at most `max_page` bytes, with its headers."""
        with self._body(Request("GET", url, headers or {}), cached, self.config.max_page) as (meta, file):
            return Page(meta["url"], meta["headers"], file.read())

    @contextmanager
    def open(
        self, url: str, *, body: bytes = b"", headers: dict[str, str] | None = None, cached: bool = True
    ) -> Iterator[IO[bytes]]:
        """The body of a GET, or of a POST where there is something to post, as a file to read once from here on."""
        request = Request("POST" if body else "GET", url, headers or {}, body)
        with self._body(request, cached, self.config.max_bytes) as (_, file):
            yield file

    # --- cache

    @contextmanager
    def _body(self, request: Request, cached: bool, limit: int) -> Iterator[tuple[dict[str, Any], IO[bytes]]]:
        """The answer's record and a file that stands at the body: one line of JSON and the body, in the cache too."""
        path = cache_path(self.config.cache, request) if cached and self.config.cache else None
        found = None if path is None else opened(path)
        if found is None:
            with tempfile.TemporaryFile() as scratch:
                meta = self._download(request, scratch, limit)
                if path is not None:
                    keep(path, meta, scratch)
                scratch.seek(0)
                yield meta, scratch
            return
        with found:
            yield json.loads(found.readline()), found

    def _download(self, request: Request, sink: IO[bytes], limit: int) -> dict[str, Any]:
        """The body into the sink, in as many attempts as it takes; rate limits cost time but no attempt."""
        partial = _Partial(sink)
        host, failures, limits = _host(request.url), 0, 0
        while True:
            self._wait_for(host)
            try:
                self._attempt(request, partial, limit)
                return {"url": partial.url, "headers": partial.headers}
            except NotAllowedError as error:
                raise RefusedError("not_allowed", str(error)) from error
            except ConnectError as error:
                again, unavailable = _AgainError("unreachable", str(error)), True
            except BrokenError as error:
                again, unavailable = _AgainError("broken_transfer", f"{request.url}: {error}"), False
            except _AgainError as error:
                again, unavailable = error, False
            failures += not again.limited
            limits += again.limited
            if failures == self.config.attempts or limits > _MAX_LIMITS:
                message = f"{again} ({failures + limits} attempts)"
                if unavailable or again.limited:
                    raise UnavailableError(message)
                raise RefusedError(again.reason, message, passing=True)
            self._put_off(host, again, failures + limits)

    def _put_off(self, host: str, again: _AgainError, times: int) -> None:
        """Nobody asks this host again before the wait is over."""
        wait = again.wait if again.wait is not None else self.config.first_wait * 2 ** (times - 1)
        if wait > self.config.longest_wait and again.wait is not None:
            raise UnavailableError(
                f"{again}; {host} asks for {wait:.0f} s, longer than longest_wait: run the same command again later"
            )
        wait = min(wait, self.config.longest_wait)
        self._not_before[host] = self.transport.now() + wait + self.transport.jitter() * min(wait, 10.0)

    def _wait_for(self, host: str) -> None:
        wait = self._not_before.pop(host, 0.0) - self.transport.now()
        if wait > 0:
            self.transport.sleep(wait)
        if self.config.pause:
            self._not_before[host] = self.transport.now() + self.config.pause

    # --- one attempt

    def _attempt(self, request: Request, partial: _Partial, limit: int) -> None:
        headers = dict(request.headers)
        if partial.size and partial.validator:
            headers |= {"Range": f"bytes={partial.size}-", "If-Range": partial.validator}
        elif partial.size:
            partial.restart()
        url, response = self._follow(Request(request.method, request.url, headers, request.body))
        try:
            self._check(request, response)
            continued = "If-Range" in headers and response.status == 206
            if not continued:
                partial.restart()
                partial.url, partial.headers = url, response.headers
                partial.validator = None if "Range" in request.headers else _validator(response.headers)
            _check_range(headers.get("Range"), response, whole="If-Range" in headers)
            self._receive(response, partial, limit)
        finally:
            response.close()

    def _follow(self, request: Request) -> tuple[str, Response]:
        """The answer, after redirects, and the URL that gave it."""
        url = request.url
        for _ in range(_MAX_REDIRECTS + 1):
            if not _is_allowed(url, self.config.hosts):
                raise NotAllowedError(f"{url} is on no host of HttpConfig.hosts")
            headers = {"User-Agent": self.config.agent, "Accept-Encoding": "identity", **request.headers}
            headers |= self._authorization(url, git=request.url.endswith(("/git-upload-pack", "=git-upload-pack")))
            response = self.transport.send(Request(request.method, url, headers, request.body, self.config.timeout))
            if response.status not in _REDIRECTS or "location" not in response.headers:
                return url, response
            response.close()
            target = urljoin(url, response.headers["location"])
            if urlsplit(url).scheme == "https" and urlsplit(target).scheme != "https":
                raise NotAllowedError(f"{url} redirects to {target}, which is not https")
            url = target
        raise NotAllowedError(f"{request.url} redirects more than {_MAX_REDIRECTS} times")

    def _authorization(self, url: str, git: bool) -> dict[str, str]:
        token = os.environ.get(self.config.token_variable)
        if not token or _origin(url) not in self.config.token_origins:
            return {}
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()  # the form that git over HTTP takes
        return {"Authorization": f"Basic {basic}" if git else f"Bearer {token}"}

    def _check(self, request: Request, response: Response) -> None:
        """Raises where the answer is none, or none yet."""
        host, status, headers = _host(request.url), response.status, response.headers
        now = self.transport.now()
        if status in (200, 206):
            if headers.get("x-ratelimit-remaining") == "0":  # the next request would be refused
                until = now + min(_reset(headers, now), self.config.longest_wait) + self.transport.jitter()
                self._not_before[host] = max(self._not_before.get(host, 0.0), until)
            return
        message = f"{request.url}: HTTP status {status}"
        wait = asked_wait(status, headers, _start(response), now) if status in (403, 429, 503) else None
        if wait is not None and status != 503:
            raise _AgainError("rate_limited", message, wait, limited=True)
        if status >= 500 or status == 408:
            raise _AgainError("server_error", message, wait)
        if status in _GONE:
            raise RefusedError("gone", message)
        raise RefusedError("forbidden" if status in (401, 403) else f"status_{status}", message)

    def _receive(self, response: Response, partial: _Partial, limit: int) -> None:
        started, received = self.transport.now(), 0
        for chunk in response.chunks:
            received += len(chunk)
            partial.size += len(chunk)
            if partial.size > limit:
                raise RefusedError("too_large", f"{partial.url} is larger than {limit} bytes")
            partial.sink.write(chunk)
            seconds = self.transport.now() - started
            if seconds > self.config.timeout and received < self.config.min_rate * seconds:
                raise BrokenError(f"{received} bytes in {seconds:.0f} s are too slow")


def _validator(headers: dict[str, str]) -> str | None:
    """What says that a later answer is the same body; a weak ETag does not."""
    etag = headers.get("etag", "")
    if headers.get("accept-ranges") != "bytes":
        return None
    return etag if etag and not etag.startswith("W/") else headers.get("last-modified")


def _check_range(asked: str | None, response: Response, whole: bool) -> None:
    """The part that came is the part asked for; `whole`: all of it is welcome too, since the body may have changed."""
    if response.status == 200 and (asked is None or whole):
        return
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    if asked is None or found is None or int(found[1]) != int(asked.removeprefix("bytes=").split("-")[0]):
        came = response.headers.get("content-range", f"status {response.status}")
        raise BrokenError(f"{asked or 'the whole'} was asked for, {came} came")


def _start(response: Response) -> bytes:
    """The beginning of an error's body; what it says may be what tells a rate limit from a refusal."""
    held = b""
    with suppress(BrokenError):
        for chunk in response.chunks:
            held += chunk
            if len(held) > _MAX_ERROR_BODY:
                break
    return held


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def _is_allowed(url: str, hosts: tuple[str, ...]) -> bool:
    name = urlsplit(url).hostname or ""
    return not hosts or any(name == host or (host.startswith(".") and f".{name}".endswith(host)) for host in hosts)
