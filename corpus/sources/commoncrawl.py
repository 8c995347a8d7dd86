"""Web pages in WARC files, as Common Crawl publishes them or any crawler writes them, on any fsspec URL.

Comes in: WARC files, plain or compressed by record. Goes out: the HTML of successful responses as the server sent it,
with chunking and compression undone, and the charset that the header declares.
A record that cannot be used (redirect, error, other media, cut short, broken compression) is a row with a reason, and
the next one is found again behind it; a file may end in the middle. This file refuses to know what is in the HTML.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit

import fsspec
import pyarrow as pa
from fastwarc.warc import ArchiveIterator, WarcRecordType
from publicsuffixlist import PublicSuffixList

from corpus.http import HttpConfig, RefusedError
from corpus.schema import LISTING
from corpus.sources.places import Place
from corpus.sources.raw import LOCATION, Raw

HTML_MEDIA: Final = ("text/html", "application/xhtml+xml")
_MEMBER: Final = b"\x1f\x8b\x08"  # begins a gzip member, and so a record
_RESTARTS: Final = 1_000  # per file: each looks for a record that can be read behind one that cannot
_CHUNK: Final = 1 << 20
_ROWS: Final = 10_000
_DUMP: Final = re.compile(r"CC-MAIN-\d{4}-\d{2}")
_Row = tuple[str, int, str, str | None, int | None]  # path, size, locator, refused, date


@dataclass(frozen=True, kw_only=True)
class CommonCrawl:
    """WARC files below `folder`; all of them, or those that `files` names."""

    folder: str = field(metadata=LOCATION)
    files: tuple[str, ...] = ()
    cutoff: str = "2023-11-01"  # exclusive, UTC, of the time a page was fetched
    max_page_bytes: int = 16 << 20  # with compression undone: a page that unpacks to more is a bomb
    dump: str | None = None  # name for the column `snapshot`; None: as found in the file's path
    paths: str | None = None  # a list of files, packed or not, one a line: "crawl-data/CC-MAIN-2023-40/warc.paths.gz"
    first: int | None = None  # only so many files, for a try
    http: HttpConfig = field(default_factory=HttpConfig, metadata=LOCATION)

    def __post_init__(self) -> None:
        if self.place.is_http and not self.files and self.paths is None:
            raise ValueError(f"CommonCrawl.folder={self.folder!r} cannot be listed over http: name files, or paths")
        if self.first is not None and self.first < 1:
            raise ValueError(f"CommonCrawl.first must be at least 1, not {self.first}")
        if self.max_page_bytes < 1:
            raise ValueError(f"CommonCrawl.max_page_bytes must be at least 1, not {self.max_page_bytes}")
        cutoff_seconds("CommonCrawl.cutoff", self.cutoff)

    @property
    def place(self) -> Place:
        return Place(self.folder, self.http)


def cutoff_seconds(name: str, cutoff: str) -> int:
    """Unix seconds of the setting."""
    try:
        return int(datetime.fromisoformat(cutoff).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise ValueError(f"{name} must be a date such as '2023-11-01', not {cutoff!r}") from error


def roots(source: CommonCrawl) -> list[str]:
    """Paths of the WARC files below the folder; sorted."""
    if source.files:
        return sorted(source.files)[: source.first]
    if source.paths is not None:
        return sorted(source.place.manifest(source.paths, "CommonCrawl.folder").decode().split())[: source.first]
    fs, base = fsspec.url_to_fs(source.folder)
    if not fs.isdir(base):
        raise FileNotFoundError(f"CommonCrawl.folder={source.folder!r} is not a folder: create it, or name another")
    found = [path for path in fs.find(base) if path.endswith((".warc", ".warc.gz", ".warc.zst", ".warc.lz4"))]
    return sorted(path[len(base.rstrip("/")) + 1 :] for path in found)[: source.first]


def listing(source: CommonCrawl, root: str) -> Iterator[pa.RecordBatch]:
    """One row per response and revisit record, in the order of the file; the other records accompany them."""
    found = _DUMP.search(root)
    dump = source.dump or (found.group() if found else None)
    rows = _listed(source, root)
    while part := list(islice(rows, _ROWS)):
        yield _batch(root, dump, part)


def read(source: CommonCrawl, rows: pa.Table) -> Iterator[Raw]:
    """The pages of the rows, each read by its offset and length alone."""
    opened, file = None, None
    number = 0
    for batch in rows.to_batches(max_chunksize=_ROWS):
        for row in batch.to_pylist():
            if row["root"] != opened:
                if file is not None:
                    file.close()
                opened, file = row["root"], source.place.open(row["root"])
            yield _page(source, file, row, number)
            number += 1
    if file is not None:
        file.close()


def origin(source: CommonCrawl, root: str, path: str) -> str | None:
    """The page's registrable domain, known from its URL before it is read; None for a whole file."""
    return registrable_domain(path) if path else None


