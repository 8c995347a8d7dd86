"""A proxy on loopback: passes plain requests on, opens tunnels, and asks for a password where it is told to."""

import socket
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.corpus.loopback import Loopback


class ProxyServer(Loopback):
    """`password`: the Proxy-Authorization it wants. `refuses`: the status it gives to whoever wants a tunnel.
    `names`: where it finds hosts that nobody else knows."""

    def __init__(self, password=None, refuses=None, names=None):
        self.password, self.refuses, self.names, self.asked = password, refuses, names or {}, []
        methods = {"GET": lambda handler: self._pass_on(handler), "CONNECT": lambda handler: self._connect(handler)}
        super().__init__(methods)

    def _place(self, host, port):
        return self.names.get(host, (host, port))

    def _may(self, handler):
        self.asked.append(f"{handler.command} {handler.path}")
        if self.password is None or handler.headers.get("Proxy-Authorization") == self.password:
            return True
        self._answer(handler, 407, b"")
        return False

    def _answer(self, handler, status, data):
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def _pass_on(self, handler):
        if not self._may(handler):
            return
        parts = urlsplit(handler.path)
        conn = HTTPConnection(*self._place(parts.hostname, parts.port or 80))
        conn.request("GET", parts.path, headers={"Host": parts.netloc})
        answer = conn.getresponse()
        self._answer(handler, answer.status, answer.read())
        conn.close()

    def _connect(self, handler):
        if not self._may(handler):
            return
        if self.refuses is not None:
            self._answer(handler, self.refuses, b"")
            return
        host, _, port = handler.path.rpartition(":")
        with socket.create_connection(self._place(host, int(port))) as there:
            handler.send_response(200)
            handler.end_headers()
            there.sendall(handler.connection.recv(1 << 16))
            handler.connection.sendall(there.recv(1 << 16))
        handler.close_connection = True
