"""Budgets to repeats: exact, near, and for every line that the settings tell apart."""

import json
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.mix_plan import describe, from_description, refuse_miss, with_parts
from corpus.mixture import Infeasible, Line, MixConfig, Share
from tests.corpus.mixing import TWO, mixed


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


def test_a_plan_survives_json():
    lines, _, _ = mixed(MixConfig(shares=TWO, total_tokens=333), [("code", "s", 7)] * 60 + [("math", "w", 7)] * 60)
    assert from_description(json.loads(json.dumps(describe(lines)))) == lines


LANGUAGES = ("C", "HTML", "Python", None)
CODE = st.lists(st.tuples(st.sampled_from(LANGUAGES), st.integers(0, 60)), min_size=8, max_size=40)


@given(
    code=CODE,
    cap=st.sampled_from([None, 0.1, 0.25]),
    temperature=st.sampled_from([1.0, 1.5, 5.0]),
    lengths=st.sampled_from([(), ((20, 3.0),), ((10, 0.5), (40, 8.0))]),
    total=st.integers(20, 3000),
)
def test_every_line_gives_what_it_is_asked_and_the_domain_meets_its_budget(code, cap, temperature, lengths, total):
    rows = [("code", "source", language, n) for language, n in code] + [("math", "web", None, 5)] * 400
    caps = () if cap is None else (("HTML", cap),)
    share = Share(domain="code", share=0.7, caps=caps, temperature=temperature, lengths=lengths, max_repeats=3)
    cfg = MixConfig(shares=(share, Share(domain="math", share=0.3)), total_tokens=total)
    try:
        lines, times, counted = mixed(cfg, rows)
    except Infeasible:
        return
    ours = [line for line in lines if line.domain == "code"]
    largest = max(n for _, n in code)
    assert abs(sum(line.got - line.budget for line in ours)) <= largest / 2
    assert sum(line.got for line in ours) == counted["got.code"]
    assert max(times) <= 3
    asked = sum(line.budget for line in ours)
    if cap is not None:
        html = sum(line.budget for line in ours if line.language == "HTML")
        assert html <= Fraction(str(cap)) * asked + 1
    edges = [0, *(n for n, _ in lengths), 10**9]
    for line in ours:
        inside = [  # the plain twin: go through the rows, one by one
            t * n
            for t, (language, n) in zip(times, code, strict=False)
            if line.language in (None, language or "") and line.at_least <= n < (line.below or 10**9)
        ]
        assert line.got == sum(inside)
        assert line.at_least in edges
    assert mixed(cfg, rows, at=5)[:2] == (lines, times)


def test_long_samples_are_repeated_by_their_weight_and_the_domain_keeps_its_share():
    rows = [("code", "source", "C", 10)] * 400 + [("code", "source", "C", 100)] * 40 + [("math", "web", None, 10)] * 400
    code = Share(domain="code", share=0.5, lengths=((50, 3.0),))
    cfg = MixConfig(shares=(code, Share(domain="math", share=0.5)), total_tokens=8000)
    lines, times, counted = mixed(cfg, rows)
    assert [(li.at_least, li.below, li.budget, li.got) for li in lines[:2]] == [
        (0, 50, 1000, 1000),
        (50, None, 3000, 3000),
    ]
    assert Counter(times[:400]) == {0: 300, 1: 100}
    assert Counter(times[400:440]) == {0: 10, 1: 30}
    assert (counted["got.code"], counted["got.math"]) == (4000, 4000)


def test_long_samples_that_reach_their_repeats_leave_the_rest_to_shorter_ones():
    rows = [("code", "source", "C", 10)] * 100 + [("code", "source", "C", 100)] * 2
    code = Share(domain="code", share=1, lengths=((50, 1000.0),), max_repeats=2)
    lines, times, _ = mixed(MixConfig(shares=(code,), total_tokens=1000), rows)
    assert [line.got for line in lines] == [600, 400]
    assert times[100:] == [2, 2]


def test_misses_of_many_languages_do_not_add_up():
    names = [f"L{i}" for i in range(120)]
    rows = [("code", "source", name, 1000) for name in names for _ in range(3)]
    lines, _, _ = mixed(MixConfig(shares=(Share(domain="code", share=1, temperature=2),), total_tokens=137_000), rows)
    assert len(lines) == 120
    assert abs(sum(line.got - line.budget for line in lines)) <= 500
    assert sum(abs(line.got - line.budget) for line in lines) > 5000  # each by a part of a sample


def test_a_plan_is_shown_by_what_has_a_share_then_its_largest_parts():
    lines = tuple(
        Line("code", None, 0.3, n, n, 1, 4, got=n, language=name) for name, n in (("C", 1), ("Ada", 3), ("D", 0))
    )
    shown = [line.name for line in with_parts((*lines, Line("math", None, 0.1, 5, 5, 1, 4, got=5)))]
    assert shown == ["code", "code Ada", "code C", "math"]
    assert [line.got for line in with_parts(lines, most=1)] == [4, 3]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"subdomain": "web", "language": "C"}, "code/web C"),
        ({"subdomain": None, "language": ""}, "code (no language)"),
        ({"subdomain": None, "at_least": 32768}, "code, 32,768 tokens and more"),
        ({"subdomain": None, "below": 32768}, "code, 0 to 32,767 tokens"),
    ],
)
def test_a_line_is_named_as_a_person_reads_it(fields, name):
    assert Line(domain="code", share=0.1, budget=1, available=1, samples=1, max_repeats=1, **fields).name == name
