import os
import time

import pytest

from validate import sandbox
from validate.sandbox import Limits, SandboxError, passes, run

LIMITS = Limits(seconds=2, memory=300 << 20, processes=16, disk=4 << 20, output=10_000)
apart = pytest.mark.skipif(sandbox.unavailable() is not None, reason=f"no sandbox here: {sandbox.unavailable()}")

FORK_BOMB = """
import os, time
children = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(60)
        children += 1
except OSError:
    print(children, flush=True)
    os._exit(1)
"""
ESCAPE = """
import ctypes, os, socket
from pathlib import Path
for place in ("/usr/x", "/bin/x", "/lib/x", "/dev/x/y", "/proc/sys/kernel/hostname"):
    try:
        open(place, "w").write("x")
    except OSError:
        continue
    print("wrote", place)
try:
    socket.create_connection(("127.0.0.1", {port}), 1)
    print("connected")
except OSError:
    pass
for pid in range(2, 5000):
    if pid != os.getpid():
        try:
            os.kill(pid, 0)
            print("sees process", pid)
        except OSError:
            pass
libc = ctypes.CDLL(None)
for name, arguments in (("chroot", (b"/",)), ("unshare", (0x10000000,)), ("sethostname", (b"x", 1))):
    if getattr(libc, name)(*arguments) == 0:
        print("may", name)
if Path({here!r}).exists():
    print("sees the project")
print(sorted(os.environ))
"""


@apart
def test_a_program_runs_and_its_output_is_kept():
    outcome = run("print('a'); import sys; print('b', file=sys.stderr)", LIMITS)
    assert (outcome.status, outcome.output.split()) == ("passed", ["b", "a"])


@apart
def test_a_program_that_raises_has_failed_with_its_traceback():
    outcome = run("1 / 0", LIMITS)
    assert outcome.status == "failed"
    assert "ZeroDivisionError" in outcome.output


@apart
def test_an_endless_loop_ends_at_its_time():
    started = time.monotonic()
    assert run("while True: pass", Limits(seconds=1)).status == "time"
    assert time.monotonic() - started < 10


@apart
def test_a_fork_bomb_gets_no_more_processes_than_it_may_and_all_of_them_end():
    outcome = run(FORK_BOMB, LIMITS)
    assert outcome.status == "failed"
    assert 1 <= int(outcome.output.split()[0]) < LIMITS.processes


@apart
def test_a_disk_filler_fills_its_own_disk():
    many = "for i in range(1000): open(f'/tmp/{i}', 'wb').write(b'x' * 100_000)"
    assert "No space left" in run(many, LIMITS).output
    one = "file = open('/tmp/x', 'wb')\nwhile True: file.write(b'x' * 100_000); file.flush()"
    assert run(one, LIMITS).status == "failed"


@apart
def test_memory_is_limited():
    assert "MemoryError" in run("bytearray(1 << 30)", LIMITS).output


@apart
def test_endless_output_is_cut():
    outcome = run("while True: print('x' * 100)", LIMITS)
    assert outcome.status == "output"
    assert len(outcome.output) == LIMITS.output


@apart
def test_nothing_outside_can_be_written_reached_or_seen():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        program = ESCAPE.format(port=server.getsockname()[1], here=os.getcwd())
        outcome = run(program, LIMITS)
    assert outcome.output.split("\n")[:-1] == ["['HOME', 'LC_CTYPE', 'PATH']"]


@apart
def test_leaving_early_with_status_zero_is_not_passing():
    assert passes("x = 1", LIMITS)
    assert not passes("import sys; sys.exit(0)", LIMITS)
    assert not passes("import os; os._exit(0)", LIMITS)


def test_nothing_runs_where_it_cannot_be_kept_apart(monkeypatch):
    monkeypatch.setattr(sandbox, "unavailable", lambda: "user namespaces are not allowed here")
    with pytest.raises(SandboxError, match="without isolation: user namespaces"):
        run("print(1)", LIMITS)


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(ValueError, match="positive"):
        Limits(seconds=0)
