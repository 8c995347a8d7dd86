"""Repositories as of a date."""

import dataclasses
import os

import pyarrow as pa
import pytest

from corpus.sources.git import Git, origin, read, repository_name, roots
from tests.corpus.sources.repositories import (
    DECEMBER,
    NOVEMBER,
    OCTOBER,
    SEPTEMBER,
    Bare,
    documents,
    git,
    listed,
    reasons,
)


def test_the_newest_commit_before_the_cutoff_is_read(source, bare):
    bare.commit(bare.files({b"a.py": b"first"}), SEPTEMBER)
    october = bare.commit(bare.files({b"a.py": b"second"}), OCTOBER)
    bare.commit(bare.files({b"a.py": b"third"}), NOVEMBER)
    [document] = documents(source, "owner/name")
    assert (document.data, document.path, document.origin, document.repo) == (b"second", "a.py", *["owner/name"] * 2)
    assert (document.snapshot, document.created, document.committed) == (october, SEPTEMBER, OCTOBER)
    assert (document.kind, document.blob, document.row) == ("file", bare.blob(b"second"), 0)


@pytest.mark.parametrize(("date", "refused"), [(NOVEMBER - 1, None), (NOVEMBER, "after_cutoff")], ids=["last", "first"])
def test_the_cutoff_is_exclusive(source, bare, date, refused):
    bare.commit(bare.files({b"a": b"a"}), date)
    assert list(reasons(source, "owner/name").values()) == [refused]


def test_a_parent_newer_than_its_child_does_not_hide_older_commits(source, bare):
    old = bare.commit(bare.files({b"a": b"old"}), SEPTEMBER)
    newer = bare.commit(bare.files({b"a": b"newer"}), OCTOBER, [old])
    late = bare.commit(bare.files({b"a": b"late"}), DECEMBER, [newer])
    bare.commit(bare.files({b"a": b"tip"}), SEPTEMBER + 1, [late])  # a clock that runs behind
    assert [document.data for document in documents(source, "owner/name")] == [b"newer"]


def test_of_commits_of_one_second_the_one_nearer_head_is_read(source, bare):
    for data in (b"1", b"2", b"3"):
        bare.commit(bare.files({b"a": data}), OCTOBER)
    assert [document.data for document in documents(source, "owner/name")] == [b"3"]


def test_merged_branches_count(source, bare):
    base = bare.commit(bare.files({b"a": b"base"}), SEPTEMBER)
    side = bare.commit(bare.files({b"a": b"side"}), OCTOBER + 5, [base])
    main = bare.commit(bare.files({b"a": b"main"}), OCTOBER, [base])
    bare.commit(bare.files({b"a": b"merge"}), DECEMBER, [main, side])
    assert [document.data for document in documents(source, "owner/name")] == [b"side"]


def test_what_is_no_text_file_is_refused_by_reason(source, bare):
    gone, text = bare.blob(b"gone"), bare.blob(b"text")
    inner = bare.tree([(b"100755", b"run.sh", text)])
    entries = [
        (b"100644", b"empty", bare.blob(b"")),
        (b"120000", b"link", bare.blob(b"/etc/passwd")),
        (b"160000", b"module", "1" * 40),
        (b"100644", b"missing", gone),
        (b"100644", b"no_blob", inner),
        (b"40000", b"nowhere", "2" * 40),
        (b"40000", b"sub", inner),
    ]
    bare.commit(bare.tree(entries), OCTOBER)
    bare.remove(gone)
    assert reasons(source, "owner/name") == {
        "empty": "empty",
        "link": "symlink",
        "module": "submodule",
        "missing": "missing",
        "no_blob": "corrupt",
        "nowhere/": "missing",
        "sub/run.sh": None,
    }


def test_strange_names_survive(source, bare):
    names = [b"-n", b"a\nb", b'q"', b"caf\xe9", b"..", b"/etc"]
    bare.commit(bare.tree([(b"100644", name, bare.blob(name)) for name in names]), OCTOBER)
    found = {document.path: document.data for document in documents(source, "owner/name")}
    assert found == {
        "-n": b"-n",
        "a\nb": b"a\nb",
        'q"': b'q"',
        r"caf\xe9": b"caf\xe9",
        "..": b"..",
        "/etc": b"/etc",
    }


