"""Stage: packed rows -> files that other trainers read, each read back by that trainer's own reader before it is out.

Per format: one task per file, one task that reads all of a shard's files back, then the files under the names that the
readers expect, in `exports/<format>/<hash of the rows>/` below the root. The native rows need no export.
"""

import importlib.metadata
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from corpus.shards import Shard, Store
from pipelines.identity import digest
from pipelines.stage import Job, Result, Shards, Work, tally
from tokenization.exporters import ExportConfig, datatrove, huggingface, litdata, mds, megatron
from tokenization.exporters.stream import parts

Files = dict[str, Shards]  # per kind of file: one for every rows shard, in their order, or one for all


@dataclass(frozen=True)
class Format:
    """How one format is made: `each` writes a rows shard's files, `whole` those over all, by name; then `check`."""

    each: dict[str, Callable[..., Any]]
    name: Callable[[str, int, int], str]  # (suffix, number of the shard, shards) -> file name
    whole: dict[str, Callable[..., Any]] = field(default_factory=dict)
    check: Callable[..., Any] | None = None  # of one rows shard's files
    check_whole: Callable[..., Any] | None = None


def run(work: Work, cfg: ExportConfig, rows: Shards, checked: Shards) -> Result:
    """Artefacts of each format, as `<format>.<kind of file>`; `counts` has files and how much was read back.

    Beside them lies `decontamination.json`: the benchmarks that the rows were checked against, by hash, and those not.
    """
    rows = [shard for shard in rows if shard.rows]
    outputs: dict[str, Shards] = {}
    counts: dict[str, int] = {}
    for name in cfg.formats if rows else ():
        [record] = checked
        made = _make(work, cfg, rows, name, FORMATS[name])
        named = dict(names_of(name, made, len(rows)))
        work.publish({**named, "decontamination.json": record}, folder_of(name, rows))
        outputs |= {f"{name}.{kind}": shards for kind, shards in made.items()}
        counts[f"{name}.files"] = len(named)
        counts[f"{name}.bytes"] = sum(file.bytes for file in named.values())
        counts[f"{name}.read_back"] = tally(list(named.values())).get("read_back", 0)
    return Result(outputs, counts)


def folder_of(name: str, rows: Shards) -> str:
    """Where a format's files lie below the root, under the names that its readers expect."""
    return f"exports/{name}/{_fingerprint(rows)}"


def names_of(name: str, made: Files, count: int) -> Iterator[tuple[str, Shard]]:
    """Every file of a format under the name that its readers expect."""
    how = FORMATS[name]
    for kind, shards in made.items():
        if kind in how.each or (kind == "read_back.json" and how.check):
            yield from ((how.name(kind, i, count), shard) for i, shard in enumerate(shards))
        else:
            yield kind, shards[0]


def _make(work: Work, cfg: ExportConfig, rows: Shards, name: str, how: Format) -> Files:
    made: Files = {}
    for kind, writer in how.each.items():
        step = name if len(how.each) == 1 else f"{name}_{kind.rpartition('.')[2]}"
        made[kind] = work.map(writer, None, [Job(([shard],)) for shard in rows], step=step, schema=None)
    for kind, writer in how.whole.items():
        names = [how.name(next(iter(how.each)), i, len(rows)) for i in range(len(rows))]
        job = Job((rows,), params=[names, _fingerprint(rows)])
        made[kind] = work.map(writer, None, [job], step=f"{name}_{kind.partition('.')[0]}", schema=None)
    jobs = [Job(([shard], [made[kind][i] for kind in how.each]), params=list(how.each)) for i, shard in enumerate(rows)]
    if how.check:
        made["read_back.json"] = work.map(how.check, cfg, jobs, step=f"{name}_check", schema=None)
    if how.check_whole:
        files = dict(names_of(name, made, len(rows)))
        job = Job((rows, list(files.values())), params=list(files))
        made["read_back.json"] = work.map(how.check_whole, cfg, [job], step=f"{name}_check", schema=None)
    return made


