"""Shard I/O on any fsspec root: read by row group, write in one visible step, list once.

A shard is an Arrow IPC file, named by the key of the task that made it and the hash of its bytes, so that one listing
says what exists and what it holds. Its counters ride in the metadata of its last row group: a shard without its
counters cannot exist. An artefact (a model, an index, an export) is the same with free bytes and a trailing record.
Nothing here knows stages, keys or Dask.
"""

import json
import os
import tempfile
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import IO, Any, cast
from uuid import uuid4

import fsspec
import pyarrow as pa
from fsspec.implementations.local import LocalFileSystem

from corpus.schema import RANGES

_COUNTS = b"counts"
# Requests to an object store since this process began: range reads, uploads, listings. A local disk needs none.
requests: "Counter[str]" = Counter()
_PART_BLOCK = 1 << 18  # read ahead where only some row groups are wanted; fsspec's usual 5 MiB would fetch the others
UNANSWERED = "unanswered"  # counter: parts of a shard's input that a server did not give; it serves this run only
FORWARDS = "takedown/forwards.json"  # old path -> path of what a takedown put in its place


@dataclass(frozen=True, slots=True)
class Shard:
    """One stored file: where it is below the root, the hash of its bytes, and what its task counted."""

    path: str
    content: str
    rows: int
    bytes: int
    batch: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # one line per quarantined row group: where, and the error


@dataclass(frozen=True, slots=True)
class Record:
    """What a task says beside its bytes: the crawl batch, counters, notes. Filled while the batches are drawn."""

    batch: str
    counts: Any  # a Counter, or a dict of counters
    notes: list[str] = field(default_factory=list)

    def encode(self, rows: int) -> bytes:
        record = {"rows": rows, "batch": self.batch, "counts": self.counts, "notes": self.notes}
        return json.dumps(record, sort_keys=True).encode()

    def shard(self, path: str, sink: "_Hashing", rows: int) -> Shard:
        counts = {name: int(n) for name, n in sorted(self.counts.items())}
        return Shard(path, sink.content(), rows, sink.size, self.batch, counts, tuple(self.notes))


class _Hashing:
    """A binary sink that hashes what passes through it; pyarrow asks for write, flush, closed and close."""

    def __init__(self, sink: IO[bytes]) -> None:
        self.sink, self.size, self.closed = sink, 0, False
        self._hash = blake2b(digest_size=16)

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._hash.update(view)
        self.size += view.nbytes
        self.sink.write(view)
        return view.nbytes

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self.sink.flush()

    def close(self) -> None:
        self.closed = True

    def content(self) -> str:
        return self._hash.hexdigest()


def _compression(schema: pa.Schema) -> str | None:
    """Rows stay uncompressed to be memory-mapped; text takes zstd, the smaller; the rest lz4, the faster."""
    if "input_ids" in schema.names:
        return None
    return "zstd" if "text" in schema.names else "lz4"


@cache  # asking fsspec takes 50 us, and a task of dedup opens thousands of files
def _located(root: str) -> tuple[Any, str]:
    """The file system of a root, and the root's path on it."""
    # No cached listings: what another process wrote since would be missing (seen: a worker's file, not found by
    # the client that had listed its folder before).
    return cast(tuple[Any, str], fsspec.url_to_fs(root, use_listings_cache=False))


