"""Rows of text out of one file: JSON lines, Parquet, lines, paragraphs, the whole file, and what datatrove reads.

Comes in: a file, perhaps inside a zip or wheel, perhaps packed by gzip, bzip2, xz or zstd. Goes out: `Row`s, numbered
from 0, each with its fields or with a reason; a number is given for every row that the file has, readable or not.
datatrove's readers serve CSV and Arrow files. Its JSON reader logs a malformed line and goes on, and gives up a file at
the first byte that is not UTF-8; its Parquet reader takes all columns or two: so those two are read here.
This file refuses to know what the fields mean.
"""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Final, cast

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.sources.members import DamagedError

FORMATS: Final = ("jsonl", "parquet", "lines", "paragraphs", "file", "csv", "arrow")
BY_DATATROVE: Final = ("csv", "arrow")
_BATCH: Final = 256  # Parquet rows held at a time
_BROKEN: Final = (
    *(EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile, OSError, pa.ArrowInvalid),
    *(csv.Error, UnicodeDecodeError),  # of datatrove's CSV reader: fields above 128 KiB, other encodings
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its fields, or why there are none. Text is bytes where the file has bytes, else str."""

    number: int
    fields: dict[str, Any]
    refused: str | None = None


def rows(path: str, member: str | None, form: str, columns: tuple[str, ...], max_row: int) -> Iterator[Row]:
    """Every row of the file. Raises DamagedError after the readable ones where the file ends badly."""
    try:
        if form in BY_DATATROVE:
            yield from _datatrove(path, form, columns)
            return
        with open(path, "rb") as raw, _member(raw, member) as packed:
            if form == "parquet":
                yield from _parquet(packed, path, columns)
            else:
                yield from _TEXT[form](_unpacked(packed), columns, max_row)
    except _BROKEN as error:
        if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile) and error.errno is not None:
            raise  # the disk's, not the file's
        raise DamagedError("corrupt_file") from error


def _member(raw: IO[bytes], member: str | None) -> IO[bytes]:
    if member is None:
        return raw
    try:
        return zipfile.ZipFile(raw).open(member)
    except KeyError as error:
        raise DamagedError("no_member") from error


def _unpacked(packed: IO[bytes]) -> io.BufferedReader:
    """By content, since names lie."""
    file = packed if isinstance(packed, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, packed))
    start = file.peek(8)
    if start.startswith(b"\x1f\x8b"):
        return io.BufferedReader(gzip.GzipFile(fileobj=file))
    if start.startswith(b"BZh"):
        return io.BufferedReader(bz2.BZ2File(file))
    if start.startswith(b"\xfd7zXZ\0"):
        return io.BufferedReader(lzma.LZMAFile(file))
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        return io.BufferedReader(cast(io.RawIOBase, pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")))
    return file


def _json(file: io.BufferedReader, columns: tuple[str, ...], max_row: int) -> Iterator[Row]:
    for number, line in enumerate(_bounded_lines(file, max_row)):
        if line is None:
            yield Row(number, {}, "too_large")
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):  # bad UTF-8 is a ValueError too
            fields = None
        if not isinstance(fields, dict):
            yield Row(number, {}, "malformed" if line.strip() else "empty")
        else:
            yield Row(number, {name: fields.get(name) for name in columns})


def _lines(file: io.BufferedReader, columns: tuple[str, ...], max_row: int) -> Iterator[Row]:
    for number, line in enumerate(_bounded_lines(file, max_row)):
        yield Row(number, {}, "too_large") if line is None else _plain(number, columns, line.strip())


def _paragraphs(file: io.BufferedReader, columns: tuple[str, ...], max_row: int) -> Iterator[Row]:
    """Blocks between blank lines."""
    number, held, size = 0, list[bytes](), 0
    for line in _bounded_lines(file, max_row):
        if line is None or size > max_row:
            held, size = [b""], max_row + 1  # refused as a whole at its end
        elif line.strip():
            held.append(line)
            size += len(line)
        if line is not None and not line.strip() and held:
            yield Row(number, {}, "too_large") if size > max_row else _plain(number, columns, b"".join(held).strip())
            number, held, size = number + 1, [], 0
    if held:
        yield Row(number, {}, "too_large") if size > max_row else _plain(number, columns, b"".join(held).strip())


def _whole(file: io.BufferedReader, columns: tuple[str, ...], max_row: int) -> Iterator[Row]:
    data = file.read(max_row + 1)
    yield Row(0, {}, "too_large") if len(data) > max_row else _plain(0, columns, data)


_TEXT: Final = {"jsonl": _json, "lines": _lines, "paragraphs": _paragraphs, "file": _whole}


def _plain(number: int, columns: tuple[str, ...], text: bytes) -> Row:
    return Row(number, {columns[0]: text}) if text else Row(number, {}, "empty")


def _bounded_lines(file: io.BufferedReader, longest: int) -> Iterator[bytes | None]:
    """Lines, and None for one that is longer: a file of one endless line must not fill the memory."""
    while line := file.readline(longest + 1):
        if len(line) <= longest:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(longest + 1)
        yield None


def _parquet(packed: IO[bytes], path: str, columns: tuple[str, ...]) -> Iterator[Row]:
    with pq.ParquetFile(packed if packed.seekable() else io.BytesIO(packed.read())) as file:
        absent = [name for name in columns if name not in file.schema_arrow.names]
        if absent:
            raise ValueError(f"{path} has no columns {absent}; it has {file.schema_arrow.names}")
        number = 0
        for batch in file.iter_batches(batch_size=_BATCH, columns=list(columns)):
            for fields in batch.to_pylist():
                yield Row(number, fields)
                number += 1


def _datatrove(path: str, form: str, columns: tuple[str, ...]) -> Iterator[Row]:
    """Rows as datatrove's reader gives them. Its adapter sees each, so one without text keeps its number."""
    from datatrove.pipeline.readers import CSVReader, IpcReader

    def adapter(_: object, data: dict[str, Any], source: str, number: int) -> dict[str, Any]:
        fields = {name: data.get(name) for name in columns}
        return {"text": "-", "id": str(number), "metadata": {"fields": fields}}  # a reader drops what has no text

    folder, name = os.path.split(path)
    if form == "csv":
        reader = CSVReader(folder or ".", adapter=adapter)
    else:
        with open(path, "rb") as file:  # as `datasets` caches (a stream) or as pyarrow and polars save (a file)
            reader = IpcReader(folder or ".", adapter=adapter, stream=file.read(6) != b"ARROW1")
    for number, document in enumerate(reader.read_file(name)):
        yield Row(number, document.metadata["fields"])
