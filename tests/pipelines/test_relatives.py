"""Mirrors and forks, told by object ids."""

import pyarrow as pa
import pytest

from corpus.decode import plain_text
from corpus.http import HttpConfig
from corpus.sources.candidates import CANDIDATES
from corpus.sources.git import Git
from pipelines import crawl
from pipelines.crawl import Batch, CrawlConfig
from tests.corpus.sources.repositories import OCTOBER, SEPTEMBER, Bare
from tests.corpus.sources.servers import Server
from tests.pipelines.corpora import OneAfterTheOther, work

FILES = {name: name * 9 for name in (b"a", b"b", b"c", b"d")}


def crawled(tmp_path, source=None, **settings):
    source = source or Git(folder=str(tmp_path / "git"))
    stage = work(tmp_path / "root", OneAfterTheOther(), "crawl")
    cfg = CrawlConfig(batches=(Batch(name="github", source=source, extract=plain_text),), **settings)
    result = crawl.run(stage, cfg)
    repos = {row["repo"] for shard in result.outputs["documents"] for row in stage.store.table(shard).to_pylist()}
    return repos, {name: n for name, n in result.counts.items() if name.startswith("refused")}


def repository(tmp_path, name, *commits):
    bare = Bare(tmp_path / "git" / f"{name}.git")
    for number, files in enumerate(commits):
        bare.commit(bare.files(files), SEPTEMBER + number)
    return bare


def test_of_repositories_with_the_same_files_one_is_read(tmp_path):
    repository(tmp_path, "b/early", {b"x": b"x"}, FILES)
    late = repository(tmp_path, "a/later")
    late.commit(late.files(FILES), OCTOBER)
    repository(tmp_path, "c/other", {b"e": b"e"})
    assert crawled(tmp_path) == ({"b/early", "c/other"}, {"refused.mirror": 4})


@pytest.mark.parametrize(("shared", "kept"), [(1, True), (2, False)], ids=["below half", "half"])
def test_a_fork_that_went_its_own_way_stays(tmp_path, shared, kept):
    first = {b"first": b"first"}
    repository(tmp_path, "a/a", first, FILES)
    own = {name: data if i < shared else data + b"!" for i, (name, data) in enumerate(FILES.items())}
    repository(tmp_path, "b/b", first, own)
    assert crawled(tmp_path) == (({"a/a", "b/b"}, {}) if kept else ({"a/a"}, {"refused.fork": 4}))


def test_the_same_files_without_a_common_commit_are_no_fork(tmp_path):
    repository(tmp_path, "a/a", FILES)
    repository(tmp_path, "b/b", {**FILES, b"e": b"e"})
    assert crawled(tmp_path)[0] == {"a/a", "b/b"}


def test_of_relatives_the_one_with_most_stars_is_read_and_no_file_of_another_is_fetched(tmp_path):
    for name in ("a/a", "b/b"):
        repository(tmp_path, name, FILES)
    path = str(tmp_path / "list.arrow")
    rows = [{"name": "a/a", "stars": 1}, {"name": "b/b", "stars": 2}]
    with pa.ipc.new_file(path, CANDIDATES) as file:
        file.write_table(pa.Table.from_pylist(rows, CANDIDATES))
    with Server(git=tmp_path / "git") as server:
        source = Git(listed=path, server=server.url, http=HttpConfig(networks=("127.0.0.0/8",)))
        assert crawled(tmp_path, source) == ({"b/b"}, {"refused.mirror": 4})
        asked = {name: server.seen[f"/{name}.git/git-upload-pack"] for name in ("a/a", "b/b")}
    assert asked == {"a/a": 3, "b/b": 4}  # HEAD, commits, trees; and files


def test_copies_may_be_kept(tmp_path):
    for name in ("a/a", "b/b"):
        repository(tmp_path, name, FILES)
    assert crawled(tmp_path, fork_overlap=None) == ({"a/a", "b/b"}, {})
