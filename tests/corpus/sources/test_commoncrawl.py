"""Pages in WARC files."""

import dataclasses
import gzip
import zlib

import brotli
import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from corpus.schema import LISTING
from corpus.sources.commoncrawl import CommonCrawl, listing, origin, read, registrable_domain, roots
from tests.corpus.sources.crawl_server import DUMP, LOOPBACK, crawl_files, served
from tests.corpus.sources.warcs import record

FILE = "crawl-data/CC-MAIN-2023-40/warc/one.warc.gz"
A, B, C = (record(f"https://www.{name}.co.uk/", f"<p>{name}".encode()) for name in "abc")


@pytest.fixture
def source(tmp_path):
    return CommonCrawl(folder=str(tmp_path))


def write(source, *records, name=FILE):
    fs, base = fsspec.url_to_fs(source.folder)
    fs.makedirs(f"{base}/{name}".rsplit("/", 1)[0], exist_ok=True)
    fs.pipe_file(f"{base}/{name}", b"".join(records))


def listed(source, *names):
    return pa.concat_tables([pa.Table.from_batches(list(listing(source, n)), LISTING) for n in names or roots(source)])


def refusals(source):
    return listed(source)["refused"].to_pylist()


def pages(source):
    table = listed(source)
    return list(read(source, table.filter(pc.is_null(table["refused"]))))


def test_pages_are_read_with_what_is_known_of_them(source):
    write(source, record("https://docs.example.co.uk/a", b"<p>hi", Payload_Digest="sha1:X"), B)
    [page, other] = pages(source)
    assert (page.data, page.url, page.path, page.origin) == (
        b"<p>hi",
        *["https://docs.example.co.uk/a"] * 2,
        "example.co.uk",
    )
    assert (page.kind, page.snapshot, page.blob, page.charset) == ("page", "CC-MAIN-2023-40", "sha1:X", "utf-8")
    assert (page.created, page.repo, page.row) == (1682899200, None, 0)
    assert (other.data, other.blob, other.row) == (b"<p>b", None, 1)


REFUSED = {
    "redirect": record("https://a.com/", b"x", status="301 Moved"),
    "status": record("https://a.com/", b"x", status="404 Not Found"),
    "not_html": record("https://a.com/", b"x", media="application/pdf"),
    "after_cutoff": record("https://a.com/", b"x", date="2023-11-01T00:00:00Z"),
    "no_date": record("https://a.com/", b"x", date="yesterday"),
    "truncated": record("https://a.com/", b"x", Truncated="length"),
    "no_url": record("mailto:a@b", b"x"),
    "revisit": record("https://a.com/", b"", kind="revisit"),
    "empty": record("https://a.com/", b""),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_no_page_is_refused_by_reason_and_its_neighbours_are_read(source, reason):
    write(source, A, REFUSED[reason], B)
    assert refusals(source) == [None, reason, None]
    assert [page.data for page in pages(source)] == [b"<p>a", b"<p>b"]


def test_the_last_second_before_the_cutoff_is_taken(source):
    write(source, record("https://a.com/", b"x", date="2023-10-31T23:59:59Z"))
    assert refusals(source) == [None]


def test_requests_and_metadata_are_no_rows(source):
    write(source, record("https://a.com/", b"", kind="request"), A, record("https://a.com/", b"", kind="metadata"), B)
    assert refusals(source) == [None, None]
    assert [page.data for page in pages(source)] == [b"<p>a", b"<p>b"]


CHUNKED = b"5\r\n<p>hi\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("body", "headers", "data", "refused"),
    [
        (gzip.compress(b"<p>hi"), "Content-Encoding: gzip\r\n", b"<p>hi", None),
        (zlib.compress(b"<p>hi"), "Content-Encoding: deflate\r\n", b"<p>hi", None),
        (brotli.compress(b"<p>hi"), "Content-Encoding: br\r\n", b"<p>hi", None),
        (CHUNKED, "Transfer-Encoding: chunked\r\n", b"<p>hi", None),
        (b"\n <p>hi", "Content-Encoding: gzip\r\n", b"\n <p>hi", None),
        (b"<p>hi", "Transfer-Encoding: chunked\r\n", b"<p>hi", None),
        (b"ZZ\r\nhi", "Transfer-Encoding: chunked\r\n", b"", "bad_body"),
        (gzip.compress(b"<p>hi")[:10] + b"\xff" * 9, "Content-Encoding: gzip\r\n", b"", "bad_body"),
        (gzip.compress(b"a" * 2000), "Content-Encoding: gzip\r\n", b"", "too_large"),
        (b"<p>" + b"a" * 998, "", b"", "too_large"),
        (b"<p>" + b"a" * 997, "", b"<p>" + b"a" * 997, None),
    ],
    ids=[
        "gzip",
        "deflate",
        "brotli",
        "chunked",
        "gzip lie",
        "chunk lie",
        "bad chunk",
        "bad gzip",
        "bomb",
        "large",
        "limit",
    ],
)
def test_bodies_are_unpacked(source, body, headers, data, refused):
    write(source, record("https://a.com/", body, http=headers), B)
    first, second = pages(dataclasses.replace(source, max_page_bytes=1000))
    assert (first.data, first.refused) == (data, refused)
    assert second.data == b"<p>b"


