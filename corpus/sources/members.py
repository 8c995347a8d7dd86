"""What is inside an archive or a folder, member by member, read as one that does not trust it.

Comes in: a path on disk. Goes out: `Member`s in the archive's own order, and their bytes. Nothing is ever written, no
link is followed, and neither a lying size nor a bomb makes it hold more than `max_file` bytes or unpack more than
`max_ratio` times what lies on disk. This file refuses to know dates that matter, projects and schemas.
"""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final, Protocol

from corpus.sources.raw import readable

_CHUNK: Final = 1 << 20
_FLOOR: Final = 16 << 20  # unpacked bytes that are never too many, whatever the ratio: small archives pack well
_UNPACKING: Final = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, tarfile.TarError, zipfile.BadZipFile)
_READING: Final = (*_UNPACKING, OSError, NotImplementedError, RuntimeError, ValueError)  # as zipfile and bz2 raise them


@dataclass(frozen=True, slots=True)
class Limits:
    """How much an archive may hold before it is taken for a bomb."""

    max_file: int = 64 << 20  # bytes of one member; what a crawl takes of a file is less
    max_ratio: int = 200  # unpacked over packed; source code packs 4 to 10 times, the best real text some 50 times
    max_members: int = 500_000

    def __post_init__(self) -> None:
        for name in ("max_file", "max_ratio", "max_members"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"Limits.{name} must be a whole number of at least 1, not {value!r}")


@dataclass(frozen=True, slots=True)
class Member:
    """One entry that is not a folder."""

    index: int  # position among all entries
    path: str  # "/"-separated, safe to show; unsafe ones carry a reason in `refused`
    size: int  # as the archive declares it
    date: int | None  # unix seconds; None where the archive has none
    refused: str | None


