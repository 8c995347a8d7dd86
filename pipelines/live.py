"""The live line of training runs: what the newest line of their logs says, on a terminal, while tasks work.

Comes in: the folder where runs write a line per step. Goes out: one line on standard error, rewritten each second.
Knows nothing of how runs are scheduled: it reads what `tail -f` would.
"""

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

_SECONDS = 1.0
_TAIL = 4096  # bytes of a log that hold its last line


@contextlib.contextmanager
def following(folder: str, out: TextIO = sys.stderr) -> Iterator[None]:
    """Shows the line while the block runs; nothing where `out` is no terminal."""
    if not out.isatty():
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_follow, args=(folder, out, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _follow(folder: str, out: TextIO, stop: threading.Event) -> None:
    before = ""
    while not stop.wait(_SECONDS):
        line = newest(folder)
        if line and line != before:
            out.write(f"\r\x1b[K{line}")
            out.flush()
            before = line
    if before:
        out.write("\n")


def newest(folder: str) -> str:
    """The last line of the log written last, as a person reads it; empty where there is none."""
    try:
        paths = [entry for entry in os.scandir(folder) if entry.name.endswith(".jsonl")]
        path = max(paths, key=lambda entry: entry.stat().st_mtime).path if paths else None
    except FileNotFoundError:
        return ""
    if path is None:
        return ""
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - _TAIL))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return _told(lines[-1]) if lines else ""


def _told(line: str) -> str:
    try:
        entry = json.loads(line)
    except json.JSONDecodeError:
        return ""  # half a line, being written
    share = f", {entry['share_of_peak']:.0%} of the card's peak" if "share_of_peak" in entry else ""
    return (
        f"seed {entry['seed']:.0f}, step {entry['step'] + 1:.0f} of {entry['steps']:.0f}: loss {entry['loss']:.3f}, "
        f"gradient {entry['gradient_norm']:.2f}, heaviest expert {entry['heaviest_expert']:.1f}x, "
        f"{entry['tokens_per_second']:,.0f} tokens/s{share}, {entry['peak_bytes'] / 1e9:.1f} GB"
    )
