"""Repositories as of a date."""

import dataclasses
import os
import subprocess

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from corpus.http import HttpConfig, UnavailableError
from corpus.schema import LISTED
from corpus.sources.candidates import CANDIDATES
from corpus.sources.git import Git, listing, origin, read, repository_name, roots
from tests.corpus.sources.repositories import DECEMBER, NOVEMBER, OCTOBER, SEPTEMBER, Bare
from tests.corpus.sources.servers import Server


def listed(source, root):
    return pa.Table.from_batches(list(listing(source, root)), LISTED)


def reasons(source, root):
    table = listed(source, root)
    return dict(zip(table["path"].to_pylist(), table["refused"].to_pylist(), strict=True))


def documents(source, root):
    table = listed(source, root)
    return list(read(source, table.filter(pc.is_null(table["refused"]))))


@pytest.fixture
def source(tmp_path):
    return Git(folder=str(tmp_path))


@pytest.fixture
def bare(tmp_path):
    return Bare(tmp_path / "owner" / "name.git")


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


def git(folder, *words, date=OCTOBER):
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    for who in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{who}_NAME": "n", f"GIT_{who}_EMAIL": "e", f"GIT_{who}_DATE": f"{date} +0000"}
    return subprocess.run(["git", "-C", folder, *words], env=env, check=True, capture_output=True).stdout


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


LOOPBACK = HttpConfig(networks=("127.0.0.0/8",), attempts=3, first_wait=0.01, timeout=0.3, token_variable="NO_TOKEN")


@pytest.fixture
def server(tmp_path):
    """Serves the repositories of `bare`'s folder."""
    with Server(git=tmp_path) as running:
        yield running


def at(server, *names, **more):
    return Git(names=names, server=server.url, http=LOOPBACK, **more)


@pytest.mark.parametrize("filters", [True, False], ids=["partial", "whole"])
def test_a_server_gives_the_same_documents_as_a_folder(source, bare, server, filters):
    server.filters = filters
    bare.commit(bare.files({b"a": b"old"}), SEPTEMBER)
    inner = bare.files({b"b": b"b", b"empty": b""})
    bare.commit(bare.tree([(b"100644", b"a", bare.blob(b"a")), (b"40000", b"d", inner)]), OCTOBER)
    bare.commit(bare.files({b"c": b"later"}), DECEMBER)
    remote = at(server, "owner/name")
    assert roots(remote) == ["owner/name"]
    found = [document for document in documents(remote, "owner/name") if document.data]
    assert found == documents(source, "owner/name")
    assert set(listed(remote, "owner/name")["family"].to_pylist()) == set(
        listed(source, "owner/name")["family"].to_pylist()
    )


def test_only_the_files_of_one_commit_are_fetched(bare, server, tmp_path):
    bare.commit(bare.files({b"a": os.urandom(100_000)}), SEPTEMBER)
    bare.commit(bare.files({b"a": b"small", b"big": os.urandom(50_000)}), OCTOBER)
    cache = tmp_path / "cache"
    remote = dataclasses.replace(
        at(server, "owner/name", max_blob=1000), http=dataclasses.replace(LOOPBACK, cache=str(cache))
    )
    table = listed(remote, "owner/name")
    assert table["size"].to_pylist() == [None, None]
    assert [(d.path, d.data, d.refused) for d in read(remote, table)] == [
        ("a", b"small", None),
        ("big", b"", "too_large"),
    ]
    assert sum(file.stat().st_size for file in cache.rglob("*") if file.is_file()) < 10_000
    asked = server.seen["/owner/name.git/git-upload-pack"]
    assert [d.data for d in read(remote, table)][:1] == [b"small"]
    assert server.seen["/owner/name.git/git-upload-pack"] == asked


@pytest.mark.parametrize("limit", [4, 5])
def test_a_file_of_the_largest_size_is_read(bare, server, limit):
    bare.commit(bare.files({b"a": b"12345"}), OCTOBER)
    [document] = documents(at(server, "owner/name", max_blob=limit), "owner/name")
    assert document.refused == ("too_large" if limit == 4 else None)


def test_what_a_server_refuses_costs_its_repository_only(bare, server, tmp_path):
    bare.commit(bare.files({b"a": b"a"}), OCTOBER)
    Bare(tmp_path / "o" / "empty.git")
    late = Bare(tmp_path / "o" / "late.git")
    late.commit(late.files({b"a": b"a"}), DECEMBER)
    remote = at(server, "o/empty", "o/gone", "o/late", "owner/name")
    found = {root: reasons(remote, root) for root in roots(remote)}
    assert found == {
        "o/empty": {"": "empty_repository"},
        "o/gone": {"": "gone"},
        "o/late": {"": "after_cutoff"},
        "owner/name": {"a": None},
    }
    for status, reason in ((403, "private"), (401, "private"), (451, "gone"), (500, "server_error")):
        server.faults.extend([status] * LOOPBACK.attempts)
        assert reasons(remote, "owner/name") == {"": reason}
        server.faults.clear()


LIMITED = {"Retry-After": "0"}
FAULTS = ("reset", "cut", "drip", 500, 502, (429, LIMITED), (403, LIMITED))


