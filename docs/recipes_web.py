"""Recipes of docs/web.md: copy this file and change what it names. Places come from the environment, so that the same
recipe reads a mirror, another folder, or the project's tests' own server; the folders' defaults are the demo's."""

import os
from dataclasses import replace

from corpus.decode import plain_text
from corpus.extract import page_text
from corpus.http import HttpConfig
from corpus.notebooks import source_text
from corpus.sources.archives import Archives
from corpus.sources.ccindex import CommonCrawlIndex
from corpus.sources.commoncrawl import CommonCrawl
from corpus.sources.documents import Documents, File
from pipelines.crawl import Batch, CrawlConfig
from pipelines.recipes import Recipe, demo

DUMP = "CC-MAIN-2023-40"
HTTP = HttpConfig(
    agent="my-crawl (me@example.org)",  # so that a server's owner can reach you
    cache=os.environ.get("FETCH_CACHE", "fetched"),
    networks=tuple(os.environ.get("FETCH_NETWORKS", "").split()),  # public addresses only, where nothing is named
)


def by_cdx() -> Recipe:
    """Pages of one dump by domain and language: the CDX index is asked, and each page fetched by its range."""
    return _by_index("cdx")


def by_table() -> Recipe:
    """The same by the columnar index, Parquet files."""
    return _by_index("table")


def whole_files() -> Recipe:
    """The first WARC file of the dump, whole."""
    paths = f"crawl-data/{DUMP}/warc.paths.gz"
    return _pages(CommonCrawl(folder=_common_crawl(), paths=paths, first=1, cutoff="2023-11-01", http=HTTP))


def warcs() -> Recipe:
    """Every WARC file below a folder (or s3://, gs://, …), whoever wrote it."""
    return _pages(CommonCrawl(folder=_folder("WARCS", "demo-input/warc"), cutoff="2023-11-01"))


def archives() -> Recipe:
    """tar, zip, sdist, wheel or folder: members dated before the cut-off."""
    source = Archives(folder=_folder("ARCHIVES", "demo-input/archives"), cutoff="2023-11-01")
    return _crawl(Batch(name="archives", source=source, extract=source_text))


def documents() -> Recipe:
    """Rows with declared columns: JSON lines here; Parquet, CSV and Arrow alike."""
    source = Documents(
        folder=_folder("DOCUMENTS", "demo-input/prose"),
        form="jsonl",
        files=(File(file="wikipedia.jsonl"),),  # none named: every file below the folder
        text="text",
        id="id",
        date="date",
    )
    return _crawl(Batch(name="prose", source=source, extract=plain_text))


def _by_index(index: str) -> Recipe:
    return _pages(
        CommonCrawlIndex(
            folder=_common_crawl(),
            dump=DUMP,
            index=index,
            domains=("docs.python.org",),  # with what is below them; none: all
            languages=("eng",),
            http=HTTP,
        )
    )


def _common_crawl() -> str:
    return os.environ.get("COMMON_CRAWL", "https://data.commoncrawl.org")


def _folder(variable: str, default: str) -> str:
    """Absolute, because workers may run elsewhere; where a folder lies is no part of any identity."""
    return os.path.abspath(os.environ.get(variable, default))


def _pages(source: CommonCrawl | CommonCrawlIndex) -> Recipe:
    return _crawl(Batch(name="pages", source=source, extract=page_text, output="pool"))


def _crawl(*batches: Batch) -> Recipe:
    return replace(demo(), crawl=CrawlConfig(batches=batches))
