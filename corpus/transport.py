"""One HTTP exchange over a socket that may only go where it is allowed to; and a clock.

Comes in: a request, and which addresses besides public ones may be reached. Goes out: status, headers, and the body as
chunks. The address is checked on what the name resolves to and is the one connected to, so a name that points at
127.0.0.1 or 169.254.169.254, now or on the second look-up, reaches nothing. Connections are kept and used again.
Through a proxy the address is the proxy's to check: what is seen of it from here is checked all the same.
This file refuses to know redirects, retries, limits and caches: `corpus/http.py` decides them. `FakeTransport` answers
from memory, for tests of those decisions; with `now` and `sleep` it holds time too.
"""

import http.client
import ipaddress
import random
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from corpus.proxies import Proxy, TunnelError, open_tunnel, proxy_for

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_CHUNK: Final = 1 << 16
_PORTS: Final = {"http": 80, "https": 443}


class NotAllowedError(Exception):
    """The URL leads where this recipe does not go."""


class ConnectError(Exception):
    """Nobody answers there: the name is unknown, or the connection is refused."""


class BrokenError(Exception):
    """The exchange broke off: reset, silence, or a body that is shorter than announced."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `timeout` is seconds to connect, and of silence between two pieces."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout: float = 60.0


@dataclass(slots=True)
class Response:
    """What comes back; header names are in lower case. `chunks` must be drawn to the end, or the response closed."""

    status: int
    headers: dict[str, str]
    chunks: Iterator[bytes]
    close: Callable[[], None] = lambda: None


class Transport(Protocol):
    """The edge to the world."""

    def send(self, request: Request) -> Response: ...
    def now(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...
    def jitter(self) -> float: ...  # in [0, 1)


def is_reachable(address: str, allowed: tuple[Network, ...]) -> bool:
    """Whether an address is public, or in a network that is allowed; an address inside an address counts too."""
    outer = ipaddress.ip_address(address.split("%")[0])
    return all(
        any(found in network for network in allowed if network.version == found.version)
        or (found.is_global and not found.is_multicast)
        for found in [outer, *_embedded(outer)]
    )


def _embedded(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 address stands for: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found: list[Address] = [inner for inner in (address.ipv4_mapped, address.sixtofour) if inner is not None]
    found += list(address.teredo or ())
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return found


class SocketTransport:
    """The real one. One request at a time per object; a process needs one for each thread."""

    def __init__(self, networks: tuple[str, ...] = (), proxy: str | None = None) -> None:
        self.allowed, self.proxy = tuple(ipaddress.ip_network(network) for network in networks), proxy
        self._idle: dict[tuple[str, str, int], _Connection] = {}

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def jitter(self) -> float:
        return random.random()

    def send(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise NotAllowedError(f"{request.url!r} is no http or https URL")
        try:
            key = (parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme])
        except ValueError as error:
            raise NotAllowedError(f"{request.url!r} has no valid port") from error
        idle = self._idle.pop(key, None)
        if idle is not None:
            try:
                return self._exchange(idle, key, request)
            except BrokenError:
                idle.close()  # the server had closed it meanwhile; nothing was answered on it, so ask on a fresh one
        through = None if _is_named(parts.hostname, self.allowed) else proxy_for(request.url, self.proxy)
        return self._exchange(_Connection(key, self.allowed, request.timeout, through), key, request)

    def _exchange(self, conn: "_Connection", key: tuple[str, str, int], request: Request) -> Response:
        parts = urlsplit(request.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = request.headers
        if conn.through is not None and parts.scheme == "http":
            target = f"http://{parts.netloc.rpartition('@')[2]}{target}"
            headers = {**headers, **conn.through.headers}
        try:
            conn.request(request.method, target, request.body or None, headers)
            answer = conn.getresponse()
            if conn.through is not None:
                _check_proxy(answer.status)
        except (http.client.InvalidURL, UnicodeError) as error:
            conn.close()
            raise NotAllowedError(f"{request.url!r} is no valid URL: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            conn.close()
            raise BrokenError(f"{type(error).__name__}: {error}") from error
        except BaseException:
            conn.close()
            raise

        def chunks() -> Iterator[bytes]:
            yield from _body(answer)
            answer.close()
            if conn.sock is not None and not answer.will_close:
                self._idle[key] = conn

        said = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, said, chunks(), conn.close)


def _body(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body in pieces as they arrive: a server that drips bytes must be noticed before a buffer is full."""
    left = answer.length  # None where the body is chunked or ends with the connection
    try:
        while left is None or left > 0:
            piece = answer.read1(_CHUNK if left is None else min(left, _CHUNK))
            if not piece and left is None:
                return
            if not piece:
                raise BrokenError(f"the body ends {left} bytes early")
            left = None if left is None else left - len(piece)
            yield piece
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise BrokenError(f"{type(error).__name__}: {error}") from error


