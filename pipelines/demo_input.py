"""Command: fetch the demo's pinned input with the package client and lay it out as a crawler would find it.

    python -m pipelines.demo_input [--into demo-input]

Comes in: the releases of `pipelines.demo_sources`, fetched by `pip download` with their hashes. Goes out, in one
folder: `archives/` (source archives), `git/` (bare repositories with a history), `warc/` (web pages) and `prose/`. What
is there already with the right hash is not fetched again, and what follows from it is not made again; the file
`complete` says that all of it is there.
This file refuses to know where the package client gets its packages from: that is the client's own configuration.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from pipelines import demo_git, demo_math, demo_pages, demo_prose, demo_sources
from pipelines.console import end
from pipelines.demo_sources import PACKAGES, Package

SDIST: Final = ("--no-binary", ":all:", "--no-build-isolation")  # the environment's setuptools reads the metadata
WHEEL: Final = (
    *("--only-binary", ":all:", "--platform", "manylinux2014_x86_64"),
    *("--python-version", "3.11", "--implementation", "cp"),
)
CLIENTS: Final = 4  # package clients at a time: most of their time is waiting and reading metadata
FOLDERS: Final = {"archive": "archives", "pages": "packages", "history": "packages", "prose": "packages"}


class FetchError(Exception):
    """The input could not be fetched; the message names the packages and the way out."""


def place(into: Path, package: Package) -> Path:
    """Where a package's file lies below the demo's folder."""
    return into / FOLDERS[package.use] / package.file


def missing(into: Path, packages: tuple[Package, ...] = PACKAGES) -> list[Package]:
    """The packages whose file is not there with the pinned hash."""
    return [package for package in packages if not _holds(place(into, package), package.sha256)]


def fetch(into: Path, packages: list[Package]) -> None:
    """Fetch these packages, several at a time; a file becomes visible once its hash is right."""
    with tempfile.TemporaryDirectory(dir=into) as scratch, ThreadPoolExecutor(CLIENTS) as clients:
        groups = [[p for p in packages if p.wheel], *_dealt([p for p in packages if not p.wheel], CLIENTS)]
        folders = [Path(scratch, str(number)) for number in range(len(groups))]
        jobs = [
            clients.submit(_download, group, folder) for group, folder in zip(groups, folders, strict=True) if group
        ]
        failures = [failure for job in jobs if (failure := job.exception())]
        for group, folder in zip(groups, folders, strict=True):
            for package in group:
                if _holds(folder / package.file, package.sha256):
                    target = place(into, package)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(folder / package.file, target)
    if failures:
        raise failures[0]
    if absent := [package.requirement for package in missing(into, tuple(packages))]:
        raise FetchError(f"pip fetched other files than the pinned ones for {', '.join(absent)}; run this again")


def _dealt(packages: list[Package], hands: int) -> list[list[Package]]:
    """Large and small ones spread over the clients; two releases of one project never in one hand."""
    return [packages[hand::hands] for hand in range(hands)]


def _download(packages: list[Package], folder: Path) -> None:
    """One package client. Two releases of one project cannot be asked for in one call, so they take turns."""
    folder.mkdir(parents=True)
    while packages:
        turn = {package.requirement.split("==")[0]: package for package in reversed(packages)}
        packages = [package for package in packages if package not in turn.values()]
        lines = [f"{package.requirement} --hash=sha256:{package.sha256}" for package in turn.values()]
        requirements = folder / "requirements.txt"
        requirements.write_text("\n".join(lines) + "\n")
        kind = WHEEL if next(iter(turn.values())).wheel else SDIST
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", *kind]
        command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder), "-r", str(requirements)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            names = ", ".join(package.requirement for package in turn.values())
            said = "\n".join(line for line in done.stderr.splitlines() if "ERROR" in line or "error" in line)
            raise FetchError(
                f"could not fetch {names}. pip said:\n{said or done.stderr}\n"
                "Check the network and pip's own configuration (`python -m pip config list`), then run this again: "
                "what has been fetched is kept."
            )


def _holds(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def make(into: Path) -> None:
    """Repositories, pages and prose from the packages; each part only if its inputs, code or files changed."""
    files = {package.requirement: place(into, package) for package in PACKAGES}
    parts: dict[str, Callable[[Path], None]] = {
        "git": lambda folder: demo_git.repositories(files, folder),
        "warc": lambda folder: demo_pages.archives(files, folder),
        "prose": lambda folder: demo_prose.documents(files, folder),
    }
    for name, build in parts.items():
        folder, stamp = into / name, into / f".{name}.json"
        if _state(folder) == _stamped(stamp):
            continue
        stamp.unlink(missing_ok=True)
        start = time.monotonic()
        build(folder)
        stamp.write_text(json.dumps(_state(folder)))
        print(f"  made {name}/ in {time.monotonic() - start:.0f} s")


def _state(folder: Path) -> dict[str, str]:
    """Hash of the pins and of the code that makes a part, and of every file that it made."""
    modules = (demo_sources, demo_git, demo_math, demo_pages, demo_prose)
    digest = hashlib.sha256(b"".join(Path(str(module.__file__)).read_bytes() for module in modules))
    state = {"": digest.hexdigest()}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file():
            state[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return state


def _stamped(stamp: Path) -> dict[str, str] | None:
    state: dict[str, str] | None = json.loads(stamp.read_text()) if stamp.is_file() else None
    return state


def table(into: Path) -> Iterator[str]:
    """What is there: files and bytes by folder."""
    yield f"{'folder':<10} {'files':>7} {'MB':>8}  of which"
    for name in ("archives", "git", "warc", "prose", "packages"):
        paths = [path for path in sorted((into / name).rglob("*")) if path.is_file()]
        size = sum(path.stat().st_size for path in paths) / 1e6
        shown = [path.name for path in sorted((into / name).iterdir())]
        text = ", ".join(shown[:6]) + (f" and {len(shown) - 6} more" if len(shown) > 6 else "")
        yield f"{name:<10} {len(paths):>7,} {size:>8.1f}  {text}"


def main(arguments: list[str] | None = None) -> int:
    """Fill the folder; exit status 1 where a package cannot be fetched."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.demo_input", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--into", default=demo_sources.FOLDER, help="folder to fill (default: %(default)s)")
    into = Path(parser.parse_args(arguments).into)
    into.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    complete = into / "complete"
    complete.unlink(missing_ok=True)
    wanted = missing(into)
    print(f"{len(PACKAGES) - len(wanted)} of {len(PACKAGES)} packages are here; fetching {len(wanted)}", flush=True)
    try:
        fetch(into, wanted)
    except FetchError as error:
        print(error, file=sys.stderr)
        return 1
    make(into)
    complete.write_text("".join(f"{package.sha256}  {package.file}\n" for package in PACKAGES))
    print("\n".join(table(into)))
    print(f"{into} is ready after {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    end(main)