def test_a_broken_repository_costs_itself_only(source, bare, tmp_path):
    bare.commit(bare.files({b"a": b"a"}), OCTOBER)
    Bare(tmp_path / "o" / "empty.git")
    no_head = Bare(tmp_path / "o" / "no_head.git")
    os.unlink(os.path.join(no_head.path, "HEAD"))
    (tmp_path / "o" / "nothing.git").mkdir()
    loop = Bare(tmp_path / "o" / "loop.git")
    with open(os.path.join(loop.path, "HEAD"), "w") as file:
        file.write("ref: refs/../../../etc/passwd")
    tag = Bare(tmp_path / "o" / "blob.git")
    tag.point(tag.blob(b"no commit"))
    shallow = Bare(tmp_path / "o" / "shallow.git")
    shallow.commit(shallow.files({b"a": b"a"}), OCTOBER, ["3" * 40])
    treeless = Bare(tmp_path / "o" / "treeless.git")
    treeless.commit("4" * 40, OCTOBER)
    hollow = Bare(tmp_path / "o" / "hollow.git")
    hollow.commit(hollow.tree([]), OCTOBER)
    assert {root: next(iter(reasons(source, root).values())) for root in roots(source)} == {
        "o/blob": "corrupt_repository",
        "o/empty": "empty_repository",
        "o/hollow": "empty_repository",
        "o/loop": "corrupt_repository",
        "o/no_head": "corrupt_repository",
        "o/nothing": "corrupt_repository",
        "o/shallow": "missing_history",
        "o/treeless": "missing",
        "owner/name": None,
    }


def test_trees_that_unfold_without_end_are_refused(source, bare):
    tree = bare.files({b"a": b"a"})
    for _ in range(20):  # 2^20 files in 21 objects
        tree = bare.tree([(b"40000", b"l", tree), (b"40000", b"r", tree)])
    bare.commit(tree, OCTOBER)
    limited = dataclasses.replace(source, max_files=1000)
    assert list(reasons(limited, "owner/name").values()) == ["too_many_files"]


@pytest.mark.parametrize(("levels", "refused"), [(64, None), (65, "too_deep")])
def test_folders_may_be_64_deep(source, bare, levels, refused):
    tree = bare.files({b"a": b"a"})
    for _ in range(levels):
        tree = bare.tree([(b"40000", b"d", tree)])
    bare.commit(tree, OCTOBER)
    assert list(reasons(source, "owner/name").values()) == [refused]


def test_a_damaged_tree_ends_where_it_is_damaged(source, bare):
    whole = b"100644 a\0" + bytes.fromhex(bare.blob(b"a"))
    bare.commit(bare.write(2, whole + b"100644 b\0short"), OCTOBER)
    assert reasons(source, "owner/name") == {"a": None, "": "corrupt"}


def test_the_repositorys_configuration_has_no_effect(source, bare, tmp_path):
    ran = tmp_path / "ran"
    gone = bare.blob(b"gone")
    bare.commit(bare.tree([(b"100644", b"a", bare.blob(b"a\r\n")), (b"100644", b"b", gone)]), OCTOBER)
    bare.remove(gone)
    with open(os.path.join(bare.path, "config"), "w") as file:
        file.write(
            "[core]\n repositoryformatversion = 99\n fsmonitor = touch RAN\n autocrlf = true\n"
            '[extensions]\n partialClone = origin\n unknown = true\n[remote "origin"]\n promisor = true\n'
            " url = ext::sh -c touch% RAN\n[include]\n path = /dev/zero\n".replace("RAN", str(ran))
        )
    for hook in ("post-checkout", "reference-transaction"):
        path = os.path.join(bare.path, "hooks", hook)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(f"#!/bin/sh\ntouch {ran}\n")
        os.chmod(path, 0o755)
    assert reasons(source, "owner/name") == {"a": None, "b": "missing"}
    assert [document.data for document in documents(source, "owner/name")] == [b"a\r\n"]
    assert not ran.exists()


def test_a_file_that_would_block_is_no_ref(source, bare):
    bare.commit(bare.files({b"a": b"a"}), OCTOBER)
    branch = os.path.join(bare.path, "refs", "heads", "main")
    os.unlink(branch)
    os.mkfifo(branch)
    assert reasons(source, "owner/name") == {"": "empty_repository"}


@pytest.mark.parametrize("place", ["info/alternates", "pack/pack-0.idx", "blob"])
def test_a_pipe_among_the_objects_blocks_nothing(source, bare, place):
    oid = bare.blob(b"a")
    bare.commit(bare.tree([(b"100644", b"a", oid)]), OCTOBER)
    path = os.path.join(bare.path, "objects", f"{oid[:2]}/{oid[2:]}" if place == "blob" else place)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if place == "blob":
        os.unlink(path)
    os.mkfifo(path)
    assert reasons(source, "owner/name") == {"": "corrupt_repository"}


def test_a_blob_lost_since_the_listing_is_refused_when_read(source, bare):
    bare.commit(bare.files({b"a": b"a", b"b": b"b"}), OCTOBER)
    table = listed(source, "owner/name")
    bare.remove(bare.blob(b"a"))
    assert [(d.row, d.data, d.refused) for d in read(source, table)] == [(0, b"", "missing"), (1, b"b", None)]


