import json

import pytest

from corpus.shards import Store
from pipelines.prune import needed, prune, unneeded


@pytest.fixture
def store(tmp_path):
    made = Store(str(tmp_path))
    for path in (
        "objects/a/kept.1.arrow",
        "objects/a/model.2.bin",
        "objects/a/model.2.bin.json",
        "objects/a/old.3.arrow",
    ):
        made.write_text(path, "12345")
    made.write_text("manifests/a/m.json", json.dumps({"files": ["objects/a/kept.1.arrow", "objects/a/model.2.bin"]}))
    made.write_text("manifests/a/gone.json", json.dumps({"files": ["objects/a/old.3.arrow"]}))
    made.write_text("builds/demo.json", json.dumps({"a": "manifests/a/m.json"}))
    return made


def test_what_a_recorded_build_stands_on_is_kept(store):
    doomed = unneeded(store, needed(store, {}))
    assert [path for path, _ in doomed] == ["objects/a/old.3.arrow", "manifests/a/gone.json"]
    assert doomed[0][1] == 5


@pytest.mark.parametrize(("answer", "left"), [("y", False), ("n", True), ("", True)])
def test_nothing_is_deleted_without_a_yes(store, monkeypatch, capsys, answer, left):
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    assert prune(store, "demo", {}) == 0
    assert (store.read_text("objects/a/old.3.arrow") is not None) is left
    assert store.read_text("objects/a/kept.1.arrow") is not None
    assert "2 files" in capsys.readouterr().out
