from dataclasses import replace

import pytest

from filters.repeats import RepeatsConfig
from pipelines.build import _runs_again, main, plan
from pipelines.recipes import RECIPES, small
from pipelines.stage import Result


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
