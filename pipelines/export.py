"""Stage: packed rows -> files that other trainers read, each read back by that trainer's own reader before it is out.

Per format: one task per file, one task that reads all of a shard's files back, then the files under the names that the
readers expect, in `exports/<format>/<hash of the rows>/` below the root. The native rows need no export.
"""

import importlib.metadata
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.shards import Shard, Store
from pipelines.identity import digest
from pipelines.stage import Job, Result, Shards, Work, tally
from tokenization.exporters import ExportConfig, datatrove, huggingface, megatron
from tokenization.exporters.stream import parts


def run(work: Work, cfg: ExportConfig, rows: Shards, checked: Shards) -> Result:
    """Artefacts of each format; `counts` has files and how many rows or samples were read back.

    Beside them lies `decontamination.json`: the benchmarks that the rows were checked against, by hash, and those not.
    """
    rows = [shard for shard in rows if shard.rows]
    outputs: dict[str, Shards] = {}
    counts: dict[str, int] = {}
    for name in cfg.formats if rows else ():
        files = _WRITE[name](work, cfg, rows)
        [record] = checked
        work.publish({**files, "decontamination.json": record}, f"exports/{name}/{_fingerprint([*rows, record])}")
        outputs[name] = list(files.values())
        counts[f"{name}.files"] = len(files)
        counts[f"{name}.bytes"] = sum(file.bytes for file in files.values())
        counts[f"{name}.read_back"] = tally(outputs[name]).get("read_back", 0)
    return Result(outputs, counts)


def _fingerprint(rows: Shards) -> str:
    return digest([shard.content for shard in rows])[:16]


def _huggingface(work: Work, cfg: ExportConfig, rows: Shards) -> dict[str, Shard]:
    names = huggingface.file_names(len(rows))
    data = work.map(write_stream, None, [Job(([shard],)) for shard in rows], step="huggingface", schema=None)
    [info] = work.map(write_info, None, [Job((rows[:1],))], step="huggingface_info", schema=None)
    [state] = work.map(
        write_state, None, [Job((), params=[names, _fingerprint(rows)])], step="huggingface_state", schema=None
    )
    files = {**dict(zip(names, data, strict=True)), "dataset_info.json": info, "state.json": state}
    job = Job((rows, list(files.values())), params=list(files))
    [read] = work.map(check_huggingface, cfg, [job], step="huggingface_check", schema=None)
    return {**files, "read_back.json": read}


def _megatron(work: Work, cfg: ExportConfig, rows: Shards) -> dict[str, Shard]:
    writers = {"bin": write_bin, "idx": write_idx}
    return _by_shard(work, cfg, rows, "megatron", writers, check_megatron)


def _datatrove(work: Work, cfg: ExportConfig, rows: Shards) -> dict[str, Shard]:
    writers = {"ds": write_ds, "ds.index": write_ds_index, "ds.metadata": write_ds_metadata}
    return _by_shard(work, cfg, rows, "datatrove", writers, check_datatrove)


_WRITE = {"huggingface": _huggingface, "megatron": _megatron, "datatrove": _datatrove}


def _by_shard(
    work: Work, cfg: ExportConfig, rows: Shards, name: str, writers: dict[str, Any], check: Any
) -> dict[str, Shard]:
    """Files `<shard number>_rows.<suffix>` for every shard, and what reading each shard's files back said."""
    made = {}
    for suffix, writer in writers.items():
        step = f"{name}_{suffix.rpartition('.')[2]}"
        made[suffix] = work.map(writer, None, [Job(([shard],)) for shard in rows], step=step, schema=None)
    jobs = [
        Job(([shard], [made[suffix][i] for suffix in writers]), params=list(writers)) for i, shard in enumerate(rows)
    ]
    made["read_back.json"] = work.map(check, cfg, jobs, step=f"{name}_check", schema=None)
    return {f"{i:05d}_rows.{suffix}": shards[i] for suffix, shards in made.items() for i in range(len(rows))}


def write_stream(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One `data-*.arrow`."""
    ((rows,),) = job.inputs
    yield from huggingface.stream_chunks(store.batches(rows), _schema(store, rows))


def write_info(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """`dataset_info.json`."""
    ((rows,),) = job.inputs
    yield huggingface.info_bytes(_schema(store, rows))


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
    length = _schema(store, rows).field("input_ids").type.list_size
    about = _tokenizer(store, rows)
    yield datatrove.metadata(about["name"], about["n_ids"], rows.rows * length)


def check_huggingface(store: Store, cfg: ExportConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """The whole folder through `datasets`."""
    rows, files = job.inputs
    names: Any = job.params
    every = _every(cfg, sum(shard.rows for shard in rows), len(rows))
    with _local(store, dict(zip(names, files, strict=True))) as folder:
        read = huggingface.check(folder, [store.table(shard) for shard in rows], every)
    yield _report(counts, read, "datasets")


def check_megatron(store: Store, cfg: ExportConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One pair of files through megatron-core."""
    (rows,), files = job.inputs
    stream = list(parts(store.batches(rows)))
    tokens = np.concatenate([part.tokens for part in stream])
    samples = np.split(tokens, np.concatenate([part.ends for part in stream])[:-1])
    if any(part.padding for part in stream):
        samples = samples[:-1]
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
    return json.dumps({"reader": reader, "version": importlib.metadata.version(reader), "read_back": read}).encode()


def _every(cfg: ExportConfig, count: int, files: int) -> int:
    return max(1, count // (cfg.check_rows * files))


def _schema(store: Store, rows: Shard) -> pa.Schema:
    return next(store.batches(rows)).schema


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
