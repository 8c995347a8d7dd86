from benchmarks.crawl_warc import measured
from corpus.sources.commoncrawl import CommonCrawl
from tests.corpus.sources.warcs import record


def test_every_step_has_a_speed_and_the_whole_is_slower_than_extraction_alone(tmp_path):
    body = b"<p>" + b"What is said on this page. " * 200
    pages = [record(f"https://a.org/{n}", body) for n in range(20)]
    (tmp_path / "one.warc.gz").write_bytes(b"".join(pages))
    rows = list(measured(CommonCrawl(folder=str(tmp_path))))
    assert [row["what"] for row in rows] == ["list", "read", "extract", "all, 20 pages"]
    assert all(row["ours"] > 0 for row in rows) and rows[-1]["ratio"] < 1
