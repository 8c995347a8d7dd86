"""Sources to shards: what is cut where, what is counted, and what runs again."""

import dataclasses
import os
from collections import Counter

import pytest

from corpus.decode import plain_text
from corpus.extract import page_text
from corpus.notebooks import source_text
from corpus.schema import DOCUMENTS, LISTED
from corpus.sources.commoncrawl import CommonCrawl
from corpus.sources.git import Git
from corpus.sources.raw import document_id
from pipelines import crawl
from pipelines.crawl import Batch, CrawlConfig
from pipelines.stage import groups, tally
from tests.corpus.sources.repositories import DECEMBER, OCTOBER, Bare
from tests.corpus.sources.warcs import record
from tests.pipelines.corpora import OneAfterTheOther, work


def repository(folder, name, files, date=OCTOBER):
    bare = Bare(folder / f"{name}.git")
    bare.commit(bare.files(files), date)


@pytest.fixture
def source(tmp_path):
    """Four repositories of 30, 50, 20 and 40 bytes, the third after the cut-off."""
    folder = tmp_path / "git"
    repository(folder, "a/a", {b"1.py": b"1" * 10, b"2.py": b"2" * 20, b"empty.py": b""})
    repository(folder, "a/b", {b"1.py": b"3" * 20, b"2.py": b"4" * 20, b"bin": b"\0" * 10})
    repository(folder, "b/c", {b"1.py": b"5" * 20}, DECEMBER)
    repository(folder, "b/d", {b"1.py": b"6" * 40})
    return Git(folder=str(folder))


def config(*batches, **more):
    return CrawlConfig(batches=batches, **more)


def batch(source, **more):
    return Batch(**{"name": "github", "source": source, "extract": plain_text, "max_bytes": 100, **more})


def run(tmp_path, *batches, **more):
    return crawl.run(work(tmp_path / "root", OneAfterTheOther(), "crawl"), config(*batches, **more))


def rows(tmp_path, shards):
    store = work(tmp_path / "root", OneAfterTheOther(), "crawl").store
    return [row for shard in shards for row in store.table(shard).to_pylist()]


def test_documents_carry_what_the_source_knows(tmp_path, source):
    result = run(tmp_path, batch(source))
    first = rows(tmp_path, result.outputs["documents"])[0]
    assert list(first) == DOCUMENTS.names
    assert first["id"] == document_id("github", "a/a", "1.py", b"1" * 10)
    assert (first["source"], first["kind"], first["origin"], first["repo"], first["path"]) == (
        "github",
        "file",
        "a/a",
        "a/a",
        "1.py",
    )
    assert (first["encoding"], first["text"], first["url"], first["people"]) == ("utf-8", "1" * 10, None, None)
    assert first["committed"].timestamp() == OCTOBER


def test_every_row_is_counted_once(tmp_path, source):
    result = run(tmp_path, batch(source, max_bytes=30))
    assert result.counts == {
        "roots": 4,
        "seen": 8,
        "kept": 4,
        "bytes": 70,
        "refused.after_cutoff": 1,
        "refused.binary": 1,
        "refused.empty": 1,
        "refused.too_large": 1,
    }
    assert sum(shard.rows for shard in result.outputs["documents"]) == 4
    assert tally(result.outputs["listing"]) == {"listed": 8, "listed_bytes": 120}


@pytest.mark.parametrize(
    ("shard_bytes", "shards"),
    [
        (1000, [["a/a", "a/b", "b/d"]]),
        (120, [["a/a", "a/b", "b/d"]]),
        (119, [["a/a", "a/b"], ["b/d"]]),
        (80, [["a/a", "a/b"], ["b/d"]]),
        (79, [["a/a"], ["a/b"], ["b/d"]]),
        (40, [["a/a"], ["a/b"], [], ["b/d"]]),
        (1, [["a/a"], ["a/a"], ["a/b"], ["a/b"], [], [], ["b/d"]]),
    ],
)
def test_small_repositories_share_a_shard_and_large_ones_span_several(tmp_path, source, shard_bytes, shards):
    found = run(tmp_path, batch(source, shard_bytes=shard_bytes)).outputs["documents"]
    names = [sorted({row["repo"] for row in rows(tmp_path, [shard])}) for shard in found]
    assert names == shards  # those without rows: a binary file, and b/c, which is after the cut-off


