"""The hub's protocol on loopback, as far as its client asks: a revision's commit, its files, each file by commit."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote, urlsplit

Sets = dict[tuple[str, str], dict[str, bytes]]  # (kind, owner/name) -> files


def commit_of(files: dict[str, bytes]) -> str:
    return sha1(json.dumps({name: content.hex() for name, content in files.items()}).encode()).hexdigest()


@contextmanager
def hub_server(sets: Sets) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            asked.append(path)
            status, body, headers = answer(sets, path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def answer(sets: Sets, path: str) -> tuple[int, bytes, dict[str, str]]:
    """Status, body, headers."""
    for (kind, name), files in sets.items():
        commit = commit_of(files)
        api, raw = f"/api/{kind}s/{name}", f"/{'datasets/' if kind == 'dataset' else ''}{name}/resolve/{commit}/"
        if path in (f"{api}/revision/main", f"{api}/revision/{commit}"):
            return 200, json.dumps({"id": name, "sha": commit, "siblings": []}).encode(), _JSON
        if path == f"{api}/tree/{commit}":
            tree = [{"type": "file", "path": f, "size": len(c), "oid": sha1(c).hexdigest()} for f, c in files.items()]
            return 200, json.dumps(tree).encode(), _JSON
        if path.startswith(f"{api}/"):
            return 404, b"{}", {"X-Error-Code": "RevisionNotFound"}
        if path.startswith(raw) and path.removeprefix(raw) in files:
            content = files[path.removeprefix(raw)]
            return 200, content, {"ETag": f'"{sha1(content).hexdigest()}"', "X-Repo-Commit": commit}
    return 404, b"{}", {"X-Error-Code": "RepoNotFound"}


_JSON = {"Content-Type": "application/json"}
