"""The hub's own cache in a takedown: which files of the data sets and models that a recipe names hold what is sought.

Comes in: a recipe's settings and a pattern of names. Goes out: files, told and never deleted: the cache belongs to the
hub's client and to whoever else uses it, and a data set may name a repository without holding anything of it. Parquet
is read by rows, gzip unpacked, everything else searched as it stands. Nothing is fetched.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from corpus.sources.hub import PREFIX
from pipelines.fetched import search


def hub_names(settings: object) -> list[str]:
    """Every `hub:OWNER/NAME[@REVISION]` in some settings, however deep, once."""
    found: dict[str, None] = {}

    def look(value: object) -> None:
        if isinstance(value, str):
            if value.startswith(PREFIX):
                found[value] = None
        elif is_dataclass(value) and not isinstance(value, type):
            for field in fields(value):
                look(getattr(value, field.name))
        elif isinstance(value, dict):
            look([*value, *value.values()])
        elif isinstance(value, list | tuple | set | frozenset):
            for item in value:
                look(item)

    look(settings)
    return sorted(found)


def held_in_hub(names: Iterable[str], wanted: re.Pattern[bytes], cache: str | None = None) -> Iterator[tuple[str, str]]:
    """(name, file) of what is cached, in any revision, and holds one of the sought names."""
    from huggingface_hub import constants

    where = cache or constants.HF_HUB_CACHE
    for name in names:
        folder = name.removeprefix(PREFIX).partition("@")[0].replace("/", "--")
        for kind in ("datasets", "models"):
            for path in _files(os.path.join(where, f"{kind}--{folder}")):
                if _holds(path, wanted):
                    yield name, path


def _files(folder: str) -> list[str]:
    """Files of a cached repository, each once: snapshots are links to blobs."""
    found = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]
    return sorted(path for path in found if os.path.isfile(path) and not os.path.islink(path))


def _holds(path: str, wanted: re.Pattern[bytes]) -> bool:
    with open(path, "rb") as file:
        start = file.read(4)
    if start == b"PAR1":
        try:
            return any(wanted.search(text) for text in _texts(path))
        except pa.ArrowException:
            pass  # damaged: searched as it stands
    with open(path, "rb") as file:
        return search(file, wanted)


def _texts(path: str) -> Iterator[bytes]:
    """Text of a Parquet file, a few rows at a time, lists and structs too."""
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=256):
            yield "\n".join(text for row in batch.to_pylist() for text in _strings(row)).encode("utf-8", "replace")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, dict):
        yield from _strings(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
