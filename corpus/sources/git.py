r"""Git repositories as of a date: a folder of clones and bundles, or names and URLs fetched over git's smart protocol.

Comes in: repositories. Goes out: the files of the newest commit of the default branch that is before the cut-off, found
by committer date among everything that HEAD reaches; and their bytes.
From a server come, in this order, the commits alone, the trees of the one commit, and, when the files are read, that
commit's files up to `max_blob`: a copy is recognised by its ids before its files are fetched, and history's never are.
This file refuses to know a repository's configuration. Objects are read by libgit2 from the `objects` folder alone:
there is no checkout, no hook, no submodule, no filter, no lazy fetch, no replacement ref, and no commit-graph (its
dates could lie), so nothing that a repository says can run or be fetched.
Reading 177 MB of Python from one pack: 290 MB per CPU second, `git cat-file --batch` 160 (2026-11-24, 2 cores).
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any, Final
from urllib.parse import urlsplit

import pyarrow as pa
import pygit2

from corpus.http import HttpConfig, RefusedError, UnavailableError, fetcher
from corpus.schema import LISTED
from corpus.sources import candidates, smart_http
from corpus.sources.history import AsOf, UnreadableError, as_of, blob, described, entries
from corpus.sources.packs import bundle_head, bundle_pack, odb_of
from corpus.sources.raw import LOCATION, Raw

RELATED: Final = True  # its repositories may be copies of one another: crawl compares `tree` and `family`
_ROWS: Final = 10_000  # of one listing batch
_HEX: Final = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHA1: Final = 40  # digits of an id; libgit2 reads no others
_BUNDLE: Final = ".bundle"
_REASONS: Final = {"forbidden": "private"}  # what a fetcher's refusal is called of a repository


@dataclass(frozen=True, kw_only=True)
class Git:
    """Repositories below `folder`, named by their path there; `names` at `server`; those of the file `listed`."""

    folder: str | None = field(default=None, metadata=LOCATION)
    names: tuple[str, ...] = ()  # owner/name at `server`, or https URLs
    listed: str | None = field(
        default=None, metadata=LOCATION
    )  # candidates of `pipelines.discover`, or a name per line
    server: str = field(default="https://github.com", metadata=LOCATION)
    http: HttpConfig = field(default_factory=HttpConfig, metadata=LOCATION)
    cutoff: str = "2023-11-01"  # exclusive, UTC: the paper takes what was created before November 2023
    max_files: int = 1_000_000  # folders included; a repository with more is refused
    max_blob: int = 1 << 20  # bytes of a file that is fetched from a server (The Stack's limit)

    def __post_init__(self) -> None:
        if self.folder is None and not self.names and self.listed is None:
            raise ValueError("Git needs folder='path of clones', names=('owner/name',) or listed='candidates.arrow'")
        if self.max_files < 1 or self.max_blob < 1:
            raise ValueError(f"Git.max_files and max_blob must be at least 1: {self.max_files}, {self.max_blob}")
        for name in self.names:
            _check_name(name)
        self.cutoff_seconds()

    def cutoff_seconds(self) -> int:
        try:
            return int(datetime.fromisoformat(self.cutoff).replace(tzinfo=UTC).timestamp())
        except ValueError as error:
            raise ValueError(f"Git.cutoff must be a date such as '2023-11-01', not {self.cutoff!r}") from error


def repository_name(root: str) -> str:
    """owner/name on GitHub, host/path elsewhere; a clone's path below the folder."""
    if "://" not in root:
        return root.removesuffix(_BUNDLE)
    parts = urlsplit(root)
    path = parts.path.strip("/").removesuffix(".git")
    return path if parts.hostname == "github.com" else f"{parts.netloc}/{path}"


def roots(source: Git) -> list[str]:
    """Names and URLs of the repositories; sorted."""
    found = [] if source.folder is None else list(_repositories(source.folder))
    found += source.names
    found += () if source.listed is None else candidates.names(source.listed)
    names = [repository_name(root) for root in found]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})[:10]
        raise ValueError(f"these repositories are named twice: {twice}; take one of each out")
    return sorted(found)


def listing(source: Git, root: str) -> Iterator[pa.RecordBatch]:
    """Every entry of the tree as of the cut-off, in git's order; or one row that says why there is none."""
    known = candidates.Known() if source.listed is None else candidates.known(source.listed, root)
    found = None
    try:
        with _tree(source, root) as (odb, found, partial):
            if sum(1 for _ in islice(entries(odb, found.tree), source.max_files + 1)) > source.max_files:
                raise UnreadableError("too_many_files")
            rows = (described(odb, entry, partial) for entry in entries(odb, found.tree))
            empty = True
            while part := list(islice(rows, _ROWS)):
                empty = False
                yield _batch(root, part, found, known)
            if empty:
                raise UnreadableError("empty_repository")
    except UnreadableError as error:
        yield _batch(root, [("", 0, None, str(error))], found, known)
    except (RefusedError, UnavailableError) as error:
        yield _batch(root, [("", 0, None, _reason(root, error))], found, known)


