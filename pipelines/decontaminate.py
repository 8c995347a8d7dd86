"""Stage: documents -> which benchmark items they contain and where; and a record of what was checked, by hash.

First step: the benchmarks' files become one index, keyed by their contents. Second step: every row group against it.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b
from importlib.resources import files

import fsspec
import pyarrow as pa

from corpus.schema import CONTAMINATION
from corpus.shards import Store
from filters.contamination import (
    Benchmark,
    ContaminationConfig,
    Item,
    build_index,
    contamination,
    load_index,
    strings_of,
    where_to_get,
)
from pipelines.stage import Job, Result, Shards, Work, tally

_PACKAGE = "package:"


def run(work: Work, cfg: ContaminationConfig, documents: Shards) -> Result:
    """Document or segment is `filter`'s business: switching it scans nothing again."""
    contents = {benchmark.name: _digest(read_files(benchmark)) for benchmark in cfg.benchmarks}
    scanned = replace(cfg, required=(), unchecked=())
    index = work.map(write_index, scanned, [Job((), params=contents)], step="index", schema=None)
    record = work.map(write_record, cfg, [Job((index,))], step="checked", schema=None)
    jobs = [Job(([shard], index), batch=shard.batch) for shard in documents]
    hits = work.map(scan, None, jobs, step="scan", schema=CONTAMINATION)
    counts = tally(hits) | tally(index) | {f"unchecked.{name}": 1 for name in cfg.unchecked}
    return Result({"contamination": hits, "index": index, "checked": record}, counts)


def write_index(store: Store, cfg: ContaminationConfig, job: Job, counts: "Counter[str]") -> Iterator[bytes]:
    """All test strings of all sets; the job's parameters say which contents were meant."""
    items: list[Item] = []
    for benchmark in cfg.benchmarks:
        raw = read_files(benchmark)
        expected = dict(job.params)[benchmark.name]  # type: ignore[call-overload]
        if _digest(raw) != expected:
            raise ValueError(f"{benchmark.name} at {benchmark.path} changed while the stage ran: run it again")
        records = [json.loads(line) for text in raw for line in text.splitlines() if line.strip()]
        counts[f"checked.{benchmark.name}"] = len(records)
        items += [item for record in records for item in strings_of(benchmark, record)]
    yield build_index(cfg, items, dict(job.params))  # type: ignore[call-overload]


def write_record(store: Store, cfg: ContaminationConfig, job: Job, counts: "Counter[str]") -> Iterator[bytes]:
    """What a reader of the corpus must know: the sets it was checked against, by hash, and those it was not."""
    ((index,),) = job.inputs
    checked = load_index(store.read_bytes(index)).checked
    record = {"checked": checked, "unchecked": sorted(cfg.unchecked), "gram": cfg.gram, "min_gram": cfg.min_gram}
    yield json.dumps(record, indent=1, sort_keys=True).encode()


def scan(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """One document shard against the index."""
    (shard,), (built,) = job.inputs
    index = load_index(store.read_bytes(built))
    for batch in store.batches(shard, ["text"]):
        hits, more = contamination(index, batch["text"])
        counts.update(more)
        yield hits


def read_files(benchmark: Benchmark) -> list[bytes]:
    """The set's files, unpacked, in the order of their names."""
    if benchmark.path.startswith(_PACKAGE):
        module, _, name = benchmark.path.removeprefix(_PACKAGE).partition("/")
        raw = [(name, files(module).joinpath(name).read_bytes())]
    else:
        fs, path = fsspec.url_to_fs(benchmark.path)
        names = [path] if fs.isfile(path) else sorted(n for n in fs.find(path) if n.endswith((".jsonl", ".jsonl.gz")))
        if not names:
            raise FileNotFoundError(
                f"benchmark {benchmark.name}: no .jsonl or .jsonl.gz at {benchmark.path}; get it from"
                f" {where_to_get(benchmark.name)}, or list it as unchecked"
            )
        raw = [(name, fs.cat_file(name)) for name in names]
    return [gzip.decompress(text) if name.endswith(".gz") else text for name, text in raw]


def _digest(texts: list[bytes]) -> str:
    """Of the unpacked files in order, whatever their names and packing."""
    whole = blake2b(digest_size=16)
    for text in texts:
        whole.update(len(text).to_bytes(8, "little") + text)
    return whole.hexdigest()
