"""Benchmark `crawl_git`: from bare clones on disk to finished shards, by one core.

Repositories are made of the real source files of this environment's packages, one a package, packed by `git gc`. Ours
is the whole of stage crawl: walk the history, list the tree, read, decode, write a compressed shard. The peers do a
part of it: `git cat-file --batch` reads every blob and keeps nothing; `git clone` with a checkout writes the files.
Then the same repositories, three times over, through a local cluster with one and with two workers, and, as the
machine's own measure, through one and two plain processes that know nothing of each other: seconds on the clock, the
shorter of two runs each.
The last figures are memory: the peak of a process that reads one repository of files of 1 MiB.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pygit2

from benchmarks._figures import figure
from corpus.decode import plain_text
from corpus.shards import Store
from corpus.sources.git import Git
from pipelines import crawl
from pipelines.cluster import Cluster, connect
from pipelines.crawl import Batch, CrawlConfig
from pipelines.progress import RunProgress
from pipelines.stage import Work

_row = partial(figure, "crawl_git")

_BYTES = 100_000_000
_TIMES = 3
_LARGE = 600  # files of 1 MiB
_SUFFIXES = (".py", ".pyi", ".h", ".hpp", ".pyx", ".js", ".rst", ".md", ".json", ".txt", ".c", ".cpp", ".css", ".html")


class _Here:
    """Runs every call in this process."""

    n_workers = 1

    def run(self, function: Callable[..., Any], calls: Any) -> Iterator[tuple[int, Any]]:
        for index, arguments in enumerate(calls):
            yield index, function(*arguments)


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    with tempfile.TemporaryDirectory(prefix="crawl-git-") as folder:
        size = _repositories(folder)
        source = Git(folder=f"{folder}/bare", cutoff="2100-01-01")
        _crawl(source, f"{folder}/warm", _Here(), 32 << 20)  # compiled and cached
        before = time.process_time()
        kept = _crawl(source, f"{folder}/here", _Here(), 32 << 20)
        ours = kept / 1e6 / (time.process_time() - before)
        yield _row("crawl to shards", "MB/s of text", ours, "git cat-file, reading only", _cat_file(folder, size))
        yield _row("the same", "MB/s of text", ours, "git clone with a checkout", _clone(folder, size))
        one, two = (min(_with_workers(source, f"{folder}/workers-{n}", n)) for n in (1, 2))
        alone, apart = (min(_apart(folder, n)) for n in (1, 2))
        yield _row("two workers against one", "times as fast", one / two, "two plain processes", alone / apart)
        with ProcessPoolExecutor(1) as fresh:
            yield _row("memory, 32 MB in one repository", "MB", fresh.submit(_peak, folder, 32).result() / 1e6)
        with ProcessPoolExecutor(1) as fresh:
            yield _row(
                f"memory, {_LARGE} MB in one repository", "MB", fresh.submit(_peak, folder, _LARGE).result() / 1e6
            )


def _repositories(folder: str) -> int:
    """Bare clones of the environment's packages; bytes of their files."""
    packages = Path(
        next(path for path in sys.path if path.endswith("site-packages") and os.path.isdir(f"{path}/numpy"))
    )
    total = 0
    for place in sorted(packages.iterdir()):
        if total > _BYTES:
            break
        files = [
            f for f in sorted(place.rglob("*")) if f.suffix in _SUFFIXES and f.is_file() and f.stat().st_size < 1 << 20
        ]
        if not place.is_dir() or len(files) < 5:
            continue
        target = f"{folder}/bare/{place.name}.git"
        _git("init", "-q", "--bare", target)
        listed = "".join(f"{f}\n" for f in files)
        ids = _git(f"--git-dir={target}", "hash-object", "-w", "--stdin-paths", "--no-filters", said=listed).split()
        entries = "".join(f"100644 {oid}\t{f.relative_to(place)}\n" for oid, f in zip(ids, files, strict=True))
        _git(f"--git-dir={target}", "update-index", "--add", "--index-info", said=entries)
        tree = _git(f"--git-dir={target}", "write-tree").strip()
        commit = _git(f"--git-dir={target}", "commit-tree", "-m", place.name, tree).strip()
        _git(f"--git-dir={target}", "update-ref", "HEAD", commit)
        _git(f"--git-dir={target}", "gc", "-q")
        total += sum(f.stat().st_size for f in files)
    return total


