"""The second pool shares no package and no domain with the first, and its lists agree with each other."""

from fnmatch import fnmatchcase

import pytest

from benchmarks import _recall_sites, _recall_sites2
from benchmarks._recall_pool import FIRST, SECOND, label_of, packages
from corpus.sources.commoncrawl import registrable_domain


def domains(sites):
    return {registrable_domain(site.url) for site in sites}


def test_no_domain_is_in_both_pools():
    assert not domains(_recall_sites.SITES) & domains(_recall_sites2.SITES)


def test_no_package_is_in_both_pools():
    assert not set(packages(FIRST)) & set(packages(SECOND))


def test_every_site_has_a_pinned_package_and_no_package_is_pinned_in_vain():
    assert {site.package for site in SECOND.sites} == set(packages(SECOND))


def test_pages_named_by_a_seed_are_mathematics():
    (site,) = (site for site in SECOND.sites if site.package == "scilab-doc")
    where = site.url.partition("://")[2]
    pages = [seed.removeprefix(where) for seed in _recall_sites2.SEEDS if seed.startswith(where)]
    assert len(pages) > 100
    assert {label_of(site, page) for page in pages} == {"math"}


@pytest.mark.parametrize("site", SECOND.sites, ids=lambda site: f"{site.package} {site.folder}")
def test_a_page_that_is_named_mathematics_is_not_left_out(site):
    named = [page for page in site.math if "*" not in page]
    assert not [page for page in named if any(fnmatchcase(page, pattern) for pattern in site.leave)]
