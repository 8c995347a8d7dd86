r"""Git repositories as of a date: a folder of clones, or URLs that are cloned into a cache folder.

Comes in: repositories. Goes out: the files of the newest commit of the default branch that is before the cut-off, found
by committer date among everything that HEAD reaches; and their bytes.
This file refuses to know a repository's configuration. Objects are read by libgit2 from the `objects` folder alone:
there is no checkout, no hook, no submodule, no filter, no lazy fetch, no replacement ref, and no commit-graph (its
dates could lie), so nothing that a repository says can run or be fetched. Only a URL starts `git`, to clone it.
Reading 177 MB of Python from one pack: 290 MB per CPU second, `git cat-file --batch` 160 (2026-11-24, 2 cores).
"""

import os
import re
import stat
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

import pyarrow as pa
import pygit2

from corpus.schema import LISTING
from corpus.sources.clones import cloned, repository_name
from corpus.sources.raw import LOCATION, Raw, readable

_TREE, _LINK, _SUBMODULE = b"40000", b"120000", b"160000"
_OBJECT_LIMIT: Final = 64 << 20  # bytes of one commit or tree; a larger one is a bomb
_DEPTH_LIMIT: Final = 64  # folders deep, as The Stack v2 (FACTS 2.1)
_ROWS: Final = 10_000  # of one listing batch
_HEX: Final = re.compile(rb"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True)
class Git:
    """Repositories below `folder`, named by their path there, and `urls`."""

    folder: str | None = field(default=None, metadata=LOCATION)
    urls: tuple[str, ...] = ()
    cache: str | None = field(default=None, metadata=LOCATION)  # folder for clones of `urls`
    cutoff: str = "2023-11-01"  # exclusive, UTC: the paper takes what was created before November 2023
    max_files: int = 1_000_000  # folders included; a repository with more is refused
    token_variable: str = field(default="GITHUB_TOKEN", metadata=LOCATION)  # sent to https URLs where it is set

    def __post_init__(self) -> None:
        if self.folder is None and not self.urls:
            raise ValueError("Git needs folder='path of clones' or urls=('https://…',)")
        if self.urls and self.cache is None:
            raise ValueError("Git(urls=…) clones into a folder: set cache='path'")
        if self.max_files < 1:
            raise ValueError(f"Git.max_files must be at least 1, not {self.max_files}")
        self.cutoff_seconds()

    def cutoff_seconds(self) -> int:
        try:
            return int(datetime.fromisoformat(self.cutoff).replace(tzinfo=UTC).timestamp())
        except ValueError as error:
            raise ValueError(f"Git.cutoff must be a date such as '2023-11-01', not {self.cutoff!r}") from error


@dataclass(frozen=True, slots=True)
class _AsOf:
    """What history says: the commit to read, its time, and the time of the first commit."""

    commit: bytes
    committed: int
    created: int


class _RefusedError(Exception):
    """Why a repository or a part of it cannot be read; becomes a row of the listing."""


def roots(source: Git) -> list[str]:
    """Names of the repositories, and URLs; sorted."""
    found = [] if source.folder is None else list(_repositories(source.folder))
    names = found + [repository_name(url) for url in source.urls]
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    if twice:
        raise ValueError(f"these repositories are named twice: {sorted(twice)}; take one of each out")
    return sorted(found + list(source.urls))


def listing(source: Git, root: str) -> Iterator[pa.RecordBatch]:
    """Every entry of the tree as of the cut-off, in git's order; or one row that says why there is none."""
    try:
        odb, head = _open(source, root)
        as_of = _as_of(odb, head, source.cutoff_seconds())
        tree = _header(_object(odb, as_of.commit, "commit"), b"tree")[0]
        if sum(1 for _ in islice(_entries(odb, tree), source.max_files + 1)) > source.max_files:
            raise _RefusedError("too_many_files")
    except _RefusedError as error:
        yield _batch(root, [("", 0, None, str(error))], None)
        return
    entries = (_row(odb, *entry) for entry in _entries(odb, tree))
    empty = True
    while rows := list(islice(entries, _ROWS)):
        empty = False
        yield _batch(root, rows, as_of)
    if empty:
        yield _batch(root, [("", 0, None, "empty_repository")], as_of)


def read(source: Git, rows: pa.Table) -> Iterator[Raw]:
    """The blobs that the rows name, in their order."""
    # Off as in `git cat-file`: hashing every object again halves the speed (125 against 290 MB per CPU second).
    pygit2.option(pygit2.enums.Option.ENABLE_STRICT_HASH_VERIFICATION, False)
    opened, odb = None, None
    for number, row in enumerate(_rows(rows)):
        if row["root"] != opened:
            opened, odb = row["root"], _objects(source, row["root"])
        name = repository_name(row["root"])
        data, refused = _blob(odb, row["locator"])
        yield Raw(
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
            blob=row["locator"],
            refused=refused,
        )


def _rows(rows: pa.Table) -> Iterator[dict[str, Any]]:
    seconds = pa.schema([f.with_type(pa.int64()) if pa.types.is_timestamp(f.type) else f for f in rows.schema])
    for batch in rows.cast(seconds).to_batches(max_chunksize=_ROWS):
        yield from batch.to_pylist()


def _blob(odb: Any, oid: str) -> tuple[bytes, str | None]:
    if odb is None:
        return b"", "missing"
    try:
        return odb.read(pygit2.Oid(hex=oid))[1], None
    except KeyError:
        return b"", "missing"
    except (pygit2.GitError, ValueError):
        return b"", "corrupt"


def _batch(root: str, rows: list[tuple[str, int, str | None, str | None]], as_of: _AsOf | None) -> pa.RecordBatch:
    n = len(rows)
    paths, sizes, locators, refused = (list(column) for column in zip(*rows, strict=True))
    of_commit = [None, None, None] if as_of is None else [as_of.commit.decode(), as_of.created, as_of.committed]
    columns = [[root] * n, paths, sizes, locators, refused, *([value] * n for value in of_commit)]
    arrays = [pa.array(column, f.type) for column, f in zip(columns, LISTING, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=LISTING)


# --- objects


def _objects(source: Git, root: str) -> Any:
    """The object database of a listed repository, or None where a URL gives it no more and the cache has lost it."""
    folder = _git_folder(source, root)
    if folder is None and root not in source.urls:
        raise FileNotFoundError(f"{root} was listed but is no longer in {source.folder}: put it back, or list anew")
    return None if folder is None else pygit2.Odb(os.path.join(folder, "objects"))


def _open(source: Git, root: str) -> tuple[Any, bytes]:
    folder = _git_folder(source, root)
    if folder is None:
        raise _RefusedError("gone")
    head = _head(folder)
    try:
        return pygit2.Odb(os.path.join(folder, "objects")), head
    except pygit2.GitError as error:
        raise _RefusedError("corrupt_repository") from error


def _git_folder(source: Git, root: str) -> str | None:
    """Folder that holds `objects`; a URL is cloned first."""
    if root in source.urls:
        assert source.cache is not None
        return cloned(root, source.cache, os.environ.get(source.token_variable))
    assert source.folder is not None
    for ending in ("", ".git"):
        for inside in ("", ".git"):
            folder = os.path.join(source.folder, root + ending, inside)
            if os.path.isdir(os.path.join(folder, "objects")):
                return folder
    return (
        None
        if not os.path.isdir(os.path.join(source.folder, f"{root}.git"))
        else os.path.join(source.folder, f"{root}.git")
    )


def _repositories(folder: str) -> Iterator[str]:
    """Every repository below the folder, by its path without `.git`; what is called x.git counts even when broken."""
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"Git.folder={folder!r} is not a folder: create it, or name another in the recipe")
    for place, folders, files in os.walk(folder):
        inside = "HEAD" in files and "objects" in folders
        if place != folder and (inside or ".git" in folders or place.endswith(".git")):
            yield os.path.relpath(place, folder).replace(os.sep, "/").removesuffix(".git")
            folders.clear()


def _head(folder: str) -> bytes:
    """Object id behind HEAD. Read by hand, because git would read the repository's configuration on the way."""
    value = _small_file(os.path.join(folder, "HEAD"))
    if value is None:
        raise _RefusedError("corrupt_repository")
    for _ in range(5):  # as many symbolic refs as git follows
        if _HEX.fullmatch(value):
            return value
        name = value.removeprefix(b"ref:").strip().decode("utf-8", "replace")
        if not value.startswith(b"ref:") or not name.startswith("refs/") or ".." in name.split("/"):
            raise _RefusedError("corrupt_repository")
        found = _small_file(os.path.join(folder, *name.split("/"))) or _packed(folder, name.encode())
        if found is None:
            raise _RefusedError("empty_repository")  # HEAD names a branch without a commit
        value = found
    raise _RefusedError("corrupt_repository")


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


def _object(odb: Any, oid: bytes, kind: str) -> bytes:
    """Content of a commit or tree; refuses what is missing, corrupt, of another kind, or too large to be one."""
    try:
        key = pygit2.Oid(hex=oid.decode("ascii"))
        found, size = odb.read_header(key)
        if size > _OBJECT_LIMIT or found != pygit2.enums.ObjectType[kind.upper()]:
            raise _RefusedError("corrupt")
        data: bytes = odb.read(key)[1]
        return data
    except KeyError as error:
        raise _RefusedError("missing") from error
    except (pygit2.GitError, ValueError) as error:
        raise _RefusedError("corrupt") from error


# --- history


def _header(commit: bytes, name: bytes) -> list[bytes]:
    """Values of one header of a commit, in order."""
    lines = commit.partition(b"\n\n")[0].split(b"\n")
    return [line[len(name) + 1 :] for line in lines if line.startswith(name + b" ")]


def _time(commit: bytes) -> int | None:
    """Committer's time. Before 1970 counts as 1970: a clock was wrong, and the column is not for such dates."""
    try:
        return max(0, int(_header(commit, b"committer")[0].rsplit(b" ", 2)[1]))
    except (IndexError, ValueError):
        return None


def _as_of(odb: Any, head: bytes, cutoff: int) -> _AsOf:
    """Newest commit before the cut-off; of commits of one second, the one reached in fewer steps from HEAD.

    All of history is walked, because clocks are wrong often enough: a rebased or imported branch has parents newer than
    its tip, and stopping at the first old commit would take another one than the newest.
    """
    todo, seen = deque([head]), {head}
    best, best_time, first = b"", -1, None
    while todo:
        oid = todo.popleft()
        try:
            commit = _object(odb, oid, "commit")
        except _RefusedError as error:
            raise _RefusedError("corrupt_repository" if oid == head else "missing_history") from error
        time = _time(commit)
        if time is not None:
            first = time if first is None else min(first, time)
            if best_time < time < cutoff:
                best, best_time = oid, time
        fresh = [parent for parent in _header(commit, b"parent") if parent not in seen]
        seen.update(fresh)
        todo.extend(fresh)
    if first is None:
        raise _RefusedError("corrupt_repository")
    if not best:
        raise _RefusedError("after_cutoff")
    return _AsOf(best, best_time, first)


# --- trees


def _entries(odb: Any, tree: bytes) -> Iterator[tuple[bytes, bytes, str, str | None]]:
    """(path, mode, object id, refusal) of every file, depth first in git's order. A stack: depth costs no recursion."""
    stack = [_tree(odb, b"", tree.decode("ascii", "replace"), 0)]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif entry[1] == _TREE and entry[3] is None:
            stack.append(_tree(odb, entry[0] + b"/", entry[2], len(stack)))
        else:
            yield entry


def _tree(odb: Any, prefix: bytes, oid: str, depth: int) -> Iterator[tuple[bytes, bytes, str, str | None]]:
    try:
        if depth > _DEPTH_LIMIT:
            raise _RefusedError("too_deep")
        data = _object(odb, oid.encode(), "tree")
    except _RefusedError as error:
        yield prefix, _TREE, oid, str(error)
        return
    start = 0
    while start < len(data):
        space, nul = data.find(b" ", start), data.find(b"\0", start)
        if not start < space < nul or nul + 21 > len(data):
            yield prefix, _TREE, oid, "corrupt"
            return
        yield prefix + data[space + 1 : nul], data[start:space], data[nul + 1 : nul + 21].hex(), None
        start = nul + 21


def _row(odb: Any, path: bytes, mode: bytes, oid: str, refused: str | None) -> tuple[str, int, str | None, str | None]:
    if refused is None:
        refused = {_LINK: "symlink", _SUBMODULE: "submodule"}.get(mode)
    size = 0
    if refused is None:
        try:
            kind, size = odb.read_header(pygit2.Oid(hex=oid))
            refused = "corrupt" if kind != pygit2.enums.ObjectType.BLOB else "empty" if size == 0 else None
        except KeyError:
            refused = "missing"
        except pygit2.GitError:
            refused = "corrupt"
    return readable(path), size, oid, refused


def origin(source: Git, root: str, path: str) -> str:
    """What `read` will give as origin; known before reading, so that a sample reads nothing else."""
    return repository_name(root)
