"""Documents in rows with declared columns: the natural-language part, and any data set that has a text column.

Comes in: files of one folder (JSON lines, Parquet, CSV, Arrow, one document per line, per paragraph or per file; packed
or not; also inside a zip or wheel), and the names of the columns. Goes out: one document of kind prose per row. A row
that is malformed, without text, or dated after the cut-off is refused by reason; a file that ends badly costs its rest.
Listing reads a file once for the sizes, so that the work can be cut into equal shards; reading reads it again.
This file refuses to know formats (`rows.py`) and what good prose is.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, Final

import pyarrow as pa

from corpus.schema import LISTING
from corpus.sources.members import DamagedError
from corpus.sources.raw import LOCATION, Raw
from corpus.sources.rows import BY_DATATROVE, FORMATS, Row, rows

_ROWS: Final = 10_000  # of one listing batch
_EARLIEST, _LATEST = -(10**11) // 2, 2**33  # years 385 and 2242: milliseconds taken for seconds lie beyond


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of the source's folder."""

    file: str  # path below the folder
    member: str | None = None  # inside a zip or wheel
    sha256: str | None = None  # of the file; the bytes the recipe means

    @property
    def root(self) -> str:
        return self.file if self.member is None else f"{self.file}!{self.member}"


@dataclass(frozen=True, kw_only=True)
class Documents:
    """Rows of `files`, or of every file below `folder`; the columns are named as in the files."""

    folder: str = field(metadata=LOCATION)
    form: str  # one of rows.FORMATS
    files: tuple[File, ...] = ()
    text: str = "text"
    id: str | None = None  # None: the row's number
    group: str | None = None  # becomes the origin; None: each row is an origin of its own
    url: str | None = None
    date: str | None = None
    release: str | None = None  # becomes the snapshot
    cutoff: str = "2023-11-01"  # exclusive, UTC, of `date`; a row whose date is empty is not shown to be older
    max_row: int = 64 << 20  # bytes; a longer row is refused before it is held

    def __post_init__(self) -> None:
        names = [file.root for file in self.files]
        if self.form not in FORMATS:
            raise ValueError(f"Documents.form is one of {FORMATS}, not {self.form!r}")
        if len(set(names)) < len(names):
            raise ValueError(
                f"Documents: these files are named twice: {sorted({n for n in names if names.count(n) > 1})}"
            )
        if self.form in BY_DATATROVE and any(file.member for file in self.files):
            raise ValueError(
                f"Documents: {self.form} files are read from the folder, not from inside an archive: unpack them"
            )
        if self.form in ("lines", "paragraphs", "file") and (self.id or self.group or self.url or self.date):
            raise ValueError(
                f"Documents: {self.form} has no columns but the text; use jsonl or parquet for id, group, url, date"
            )
        if self.max_row < 1:
            raise ValueError(f"Documents.max_row must be at least 1, not {self.max_row}")
        if _seconds(self.cutoff) is None:
            raise ValueError(f"Documents.cutoff must be a date such as '2023-11-01', not {self.cutoff!r}")

    def columns(self) -> tuple[str, ...]:
        """The declared ones, text first, each once."""
        named = (self.text, self.id, self.group, self.url, self.date)
        return tuple(dict.fromkeys(name for name in named if name is not None))


def roots(source: Documents) -> list[str]:
    """Paths below the folder, sorted; `file!member` inside an archive. Hidden files are left out."""
    if source.files:
        return sorted(file.root for file in source.files)
    if not os.path.isdir(source.folder):
        raise FileNotFoundError(f"Documents.folder={source.folder!r} is not a folder: create it, or name another")
    found = []
    for place, folders, files in os.walk(source.folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            os.path.relpath(os.path.join(place, name), source.folder) for name in files if not name.startswith(".")
        ]
    return sorted(found)


def origin(source: Documents, root: str, path: str) -> str | None:
    """Unit of held-out and sample, where it is known before the row is read: a row that has no group is its own."""
    return None if source.group is not None or not path else path


def listing(source: Documents, root: str) -> Iterator[pa.RecordBatch]:
    """Every row, and a last one with a reason where the file ends badly."""
    held: list[dict[str, Any]] = []
    try:
        for row in _rows(source, root):
            text, refused = _text(source, row)
            when, refused = _when(source, row, refused)
            held.append(_listed(source, root, row, len(text), refused, when))
            if len(held) == _ROWS:
                yield pa.RecordBatch.from_pylist(held, LISTING)
                held = []
    except DamagedError as error:
        held.append(_listed(source, root, None, 0, str(error), None))
    if held:
        yield pa.RecordBatch.from_pylist(held, LISTING)