@lru_cache(maxsize=100_000)
def _domain_of_host(host: str) -> str:
    return _suffixes().privatesuffix(host) or host


@cache
def _suffixes() -> Any:
    """The public suffix list that the package ships; its version is pinned, for `origin` follows from it."""
    return PublicSuffixList()


def registrable_domain(url: str) -> str | None:
    """What someone registered: example.co.uk of https://www.example.co.uk/a; the address itself for IP addresses."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    if not host:
        return None
    return host if ":" in host or host.replace(".", "").isdigit() else _domain_of_host(host.rstrip("."))


# --- list


def _batch(root: str, dump: str | None, rows: list[_Row]) -> pa.RecordBatch:
    paths, sizes, locators, refused, dates = (list(column) for column in zip(*rows, strict=True))
    n = len(rows)
    columns: list[list[Any]] = [[root] * n, paths, sizes, locators, refused, [dump] * n, dates, [None] * n]
    arrays = [pa.array(column, f.type) for column, f in zip(columns, LISTING, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=LISTING)


def _listed(source: CommonCrawl, root: str) -> Iterator[_Row]:
    """Rows of one file. One that cannot be had, or no further, is a row with the reason."""
    try:
        # Gone after it was listed is an error of the disk's owner and raises; before, it is refused.
        with source.place.open(root) as file:
            yield from _rows_of(file, cutoff_seconds("cutoff", source.cutoff))
    except FileNotFoundError:
        yield "", 0, "", "gone", None
    except RefusedError as error:
        yield "", 0, "", error.reason, None


def _rows_of(file: Any, cutoff: int) -> Iterator[_Row]:
    """A record's length is known when the next one begins, so each row is held back by one."""
    size = file.seek(0, io.SEEK_END)
    start: int | None = 0
    restarts = 0
    while start is not None and start < size:
        held: tuple[int, _Row] | None = None
        last = start
        error = None
        try:
            for position, row in _records(file, start, cutoff):
                if held is not None:
                    yield _located(*held, position)
                held = None if row is None else (position, row)
                last = position
        except OSError as broken:  # fastwarc's word for bad compression and for what is no WARC
            error = broken
        if held is not None:
            yield _located(*held, size if error is None else _next_member(file, held[0] + 1, size) or size)
        if error is None:
            return
        restarts += 1
        start = _next_member(file, last + 1, size) if restarts < _RESTARTS else None
        if held is None or start is None:
            yield "", 0, "", "corrupt_record" if start is not None else "corrupt_file", None


def _records(file: Any, start: int, cutoff: int) -> Iterator[tuple[int, _Row | None]]:
    """(offset, row or None) of every record; None for those that are no page, such as requests."""
    file.seek(start)
    for record in ArchiveIterator(file, parse_http=False, auto_decode="none", fsspec_args=False):
        wanted = record.record_type in (WarcRecordType.response, WarcRecordType.revisit)
        yield record.stream_pos, _row(record, cutoff) if wanted else None


