"""The frame of every stage: jobs in, one stored file each out, nothing done twice.

A stage is a function `run(work, config, **inputs) -> Result`. It hands `work` a task and its jobs; each job's output is
named by the hash of (stage, step, code, settings, contents it reads), so a job whose file exists is not run again.
Tasks see a store, their settings and one job; they never see Dask, other jobs or the clock.
"""

import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol

import pyarrow as pa

from corpus.shards import Record, Shard, Store, requests
from pipelines.cluster import Cluster
from pipelines.identity import canonical, definition_code, digest

Shards = list[Shard]
Kernel = Callable[..., pa.RecordBatch | tuple[pa.RecordBatch, dict[str, int]]]
_CALLS_PER_WORKER = 8  # at least, so that jobs of unequal size still end together
QUARANTINE_LIMIT = 0.001  # of a step's rows; beyond it the data is not poisoned in places, the stage is wrong


class StageError(Exception):
    """A task failed; the message names the stage, the shard and the error."""


@dataclass(frozen=True, slots=True)
class Ref:
    """One output of a stage, as an input of another."""

    stage: str
    output: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of the plan: its name, its function, its settings, and the arrows into it."""

    name: str
    run: Callable[..., "Result"]
    config: object
    inputs: dict[str, tuple[Ref, ...]] = field(default_factory=dict)

    def __getitem__(self, output: str) -> tuple[Ref, ...]:
        return (Ref(self.name, output),)


@dataclass(frozen=True)
class Job:
    """One task: what it reads, and what else decides its output. It writes exactly one file."""

    inputs: tuple[Shards, ...]
    params: object = ()
    batch: str = ""


@dataclass
class Result:
    """What a stage made."""

    outputs: dict[str, Shards]
    counts: dict[str, int]


class Progress(Protocol):
    """Told as a step goes on; the command line draws it."""

    def begin(self, stage: str, step: str, total: int, reused: int) -> None: ...
    def advance(self, shard: Shard, task: dict[str, float]) -> None: ...
    def end(self) -> None: ...


class Silent:
    """A progress that tells nobody: of steps that are part of another."""

    def begin(self, stage: str, step: str, total: int, reused: int) -> None: ...
    def advance(self, shard: Shard, task: dict[str, float]) -> None: ...
    def end(self) -> None: ...


Task = Callable[[Store, Any, Job, Any], Iterator[Any]]


@dataclass
class Work:
    """What a stage's `run` works with."""

    store: Store
    cluster: Cluster
    stage: str
    progress: Progress
    keep_going: bool = False
    files: list[str] = field(default_factory=list)  # of every step so far, for the manifest

    @property
    def n_workers(self) -> int:
        return self.cluster.n_workers

    def map(
        self, task: Task, cfg: object, jobs: Sequence[Job], *, step: str, schema: pa.Schema | None, together: int = 1
    ) -> Shards:
        """One shard (or, without a schema, artefact) per job, in the order of the jobs.

        `together`: as many jobs go to a worker in one call where there are plenty; for jobs of milliseconds, of which
        handing one over costs the client four.
        """
        return self._run(_Step(self.stage, step, task, cfg, schema), jobs, together)

    def annotate(
        self,
        kernel: Kernel,
        cfg: object,
        *aligned: Shards,
        step: str,
        schema: pa.Schema,
        columns: Sequence[Sequence[str] | None] | None = None,
    ) -> Shards:
        """The kernel over each row group of aligned shards; rows, order and row groups stay."""
        if len({len(shards) for shards in aligned}) != 1:
            raise AssertionError(f"{self.stage}: inputs of {step} are not aligned: {[len(s) for s in aligned]} shards")
        jobs = [Job(tuple([shard] for shard in row), batch=row[0].batch) for row in zip(*aligned, strict=True)]
        settings = Annotation(
            kernel, cfg, tuple(None if c is None else tuple(c) for c in columns or [None] * len(aligned))
        )
        return self._run(_Step(self.stage, step, annotate, settings, schema, self.keep_going), jobs)

    def publish(self, files: dict[str, Shard], folder: str) -> str:
        """The artefacts under the names that their readers expect, in `folder` below the root; its URL."""
        for name, shard in files.items():
            self.store.copy(shard, f"{folder}/{name}")
        return f"{self.store.root.rstrip('/')}/{folder}"

    def _run(self, step: "_Step", jobs: Sequence[Job], together: int = 1) -> Shards:
        folder = f"objects/{step.stage}/{step.step}"
        existing = {
            PurePosixPath(path).name.split(".")[0]: path
            for path in self.store.list(folder)
            if not path.endswith(".json")
        }
        definition = step.definition()
        keys = [job_key(definition, job) for job in jobs]
        found = [_found(existing, key, step.keep_going) for key in keys]
        missing = [index for index, path in enumerate(found) if path is None]
        shards: list[Shard | None] = [None if path is None else self.store.describe(path) for path in found]
        self.progress.begin(step.stage, step.step, len(jobs), len(jobs) - len(missing))
        size = max(1, min(together, len(missing) // (_CALLS_PER_WORKER * self.n_workers)))
        bundles = [missing[start : start + size] for start in range(0, len(missing), size)]
        calls = (
            (self.store, step, [(jobs[index], f"{folder}/{keys[index]}") for index in bundle]) for bundle in bundles
        )
        for position, results in self.cluster.run(run_tasks, calls) if missing else ():
            for index, (shard, task) in zip(bundles[position], results, strict=True):
                shards[index] = shard
                self.progress.advance(shard, task)
        self.progress.end()
        done = [shard for shard in shards if shard is not None]
        assert len(done) == len(jobs)
        self.files += [shard.path for shard in done]
        _check_quarantine(step, done)
        return done


@dataclass(frozen=True)
class Annotation:
    """A kernel over aligned row groups, as the settings of the task that runs it."""

    kernel: Kernel
    cfg: object
    columns: tuple[tuple[str, ...] | None, ...]


@dataclass(frozen=True)
class _Step:
    stage: str
    step: str
    task: Task
    cfg: Any
    schema: pa.Schema | None
    keep_going: bool = False

    def definition(self) -> str:
        """Everything but the inputs: name, code, settings, and the shape of what is written."""
        schema = "" if self.schema is None else self.schema.to_string(show_schema_metadata=True)
        task = "annotate" if self.task is annotate else [canonical(self.task), definition_code(self.task)]
        return digest([self.stage, self.step, task, canonical(self.cfg), schema])


def job_key(definition: str, job: Job) -> str:
    """Name of the job's output: the definition and exactly what the job reads."""
    contents = [[shard.content for shard in shards] for shards in job.inputs]
    return digest([definition, contents, canonical(job.params), job.batch])


def _found(existing: dict[str, str], key: str, keep_going: bool) -> str | None:
    return existing.get(key) or (existing.get(f"{key}q") if keep_going else None)


def run_tasks(store: Store, step: _Step, jobs: Sequence[tuple[Job, str]]) -> list[tuple[Shard, dict[str, float]]]:
    """Runs on a worker: jobs that were handed over together, each with the stem of its file."""
    return [run_task(store, step, job, stem) for job, stem in jobs]


def run_task(store: Store, step: _Step, job: Job, stem: str) -> tuple[Shard, dict[str, float]]:
    """One job: the task, into a file that becomes visible when it is whole."""
    started, asked = time.monotonic(), requests.total()
    record = Record(job.batch, Counter())
    try:
        shard = _write(store, step, stem, step.task(store, step.cfg, job, record.counts), record)
    except Exception as error:
        if not step.keep_going:
            raise _named(step, job, error) from error
        assert step.schema is not None
        record = Record(job.batch, Counter())
        batches = annotate(store, step.cfg, job, record.counts, Quarantine(step.schema, record.notes))
        shard = _write(store, step, f"{stem}q", batches, record)
    _check_conservation(step, shard)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    told = {"seconds": time.monotonic() - started, "peak_bytes": float(peak)}
    return shard, {**told, "requests": float(requests.total() - asked)}


def _write(store: Store, step: _Step, stem: str, made: Iterator[Any], record: Record) -> Shard:
    if step.schema is None:
        return store.write_artefact(stem, made, record)
    return store.write_shard(stem, step.schema, made, record)


@dataclass
class Quarantine:
    """Where `--keep-going` puts row groups whose kernel failed: nulls in the output, a line in the notes."""

    schema: pa.Schema
    notes: list[str]

    def take(self, shard: Shard, index: int, rows: int, error: Exception) -> pa.RecordBatch:
        self.notes.append(f"{shard.path} row group {index} ({rows} rows): {type(error).__name__}: {error}")
        return pa.RecordBatch.from_arrays([pa.nulls(rows, f.type) for f in self.schema], schema=self.schema)


def annotate(
    store: Store, settings: Annotation, job: Job, counts: dict[str, int], quarantine: Quarantine | None = None
) -> Iterator[pa.RecordBatch]:
    """The task behind `Work.annotate`."""
    readers = [store.batches(shards[0], columns) for shards, columns in zip(job.inputs, settings.columns, strict=True)]
    for index, batches in enumerate(zip(*readers, strict=True)):
        rows = batches[0].num_rows
        assert all(batch.num_rows == rows for batch in batches), f"row group {index} differs between {job.inputs}"
        counts["rows"] = counts.get("rows", 0) + rows
        try:
            made = settings.kernel(settings.cfg, *batches)
        except Exception as error:
            if quarantine is None:
                raise
            counts["quarantined"] = counts.get("quarantined", 0) + rows
            yield quarantine.take(job.inputs[0][0], index, rows, error)
            continue
        batch, more = made if isinstance(made, tuple) else (made, {})
        assert batch.num_rows == rows, f"{settings.kernel.__qualname__} gave {batch.num_rows} rows for {rows}"
        for name, n in more.items():
            counts[name] = counts.get(name, 0) + n
        yield batch


def _named(step: _Step, job: Job, error: Exception) -> StageError:
    reads = ", ".join(shard.path for shards in job.inputs for shard in shards[:3]) or str(job.params)
    return StageError(f"{step.stage} ({step.step}) failed on {reads}: {type(error).__name__}: {error}")


def _check_conservation(step: _Step, shard: Shard) -> None:
    counts = shard.counts
    if "seen" in counts:
        refused = sum(n for name, n in counts.items() if name.startswith("refused."))
        if counts["seen"] != counts.get("kept", 0) + refused:
            raise AssertionError(f"{step.stage} ({step.step}) lost documents in {shard.path}: {counts}")


def _check_quarantine(step: _Step, shards: Shards) -> None:
    lost = sum(shard.counts.get("quarantined", 0) for shard in shards)
    rows = sum(shard.counts.get("rows", 0) for shard in shards)
    if lost > QUARANTINE_LIMIT * rows:
        first = next(shard.notes[0] for shard in shards if shard.notes)
        raise StageError(
            f"{step.stage} ({step.step}): {lost} of {rows} rows in quarantine, more than 0.1 %; the first: {first}"
        )


def tally(shards: Sequence[Shard]) -> dict[str, int]:
    """Sum of the shards' counters."""
    total: Counter[str] = Counter()
    for shard in shards:
        total.update(shard.counts)
    return dict(sorted(total.items()))


def groups(documents: Sequence[Shard], group_bytes: int, document_bytes: int = 0) -> list[slice]:
    """Consecutive shards of one crawl batch, up to `group_bytes` of text; a repository is never split.

    A document counts as `document_bytes` at least, for steps that hold as much of each, however short its text is.
    A repository larger than `group_bytes` makes a group of its own size: only narrow columns and ids are read by group.
    """
    cuts = [0]
    size = 0
    for index, shard in enumerate(documents):
        text = max(shard.counts.get("bytes", shard.bytes), document_bytes * shard.rows)
        full = size and (size + text > group_bytes) and not shard.counts.get("continues")
        if index and (full or shard.batch != documents[index - 1].batch):
            cuts.append(index)
            size = 0
        size += text
    return [slice(a, b) for a, b in zip(cuts, [*cuts[1:], len(documents)], strict=True) if b > a]
