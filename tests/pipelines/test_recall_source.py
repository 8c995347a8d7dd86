"""The stage: files written with care are the seed, and files like them are labelled; nothing is dropped."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from corpus.schema import DOCUMENTS, LANGUAGES, LICENSES, RECALL_SCORES
from filters.recall import RecallSourceConfig
from filters.recall_model import ClassifierConfig
from pipelines.recall_source import run
from tests.pipelines.aligned import write
from tests.pipelines.corpora import OneAfterTheOther, work

BASIC = pa.schema([("n_chars", pa.int64()), ("n_lines", pa.int64())])
CLASSIFIER = ClassifierConfig(dim=16, epochs=20, min_steps=0, learning_rate=0.5, buckets=1 << 10, held_out=0.2)
CFG = RecallSourceConfig(classifier=CLASSIFIER, cut_share=0.25, lines=(2, 100))
GOOD = (
    "# Return the solver of the matrix equation\ndef solve(matrix, vector):\n    return factor(matrix).apply(vector)\n"
)
POOR = "a1=b2;c3=d4;print(x9,y8,z7)\na2=b3;q=w;e=r\nprint(t,y,u,i,o,p)\nprint(1,2,3)\n"


def file(n, text, **more):
    return {"id": n.to_bytes(16, "big"), "kind": "file", "repo": "good/r", "path": f"{n}.py", "text": f"{text}# {n}\n",
            "language": "Python", "test": False, "license": "MIT", "n_chars": 1, "n_lines": 4, **more}  # fmt: skip


SEED = [file(n, GOOD) for n in range(12)]
ALIKE = [file(100 + n, GOOD, repo="plain/r") for n in range(12)]  # no tests there
OTHERS = [file(200 + n, POOR, repo="plain/r") for n in range(24)]
TESTS = [file(300, "# A test of the solver\nassert solve\n", test=True)]
OUTSIDE = [file(400, GOOD, kind="page", language=None), file(401, GOOD, vendored=True), file(402, GOOD, language=None)]
ROWS = [SEED + ALIKE + TESTS, OTHERS + OUTSIDE]
SCHEMAS = {"documents": DOCUMENTS, "languages": LANGUAGES, "basic": BASIC, "licenses": LICENSES}


def recalled(tmp_path, cfg=CFG, shards=ROWS):
    stage = work(tmp_path, OneAfterTheOther(), "recall_source")
    inputs = {name: write(stage, name, schema, shards) for name, schema in SCHEMAS.items()}
    result = run(stage, cfg, **inputs)
    return result, [stage.store.table(shard) for shard in result.outputs["source_scores"]], stage


def test_files_like_the_seed_are_labelled_and_others_are_not(tmp_path):
    result, (first, second), stage = recalled(tmp_path)
    assert first["label"].to_pylist()[:24].count("code") >= 16
    assert set(second["label"].to_pylist()) == {None}
    assert second["score"].to_pylist()[24:] == [0, 0, 0]
    assert first.schema.equals(RECALL_SCORES)
    (history,) = json.loads(stage.store.read_bytes(result.outputs["rounds"][0]))
    assert history["labels"]["code"]["seed_pages"] == 12 == result.counts["seeds.code"]
    assert result.counts["pages"] == 49


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"license": "GPL-3.0-only"}, {"licenses": None}),
        ({"repo": "untested/r"}, {"needs_tests": False}),
        ({"n_lines": 1}, {"lines": (1, 100)}),
        ({"text": POOR}, {"comment_share": (0.0, 0.6)}),
    ],
    ids=["licence", "tests", "lines", "comments"],
)
def test_each_condition_of_the_seed_counts(tmp_path, change, setting):
    rows = [[{**row, **change} for row in SEED] + TESTS, OTHERS]
    with pytest.raises(ValueError, match="none of 37 source files is fit for the seed"):
        recalled(tmp_path, shards=rows)
    result, _, _ = recalled(tmp_path, replace(CFG, **setting), shards=rows)
    assert result.counts["seeds.code"] >= 12


def test_an_empty_seed_can_be_allowed_and_selects_nothing(tmp_path):
    cfg = replace(CFG, unmatched_seeds=True, licenses=("no such licence",))
    _, tables, _ = recalled(tmp_path, cfg)
    assert [set(t["label"].to_pylist()) for t in tables] == [{None}, {None}]
    assert [t.num_rows for t in tables] == [25, 27]


def test_a_corpus_without_source_files_needs_no_seed(tmp_path):
    result, tables, _ = recalled(tmp_path, shards=[[{**row, "kind": "prose"} for row in OTHERS]])
    assert [set(t["score"].to_pylist()) for t in tables] == [{0.0}]
    assert result.counts["files"] == 0


def test_no_rounds_leave_the_stage_out(tmp_path):
    result, tables, _ = recalled(tmp_path, replace(CFG, rounds=0))
    assert [set(t["score"].to_pylist()) for t in tables] == [{0.0}, {0.0}]
    assert result.outputs["models"] == []


def test_a_second_round_adds_what_the_first_was_sure_of(tmp_path):
    result, _, stage = recalled(tmp_path, replace(CFG, rounds=2, join_probability=0.1))
    first, second = json.loads(stage.store.read_bytes(result.outputs["rounds"][0]))
    assert second["labels"]["code"]["seed_pages"] > first["labels"]["code"]["seed_pages"]
    assert len(result.outputs["models"]) == 2


def test_the_cut_is_a_share_of_the_tokens_that_take_part(tmp_path):
    result, _, stage = recalled(tmp_path, replace(CFG, cut_share=0.1))
    (history,) = json.loads(stage.store.read_bytes(result.outputs["rounds"][0]))
    row = history["labels"]["code"]
    assert row["asked_tokens"] == int(0.1 * result.counts["tokens"])
    assert abs(row["tokens"] - row["asked_tokens"]) < 50


def test_no_documents_give_no_scores(tmp_path):
    assert recalled(tmp_path, shards=[])[0].outputs["source_scores"] == []
