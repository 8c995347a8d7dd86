"""An HTTP server on loopback in a thread of its own, from `with` to its end; what it answers is the subclass's."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Loopback:
    """`methods`: of HTTP, and what a subclass does with a request of each."""

    def __init__(self, methods):
        made = {f"do_{name}": answer for name, answer in methods.items()}
        quiet = {"protocol_version": "HTTP/1.1", "log_message": lambda handler, *words: None}
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (BaseHTTPRequestHandler,), quiet | made))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
