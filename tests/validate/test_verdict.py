from itertools import permutations
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.verdict import bootstrap_calls, false_calls
from validate.verdict import (
    Comparison,
    VerdictConfig,
    judge,
    permutation_p,
    seeds_needed,
)

BASE = (2.000, 2.004, 1.996)
WORSE = (2.050, 2.052, 2.047)
NEAR = (2.001, 2.006, 1.994)
scores = st.lists(st.floats(1, 3).map(lambda x: round(x, 3)), min_size=3, max_size=4)


def call(base, other, **keywords):
    return judge([Comparison("b", "code", base, other)], VerdictConfig(**keywords))[0]


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize(("test", "shared"), [("paired", 0.0), ("paired", 0.8), ("pooled", 0.0)])
def test_identical_builds_are_called_different_one_time_in_twenty(test, shared, seeds):
    assert 0.04 <= false_calls(test, seeds, 2000, shared=shared) <= 0.06


def test_a_test_that_does_not_pair_is_too_careful_where_the_runs_of_a_seed_have_much_in_common():
    assert false_calls("pooled", 3, 1000, shared=0.8) < 0.03


def test_welch_never_makes_more_false_calls_than_it_says():
    assert false_calls("welch", 3, 2000) <= 0.05


def test_a_bootstrap_over_documents_calls_identical_builds_different_far_too_often():
    assert bootstrap_calls(3, 500) > 0.15


def test_a_variant_that_costs_more_bits_is_worse_and_the_other_way_round_better():
    assert (call(BASE, WORSE).answer, call(WORSE, BASE).answer) == ("worse", "better")


def test_what_three_seeds_cannot_tell_is_no_difference_shown():
    assert call(BASE, NEAR).answer == "no difference shown"


@pytest.mark.parametrize("test", ["pooled", "paired", "welch"])
@settings(max_examples=30)
@given(base=scores, other=scores)
def test_p_values_are_scipys(test, base, other):
    n = min(len(base), len(other))
    base, other = (base[:n], other[:n]) if test == "paired" else (base, other)
    if len({*base}) < 2 or len({*other}) < 2 or len({round(b - a, 3) for a, b in zip(base, other, strict=False)}) < 2:
        return
    theirs = {
        "pooled": lambda: stats.ttest_ind(other, base).pvalue,
        "welch": lambda: stats.ttest_ind(other, base, equal_var=False).pvalue,
        "paired": lambda: stats.ttest_rel(other, base).pvalue,
    }[test]()
    assert call(tuple(base), tuple(other), test=test).p == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("other", [WORSE, NEAR], ids=["called", "not called"])
def test_an_interval_leaves_out_zero_exactly_where_a_call_is_made(other):
    made = call(BASE, other)
    assert (made.low <= 0 <= made.high) == (made.answer == "no difference shown")


def test_more_comparisons_ask_for_more():
    one = Comparison("b", "code", BASE, (2.010, 2.014, 2.005))
    assert judge([one], VerdictConfig(test="pooled"))[0].answer == "worse"
    assert {made.answer for made in judge([one] * 20, VerdictConfig(test="pooled"))} == {"no difference shown"}


def test_equal_scores_of_every_seed_are_no_difference():
    made = call((2.0, 2.0), (2.0, 2.0))
    assert (made.answer, made.p, made.effect) == ("no difference shown", 1.0, 0.0)


def test_permutations_are_counted_exactly():
    base, other = (1.0, 1.3, 1.1, 1.7), (1.4, 1.9, 1.6, 1.2)
    seen = abs(fmean(other) - fmean(base))
    orders = list(permutations([*base, *other]))
    plain = sum(abs(fmean(o[4:]) - fmean(o[:4])) >= seen - 1e-12 for o in orders) / len(orders)
    assert permutation_p(base, other, "pooled", 0.05) == pytest.approx(plain)


def test_three_seeds_are_too_few_for_a_permutation_at_one_in_twenty():
    assert permutation_p(BASE, WORSE, "pooled", 0.05) is None  # 2 of 20 splits is the least there is
    assert permutation_p(BASE, WORSE, "pooled", 0.1) == pytest.approx(0.1)


def test_seeds_needed_give_the_power_asked_for():
    n = seeds_needed(0.01, 0.012, "pooled", 0.05, 0.8)
    spread = 0.012 / 2**0.5
    draw = stats.norm(0, spread)
    a, b = (draw.rvs((4000, n), random_state=i) for i in (1, 2))
    assert (stats.ttest_ind(a, b + 0.01, axis=1).pvalue < 0.05).mean() == pytest.approx(0.85, abs=0.06)


def test_a_difference_of_nothing_is_never_decided():
    assert seeds_needed(0.0, 0.01, "pooled", 0.05, 0.8) is None
    assert seeds_needed(1e-9, 0.01, "pooled", 0.05, 0.8) is None


@pytest.mark.parametrize(
    ("base", "other", "test", "told"),
    [
        ((1.0,), (1.0, 2.0), "pooled", "1 and 2 seeds say nothing of chance"),
        ((1.0, 2.0), (1.0, 2.0, 3.0), "paired", "do not pair"),
        ((1.0, float("nan")), (1.0, 2.0), "pooled", "not finite"),
    ],
)
def test_scores_that_cannot_be_compared_are_refused_by_name(base, other, test, told):
    with pytest.raises(ValueError, match=f"b, code.*{told}"):
        call(base, other, test=test)


def test_settings_are_checked():
    with pytest.raises(ValueError, match="paired, pooled, welch"):
        VerdictConfig(test="bootstrap")
    with pytest.raises(ValueError, match="chances between 0 and 1"):
        VerdictConfig(alpha=0)
