"""WARC files as another program reads them."""

import io
import tarfile

import pytest
from fastwarc.warc import ArchiveIterator

from pipelines import demo_pages
from pipelines.demo_math import Page

PAGES = [
    Page(f"https://example.org/{n}.html", f"<p>page {n}".encode() + b"\xc3\xa9", 1_600_000_000 + n) for n in range(12)
]


def records(data):
    return [
        (
            record.headers["WARC-Type"],
            record.headers.get("WARC-Target-URI"),
            record.headers["WARC-Date"],
            record.http_headers and record.http_headers.status_code,
            record.reader.read(),
        )
        for record in ArchiveIterator(io.BytesIO(data), verify_digests=False)
    ]


def test_a_reader_of_warc_finds_the_pages():
    data = b"".join(demo_pages.warc_file("x.warc.gz", PAGES))
    found = records(data)
    assert [kind for kind, *_ in found] == ["warcinfo", *(["request", "response", "metadata"] * 15)]
    responses = [record for record in found if record[0] == "response"]
    assert [(url, body) for _, url, _, _, body in responses[:12]] == [(page.url, page.html) for page in PAGES]
    assert [status for *_, status, _ in responses[12:]] == [404, 301, 200]
    assert responses[1][2] == "2020-09-13T12:26:41Z"


def test_digests_are_those_of_the_bodies():
    data = b"".join(demo_pages.warc_file("x.warc.gz", PAGES))
    assert all(record.verify_block_digest() for record in ArchiveIterator(io.BytesIO(data), parse_http=False))


def test_each_record_can_be_read_alone():
    for record in demo_pages.warc_file("x.warc.gz", PAGES[:2]):
        assert len(records(record)) == 1


def test_no_record_holds_the_time_of_its_making():
    assert {record[4:8] for record in demo_pages.warc_file("x", PAGES)} == {bytes(4)}  # gzip's field for it


def test_a_file_is_cut_in_the_middle_of_a_response():
    whole = list(demo_pages.warc_file("x.warc.gz", PAGES))
    cut = demo_pages._cut(whole)
    last = len(cut) - 1
    assert cut[:-1] == whole[:last] and whole[last].startswith(cut[last]) and cut[last] != whole[last]
    assert records(whole[last])[0][0] == "response"
    assert 0.8 < last / len(whole) < 1


def test_a_charset_is_declared_only_where_it_is_true():
    assert demo_pages._content_type("é".encode()) == "text/html; charset=UTF-8"
    assert demo_pages._content_type("é".encode("latin-1")) == "text/html"


@pytest.mark.parametrize(
    ("head", "url"),
    [
        (b'<link rel="canonical" href="https://a.org/x"/>', "https://a.org/x"),
        (b"<LINK href='http://a.org/x' REL='canonical'>", "http://a.org/x"),
        (b"<link id=1 rel='canonical' href='http://a.org/x' >", "http://a.org/x"),
        (b'<meta property="og:url" content="https://b.org/y">', "https://b.org/y"),
        (b'<link rel="canonical" href="/x"><meta property="og:url" content="https://b.org/y">', "https://b.org/y"),
        (b'<link rel="canonical" href="{{ url }}">', None),
        (b"", None),
    ],
)
def test_a_page_from_elsewhere_has_the_address_that_it_names(tmp_path, head, url):
    with tarfile.open(tmp_path / "t.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo("t-1/tests/cache/a.html")
        info.size, info.mtime = len(head), 2_000_000_000
        tar.addfile(info, io.BytesIO(head))
    found = list(demo_pages.elsewhere(tmp_path / "t.tar.gz", "tests/cache/"))
    assert [page.url for page in found] == ([] if url is None else [url])
    assert all(page.date == demo_pages.CRAWLED_UNTIL for page in found)