@pytest.mark.parametrize("cut", range(1, len(B), 7))
def test_a_file_may_end_anywhere(source, cut):
    write(source, A, B[:-cut])
    table = listed(source)
    assert table["path"].to_pylist()[0] == "https://www.a.co.uk/"
    assert next(page.data for page in pages(source)) == b"<p>a"
    assert table.num_rows <= 2 and (table.num_rows == 1 or cut <= 8 or table["refused"].to_pylist()[1] is not None)


@pytest.mark.parametrize("at", range(12, len(B) - 1, 9))
def test_a_damaged_record_costs_itself_only(source, at):
    damaged = bytearray(B)
    damaged[at] ^= 0xFF
    write(source, A, bytes(damaged), C)
    data = [page.data for page in pages(source) if not page.refused]
    assert (data[0], data[-1]) == (b"<p>a", b"<p>c") and len(data) <= 3
    assert listed(source).num_rows == 3


def test_garbage_in_front_costs_a_row(source):
    write(source, b"garbage", A, B)
    assert refusals(source) == ["corrupt_record", None, None]
    assert [page.data for page in pages(source)] == [b"<p>a", b"<p>b"]


def test_a_file_that_is_no_warc_is_one_row(source):
    write(source, b"garbage" * 100)
    assert refusals(source) == ["corrupt_file"]


def test_an_empty_file_has_no_rows(source):
    write(source)
    assert list(listing(source, FILE)) == []


def test_records_compressed_together_cannot_be_found_again(source):
    write(source, gzip.compress(b"".join(gzip.decompress(one) for one in (A, B, C))))
    assert refusals(source)[1:] == ["not_by_record"] * 2


def test_plain_records_are_read(source):
    write(source, *(gzip.decompress(one) for one in (A, B)), name="a.warc")
    assert [page.data for page in pages(source)] == [b"<p>a", b"<p>b"]


def test_rows_of_several_files_are_read_in_their_order(source):
    write(source, A, B, name="a.warc.gz")
    write(source, C, name="b.warc.gz")
    write(source, name="notes.txt")
    assert roots(source) == ["a.warc.gz", "b.warc.gz"]
    assert [(page.row, page.data) for page in read(source, listed(source).slice(1))] == [(0, b"<p>b"), (1, b"<p>c")]


def test_a_file_that_is_gone_is_one_row_and_later_an_error(source):
    gone = dataclasses.replace(source, files=("no.warc.gz",))
    assert refusals(gone) == ["gone"]
    write(source, A, name="no.warc.gz")
    table = listed(gone)
    fsspec.filesystem("file").rm_file(f"{source.folder}/no.warc.gz")
    with pytest.raises(FileNotFoundError, match=r"no\.warc\.gz"):
        list(read(gone, table))


def test_any_file_system_serves():
    source = CommonCrawl(folder="memory://crawl")
    write(source, A)
    assert [page.data for page in pages(source)] == [b"<p>a"]


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.example.co.uk/a", "example.co.uk"),
        ("https://user.github.io/", "user.github.io"),
        ("http://Example.COM:80", "example.com"),
        ("http://127.0.0.1/", "127.0.0.1"),
        ("http://[::1]/", "::1"),
        ("http://localhost/", "localhost"),
        ("http://[broken/", None),
        ("data:text/html,x", None),
    ],
)
def test_the_registrable_domain_is_the_origin(url, domain):
    assert registrable_domain(url) == domain


def test_origin_is_known_before_reading(source):
    write(source, A)
    assert origin(source, FILE, "") is None
    assert origin(source, FILE, "https://www.a.co.uk/") == pages(source)[0].origin


@pytest.mark.parametrize(("name", "value"), [("cutoff", "soon"), ("max_page_bytes", 0)])
def test_settings_are_checked_where_they_are_made(name, value):
    with pytest.raises(ValueError, match=rf"CommonCrawl\.{name} must be .* not '?{value}"):
        CommonCrawl(folder="x", **{name: value})


@pytest.mark.parametrize("faults", [[], [429, 500], ["reset"], ["slow", 503]])
def test_whole_files_come_over_http_by_range_whatever_the_server_does(faults):
    files = crawl_files([(f"https://www.{name}.co.uk/", one, {}) for name, one in zip("abc", (A, B, C), strict=True)])
    with served(files) as (url, server):
        for path in files:
            server.faults[path] = list(faults)
        source = CommonCrawl(folder=url, paths=f"crawl-data/{DUMP}/warc.paths.gz", http=LOOPBACK)
        assert [page.data for page in pages(source)] == [b"<p>a", b"<p>b", b"<p>c"]
        assert {page.snapshot for page in pages(source)} == {DUMP}
        gone = dataclasses.replace(source, files=("no.warc.gz",))
        assert refusals(gone) == ["gone"]


def test_over_http_the_files_must_be_named():
    with pytest.raises(ValueError, match="name files, or paths"):
        CommonCrawl(folder="https://data.commoncrawl.org")
