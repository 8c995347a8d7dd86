"""The demo's web crawl: real HTML pages out of packages, as gzip WARC files laid out as Common Crawl's.

Comes in: source archives that carry HTML. Three kinds: documentation that the project built itself, under the address
where it stands on the web; pages of some hundred and fifty other sites (news, blogs, shops) that two extractors use as
test data, under the address that the page itself gives as its canonical one; and mathematics, `pipelines.demo_math`.
Goes out: WARC files with a gzip member per record, in the order warcinfo, then request, response and metadata for each
page. As a crawl has them, there are the same page in two files, a 404, a redirect, a response that is not HTML, and a
file that was cut off in the middle of a record. Every date is that of the archive member. The records are the same on
any machine; how well they are packed is zlib's. This file refuses to know extraction.
"""

import base64
import gzip
import hashlib
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from pipelines.demo_math import Page, pages

# Requirement -> folder of the built pages, address, largest page taken, in bytes: SQLAlchemy alone has 35 MB.
SITES: Final = {
    "sqlalchemy==2.0.22": ("doc/", "https://docs.sqlalchemy.org/en/20/", 120_000),
    "alembic==1.12.0": ("docs/", "https://alembic.sqlalchemy.org/en/latest/", 200_000),
    "dogpile.cache==1.2.2": ("docs/", "https://dogpilecache.sqlalchemy.org/en/latest/", 200_000),
    "mako==1.2.4": ("doc/", "https://docs.makotemplates.org/en/latest/", 200_000),
    "lxml==4.9.3": ("doc/html/", "https://lxml.de/", 200_000),
    "roundup==2.3.0": ("share/doc/roundup/html/", "https://www.roundup-tracker.org/docs/", 250_000),
    "numdifftools==0.9.39": ("docs/_build/html/", "https://numdifftools.readthedocs.io/en/latest/", 200_000),
}
ELSEWHERE: Final = {"trafilatura==0.8.2": "tests/cache/", "htmldate==0.8.1": "tests/cache/"}
MATHEMATICS: Final = ("mpmath==1.3.0", "networkx==3.2", "sympy==1.12")
LARGEST_ELSEWHERE: Final = 300_000
FILES: Final = 6
DUMP: Final = "CC-MAIN-20230921073711-20230921103711"
SEGMENT: Final = "crawl-data/CC-MAIN-2023-40/segments/1695233505362.50/warc"
CRAWLED_UNTIL: Final = 1_695_292_631  # 2023-09-21, the dump's end: a page cannot have been fetched later

_CANONICAL: Final = re.compile(rb"""<link[^>]+rel=["']canonical["'][^>]*>""", re.IGNORECASE)
_OPEN_GRAPH: Final = re.compile(rb"""<meta[^>]+property=["']og:url["'][^>]*>""", re.IGNORECASE)
_ADDRESS: Final = re.compile(rb"""(?:href|content)=["'](https?://[^"'<>\s{}]+)["']""", re.IGNORECASE)


def archives(files: Mapping[str, Path], folder: Path) -> None:
    """Write the WARC files; `files` is by requirement."""
    shutil.rmtree(folder, ignore_errors=True)
    segment = folder / SEGMENT
    segment.mkdir(parents=True)
    with ProcessPoolExecutor(2) as workers:
        rendered = workers.map(_rendered, [files[name] for name in MATHEMATICS])
        found = [page for name, site in SITES.items() for page in _built(files[name], *site)]
        found += [page for name, at in ELSEWHERE.items() for page in elsewhere(files[name], at)]
        found += [page for project in rendered for page in project]
    once = {page.url: page for page in reversed(found)}
    ordered = sorted(once.values(), key=lambda page: hashlib.sha256(page.url.encode()).digest())
    for number in range(FILES):
        mine = ordered[number::FILES]
        if number > 0:
            mine += ordered[0 : 8 * FILES : FILES]  # the same pages again, as dumps have them
        records = list(warc_file(f"{DUMP}-{number:05d}.warc.gz", mine))
        if number == FILES - 1:  # an upload that broke off in the middle of a response
            records = _cut(records)
        data = b"".join(records)
        (segment / f"{DUMP}-{number:05d}.warc.gz").write_bytes(data)


