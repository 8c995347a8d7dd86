"""A recipe of docs/web.md from the command line, against a Common Crawl on loopback that fails, and with two kills."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corpus.shards import Store
from tests.corpus.sources.crawl_server import crawl_files
from tests.corpus.sources.servers import Server
from tests.corpus.sources.warcs import record

RECIPES = Path(__file__).parent.parent / "docs" / "recipes_web.py"
LIMITED = {"Retry-After": "0"}
FAULTS = ["reset", None, 500, None, "cut", None, (403, LIMITED), None, (429, LIMITED), None]
WANTED = [f"https://docs.python.org/{n:02}" for n in range(20)]


def text(url):
    return f"The page at {url} says what a list is, and how it is sorted."


@pytest.fixture
def server(tmp_path):
    """Twenty pages of the wanted domain among others; one a redirect, one in another language."""
    page = [(url, record(url, f"<p>{text(url)}".encode()), {}) for url in [*WANTED, "https://a.org/x", "https://z.de/"]]
    moved, french = "https://docs.python.org/moved", "https://docs.python.org/fr"
    page += [(moved, record(moved, b"", status="301 Moved"), {"fetch_status": 301})]
    page += [(french, record(french, b"<p>Une liste"), {"content_languages": "fra"})]
    for path, data in crawl_files(page).items():
        (tmp_path / "files" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / path).write_bytes(data)
    with Server(files=str(tmp_path / "files")) as running:
        yield running


def build(tmp_path, server):
    """The command, started."""
    env = {**os.environ, "FETCH_CACHE": str(tmp_path / "cache"), "FETCH_NETWORKS": "127.0.0.0/8"}
    env |= {"COMMON_CRAWL": server.url, "OMP_NUM_THREADS": "1"}
    where = ("--root", str(tmp_path / "root"), "--workers", "1")
    command = [sys.executable, "-m", "pipelines.build", "--recipe", f"{RECIPES}:by_cdx", "--stage", "crawl", *where]
    return subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, process_group=0)


def stopped(server, request, process):
    """Waits until the process has asked so often that the server has stopped answering."""
    deadline = time.monotonic() + 60
    while len(server.requests) < request and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.poll() is None and len(server.requests) == request


def workers(process):
    found = subprocess.run(["pgrep", "-g", str(process.pid), "-f", "spawn_main"], capture_output=True, text=True)
    return [int(line) for line in found.stdout.split()]


def pages(tmp_path):
    store = Store(str(tmp_path / "root"))
    [manifest] = [path for path, _ in store.walk(["manifests"]) if "crawl" in path and path.endswith(".json")]
    found = json.loads(store.read_text(manifest))
    names = [shard["path"] for shard in found["outputs"]["pool"]]
    rows = [row for name in names for row in store.table(store.describe(name)).to_pylist()]
    return [(row["url"], row["text"]) for row in rows], found["counts"]


def test_a_crawl_with_faults_and_two_kills_ends_with_exactly_the_expected_pages(tmp_path, server):
    server.faults.extend(FAULTS)
    server.stops = {15, 25}  # amid the pages
    first = build(tmp_path, server)
    stopped(server, 15, first)
    os.kill(workers(first)[-1], signal.SIGKILL)
    server.go.set()
    stopped(server, 25, first)  # another worker goes on
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    server.go.set()

    server.faults.extend(FAULTS)
    again = build(tmp_path, server)
    _, said = again.communicate(timeout=300)
    assert again.returncode == 0, said
    found, counts = pages(tmp_path)
    assert sorted(found) == [(url, text(url)) for url in WANTED]
    refused = {name: n for name, n in counts.items() if name.startswith("refused")}
    assert refused == {"refused.redirect": 1}
    assert counts["seen"] == counts["kept"] + sum(refused.values())
