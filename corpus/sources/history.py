"""History and trees of one repository, read object by object; nothing of it is believed or run.

Comes in: an object database, which may lack objects, and the commit behind HEAD. Goes out: the newest commit before a
date, found by committer date among everything that HEAD reaches, and the entries of its tree; or why not.
This file refuses to know where objects come from, and a repository's refs and configuration.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pygit2

from corpus.sources.raw import readable

TREE: Final = b"40000"
_LINK, _SUBMODULE = b"120000", b"160000"
_OBJECT_LIMIT: Final = 64 << 20  # bytes of one commit or tree; a larger one is a bomb
_DEPTH_LIMIT: Final = 64  # folders deep, as The Stack v2


@dataclass(frozen=True, slots=True)
class AsOf:
    """What history says: the commit to read, its tree and time; the time of the first commit; and the family.

    The family is the id of the oldest commit without parents: repositories that share it were forked from one another.
    """

    commit: str
    tree: str
    family: str
    committed: int
    created: int


class UnreadableError(Exception):
    """Why a repository or a part of it cannot be read; becomes a row of the listing."""


def git_object(odb: Any, oid: bytes, kind: str) -> bytes:
    """Content of a commit or tree; refuses what is missing, corrupt, of another kind, or too large to be one."""
    try:
        key = pygit2.Oid(hex=oid.decode("ascii"))
        found, size = odb.read_header(key)
        if size > _OBJECT_LIMIT or found != pygit2.enums.ObjectType[kind.upper()]:
            raise UnreadableError("corrupt")
        data: bytes = odb.read(key)[1]
        return data
    except KeyError as error:
        raise UnreadableError("missing") from error
    except (pygit2.GitError, ValueError) as error:
        raise UnreadableError("corrupt") from error


def header(commit: bytes, name: bytes) -> list[bytes]:
    """Values of one header of a commit, in order."""
    lines = commit.partition(b"\n\n")[0].split(b"\n")
    return [line[len(name) + 1 :] for line in lines if line.startswith(name + b" ")]


def _time(commit: bytes) -> int | None:
    """Committer's time. Before 1970 counts as 1970: a clock was wrong, and the column is not for such dates."""
    try:
        return max(0, int(header(commit, b"committer")[0].rsplit(b" ", 2)[1]))
    except (IndexError, ValueError):
        return None


def as_of(odb: Any, head: bytes, cutoff: int) -> AsOf:
    """Newest commit before the cut-off; of commits of one second, the one reached in fewer steps from HEAD.

    All of history is walked, because clocks are wrong often enough: a rebased or imported branch has parents newer than
    its tip, and stopping at the first old commit would take another one than the newest.
    """
    todo, seen = deque([head]), {head}
    best, best_time, best_tree, first = b"", -1, b"", None
    oldest: tuple[int, bytes] | None = None  # among the commits without parents
    while todo:
        oid = todo.popleft()
        try:
            commit = git_object(odb, oid, "commit")
        except UnreadableError as error:
            raise UnreadableError("corrupt_repository" if oid == head else "missing_history") from error
        time = _time(commit)
        if time is not None:
            first = time if first is None else min(first, time)
            if best_time < time < cutoff:
                best, best_time, best_tree = oid, time, next(iter(header(commit, b"tree")), b"")
        parents = header(commit, b"parent")
        if not parents:
            oldest = min(oldest or (time or 0, oid), (time or 0, oid))
        fresh = [parent for parent in parents if parent not in seen]
        seen.update(fresh)
        todo.extend(fresh)
    if first is None:
        raise UnreadableError("corrupt_repository")
    if not best:
        raise UnreadableError("after_cutoff")
    ids = (best, best_tree, oldest[1] if oldest else head)
    newest, root, family = (oid.decode("ascii", "replace") for oid in ids)
    return AsOf(newest, root, family, committed=best_time, created=first)


def entries(odb: Any, tree: str) -> Iterator[tuple[bytes, bytes, str, str | None]]:
    """(path, mode, object id, refusal) of every file, depth first in git's order. A stack: depth costs no recursion."""
    stack = [_tree(odb, b"", tree, 0)]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
        elif entry[1] == TREE and entry[3] is None:
            stack.append(_tree(odb, entry[0] + b"/", entry[2], len(stack)))
        else:
            yield entry


def _tree(odb: Any, prefix: bytes, oid: str, depth: int) -> Iterator[tuple[bytes, bytes, str, str | None]]:
    try:
        if depth > _DEPTH_LIMIT:
            raise UnreadableError("too_deep")
        data = git_object(odb, oid.encode(), "tree")
    except UnreadableError as error:
        yield prefix, TREE, oid, str(error)
        return
    start = 0
    while start < len(data):
        space, nul = data.find(b" ", start), data.find(b"\0", start)
        if not start < space < nul or nul + 21 > len(data):
            yield prefix, TREE, oid, "corrupt"
            return
        yield prefix + data[space + 1 : nul], data[start:space], data[nul + 1 : nul + 21].hex(), None
        start = nul + 21


Entry = tuple[bytes, bytes, str, str | None]


def described(odb: Any, entry: Entry, partial: bool) -> tuple[str, int | None, str | None, str | None]:
    """(path, size, blob id, refusal) of an entry. `partial`: blobs may lie elsewhere, so one may have no size yet."""
    path, mode, oid, refused = entry
    refused = refused or {_LINK: "symlink", _SUBMODULE: "submodule"}.get(mode)
    size: int | None = 0
    if refused is None:
        try:
            kind, size = odb.read_header(pygit2.Oid(hex=oid))
            refused = "corrupt" if kind != pygit2.enums.ObjectType.BLOB else "empty" if size == 0 else None
        except KeyError:
            size, refused = (None, None) if partial else (0, "missing")
        except pygit2.GitError:
            refused = "corrupt"
    return readable(path), size, oid, refused


def blob(odb: Any, oid: str, max_bytes: int | None) -> tuple[bytes, str | None]:
    """Content of a blob, or why not; what is missing or larger than `max_bytes` is not read."""
    try:
        key = pygit2.Oid(hex=oid)
        if max_bytes is not None and odb.read_header(key)[1] > max_bytes:
            return b"", "too_large"
        return odb.read(key)[1], None
    except KeyError:
        return b"", "missing"
    except (pygit2.GitError, ValueError):
        return b"", "corrupt"
