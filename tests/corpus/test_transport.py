"""Where a socket may go, and what comes back."""

import socket
import threading
from ipaddress import ip_network

import pytest

from corpus.transport import BrokenError, ConnectError, NotAllowedError, Request, SocketTransport, is_reachable
from tests.corpus.proxy_server import ProxyServer
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


def test_a_name_that_changes_its_address_is_looked_up_once(monkeypatch):
    real, asked = socket.getaddrinfo, []

    def rebinding(host, *rest, **more):
        if host == "rebinding.example":
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with Server(pages={"/a": 1}) as server:
        url = server.url.replace("127.0.0.1", "rebinding.example")
        transport = SocketTransport(("127.0.0.1/32",))
        assert b"".join(transport.send(Request("GET", f"{url}/a")).chunks) == b"1" and asked == ["rebinding.example"]
        [idle] = transport._idle.values()
        idle.close()
    with pytest.raises(NotAllowedError, match=r"rebinding\.example is 127\.0\.0\.2"):
        SocketTransport(("127.0.0.1/32",)).send(Request("GET", f"{url}/a"))


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


def through(proxy):
    return SocketTransport((), proxy.url)


def test_a_proxy_is_asked_for_what_only_it_can_find():
    with Server(pages={"/a": 1}) as server:
        names = {"nowhere.invalid": ("127.0.0.1", server._http.server_port)}
        with ProxyServer(names=names) as proxy:
            answer = through(proxy).send(Request("GET", "http://nowhere.invalid/a"))
            assert (answer.status, b"".join(answer.chunks)) == (200, b"1")
            assert proxy.asked == ["GET http://nowhere.invalid/a"]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "[::1]", "169.254.169.254", "10.0.0.1"])
def test_a_proxy_is_not_asked_for_what_is_private_here(scheme, host):
    with ProxyServer() as proxy:
        with pytest.raises(NotAllowedError, match="private or reserved"):
            through(proxy).send(Request("GET", f"{scheme}://{host}/"))
        assert proxy.asked == []


def test_an_address_that_the_recipe_names_is_reached_without_the_proxy():
    with Server(pages={"/a": 1}) as server, ProxyServer() as proxy:
        answer = SocketTransport(LOOPBACK, proxy.url).send(Request("GET", f"{server.url}/a"))
        assert (b"".join(answer.chunks), proxy.asked) == (b"1", [])


def test_https_goes_through_a_tunnel_and_tls_is_spoken_inside():
    heard = []
    there = socket.create_server(("127.0.0.1", 0))

    def listen():
        conn, _ = there.accept()
        with conn:
            heard.append(conn.recv(100)[:2])

    with there, ProxyServer(names={"nowhere.invalid": there.getsockname()}) as proxy:
        thread = threading.Thread(target=listen)
        thread.start()
        with pytest.raises(BrokenError):  # it speaks no TLS
            through(proxy).send(Request("GET", "https://nowhere.invalid/"))
        thread.join()
        assert proxy.asked == ["CONNECT nowhere.invalid:443"] and heard == [b"\x16\x03"]


@pytest.mark.parametrize(("status", "error"), [(403, NotAllowedError), (502, ConnectError), (407, ConnectError)])
def test_a_proxy_that_opens_no_tunnel_says_why(status, error):
    with ProxyServer(refuses=status) as proxy, pytest.raises(error, match="password" if status == 407 else str(status)):
        through(proxy).send(Request("GET", "https://nowhere.invalid/"))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxys_password_is_told_to_the_proxy_and_its_lack_is_an_outage(scheme):
    with ProxyServer(password="Basic YTpi", refuses=502, names={"nowhere.invalid": ("127.0.0.1", 9)}) as proxy:
        with pytest.raises(ConnectError, match="wants a name and a password"):
            through(proxy).send(Request("GET", f"{scheme}://nowhere.invalid/"))
        known = SocketTransport((), proxy.url.replace("http://", "http://a:b@"))
        if scheme == "https":
            with pytest.raises(ConnectError, match="answers 502"):
                known.send(Request("GET", "https://nowhere.invalid/"))


def test_nobody_at_the_proxy_is_an_outage():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectError, match="the proxy 127"):
        SocketTransport((), f"http://127.0.0.1:{port}").send(Request("GET", "http://nowhere.invalid/"))
