import pytest

from corpus.minhash import MinHashConfig
from filters.survivors import DedupConfig
from pipelines import dedup
from pipelines.list_cluster import Asked, listed, main
from tests.pipelines.corpora import Corpus, OneAfterTheOther, document, words

CFG = DedupConfig(unit="file", minhash=MinHashConfig(group_bytes=9_000))


def text(seed):
    return " ".join(words(seed))


def asked(corpus, cfg):
    made = dedup.run(corpus.work, cfg, **corpus.inputs()).outputs["clusters"]
    return Asked(corpus.documents, corpus.signatures, made, cfg.unit == "file")


def test_a_cluster_is_listed_by_any_of_its_members(tmp_path):
    file = {"kind": "file", "repo": "x/one"}
    rows = [
        [document("a", text("a"), stars=1, url="http://a"), document("b", text("b"), path="b")],
        [
            document("near", f"{text('a')} {text('z')[:90]}", path="near"),
            document("equal", text("a") + " ", path="="),
        ],
        [document("c", text("a"), stars=5, path="c.py", **file)],
    ]
    corpus = Corpus(tmp_path, OneAfterTheOther(), rows, CFG.minhash)
    made = asked(corpus, CFG)
    found = [list(listed(corpus.work.store, made, what)) for what in ("http://a", "x/one/c.py", "near", "=")]
    assert all(lines == found[0] for lines in found)
    assert [line.split()[-1] for line in found[0][1:]] == ["http://a", "near", "=", "x/one/c.py"]
    assert [line[0] for line in found[0][1:]] == [" ", " ", " ", "*"]
    how = [line.split()[-2] for line in found[0][1:]]
    assert how[0] == how[2] == "equal" and 0.9 < float(how[1]) < 1 and how[3] == "kept"
    assert list(listed(corpus.work.store, made, "b")) == []


def test_of_a_file_by_itself_the_other_clusters_of_its_repository_are_not_listed(tmp_path):
    one, two = (
        [document(f"{repo} {i}", text(f"s{i}"), kind="file", repo=repo, path=f"{i}") for i in range(3)]
        for repo in ("x/one", "y/two")
    )
    corpus = Corpus(tmp_path, OneAfterTheOther(), [one, two], CFG.minhash)
    made = asked(corpus, CFG)
    names = [line.split()[-1] for line in listed(corpus.work.store, made, "x/one/1")]
    assert names[1:] == ["x/one/1", "y/two/1"]
    assert sum(line.startswith("cluster") for line in listed(corpus.work.store, made, "x/one")) == 3


def test_a_repository_is_listed_by_its_name(tmp_path):
    one, fork = (
        [document(f"{repo} {i}", text(f"s{i}"), kind="file", repo=repo, path=f"{i}") for i in range(3)]
        for repo in ("x/one", "y/fork")
    )
    corpus = Corpus(tmp_path, OneAfterTheOther(), [one, fork], CFG.minhash)
    made = asked(corpus, DedupConfig(minhash=CFG.minhash))
    for what in ("y/fork", "x/one/2"):
        title, *members = listed(corpus.work.store, made, what)
        assert title.startswith("cluster of 2 units")
        assert sorted(line.split()[-2] for line in members) == ["kept", "unit"]


@pytest.mark.parametrize(("argv", "told"), [(["x", "--recipe", "none"], "no recipe"), (["x"], "run --stage dedup")])
def test_wrong_usage_says_what_to_do(tmp_path, argv, told, capsys):
    assert main([*argv, "--root", str(tmp_path)]) == 2
    assert told in capsys.readouterr().err