def read(source: Git, rows: pa.Table) -> Iterator[Raw]:
    """The blobs that the rows name, in their order."""
    # Off as in `git cat-file`: hashing every object again halves the speed (125 against 290 MB per CPU second).
    pygit2.option(pygit2.enums.Option.ENABLE_STRICT_HASH_VERIFICATION, False)
    for (root, commit), group in groupby(
        enumerate(_rows(rows)), key=lambda item: (item[1]["root"], item[1]["snapshot"])
    ):
        wanted = list(group)
        given = 0
        try:
            with _files(source, root, commit) as (odb, partial):
                for number, row in wanted:
                    data, refused = blob(odb, row["locator"], source.max_blob if partial else None)
                    given += 1
                    yield _raw(number, row, data, "too_large" if partial and refused == "missing" else refused)
        except (RefusedError, UnavailableError) as error:
            reason = _reason(root, error)
            for number, row in wanted[given:]:
                yield _raw(number, row, b"", reason)


def origin(source: Git, root: str, path: str) -> str:
    """What `read` will give as origin; known before reading, so that a sample reads nothing else."""
    return repository_name(root)


def _reason(root: str, error: RefusedError | UnavailableError) -> str:
    """What is counted. Nobody answers: a fact about a server that one URL names, but an outage of the common one."""
    if isinstance(error, RefusedError):
        return _REASONS.get(error.reason, error.reason)
    if "://" in root:
        return "unreachable"
    raise error


def _raw(number: int, row: dict[str, Any], data: bytes, refused: str | None) -> Raw:
    name = repository_name(row["root"])
    return Raw(
        row=number,
        root=row["root"],
        path=row["path"],
        data=data,
        kind="file",
        origin=name,
        repo=name,
        snapshot=row["snapshot"],
        created=row["created"],
        committed=row["committed"],
        stars=row["stars"],
        forks=row["forks"],
        blob=row["locator"],
        refused=refused,
    )


def _rows(rows: pa.Table) -> Iterator[dict[str, Any]]:
    seconds = pa.schema([f.with_type(pa.int64()) if pa.types.is_timestamp(f.type) else f for f in rows.schema])
    for batch in rows.cast(seconds).to_batches(max_chunksize=_ROWS):
        yield from batch.to_pylist()