def _fingerprint(rows: Shards) -> str:
    return digest([shard.content for shard in rows])[:16]


def _numbered(suffix: str, number: int, count: int) -> str:
    return f"{number:05d}_rows.{suffix}"


def _arrow_name(suffix: str, number: int, count: int) -> str:
    return huggingface.file_names(count)[number]


def _litdata_name(suffix: str, number: int, count: int) -> str:
    return f"chunk-0-{number}.bin"


def write_stream(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One `data-*.arrow`."""
    ((rows,),) = job.inputs
    yield from huggingface.stream_chunks(store.batches(rows), _schema(store, rows))


def write_info(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """`dataset_info.json`."""
    (rows,) = job.inputs
    yield huggingface.info_bytes(_schema(store, rows[0]))


def write_state(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """`state.json`."""
    names, fingerprint = _pair(job.params)
    yield huggingface.state_bytes(names, fingerprint)


def write_bin(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Megatron's `.bin`."""
    ((rows,),) = job.inputs
    yield from megatron.bin_chunks(store.batches(rows), _tokenizer(store, rows)["n_ids"])


def write_idx(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Megatron's `.idx`."""
    ((rows,),) = job.inputs
    yield megatron.idx_bytes(store.batches(rows, ["input_ids", "segments"]), _tokenizer(store, rows)["n_ids"])


def write_ds(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """datatrove's `.ds`."""
    ((rows,),) = job.inputs
    yield from datatrove.ds_chunks(store.batches(rows, ["input_ids"]), _tokenizer(store, rows)["n_ids"])


def write_ds_index(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """datatrove's `.ds.index`."""
    ((rows,),) = job.inputs
    yield from datatrove.index_chunks(store.batches(rows))


def write_ds_metadata(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """datatrove's `.ds.metadata`."""
    ((rows,),) = job.inputs
    length = _length(store, rows)
    about = _tokenizer(store, rows)
    yield datatrove.metadata(about["name"], about["n_ids"], rows.rows * length)


def write_mds(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One `.mds` shard."""
    ((rows,),) = job.inputs
    yield from mds.shard_chunks(store.batches(rows), _length(store, rows), _tokenizer(store, rows)["n_ids"])


def write_mds_index(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """MDS's `index.json`; a shard's size follows from its segments alone."""
    (rows,) = job.inputs
    names, _ = _pair(job.params)
    length, n_ids = _length(store, rows[0]), _tokenizer(store, rows[0])["n_ids"]
    sizes = [mds.shard_bytes(store.batches(shard, ["segments"]), length, n_ids) for shard in rows]
    yield mds.index_bytes(list(zip(names, sizes, [shard.rows for shard in rows], strict=True)), length, n_ids)


def write_litdata(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One chunk."""
    ((rows,),) = job.inputs
    batches = store.batches(rows, ["input_ids"])
    yield from litdata.chunk_chunks(batches, rows.rows, _length(store, rows), _tokenizer(store, rows)["n_ids"])


def write_litdata_index(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """LitData's `index.json`."""
    (rows,) = job.inputs
    names, _ = _pair(job.params)
    files = list(zip(names, [shard.rows for shard in rows], strict=True))
    yield litdata.index_bytes(files, _length(store, rows[0]), _tokenizer(store, rows[0])["n_ids"])


def check_huggingface(store: Store, cfg: ExportConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """The whole folder through `datasets`."""
    rows, files = job.inputs
    names: Any = job.params
    with _local(store, dict(zip(names, files, strict=True))) as folder:
        read = huggingface.check(folder, [store.table(shard) for shard in rows], _every_of(cfg, rows))
    yield _report(counts, read, "datasets")


def check_mds(store: Store, cfg: ExportConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """The whole folder: index and all samples, one shard at a time."""
    yield from _check_rowwise(store, cfg, job, counts, mds.check)


def check_litdata(store: Store, cfg: ExportConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """The same for LitData's chunks."""
    yield from _check_rowwise(store, cfg, job, counts, litdata.check)


def _check_rowwise(
    store: Store, cfg: ExportConfig, job: Job, counts: dict[str, int], check: Callable[..., tuple[int, str]]
) -> Iterator[bytes]:
    rows, files = job.inputs
    names: Any = job.params
    with _local(store, dict(zip(names, files, strict=True))) as folder:
        shards = [store.table(shard) for shard in rows]
        read, reader = check(folder, [n for n in names if n != "index.json"], shards, _every_of(cfg, rows))
    yield _report(counts, read, reader)


def check_megatron(store: Store, cfg: ExportConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One pair of files through megatron-core."""
    (rows,), files = job.inputs
    stream = list(parts(store.batches(rows), filling=False))
    tokens = np.concatenate([part.tokens for part in stream])
    samples = np.split(tokens, np.concatenate([part.ends for part in stream])[:-1])
    with _local(
        store, {f"rows.{suffix}": file for suffix, file in zip(_pair(job.params), files, strict=True)}
    ) as folder:
        read = megatron.check(os.path.join(folder, "rows"), samples, _every(cfg, len(samples), 1))
    yield _report(counts, read, "megatron-core")


def check_datatrove(store: Store, cfg: ExportConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One `.ds` with its index through datatrove."""
    (rows,), files = job.inputs
    suffixes: Any = job.params
    ends = np.concatenate([part.ends for part in parts(store.batches(rows))])
    ids = store.table(rows, ["input_ids"])["input_ids"].combine_chunks()
    n_ids = _tokenizer(store, rows)["n_ids"]
    with _local(store, {f"rows.{suffix}": file for suffix, file in zip(suffixes, files, strict=True)}) as folder:
        read = datatrove.check(folder, ids, ends, n_ids, _every(cfg, len(ids), 1))
    yield _report(counts, read, "datatrove")


def _report(counts: dict[str, int], read: int, reader: str) -> bytes:
    counts["read_back"] = read
    version = None if reader == "plain reader" else importlib.metadata.version(reader)
    return json.dumps({"reader": reader, "version": version, "read_back": read}).encode()


def _every_of(cfg: ExportConfig, rows: Shards) -> int:
    return _every(cfg, sum(shard.rows for shard in rows), len(rows))


def _every(cfg: ExportConfig, count: int, files: int) -> int:
    return max(1, count // (cfg.check_rows * files))


def _schema(store: Store, rows: Shard) -> pa.Schema:
    return store.schema(rows.path)


def _length(store: Store, rows: Shard) -> int:
    return int(_schema(store, rows).field("input_ids").type.list_size)


def _tokenizer(store: Store, rows: Shard) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(_schema(store, rows).metadata[b"tokenizer"])
    return about


def _pair(params: Any) -> tuple[Any, Any]:
    first, second = params
    return first, second


@contextmanager
def _local(store: Store, files: dict[str, Shard]) -> Iterator[str]:
    """A local folder with the artefacts under the names that a reader expects."""
    with tempfile.TemporaryDirectory() as folder:
        for name, shard in files.items():
            os.symlink(os.path.abspath(store.local_path(shard)), os.path.join(folder, name))
        yield folder


FORMATS: Final = {
    "huggingface": Format(
        {"data": write_stream},
        _arrow_name,
        {"dataset_info.json": write_info, "state.json": write_state},
        check_whole=check_huggingface,
    ),
    "megatron": Format({"bin": write_bin, "idx": write_idx}, _numbered, check=check_megatron),
    "datatrove": Format(
        {"ds": write_ds, "ds.index": write_ds_index, "ds.metadata": write_ds_metadata}, _numbered, check=check_datatrove
    ),
    "mds": Format({"mds": write_mds}, _numbered, {"index.json": write_mds_index}, check_whole=check_mds),
    "litdata": Format(
        {"bin": write_litdata}, _litdata_name, {"index.json": write_litdata_index}, check_whole=check_litdata
    ),
}
