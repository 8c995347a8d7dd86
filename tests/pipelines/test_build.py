import json
from dataclasses import replace

import pytest

from corpus.shards import Store
from filters.repeats import RepeatsConfig
from pipelines.build import _runs_again, main, plan, run_stage
from pipelines.manifest import OLDER_CODE, look_up
from pipelines.progress import RunProgress
from pipelines.recipes import RECIPES, small
from pipelines.stage import Result, Stage, Work


@pytest.mark.parametrize("name", RECIPES)
def test_every_arrow_comes_from_a_stage_that_stands_before(name):
    seen = set()
    for stage in plan(RECIPES[name]()):
        for refs in stage.inputs.values():
            assert {ref.stage for ref in refs} <= seen, stage.name
        seen.add(stage.name)


def test_repeats_stands_in_the_plan_where_the_recipe_asks_for_it_and_its_edits_are_read():
    without = {stage.name: stage for stage in plan(small())}
    stages = {stage.name: stage for stage in plan(replace(small(), repeats=RepeatsConfig()))}
    assert "repeats" not in without
    assert {ref.stage for ref in without["encode"].inputs["edits"]} == {"filter"}
    assert {ref.stage for ref in stages["encode"].inputs["edits"]} == {"repeats"}


def test_a_stage_far_from_what_is_done_names_all_that_is_missing_in_order(capsys, tmp_path):
    assert main(["--recipe", "small", "--stage", "minhash", "--root", str(tmp_path)]) == 2
    assert "minhash needs crawl: run --stage crawl first (then pool_minhash" in capsys.readouterr().err


def run(root, stage):
    """One stage without inputs, which calls no worker."""
    store = Store(str(root))
    progress = RunProgress(store, "logs/run.jsonl")
    return run_stage(Work(store, None, stage.name, progress), progress, look_up(store, stage, {}, False), {})


def reads(work, cfg, shards):
    return Result({"out": shards}, {})


def test_what_older_code_made_and_was_accepted_is_in_the_manifest_of_what_read_it(tmp_path):
    first = Stage(name="crawl", run=lambda work, cfg: Result({"out": []}, {}), config=None)
    made = run(tmp_path, first)
    older = replace(made, note=OLDER_CODE)
    store = Store(str(tmp_path))
    progress = RunProgress(store, "logs/run.jsonl")
    for before, accepted in ((made, []), (older, ["crawl"])):
        stage = Stage(name="classify", run=reads, config=accepted and "again", inputs={"shards": first["out"]})
        here = look_up(store, stage, {"crawl": before}, False)
        run_stage(Work(store, None, "classify", progress), progress, here, {"crawl": before})
        assert json.loads(store.read_text(here.path))["accepted"] == accepted


def full_disk(work, cfg):
    raise OSError(28, "No space left on device")


def fills_the_disk(work, cfg):
    for name in ("logs", "manifests"):  # nothing can be written below a file
        work.store.write_text(name, "")
    return Result({}, {})


def test_a_failure_is_told_with_the_way_on_and_listed(capsys, tmp_path):
    stage = Stage(name="crawl", run=full_disk, config=None)
    assert run(tmp_path, stage) is None
    told = capsys.readouterr().err
    assert "error: crawl failed: OSError: [Errno 28] No space left on device" in told
    assert "logs/run.jsonl; the same command goes on from here" in told
    assert look_up(Store(str(tmp_path)), stage, {}, False).state == "failed"


def test_a_disk_that_takes_neither_manifest_nor_log_is_no_traceback(capsys, tmp_path):
    assert run(tmp_path, Stage(name="crawl", run=fills_the_disk, config=None)) is None
    told = capsys.readouterr().err
    assert "error: crawl failed: " in told
    assert f"Nothing can be noted below {tmp_path}" in told


@pytest.mark.parametrize(
    ("counts", "keep_going", "again"),
    [
        ({}, False, False),
        ({"unanswered": 1}, False, True),
        ({"unanswered": 1}, True, True),
        ({"quarantined": 1}, False, True),
        ({"quarantined": 1}, True, False),
    ],
)
def test_a_stage_that_is_done_runs_again_where_it_may_get_further(counts, keep_going, again):
    assert _runs_again(Result({}, counts), keep_going) == again
