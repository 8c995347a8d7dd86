"""Where a socket may go, and what comes back."""

import socket
from ipaddress import ip_network

import pytest

from corpus.transport import BrokenError, ConnectError, NotAllowedError, Request, SocketTransport, is_reachable
from tests.corpus.sources.servers import Server

LOOPBACK = ("127.0.0.0/8",)


@pytest.mark.parametrize(
    ("address", "reachable"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_private_and_reserved_addresses_are_not_reachable(address, reachable):
    assert is_reachable(address, ()) is reachable


def test_an_allowed_network_is_reachable_and_no_other():
    allowed = (ip_network("10.1.0.0/16"),)
    assert is_reachable("10.1.2.3", allowed) and not is_reachable("10.2.2.3", allowed)


def test_a_name_is_checked_by_the_address_it_has(monkeypatch):
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: real("127.0.0.1", *rest, **more))
    with pytest.raises(NotAllowedError, match=r"public\.example is 127\.0\.0\.1, a private or reserved address"):
        SocketTransport().send(Request("GET", "http://public.example/"))


@pytest.mark.parametrize("url", ["ftp://example.org/", "file:///etc/passwd", "http://", "http://h:x/", "/a"])
def test_other_urls_are_not_allowed(url):
    with pytest.raises(NotAllowedError):
        SocketTransport().send(Request("GET", url))


def test_control_characters_reach_no_server():
    with Server(pages={}) as server, pytest.raises(NotAllowedError, match="no valid URL"):
        SocketTransport(LOOPBACK).send(Request("GET", f"{server.url}/a b\x01"))


def test_nobody_there_is_told_from_a_broken_exchange():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectError, match="refused"):
        SocketTransport(LOOPBACK).send(Request("GET", f"http://127.0.0.1:{port}/"))
    with Server() as server:
        server.faults.append("reset")
        with pytest.raises(BrokenError):
            SocketTransport(LOOPBACK).send(Request("GET", f"{server.url}/"))


def test_a_connection_is_used_again_and_a_closed_one_replaced():
    transport = SocketTransport(LOOPBACK)
    with Server(pages={"/a": 1}) as server:
        for _ in range(2):
            assert b"".join(transport.send(Request("GET", f"{server.url}/a")).chunks) == b"1"
        [idle] = transport._idle.values()
        idle.sock.shutdown(socket.SHUT_RDWR)
        assert b"".join(transport.send(Request("GET", f"{server.url}/a")).chunks) == b"1"
        for kept in transport._idle.values():
            kept.close()


def test_a_body_shorter_than_announced_is_broken():
    with Server(pages={"/a": "x" * 1000}) as server:
        server.faults.append("cut")
        response = SocketTransport(LOOPBACK).send(Request("GET", f"{server.url}/a"))
        with pytest.raises(BrokenError, match="501 bytes early"):
            list(response.chunks)
        response.close()
