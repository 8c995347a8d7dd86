import json

import pytest

from corpus.shards import Shard, Store
from pipelines import progress
from pipelines.progress import RunProgress


def shard(name):
    return Shard(f"objects/{name}.arrow", name, 10, 1_000_000)


def told(tmp_path):
    return [json.loads(line) for line in (tmp_path / "logs/run.jsonl").read_text().splitlines()]


@pytest.fixture
def run(tmp_path):
    made = RunProgress(Store(str(tmp_path)), "logs/run.jsonl")
    made.manifest = "manifests/classify/x"
    return made


def test_a_step_ends_in_the_log_with_what_ran_and_what_was_reused(run, tmp_path, capsys):
    run.begin("classify", "languages", 5, 3)
    for name in "ab":
        run.advance(shard(name), {"seconds": 1.0, "peak_bytes": 2e8, "requests": 3.0})
    run.end()
    (event,) = told(tmp_path)
    assert (event["step"], event["tasks"], event["reused"]) == ("classify/languages", 5, 3)
    assert event["ran"] == ["objects/a.arrow", "objects/b.arrow"]
    assert (event["peak_bytes"], event["requests"]) == (200_000_000, 6)
    assert "classify/languages: 5 done (3 reused), 20 rows" in capsys.readouterr().err


def test_how_far_a_long_step_got_is_written_for_list(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(progress, "_LINE_EVERY", -1.0)  # every shard is due
    run.begin("classify", "languages", 4, 1)
    run.advance(shard("a"), {"peak_bytes": 0.0, "requests": 0.0})
    assert (tmp_path / "manifests/classify/x.partial").read_text() == "2/4"
    assert "classify/languages: 2/4" in capsys.readouterr().err


def test_the_log_keeps_the_events_of_the_whole_run(run, tmp_path):
    run.log({"stage": "crawl", "counts": {"seen": 3}})
    run.log({"stage": "classify", "failed": "why"})
    assert [event["stage"] for event in told(tmp_path)] == ["crawl", "classify"]
