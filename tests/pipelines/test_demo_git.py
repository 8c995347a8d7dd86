"""Releases become commits: dated, in order, with the same ids on any machine."""

import io
import os
import subprocess
import tarfile

import pytest

from pipelines.demo_git import _git, history

DAY = 86_400


def release(path, files, mode=0o644):
    with tarfile.open(path, "w:gz") as archive:
        for name, data, date in files:
            info = tarfile.TarInfo(f"p-1/{name}")
            info.size, info.mtime, info.mode = len(data), date, mode
            archive.addfile(info, io.BytesIO(data))
    return path


def git(bare, *arguments):
    return subprocess.run(
        ["git", "--git-dir", bare, *arguments], capture_output=True, text=True, check=True
    ).stdout.split("\n")


@pytest.fixture
def bare(tmp_path):
    one = release(tmp_path / "p-1.tar.gz", [("a.py", b"a = 1\n", DAY), ("b.py", b"b\n", 2 * DAY)])
    two = release(tmp_path / "p-2.tar.gz", [("a.py", b"a = 2\n", 5 * DAY), ("c d.py", b"", 4 * DAY)], mode=0o755)
    history([one, two], tmp_path / "p.git")
    return str(tmp_path / "p.git")


def test_each_release_is_a_commit_dated_by_its_newest_member(bare):
    assert git(bare, "log", "--format=%s %ct %at", "main")[:2] == [
        f"p-2 {5 * DAY} {5 * DAY}",
        f"p-1 {2 * DAY} {2 * DAY}",
    ]


def test_a_commit_holds_its_release_and_nothing_else(bare):
    assert git(bare, "ls-tree", "-r", "--name-only", "main")[:-1] == ["a.py", "c d.py"]
    assert git(bare, "show", "main~1:a.py") == ["a = 1", ""]
    assert git(bare, "ls-tree", "main", "a.py")[0].startswith("100755")


def test_object_ids_never_change(bare):
    assert git(bare, "rev-parse", "main")[0] == "405aaf560eb7c95a5b5912b76b32dfafc0971b63"


def test_the_repository_is_bare_and_valid(bare):
    assert git(bare, "rev-parse", "--is-bare-repository")[0] == "true"
    assert git(bare, "fsck", "--strict") == [""]
    assert not os.path.exists(os.path.join(bare, "hooks"))


def test_odd_names_survive(tmp_path):
    names = ['quote".py', "back\\slash", "line\nbreak", "é"]
    history([release(tmp_path / "p-1.tar.gz", [(name, b"x", DAY) for name in names])], tmp_path / "odd.git")
    listed = subprocess.run(
        ["git", "--git-dir", str(tmp_path / "odd.git"), "ls-tree", "-z", "--name-only", "main"],
        capture_output=True,
        check=True,
    )
    assert sorted(listed.stdout.decode().split("\0")[:-1]) == sorted(names)


def test_what_git_cannot_do_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="git rev-parse failed for"):
        _git(tmp_path, "rev-parse", "HEAD")
