"""Pages of one Common Crawl dump, chosen by its index: domain, language, media type, date.

Comes in: the root under which Common Crawl's files lie (https://data.commoncrawl.org, s3://commoncrawl, or a copy of
the same layout), the dump's name, and what is wanted. Goes out: the chosen captures, each fetched from its WARC file by
offset and length alone. Both indices serve: the table (`cc-index-table.paths.gz`: Parquet files, of which only row
groups whose keys can hold a wanted domain are read) and the CDX (`cc-index.paths.gz`: of its blocks only those that
`cluster.idx` says can hold one, found by bisection, so that 200 MB are not read for one domain).
A capture that the index itself shows to be no page (redirect, error, other media, cut short, after the cut-off, the
same content under the same address again) is a row with a reason; what nobody asked for is no row.
This file refuses to know what is in a record: `commoncrawl.py` reads it.
"""

import gzip
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.http import HttpConfig, RefusedError
from corpus.schema import LISTING
from corpus.sources.commoncrawl import HTML_MEDIA, cutoff_seconds, page, payload, registrable_domain
from corpus.sources.places import Place
from corpus.sources.raw import LOCATION, Raw

INDICES: Final = ("table", "cdx")
_COLUMNS: Final = (
    *(
        "url_surtkey",
        "url",
        "url_host_name",
        "fetch_time",
        "fetch_status",
        "content_mime_detected",
        "content_languages",
    ),
    *("content_digest", "content_truncated", "warc_filename", "warc_record_offset", "warc_record_length"),
)
_ROWS: Final = 10_000
_BATCH: Final = 65_536  # rows of the table held at a time
_LINE: Final = 1 << 16  # no line of cluster.idx is longer
_SPAN: Final = 16 << 20  # bytes of adjacent blocks that one task asks for and holds: some 200,000 captures


@dataclass(frozen=True, kw_only=True)
class CommonCrawlIndex:
    """What to take of one dump."""

    folder: str = field(metadata=LOCATION)
    dump: str  # such as "CC-MAIN-2023-40"
    index: str = "table"  # one of INDICES
    domains: tuple[str, ...] = ()  # with everything below them; empty: all
    languages: tuple[str, ...] = ()  # ISO 639-3, as the index writes them ("eng"); a page with one of them; empty: all
    media: tuple[str, ...] = HTML_MEDIA  # as detected by the crawl
    cutoff: str = "2023-11-01"  # exclusive, UTC, of the time a page was fetched
    max_page_bytes: int = 16 << 20  # with compression undone
    parts: int | None = None  # only the first so many files of the index, for a try
    http: HttpConfig = field(default_factory=HttpConfig, metadata=LOCATION)

    def __post_init__(self) -> None:
        if self.index not in INDICES:
            raise ValueError(f"CommonCrawlIndex.index is one of {INDICES}, not {self.index!r}")
        if any(domain != domain.lower().strip(".") or not domain for domain in self.domains):
            raise ValueError(f"CommonCrawlIndex.domains are host names in lower case, not {self.domains}")
        if self.max_page_bytes < 1 or (self.parts is not None and self.parts < 1):
            raise ValueError("CommonCrawlIndex.max_page_bytes and parts must be at least 1")
        cutoff_seconds("CommonCrawlIndex.cutoff", self.cutoff)

    @property
    def place(self) -> Place:
        return Place(self.folder, self.http)


def roots(source: CommonCrawlIndex) -> list[str]:
    """Files of the index that can hold what is wanted; of the CDX, with the range of bytes that can."""
    manifest = "cc-index-table.paths.gz" if source.index == "table" else "cc-index.paths.gz"
    path = f"crawl-data/{source.dump}/{manifest}"
    lines = source.place.manifest(path, "CommonCrawlIndex.folder").decode().split()
    if source.index == "table":
        return sorted(line for line in lines if "/subset=warc/" in line)[: source.parts]
    files = sorted(line for line in lines if line.rsplit("/", 1)[-1].startswith("cdx-"))[: source.parts]
    if not source.domains:
        return files
    cluster = next((line for line in lines if line.endswith("cluster.idx")), None)
    if cluster is None:
        raise FileNotFoundError(f"{source.dump}: {manifest} names no cluster.idx: use index='table'")
    with source.place.open(cluster, _LINE) as file:
        return _blocks_of(file, source.domains, files)


