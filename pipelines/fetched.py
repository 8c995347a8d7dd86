"""Fetch caches in a takedown: entries that name a document's repository or address, in theirs or in their body, go.

A cache is a folder of answers, each one line of JSON (address, headers) and the body as it was transferred
(`corpus.http`). Bodies hold many documents (a pack, an hour of events, a WARC record) and cannot be rewritten, so an
entry goes whole: what is still wanted of it is fetched again. A body that is gzip is searched unpacked.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import IO

import fsspec

from corpus.http import HttpConfig

_PIECE = 1 << 20
_OVERLAP = 4096  # longer than any name that is sought: addresses of more characters are sought by their beginning


def caches(settings: object) -> Iterator[str]:
    """Every cache that some settings name, however deep, once."""
    found: dict[str, None] = {}

    def look(value: object) -> None:
        if isinstance(value, HttpConfig):
            if value.cache:
                found[value.cache] = None
        elif is_dataclass(value):
            for field in fields(value):
                look(getattr(value, field.name))
        elif isinstance(value, list | tuple):
            for item in value:
                look(item)

    look(settings)
    yield from found


def entries(cache: str) -> list[str]:
    """The cache's files; none where it has been deleted or never filled."""
    fs, inside = fsspec.url_to_fs(cache, use_listings_cache=False)
    found: list[str] = fs.find(inside)
    return sorted(path for path in found if not path.endswith(".partial"))


def purge_entry(cache: str, path: str, names: tuple[str, ...], keep: bool = False) -> int:
    """Task: delete one entry if it names one of these; 1 where it does. With `keep` it is only told."""
    fs, _ = fsspec.url_to_fs(cache)
    with fs.open(path, "rb") as file:
        held = names_any(file, pattern(names))
    if held and not keep:
        fs.rm_file(path)
    return int(held)


def pattern(names: Iterable[str]) -> re.Pattern[bytes]:
    """Finds one of the names as a whole: `a/b` is not in `a/bc`, and is in `https://host/a/b.git/`."""
    wanted = b"|".join(re.escape(name.encode()[:_OVERLAP]) for name in sorted(names))
    return re.compile(rb"(?<![\w-])(?:" + wanted + rb")(?![\w-])", re.IGNORECASE)


def names_any(file: IO[bytes], wanted: re.Pattern[bytes]) -> bool:
    """Whether the entry's address or its body, unpacked where it is gzip, holds what is wanted."""
    address = json.loads(file.readline()).get("url", "")
    if wanted.search(address.encode()):
        return True
    return search(file, wanted)


def search(file: IO[bytes], wanted: re.Pattern[bytes]) -> bool:
    """Whether the rest of a file, unpacked where it is gzip, holds what is wanted."""
    start = file.tell()
    if file.read(2) == b"\x1f\x8b":
        file.seek(start)
        try:
            return _search(gzip.GzipFile(fileobj=file), wanted)
        except (OSError, EOFError, zlib.error):
            pass  # a range out of the middle of a file, or damaged: searched as it stands
    file.seek(start)
    return _search(file, wanted)


def _search(file: IO[bytes] | gzip.GzipFile, wanted: re.Pattern[bytes]) -> bool:
    before = b""
    while piece := file.read(_PIECE):
        if wanted.search(before + piece):
            return True
        before = piece[-_OVERLAP:]
    return False