@pytest.mark.parametrize("shard_bytes", [1, 10, 20, 30, 40, 60, 1000])
def test_the_cut_into_shards_changes_no_row(tmp_path, source, shard_bytes):
    whole = run(tmp_path, batch(source))
    cut = run(tmp_path, batch(source, shard_bytes=shard_bytes))
    assert rows(tmp_path, cut.outputs["documents"]) == rows(tmp_path, whole.outputs["documents"])
    assert cut.counts == whole.counts


@pytest.mark.parametrize("shard_bytes", [1, 20, 40, 60])
def test_no_group_splits_a_repository(tmp_path, source, shard_bytes):
    found = run(tmp_path, batch(source, shard_bytes=shard_bytes)).outputs["documents"]
    seen = Counter()
    for part in groups(found, 1):
        seen.update({row["repo"] for row in rows(tmp_path, found[part])})
    assert set(seen.values()) == {1}


def test_row_groups_hold_bounded_text_or_one_document(tmp_path, source):
    result = run(tmp_path, batch(source), row_group_bytes=35)
    store = work(tmp_path / "root", OneAfterTheOther(), "crawl").store
    [shard] = result.outputs["documents"]
    sizes = [[len(text) for text in part["text"].to_pylist()] for part in store.batches(shard)]
    assert sizes == [[10, 20], [20], [20], [40]]


def test_row_groups_hold_a_bounded_number_of_documents(tmp_path, source, monkeypatch):
    monkeypatch.setattr(crawl, "ROW_GROUP_DOCUMENTS", 2)
    [shard] = run(tmp_path, batch(source)).outputs["documents"]
    store = work(tmp_path / "root", OneAfterTheOther(), "crawl").store
    assert [part.num_rows for part in store.batches(shard)] == [2, 2, 1]


PAGES = (
    record("https://a.com/1", b"<p>first"),
    record("https://a.com/2", b"<p>second", status="404 No"),
    record("https://b.org/3", b"<p>third"),
    record("https://c.net/4", b"<p> "),
)


@pytest.fixture
def web(tmp_path):
    folder = tmp_path / "warc"
    folder.mkdir()
    (folder / "CC-MAIN-2023-40.warc.gz").write_bytes(b"".join(PAGES))
    return Batch(name="web", source=CommonCrawl(folder=str(folder)), extract=page_text, output="pool", shard_bytes=10)


def test_pages_go_to_the_pool_and_may_be_cut_anywhere(tmp_path, source, web):
    result = run(tmp_path, batch(source), web)
    assert {shard.batch for shard in result.outputs["documents"]} == {"github"}
    assert {shard.batch for shard in result.outputs["pool"]} == {"web"}
    assert [row["text"] for row in rows(tmp_path, result.outputs["pool"])] == ["first", "third"]
    assert len(result.outputs["pool"]) == 3 and tally(result.outputs["pool"])["continues"] == 0
    assert (result.counts["refused.status"], result.counts["refused.no_text"]) == (1, 1)


def test_a_second_batch_redoes_nothing_of_the_first(tmp_path, source, web):
    before = run(tmp_path, batch(source))
    after = run(tmp_path, batch(source), web)
    assert after.outputs["documents"] == before.outputs["documents"]


def test_another_extractor_lists_nothing_anew(tmp_path, source):
    before = run(tmp_path, batch(source))
    after = run(tmp_path, batch(source, extract=source_text))
    assert after.outputs["listing"] == before.outputs["listing"]
    assert [shard.path for shard in after.outputs["documents"]] != [shard.path for shard in before.outputs["documents"]]


