"""Packs and bundles as object databases, in a scratch folder, for as long as they are read.

Comes in: the bytes of a pack, or the path of a bundle. Goes out: a libgit2 object database. `git index-pack` makes the
index: it reads a pack and runs nothing, reaches no network, and gets no configuration, no repository, and bounded
memory, processor time and output, so that a pack that unfolds without end costs itself only.
"""

import os
import re
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

import pygit2

from corpus.http import RefusedError

_MEMORY: Final = 4 << 30  # bytes of address space; the index of Linux, 10 million objects, takes 1.5 GB
_SECONDS: Final = 3_600  # of processor
_HEADER_LIMIT: Final = 64 << 20  # of a bundle: its refs
_BUNDLE: Final = (b"# v2 git bundle\n", b"# v3 git bundle\n")
_HEAD: Final = re.compile(rb"([0-9a-f]{40}) (HEAD|refs/heads/(?:main|master))\n")
_SETTINGS: Final = ("core.bigFileThreshold=16m", "pack.threads=1", "core.fsync=none", "core.deltaBaseCacheLimit=64m")


@contextmanager
def odb_of(fill: Callable[[IO[bytes]], None]) -> Iterator[Any]:
    """The object database of the pack that `fill` writes."""
    with tempfile.TemporaryDirectory(prefix="corpus-pack-") as scratch:
        folder = os.path.join(scratch, "objects", "pack")
        os.makedirs(folder)
        path = os.path.join(folder, "pack-0.pack")
        with open(path, "wb") as file:
            fill(file)
        _index(path)
        yield pygit2.Odb(os.path.join(scratch, "objects"))


def _index(path: str) -> None:
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/nonexistent", "LC_ALL": "C"}
    env |= {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_DIR": os.devnull,
    }
    done = subprocess.run(
        ["git", *settings, "index-pack", path],
        cwd=os.path.dirname(path),
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        preexec_fn=_limits,  # sets limits only; the workers that call this have one thread
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip() or f"ended with status {done.returncode}"
        raise RefusedError("corrupt_pack", f"git index-pack: {said}")


def _limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))


def bundle_head(path: str) -> bytes:
    """Commit that the bundle names HEAD, or else main or master. Raises RefusedError where there is none."""
    with open(path, "rb") as file:
        matches = [match for line in _refs(file) if (match := _HEAD.fullmatch(line))]
    found = {match[2]: match[1] for match in matches}
    for name in (b"HEAD", b"refs/heads/main", b"refs/heads/master"):
        if name in found:
            return bytes(found[name])
    raise RefusedError("empty_repository", f"{path} names no HEAD")


def bundle_pack(path: str, sink: IO[bytes]) -> None:
    """The bundle's pack into the sink."""
    with open(path, "rb") as file:
        for _ in _refs(file):
            pass
        while piece := file.read(1 << 20):
            sink.write(piece)


def _refs(file: IO[bytes]) -> Iterator[bytes]:
    """Lines of a bundle's header; the file then stands at the pack."""
    if file.readline(64) not in _BUNDLE:
        raise RefusedError("corrupt_repository", f"{file.name} is no bundle")
    while file.tell() < _HEADER_LIMIT:
        line = file.readline(8192)
        if line == b"\n":
            return
        if not line.endswith(b"\n"):
            break
        if line.startswith(b"@object-format=") and line != b"@object-format=sha1\n":
            raise RefusedError(
                "not_sha1", f"{file.name} names its objects by {line.strip().decode('ascii', 'replace')}"
            )
        if line.startswith(b"-"):
            raise RefusedError("missing_history", f"{file.name} leaves out history")
        yield line
    raise RefusedError("corrupt_repository", f"{file.name} has no end of its header")