def _cut(records: list[bytes]) -> list[bytes]:
    """Nine tenths of a file. After warcinfo come request, response and metadata in turn: every third is a response."""
    last = 2 + len(records) * 9 // 10 // 3 * 3
    return [*records[:last], records[last][: len(records[last]) // 2]]


def _rendered(archive: Path) -> list[Page]:
    return list(pages(archive))


def _html(archive: Path, folder: str, largest: int) -> Iterator[tuple[str, bytes, int]]:
    with tarfile.open(archive) as members:
        for member in members:
            name = member.name.split("/", 1)[-1]
            if name.startswith(folder) and name.endswith(".html") and member.size <= largest:
                file = members.extractfile(member)
                if file is not None:
                    yield name.removeprefix(folder), file.read(), min(int(member.mtime), CRAWLED_UNTIL)


def _built(archive: Path, folder: str, site: str, largest: int) -> Iterator[Page]:
    for name, data, date in _html(archive, folder, largest):
        if not name.startswith(("build/", "_templates/", "_static/", "search.", "genindex")):
            yield Page(site + name, data, date)


def elsewhere(archive: Path, folder: str) -> Iterator[Page]:
    """Pages whose address they name themselves; one without an address is left out."""
    for _, data, date in _html(archive, folder, LARGEST_ELSEWHERE):
        for element in (_CANONICAL.search(data), _OPEN_GRAPH.search(data)):
            address = _ADDRESS.search(element[0]) if element else None
            if address:
                yield Page(address[1].decode("ascii", "ignore"), data, date)
                break


def warc_file(name: str, found: list[Page]) -> Iterator[bytes]:
    """One WARC file: each record a gzip member of its own, so that a range of bytes is a record."""
    information = f"isPartOf: {DUMP}\r\nformat: WARC File Format 1.0\r\nsoftware: pipelines.demo_pages\r\n".encode()
    yield _record(
        "warcinfo", name, CRAWLED_UNTIL, information, {"WARC-Filename": name, "Content-Type": "application/warc-fields"}
    )
    for page in found:
        yield from _exchange(page, "200 OK", _content_type(page.html), page.html)
    host = found[0].url.split("/")[2]
    date = found[0].date
    missing, moved = Page(f"https://{host}/no-such-page", b"", date), Page(f"https://{host}/old", b"", date)
    yield from _exchange(missing, "404 Not Found", "text/html", b"<html><body><h1>Not Found</h1></body></html>")
    yield from _exchange(moved, f"301 Moved Permanently\r\nLocation: {found[0].url}", "text/html", b"")
    yield from _exchange(
        Page(f"https://{host}/objects.inv", b"", date), "200 OK", "application/octet-stream", bytes(range(256))
    )


def _content_type(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError:
        return "text/html"  # the page says it itself, or nobody does
    return "text/html; charset=UTF-8"


def _exchange(page: Page, status: str, content_type: str, body: bytes) -> Iterator[bytes]:
    """What was asked, what was answered, and what the crawler noted about it."""
    host, path = page.url.split("/", 3)[2], "/" + "".join(page.url.split("/", 3)[3:])
    target = {"WARC-Target-URI": page.url}
    asked = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: CCBot/2.0\r\nAccept-Encoding: br,gzip\r\n\r\n".encode()
    answered = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )
    http = {"Content-Type": "application/http; msgtype=response", "WARC-Payload-Digest": _digest(body), **target}
    yield _record(
        "request", page.url, page.date, asked, {"Content-Type": "application/http; msgtype=request", **target}
    )
    yield _record("response", page.url, page.date, answered, http)
    yield _record(
        "metadata",
        page.url,
        page.date,
        b"fetchTimeMs: 90\r\n\r\n",
        {"Content-Type": "application/warc-fields", **target},
    )


def _record(kind: str, subject: str, date: int, block: bytes, headers: Mapping[str, str]) -> bytes:
    identity = UUID(bytes=hashlib.sha256(f"{kind} {subject} {date}".encode() + block).digest()[:16])
    fields = {
        "WARC-Type": kind,
        "WARC-Date": datetime.fromtimestamp(date, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "WARC-Record-ID": f"<urn:uuid:{identity}>",
        "Content-Length": str(len(block)),
        "WARC-Block-Digest": _digest(block),
        **headers,
    }
    head = "WARC/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items()) + "\r\n"
    return gzip.compress(head.encode() + block + b"\r\n\r\n", 6, mtime=0)


def _digest(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()
