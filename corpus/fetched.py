"""Files of the fetcher's cache: one line of JSON, which says what was answered, and the body.

Comes in: the cache's root, a folder or an fsspec URL, and a request. Goes out: a file that stands at its first line,
or none. A file becomes visible in one step, under a name made of everything that was asked. Nothing is ever deleted.
"""

import io
import json
import os
import tempfile
from hashlib import blake2b
from typing import IO, Any
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from corpus.transport import Request


def cache_path(root: str, request: Request) -> str:
    """Where the answer to this request lies."""
    parts = [request.method, request.url, sorted(request.headers.items()), request.body.hex()]
    key = blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
    return f"{root.rstrip('/')}/{key[:2]}/{key}"


def opened(path: str) -> IO[bytes] | None:
    """The file, or None where nothing was kept."""
    fs, inside = fsspec.url_to_fs(path, use_listings_cache=False)
    try:
        file: IO[bytes] = fs.open(inside, "rb")
    except FileNotFoundError:
        return None
    return file


def keep(path: str, meta: dict[str, Any], body: IO[bytes]) -> None:
    """Record and body under the final name, in one step."""
    fs, inside = fsspec.url_to_fs(path)
    local = isinstance(fs, LocalFileSystem)
    folder = os.path.dirname(inside) if local else tempfile.gettempdir()
    os.makedirs(folder, exist_ok=True)
    partial = os.path.join(folder, f"{uuid4().hex}.partial")
    try:
        with open(partial, "wb") as file:
            file.write(json.dumps(meta).encode() + b"\n")
            body.seek(0)
            while piece := body.read(io.DEFAULT_BUFFER_SIZE * 16):
                file.write(piece)
        if local:
            os.replace(partial, inside)
        else:
            fs.put_file(partial, inside)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
