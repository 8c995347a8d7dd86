"""Runs a program that a model wrote, apart from this machine. Impure by nature: it starts processes.

The program gets namespaces of its own (user, network, processes, mounts, messages), a root folder in memory with the
interpreter and system libraries read-only, no capabilities, no network, and limits on processor time, wall time,
memory, processes, open files, file sizes, disk and output. Run by root it becomes `nobody` first, so that file
permissions hold too. Where any of this cannot be had, nothing is run: `unavailable` says why.
"""

import os
import pwd
import secrets
import selectors
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

Status = Literal["passed", "failed", "time", "output"]

_SYSTEM: Final = ("/usr", "/lib", "/lib64", "/bin")
# $1 root, $2 bytes, $3 interpreter's folder, $4 interpreter, $5 launcher, the rest for the launcher.
_SETUP: Final = r"""
set -e
root=$1; size=$2; home=$3
mount --make-rprivate / 2>/dev/null || true
mount -t tmpfs -o "size=$size,nr_inodes=4096,mode=755" none "$root"
mkdir "$root/tmp" "$root/proc" "$root/dev"
for folder in /usr /lib /lib64 /bin "$home"; do
  if [ -L "$folder" ]; then ln -s "$(readlink "$folder")" "$root$folder"
  elif [ -d "$folder" ] && [ ! -e "$root$folder" ]; then
    mkdir -p "$root$folder"; mount --bind "$folder" "$root$folder"
    mount -o remount,bind,ro,nosuid,nodev "$root$folder" 2>/dev/null || mount -o remount,bind,ro "$root$folder"
  fi
done
for device in null urandom; do : > "$root/dev/$device"; mount --bind "/dev/$device" "$root/dev/$device"; done
mount -t proc proc "$root/proc"
shift 3
exec chroot "$root" "$@"
"""
# Drops every capability, for good, sets the limits, and becomes the program, which arrives on standard input.
_LAUNCHER: Final = r"""
import ctypes, os, resource, sys
cpu, memory, processes, files, size = map(int, sys.argv[1:6])
libc = ctypes.CDLL(None, use_errno=True)
for capability in range(64):
    libc.prctl(24, capability, 0, 0, 0)
libc.prctl(38, 1, 0, 0, 0)
header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
if libc.capset(header, data):
    sys.exit("capabilities could not be dropped")
os.chdir("/tmp")
with open("/tmp/program.py", "wb") as file:
    file.write(sys.stdin.buffer.read())
null = os.open("/dev/null", os.O_RDONLY)
os.dup2(null, 0)
limits = {"CPU": cpu, "AS": memory, "NPROC": processes, "NOFILE": files, "FSIZE": size, "CORE": 0}
for name, value in limits.items():
    resource.setrlimit(getattr(resource, "RLIMIT_" + name), (value, value))
os.execve(sys.executable, [sys.executable, "-I", "/tmp/program.py"], {"PATH": "/usr/bin:/bin", "HOME": "/tmp"})
"""


