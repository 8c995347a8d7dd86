"""Stage: packed rows -> files that other trainers read, each read back by that trainer's own reader before it is out.

Per format: one task per file, one task per rows shard that reads its files back, one that compares the index over all
with the files, then the files under the names that the readers expect, in `exports/<format>/<hash of the rows>/` below
the root. Beside them lie the vocabulary, a card that says what is in them, the record of what they were checked
against, and the hashes of all. No task holds more than one shard's rows. The native rows need no export.
"""

import importlib.metadata
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from corpus.shards import Shard, Store
from pipelines import card
from pipelines.card import About
from pipelines.identity import digest
from pipelines.stage import Job, Result, Shards, Work, tally
from tokenization.exporters import ExportConfig, datatrove, huggingface, litdata, mds, megatron
from tokenization.exporters.card import SUMS, file_name
from tokenization.exporters.stream import parts
from tokenization.exporters.vocabulary import FILE as TOKENIZER

_CHECKS: Final = "checks"  # kind of file that stays in the store: what each task of a format with an index read
Files = dict[str, Shards]  # per kind of file: one for every rows shard, in their order, or one for all


@dataclass(frozen=True)
class Format:
    """How one format is made: `each` writes a rows shard's files, `whole` those over all, by name; then `check`."""

    each: dict[str, Callable[..., Any]]
    name: Callable[[str, int, int], str]  # (suffix, number of the shard, shards) -> file name
    check: Callable[..., Any]  # of one rows shard's files
    whole: dict[str, Callable[..., Any]] = field(default_factory=dict)
    check_index: Callable[..., Any] | None = None  # of the files of `whole`: (contents by name, files) -> None


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """Settings of the stage: the formats, and what their cards say of the settings before."""

    export: ExportConfig
    about: About


def run(work: Work, cfg: Exported, rows: Shards, checked: Shards, **before: Shards) -> Result:
    """Artefacts of each format, as `<format>.<kind of file>`; `counts` has files and how much was read back.

    Beside them lie `decontamination.json`: the benchmarks that the rows were checked against, by hash, and those not;
    the vocabulary; the card, of what `before` (outputs of earlier stages) has counted; and the hashes of all files.
    """
    rows = [shard for shard in rows if shard.rows]
    if not rows or not cfg.export.formats:
        return Result({}, {})
    [record] = checked
    facts, tallies = card.facts_of(work, cfg.about, rows, before)
    vocabulary = card.beside(work, cfg.about.pack.tokenizer)
    always = {"decontamination.json": record, **vocabulary}
    outputs: dict[str, Shards] = {"card.tallies": tallies}
    outputs |= {name.replace("_", "."): [shard] for name, shard in vocabulary.items()}
    counts: dict[str, int] = {}
    for name in cfg.export.formats:
        made = _make(work, cfg.export, rows, name, FORMATS[name])
        named = dict(names_of(name, made, len(rows)))
        reports = made["read_back.json"]
        job = Job(
            (tallies, [record, vocabulary[TOKENIZER]], reports, list(named.values())), params=[name, facts, list(named)]
        )
        told = work.map(card.write_card, cfg.about.pack.tokenizer, [job], step=f"{name}_card", schema=None)
        files = {**named, **always, file_name(name): told[0]}
        job = Job((list(files.values()),), params=list(files))
        sums = work.map(card.write_sums, None, [job], step=f"{name}_sums", schema=None)
        work.publish({**files, SUMS: sums[0]}, folder_of(name, rows))
        outputs |= {f"{name}.{kind}": shards for kind, shards in made.items()}
        outputs |= {f"{name}.card": told, f"{name}.sums": sums}
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
        if kind == _CHECKS:
            continue
        if kind in how.each or (kind == "read_back.json" and not how.check_index):
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
    if not how.check_index:
        made["read_back.json"] = work.map(how.check, cfg, jobs, step=f"{name}_check", schema=None)
        return made
    [kind] = how.each
    names = [how.name(kind, i, len(rows)) for i in range(len(rows))]
    jobs = [Job(([shard], [file]), params=n) for shard, file, n in zip(rows, made[kind], names, strict=True)]
    made[_CHECKS] = work.map(how.check, cfg, jobs, step=f"{name}_check_files", schema=None)
    job = Job((rows, made[kind], [made[index][0] for index in how.whole], made[_CHECKS]), params=[name, names])
    made["read_back.json"] = work.map(check_index, None, [job], step=f"{name}_check", schema=None)
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
    """One file through `datasets`, as a folder of its own."""
    (rows,), (file,) = job.inputs
    name: Any = job.params
    info, state = huggingface.info_bytes(_schema(store, rows)), huggingface.state_bytes([name], file.content[:16])
    with _local(store, {name: file}, {"dataset_info.json": info, "state.json": state}) as folder:
        read = huggingface.check(folder, [store.table(rows)], _every(cfg, rows.rows))
    yield _report(counts, read, "datasets")


