"""A real HTTP server on loopback: git's own http-backend, files of a folder, JSON, and faults on demand."""

import json
import os
import socket
import struct
import subprocess
import threading
import time
from collections import Counter, deque
from urllib.parse import urlsplit

from tests.corpus.loopback import Loopback

_GIT = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip()
BACKEND = os.path.join(_GIT, "git-http-backend")


class Server(Loopback):
    """`git`: folder of bare repositories. `files`: folder. `pages`: path with query -> JSON data or (headers, data).

    `faults`: what happens to the next requests, in order: a status, (status, headers), "reset", "cut" (half of the
    body), "drip" (a byte every 50 ms), or None for a proper answer. `first`: such a fault for the first request of
    each kind (address, range, body; the rest of a body that broke off is none). `stops`: requests, counted from 1,
    that get no answer before `go` is set, so that a test can kill who asks.
    """

    def __init__(self, git=None, files=None, pages=None, filters=True):
        self.git, self.files, self.pages, self.filters = git, files, pages or {}, filters
        self.faults, self.seen, self.requests = deque(), Counter(), []
        self.first, self.known, self.stops, self.go = None, set(), set(), threading.Event()
        super().__init__({name: lambda handler: self._answer(handler) for name in ("GET", "POST")})

    def __exit__(self, *error):
        self.go.set()
        super().__exit__(*error)

    def _answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        path = urlsplit(handler.path).path
        self.seen[path] += 1
        self.requests.append((handler.path, dict(handler.headers)))
        if len(self.requests) in self.stops:
            self.go.clear()
            self.go.wait(120)
        fault = self.faults.popleft() if self.faults else None
        goes_on = "If-Range" in handler.headers
        kind = (handler.path, None if goes_on else handler.headers.get("Range"), body)
        if fault is None and kind not in self.known:
            fault = self.first
            self.known.add(kind)
        if isinstance(fault, int | tuple):
            status, headers = fault if isinstance(fault, tuple) else (fault, {})
            self._send(handler, status, headers, b"{}")
        elif fault == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True
        elif handler.path in self.pages:
            page = self.pages[handler.path]
            headers, data = page if isinstance(page, tuple) else ({}, page)
            self._send(handler, headers.pop("status", 200), dict(headers), json.dumps(data).encode(), fault)
        elif self.files is not None and os.path.isfile(os.path.join(self.files, path.strip("/"))):
            with open(os.path.join(self.files, path.strip("/")), "rb") as file:
                self._send_part(handler, file.read(), fault)
        elif self.git is not None and ".git/" in path:
            self._send(handler, *self._backend(handler, body), fault)
        else:
            self._send(handler, 404, {}, b"")

    def _send_part(self, handler, data, fault):
        """Ranges as a file server gives them."""
        asked = handler.headers.get("Range")
        headers = {"ETag": '"one"', "Accept-Ranges": "bytes"}
        if asked is None:
            self._send(handler, 200, headers, data, fault)
            return
        start, _, last = asked.removeprefix("bytes=").partition("-")
        if int(start) >= len(data):
            self._send(handler, 416, {}, b"")
            return
        part = data[int(start) : int(last) + 1 if last else None]
        headers["Content-Range"] = f"bytes {start}-{int(start) + len(part) - 1}/{len(data)}"
        self._send(handler, 206, headers, part, fault)

    def _send(self, handler, status, headers, data, fault=None):
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        try:
            if fault == "cut":
                handler.wfile.write(data[: len(data) // 2])
                handler.close_connection = True
            elif fault == "drip":
                for byte in data:
                    handler.wfile.write(bytes([byte]))
                    time.sleep(0.05)
            else:
                handler.wfile.write(data)
        except OSError:
            handler.close_connection = True

    def _backend(self, handler, body):
        parts = urlsplit(handler.path)
        settings = {"uploadpack.allowFilter": str(self.filters).lower(), "safe.directory": "*", "gc.auto": "0"}
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.git),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": handler.command,
            "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
            "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        for number, (name, value) in enumerate(settings.items()):
            env |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
        done = subprocess.run([BACKEND], env=env, input=body, capture_output=True, check=False)
        head, _, data = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        return int(headers.pop("Status", "200").split()[0]), headers, data