def _git(*words: str, said: str = "") -> str:
    env = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    for who in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{who}_NAME": "n", f"GIT_{who}_EMAIL": "e", f"GIT_{who}_DATE": "2023-10-01T00:00:00Z"}
    return subprocess.run(["git", *words], input=said, env=env, check=True, capture_output=True, text=True).stdout


def _crawl(source: Git, root: str, cluster: object, shard_bytes: int, times: int = 1) -> int:
    """Stage crawl, so many batches of the same; bytes of text it kept."""
    store = Store(root)
    progress = RunProgress(store, "logs/run.jsonl")
    progress.manifest = "manifests/crawl/x"
    work = Work(store, cluster, "crawl", progress)  # type: ignore[arg-type]
    batches = [Batch(name=str(n), source=source, extract=plain_text, shard_bytes=shard_bytes) for n in range(times)]
    return crawl.run(work, CrawlConfig(batches=tuple(batches), fork_overlap=None)).counts["bytes"]


def _with_workers(source: Git, root: str, n: int) -> Iterator[float]:
    """Seconds, twice."""
    with connect(None, n, None) as cluster:
        assert isinstance(cluster, Cluster)
        _crawl(source, f"{root}-warm", cluster, 8 << 20)
        for run in range(2):
            started = time.monotonic()
            _crawl(source, f"{root}-{run}", cluster, 8 << 20, _TIMES)
            yield time.monotonic() - started


def _apart(folder: str, n: int) -> Iterator[float]:
    """The same in n processes, each with every nth repository: seconds, twice."""
    for part in range(n):
        for place in sorted(Path(f"{folder}/bare").iterdir())[part::n]:
            shutil.copytree(place, f"{folder}/of-{n}/{part}/{place.name}", copy_function=os.link)
    with ProcessPoolExecutor(n) as pool:
        list(pool.map(_part, [(folder, n, part, "warm", 1) for part in range(n)]))
        for run in range(2):
            started = time.monotonic()
            list(pool.map(_part, [(folder, n, part, str(run), _TIMES) for part in range(n)]))
            yield time.monotonic() - started


def _part(what: tuple[str, int, int, str, int]) -> int:
    folder, n, part, run, times = what
    source = Git(folder=f"{folder}/of-{n}/{part}", cutoff="2100-01-01")
    return _crawl(source, f"{folder}/apart-{n}-{part}-{run}", _Here(), 8 << 20, times)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cat_file(folder: str, size: int) -> float:
    before = _children_seconds()
    for place in sorted(Path(f"{folder}/bare").iterdir()):
        listed = _git(f"--git-dir={place}", "ls-tree", "-r", "HEAD")
        ids = "".join(f"{line.split()[2]}\n" for line in listed.splitlines())
        words = ["git", f"--git-dir={place}", "cat-file", "--batch"]
        subprocess.run(words, input=ids.encode(), stdout=subprocess.DEVNULL, check=True)
    return size / 1e6 / (_children_seconds() - before)


def _clone(folder: str, size: int) -> float:
    before = _children_seconds()
    for place in sorted(Path(f"{folder}/bare").iterdir()):
        _git("clone", "-q", "--no-local", str(place), f"{folder}/out/{place.stem}")
    return size / 1e6 / (_children_seconds() - before)


def _peak(folder: str, megabytes: int) -> int:
    """Peak bytes of this process after it has crawled one repository of so many files of 1 MiB."""
    target = f"{folder}/large-{megabytes}/o/r.git"
    _git("init", "-q", "--bare", target)
    line = "x = 1  # a line of no meaning\n"
    objects, made = pygit2.Odb(f"{target}/objects"), []
    for number in range(megabytes):
        text = f"{number}\n" + line * ((1 << 20) // len(line) - 1)
        made.append(str(objects.write(3, text.encode())))
    entries = "".join(f"100644 {oid}\tf{number}.py\n" for number, oid in enumerate(made))
    _git(f"--git-dir={target}", "update-index", "--add", "--index-info", said=entries)
    tree = _git(f"--git-dir={target}", "write-tree").strip()
    _git(
        f"--git-dir={target}", "update-ref", "HEAD", _git(f"--git-dir={target}", "commit-tree", "-m", "m", tree).strip()
    )
    _crawl(
        Git(folder=f"{folder}/large-{megabytes}", cutoff="2100-01-01"), f"{folder}/root-{megabytes}", _Here(), 512 << 20
    )
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
