"""Which proxy, and what a tunnel asks for."""

import socket

import pytest

from corpus.proxies import Proxy, TunnelError, open_tunnel, proxy, proxy_for
from tests.corpus.proxy_server import ProxyServer

VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://proxy.example:8080", Proxy("proxy.example", 8080, {})),
        ("proxy.example:8080", Proxy("proxy.example", 8080, {})),
        ("http://proxy.example", Proxy("proxy.example", 3128, {})),
        ("http://a:b%40c@h:1", Proxy("h", 1, {"Proxy-Authorization": "Basic YTpiQGM="})),
    ],
)
def test_a_proxy_is_named_by_a_url(url, expected):
    assert proxy(url) == expected


@pytest.mark.parametrize("url", ["socks5://h:1", "https://h:1", "http://", "http://h:x"])
def test_other_proxies_are_not_spoken(url):
    with pytest.raises(ValueError, match="proxy"):
        proxy(url)


@pytest.mark.parametrize(
    ("variables", "url", "host"),
    [
        ({}, "https://example.org/", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://example.org/", "p"),
        ({"https_proxy": "http://p:1"}, "https://example.org/", "p"),
        ({"HTTPS_PROXY": "http://p:1"}, "http://example.org/", None),
        ({"ALL_PROXY": "http://p:1"}, "http://example.org/", "p"),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "example.org"}, "http://example.org/", None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": ".example.org"}, "http://a.example.org/", None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "*"}, "http://a.org/", None),
    ],
)
def test_the_environment_says_it_where_the_recipe_does_not(environment, variables, url, host):
    for name, value in variables.items():
        environment.setenv(name, value)
    found = proxy_for(url, None)
    assert (found and found.host) == host
    assert proxy_for(url, "http://mine:2").host == "mine"


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("example.org", "example.org:443"),
        ("2001:db8::1", "[2001:db8::1]:443"),
        ("bücher.example", "xn--bcher-kva.example:443"),
    ],
)
def test_a_tunnel_is_asked_for_by_name_and_port(host, asked):
    with ProxyServer(refuses=403) as server, socket.create_connection(server._http.server_address) as sock:
        with pytest.raises(TunnelError, match=f"answers 403 for {asked}".replace("[", r"\[")) as caught:
            open_tunnel(sock, proxy(server.url), host, 443)
        assert server.asked == [f"CONNECT {asked}"] and caught.value.status == 403


@pytest.mark.parametrize("host", ["a\r\nX-Evil: 1", "a b", "a/b", ""])
def test_a_name_that_is_none_reaches_no_proxy(host):
    with ProxyServer() as server, socket.create_connection(server._http.server_address) as sock:
        with pytest.raises(TunnelError, match="no name of a host"):
            open_tunnel(sock, proxy(server.url), host, 443)
        assert server.asked == []
