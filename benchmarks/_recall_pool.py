"""The pools of the benchmark `recall`: real pages out of Debian packages, as WARC files under the addresses of their
sites.

Comes in: a folder of `.deb` files (read here, nothing is installed or run) and a `Pool`: `FIRST` of `_recall_sites`,
`SECOND` of `_recall_sites2`, `THIRD` of `_recall_sites3`. Goes out: WARC files and `labels.tsv`, one line per page. The
same packages give the same files. Each site's pages are drawn by a hash of their address among those that hold at least
`LEAST` characters of text; what the label is, only the path decides, or in the third pool who read the page. The WARC
files do not depend on the labels: a page that is not read yet is in the pool, and its label is `UNCLEAR`.
"""

import gzip
import heapq
import io
import re
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

from benchmarks import _recall_sites2, _recall_sites3
from benchmarks._recall_sites import INDEXES, LARGEST, SITES, Site
from corpus.extract import html_text
from pipelines.demo_math import Page
from pipelines.demo_pages import CRAWLED_UNTIL, ELSEWHERE, elsewhere, warc_file
from pipelines.demo_sources import PACKAGES

LEAST: Final = 500  # characters of text: shorter pages are headings, redirects and lists of links
FILES: Final = 8
MATH, OTHER = "math", "other"
UNCLEAR: Final = "?"  # not read yet, or read without agreement: in the pool, in no figure
_CANDIDATES: Final = 3  # pages held per page wanted, since some have too little text
# XHTML closes elements where HTML cannot, and may declare entities before the page.
_CLOSED: Final = re.compile(rb"<(script|a|div|p|span|td)\b([^<>]*)/>")
_DECLARED: Final = re.compile(rb"<!DOCTYPE[^\[>]*\[.*?\]>", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Pool:
    """Which sites, out of which packages."""

    sites: tuple[Site, ...]
    pinned: str  # the file that names the packages, beside this module
    where: str  # where they are to be had
    others: bool = False  # with the pages of other sites that the demo's input holds
    told: str | None = None  # the file with the labels of pages that were read one by one, beside this module


FIRST: Final = Pool(sites=SITES, pinned="recall_packages.txt", where="on Debian 12", others=True)
SECOND: Final = Pool(
    sites=_recall_sites2.SITES,
    pinned="recall_packages2.txt",
    where="on Debian 12 with its non-free part and Debian 13 in the sources too",
)
THIRD: Final = Pool(
    sites=_recall_sites3.SITES,
    pinned="recall_packages3.txt",
    told="recall_labels3.tsv",
    where="on Debian 12 with its non-free part and Debian 13 in the sources too",
)


def packages(pool: Pool = FIRST) -> dict[str, tuple[str, str]]:
    """Package -> (file, SHA-256), as pinned."""
    lines = (line.split() for line in (Path(__file__).parent / pool.pinned).read_text().splitlines())
    return {name.split("_")[0]: (name, digest) for digest, name in lines}


def labels_read(pool: Pool) -> dict[str, str]:
    """URL -> label, of pages that were read; none before they are."""
    if pool.told is None or not (path := Path(__file__).parent / pool.told).exists():
        return {}
    return dict(line.split("\t") for line in path.read_text().splitlines())


def build(folder: Path, demo_packages: Path, target: Path, pool: Pool = FIRST) -> None:
    """Write the WARC files and the labels into `target`, unless they are there; then what was read since."""
    done = target / "labels.tsv"
    if not done.exists():
        _write(folder, demo_packages, target, pool)
    if read := labels_read(pool):
        rows = (line.split("\t") for line in done.read_text().splitlines())
        done.write_text("".join(f"{url}\t{read.get(url, label)}\t{package}\n" for url, label, package in rows))


def _write(folder: Path, demo_packages: Path, target: Path, pool: Pool) -> None:
    pinned = packages(pool)
    missing = [name for name, _ in pinned.values() if not (folder / name).exists()]
    if missing:
        wanted = " ".join(f"{file.split('_')[0]}={_version(file)}" for file, _ in pinned.values())
        raise FileNotFoundError(
            f"{folder} lacks {len(missing)} of {len(pinned)} packages, such as {missing[0]}: there, {pool.where}, "
            f"run\napt-get download {wanted}"
        )
    lines, pages = [], []
    for site in pool.sites:
        for label, page in _drawn(site, folder, *pinned[site.package]):
            lines.append(f"{page.url}\t{label}\t{site.package}")
            pages.append(page)
    for page in _others(demo_packages) if pool.others else ():
        lines.append(f"{page.url}\t{OTHER}\telsewhere")
        pages.append(page)
    pages.sort(key=lambda page: sha256(page.url.encode()).digest())
    target.mkdir(parents=True, exist_ok=True)
    for number in range(FILES):
        name = f"recall-{number:05d}.warc.gz"
        (target / name).write_bytes(b"".join(warc_file(name, pages[number::FILES])))
    (target / "labels.tsv").write_text("".join(f"{line}\n" for line in sorted(set(lines))))


def labels(target: Path) -> dict[str, tuple[str, str]]:
    """URL -> (label, package)."""
    rows = (line.split("\t") for line in (target / "labels.tsv").read_text().splitlines())
    return {url: (label, package) for url, label, package in rows}


def _version(file: str) -> str:
    return file.split("_")[1].replace("%3a", ":")


def _drawn(site: Site, folder: Path, file: str, digest: str) -> Iterator[tuple[str, Page]]:
    """The site's pages with the smallest draws, of each label as many as wanted."""
    data = (folder / file).read_bytes()
    if sha256(data).hexdigest() != digest:
        raise ValueError(f"{file} is not the file that is pinned: take it again, version {_version(file)}")
    rest = UNCLEAR if site.read else OTHER
    wanted = {MATH: site.take_math, rest: site.take}
    held: dict[str, list[tuple[int, str, bytes]]] = {label: [] for label in wanted}
    for name, html in members(data, f"./{site.root}/{site.folder}", site.largest):
        label = label_of(site, name)
        if label is None:
            continue
        url = site.url + quote(name)
        draw = int.from_bytes(blake2b(url.encode(), digest_size=8, person=b"recall-pool").digest(), "big")
        heapq.heappush(held[label], (-draw, url, html))
        if len(held[label]) > _CANDIDATES * wanted[label]:
            heapq.heappop(held[label])
    for label, pages in held.items():
        left = wanted[label]
        for _, url, html in sorted(pages, reverse=True):
            if left and len(html_text(html) or b"") >= LEAST:
                left -= 1
                yield label, Page(url, html, CRAWLED_UNTIL)


def label_of(site: Site, name: str) -> str | None:
    """What the path decides, or None where the page is left out."""
    if any(fnmatchcase(name, pattern) for pattern in (*INDEXES, *site.leave)):
        return None
    for label, patterns in ((MATH, site.math), (UNCLEAR if site.read else OTHER, site.other)):
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return label
    return None


def members(deb: bytes, folder: str, largest: int = LARGEST) -> Iterator[tuple[str, bytes]]:
    """HTML files below the folder, by their path in it. A .deb is an `ar` archive with a tar file of the data in it; a
    .jar in it is a folder too."""
    at = 8
    while at < len(deb):
        name, size = deb[at : at + 16].decode().strip().rstrip("/"), int(deb[at + 48 : at + 58])
        if name.startswith("data.tar"):
            with tarfile.open(fileobj=io.BytesIO(deb[at + 60 : at + 60 + size]), mode="r|*") as members:
                for member in members:
                    jar = member.name.endswith(".jar") and folder.startswith(f"{member.name}/")
                    if not member.isfile() or not (jar or (member.name.startswith(folder) and member.size <= largest)):
                        continue
                    path = member.name.removeprefix(folder)
                    if jar or path.endswith((".html", ".htm", ".html.gz", ".xhtml")):
                        file = members.extractfile(member)
                        assert file is not None
                        if jar:
                            yield from _jar_members(file.read(), folder.removeprefix(f"{member.name}/"), largest)
                        elif path.endswith(".xhtml"):
                            yield path, _CLOSED.sub(rb"<\1\2></\1>", _DECLARED.sub(b"<!DOCTYPE html>", file.read()))
                        else:
                            html = gzip.decompress(file.read()) if path.endswith(".gz") else file.read()
                            yield path.removesuffix(".gz"), html
        at += 60 + size + size % 2


def _jar_members(jar: bytes, folder: str, largest: int) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(jar)) as files:
        for info in files.infolist():
            if info.filename.startswith(folder) and info.filename.endswith(".html") and info.file_size <= largest:
                yield info.filename.removeprefix(folder), files.read(info)


def _others(demo_packages: Path) -> Iterator[Page]:
    """Pages of other sites: news, blogs, shops."""
    once: dict[str, Page] = {}
    for package in PACKAGES:
        if package.requirement in ELSEWHERE:
            path = demo_packages / package.file
            if not path.exists():
                raise FileNotFoundError(f"no {path}: run `make demo-input` first, or set DEMO_INPUT to its folder")
            for page in elsewhere(path, ELSEWHERE[package.requirement]):
                if len(html_text(page.html) or b"") >= LEAST:
                    once.setdefault(page.url, page)
    yield from once.values()
