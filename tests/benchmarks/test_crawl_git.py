from benchmarks import crawl_git
from corpus.sources.git import Git


def test_the_repositories_hold_what_is_counted_and_all_of_it_is_crawled(tmp_path, monkeypatch):
    monkeypatch.setattr(crawl_git, "_BYTES", 1)  # one package is enough
    size = crawl_git._repositories(str(tmp_path))
    source = Git(folder=str(tmp_path / "bare"), cutoff="2100-01-01")
    once = crawl_git._crawl(source, str(tmp_path / "root"), crawl_git._Here(), 1 << 20)
    thrice = crawl_git._crawl(source, str(tmp_path / "roots"), crawl_git._Here(), 1 << 20, times=3)
    assert 0.9 * size < once <= size  # but for what is no text
    assert thrice == 3 * once
