"""Clones of URLs."""

import base64
import os

import pytest

from corpus.sources import clones
from corpus.sources.clones import cloned, repository_name
from tests.corpus.sources.repositories import OCTOBER, Bare


@pytest.mark.parametrize(
    ("root", "name"),
    [
        ("owner/name", "owner/name"),
        ("https://github.com/owner/name", "owner/name"),
        ("https://github.com/owner/name.git", "owner/name"),
        ("https://gitlab.com/group/sub/name.git", "gitlab.com/group/sub/name"),
        ("file:///srv/git/owner/name.git", "owner/name"),
    ],
)
def test_repositories_are_named_by_owner_and_name(root, name):
    assert repository_name(root) == name


@pytest.fixture
def url(tmp_path):
    bare = Bare(tmp_path / "server" / "owner" / "name.git")
    bare.commit(bare.files({b"a": b"a"}), OCTOBER)
    return f"file://{bare.path}"


def test_a_clone_is_made_once(url, tmp_path):
    cache = str(tmp_path / "cache")
    folder = cloned(url, cache, None)
    assert folder is not None and os.listdir(cache) == [os.path.basename(folder)]
    assert not os.path.exists(os.path.join(folder, "hooks"))
    os.rename(tmp_path / "server", tmp_path / "gone")
    assert cloned(url, cache, None) == folder


def test_a_repository_that_is_gone_leaves_nothing(tmp_path):
    assert cloned(f"file://{tmp_path}/nowhere.git", str(tmp_path / "cache"), None) is None
    assert os.listdir(tmp_path / "cache") == []


@pytest.mark.parametrize(
    "url", ["ext::sh -c true", "ssh://host/a/b", "git://host/a/b", "http://host/a/b", "--upload-pack=x"]
)
def test_other_protocols_are_refused(url, tmp_path):
    with pytest.raises(ValueError, match="is not cloned: only https and file"):
        cloned(url, str(tmp_path), None)


def test_the_users_configuration_has_no_effect(url, tmp_path, monkeypatch):
    ran = tmp_path / "ran"
    hooks = tmp_path / "template" / "hooks"
    hooks.mkdir(parents=True)
    (hooks / "reference-transaction").write_text(f"#!/bin/sh\ntouch {ran}\n")
    (hooks / "reference-transaction").chmod(0o755)
    (tmp_path / ".gitconfig").write_text(f"[init]\n templateDir = {tmp_path}/template\n[core]\n hooksPath = {hooks}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(tmp_path / "template"))
    assert cloned(url, str(tmp_path / "cache"), None) is not None
    assert not ran.exists()


def test_the_token_goes_to_github_alone_and_not_on_the_command_line():
    secret = base64.b64encode(b"x-access-token:secret").decode()
    assert secret in " ".join(clones.environment("https://github.com/a/b", "secret").values())
    for url in ("https://gitlab.com/a/b", "https://github.com.evil.org/a/b", "file:///github.com/a/b"):
        assert "GIT_CONFIG_COUNT" not in clones.environment(url, "secret")
