"""Files below a root: whole, in part, or to seek in; http(s) by our fetcher, everything else by fsspec.

Comes in: a root URL, how to fetch, and paths below the root. Goes out: bytes, or a file that reads only the ranges it
is asked for. Over http nothing is listed: the paths come from a manifest or a recipe.
"""

import gzip
import io
import zlib
from dataclasses import dataclass, field
from functools import cache
from typing import IO, Any, Final, cast

import fsspec

from corpus.http import Fetcher, HttpConfig, RefusedError, fetcher

_BLOCK: Final = 4 << 20  # bytes of one request when a remote file is read from front to back


@dataclass(frozen=True, slots=True)
class Place:
    """A root and how it is reached."""

    root: str
    http: HttpConfig = field(default_factory=HttpConfig)

    @property
    def is_http(self) -> bool:
        return self.root.startswith(("http://", "https://"))

    def url(self, path: str) -> str:
        return f"{self.root.rstrip('/')}/{path.lstrip('/')}"

    def whole(self, path: str) -> bytes:
        """The file. Raises FileNotFoundError, or the fetcher's RefusedError."""
        if self.is_http:
            return _web(self.http).get(self.url(path))
        fs, inside = fsspec.url_to_fs(self.url(path))
        return cast(bytes, fs.cat_file(inside))

    def manifest(self, path: str, setting: str) -> bytes:
        """A file that lists others, without which nothing can be read; unpacked. `setting` is what named the root."""
        try:
            data = self.whole(path)
        except (FileNotFoundError, RefusedError) as error:
            raise FileNotFoundError(
                f"{self.url(path)} cannot be had ({_why(error)}): {setting}={self.root!r} must be a place where "
                f"Common Crawl's layout begins, so that {path} lies below it; correct it in the recipe, or the "
                "environment variable that the recipe takes it from (COMMON_CRAWL in docs/recipes_web.py)"
            ) from error
        try:
            return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{self.url(path)} is cut or damaged ({error}): fetch it again") from error

    def part(self, path: str, start: int, stop: int) -> bytes:
        """Bytes [start, stop); fewer where the file ends before."""
        if self.is_http:
            return _web(self.http).get(self.url(path), start=start, stop=stop)
        fs, inside = fsspec.url_to_fs(self.url(path))
        return cast(bytes, fs.cat_file(inside, start=start, end=stop))

    def open(self, path: str, block: int = _BLOCK) -> IO[bytes]:
        """A file to seek in; of a remote one, at least `block` bytes are asked for at a time."""
        if self.is_http:
            return io.BufferedReader(_Ranges(_web(self.http), self.url(path)), block)
        fs, inside = fsspec.url_to_fs(self.url(path))
        return cast(IO[bytes], fs.open(inside, "rb"))


def _why(error: FileNotFoundError | RefusedError) -> str:
    return str(error) if isinstance(error, RefusedError) else "no such file"


@cache
def _web(http: HttpConfig) -> Fetcher:
    """One for a process and its settings: it knows the rate limits that it met."""
    return fetcher(http)


class _Ranges(io.RawIOBase):
    """A file on a server, read by range."""

    def __init__(self, web: Fetcher, url: str) -> None:
        self._web, self._url, self._position = web, url, 0
        first = web.page(url, headers={"Range": "bytes=0-0"})
        self._size = int(first.headers["content-range"].rsplit("/", 1)[1])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        stop = min(self._position + len(buffer), self._size)
        if stop <= self._position:
            return 0
        data = self._web.get(self._url, start=self._position, stop=stop)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