def _located(offset: int, row: _Row, end: int) -> _Row:
    path, size, digest, refused, date = row
    if end <= offset:  # records share one gzip member, so they have no offsets of their own
        refused = refused or "not_by_record"
    return path, size, f"{offset}:{end - offset}:{digest}", refused, date


def _row(record: Any, cutoff: int) -> _Row:
    url = record.headers.get("WARC-Target-URI") or ""
    digest = record.headers.get("WARC-Payload-Digest") or ""
    date = None if record.record_date is None else int(record.record_date.timestamp())
    refused = _refusal(record, url.strip("<>"), date, cutoff)
    size = record.content_length
    if refused is None and sum(len(part) for part in iter(lambda: record.reader.read(_CHUNK), b"")) < size:
        refused = "truncated"
    return url.strip("<>"), size, digest, refused, date


def _refusal(record: Any, url: str, date: int | None, cutoff: int) -> str | None:
    """The first reason why a record is no page of before the cut-off."""
    if record.record_type == WarcRecordType.revisit:
        return "revisit"
    if registrable_domain(url) is None:
        return "no_url"
    if date is None or date >= cutoff:
        return "no_date" if date is None else "after_cutoff"
    if record.headers.get("WARC-Truncated"):
        return "truncated"
    record.parse_http()
    status = None if record.http_headers is None else record.http_headers.status_code
    if status != 200:
        return "redirect" if status is not None and 300 <= status < 400 else "status"
    if (record.http_content_type or "").lower() not in HTML_MEDIA:
        return "not_html"
    return "empty" if record.content_length == 0 else None


def _next_member(file: Any, start: int, size: int) -> int | None:
    """Offset of the next gzip member, where reading may go on."""
    while start < size:
        file.seek(start)
        part = file.read(_CHUNK + len(_MEMBER) - 1)
        found = part.find(_MEMBER)
        if found >= 0:
            return int(start + found)
        start += _CHUNK
    return None


# --- read


def _page(source: CommonCrawl, file: Any, row: dict[str, Any], number: int) -> Raw:
    offset, length, digest = row["locator"].split(":", 2)
    try:
        file.seek(int(offset))
        data, charset, refused = payload(file.read(int(length)), source.max_page_bytes, row["path"])
    except RefusedError as error:
        data, charset, refused = b"", None, error.reason
    return page(row, number, digest, (data, charset, refused))


def page(row: dict[str, Any], number: int, digest: str, read: tuple[bytes, str | None, str | None]) -> Raw:
    """The page of a row of the listing; `read` is (body, charset, refusal), as `payload` gives them."""
    data, charset, refused = read
    return Raw(
        row=number,
        root=row["root"],
        path=row["path"],
        url=row["path"],
        data=data,
        kind="page",
        origin=registrable_domain(row["path"]) or "",
        snapshot=row["snapshot"],
        created=None if row["created"] is None else int(row["created"].timestamp()),
        blob=digest or None,
        charset=charset,
        refused=refused,
    )


def payload(record: bytes, limit: int, url: str) -> tuple[bytes, str | None, str | None]:
    """(body, declared charset, refusal). A body that is not packed as its header says is taken as it is, if HTML."""
    for decoding in ("all", "none"):
        try:
            found = next(iter(ArchiveIterator(io.BytesIO(record), auto_decode=decoding, fsspec_args=False)), None)
            if found is None:
                return b"", None, "corrupt_record"
            if (found.headers.get("WARC-Target-URI") or "").strip("<>") != url:
                return b"", None, "other_record"  # an index, or a listing, of other files than these
            body = b"".join(_read(found.reader, limit))
        except OSError:
            continue
        if len(body) > limit:
            return b"", None, "too_large"
        if decoding == "none" and not body.lstrip().startswith(b"<"):
            return b"", None, "bad_body"
        return body, found.http_charset, None if body else "empty"
    return b"", None, "corrupt_record"


def _read(reader: Any, limit: int) -> Iterator[bytes]:
    """Parts of the body until there are more than `limit` bytes."""
    size = 0
    while size <= limit and (part := reader.read(_CHUNK)):
        size += len(part)
        yield part