class SandboxError(RuntimeError):
    """Programs cannot be run apart here; the message says what is missing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one program may use."""

    seconds: float = 10.0  # wall time; processor time is rounded up from it
    memory: int = 1 << 30
    processes: int = 32
    files: int = 64  # open at once
    disk: int = 64 << 20
    output: int = 1 << 20

    def __post_init__(self) -> None:
        if min(self.seconds, self.memory, self.processes, self.files, self.disk, self.output) <= 0:
            raise ValueError(f"every limit must be positive: {self}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended: `time` and `output` are limits that the program ran into; other limits make it fail by itself."""

    status: Status
    output: str  # standard output and error together, as far as the limit
    seconds: float


@cache
def unavailable() -> str | None:
    """Why programs cannot be run here, or None: the sandbox is tried once with a program that must pass."""
    if not sys.platform.startswith("linux"):
        return f"it needs Linux's namespaces, this is {sys.platform}"
    missing = [name for name in ("unshare", "mount", "chroot") if _tool(name) is None]
    if missing:
        return f"{', '.join(missing)} of util-linux and coreutils is missing"
    if _interpreter() is None:
        return "no Python that the user `nobody` may read: install one below /usr, or run as another user than root"
    tried = _run("print('in')", Limits())
    if tried.status != "passed" or tried.output.strip() != "in":
        return f"user namespaces are not allowed here: {tried.output.strip()[-300:] or tried.status}"
    return None


def run(program: str, limits: Limits) -> Outcome:
    """Run a Python program. Raises SandboxError where it could not be kept apart."""
    reason = unavailable()
    if reason is not None:
        raise SandboxError(f"nothing a model wrote is run without isolation: {reason}")
    return _run(program, limits)


def passes(program: str, limits: Limits) -> bool:
    """Whether the program runs to its last line: one that leaves early, with status 0 too, has not passed."""
    mark = secrets.token_hex(16)
    outcome = run(f"{program}\nprint({mark!r})\n", limits)
    return outcome.status == "passed" and outcome.output.rstrip().endswith(mark)


def _run(program: str, limits: Limits) -> Outcome:
    found = _interpreter()
    assert found is not None
    interpreter, home = found
    # A folder to mount on: nothing is ever written into it here, so one for all programs is enough.
    root = f"/tmp/sandbox-root-{_uid()}"
    _make_root(root)
    numbers = [int(limits.seconds) + 1, limits.memory, limits.processes, limits.files, limits.disk]
    inside = [interpreter, "-I", "-c", _LAUNCHER, *map(str, numbers)]
    apart = ["--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount", "--ipc", "--uts"]
    command = [str(_tool("unshare")), *apart, "sh", "-c", _SETUP, "sh", root, str(limits.disk), home, *inside]
    as_nobody: dict[str, Any] = {"user": _uid(), "group": _uid(), "extra_groups": []} if os.getuid() == 0 else {}
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        start_new_session=True,
        **as_nobody,
    )
    return _watch(process, program.encode("utf-8", "replace"), limits)


def _watch(process: "subprocess.Popen[bytes]", program: bytes, limits: Limits) -> Outcome:
    """Feed the program, read what it prints, and end it at the first limit. Killing `unshare` kills all below it."""
    assert process.stdin is not None and process.stdout is not None
    started = time.monotonic()
    status: Status | None = None
    output = b""
    try:
        process.stdin.write(program)
        process.stdin.close()
    except BrokenPipeError:
        pass  # the set-up failed; its message is on standard error
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while status is None:
            left = limits.seconds - (time.monotonic() - started)
            if left <= 0:
                status = "time"
            elif selector.select(left):
                chunk = os.read(process.stdout.fileno(), 1 << 16)
                output += chunk
                if not chunk:
                    break
                if len(output) > limits.output:
                    status = "output"
    if status is not None:
        process.kill()
    try:
        code = process.wait(timeout=max(0.1, limits.seconds - (time.monotonic() - started)))
    except subprocess.TimeoutExpired:  # it closed its output and goes on
        process.kill()
        code, status = process.wait(), "time"
    process.stdout.close()
    told = output[: limits.output].decode("utf-8", "replace")
    return Outcome(status or ("passed" if code == 0 else "failed"), told, time.monotonic() - started)


def _uid() -> int:
    """Whom programs run as: `nobody` where we are root."""
    return pwd.getpwnam("nobody").pw_uid if os.getuid() == 0 else os.getuid()


def _make_root(root: str) -> None:
    """The folder, ours or nobody's and no link: /tmp belongs to everybody."""
    if not os.path.lexists(root):
        os.makedirs(root, mode=0o755)
    if os.path.islink(root) or not os.path.isdir(root) or os.stat(root).st_uid not in (os.getuid(), _uid()):
        raise SandboxError(f"{root} is not a folder of ours: remove it")
    if os.getuid() == 0:
        os.chown(root, _uid(), _uid())


def _tool(name: str) -> str | None:
    return shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")


@cache
def _interpreter() -> tuple[str, str] | None:
    """(Python, the folder it needs): this one where the sandbox's user can reach it, else the system's."""
    own = Path(sys.executable).resolve()
    if os.getuid() != 0 or all(folder.stat().st_mode & 0o005 == 0o005 for folder in (*own.parents, own)):
        return str(own), str(Path(sys.base_prefix).resolve())
    system = Path("/usr/bin/python3")
    return (str(system), "/usr") if system.exists() else None
