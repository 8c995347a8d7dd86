"""The demo's git repositories: successive releases of a project become the commits of a bare repository.

Comes in: source archives of several releases. Goes out: `owner/name.git`, with one commit per release, dated by the
newest member of its archive, the same object ids on any machine. The last release of each is from after the cut-off.
This file refuses to know what the files hold; nothing is checked out and no configuration of the user takes effect.
"""

import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipelines.demo_sources import PACKAGES

IDENTITY = "Release archive <archive@example.org>"


def repositories(files: Mapping[str, Path], folder: Path) -> None:
    """One bare repository for each project of which the demo has a history; `files` is by requirement."""
    shutil.rmtree(folder, ignore_errors=True)
    for repo in sorted({package.repo for package in PACKAGES if package.use == "history"}):
        releases = [files[p.requirement] for p in PACKAGES if p.use == "history" and p.repo == repo]
        history(releases, folder / f"{repo}.git")


def history(releases: list[Path], bare: Path) -> None:
    """A bare repository at `bare` whose main branch has one commit per release, in the order given."""
    bare.mkdir(parents=True)
    _git(bare, "init", "--quiet", "--bare", "--initial-branch=main", "--template=", ".")
    _git(bare, "fast-import", "--quiet", stdin=b"".join(_stream(releases)))
    _git(bare, "-c", "pack.threads=1", "repack", "--quiet", "-a", "-d")
    _git(bare, "pack-refs", "--all")


def _stream(releases: list[Path]) -> Iterator[bytes]:
    """The releases in git's fast-import format."""
    for release in releases:
        members = dict(_members(release))
        when = max(date for _, _, date in members.values())
        message = f"{release.name.removesuffix('.tar.gz')}\n".encode()
        yield b"commit refs/heads/main\n"
        yield f"author {IDENTITY} {when} +0000\ncommitter {IDENTITY} {when} +0000\n".encode()
        yield b"data %d\n%s\ndeleteall\n" % (len(message), message)
        for path in sorted(members):
            data, mode, _ = members[path]
            yield f"M {mode} inline {_quoted(path)}\ndata {len(data)}\n".encode() + data + b"\n"
        yield b"\n"


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _members(release: Path) -> Iterator[tuple[str, tuple[bytes, str, int]]]:
    """Path without the leading folder, bytes, mode and date of every regular file."""
    with tarfile.open(release) as archive:
        for member in archive:
            data = archive.extractfile(member) if member.isreg() else None
            if data is not None:
                mode = "100755" if member.mode & 0o100 else "100644"
                yield member.name.split("/", 1)[1], (data.read(), mode, int(member.mtime))


def _git(bare: Path, *arguments: str, stdin: bytes = b"") -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    done = subprocess.run(["git", *arguments], cwd=bare, env=environment, input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"git {arguments[0]} failed for {bare}: {done.stderr.decode(errors='replace')}")
