"""Source archives and folders on disk: tar (plain, gzip, bzip2, xz), zip, wheel, sdist, or a folder of files.

Comes in: a folder that holds archives, and what is known of each: project, hash, date of release. Goes out: the members
dated before the cut-off. A member without a date (archives made reproducibly have none, or 1980) takes its archive's
date of release, and is refused as `undated` where that is not given either.
A damaged archive costs what cannot be read of it: one more row in its listing says so. A *pinned* one with another
hash is an error, since the recipe asked for other bytes. This file refuses to know formats (`members.py`) and limits of
size (the crawl's).
"""

import fnmatch
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

import pyarrow as pa

from corpus.schema import LISTING
from corpus.sources.members import DamagedError, Limits, Member, contents, members
from corpus.sources.raw import LOCATION, Raw

_ROWS: Final = 10_000  # of one listing batch
_ENDINGS: Final = re.compile(r"\.(tar(\.\w+)?|tgz|tbz2?|txz|zip|whl)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Archive:
    """One archive, or folder, and what is known of it."""

    file: str  # name in the source's folder
    project: str  # owner/name of its repository, or the project's name
    sha256: str | None = None  # the bytes the recipe means; None takes what is there
    released: str | None = None  # date, for members without one
    url: str | None = None
    leave: tuple[str, ...] = ()  # patterns of paths, as fnmatch; listed as `not_selected`

    def __post_init__(self) -> None:
        if not self.file or os.path.basename(self.file) != self.file or not self.project:
            raise ValueError(
                f"Archive needs file='name without folders' and a project, not {self.file!r}, {self.project!r}"
            )
        if self.sha256 is not None and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(
                f"Archive {self.file}: sha256 is 64 hex digits, not {self.sha256!r}; see `sha256sum {self.file}`"
            )
        _seconds(f"Archive {self.file}.released", self.released or "1970-01-01")


@dataclass(frozen=True, kw_only=True)
class Archives:
    """Archives in `folder`: the named ones, or all of them, each a project called as its file without the version."""

    folder: str = field(metadata=LOCATION)
    archives: tuple[Archive, ...] = ()
    cutoff: str = "2023-11-01"  # exclusive, UTC: the paper takes what was created before November 2023
    origin_depth: int = 0  # an origin is the project and this many leading folders
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        files = [archive.file for archive in self.archives]
        if len(set(files)) < len(files):
            raise ValueError(
                f"Archives: these files are named twice: {sorted({f for f in files if files.count(f) > 1})}"
            )
        if self.origin_depth < 0:
            raise ValueError(f"Archives.origin_depth must be at least 0, not {self.origin_depth}")
        _seconds("Archives.cutoff", self.cutoff)


def roots(source: Archives) -> list[str]:
    """Names of the archives, sorted. Hidden files are no archives; any other file is one, or is refused as none."""
    if source.archives:
        return sorted(archive.file for archive in source.archives)
    if not os.path.isdir(source.folder):
        raise FileNotFoundError(f"Archives.folder={source.folder!r} is not a folder: create it, or name another")
    return sorted(name for name in os.listdir(source.folder) if not name.startswith("."))


def origin(source: Archives, root: str, path: str) -> str | None:
    """Unit of held-out and sample: the project, and `origin_depth` folders; None where that needs a path."""
    project = _archive(source, root).project
    if not source.origin_depth:
        return project
    return "/".join([project, *path.split("/")[:-1][: source.origin_depth]]) if path else None


def listing(source: Archives, root: str) -> Iterator[pa.RecordBatch]:
    """Every member in the archive's order, and a last row with a reason where the rest cannot be read."""
    archive, path = _archive(source, root), _checked(source, root)
    found: list[Member] = []
    damage = None
    try:
        found.extend(members(path, source.limits))
    except DamagedError as error:
        damage = str(error)
    common = "" if os.path.isdir(path) or root.endswith(".whl") else _common_folder(found)
    newest = {member.path: member.index for member in found}  # a tar may hold a path twice; the later one counts
    rows: list[dict[str, Any]] = []
    for member in found:
        date, reason = member.date, member.refused
        if date is None and archive.released:
            date = _seconds("released", archive.released)
        shown = member.path.removeprefix(common)
        reason = reason or ("overwritten" if newest[member.path] != member.index else None)
        reason = reason or _refusal(source, archive, shown, member.size, date)
        rows.append(_row(root, shown, member.size, str(member.index), reason, date))
    if damage is not None:
        rows.append(_row(root, "", 0, None, damage, None))
    for start in range(0, len(rows), _ROWS):
        yield pa.RecordBatch.from_pylist(rows[start : start + _ROWS], LISTING)


def read(source: Archives, rows: pa.Table) -> Iterator[Raw]:
    """The members that the rows name, each archive in one pass."""
    number = 0
    seconds = rows.set_column(rows.schema.get_field_index("committed"), "committed", rows["committed"].cast(pa.int64()))
    for root, group in groupby(seconds.to_pylist(), key=lambda row: row["root"]):
        wanted = list(group)
        archive, path = _archive(source, root), _checked(source, root)
        indices, sizes = [int(row["locator"]) for row in wanted], [row["size"] for row in wanted]
        for row, (data, refused) in zip(wanted, contents(path, indices, sizes, source.limits), strict=True):
            yield Raw(
                row=number,
                root=root,
                path=row["path"],
                data=data,
                kind="file",
                origin=origin(source, root, row["path"]) or archive.project,
                repo=archive.project,
                url=archive.url,
                snapshot=row["snapshot"],
                committed=row["committed"],
                refused=refused,
            )
            number += 1


def _archive(source: Archives, root: str) -> Archive:
    for archive in source.archives:
        if archive.file == root:
            return archive
    # flask-2.3.3.tar.gz is flask; what has no version keeps its name.
    return Archive(file=root, project=re.sub(r"-v?\d[^/]*$", "", _stem(root)) or root)


def _stem(root: str) -> str:
    return _ENDINGS.sub("", root)


def _checked(source: Archives, root: str) -> str:
    """Path of an archive whose hash is the pinned one."""
    path, pinned = os.path.join(source.folder, root), _archive(source, root).sha256
    if not os.path.lexists(path):
        raise FileNotFoundError(f"{path} is not there: fetch it, or correct Archives.folder in the recipe")
    if pinned is not None:
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != pinned:
            raise ValueError(
                f"{path} has sha256 {found}, the recipe pins {pinned}: delete it and fetch it again, or change the pin"
            )
    return path


def _common_folder(found: list[Member]) -> str:
    """`name-version/` where every member lies in it, as in a source archive; else nothing."""
    first = {member.path.split("/", 1)[0] if "/" in member.path else "" for member in found if member.refused is None}
    return f"{first.pop()}/" if len(first) == 1 and "" not in first else ""


def _refusal(source: Archives, archive: Archive, path: str, size: int, date: int | None) -> str | None:
    if date is None:
        return "undated"
    if date >= _seconds("cutoff", source.cutoff):
        return "after_cutoff"
    if any(fnmatch.fnmatchcase(path, pattern) for pattern in archive.leave):
        return "not_selected"
    return None if size else "empty"


def _row(root: str, path: str, size: int, locator: str | None, refused: str | None, date: int | None) -> dict[str, Any]:
    when = None if date is None else datetime.fromtimestamp(date, UTC)
    columns = (root, path, size, locator, refused, _stem(root), None, when)
    return dict(zip(LISTING.names, columns, strict=True))


def _seconds(name: str, date: str) -> int:
    try:
        return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise ValueError(f"{name} must be a date such as '2023-11-01', not {date!r}") from error
