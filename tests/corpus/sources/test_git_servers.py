"""Repositories of a server: the same documents as of a folder, whatever it does."""

import dataclasses
import os

import pyarrow as pa
import pytest

from corpus.http import HttpConfig, UnavailableError
from corpus.sources.candidates import CANDIDATES
from corpus.sources.git import Git, listing, read, roots
from tests.corpus.sources.repositories import (
    DECEMBER,
    OCTOBER,
    SEPTEMBER,
    Bare,
    documents,
    git,
    listed,
    reasons,
)

LOOPBACK = HttpConfig(networks=("127.0.0.0/8",), attempts=3, first_wait=0.01, timeout=0.3, token_variable="NO_TOKEN")


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
