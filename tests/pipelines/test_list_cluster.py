import pytest

from corpus.minhash import MinHashConfig
from filters.survivors import DedupConfig
from pipelines import dedup
from pipelines.list_cluster import listed, main
from tests.pipelines.corpora import Corpus, OneAfterTheOther, document, words

CFG = DedupConfig(unit="file", minhash=MinHashConfig(group_bytes=9_000))


def text(seed):
    return " ".join(words(seed))


def test_a_cluster_is_listed_by_any_of_its_members(tmp_path):
    file = {"kind": "file", "repo": "x/one"}
    rows = [
        [document("a", text("a"), stars=1, url="http://a"), document("b", text("b"))],
        [document("c", text("a"), stars=5, path="c.py", **file)],
    ]
    corpus = Corpus(tmp_path, OneAfterTheOther(), rows, CFG.minhash)
    made = dedup.run(corpus.work, CFG, **corpus.inputs()).outputs["clusters"]
    found = [list(listed(corpus.work.store, corpus.documents, made, what)) for what in ("http://a", "x/one/c.py")]
    assert found[0] == found[1]
    assert [line.split(" ")[-1] for line in found[0][1:]] == ["http://a", "x/one/c.py"]
    assert [line[0] for line in found[0][1:]] == [" ", "*"]
    assert list(listed(corpus.work.store, corpus.documents, made, "b")) == []


def test_a_repository_is_listed_by_its_name(tmp_path):
    one, fork = (
        [document(f"{repo} {i}", text(f"s{i}"), kind="file", repo=repo, path=f"{i}") for i in range(3)]
        for repo in ("x/one", "y/fork")
    )
    corpus = Corpus(tmp_path, OneAfterTheOther(), [one, fork], CFG.minhash)
    made = dedup.run(corpus.work, DedupConfig(minhash=CFG.minhash), **corpus.inputs()).outputs["clusters"]
    for what in ("y/fork", "x/one/2"):
        assert next(listed(corpus.work.store, corpus.documents, made, what)).startswith("cluster of 2 units")


@pytest.mark.parametrize(("argv", "told"), [(["x", "--recipe", "none"], "no recipe"), (["x"], "run --stage dedup")])
def test_wrong_usage_says_what_to_do(tmp_path, argv, told, capsys):
    assert main([*argv, "--root", str(tmp_path)]) == 2
    assert told in capsys.readouterr().err
