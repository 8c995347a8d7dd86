"""The small recipe's counts, to the document and the token; rewritten only by `make golden`, with a reason."""

import json
import os
from pathlib import Path

import pytest

from corpus.shards import Store
from pipelines.build import plan
from pipelines.manifest import survey
from pipelines.recipes import load
from tests.builds import contents, counts

GOLDEN = Path(__file__).parent / "golden" / "small.json"
EXACT = ("crawl/documents", "minhash/bands", "dedup/survivors", "encode/tokens", "pack/rows")


def made(root):
    found = survey(Store(str(root)), plan(load("small", None).recipe), accept_code=False)
    (shard,) = found["probe"].result.outputs["results"]
    results = json.loads(Store(str(root)).read_bytes(shard))
    held_out = {domain: round(score["bits_per_byte"], 4) for domain, score in results["after"].items()}
    loss = [round(entry["loss"], 4) for entry in results["log"]]
    exact = {name: content for name, content in contents(root).items() if name in EXACT}
    return {"counts": counts(root), "contents": exact, "loss": loss, "bits_per_byte": held_out}


def test_the_small_build_is_the_golden_one(base):
    now = made(base)
    if os.environ.get("GOLDEN") == "write":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
    golden = json.loads(GOLDEN.read_text())
    assert now["counts"] == golden["counts"]
    assert now["contents"] == golden["contents"]
    # Floating point differs between processors.
    assert now["loss"] == pytest.approx(golden["loss"], rel=0.01)
    assert now["bits_per_byte"] == pytest.approx(golden["bits_per_byte"], rel=0.01)


def test_the_probe_learns(base):
    log = made(base)["loss"]
    assert log[-1] < log[0]
