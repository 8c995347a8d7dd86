"""Data sets of the hub: from a server that speaks its protocol, from its cache without a network, and what is said when
they are not there."""

from pathlib import Path

import pytest
from huggingface_hub import constants

from corpus.sources.hub import is_hub, local_file, local_folder, model_folder
from tests.corpus.sources.hub_server import commit_of, hub_server

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path):
    """As the hub's own client leaves it: blobs, a snapshot of links to them, and which commit a branch is."""
    home = tmp_path / "datasets--owner--maths"
    for folder in ("blobs", "refs", f"snapshots/{COMMIT}/main"):
        (home / folder).mkdir(parents=True)
    (home / "refs" / "main").write_text(COMMIT)
    (home / "blobs" / "b1").write_text('{"question": "q"}\n')
    (home / "snapshots" / COMMIT / "main" / "test.jsonl").symlink_to("../../../blobs/b1")
    return tmp_path


@pytest.mark.parametrize("revision", ["", "@main", f"@{COMMIT}"])
def test_what_is_in_the_cache_needs_no_network(cache, revision):
    folder = local_folder(f"hub:owner/maths{revision}", ["*test*"], str(cache), offline=True)
    assert folder == str(cache / "datasets--owner--maths" / "snapshots" / COMMIT)


FILES = {"main/test.jsonl": b'{"question": "new"}\n', "main/train.jsonl": b"{}\n", "README.md": b"about"}


@pytest.fixture
def hub(monkeypatch):
    """A hub with one data set and one model."""
    with hub_server({("dataset", "owner/sums"): FILES, ("model", "owner/words"): {"tokenizer.json": b"{}"}}) as made:
        monkeypatch.setenv("HF_ENDPOINT", made[0])
        yield made


@pytest.mark.parametrize("revision", ["", "@main", f"@{commit_of(FILES)}"])
def test_files_that_a_pattern_matches_are_downloaded_and_no_others(hub, tmp_path, revision):
    folder = Path(local_folder(f"hub:owner/sums{revision}", ["*test*"], str(tmp_path)))
    assert folder.name == commit_of(FILES)
    assert {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} == {"main/test.jsonl"}
    assert (folder / "main/test.jsonl").read_bytes() == FILES["main/test.jsonl"]


def test_what_was_downloaded_is_found_again_when_the_hub_is_gone(hub, tmp_path, monkeypatch):
    first = local_folder("hub:owner/sums", ["*test*"], str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert local_folder("hub:owner/sums", ["*test*"], str(tmp_path)) == first


def test_one_file_of_a_model(hub, tmp_path):
    assert local_file("hub:owner/words", "tokenizer.json", str(tmp_path)).read_bytes() == b"{}"


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("hub:owner/none", "the hub has no dataset owner/none"),
        ("hub:owner/sums@v9", "the dataset has no revision 'v9'"),
        ("hub:owner/words", "the hub has no dataset owner/words"),
    ],
)
def test_what_the_hub_does_not_have_is_said(hub, tmp_path, spec, told):
    with pytest.raises(FileNotFoundError, match=told):
        local_folder(spec, cache=str(tmp_path))


def test_a_set_that_is_not_there_says_how_to_bring_it(cache):
    with pytest.raises(
        FileNotFoundError, match=r"hub:owner/other is not in .*offline.*hf download --repo-type dataset owner/other"
    ):
        local_folder("hub:owner/other", cache=str(cache), offline=True)


def test_a_snapshot_without_such_files_says_what_it_has(cache):
    with pytest.raises(FileNotFoundError, match=r"no file like \*\.parquet; it has main/test\.jsonl"):
        local_folder("hub:owner/maths", ["*.parquet"], str(cache), offline=True)


@pytest.mark.parametrize("spec", ["hub:maths", "hub:a/b/c", "hub:a/b@", "hub:../b@x y"])
def test_a_name_that_is_none_is_refused(spec):
    assert is_hub(spec)
    with pytest.raises(ValueError, match="hub:OWNER/NAME"):
        local_folder(spec, offline=True)


MODEL = {"config.json": b"{}", "model.safetensors": b"weights", "model.bin": b"pickled"}


def test_of_a_model_pickled_weights_stay_where_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with hub_server({("model", "owner/model"): MODEL}) as (address, asked):
        monkeypatch.setenv("HF_ENDPOINT", address)
        folder = model_folder("hub:owner/model@main")
        assert sorted(path.name for path in Path(folder).iterdir()) == ["config.json", "model.safetensors"]
        assert folder.endswith(f"models--owner--model/snapshots/{commit_of(MODEL)}")
        n_asked = len(asked)
        assert model_folder("hub:owner/model@main", offline=True) == folder
        assert len(asked) == n_asked


def test_a_model_that_is_nowhere_says_how_to_bring_it(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="hf download --repo-type model owner/other"):
        model_folder("hub:owner/other", offline=True)
    with pytest.raises(FileNotFoundError, match="no model in nowhere"):
        model_folder("nowhere")


def test_a_folder_is_its_own(tmp_path):
    assert model_folder(str(tmp_path)) == str(tmp_path)
