"""The third pool shares no package and no domain with the first two; its pages are there before their labels are."""

import io
import tarfile
from fnmatch import fnmatchcase
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pytest

from benchmarks import _recall_pool, _recall_sites, _recall_sites2, _recall_sites3
from benchmarks._recall_pool import FIRST, SECOND, THIRD, UNCLEAR, Pool, build, label_of, labels, labels_read, packages
from benchmarks._recall_sites import Site
from benchmarks.recall import Pages, Scored, _agreement, _loop_rows
from corpus.sources.commoncrawl import registrable_domain


def domains(sites):
    return {registrable_domain(site.url) for site in sites}


def test_no_domain_is_in_an_earlier_pool():
    assert not domains(THIRD.sites) & (domains(_recall_sites.SITES) | domains(_recall_sites2.SITES))


def test_no_package_is_in_an_earlier_pool():
    assert not set(packages(THIRD)) & (set(packages(FIRST)) | set(packages(SECOND)))


def test_every_site_has_a_pinned_package_and_no_package_is_pinned_in_vain():
    assert {site.package for site in THIRD.sites} == set(packages(THIRD))


def test_no_two_sites_stand_at_one_address_or_read_one_folder():
    for where in ("url", "folder"):
        found = [(site.package if where == "folder" else "", getattr(site, where)) for site in THIRD.sites]
        twice = {one for one in found if found.count(one) > 1}
        assert twice <= {("", "https://docs.kicad.org/6.0/")}  # two languages, each in a folder of its own


def test_seeds_and_seed_domains_are_those_of_the_sites_with_mathematics_by_path():
    by_path = [site for site in THIRD.sites if site.math]
    assert domains(by_path) == set(_recall_sites3.SEED_DOMAINS)
    found = {site.url.partition("://")[2].removeprefix("www.") + p for site in by_path for p in site.math}
    assert set(_recall_sites3.SEEDS) == found  # as addresses are written: without "www."


@pytest.mark.parametrize("site", THIRD.sites, ids=lambda site: f"{site.package} {site.folder}")
def test_a_page_that_is_named_mathematics_is_not_left_out(site):
    named = [page for page in site.math if "*" not in page]
    assert not [page for page in named if any(fnmatchcase(page, pattern) for pattern in site.leave)]


def test_labels_by_reading_are_of_pages_of_mixed_sites():
    read = labels_read(THIRD)
    assert set(read.values()) == {"math", "other", UNCLEAR}
    starts = tuple(site.url for site in THIRD.sites if site.read)
    assert [url for url in read if not url.startswith(starts)] == []
    assert list(read) == sorted(read)


def test_only_mixed_sites_leave_the_label_to_who_reads():
    assert label_of(Site(package="a", folder="", url="", read=True, math=("m*",)), "n.html") == UNCLEAR
    assert label_of(Site(package="a", folder="", url="", read=True, math=("m*",)), "m.html") == "math"
    assert label_of(Site(package="a", folder="", url=""), "n.html") == "other"


# --- the builder, on a package made here


def packed(files):
    """A .deb as `members` reads it: an `ar` archive with the data in it."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, html in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(html)
            tar.addfile(member, io.BytesIO(html))
    body = data.getvalue()
    return b"!<arch>\n" + b"data.tar".ljust(48) + str(len(body)).encode().ljust(10) + b"`\n" + body


@pytest.fixture
def pool(tmp_path, monkeypatch):
    monkeypatch.setattr(_recall_pool, "FILES", 2)
    page = b"<html><body><p>" + b"A page with some words about a thing. " * 30 + b"</p></body></html>"
    deb = packed({f"./usr/lib/R/{name}.html": page + name.encode() for name in ("a/one", "a/two", "b/three")})
    (tmp_path / "a_1_all.deb").write_bytes(deb)
    (tmp_path / "pinned").write_text(f"{sha256(deb).hexdigest()}  a_1_all.deb\n")
    sites = (
        Site(package="a", folder="a/", url="https://mixed.org/", root="usr/lib/R", read=True),
        Site(package="a", folder="b/", url="https://other.org/", root="usr/lib/R"),
    )
    return Pool(sites=sites, pinned=str(tmp_path / "pinned"), told=str(tmp_path / "read.tsv"), where="here")


def test_pages_are_in_the_pool_before_they_are_read_and_labels_come_later(tmp_path, pool):
    build(tmp_path, tmp_path, tmp_path / "pool", pool)
    files = {path.name: path.read_bytes() for path in (tmp_path / "pool").glob("*.warc.gz")}
    one, two, three = "https://mixed.org/one.html", "https://mixed.org/two.html", "https://other.org/three.html"
    assert labels(tmp_path / "pool") == {one: (UNCLEAR, "a"), two: (UNCLEAR, "a"), three: ("other", "a")}
    (tmp_path / "read.tsv").write_text(f"{one}\tmath\n{two}\t?\n")
    for target in ("pool", "again"):  # the pool that is there, and one built with the labels
        build(tmp_path, tmp_path, tmp_path / target, pool)
        assert labels(tmp_path / target) == {one: ("math", "a"), two: (UNCLEAR, "a"), three: ("other", "a")}
        assert {path.name: path.read_bytes() for path in (tmp_path / target).glob("*.warc.gz")} == files


# --- the figures

# math and selected, other and selected, no label and selected, math and not selected, of a seed domain and selected
PAGES = Pages(
    texts=pa.array(["a"] * 5, pa.large_string()),
    math=np.array([True, False, False, True, True]),
    clear=np.array([True, True, False, True, True]),
    apart=np.array([True, True, True, True, False]),
    seed=np.array([False, False, False, False, True]),
    tokens=np.ones(5, np.int64),
    origins=list("abcde"),
    packages=list("abcde"),
    addresses=[f"{name}.org/" for name in "abcde"],
)


def test_figures_leave_out_pages_without_a_label():
    chosen = np.array([True, True, True, False, True])
    found = Scored(chosen, np.array([5.0, 3.0, 4.0, 1.0, 6.0]), np.ones(5, bool), [None] * 5)
    told = {"labels": {"math": {"seed_pages": 1, "pages": 4, "new_pages": 3}}}
    made = {row["what"]: row["ours"] for row in _loop_rows("automatic", PAGES, [found], [told])}
    assert made["automatic: without a label"] == 1
    assert made["automatic: mathematics in it"] == 3 / 4
    assert made["automatic: mathematics on held-out domains"] == 2
    assert made["automatic, round 1: precision, held-out domains"] == 1 / 2
    assert made["automatic, round 1: recall, held-out domains"] == 1 / 2
    assert made["automatic, round 1: average precision"] == (1 + 2 / 3) / 2
    assert made["automatic: precision at the last budget"] == 1 / 2


def test_a_decision_on_a_page_without_a_label_is_neither_right_nor_wrong():
    decided = [None, ("math", "b.org/"), ("math", "c.org/"), ("math", "d.org/"), None]
    found = Scored(np.ones(5, bool), np.ones(5), np.ones(5, bool), decided)
    assert [row["ours"] for row in _agreement("round 1", found, PAGES)] == [2, 1 / 2]
