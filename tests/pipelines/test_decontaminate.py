"""The stage: benchmarks in, hits beside their documents, and a record of what was checked."""

import gzip
import json
from dataclasses import replace

import pyarrow as pa
import pytest

from corpus.schema import DOCUMENTS
from corpus.shards import Record, Store
from filters.benchmarks import HUMAN_EVAL, Benchmark
from filters.contamination import ContaminationConfig
from pipelines.decontaminate import freeze, run
from pipelines.progress import RunProgress
from pipelines.stage import Work

LEAK = "How many apples does Tom have after he gives three of seven apples away"


@pytest.fixture
def work(tmp_path, cluster):
    store = Store(str(tmp_path / "build"))
    progress = RunProgress(store, "logs/run.jsonl")
    progress.manifest = "manifests/test/x"
    return Work(store, cluster, "decontaminate", progress)


@pytest.fixture
def cfg(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "a.jsonl").write_text(json.dumps({"n": 1, "q": LEAK, "a": ["four", "4"]}) + "\n\n")
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(json.dumps({"n": 2, "q": "Why?", "a": []}).encode()))
    own = Benchmark(name="Own", path=str(folder), fields=("q", "a"), item="n")
    return ContaminationConfig(benchmarks=(HUMAN_EVAL, own))


def documents_in(store, *texts):
    rows = [[{"id": bytes(16), "kind": "file", "text": text}] for text in texts]
    batches = [pa.RecordBatch.from_pylist(row, DOCUMENTS) for row in rows]
    return [store.write_shard("objects/crawl/0", DOCUMENTS, batches, Record("one", {}))]


def test_hits_name_their_set_and_the_record_says_what_was_checked(work, cfg):
    documents = documents_in(work.store, f"# {LEAK}.\n", "def f(): pass", "")
    result = run(work, cfg, documents)
    hits = work.store.table(result.outputs["contamination"][0])["hits"].to_pylist()
    assert [[(hit["benchmark"], hit["item"], hit["start"], hit["end"]) for hit in row] for row in hits] == [
        [("Own", "1", 2, 2 + len(LEAK))], [], [],
    ]  # fmt: skip
    record = json.loads(work.store.read_bytes(result.outputs["checked"][0]))
    assert {name: (s["strings"], s["used"], len(s["hash"])) for name, s in record["checked"].items()} == {
        "HumanEval": (328, 328, 32), "Own": (4, 1, 32),
    }  # fmt: skip
    assert record["unchecked"] == sorted(cfg.unchecked)
    assert result.counts["documents_hit.Own"] == 1
    assert result.counts["checked.HumanEval"] == 164
    assert result.counts["unchecked.MBPP"] == 1
    assert [(one.batch, one.counts) for one in result.outputs["sets"]] == [
        ("HumanEval", {"records": 164, "strings": 328}), ("Own", {"records": 2, "strings": 4}),
    ]  # fmt: skip
    assert {one.path for one in result.outputs["sets"]} <= set(work.files)


def test_contents_decide_what_is_scanned_again(work, cfg, tmp_path):
    documents = documents_in(work.store, "x")
    first = run(work, cfg, documents).outputs
    (tmp_path / "own" / "a.jsonl").write_text(json.dumps({"n": 1, "q": "another question of five", "a": []}))
    second = run(work, cfg, documents).outputs
    assert second["index"][0].content != first["index"][0].content
    assert second["contamination"][0].path != first["contamination"][0].path


def test_a_set_whose_content_is_not_the_one_named_stops_the_stage(work, cfg):
    own = cfg.benchmarks[1]
    _, content = freeze(work.store, own)
    assert freeze(work.store, replace(own, content=content))[1] == content
    with pytest.raises(ValueError, match=f"benchmark Own at .* has the content {content}, but the recipe names 00"):
        freeze(work.store, replace(own, content="00"))


def test_where_a_set_lies_changes_nothing(work, cfg, tmp_path):
    documents = documents_in(work.store, "x")
    first = run(work, cfg, documents).outputs
    (tmp_path / "own").rename(tmp_path / "moved")
    moved = replace(cfg.benchmarks[1], path=str(tmp_path / "moved"))
    assert run(work, replace(cfg, benchmarks=(HUMAN_EVAL, moved)), documents).outputs == first
