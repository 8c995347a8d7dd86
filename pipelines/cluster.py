"""The engine: local worker processes, or a running Dask cluster. The only file that talks to Dask.

Calls go in as an iterator and results come out as they finish, a few per worker in flight: a million tasks never sit in
the scheduler at once. Data goes through the store; what travels here are shard names and counters.
"""

import importlib.util
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
from distributed import Client, LocalCluster, WorkerPlugin, as_completed

from pipelines.identity import USER_MODULE, sources_hash

IN_FLIGHT_PER_WORKER = 3  # one running, one fetched, one queued: enough to hide the round trip


class ClusterError(RuntimeError):
    """The cluster cannot be used as it is; the message says what to do."""


@dataclass(frozen=True, slots=True)
class UserFile:
    """A user's recipe file, as a module that client and workers can import."""

    module: str
    source: str
    filename: str

    @classmethod
    def read(cls, path: str) -> "UserFile":
        source = Path(path).read_text(encoding="utf-8")
        return cls(USER_MODULE + Path(path).stem, source, str(Path(path).resolve()))

    def install(self) -> Any:
        """Make the module importable in this process, from the source that the client read."""
        spec = importlib.util.spec_from_loader(self.module, loader=None)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        module.__file__ = self.filename
        sys.modules[self.module] = module
        # linecache serves the source to inspect.getsource and to tracebacks on machines without the file
        import linecache

        linecache.cache[self.filename] = (len(self.source), None, self.source.splitlines(True), self.filename)
        exec(compile(self.source, self.filename, "exec"), module.__dict__)
        return module


class _Setup(WorkerPlugin):
    """Runs at the start of every worker, also of those that join later."""

    name = "corpus-setup"

    def __init__(self, expected: str, user_file: UserFile | None) -> None:
        self.expected, self.user_file = expected, user_file

    def setup(self, worker: Any) -> None:
        # Its samples keep frames of running tasks alive, and parsed pages in them are then dropped by the profiler's
        # thread, which resiliparse forbids ("HTMLTreePy is unsendable, but is being dropped on another thread").
        for name in ("profile", "profile-cycle"):
            if name in worker.periodic_callbacks:
                worker.periodic_callbacks[name].stop()
        found = sources_hash()
        if found != self.expected:
            raise ClusterError(
                f"worker {worker.address} runs other code ({found[:8]}) than the client ({self.expected[:8]})"
            )
        if self.user_file is not None:
            self.user_file.install()


class Cluster:
    """A Dask client, and the one way in which work is submitted."""

    def __init__(self, client: Client, local: bool) -> None:
        self.client, self.local = client, local

    @property
    def n_workers(self) -> int:
        return max(1, len(self.client.scheduler_info(n_workers=-1)["workers"]))

    @property
    def dashboard(self) -> str:
        return str(self.client.dashboard_link)

    def run(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """(index of the call, result) as they finish. The first error cancels the rest and is raised.

        A worker that dies is Dask's to survive: its tasks run again elsewhere, up to three times.
        """
        waiting = enumerate(calls)
        running = as_completed(with_results=False)
        index_of: dict[Any, int] = {}

        def submit_next() -> None:
            for index, arguments in waiting:
                future = self.client.submit(function, *arguments, pure=False)
                index_of[future] = index
                running.add(future)
                return

        for _ in range(IN_FLIGHT_PER_WORKER * self.n_workers):
            submit_next()
        try:
            for future in running:
                result = future.result()
                submit_next()
                yield index_of.pop(future), result
        finally:
            if index_of:
                self.client.cancel(list(index_of), force=True)


@contextmanager
def connect(scheduler: str | None, workers: int | None, user_file: UserFile | None) -> Iterator[Cluster]:
    """Local worker processes, or the cluster at `scheduler`; workers prove that they run the client's code."""
    dask.config.set(
        {"distributed.worker.profile.enabled": False}
    )  # local workers inherit it; see _Setup for the others
    # Numba and BLAS would start a thread per core in every worker process.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if scheduler is None:
        with (
            tempfile.TemporaryDirectory(prefix="corpus-dask-") as scratch,
            _local(workers or os.cpu_count() or 1, scratch) as local,
            Client(local) as client,
        ):
            yield _prepared(Cluster(client, local=True), user_file)
        return
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {scheduler}: start `dask scheduler` there, or leave out --scheduler"
        ) from error
    with client:
        if not client.scheduler_info(n_workers=-1)["workers"]:
            raise ClusterError(f"the scheduler at {scheduler} has no workers: start `dask worker {scheduler}`")
        yield _prepared(Cluster(client, local=False), user_file)


def _local(workers: int, scratch: str) -> LocalCluster:
    try:
        return LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,  # workers complain while they are closed
            local_directory=scratch,
        )
    except (OSError, RuntimeError, TimeoutError) as error:
        raise ClusterError(
            f"{workers} local workers did not start ({error}): run the same command again, or with fewer --workers "
            "where memory is short"
        ) from error


def _prepared(cluster: Cluster, user_file: UserFile | None) -> Cluster:
    """Register the set-up, and compare sources with a message that names workers and the way out."""
    expected = sources_hash()
    try:
        found = cluster.client.run(sources_hash)
    except ModuleNotFoundError as error:
        raise ClusterError(
            f"a worker cannot import this project ({error}): run `pip install -e .` in its environment"
        ) from error
    except (OSError, TimeoutError) as error:
        raise ClusterError(
            f"a worker was lost while it was asked for its code ({error}): run the same command again"
        ) from error
    other = sorted(worker for worker, value in found.items() if value != expected)
    if other:
        raise ClusterError(
            f"workers run other code than the client: {', '.join(other)}. Update the project there and restart them"
        )
    if user_file is not None and not cluster.local:
        cluster.client.run_on_scheduler(_install, user_file)  # the scheduler unpickles every task it is given
    cluster.client.register_plugin(_Setup(expected, user_file))
    return cluster


def _install(user_file: UserFile) -> None:
    user_file.install()
