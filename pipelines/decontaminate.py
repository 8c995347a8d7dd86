"""Stage: documents -> which benchmark items they contain and where; and a record of what was checked, by hash.

Before the first task the process of the command reads each benchmark once, wherever it lies (a path, a package, the
hub), and freezes its strings in the store: workers, other machines and later runs see those. First step: the frozen
sets become one index. Second step: every row group against it, through the index's mapped file.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

import numpy as np
import pyarrow as pa

from corpus.schema import CONTAMINATION
from corpus.shards import Record, Shard, Store
from filters.benchmarks import Benchmark, Item, strings_of
from filters.contamination import ContaminationConfig, build_index, contamination
from filters.gram_index import Buffer, load
from pipelines.benchmark_files import Digest, records
from pipelines.identity import digest
from pipelines.stage import Job, Result, Shards, Work, tally

_LINES = 1000  # strings that are written together


def run(work: Work, cfg: ContaminationConfig, documents: Shards) -> Result:
    """Document or segment is `filter`'s business: switching it scans nothing again."""
    sets, hashes = [], {}
    for benchmark in cfg.benchmarks:
        shard, hashes[benchmark.name] = freeze(work.store, benchmark)
        work.files.append(shard.path)
        sets.append(shard)
    scanned = replace(cfg, benchmarks=(), required=(), unchecked=())
    index = work.map(write_index, scanned, [Job((sets,), params=hashes)], step="index", schema=None)
    record = work.map(write_record, cfg, [Job((index,))], step="checked", schema=None)
    jobs = [Job(([shard], index), batch=shard.batch) for shard in documents]
    hits = work.map(scan, None, jobs, step="scan", schema=CONTAMINATION)
    counts = tally(hits) | {f"checked.{one.batch}": one.counts["records"] for one in sets}
    counts |= {f"unchecked.{name}": 1 for name in cfg.unchecked}
    return Result({"contamination": hits, "sets": sets, "index": index, "checked": record}, counts)


def freeze(store: Store, benchmark: Benchmark) -> tuple[Shard, str]:
    """The set's strings as an artefact, one JSON array [item, text] a line; and the hash of the files they are from."""
    record, seen = Record(benchmark.name, Counter()), Digest()
    stem = f"objects/decontaminate/sets/{digest([benchmark.name, benchmark.fields, benchmark.item, benchmark.files])}"
    shard = store.write_artefact(stem, _lines(benchmark, seen, record.counts), record)
    found = seen.hexdigest()
    if benchmark.content and benchmark.content != found:
        raise ValueError(
            f"benchmark {benchmark.name} at {benchmark.path} has the content {found}, but the recipe names"
            f" {benchmark.content}: give the files meant, or name the new content"
        )
    return shard, found


def _lines(benchmark: Benchmark, seen: Digest, counts: "Counter[str]") -> Iterator[bytes]:
    held: list[str] = []
    for place, record in records(benchmark, seen):
        counts["records"] += 1
        held += [json.dumps([item.item, item.text], ensure_ascii=True) for item in strings_of(benchmark, record, place)]
        if len(held) >= _LINES:
            counts["strings"] += len(held)
            yield ("\n".join(held) + "\n").encode()
            held = []
    counts["strings"] += len(held)
    yield "".join(f"{line}\n" for line in held).encode()


def write_index(store: Store, cfg: ContaminationConfig, job: Job, counts: "Counter[str]") -> Iterator[Buffer]:
    """All strings of all frozen sets; the job's parameters are the hashes of the files they came from."""
    (sets,) = job.inputs
    items = chain.from_iterable(_items(store, shard) for shard in sets)
    yield from build_index(cfg, items, dict(job.params))  # type: ignore[call-overload]


def _items(store: Store, shard: Shard) -> Iterator[Item]:
    with open(store.local_path(shard), "rb") as lines:
        for line in lines:
            item, text = json.loads(line)
            yield Item(shard.batch, item, text)


def write_record(store: Store, cfg: ContaminationConfig, job: Job, counts: "Counter[str]") -> Iterator[bytes]:
    """What a reader of the corpus must know: the sets it was checked against, by hash, and those it was not."""
    ((index,),) = job.inputs
    record = {
        "checked": load(_mapped(store, index)).checked,
        "unchecked": sorted(cfg.unchecked),
        "gram": cfg.gram,
        "min_gram": cfg.min_gram,
        "min_lettered": cfg.min_lettered,
        "whitelist": list(cfg.whitelist),
    }
    yield json.dumps(record, indent=1, sort_keys=True).encode()


def scan(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """One document shard against the index."""
    (shard,), (built,) = job.inputs
    index = load(_mapped(store, built))
    for batch in store.batches(shard, ["text"]):
        hits, more = contamination(index, batch["text"])
        counts.update(more)
        yield hits


def _mapped(store: Store, artefact: Shard) -> np.ndarray:
    """The artefact's bytes through the page cache, which every worker of a machine shares."""
    return np.memmap(store.local_path(artefact), np.uint8, "r")