def test_a_repository_lost_since_the_listing_is_an_error(source, bare, tmp_path):
    bare.commit(bare.files({b"a": b"a"}), OCTOBER)
    table = listed(source, "owner/name")
    (tmp_path / "owner").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError, match="owner/name was listed"):
        list(read(source, table))


def test_a_slice_of_two_listings_is_read_in_its_order(source, bare, tmp_path):
    bare.commit(bare.files({b"a": b"a", b"b": b"b"}), OCTOBER)
    other = Bare(tmp_path / "z.git")
    other.commit(other.files({b"c": b"c", b"d": b"d"}), OCTOBER)
    rows = pa.concat_tables([listed(source, "owner/name").slice(1), listed(source, "z").slice(0, 1)])
    assert [(d.row, d.root, d.data) for d in read(source, rows)] == [(0, "owner/name", b"b"), (1, "z", b"c")]


def test_origin_is_known_before_reading(source, bare):
    bare.commit(bare.files({b"a": b"a"}), OCTOBER)
    assert origin(source, "owner/name", "a") == documents(source, "owner/name")[0].origin


def test_git_itself_lists_the_same(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "-q", "-b", "trunk")
    for step in range(4):
        (work / f"folder-{step}").mkdir()
        for name in ("a.py", "a-b", "a", "ü.txt"):
            (work / f"folder-{step}" / name).write_text(f"{step} {name}\n" * 50)
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", "m", date=SEPTEMBER + step)
    git(work, "gc", "-q")  # packs, deltas and packed refs
    source = Git(folder=str(tmp_path))
    assert roots(source) == ["work"]
    entries = [line.split(b"\t") for line in git(work, "ls-tree", "-r", "-z", "HEAD").split(b"\0") if line]
    expected = {name.decode(): git(work, "cat-file", "blob", about.split()[2]) for about, name in entries}
    found = documents(source, "work")
    assert [document.path for document in found] == list(expected)
    assert {document.path: document.data for document in found} == expected
    assert found[0].snapshot == git(work, "rev-parse", "HEAD").decode().strip()


def test_bundles_are_read_like_clones(source, bare, tmp_path):
    bare.commit(bare.files({b"a": b"a"}), OCTOBER)
    expected = documents(source, "owner/name")
    folder = tmp_path / "bundles" / "owner"
    folder.mkdir(parents=True)
    git(tmp_path, "--git-dir", bare.path, "bundle", "create", "-q", str(folder / "name.bundle"), "HEAD", "main")
    (folder / "broken.bundle").write_bytes((folder / "name.bundle").read_bytes()[:-30])
    (folder / "other.bundle").write_bytes(b"PK\x03\x04")
    bundles = Git(folder=str(tmp_path / "bundles"))
    assert roots(bundles) == ["owner/broken.bundle", "owner/name.bundle", "owner/other.bundle"]
    assert [dataclasses.replace(d, root="owner/name") for d in documents(bundles, "owner/name.bundle")] == expected
    assert reasons(bundles, "owner/broken.bundle") == {"": "corrupt_pack"}
    assert reasons(bundles, "owner/other.bundle") == {"": "corrupt_repository"}


@pytest.mark.parametrize(
    ("root", "name"),
    [
        ("owner/name", "owner/name"),
        ("owner/name.bundle", "owner/name"),
        ("https://github.com/owner/name.git", "owner/name"),
        ("https://gitlab.com/group/sub/name.git", "gitlab.com/group/sub/name"),
    ],
)
def test_repositories_are_named_by_owner_and_name(root, name):
    assert repository_name(root) == name


@pytest.mark.parametrize(
    "name", ["ext::sh -c true", "ssh://h/a/b", "git://h/a/b", "file:///a/b", "--upload-pack=x", "a"]
)
def test_nothing_but_http_is_fetched(name):
    with pytest.raises(ValueError, match="is not fetched: give owner/name"):
        Git(names=(name,))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "needs folder="),
        ({"folder": "x", "max_blob": 0}, "at least 1: "),
        ({"folder": "x", "cutoff": "soon"}, "must be a date such as '2023-11-01', not 'soon'"),
        ({"folder": "x", "max_files": 0}, "at least 1: 0"),
    ],
)
def test_settings_are_checked_where_they_are_made(settings, message):
    with pytest.raises(ValueError, match=message):
        Git(**settings)


def test_a_repository_named_twice_is_an_error(bare, tmp_path):
    bare.commit(bare.files({b"a": b"a"}), OCTOBER)
    url = "https://github.com/owner/name"
    with pytest.raises(ValueError, match="named twice: \\['owner/name'\\]"):
        roots(Git(folder=str(tmp_path), names=(url,)))


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        roots(Git(folder=str(tmp_path / "nowhere")))