@dataclass(frozen=True, slots=True)
class Store:
    """Files below one fsspec URL. Picklable: holds the URL alone."""

    root: str

    @property
    def fs(self) -> Any:
        return _located(self.root)[0]

    @property
    def is_local(self) -> bool:
        return isinstance(self.fs, LocalFileSystem)

    def url(self, path: str) -> str:
        """The path on the store's file system (without the protocol)."""
        return f"{_located(self.root)[1].rstrip('/')}/{path}"

    # reading

    def batches(
        self, shard: Shard, columns: Sequence[str] | None = None, groups: slice = slice(None)
    ) -> Iterator[pa.RecordBatch]:
        """The shard's row groups in order, without empty ones; only `columns`, in their order in the file, and only
        the row groups at `groups`, where given: a range of them is one contiguous read.
        """
        with self._open(shard.path, _PART_BLOCK if groups != slice(None) else None) as source:
            options = None
            if columns is not None:
                names = pa.ipc.open_file(source).schema.names
                missing = set(columns) - set(names)
                if missing:
                    raise KeyError(f"{shard.path} has no column {sorted(missing)}; it has {names}")
                options = pa.ipc.IpcReadOptions(included_fields=[names.index(c) for c in columns])
            reader = pa.ipc.open_file(source, options=options)
            for index in range(reader.num_record_batches)[groups]:
                batch = reader.get_batch(index)
                if batch.num_rows:
                    yield batch

    def part(self, shard: Shard, column: str, value: str) -> Iterator[pa.RecordBatch]:
        """The row groups whose first row holds the value, found by bisection: the file is sorted by this column."""
        if not shard.rows:
            return
        with self._open(shard.path) as source:
            place = pa.ipc.open_file(source).schema.names.index(column)
            narrow = pa.ipc.open_file(source, options=pa.ipc.IpcReadOptions(included_fields=[place]))
            whole = pa.ipc.open_file(source)
            groups = range(narrow.num_record_batches)

            def first(index: int) -> str:
                return str(narrow.get_batch(index).column(0)[0].as_py())

            for index in groups[bisect_left(groups, value, key=first) :]:
                if first(index) != value:
                    return
                yield whole.get_batch(index)

    def table(self, shard: Shard, columns: Sequence[str] | None = None) -> pa.Table:
        """The whole shard; for narrow columns and small shards."""
        with self._open(shard.path) as source:
            schema = pa.ipc.open_file(source).schema
        if columns is not None:
            schema = pa.schema([f for f in schema if f.name in set(columns)], schema.metadata)
        return pa.Table.from_batches(list(self.batches(shard, columns)), schema)

    def read_bytes(self, shard: Shard) -> bytes:
        """An artefact's bytes."""
        return cast(bytes, self.fs.cat_file(self.url(self.present(shard.path))))

    def present(self, path: str) -> str:
        """The path itself, or that of the file which a takedown put in its place."""
        if self.fs.exists(self.url(path)):
            return path
        return self.forwards().get(path, path)

    def forwards(self) -> dict[str, str]:
        """Every path that a takedown has replaced, and by what."""
        return cast(dict[str, str], json.loads(self.read_text(FORWARDS) or "{}"))

    def schema(self, path: str) -> pa.Schema:
        """Columns of a stored shard."""
        with self._open(path) as source:
            return pa.ipc.open_file(source).schema

    def local_path(self, shard: Shard) -> str:
        """The artefact as a local file, fetched once per machine where the root is remote."""
        if self.is_local:
            return self.url(self.present(shard.path))
        folder = os.path.join(tempfile.gettempdir(), f"artefacts-{os.getuid()}")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        target = os.path.join(folder, PurePosixPath(shard.path).name)
        if not os.path.exists(target):
            partial = f"{target}.{uuid4().hex}"
            self.fs.get_file(self.url(self.present(shard.path)), partial)
            os.replace(partial, target)
        return target

    def read_text(self, path: str) -> str | None:
        """A small file below the root, or None where there is none."""
        try:
            return cast(bytes, self.fs.cat_file(self.url(path))).decode()
        except FileNotFoundError:
            return None

    def list(self, folder: str) -> list[str]:
        """Finished files of one folder, as paths below the root; one listing."""
        requests["list"] += not self.is_local
        try:
            found = self.fs.ls(self.url(folder), detail=False)
        except FileNotFoundError:
            return []
        names = sorted(PurePosixPath(name).name for name in found)
        return [f"{folder}/{name}" for name in names if not name.endswith(".partial")]

    def walk(self, folders: Sequence[str]) -> Iterator[tuple[str, int]]:
        """(path below the root, bytes) of every file in these folders."""
        base = self.url("")
        for folder in folders:
            for name, info in sorted(self.fs.find(self.url(folder), detail=True).items()):
                yield name.removeprefix(base), int(info["size"])

    def describe(self, path: str) -> Shard:
        """What a finished file is, read from its tail."""
        content = PurePosixPath(path).name.split(".")[1]
        size = int(self.fs.size(self.url(path)))
        if path.endswith(".arrow"):
            with self._open(path) as source:
                reader = pa.ipc.open_file(source)
                _, metadata = reader.get_batch_with_custom_metadata(reader.num_record_batches - 1)
                record = json.loads(metadata[_COUNTS])
        else:
            tail = cast(str, self.read_text(f"{path}.json"))
            record = json.loads(tail)
        return Shard(path, content, record["rows"], size, record["batch"], record["counts"], tuple(record["notes"]))

    # writing

    def write_shard(self, stem: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch], record: Record) -> Shard:
        """Write the row groups under `stem.<content>.arrow`; `record` is read once all batches have been drawn."""
        rows = 0
        with self._staged(stem) as (sink, commit):
            options = pa.ipc.IpcWriteOptions(compression=_compression(schema), use_threads=False)
            with pa.PythonFile(sink, "w") as file, pa.ipc.new_file(file, schema, options=options) as writer:
                by_place = RANGES.items() <= (schema.metadata or {}).items()
                held: pa.RecordBatch | None = None  # the last group carries the counters
                for batch in batches:
                    if not batch.num_rows and not by_place:
                        continue
                    if held is not None:
                        writer.write_batch(held)
                    held, rows = _conform(batch, schema, stem), rows + batch.num_rows
                last = pa.RecordBatch.from_pylist([], schema) if held is None else held
                writer.write_batch(last, custom_metadata={_COUNTS: record.encode(rows)})
            # A key that is never found by its name: the next run makes the shard again, with what it gets by then.
            again = record.counts.get(UNANSWERED) and "." not in PurePosixPath(stem).name
            path = commit("arrow", "u" if again else "")
        return record.shard(path, sink, rows)

    def write_artefact(self, stem: str, chunks: Iterable[bytes], record: Record, suffix: str = "bin") -> Shard:
        """Write free bytes under `stem.<content>.<suffix>`; its record first, so that the artefact has it once seen."""
        with self._staged(stem) as (sink, commit):
            for chunk in chunks:
                sink.write(chunk)
            path = f"{stem}.{sink.content()}.{suffix}"
            self.write_text(f"{path}.json", record.encode(0).decode())
            commit(suffix)
        return record.shard(path, sink, 0)

    def write_text(self, path: str, text: str) -> None:
        """One small file, visible in one step."""
        target = self.url(path)
        if not self.is_local:
            self.fs.pipe_file(target, text.encode())
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        partial = f"{target}.{uuid4().hex}.partial"
        try:
            with open(partial, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(partial, target)
        except OSError:
            with suppress(FileNotFoundError):
                os.unlink(partial)
            raise

    def copy(self, shard: Shard, path: str) -> None:
        """The artefact again under a name that its reader expects."""
        target, source = self.url(path), self.url(self.present(shard.path))
        if not self.is_local:
            self.fs.cp_file(source, target)
            return
        os.makedirs(os.path.dirname(target), exist_ok=True)
        partial = f"{target}.{uuid4().hex}.partial"
        os.link(source, partial)  # no second copy of the bytes
        os.replace(partial, target)
        if os.path.exists(partial):  # POSIX: renaming one link of a file onto another does nothing
            os.unlink(partial)

    def delete(self, path: str) -> None:
        self.fs.rm_file(self.url(path))

    def rewrite(self, shard: Shard, batches: Iterable[pa.RecordBatch]) -> str:
        """Other row groups for a finished shard, under a new name that keeps its key and content: it stands for the
        same rows. The caller records the forward and deletes the old file.
        """
        stem, content = shard.path.split(".")[:2]
        record = Record(shard.batch, shard.counts, list(shard.notes))
        written = self.write_shard(f"{stem}.{content}", self.schema(shard.path), batches, record)
        return written.path

    @contextmanager
    def _staged(self, stem: str) -> Iterator[tuple[_Hashing, Any]]:
        """A hashing sink on a local scratch file, and a function that makes the file visible under its final name."""
        target = self.url(stem)
        folder = os.path.dirname(target) if self.is_local else tempfile.gettempdir()
        os.makedirs(folder, exist_ok=True)
        # A random name, not the process id: two hosts on a shared disk may share it, and Dask may run a task twice.
        partial = os.path.join(folder, f"{PurePosixPath(stem).name}.{uuid4().hex}.partial")
        file = open(partial, "wb")  # noqa: SIM115
        sink = _Hashing(file)

        def commit(suffix: str, mark: str = "") -> str:
            file.close()
            path = f"{stem}{mark}.{sink.content()}.{suffix}"
            if self.is_local:
                os.replace(partial, self.url(path))
            else:
                self.fs.put_file(partial, self.url(path))  # one completed upload
                requests["write"] += 1
            return path

        try:
            yield sink, commit
        finally:
            # First the name: on a full disk closing raises again, and half a shard would keep the disk full.
            if os.path.exists(partial):
                os.unlink(partial)
            file.close()

    @contextmanager
    def _open(self, path: str, block: int | None = None) -> Iterator[Any]:
        try:
            opened = self._opened(path, block)
        except FileNotFoundError:
            forward = self.forwards().get(path)
            if forward is None:
                raise
            opened = self._opened(forward, block)
        with opened as source:
            yield source
            if not self.is_local:
                requests["read"] += 1 + source.cache.miss_count  # one asks for the size

    def _opened(self, path: str, block: int | None) -> Any:
        if self.is_local:
            return pa.memory_map(self.url(path))
        return self.fs.open(self.url(path), "rb", block_size=block, cache_type="readahead")


def _conform(batch: pa.RecordBatch, schema: pa.Schema, stem: str) -> pa.RecordBatch:
    """The batch under the shard's own schema: same names and types, or a programmer's error that names both."""
    if batch.schema.equals(schema):
        return batch
    if batch.schema.names != schema.names or batch.schema.types != schema.types:
        raise TypeError(f"{stem} is declared as\n{schema}\nbut its task gave\n{batch.schema}")
    return pa.RecordBatch.from_arrays(batch.columns, schema=schema)