class _Stream(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class DamagedError(Exception):
    """The rest of an archive cannot be read; the message is the reason."""


def members(path: str, limits: Limits) -> Iterator[Member]:
    """Every entry in order. Raises DamagedError after the readable ones where the archive is corrupt or a bomb."""
    for count, member in enumerate(_format(path).members(path, limits)):
        if count == limits.max_members:
            raise DamagedError("too_many_members")
        yield member


def contents(path: str, indices: list[int], sizes: list[int], limits: Limits) -> Iterator[tuple[bytes, str | None]]:
    """Bytes of these members, ascending by index, or why not: one answer for each, whatever happens."""
    given = 0
    try:
        for answer in _format(path).contents(path, indices, sizes, limits):
            yield answer
            given += 1
    except DamagedError as error:
        reason = str(error)
    else:
        reason = "corrupt_archive"
    for _ in indices[given:]:
        yield b"", reason


def safe_path(name: str) -> tuple[str, str | None]:
    """A member's name as a relative path, and why it must not be used if it must not."""
    shown = readable(name.encode("utf-8", "surrogateescape"))
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith(("/", "\\")) or name[1:3] in (":\\", ":/"):
        return shown, "absolute_path"
    if ".." in parts or ".." in name.split("\\"):
        return shown, "path_traversal"
    if not parts:
        return shown, "no_name"
    return readable("/".join(parts).encode("utf-8", "surrogateescape")), None


def _format(path: str) -> "type[_Tar] | type[_Zip] | type[_Folder]":
    """By content, since names lie."""
    if os.path.isdir(path) and not os.path.islink(path):
        return _Folder
    with open(path, "rb") as file:
        start = file.read(512)
    if start.startswith((b"PK\3\4", b"PK\5\6")):
        return _Zip
    if _opener(start) is not None or start[257:262] == b"ustar":
        return _Tar
    raise DamagedError("unknown_format")


def _opener(start: bytes) -> Callable[[IO[bytes]], _Stream] | None:
    if start.startswith(b"\x1f\x8b"):
        return lambda file: gzip.GzipFile(fileobj=file)
    if start.startswith(b"BZh"):
        return lambda file: bz2.BZ2File(file)
    return (lambda file: lzma.LZMAFile(file)) if start.startswith(b"\xfd7zXZ\0") else None


@contextmanager
def _damage() -> Iterator[None]:
    """What the unpackers raise for bad bytes becomes DamagedError."""
    try:
        yield
    except (*_UNPACKING, OSError, ValueError) as error:
        raise DamagedError("corrupt_archive") from error


class _Bounded(io.RawIOBase):
    """A tar stream that goes forward only and stops a bomb while it unpacks, headers included."""

    def __init__(self, file: _Stream, packed: int, limits: Limits) -> None:
        self._file = file
        self._position = 0
        self._most = packed * limits.max_ratio + _FLOOR
        self._max_read = limits.max_file + 512
        self.last = b""  # of the newest read, its last block: zeros where a tar ends as it should

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self._max_read:
            raise DamagedError("bomb")
        pieces = []
        while size > 0:
            piece = self._file.read(min(size, _CHUNK))
            if not piece:
                break
            size -= len(piece)
            self._position += len(piece)
            if self._position > self._most:
                raise DamagedError("bomb")
            pieces.append(piece)
        data = b"".join(pieces)
        self.last = data[-512:]
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence != os.SEEK_SET or offset < self._position:
            raise DamagedError("corrupt_archive")
        while self._position < offset and self.read(min(offset - self._position, _CHUNK)):
            pass
        return self._position

    def tell(self) -> int:
        return self._position

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


class _Tar:
    """Plain, or packed by gzip, bzip2 or xz. Read in one pass, since there is no index."""

    @staticmethod
    def _entries(path: str, limits: Limits) -> Iterator[tuple[int, tarfile.TarFile, tarfile.TarInfo]]:
        with open(path, "rb") as raw:
            opener = _opener(raw.read(8))
            raw.seek(0)
            file: _Stream = opener(raw) if opener else raw
            bounded = _Bounded(file, os.fstat(raw.fileno()).st_size, limits)
            with _damage(), tarfile.open(fileobj=bounded, mode="r:", errorlevel=2) as archive:
                for index, entry in enumerate(archive):
                    archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep every header
                    yield index, archive, entry
            # tarfile ends quietly at a broken header; a whole archive ends with a block of zeros.
            if bounded.last != bytes(512):
                raise DamagedError("corrupt_archive")

    @staticmethod
    def members(path: str, limits: Limits) -> Iterator[Member]:
        for index, _, entry in _Tar._entries(path, limits):
            if entry.isdir():
                continue
            shown, refused = safe_path(entry.name)
            if entry.issym() or entry.islnk():
                refused = refused or "link"
            elif not entry.isreg() or entry.issparse():
                refused = refused or "not_a_file"  # devices, pipes, and holes that would unpack to any size
            elif entry.size > limits.max_file:
                refused = refused or "too_large"
            yield Member(index, shown, entry.size, int(entry.mtime) if 0 < entry.mtime < 2**33 else None, refused)

    @staticmethod
    def contents(path: str, indices: list[int], sizes: list[int], limits: Limits) -> Iterator[tuple[bytes, str | None]]:
        wanted = iter(zip(indices, sizes, strict=True))
        due = next(wanted, None)
        for index, archive, entry in _Tar._entries(path, limits):
            if due is None:
                return
            if index == due[0]:
                with _damage():
                    file = archive.extractfile(entry) if entry.isreg() and entry.size == due[1] else None
                    data = b"" if file is None else file.read()
                yield (b"", "changed") if file is None else (data, None)
                due = next(wanted, None)


class _Zip:
    """Zip and wheel: an index at the end, so members are read one by one."""

    @staticmethod
    def _open(path: str) -> zipfile.ZipFile:
        try:
            return zipfile.ZipFile(path)
        except _READING as error:
            raise DamagedError("corrupt_archive") from error

    @staticmethod
    def members(path: str, limits: Limits) -> Iterator[Member]:
        total, most = 0, os.path.getsize(path) * limits.max_ratio + _FLOOR
        with _Zip._open(path) as archive:
            for index, entry in enumerate(archive.infolist()):
                if entry.is_dir():
                    continue
                shown, refused = safe_path(entry.filename)
                total += entry.file_size
                kind = stat.S_IFMT(entry.external_attr >> 16)
                if refused is None and kind not in (0, stat.S_IFREG):
                    refused = "link" if kind == stat.S_IFLNK else "not_a_file"
                elif refused is None and entry.flag_bits & 1:
                    refused = "encrypted"
                elif refused is None and entry.file_size > limits.max_file:
                    refused = "too_large"
                elif refused is None and (
                    total > most or entry.file_size > entry.compress_size * limits.max_ratio + _FLOOR
                ):
                    refused = "bomb"
                yield Member(index, shown, entry.file_size, _zip_date(entry), refused)

    @staticmethod
    def contents(path: str, indices: list[int], sizes: list[int], limits: Limits) -> Iterator[tuple[bytes, str | None]]:
        with _Zip._open(path) as archive:
            entries = archive.infolist()
            for index, size in zip(indices, sizes, strict=True):
                if index >= len(entries) or entries[index].file_size != size:
                    yield b"", "changed"
                    continue
                try:
                    with archive.open(entries[index]) as file:
                        data = file.read(size)
                        whole = len(data) == size  # with the last byte zipfile has compared the checksum
                except _READING:
                    whole = False
                yield (data, None) if whole else (b"", "corrupt_member")


def _zip_date(entry: zipfile.ZipInfo) -> int | None:
    """Zip knows no time zone: taken as UTC. 1980-01-01 is the format's zero, which reproducible builds write."""
    try:
        when = datetime(*entry.date_time, tzinfo=UTC)
    except ValueError:
        return None
    return int(when.timestamp()) if when > datetime(1980, 1, 2, tzinfo=UTC) else None


class _Folder:
    """A folder on disk, in order of the names' bytes; links are not followed."""

    @staticmethod
    def _entries(path: str) -> Iterator[tuple[int, str, os.stat_result]]:
        index, stack = 0, [""]
        while stack:
            relative = stack.pop()
            status = os.lstat(os.path.join(path, relative))
            if stat.S_ISDIR(status.st_mode):
                names = sorted(os.listdir(os.path.join(path, relative)), key=os.fsencode, reverse=True)
                stack += [os.path.join(relative, name) for name in names]
            else:
                yield index, relative, status
                index += 1

    @staticmethod
    def members(path: str, limits: Limits) -> Iterator[Member]:
        for index, relative, status in _Folder._entries(path):
            refused = None
            if stat.S_ISLNK(status.st_mode):
                refused = "link"
            elif not stat.S_ISREG(status.st_mode):
                refused = "not_a_file"
            elif status.st_size > limits.max_file:
                refused = "too_large"
            yield Member(index, readable(os.fsencode(relative)), status.st_size, int(status.st_mtime), refused)

    @staticmethod
    def contents(path: str, indices: list[int], sizes: list[int], limits: Limits) -> Iterator[tuple[bytes, str | None]]:
        wanted = dict(zip(indices, sizes, strict=True))
        for index, relative, _ in _Folder._entries(path):
            if index not in wanted:
                continue
            try:
                # Not following a link that took the file's place since it was listed, nor waiting for a pipe.
                handle = os.open(os.path.join(path, relative), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except OSError:
                yield b"", "changed"
                continue
            with open(handle, "rb") as file:
                regular = stat.S_ISREG(os.fstat(handle).st_mode)
                data = file.read(wanted[index] + 1) if regular else b""
            yield (data, None) if regular and len(data) == wanted[index] else (b"", "changed")
