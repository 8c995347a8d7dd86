"""Data sets of the hub: found in its cache without a network, and what is said when they are not there."""

import os

import pytest

from corpus.sources.hub import is_hub, local_folder, model_folder

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


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The hub's protocol on this machine: the listing of a model at a commit, and its files. Yields what was asked."""
    import json
    import threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    from huggingface_hub import constants

    files = {"config.json": b"{}", "model.safetensors": b"weights", "model.bin": b"pickled"}
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path.partition("?")[0])
            name = asked[-1].rsplit("/", 1)[-1]
            listing = {"id": "owner/model", "sha": COMMIT, "siblings": [{"rfilename": one} for one in files]}
            tree = [{"type": "file", "path": one, "size": len(text), "oid": one} for one, text in files.items()]
            told = json.dumps(tree if "/tree/" in asked[-1] else listing).encode()
            body = told if asked[-1].startswith("/api/") else files.get(name)
            self.send_response(200 if body else 404)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{name}"')
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body or b"")

        do_HEAD = do_GET

        def log_message(self, *told):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    template = f"{constants.ENDPOINT}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield asked
    server.shutdown()
    server.server_close()


def test_a_models_id_becomes_its_folder_and_weights_that_are_pickled_stay_where_they_are(hub, tmp_path):
    folder = model_folder("owner/model@main")
    assert sorted(os.listdir(folder)) == ["config.json", "model.safetensors"]
    assert folder.endswith(f"models--owner--model/snapshots/{COMMIT}")
    asked = len(hub)
    assert model_folder("owner/model@main", offline=True) == folder
    assert len(hub) == asked


def test_a_model_that_is_nowhere_says_how_to_bring_it(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="hf download owner/other"):
        model_folder("owner/other", offline=True)
    with pytest.raises(FileNotFoundError, match="no model in nowhere"):
        model_folder("nowhere")


def test_a_folder_is_its_own(tmp_path):
    assert model_folder(str(tmp_path)) == str(tmp_path)