def _is_named(host: str, allowed: tuple[Network, ...]) -> bool:
    """Whether the host is an address of a network that the recipe names: such a one is reached without a proxy."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in allowed if network.version == address.version)


def _check_proxy(status: int) -> None:
    if status == 407:
        raise ConnectError("the proxy wants a name and a password: http://name:password@proxy:port")


class _Connection(http.client.HTTPConnection):
    """Connects to an address that was checked, and to no other, or to the proxy that was named."""

    def __init__(
        self, key: tuple[str, str, int], allowed: tuple[Network, ...], timeout: float, through: Proxy | None
    ) -> None:
        scheme, host, port = key
        self._tls, self._allowed, self.default_port = scheme == "https", allowed, _PORTS[scheme]
        self.through = through
        super().__init__(host, port, timeout=timeout)

    def connect(self) -> None:
        if self.through is None:
            self.sock: Any = _connected(self.host, self.port, self._allowed, self.timeout)
        else:
            self.sock = self._behind(self.through)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls:
            self.sock = _tls_context().wrap_socket(self.sock, server_hostname=self.host)

    def _behind(self, through: Proxy) -> socket.socket:
        _check_seen(self.host, self.port, self._allowed)
        try:
            sock = socket.create_connection((through.host, through.port), self.timeout)
        except OSError as error:
            raise ConnectError(f"the proxy {through.host}:{through.port}: {error}") from error
        try:
            if self._tls:
                open_tunnel(sock, through, self.host, self.port)
        except TunnelError as error:
            sock.close()
            _check_proxy(error.status)
            raise (NotAllowedError if error.status in (400, 403) else ConnectError)(str(error)) from error
        except BaseException:
            sock.close()
            raise
        return sock

    def __del__(self) -> None:
        self.close()  # idle when its process ends: nothing is lost


@cache
def _tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _check_seen(host: str, port: int, allowed: tuple[Network, ...]) -> None:
    """What is asked of a proxy: no address that is private here. It may know names that nobody here does."""
    with suppress(OSError, UnicodeError):
        hidden = [address for address in _addresses(host, port) if not is_reachable(address, allowed)]
        if hidden:
            raise _private(host, hidden)


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _private(host: str, addresses: list[str]) -> NotAllowedError:
    return NotAllowedError(
        f"{host} is {', '.join(addresses)}, a private or reserved address: where it is meant, allow its network in "
        "the recipe (HttpConfig.networks)"
    )


def _connected(host: str, port: int, allowed: tuple[Network, ...], timeout: float | None) -> socket.socket:
    try:
        addresses = _addresses(host, port)
    except (OSError, UnicodeError) as error:
        raise ConnectError(f"{host}: {error}") from error
    open_to_us = [address for address in addresses if is_reachable(address, allowed)]
    if not open_to_us:
        raise _private(host, addresses)
    problem: OSError | None = None
    for address in open_to_us:
        try:
            return socket.create_connection((address, port), timeout)
        except OSError as error:
            problem = error
    raise ConnectError(f"{host} ({', '.join(open_to_us)}) port {port}: {problem}")


Answer = tuple[int, dict[str, str], bytes] | Exception


@dataclass
class FakeTransport:
    """Answers each URL's requests from its list, the last one for ever; keeps what was sent and slept."""

    answers: dict[str, list[Answer]]
    sent: list[Request] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    clock: float = 1_000_000.0

    def send(self, request: Request) -> Response:
        self.sent.append(request)
        if request.url not in self.answers:
            return Response(404, {}, iter(()))
        queue = self.answers[request.url]
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, Exception):
            raise answer
        status, headers, body = answer
        return Response(status, headers, _pieces(headers, body))

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock += seconds

    def jitter(self) -> float:
        return 0.5


def _pieces(headers: dict[str, str], body: bytes) -> Iterator[bytes]:
    """The body, and an error where it is shorter than its Content-Length."""
    yield body
    if len(body) < int(headers.get("content-length", 0)):
        raise BrokenError("the body ends early")
