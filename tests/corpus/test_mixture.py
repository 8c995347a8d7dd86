import json
from collections import Counter
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.mixture import (
    Infeasible,
    Line,
    MixConfig,
    Share,
    budgets,
    describe,
    from_description,
    narrow,
    plan,
    refuse_miss,
    repeats,
)
from corpus.schema import SAMPLES


def samples(rows):
    """(domain, subdomain, tokens) as a samples batch, and the function that counts its tokens."""
    made = [
        {"sample": i.to_bytes(16, "big"), "domain": d, "subdomain": s, "language": None, "documents": []}
        for i, (d, s, _) in enumerate(rows)
    ]
    return pa.RecordBatch.from_pylist(made, SAMPLES), lambda batch: np.array([n for _, _, n in rows], np.int64)


def mixed(cfg, rows, seed=0):
    batch, counts = narrow(*samples(rows), seed)
    lines = plan(budgets(cfg, counts), lambda: [batch], cfg.tolerance)
    made, counted = repeats(lines, batch)
    return lines, made["repeats"].to_pylist(), counted


TWO = (Share(domain="code", share=0.7, max_repeats=3), Share(domain="math", share=0.3, max_repeats=2))


def test_a_plan_repeats_whole_rounds_and_draws_the_rest():
    rows = [("code", "source", 10)] * 100 + [("math", "web", 10)] * 100
    lines, times, counted = mixed(MixConfig(shares=TWO, total_tokens=2000), rows)
    assert [(li.domain, li.budget, li.repeats, li.got) for li in lines] == [
        ("code", 1400, 1, 1400),
        ("math", 600, 0, 600),
    ]
    assert Counter(times[:100]) == {1: 60, 2: 40}
    assert Counter(times[100:]) == {0: 40, 1: 60}
    assert (counted["got.code"], counted["got.math"], counted["in_mix"], counted["left_out"]) == (1400, 600, 160, 40)


@given(
    code=st.lists(st.integers(0, 90), min_size=1, max_size=30),
    math=st.lists(st.integers(0, 90), min_size=1, max_size=30),
    total=st.integers(1, 5000),
)
def test_a_domain_misses_its_budget_by_less_than_one_sample(code, math, total):
    rows = [("code", "source", n) for n in code] + [("math", "web", n) for n in math]
    try:
        lines, times, counted = mixed(MixConfig(shares=TWO, total_tokens=total), rows)
    except Infeasible:
        assert (
            sum(code) * 3 < Fraction("0.7") * total
            or sum(math) * 2 < Fraction("0.3") * total
            or not sum(code)
            or not sum(math)
            or total < 3  # a share comes to no token
        )
        return
    assert sum(line.budget for line in lines) == total
    for line, sizes in zip(lines, (code, math), strict=True):
        assert abs(line.got - line.budget) <= max(sizes) / 2
        plain = sum(t * n for t, (domain, _, n) in zip(times, rows, strict=True) if domain == line.domain)
        assert line.got == plain == counted[f"got.{line.domain}"]
    assert max(times) <= 3


def test_without_a_total_the_scarcest_domain_decides():
    rows = [("code", "source", 1)] * 1000 + [("math", "web", 1)] * 30
    lines, _, _ = mixed(MixConfig(shares=TWO), rows)
    assert [line.got for line in lines] == [140, 60]  # math: 30 tokens x 2 repeats = 30 % of 200


def test_a_larger_mixture_holds_the_smaller_one():
    rows = [("code", "source", 7)] * 200 + [("math", "web", 7)] * 200
    small = mixed(MixConfig(shares=TWO, total_tokens=700), rows)[1]
    large = mixed(MixConfig(shares=TWO, total_tokens=1000), rows)[1]
    assert sum(small) < sum(large)
    assert all(a <= b for a, b in zip(small, large, strict=True))


def test_another_seed_leaves_out_other_samples():
    rows = [("code", "source", 7)] * 200 + [("math", "web", 7)] * 200
    cfg = MixConfig(shares=TWO, total_tokens=1000)
    assert mixed(cfg, rows)[1] != mixed(cfg, rows, seed=1)[1]