def check_mds(store: Store, cfg: ExportConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One shard with an index of its own: every sample."""
    (rows,), (file,) = job.inputs
    index = mds.index_bytes([(job.params, file.bytes, rows.rows)], _length(store, rows), _n_ids(store, rows))  # type: ignore[list-item]
    yield from _check_alone(store, cfg, job, counts, (index, mds.check))


def check_litdata(store: Store, cfg: ExportConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """The same for a chunk of LitData's."""
    ((rows,), _) = job.inputs
    index = litdata.index_bytes([(job.params, rows.rows)], _length(store, rows), _n_ids(store, rows))  # type: ignore[list-item]
    yield from _check_alone(store, cfg, job, counts, (index, litdata.check))


def _check_alone(
    store: Store, cfg: ExportConfig, job: Job, counts: dict[str, int], how: tuple[bytes, Callable[..., Any]]
) -> Iterator[bytes]:
    (rows,), (file,) = job.inputs
    name: Any = job.params
    index, check = how
    with _local(store, {name: file}, {"index.json": index}) as folder:
        read, reader = check(folder, [name], [store.table(rows)], _every(cfg, rows.rows))
    yield _report(counts, read, reader)


def check_index(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """The index over all files against the files, whose rows have been read one by one; what was read in all."""
    rows, files, indexes, checks = job.inputs
    params: Any = job.params
    name, names = params
    how = FORMATS[name]
    contents = {kind: store.read_bytes(shard) for kind, shard in zip(how.whole, indexes, strict=True)}
    found = [(n, file.bytes, shard.rows) for n, file, shard in zip(names, files, rows, strict=True)]
    assert how.check_index is not None
    how.check_index(contents, found)
    reports = [json.loads(store.read_bytes(shard)) for shard in checks]
    yield _report(counts, sum(report["read_back"] for report in reports), reports[0]["reader"])


def check_megatron(store: Store, cfg: ExportConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One pair of files through megatron-core."""
    (rows,), files = job.inputs
    stream = list(parts(store.batches(rows), filling=False))
    tokens = np.concatenate([part.tokens for part in stream])
    samples = np.split(tokens, np.concatenate([part.ends for part in stream])[:-1])
    with _local(
        store, {f"rows.{suffix}": file for suffix, file in zip(_pair(job.params), files, strict=True)}
    ) as folder:
        read = megatron.check(os.path.join(folder, "rows"), samples, _every(cfg, len(samples)))
    yield _report(counts, read, "megatron-core")


def check_datatrove(store: Store, cfg: ExportConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """One `.ds` with its index through datatrove."""
    (rows,), files = job.inputs
    suffixes: Any = job.params
    ends = np.concatenate([part.ends for part in parts(store.batches(rows))])
    ids = store.table(rows, ["input_ids"])["input_ids"].combine_chunks()
    n_ids = _tokenizer(store, rows)["n_ids"]
    with _local(store, {f"rows.{suffix}": file for suffix, file in zip(suffixes, files, strict=True)}) as folder:
        read = datatrove.check(folder, ids, ends, n_ids, _every(cfg, len(ids)))
    yield _report(counts, read, "datatrove")


def _report(counts: dict[str, int], read: int, reader: str) -> bytes:
    counts["read_back"] = read
    version = None if reader == "plain reader" else importlib.metadata.version(reader)
    return json.dumps({"reader": reader, "version": version, "read_back": read}).encode()


def _every(cfg: ExportConfig, count: int) -> int:
    return max(1, count // cfg.check_rows)


def _schema(store: Store, rows: Shard) -> pa.Schema:
    return store.schema(rows.path)


def _length(store: Store, rows: Shard) -> int:
    return int(_schema(store, rows).field("input_ids").type.list_size)


def _tokenizer(store: Store, rows: Shard) -> dict[str, Any]:
    about: dict[str, Any] = json.loads(_schema(store, rows).metadata[b"tokenizer"])
    return about


def _n_ids(store: Store, rows: Shard) -> int:
    return int(_tokenizer(store, rows)["n_ids"])


def _pair(params: Any) -> tuple[Any, Any]:
    first, second = params
    return first, second


@contextmanager
def _local(store: Store, files: dict[str, Shard], more: dict[str, bytes] | None = None) -> Iterator[str]:
    """A local folder with the artefacts, and some contents, under the names that a reader expects."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in (more or {}).items():
            Path(folder, name).write_bytes(content)
        for name, shard in files.items():
            os.symlink(os.path.abspath(store.local_path(shard)), os.path.join(folder, name))
        yield folder


FORMATS: Final = {
    "huggingface": Format(
        {"data": write_stream},
        _arrow_name,
        check_huggingface,
        {"dataset_info.json": write_info, "state.json": write_state},
        huggingface.check_index,
    ),
    "megatron": Format({"bin": write_bin, "idx": write_idx}, _numbered, check_megatron),
    "datatrove": Format(
        {"ds": write_ds, "ds.index": write_ds_index, "ds.metadata": write_ds_metadata}, _numbered, check_datatrove
    ),
    "mds": Format({"mds": write_mds}, _numbered, check_mds, {"index.json": write_mds_index}, mds.check_index),
    "litdata": Format(
        {"bin": write_litdata}, _litdata_name, check_litdata, {"index.json": write_litdata_index}, litdata.check_index
    ),
}
