"""Proxies: which one a request goes through, and the tunnel that one opens for https.

Comes in: a URL and what the recipe says. Goes out: a proxy, or none. What the recipe does not say, the environment
does, as for other programs: HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, in small letters too, and NO_PROXY.
Through a proxy, names are looked up by the proxy, and so it alone knows the address that is connected to:
`corpus/transport.py` still refuses what is a private address as far as can be seen from here.
"""

import base64
import http.client
import re
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass

_NAME: Final = re.compile(r"[A-Za-z0-9._:-]+")  # of a host; nothing that could end a line of the request
_PORT: Final = 3128


class TunnelError(Exception):
    """The proxy opens no tunnel; `status` is its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it is, and what it is told of us."""

    host: str
    port: int
    headers: dict[str, str]


def proxy(url: str) -> Proxy:
    """The proxy that a URL such as http://user:password@proxy.example.org:3128 means."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = parts.port or _PORT
    except ValueError as error:
        raise ValueError(f"a proxy's port is a number, not that of {parts.hostname!r}") from error
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(
            f"a proxy is given as 'http://name:port'; {parts.scheme}://{parts.hostname} is not spoken here"
        )
    if parts.username is None:
        return Proxy(parts.hostname, port, {})
    words = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(parts.hostname, port, {"Proxy-Authorization": f"Basic {base64.b64encode(words.encode()).decode()}"})


def proxy_for(url: str, setting: str | None) -> Proxy | None:
    """The recipe's; where it names none, the environment's."""
    if setting is not None:
        return proxy(setting)
    parts, found = urlsplit(url), getproxies_environment()
    named = found.get(parts.scheme, found.get("all"))
    if not named or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    return proxy(named)


def open_tunnel(sock: socket.socket, through: Proxy, host: str, port: int) -> None:
    """Ask the proxy for a connection to this port; what is sent afterwards goes there."""
    name = host.encode("idna").decode() if not host.isascii() else host
    if not _NAME.fullmatch(name):
        raise TunnelError(400, f"{host!r} is no name of a host")
    target = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}", *(f"{k}: {v}" for k, v in through.headers.items())]
    sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    answer = http.client.HTTPResponse(sock, method="CONNECT")
    try:
        answer.begin()
    finally:
        answer.close()
    if answer.status != 200:
        raise TunnelError(
            answer.status, f"the proxy {through.host}:{through.port} answers {answer.status} for {target}"
        )
