"""What the benchmarks share: the form of a figure, a rate in processor time, and text that every installation has."""

import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def figure(
    benchmark: str, what: str, unit: str, ours: float | None, peer: str | None = None, theirs: float | None = None
) -> dict[str, Any]:
    """A figure, and the peer's beside it where there is one; `ratio` is ours / theirs."""
    ratio = ours / theirs if ours is not None and theirs else None
    shown = {"benchmark": benchmark, "what": what, "unit": unit, "ours": ours}
    return {**shown, "peer": peer, "theirs": theirs, "ratio": ratio}


def rate(size: int, work: Callable[[], object], runs: int = 3) -> float:
    """MB a second of processor time for `size` bytes; the best run, since other programs only take away."""
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return size / 1e6 / min(seconds)


def installed_texts(pattern: str, limit: int) -> Iterator[str]:
    """Files of Python's library and of installed packages, in order of paths, up to `limit` characters."""
    paths = sysconfig.get_paths()
    size = 0
    for folder in (paths["stdlib"], paths["purelib"]):
        for path in sorted(Path(folder).rglob(pattern)):
            if size > limit:
                return
            text = path.read_text(encoding="utf-8", errors="replace")
            size += len(text)
            yield text
