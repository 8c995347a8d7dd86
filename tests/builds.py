"""Whole builds for the tests: run the command as a user does, and compare what it made."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from corpus.shards import Store
from pipelines.build import plan
from pipelines.manifest import survey
from pipelines.recipes import load

ROOT = Path(__file__).parent.parent
INPUT = ROOT / "demo-input"


def start(root, *arguments, recipe="small", cwd=ROOT, environment=None):
    """The build as a process of its own, in a process group of its own (so that a test may kill all of it)."""
    command = [sys.executable, "-m", "pipelines.build", "--recipe", recipe, "--root", str(root), *arguments]
    env = {**os.environ, "DEMO_INPUT": str(INPUT), **(environment or {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=cwd, env=env, text=True, start_new_session=True, **pipes)


def build(root, *arguments, **keywords):
    """Run to the end; a failure shows what was printed."""
    process = start(root, *arguments, **keywords)
    printed, _ = process.communicate(timeout=900)
    assert process.returncode == 0, printed
    return printed


def contents(root, recipe="small", upto=None):
    """{stage/output: content hashes} of a finished build; equal contents are equal bytes."""
    found = survey(Store(str(root)), plan(load(recipe, None).recipe), accept_code=False)
    made = {}
    for name, here in found.items():
        assert here.result is not None, f"{name} is {here.state}"
        for output, shards in here.result.outputs.items():
            made[f"{name}/{output}"] = [shard.content for shard in shards]
        if name == upto:
            break
    return made


def counts(root, recipe="small"):
    found = survey(Store(str(root)), plan(load(recipe, None).recipe), accept_code=False)
    return {name: here.result.counts for name, here in found.items() if here.result}


def forget(root, stages):
    """As if these stages had never run."""
    for stage in stages:
        for kind in ("objects", "manifests"):
            shutil.rmtree(Path(root, kind, stage), ignore_errors=True)


def events(root):
    """Log lines of the newest run."""
    newest = max(Path(root, "logs").iterdir(), key=lambda path: path.stat().st_mtime)
    return [json.loads(line) for line in newest.read_text().splitlines()]


def wait_for(root, pattern, process, seconds=300):
    """Until a file matches below the root; the process must still be running."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if any(Path(root).glob(pattern)):
            return
        assert process.poll() is None, f"ended before {pattern} was there:\n{process.stdout.read()}"
        time.sleep(0.02)
    raise AssertionError(f"no {pattern} below {root} within {seconds} s")


def kill(process):
    """SIGKILL to the client and all its workers."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