def listing(source: CommonCrawlIndex, root: str) -> Iterator[pa.RecordBatch]:
    """One row per capture of what is wanted, in the index's order, and a last one where the file cannot be read."""
    found = _listed(source, root)
    while rows := list(islice(found, _ROWS)):
        yield pa.RecordBatch.from_pylist(rows, LISTING)


def read(source: CommonCrawlIndex, rows: pa.Table) -> Iterator[Raw]:
    """The captures that the rows name, one request each."""
    number = 0
    for batch in rows.to_batches(max_chunksize=_ROWS):
        for row in batch.to_pylist():
            yield _page(source, row, number)
            number += 1


def origin(source: CommonCrawlIndex, root: str, path: str) -> str | None:
    """The page's registrable domain; None for a whole file of the index."""
    return registrable_domain(path) if path else None


def _page(source: CommonCrawlIndex, row: dict[str, Any], number: int) -> Raw:
    offset, length, digest, file = row["locator"].split(":", 3)
    data, charset, refused = b"", None, None
    try:
        record = source.place.part(file, int(offset), int(offset) + int(length))
        data, charset, refused = payload(record, source.max_page_bytes, row["path"])
    except FileNotFoundError:
        refused = "gone"
    except RefusedError as error:
        refused = error.reason
    return page(row, number, digest, (data, charset, refused))


# --- list


def _listed(source: CommonCrawlIndex, root: str) -> Iterator[dict[str, Any]]:
    """Rows of one file of the index."""
    captures = _of_table(source, root) if source.index == "table" else _of_cdx(source, root)
    cutoff = cutoff_seconds("cutoff", source.cutoff)
    key, digests = "", set[str]()
    try:
        for capture in captures:
            if capture is None:
                yield _row(source, root, "", 0, None, "corrupt_line", None)
                continue
            url, when = str(capture["url"]), capture["fetch_time"]
            refused = _refusal(source, capture, cutoff)
            if capture["url_surtkey"] != key:  # an index is in the order of these
                key, digests = capture["url_surtkey"], set()
            digest = str(capture["content_digest"] or "").rpartition(":")[2]
            if refused is None and digest:
                refused = "duplicate" if digest in digests else None
                digests.add(digest)
            length, file = int(capture["warc_record_length"] or 0), capture["warc_filename"]
            locator = f"{capture['warc_record_offset']}:{length}:{digest}:{file}"
            yield _row(source, root, url, length, locator, refused, when)
    except FileNotFoundError:
        yield _row(source, root, "", 0, None, "gone", None)
    except RefusedError as error:
        yield _row(source, root, "", 0, None, error.reason, None)
    except (pa.ArrowInvalid, zlib.error, gzip.BadGzipFile, EOFError):
        yield _row(source, root, "", 0, None, "corrupt_file", None)


def _row(
    source: CommonCrawlIndex, root: str, url: str, size: int, locator: str | None, refused: str | None, when: Any
) -> dict[str, Any]:
    return dict(zip(LISTING.names, (root, url, size, locator, refused, source.dump, when, None), strict=True))


def _refusal(source: CommonCrawlIndex, capture: dict[str, Any], cutoff: int) -> str | None:
    """The first reason why a capture is no page of before the cut-off, as far as the index knows."""
    when, status = capture["fetch_time"], capture["fetch_status"]
    if registrable_domain(str(capture["url"])) is None:
        return "no_url"
    if when is None or when.timestamp() >= cutoff:
        return "no_date" if when is None else "after_cutoff"
    if status != 200:
        return "redirect" if status is not None and 300 <= status < 400 else "status"
    if (capture["content_mime_detected"] or "").lower() not in source.media:
        return "not_html"
    if capture["content_truncated"]:
        return "truncated"
    return None if capture["warc_filename"] and capture["warc_record_length"] else "no_record"


def _wanted(source: CommonCrawlIndex, host: str, languages: str) -> bool:
    if source.domains and not any(host == domain or host.endswith(f".{domain}") for domain in source.domains):
        return False
    return not source.languages or any(name in source.languages for name in languages.split(","))


# --- the table


def _of_table(source: CommonCrawlIndex, root: str) -> Iterator[dict[str, Any] | None]:
    with source.place.open(root, 1 << 16) as raw, pq.ParquetFile(pa.PythonFile(raw, "r")) as file:
        names = [name for name in _COLUMNS if name in file.schema_arrow.names]
        groups = [i for i in range(file.num_row_groups) if _may_hold(file.metadata.row_group(i), source.domains)]
        absent = dict.fromkeys(_COLUMNS)
        for batch in file.iter_batches(_BATCH, row_groups=groups, columns=names) if groups else ():
            for row in batch.to_pylist():
                capture = absent | row
                when = capture["fetch_time"]
                if when is not None and when.tzinfo is None:
                    capture["fetch_time"] = when.replace(tzinfo=UTC)
                if _wanted(source, capture["url_host_name"] or "", capture["content_languages"] or ""):
                    yield capture