def read(source: Documents, rows: pa.Table) -> Iterator[Raw]:
    """The rows that the listing's rows name, each file in one pass."""
    number = 0
    columns = rows.select(["root", "path", "size", "locator"]).to_pylist()
    for root, group in groupby(columns, key=lambda listed: str(listed["root"])):
        wanted = list(group)
        found = _found(source, root, {int(listed["locator"]) for listed in wanted})
        for listed in wanted:
            yield _raw(source, number, listed, next(found, None))
            number += 1


def _found(source: Documents, root: str, numbers: set[int]) -> Iterator[Row]:
    """The rows of these numbers, ascending; the file is left as soon as the last is found."""
    left = len(numbers)
    try:
        for row in _rows(source, root):
            if row.number in numbers:
                yield row
                left -= 1
            if not left:
                return
    except DamagedError:
        return  # the file has got shorter since it was listed; what is missing is refused as `changed`


def _raw(source: Documents, number: int, listed: dict[str, Any], row: Row | None) -> Raw:
    root, path = listed["root"], listed["path"]
    if row is None:
        return Raw(row=number, root=root, path=path, data=b"", kind="prose", origin=path, refused="changed")
    assert row.number == int(listed["locator"]), f"{root}: row {row.number} where {listed['locator']} was due"
    text, refused = _text(source, row)
    when, refused = _when(source, row, refused)
    changed = refused is not None or len(text) != listed["size"] or _key(source, root, row) != path
    return Raw(
        row=number,
        root=root,
        path=path,
        data=b"" if changed else text,
        kind="prose",
        origin=_field(row, source.group) or path,
        url=_field(row, source.url),
        snapshot=source.release,
        created=when,
        refused="changed" if changed else None,
    )


def _rows(source: Documents, root: str) -> Iterator[Row]:
    """The file's rows, once its hash is the pinned one."""
    file = next((file for file in source.files if file.root == root), File(file=root))
    path = os.path.join(source.folder, file.file)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path} is not there: fetch it, or correct Documents.folder in the recipe")
    if file.sha256 is not None:
        with open(path, "rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        if digest != file.sha256:
            raise ValueError(
                f"{path} has sha256 {digest}, the recipe pins {file.sha256}: fetch it again, or change the pin"
            )
    return rows(path, file.member, source.form, source.columns(), source.max_row)


def _text(source: Documents, row: Row) -> tuple[bytes, str | None]:
    """The text as bytes, and why the row is refused."""
    if row.refused is not None:
        return b"", row.refused
    text = row.fields.get(source.text)
    if isinstance(text, bytes):
        return text, None  # what its encoding is, the extractor finds out
    if not isinstance(text, str):
        return b"", "no_text"
    try:
        data = text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell
        return b"", "not_unicode"
    if len(data) > source.max_row:
        return b"", "too_large"
    return data, None if data else "empty"


def _when(source: Documents, row: Row, refused: str | None) -> tuple[int | None, str | None]:
    """The row's date, and why the row is refused."""
    if refused is not None or source.date is None:
        return None, refused
    value = row.fields.get(source.date)
    if value is None or value == "":
        return None, "undated"
    when = _seconds(value)
    if when is None:
        return None, "bad_date"
    limit = _seconds(source.cutoff)
    return when, "after_cutoff" if limit is not None and when >= limit else None


def _seconds(value: object) -> int | None:
    """Unix seconds of a date as the formats hold it: ISO text, seconds, or a timestamp; UTC unless it says."""
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)
        if isinstance(value, datetime):
            value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
        seconds = int(value) if isinstance(value, int | float) else None
        return seconds if seconds is not None and _EARLIEST <= seconds < _LATEST else None
    except (ValueError, OverflowError):
        return None


def _key(source: Documents, root: str, row: Row) -> str:
    """Path of the row: its file and its identifier, or its number."""
    return f"{root}#{_field(row, source.id) or row.number}"


def _field(row: Row, name: str | None) -> str | None:
    value = row.fields.get(name) if name else None
    return None if value is None or value == "" else str(value).encode("utf-8", "backslashreplace").decode()


def _listed(
    source: Documents, root: str, row: Row | None, size: int, refused: str | None, when: int | None
) -> dict[str, Any]:
    path, locator = ("", None) if row is None else (_key(source, root, row), str(row.number))
    created = None if when is None else datetime.fromtimestamp(when, UTC)
    return dict(zip(LISTING.names, (root, path, size, locator, refused, source.release, created, None), strict=True))
