"""Recipes of docs/crawl.md: copy this file and change what it names. Servers come from the environment, so that the
same recipe reads a mirror, or the project's tests' own servers."""

import os
from dataclasses import replace

from corpus.decode import plain_text
from corpus.http import HttpConfig
from corpus.notebooks import source_text
from corpus.sources.gharchive import Hours
from corpus.sources.git import Git
from corpus.sources.issues import Issues
from pipelines.crawl import Batch, CrawlConfig
from pipelines.recipes import Recipe, demo

HTTP = HttpConfig(
    agent="my-crawl (me@example.org)",  # so that a server's owner can reach you
    cache=os.environ.get("FETCH_CACHE", "fetched"),
    networks=tuple(os.environ.get("FETCH_NETWORKS", "").split()),  # public addresses only, where nothing is named
)


def repositories() -> Recipe:
    """The repositories of a list that pipelines.discover made, as they were before November 2023."""
    server = os.environ.get("GIT_SERVER", "https://github.com")
    source = Git(listed=_path("CANDIDATES", "candidates.arrow"), server=server, cutoff="2023-11-01", http=HTTP)
    return _crawl(Batch(name="github", source=source, extract=source_text))


def clones() -> Recipe:
    """Clones and bundles in a folder, without network."""
    return _crawl(Batch(name="clones", source=Git(folder=_path("CLONES", "clones")), extract=source_text))


def issues() -> Recipe:
    """Issues and discussions opened in two hours of GH Archive; for a year take 4,096 buckets."""
    place = os.environ.get("GHARCHIVE", "https://data.gharchive.org")
    hours = Hours(first="2023-10-01-0", last="2023-10-01-1", place=place, http=HTTP)
    return _crawl(Batch(name="issues", source=Issues(hours=hours, buckets=4), extract=plain_text))


def everything() -> Recipe:
    """Both, as two batches of one crawl."""
    both = (repositories().crawl.batches[0], issues().crawl.batches[0])
    return _crawl(*both)


def _path(variable: str, default: str) -> str:
    """Absolute, because workers may run elsewhere; where a list or folder lies is no part of any identity."""
    return os.path.abspath(os.environ.get(variable, default))


def _crawl(*batches: Batch) -> Recipe:
    return replace(demo(), crawl=CrawlConfig(batches=batches))
