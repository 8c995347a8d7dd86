"""The records of a benchmark's files, wherever they lie: a path or fsspec URL, a package, or a data set of the hub.

Comes in: a `Benchmark`. Goes out: each record with its place ("test/a.jsonl:7"), file by file in the order of their
names, and a hash over the unpacked files. JSON lines are read line by line and Parquet by row groups, so a set may be
larger than memory; a `.json` is read whole.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from hashlib import blake2b
from importlib.resources import files
from typing import IO, Any, Final, cast

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from corpus.sources import hub
from filters.benchmarks import Benchmark, where_to_get

_PACKAGE: Final = "package:"
_FORMATS: Final = (".jsonl", ".json", ".parquet")
_CHUNK: Final = 1 << 20


class Digest:
    """A hash over files in order, whatever their names, places and packing."""

    def __init__(self) -> None:
        self._whole = blake2b(digest_size=16)

    def add(self, file: "_Hashed") -> None:
        """One file, read to its end."""
        self._whole.update(file.hash.digest())

    def hexdigest(self) -> str:
        return self._whole.hexdigest()


class _Hashed:
    """Lines of an unpacked stream, and the hash of all of its bytes."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.hash = stream, blake2b(digest_size=16)

    def __iter__(self) -> Iterator[bytes]:
        for line in self.stream:
            self.hash.update(line)
            yield line

    def read(self) -> bytes:
        text = self.stream.read()
        self.hash.update(text)
        return text

    def skip(self) -> None:
        while chunk := self.stream.read(_CHUNK):
            self.hash.update(chunk)


def records(benchmark: Benchmark, seen: Digest) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(place, record) of everything in the set's files; `seen` has their hash when all have been drawn."""
    fs, places = _located(benchmark)
    for place, path in places:
        with _opened(fs, path) as file:
            try:
                for row, record in enumerate(_read(file, path.removesuffix(".gz"))):
                    if not isinstance(record, Mapping):
                        raise ValueError(f"benchmark {benchmark.name}: {path}:{row} is no record but {record!r:.60}")
                    yield f"{place}:{row}", record
            except (json.JSONDecodeError, UnicodeDecodeError, gzip.BadGzipFile, EOFError, pa.ArrowInvalid) as error:
                raise ValueError(f"benchmark {benchmark.name}: {path} cannot be read: {error}") from error
            seen.add(file)


def _located(benchmark: Benchmark) -> tuple[Any, list[tuple[str, str]]]:
    """The file system, and the files with their place below the folder, by name."""
    path = benchmark.path
    if path.startswith(_PACKAGE):
        module, _, name = path.removeprefix(_PACKAGE).partition("/")
        path = str(files(module).joinpath(name))
    elif hub.is_hub(path):
        path = hub.local_folder(path, [benchmark.files])
    fs, root = fsspec.url_to_fs(path)
    if fs.isfile(root):
        return fs, [(root.rsplit("/", 1)[-1], root)]
    base = f"{root.rstrip('/')}/"
    found = sorted(name for name in fs.find(root) if name.removesuffix(".gz").endswith(_FORMATS))
    named = [(name.removeprefix(base), name) for name in found]
    chosen = [(place, name) for place, name in named if fnmatch(place, benchmark.files)]
    if not chosen:
        raise FileNotFoundError(
            f"benchmark {benchmark.name}: no {', '.join(_FORMATS)} like {benchmark.files} at {benchmark.path}; get it"
            f" from {where_to_get(benchmark.name)}, or list it as unchecked"
        )
    return fs, chosen


@contextmanager
def _opened(fs: Any, path: str) -> Iterator[_Hashed]:
    with fs.open(path, "rb") as raw:
        yield _Hashed(cast(IO[bytes], gzip.GzipFile(fileobj=raw) if path.endswith(".gz") else raw))


def _read(file: _Hashed, name: str) -> Iterator[Any]:
    if name.endswith(".parquet"):
        file.skip()
        file.stream.seek(0)
        for batch in pq.ParquetFile(file.stream).iter_batches(batch_size=256):
            yield from batch.to_pylist()
        return
    if name.endswith(".json"):
        whole = json.loads(file.read())
        yield from whole if isinstance(whole, list) else [whole]
        return
    for line in file:
        if line.strip():
            yield json.loads(line)