def _may_hold(group: Any, domains: tuple[str, ...]) -> bool:
    """Whether the row group's smallest and largest keys leave room for one of the domains."""
    for index in range(group.num_columns if domains else 0):
        column = group.column(index)
        if column.path_in_schema == "url_surtkey" and column.is_stats_set and column.statistics.has_min_max:
            low, high = column.statistics.min, column.statistics.max
            return any(low < stop and high >= start for start, stop in map(_key_range, domains))
    return True


# --- the CDX


def _key_range(domain: str) -> tuple[str, str]:
    """Keys of the domain and what is below it: example.org is `org,example)/…` and `org,example,…`."""
    key = ",".join(reversed(domain.removeprefix("www.").split(".")))
    return f"{key})", f"{key}-"


def _blocks_of(file: IO[bytes], domains: tuple[str, ...], files: list[str]) -> list[str]:
    """`cdx-00000.gz:start-stop` of all blocks that may hold a domain; adjacent ones together, up to `_SPAN`.

    A line of cluster.idx is the first key of a block, its file, offset, length and number, apart by tabs.
    """
    size = file.seek(0, io.SEEK_END)
    by_name = {name.rsplit("/", 1)[-1]: name for name in files}
    spans: dict[str, set[tuple[int, int]]] = {}
    for low, high in map(_key_range, domains):
        file.seek(_bisected(file, size, low))
        for line in file:
            key, name, offset, length = line.decode().split("\t")[:4]
            if key.split(" ")[0] >= high:
                break
            if name in by_name:
                spans.setdefault(by_name[name], set()).add((int(offset), int(offset) + int(length)))
    made = []
    for name, blocks in sorted(spans.items()):
        merged: list[list[int]] = []
        for start, stop in sorted(blocks):
            if merged and start <= merged[-1][1] and stop - merged[-1][0] <= _SPAN:
                merged[-1][1] = stop
            else:
                merged.append([start, stop])
        made += [f"{name}:{start:012d}-{stop}" for start, stop in merged]
    return made


def _bisected(file: IO[bytes], size: int, low: str) -> int:
    """Offset of the last line whose key is less than `low`: the block that may begin before and reach into it."""
    start, stop = 0, size  # the line looked for begins in [start, stop)
    while stop - start > _LINE:
        middle = (start + stop) // 2
        file.seek(middle)
        file.readline()
        begin = file.tell()
        line = file.readline()
        if not line or line.decode().split(" ")[0] >= low:
            stop = middle
        else:
            start = begin
    file.seek(start)
    found = start
    while True:
        begin = file.tell()
        line = file.readline()
        if not line or line.decode().split(" ")[0] >= low:
            return found
        found = begin


def _of_cdx(source: CommonCrawlIndex, root: str) -> Iterator[dict[str, Any] | None]:
    """Captures in gzip blocks; None for a line that cannot be read."""
    name, _, span = root.partition(":")
    if span:
        start, stop = map(int, span.split("-"))
        raw: IO[bytes] = io.BytesIO(source.place.part(name, start, stop))
    else:
        raw = source.place.open(name)
    with raw, gzip.open(raw, "rb") as file:
        for line in file:
            capture = _capture(line)
            if capture is None or _wanted(source, capture["url_host_name"], capture["content_languages"]):
                yield capture


def _capture(line: bytes) -> dict[str, Any] | None:
    """A line of the CDX under the table's names; None where it is no such line."""
    try:
        key, stamp, fields = line.decode("utf-8", "replace").split(" ", 2)
        found = json.loads(fields)
        return {
            "url_surtkey": key,
            "url": found["url"],
            "url_host_name": ".".join(reversed(key.split(")", 1)[0].split(":")[0].split(","))),
            "content_languages": found.get("languages") or "",
            "fetch_time": datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC),
            "fetch_status": int(found["status"]),
            "content_mime_detected": found.get("mime-detected") or found.get("mime"),
            "content_digest": found.get("digest"),
            "content_truncated": found.get("truncated"),
            "warc_filename": found["filename"],
            "warc_record_offset": int(found["offset"]),
            "warc_record_length": int(found["length"]),
        }
    except (ValueError, KeyError, TypeError):
        return None
