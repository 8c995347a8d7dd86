"""Pages chosen by either index of a dump, from a server that speaks Range and fails."""

import dataclasses
from datetime import UTC, datetime

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from corpus.http import UnavailableError
from corpus.schema import LISTING
from corpus.sources import ccindex
from corpus.sources.ccindex import CommonCrawlIndex, listing, origin, read, roots
from tests.corpus.sources.crawl_server import DUMP, LOOPBACK, crawl_files, served
from tests.corpus.sources.warcs import record

WARC = f"crawl-data/{DUMP}/segments/1/warc/one.warc.gz"
LATE = datetime(2023, 11, 1, tzinfo=UTC)
HOSTS = ("a.org", "docs.python.org", "python.org", "www.python.org", "notpython.org", "z.de")


def capture(url, **more):
    return url, record(url, f"<p>{url}".encode()), more


PAGES = [capture(f"https://{host}/{page}") for host in HOSTS for page in ("one", "two")]


@pytest.fixture(params=["table", "cdx"])
def crawl(request):
    """(source, server), the source over either index."""
    with served(crawl_files(PAGES)) as (url, server):
        yield CommonCrawlIndex(folder=url, dump=DUMP, index=request.param, http=LOOPBACK), server


def listed(source):
    return pa.concat_tables([pa.Table.from_batches(list(listing(source, root)), LISTING) for root in roots(source)])


def pages(source):
    table = listed(source)
    return list(read(source, table.filter(pc.is_null(table["refused"]))))


def test_every_page_of_a_dump_comes_with_what_is_known_of_it(crawl):
    source, _ = crawl
    found = pages(source)
    assert {(page.path, page.data) for page in found} == {(url, f"<p>{url}".encode()) for url, _, _ in PAGES}
    one = next(page for page in found if page.path == "https://docs.python.org/one")
    assert (one.url, one.kind, one.origin, one.snapshot, one.charset) == (one.path, "page", "python.org", DUMP, "utf-8")
    assert (one.created, one.refused) == (1695254400, None) and one.blob.startswith("D")
    assert [page.row for page in found] == list(range(len(PAGES)))


@pytest.mark.parametrize("domain", ["python.org", "docs.python.org", "z.de", "a.org", "nowhere.net"])
def test_a_domain_is_taken_with_what_is_below_it_and_no_other(crawl, domain):
    source, _ = crawl
    wanted = [url for url, _, _ in PAGES if f".{url.split('/')[2]}".endswith(f".{domain}")]
    source = dataclasses.replace(source, domains=(domain,))
    rows = [row for root in roots(source) for batch in listing(source, root) for row in batch.to_pylist()]
    assert sorted(row["path"] for row in rows) == sorted(wanted)


def test_only_blocks_that_may_hold_a_domain_are_asked_for():
    many = [capture(f"https://h{n:05d}.org/") for n in range(3_000)]
    files = crawl_files([(url, b"", more) for url, _, more in many], block=1)
    assert len(files[f"cc-index/collections/{DUMP}/indexes/cluster.idx"]) > 1 << 17  # so that it is bisected
    with served(files) as (url, _):
        source = CommonCrawlIndex(
            folder=url, dump=DUMP, index="cdx", domains=("h01234.org", "h02999.org"), http=LOOPBACK
        )
        found = roots(source)
        assert len(found) == 2  # each: its block and the one before, which might reach into it
        assert [r["path"] for r in listed_of(source, found)] == ["https://h01234.org/", "https://h02999.org/"]


def test_what_a_large_domain_needs_of_the_index_is_asked_for_in_pieces(monkeypatch):
    many = [(f"https://a.org/{n:03d}", b"", {}) for n in range(60)]
    with served(crawl_files(many, block=4)) as (url, _):
        source = CommonCrawlIndex(folder=url, dump=DUMP, index="cdx", domains=("a.org",), http=LOOPBACK)
        whole = roots(source)
        monkeypatch.setattr(ccindex, "_SPAN", 1_000)
        pieces = roots(source)
        spans = [tuple(map(int, name.rpartition(":")[2].split("-"))) for name in pieces]
        assert len(whole) == 1 and len(pieces) > 2 and max(stop - start for start, stop in spans) <= 1_000
        assert [row["path"] for row in listed_of(source, pieces)] == [row["path"] for row in listed_of(source, whole)]


def listed_of(source, names):
    return [row for name in names for batch in listing(source, name) for row in batch.to_pylist()]


REFUSED = {
    "redirect": {"fetch_status": 301},
    "status": {"fetch_status": 404},
    "not_html": {"content_mime_detected": "application/pdf"},
    "after_cutoff": {"fetch_time": LATE},
    "truncated": {"content_truncated": "length"},
}