def test_subdomain_shares_split_a_domain_and_leave_out_what_they_do_not_name():
    code = Share(domain="code", share=0.7, subdomains=(("source", 0.5), ("web", 0.5)))
    math = Share(domain="math", share=0.3)
    rows = (
        [("code", "source", 5)] * 90 + [("code", "web", 5)] * 90 + [("code", "text", 5)] * 9 + [("math", None, 5)] * 90
    )
    lines, times, counted = mixed(MixConfig(shares=(code, math), total_tokens=500), rows)
    assert [(li.subdomain, li.got) for li in lines] == [("source", 175), ("web", 175), (None, 150)]
    assert set(times[180:189]) == {0}
    assert counted["got.code"] == 350


def test_a_sample_without_tokens_or_without_a_domain_is_left_out():
    rows = [("code", "source", 5), ("code", "source", 0), (None, None, 5), ("math", "web", 5)]
    assert mixed(MixConfig(shares=TWO, total_tokens=16), rows)[1] == [2, 0, 0, 1]


def test_a_domain_without_tokens_is_refused_by_name():
    with pytest.raises(Infeasible, match=r"math: 30\.0% of the mixture asked, 0 tokens available in 0 samples"):
        mixed(MixConfig(shares=TWO), [("code", "source", 5)])


def test_too_few_tokens_are_refused_with_the_numbers_and_the_total_that_would_do():
    rows = [("code", "source", 100), ("math", "web", 30)]
    with pytest.raises(
        Infeasible, match=r"math: 30\.0% of 300 tokens asked, 30 available .* = 60: set total_tokens to 200"
    ):
        mixed(MixConfig(shares=TWO, total_tokens=300), rows)


@pytest.mark.parametrize(
    ("got", "largest", "refused"),
    [(1000, 1, False), (999, 0, False), (998, 1, True), (998, 2, False), (1002, 1, True)],
    ids=["exact", "at tolerance", "beyond both", "one sample", "above"],
)
def test_a_plan_that_misses_by_more_than_tolerance_and_sample_is_refused(got, largest, refused):
    line = Line("code", None, 0.6, 1000, 1000, 10, 4, got=got)
    if refused:
        with pytest.raises(Infeasible, match=f"1,000 tokens asked, {got:,} planned"):
            refuse_miss(line, largest, 0.001)
    else:
        refuse_miss(line, largest, 0.001)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MixConfig(shares=(Share(domain="code", share=0.5),)), r"shares must sum to 1, not 0\.5"),
        (lambda: MixConfig(total_tokens=0), "total_tokens must be at least 1, not 0"),
        (lambda: MixConfig(shares=(Share(domain="a", share=0.5),) * 2), "names a domain twice"),
        (lambda: Share(domain="code", share=0.5, max_repeats=0), r"max_repeats of code must be in 1\.\.1000, not 0"),
        (
            lambda: Share(domain="code", share=0.5, subdomains=(("web", 0.5),)),
            "sub-domain shares of code must sum to 1",
        ),
    ],
    ids=["sum", "zero budget", "twice", "repeats", "sub-domains"],
)
def test_a_wrong_setting_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_ten_shares_of_a_tenth_sum_to_one():
    MixConfig(shares=tuple(Share(domain=f"d{i}", share=0.1) for i in range(10)))


def test_a_plan_survives_json():
    lines, _, _ = mixed(MixConfig(shares=TWO, total_tokens=333), [("code", "s", 7)] * 60 + [("math", "w", 7)] * 60)
    assert from_description(json.loads(json.dumps(describe(lines)))) == lines


def test_the_drawn_order_never_changes():
    batch, _ = narrow(*samples([("code", "source", 1)] * 3), 5)
    assert batch["key"].to_pylist() == [5693849704162617344, 6025433538095724544, 12518831121556158464]


def test_a_share_that_comes_to_no_token_is_refused():
    cfg = MixConfig(shares=(Share(domain="code", share=0.9), Share(domain="math", share=0.1)), total_tokens=3)
    counts = {"tokens.code.source": 9, "samples.code.source": 1, "tokens.math.web": 9, "samples.math.web": 1}
    with pytest.raises(Infeasible, match=r"math: 10\.0% of 3 tokens is a budget of 0"):
        budgets(cfg, counts)