@pytest.mark.parametrize("first", range(0, len(FAULTS), 2))
def test_a_fault_in_every_request_changes_nothing(source, bare, server, first):
    bare.commit(bare.files({b"a": b"a" * 5000}), OCTOBER)
    server.faults.extend(fault for bad in FAULTS[first:] + FAULTS[:first] for fault in (bad, None))
    assert documents(at(server, "owner/name"), "owner/name") == documents(source, "owner/name")
    assert len(server.faults) < 4  # every request of the listing and of the reading met one


def test_a_repository_gone_since_the_listing_is_refused_when_read(bare, server):
    bare.commit(bare.files({b"a": b"a", b"b": b"b"}), OCTOBER)
    remote = at(server, "owner/name")
    table = listed(remote, "owner/name")
    server.git = "/nowhere"
    assert [(d.row, d.data, d.refused) for d in read(remote, table)] == [(0, b"", "gone"), (1, b"", "gone")]


def test_a_pack_that_is_none_costs_its_repository_only(bare, server, monkeypatch):
    bare.commit(bare.files({b"a": b"a"}), OCTOBER)
    answers = {
        b"ls-refs": b"0032%s HEAD\n0000" % bare.head.encode(),
        b"fetch": b"000dpackfile\n" + b"000d\x01PACKxxxx" + b"0000",
    }

    def backend(handler, body):
        if handler.command == "GET":
            return real(handler, body)
        return 200, {}, next(answer for command, answer in answers.items() if command in body)

    real = server._backend
    monkeypatch.setattr(server, "_backend", backend)
    assert reasons(at(server, "owner/name"), "owner/name") == {"": "corrupt_pack"}
    for answer in (b"zzzz", b"00ff", b"000dpackfile\n0009\x03oops", b"000dERR no such", b"0000", b"0001000"):
        answers[b"fetch"] = answer
        assert reasons(at(server, "owner/name"), "owner/name") == {"": "bad_protocol"}


def test_a_redirect_to_a_private_address_reaches_nothing(bare, server):
    server.faults.append((302, {"Location": "http://169.254.169.254/latest/meta-data"}))
    assert reasons(at(server, "owner/name"), "owner/name") == {"": "not_allowed"}


def test_an_outage_of_the_common_server_stops_and_another_host_costs_itself():
    nobody = "http://127.0.0.1:9"
    http = dataclasses.replace(LOOPBACK, attempts=1)
    with pytest.raises(UnavailableError):
        list(listing(Git(names=("o/r",), server=nobody, http=http), "o/r"))
    assert reasons(Git(names=(f"{nobody}/o/r",), http=http), f"{nobody}/o/r") == {"": "unreachable"}


def test_what_a_repository_asks_of_git_is_only_text(bare, server, tmp_path):
    ran = tmp_path / "ran"
    files = {
        b".gitattributes": b"* filter=evil diff=evil\n",
        b".gitmodules": b'[submodule "x"]\n path = x\n url = ext::sh -c touch% ' + str(ran).encode(),
        b".lfsconfig": b"[lfs]\n url = http://169.254.169.254/\n",
        b"pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        b"x.py": b"x\r\n",
    }
    tree = [(b"100644", name, bare.blob(data)) for name, data in sorted(files.items())]
    bare.commit(bare.tree([*tree, (b"160000", b"x", "1" * 40)]), OCTOBER)
    found = documents(at(server, "owner/name"), "owner/name")
    assert {d.path.encode(): d.data for d in found} == files and not ran.exists()


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


def test_repositories_of_sha256_are_refused_by_name(tmp_path, server):
    bundles, bare, work = tmp_path / "bundles", tmp_path / "o" / "new.git", tmp_path / "work"
    bundles.mkdir()
    git(tmp_path, "init", "-q", "--object-format=sha256", "-b", "main", str(work))
    (work / "a").write_text("a")
    git(work, "add", "a")
    git(work, "commit", "-q", "-m", "m")
    git(work, "bundle", "create", "-q", str(bundles / "new.bundle"), "HEAD", "main")
    git(tmp_path, "clone", "-q", "--bare", str(work), str(bare))
    folder = Git(folder=str(tmp_path))
    refused = {"": "not_sha1"}
    assert reasons(folder, "o/new") == reasons(folder, "bundles/new.bundle") == refused
    git(bare, "pack-refs", "--all")
    assert reasons(folder, "o/new") == refused == reasons(at(server, "o/new"), "o/new")


def test_names_may_stand_in_a_file(bare, server, tmp_path):
    bare.commit(bare.files({b"a": b"a"}), OCTOBER)
    (tmp_path / "names.txt").write_text("# mine\nowner/name  # one\n\n")
    remote = Git(listed=str(tmp_path / "names.txt"), server=server.url, http=LOOPBACK)
    assert [d.repo for root in roots(remote) for d in documents(remote, root)] == ["owner/name"]


def test_stars_and_forks_come_from_the_list_of_candidates(bare, server, tmp_path):
    bare.commit(bare.files({b"a": b"a"}), OCTOBER)
    path = str(tmp_path / "candidates.arrow")
    rows = [{"name": name, "stars": stars, "forks": 2} for name, stars in (("a/a", 1), ("owner/name", 7), ("z/z", 9))]
    with pa.ipc.new_file(path, CANDIDATES) as file:
        file.write_table(pa.Table.from_pylist(rows, CANDIDATES))
    remote = Git(listed=path, server=server.url, http=LOOPBACK)
    assert roots(remote) == ["a/a", "owner/name", "z/z"]
    assert [(d.stars, d.forks) for d in documents(remote, "owner/name")] == [(7, 2)]


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
