"""What a person sees of a run, and the log that stays: a bar per step on a terminal, plain lines otherwise."""

import json
import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from corpus.shards import Shard, Store

_LINE_EVERY = 5.0  # seconds between plain lines and between notes of how far a step got


class RunProgress:
    """Draws steps as they go, keeps `partial n/m` for --list, and writes one log file per run."""

    def __init__(self, store: Store, log_path: str) -> None:
        self.store, self.log_path = store, log_path
        self.manifest = ""
        self._events: list[dict[str, object]] = []
        self._bar: Progress | None = None
        self._bar_task: TaskID | None = None
        self._is_terminal = sys.stderr.isatty()

    def begin(self, stage: str, step: str, total: int, reused: int) -> None:
        self._name = f"{stage}/{step}" if step != stage else stage
        self._total, self._done, self._reused = total, reused, reused
        self._rows = self._bytes = 0
        self._ran: list[str] = []
        self._peak = self._requests = 0.0
        self._started = self._told = time.monotonic()
        if self._is_terminal:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[speed]}"),
            )
            self._bar = Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
            self._bar.start()
            self._bar_task = self._bar.add_task(self._name, total=total, completed=reused, speed="")

    def advance(self, shard: Shard, task: dict[str, float]) -> None:
        self._done += 1
        self._rows += shard.rows
        self._bytes += shard.bytes
        self._ran.append(shard.path)
        self._peak = max(self._peak, task["peak_bytes"])
        self._requests += task["requests"]
        if self._bar is not None and self._bar_task is not None:
            self._bar.update(self._bar_task, completed=self._done, speed=self._speed())
        now = time.monotonic()
        if now - self._told > _LINE_EVERY:
            self._told = now
            self.store.write_text(f"{self.manifest}.partial", f"{self._done}/{self._total}")
            if self._bar is None:
                left = (now - self._started) / max(1, self._done - self._reused) * (self._total - self._done)
                print(
                    f"  {self._name}: {self._done}/{self._total}, {self._speed()}, {left:.0f} s left",
                    file=sys.stderr,
                    flush=True,
                )

    def end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        seconds = time.monotonic() - self._started
        reused = f" ({self._reused} reused)" if self._reused else ""
        print(
            f"  {self._name}: {self._done} done{reused}, {self._speed()}, {seconds:.1f} s", file=sys.stderr, flush=True
        )
        event = {"step": self._name, "tasks": self._total, "reused": self._reused, "ran": self._ran}
        self.log(
            {**event, "seconds": round(seconds, 3), "peak_bytes": int(self._peak), "requests": int(self._requests)}
        )

    def log(self, event: dict[str, object]) -> None:
        """One line of the run's log; the file is rewritten whole, because object stores cannot append."""
        self._events.append(event)
        self.store.write_text(self.log_path, "".join(json.dumps(e) + "\n" for e in self._events))

    def _speed(self) -> str:
        seconds = max(1e-3, time.monotonic() - self._started)
        return f"{self._rows:,} rows, {self._bytes / seconds / 1e6:.1f} MB/s written"
