from dataclasses import replace
from importlib.util import find_spec

import pytest

from benchmarks import probe
from benchmarks._probe_run import Case, measured, ours
from validate.probes.kernels import ATTENTIONS, EXPERTS

pytest.importorskip("torch")
SMALL = replace(probe.TINY, words=512, batch=1, length=16, steps=6)


def test_a_run_that_fails_says_what_it_said():
    with pytest.raises(RuntimeError, match=r"(?s)ours of none by float32: .*KeyError: 'none'"):
        probe.run("ours", replace(SMALL, size="none"))


def test_every_plan_of_one_card_is_measured_by_the_loop_that_ablations_use():
    made = measured(ours, replace(SMALL, plan="fused8", recompute=True, attention="eager"))
    assert made["tokens_per_second"] > 0


def test_the_lite_is_the_full_shape_and_fits_one_card():
    from validate.probes.memory import check_plan
    from validate.probes.shapes import SHAPES

    assert isinstance(probe.LITE, Case) and probe.LITE.size == "lite"
    check_plan(SHAPES["lite"], probe.LITE.words, probe._config(probe.LITE), 80e9)


def test_candidates_choice_and_both_loops_stand_in_the_table():
    rows = list(probe.compared(SMALL))
    told = " ".join(row["what"] for row in rows)
    assert all(name in told for name in (*EXPERTS, *ATTENTIONS, "chosen", "whole loop", "share of the peak", "memory"))
    shown = [row for row in rows if "whole loop" in row["what"] or "memory" in row["what"]]
    assert all(row["ours"] > 0 for row in shown)
    assert all((row["theirs"] is not None) == (find_spec("accelerate") is not None) for row in shown)