@pytest.mark.parametrize("index", ["table", "cdx"])
def test_what_the_index_shows_to_be_no_page_is_refused_by_reason(index):
    bad = [capture(f"https://b.org/{reason}", **more) for reason, more in REFUSED.items()]
    bad += [capture("https://c.org/", content_digest="X"), capture("http://c.org/", content_digest="X")]
    with served(crawl_files([*PAGES, *bad])) as (url, _):
        table = listed(CommonCrawlIndex(folder=url, dump=DUMP, index=index, http=LOOPBACK))
    refused = dict(zip(table["path"].to_pylist(), table["refused"].to_pylist(), strict=True))
    assert {path.rsplit("/", 1)[1]: why for path, why in refused.items() if path.startswith("https://b.org/")} == {
        reason: reason for reason in REFUSED
    }
    assert sorted(str(refused[url]) for url in ("https://c.org/", "http://c.org/")) == ["None", "duplicate"]


def test_languages_are_chosen(crawl):
    source, server = crawl
    server.files.update(crawl_files([*PAGES, capture("https://d.org/", content_languages="deu,eng")]))
    taken = dataclasses.replace(source, languages=("deu",))
    assert [page.path for page in pages(taken)] == ["https://d.org/"]
    other = dataclasses.replace(source, languages=("fra",))
    assert [row for root in roots(other) for row in listing(other, root)] == []


@pytest.mark.parametrize("faults", [[429, 403, 500], ["reset", 503], ["slow"], ["reset", "reset", 429]])
def test_a_failing_server_changes_nothing(crawl, faults):
    source, server = crawl
    for path in server.files:
        server.faults[path] = list(faults)
    assert {page.data for page in pages(source)} == {f"<p>{url}".encode() for url, _, _ in PAGES}


def test_what_cannot_be_had_costs_itself(crawl):
    source, server = crawl
    table = listed(source)
    server.faults[WARC] = [404] + [500] * 4
    found = list(read(source, table.slice(0, 4)))
    assert [page.refused for page in found] == ["gone", "server_error", None, None]
    server.faults[WARC] = [429] * 100
    with pytest.raises(UnavailableError):  # an outage is no fact about a page: the run stops and goes on later
        list(read(source, table.slice(0, 1)))


def test_a_record_of_another_page_is_refused(crawl):
    source, server = crawl
    table = listed(source)
    server.files[WARC] = record("https://other.org/", b"<p>x") + server.files[WARC]
    assert {page.refused for page in read(source, table)} <= {"other_record", "corrupt_record"}


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"garbage" * 100])
def test_a_damaged_index_is_a_row_and_no_failure(crawl, damage):
    source, server = crawl
    for path in list(server.files):
        if path.endswith((".parquet", "cdx-00000.gz")):
            server.files[path] = damage(server.files[path])
    assert listed(source)["refused"].to_pylist()[-1] == "corrupt_file"


def test_an_index_that_is_gone_is_a_row(crawl):
    source, server = crawl
    names = roots(source)
    for name in names:
        del server.files[name]
    assert [row["refused"] for row in listed_of(source, names)] == ["gone"]


def test_lines_that_are_none_are_counted():
    with served(crawl_files(PAGES, block=100, garbage=["garbage", "org,a)/ x {}", ""])) as (url, _):
        refused = listed(CommonCrawlIndex(folder=url, dump=DUMP, index="cdx", http=LOOPBACK))["refused"].to_pylist()
    assert refused == [None] * len(PAGES) + ["corrupt_line"] * 3


@pytest.mark.parametrize("index", ["table", "cdx"])
def test_any_file_system_serves(index):
    fs = fsspec.filesystem("memory")
    for path, data in crawl_files(PAGES).items():
        fs.pipe_file(f"/mirror/{path}", data)
    source = CommonCrawlIndex(folder="memory://mirror", dump=DUMP, index=index, domains=("python.org",))
    assert len(pages(source)) == 6


def test_origin_is_known_before_reading(crawl):
    source, _ = crawl
    assert origin(source, "x.parquet", "") is None
    assert origin(source, "x.parquet", "https://docs.python.org/one") == "python.org"


@pytest.mark.parametrize(
    ("name", "value"),
    [("index", "sql"), ("domains", ("Example.org",)), ("parts", 0), ("max_page_bytes", 0), ("cutoff", "soon")],
)
def test_settings_are_checked_where_they_are_made(name, value):
    with pytest.raises(ValueError, match=name):
        CommonCrawlIndex(folder="x", dump=DUMP, **{name: value})
