from itertools import combinations, permutations, product
from statistics import stdev

import pytest

from validate.measures import _splits, measures, pool
from validate.verdict import Comparison, VerdictConfig, judge


def row(domain, language, size, bits, disordered, comments=0, inside=0.0):
    sizes = {"bytes": size, "comment_bytes": comments}
    costs = {"bits": bits, "bits_disordered": disordered, "comment_bits": inside}
    return {"domain": domain, "language": language, **sizes, **costs}


ROWS = [
    row("code", "Python", 100, 200.0, 240.0, 20, 80.0),
    row("code", None, 300, 300.0, 300.0),
    row("math", None, 10, 40.0, 39.0),
]


def test_bits_per_byte_are_over_bytes_and_overall_over_domains_by_weight():
    made = measures(ROWS, {"code": 3.0, "math": 1.0})
    assert made["overall"] == pytest.approx((3 * 1.25 + 4) / 4)
    assert (made["code"], made["code: Python"], made["math"]) == (1.25, 2.0, 4.0)


def test_line_order_is_what_the_true_order_costs_more_than_a_drawn_one():
    made = measures(ROWS, {"code": 1})
    assert (made["code line order"], made["math line order"]) == (-0.1, pytest.approx(0.1))


def test_comments_and_the_rest_are_parts_of_their_domain_and_absent_where_it_has_none():
    made = measures(ROWS, {"code": 1})
    assert (made["code comments"], made["code outside comments"]) == (4.0, pytest.approx(420 / 380))
    assert not {"math comments", "math outside comments"} & made.keys()
    assert "code outside comments" not in measures([row("code", None, 9, 9.0, 9.0, 9, 9.0)], {"code": 1})


def test_a_domain_with_a_weight_and_no_document_is_named_with_the_way_out():
    with pytest.raises(ValueError, match=r"no held-out document of natural .*split_seed"):
        measures(ROWS, {"code": 1, "natural": 1})


def test_a_pool_of_one_build_is_seldom_called_different_and_two_mixed_ones_often():
    same = [2.0, 2.01, 1.99, 2.004, 1.996, 2.008, 1.992, 2.002, 1.998, 2.006, 1.994, 2.0]
    quiet = pool("code", same, 3, VerdictConfig())
    assert 0 < quiet.rate < 0.12
    assert 0 <= quiet.low < quiet.rate < quiet.high < 0.3
    assert (quiet.runs, quiet.splits, quiet.comparisons) == (12, 9240, 9240 * 6)
    assert quiet.sd == pytest.approx(stdev(same))


@pytest.mark.parametrize("test", ["paired", "pooled", "welch"])
def test_a_pools_calls_are_those_of_the_verdict(test):
    cfg, scores = VerdictConfig(test=test), [2.0, 2.3, 2.01, 2.28, 2.02, 2.31, 2.6]
    found, calls, comparisons = pool("code", scores, 3, cfg), 0, 0
    for one, two in product(combinations(range(7), 3), permutations(range(7), 3)):
        if min(one) < min(two) and not {*one} & {*two} and (test == "paired" or list(two) == sorted(two)):
            a, b = (tuple(scores[i] for i in side) for side in (one, two))
            calls += judge([Comparison("same", "code", a, b)], cfg)[0].answer != "no difference shown"
            comparisons += 1
    assert (found.calls, found.comparisons) == (calls, comparisons)
    assert 0 < calls < comparisons


def test_of_a_large_pool_splits_are_drawn_the_same_every_time():
    scores = [float(i * i % 31) for i in range(30)]
    found = pool("code", scores, 3, VerdictConfig(test="pooled"))
    assert found.splits == 20_000
    assert found == pool("code", scores, 3, VerdictConfig(test="pooled"))
    assert all(len({*split.ravel()}) == 6 for split in _splits(30, 3)[:200])


def test_a_pool_of_two_groups_knows_nothing_of_its_scatter():
    found = pool("code", [1.0, 2.0, 3.0, 4.0, 5.0, 6.5], 3, VerdictConfig())
    assert (found.low, found.high) == (0, 1)


def test_scores_that_are_all_alike_are_never_called():
    assert pool("code", [2.0] * 7, 3, VerdictConfig()).rate == 0


def test_a_pool_too_small_for_two_groups_says_how_many_seeds():
    with pytest.raises(ValueError, match="give --seeds 6 or more"):
        pool("code", [1.0, 2.0], 3, VerdictConfig())