def test_a_moved_folder_redoes_nothing(tmp_path, source):
    before = run(tmp_path, batch(source))
    (tmp_path / "git").rename(tmp_path / "elsewhere")
    after = run(tmp_path, batch(dataclasses.replace(source, folder=str(tmp_path / "elsewhere"))))
    assert after.outputs == before.outputs


def test_another_cutoff_lists_anew(tmp_path, source):
    result = run(tmp_path, batch(source), batch(dataclasses.replace(source, cutoff="2024-01-01"), name="later"))
    assert {row["repo"] for row in rows(tmp_path, result.outputs["documents"]) if row["source"] == "later"} >= {"b/c"}


def test_a_sample_takes_whole_origins_and_counts_only_them(tmp_path, source, web):
    whole = run(tmp_path, batch(source), web)
    part = run(tmp_path, batch(source), web, sample=0.5)
    every = [*rows(tmp_path, whole.outputs["documents"]), *rows(tmp_path, whole.outputs["pool"])]
    taken = [*rows(tmp_path, part.outputs["documents"]), *rows(tmp_path, part.outputs["pool"])]
    origins = {row["origin"] for row in taken}
    assert 0 < len(taken) < len(every)
    assert taken == [row for row in every if row["origin"] in origins]
    assert part.counts["seen"] < whole.counts["seen"]
    assert part.outputs["listing"] == whole.outputs["listing"]


def test_what_only_the_content_tells_is_sampled_when_read(tmp_path, source, monkeypatch):
    before = run(tmp_path, batch(source), sample=0.45)
    monkeypatch.delattr("corpus.sources.git.origin")
    after = crawl.run(work(tmp_path / "other", OneAfterTheOther(), "crawl"), config(batch(source), sample=0.45))
    assert before.counts["kept"] == after.counts["kept"] == 3  # a/b and b/d; a/a draws 0.49


def short_reader(source, rows):
    yield from []


def test_a_source_that_leaves_out_a_row_is_a_bug_and_is_named(tmp_path, source, monkeypatch):
    monkeypatch.setattr("corpus.sources.git.read", short_reader)
    with pytest.raises(Exception, match=r"test_crawl\.read left out 6 of 6 rows"):
        run(tmp_path, batch(source))


def test_a_root_whose_name_is_not_utf8_is_named_with_the_way_out(tmp_path, source):
    os.rename(f"{source.folder}/a/a.git", os.fsencode(f"{source.folder}/a/") + b"caf\xe9.git")
    with pytest.raises(ValueError, match=r"the name 'a/caf\\udce9.* is not UTF-8: rename it"):
        run(tmp_path, batch(source))


def test_the_listings_are_kept(tmp_path, source):
    listing = run(tmp_path, batch(source)).outputs["listing"]
    found = rows(tmp_path, listing)
    assert list(found[0]) == LISTED.names
    assert [(row["root"], row["refused"]) for row in found if row["refused"]] == [
        ("a/a", "empty"),
        ("b/c", "after_cutoff"),
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda s: batch(s, name=""), "needs a name"),
        (lambda s: batch(s, output="elsewhere"), "elsewhere"),
        (lambda s: batch(s, max_bytes=0), "at least 1"),
        (lambda s: batch(config(batch(s))), "lacks .*listing"),
        (lambda s: config(), "batches of different names"),
        (lambda s: config(batch(s), batch(s)), "batches of different names"),
        (lambda s: config(batch(s), sample=0), "share above 0"),
        (lambda s: config(batch(s), sample=1.5), "share above 0"),
        (lambda s: config(batch(s), fork_overlap=0), "share above 0"),
        (lambda s: config(batch(s), row_group_bytes=0), "row_group_bytes must be at least 1, not 0"),
    ],
)
def test_settings_are_checked_where_they_are_made(source, make, message):
    with pytest.raises(ValueError, match=message):
        make(source)