def _batch(
    root: str, rows: list[tuple[str, int | None, str | None, str | None]], found: AsOf | None, known: candidates.Known
) -> pa.RecordBatch:
    n = len(rows)
    paths, sizes, locators, refused = (list(column) for column in zip(*rows, strict=True))
    same: list[object] = [None] * 3 if found is None else [found.commit, found.created, found.committed]
    same += [None] * 2 if found is None else [found.tree, found.family]
    same += [known.stars, known.forks]
    columns = [[root] * n, paths, sizes, locators, refused, *([value] * n for value in same)]
    arrays = [pa.array(column, f.type) for column, f in zip(columns, LISTED, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=LISTED)


# --- where objects are


def _is_local(source: Git, root: str) -> bool:
    """Whether the repository is one of the folder's."""
    if source.folder is None or root in source.names:
        return False
    if _local(source.folder, root) is not None:
        return True
    if source.listed is not None:
        return False
    raise FileNotFoundError(f"{root} was listed but is no longer in {source.folder}: put it back, or list anew")


@contextmanager
def _tree(source: Git, root: str) -> Iterator[tuple[Any, AsOf, bool]]:
    """Objects with the trees of the commit to read, that commit, and whether its files may lie elsewhere."""
    if _is_local(source, root):
        with _local_objects(source, root) as (odb, head):
            yield odb, as_of(odb, head, source.cutoff_seconds()), False
        return
    web = fetcher(source.http)
    at = smart_http.remote(web, _url(source, root))
    tip = smart_http.head(web, at)
    if tip is None:
        raise UnreadableError("empty_repository")
    with odb_of(lambda sink: smart_http.pack(web, at, tip, "tree:0", False, sink)) as odb:
        found = as_of(odb, tip, source.cutoff_seconds())
    commit = found.commit.encode()
    with odb_of(lambda sink: smart_http.pack(web, at, commit, "blob:none", True, sink)) as odb:
        yield odb, found, at.filters


@contextmanager
def _files(source: Git, root: str, commit: str) -> Iterator[tuple[Any, bool]]:
    """Objects with the files of the commit, and whether some were left out for their size."""
    if _is_local(source, root):
        with _local_objects(source, root) as (odb, _):
            yield odb, False
        return
    web = fetcher(source.http)
    at = smart_http.remote(web, _url(source, root))
    keep = f"blob:limit={source.max_blob + 1}"  # git leaves out blobs of at least this size
    with odb_of(lambda sink: smart_http.pack(web, at, commit.encode(), keep, True, sink)) as odb:
        yield odb, at.filters


def _url(source: Git, root: str) -> str:
    return root if "://" in root else f"{source.server.rstrip('/')}/{root}.git"


@contextmanager
def _local_objects(source: Git, root: str) -> Iterator[tuple[Any, bytes]]:
    assert source.folder is not None
    path = _local(source.folder, root)
    assert path is not None
    if os.path.isfile(path):
        head = bundle_head(path)
        with odb_of(lambda sink: bundle_pack(path, sink)) as odb:
            yield odb, head
        return
    head = _head(path)
    _check_plain(os.path.join(path, "objects"))
    try:
        odb = pygit2.Odb(os.path.join(path, "objects"))
    except pygit2.GitError as error:
        raise UnreadableError("corrupt_repository") from error
    yield odb, head


def _check_plain(objects: str) -> None:
    """Nothing but files and folders: libgit2 opens whatever has the name it looks for, and a pipe never ends."""
    for place, folders, files in os.walk(objects):
        for name in files:
            path = os.path.join(place, name)
            if not os.path.isfile(path) and os.path.exists(path):
                raise UnreadableError("corrupt_repository")
        if place != objects:
            folders.clear()  # objects/pack and objects/ab are as deep as it goes


def _local(folder: str, root: str) -> str | None:
    """Folder that holds the repository's `objects`, or a bundle; what is only called x.git is one without objects."""
    path = os.path.join(folder, root)
    if root.endswith(_BUNDLE) and os.path.isfile(path):
        return path
    for ending in ("", ".git"):
        for inside in ("", ".git"):
            found = os.path.join(path + ending, inside)
            if os.path.isdir(os.path.join(found, "objects")):
                return found
    return f"{path}.git" if os.path.isdir(f"{path}.git") else None


def _check_name(name: str) -> None:
    parts = urlsplit(name)
    plain = re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None
    if not plain and (parts.scheme not in ("https", "http") or not parts.hostname):
        raise ValueError(f"{name!r} is not fetched: give owner/name, or an https URL")


def _repositories(folder: str) -> Iterator[str]:
    """Every repository below the folder, by its path without `.git`; what is called x.git counts even when broken."""
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"Git.folder={folder!r} is not a folder: create it, or name another in the recipe")
    for place, folders, files in os.walk(folder):
        inside = "HEAD" in files and "objects" in folders
        if place != folder and (inside or ".git" in folders or place.endswith(".git")):
            yield os.path.relpath(place, folder).replace(os.sep, "/").removesuffix(".git")
            folders.clear()
            continue
        bundles = (name for name in files if name.endswith(".bundle"))
        yield from (os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/") for name in bundles)


def _head(folder: str) -> bytes:
    """Object id behind HEAD. Read by hand, because git would read the repository's configuration on the way."""
    value = _small_file(os.path.join(folder, "HEAD"))
    if value is None:
        raise UnreadableError("corrupt_repository")
    for _ in range(5):  # as many symbolic refs as git follows
        if _HEX.fullmatch(value):
            if len(value) != _SHA1:
                raise UnreadableError("not_sha1")
            return value
        name = value.removeprefix(b"ref:").strip().decode("utf-8", "replace")
        if not value.startswith(b"ref:") or not name.startswith("refs/") or ".." in name.split("/"):
            raise UnreadableError("corrupt_repository")
        found = _small_file(os.path.join(folder, *name.split("/"))) or _packed(folder, name.encode())
        if found is None:
            raise UnreadableError("empty_repository")  # HEAD names a branch without a commit
        value = found
    raise UnreadableError("corrupt_repository")


def _small_file(path: str) -> bytes | None:
    """A ref's content. Only of a plain file: a pipe or a device would block or never end."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        with open(path, "rb") as file:
            return file.read(4096).strip()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        return None


def _packed(folder: str, name: bytes) -> bytes | None:
    path = os.path.join(folder, "packed-refs")
    if not os.path.isfile(path) or os.path.islink(path):
        return None
    with open(path, "rb") as file:
        for line in iter(lambda: file.readline(8192), b""):
            oid, _, ref = line.strip().partition(b" ")
            if ref == name and _HEX.fullmatch(oid):
                return oid
    return None
