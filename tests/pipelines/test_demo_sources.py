"""The demo's pins, and what its folders hold once they are fetched."""

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.sources import archives, commoncrawl, documents, git
from pipelines import demo_sources
from pipelines.demo_sources import PACKAGES

HERE = Path(__file__).parents[2] / demo_sources.FOLDER
fetched = pytest.mark.skipif(
    not (HERE / "complete").is_file(), reason="no demo-input: run python -m pipelines.demo_input"
)


def test_every_package_is_pinned_once_by_version_and_hash():
    assert all("==" in package.requirement and len(package.sha256) == 64 for package in PACKAGES)
    assert len({package.sha256 for package in PACKAGES}) == len({package.file for package in PACKAGES}) == len(PACKAGES)


def test_there_are_at_least_six_archives():
    assert len(demo_sources.archives().archives) >= 6


def refused(module, source, root):
    return Counter(pa.Table.from_batches(list(module.listing(source, root)))["refused"].to_pylist())


@fetched
@pytest.mark.parametrize(
    ("root", "counts"),
    [
        ("networkx-3.3.tar.gz", {"after_cutoff": 878}),
        ("zstandard-0.21.0.tar.gz", {None: 101, "empty": 2}),
        ("libsass-0.22.0.tar.gz", {None: 183}),
    ],
)
def test_an_archive_has_the_files_it_always_had(root, counts):
    assert refused(archives, demo_sources.archives(str(HERE)), root) == counts


@fetched
def test_repositories_are_read_as_of_their_newest_release_before_the_cut_off():
    source = demo_sources.repositories(str(HERE))
    newest = {root: next(git.listing(source, root))["snapshot"][0].as_py() for root in git.roots(source)}
    assert newest == {
        "pallets/jinja": "1f3990331d3dca059b5c41e9fa7b7d9d22b53628",
        "simplejson/simplejson": "5300bbaf52cdb32805b516029c9a60c83f55a826",
    }


@fetched
def test_the_pool_holds_several_hundred_pages_of_many_sites():
    source = demo_sources.pages(str(HERE))
    found = [
        row
        for root in commoncrawl.roots(source)
        for batch in commoncrawl.listing(source, root)
        for row in batch.to_pylist()
    ]
    urls = {row["path"] for row in found if row["refused"] is None}
    hosts = Counter(url.split("/")[2] for url in urls)
    reasons = Counter(row["refused"] for row in found if row["refused"])
    assert len(urls) >= 200 and len(hosts) >= 8
    assert hosts["docs.sympy.org"] + hosts["mpmath.org"] + hosts["numdifftools.readthedocs.io"] >= 100
    assert sum(row["refused"] is None for row in found) > len(urls)  # the same page in two files
    assert {"status", "redirect", "not_html"} <= set(reasons)
    assert len(reasons) >= 4  # and the record that was cut


@fetched
def test_prose_is_what_it_always_was():
    for source, rows in ((demo_sources.news(str(HERE)), 300), (demo_sources.encyclopedia(str(HERE)), 104)):
        (root,) = documents.roots(source)
        assert refused(documents, source, root) == {None: rows}
