"""Every layout against every fault: a server on loopback that fails the first request of each kind changes nothing."""

import pytest

from corpus.decode import plain_text
from corpus.extract import page_text
from corpus.http import Fetcher, HttpConfig
from corpus.sources.ccindex import CommonCrawlIndex
from corpus.sources.commoncrawl import CommonCrawl
from corpus.sources.gharchive import Hours
from corpus.sources.git import Git
from corpus.sources.github import of_organisation
from corpus.sources.issues import Issues
from corpus.transport import SocketTransport
from pipelines import crawl
from pipelines.crawl import Batch, CrawlConfig
from tests.corpus.sources.archive_hours import commented, issue, opened, user, write
from tests.corpus.sources.crawl_server import DUMP, crawl_files
from tests.corpus.sources.repositories import OCTOBER, Bare
from tests.corpus.sources.servers import Server
from tests.corpus.sources.warcs import record
from tests.pipelines.corpora import OneAfterTheOther, work

SOON = {"Retry-After": "0"}
FAULTS = {"403": (403, SOON), "429": (429, SOON), "500": 500, "reset": "reset", "cut": "cut", "slow": "drip"}
HTTP = HttpConfig(networks=("127.0.0.0/8",), first_wait=0.01, timeout=0.3, attempts=4)
LONG = "It does not work when I press the key twice in a row. " * 5
PAGES = [f"https://docs.python.org/{n}" for n in range(3)]
REPOSITORY = {"created_at": "2023-10-01T00:00:00Z", "stargazers_count": 3, "forks_count": 1, "fork": False}


def crawled(tmp_path, source, extract=plain_text):
    """Documents of the source, and what was counted."""
    stage = work(tmp_path / "root", OneAfterTheOther(), "crawl")
    result = crawl.run(stage, CrawlConfig(batches=(Batch(name="b", source=source, extract=extract),)))
    rows = [row for shard in result.outputs["documents"] for row in stage.store.table(shard).to_pylist()]
    assert rows
    return sorted((row["path"], row["text"]) for row in rows), result.counts


def git(tmp_path, server):
    return crawled(tmp_path, Git(names=("o/r",), server=server.url, http=HTTP))


def rest(tmp_path, server):
    return list(of_organisation(Fetcher(HTTP, SocketTransport(HTTP.networks)), server.url, "o"))


def gharchive(tmp_path, server):
    hours = Hours(first="2023-10-01-0", last="2023-10-01-1", place=server.url, http=HTTP)
    return crawled(tmp_path, Issues(hours=hours, buckets=2))


def cdx(tmp_path, server):
    return crawled(tmp_path, CommonCrawlIndex(folder=server.url, dump=DUMP, index="cdx", http=HTTP), page_text)


def table(tmp_path, server):
    return crawled(tmp_path, CommonCrawlIndex(folder=server.url, dump=DUMP, index="table", http=HTTP), page_text)


def whole_files(tmp_path, server):
    source = CommonCrawl(folder=server.url, paths=f"crawl-data/{DUMP}/warc.paths.gz", http=HTTP)
    return crawled(tmp_path, source, page_text)


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    """What each service holds."""
    place = tmp_path_factory.mktemp("services")
    bare = Bare(place / "git" / "o" / "r.git")
    bare.commit(bare.files({b"main.py": b"a = 1\n", b"other.py": b"b = 2\n"}), OCTOBER)
    one = issue(7, user("ann"), "Keys", LONG)
    write(place / "files", "2023-10-01-0", [opened("o/r", one)])
    write(place / "files", "2023-10-01-1", [commented("o/r", one, 20, user("ben"), "Press it once.")])
    captures = [(url, record(url, f"<p>The page {url} is here.".encode()), {}) for url in PAGES]
    for path, data in crawl_files(captures).items():
        (place / "files" / path).parent.mkdir(parents=True, exist_ok=True)
        (place / "files" / path).write_bytes(data)
    return place


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("layout", [git, rest, gharchive, cdx, table, whole_files])
def test_a_service_that_fails_every_first_request_gives_the_same(tmp_path, services, layout, fault):
    organisation = {"/orgs/o/repos?type=public&per_page=100&page=1": [{"full_name": "o/r", **REPOSITORY}]}
    with Server(git=services / "git", files=str(services / "files"), pages=organisation) as server:
        expected = layout(tmp_path / "calm", server)
        asked = len(server.requests)
        server.known.clear()
        server.first = FAULTS[fault]
        assert layout(tmp_path / "stormy", server) == expected
        assert len(server.requests) - asked > asked
