"""The recipes of docs/crawl.md from the command line, against servers on loopback that fail, and with a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.shards import Store
from pipelines import discover
from tests.corpus.sources.archive_hours import commented, event, issue, opened, user, write
from tests.corpus.sources.repositories import DECEMBER, OCTOBER, SEPTEMBER, Bare
from tests.corpus.sources.servers import Server

RECIPES = Path(__file__).parent.parent / "docs" / "recipes_github.py"
LIMITED = {"Retry-After": "0"}
LONG = "It does not work when I press the key twice in a row. " * 5


@pytest.fixture
def server(tmp_path):
    """Three repositories, one a mirror and one too late; two hours of events; an organisation."""
    for name, text, date in (("o/a", b"a = 1\n", OCTOBER), ("o/b", b"b = 2\n", OCTOBER), ("o/late", b"c", DECEMBER)):
        bare = Bare(tmp_path / "git" / f"{name}.git")
        bare.commit(bare.files({b"main.py": text, b"bin": b"\0"}), date)
    mirror = Bare(tmp_path / "git" / "x" / "mirror.git")
    mirror.commit(mirror.files({b"main.py": b"a = 1\n", b"bin": b"\0"}), SEPTEMBER)
    keys = issue(1, user("ann"), "Keys", LONG)
    first = [opened("o/a", keys), event("CreateEvent", "o/a", {"ref_type": "repository"})]
    first += [event("WatchEvent", name, {"action": "started"}) for name in ("o/a", "o/a", "o/b", "x/mirror")]
    fork = {"full_name": "x/fork", "created_at": "2023-10-01T00:00:00Z"}
    second = [event("ForkEvent", "o/a", {"forkee": fork}), commented("o/a", keys, 5, user("ben"), "Press it once.")]
    second += [event("CreateEvent", "o/late", {"ref_type": "repository"}, "2023-12-01T00:00:00Z")]
    write(tmp_path / "hours", "2023-10-01-0", first)
    write(tmp_path / "hours", "2023-10-01-1", second)
    with Server(git=tmp_path / "git", files=str(tmp_path / "hours")) as running:
        yield running


def build(tmp_path, server):
    """The command, started."""
    env = {
        **os.environ,
        "FETCH_CACHE": str(tmp_path / "cache"),
        "FETCH_NETWORKS": "127.0.0.0/8",
        "OMP_NUM_THREADS": "1",
    }
    env |= {"GIT_SERVER": server.url, "GHARCHIVE": server.url, "CANDIDATES": str(tmp_path / "list.arrow")}
    words = (
        "--recipe",
        f"{RECIPES}:everything",
        "--stage",
        "crawl",
        "--root",
        str(tmp_path / "root"),
        "--workers",
        "1",
    )
    command = [sys.executable, "-m", "pipelines.build", *words]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, process_group=0)


def documents(tmp_path):
    store = Store(str(tmp_path / "root"))
    [manifest] = [path for path, _ in store.walk(["manifests"]) if "crawl" in path and path.endswith(".json")]
    found = json.loads(store.read_text(manifest))
    names = [shard["path"] for shard in found["outputs"]["documents"]]
    rows = [row for name in names for row in store.table(store.describe(name)).to_pylist()]
    return sorted((row["kind"], row["origin"], row["path"], row["text"], row["stars"]) for row in rows), found["counts"]


EXPECTED = [
    ("file", "o/a", "main.py", "a = 1\n", 2),
    ("file", "o/b", "main.py", "b = 2\n", 1),
    ("issue", "o/a", "o/a/issues/1", f"# Keys\n\n@ann:\n{LONG.strip()}\n\n@ben:\nPress it once.\n", None),
]


def test_a_crawl_with_faults_and_a_kill_ends_with_exactly_the_expected_documents(tmp_path, server, capsys):
    server.faults.extend(["reset", None, 500, "cut", (429, LIMITED)])
    words = ("--hours", "2023-10-01-0", "2023-10-01-1", "--archive", server.url, "--allow-network", "127.0.0.0/8")
    where = ("--out", str(tmp_path / "list.arrow"), "--root", str(tmp_path / "root"), "--workers", "1")
    assert discover.main([*words, *where]) == 0
    assert "3 of 5 repositories" in capsys.readouterr().out
    with pa.OSFile(str(tmp_path / "list.arrow")) as file:
        assert pa.ipc.open_file(file).read_all()["name"].to_pylist() == ["o/a", "o/b", "x/mirror"]

    faults = ["reset", None, "cut", None, 500, None, (403, LIMITED), None, (429, LIMITED), None]
    server.faults.extend(faults * 2)
    before = sum(server.seen.values())
    killed = build(tmp_path, server)
    deadline = time.monotonic() + 60
    while sum(server.seen.values()) < before + 9 and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert killed.poll() is None
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()

    server.faults.extend(faults)
    again = build(tmp_path, server)
    assert again.wait(timeout=300) == 0, again.communicate()[1]
    again.communicate()
    found, counts = documents(tmp_path)
    assert found == EXPECTED
    refused = {name: n for name, n in counts.items() if name.startswith("refused")}
    assert refused == {"refused.binary": 2, "refused.mirror": 2}
    assert counts["seen"] == counts["kept"] + sum(refused.values())
