"""Closed ranges, nulls, and that every failing rule is named."""

import math

import pyarrow as pa
import pytest

from filters.rule import Rule, RuleSet, evaluate

MEASURES = pa.record_batch(
    {"a": [1.0, 5.0, None, 9.0], "b": [0, 0, 1, 1], "ok": [True, False, True, False], "name": ["x"] * 4}
)


@pytest.mark.parametrize(
    ("value", "fails"),
    [(9.999999, True), (10, False), (15, False), (20, False), (20.000001, True), (None, False), (math.nan, True)],
    ids=["below", "at low", "inside", "at high", "above", "null", "not a number"],
)
def test_both_ends_of_a_range_are_kept_and_null_is_no_matter(value: float | None, fails: bool) -> None:
    measures = pa.record_batch({"a": pa.array([value], pa.float64(), from_pandas=False)})
    assert Rule("a", 10, 20).failing(measures).tolist() == [fails]


@pytest.mark.parametrize(
    ("rule", "fails"),
    [(Rule("a", low=2), [True, False, False, False]), (Rule("b", high=0), [False, False, True, True])],
)
def test_an_open_side_keeps_everything_on_it(rule: Rule, fails: list[bool]) -> None:
    assert rule.failing(MEASURES).tolist() == fails


def test_zero_is_zero_and_not_off() -> None:
    assert Rule("a", high=0).failing(MEASURES).tolist() == [True, True, False, True]


def test_a_mark_is_0_or_1() -> None:
    assert Rule("ok", low=1).failing(MEASURES).tolist() == [False, True, False, True]


def test_the_first_failure_and_all_of_them_are_recorded_in_the_rules_order() -> None:
    first, failed = evaluate((Rule("b", high=0), Rule("a", high=5)), MEASURES.slice(1))
    assert first.to_pylist() == [None, "b", "b"]
    assert failed.to_pylist() == [[], ["b"], ["b", "a"]]


def test_a_rule_over_text_or_over_nothing_is_an_error() -> None:
    with pytest.raises(TypeError, match="not a number"):
        evaluate((Rule("name", low=1),), MEASURES)
    with pytest.raises(KeyError, match="there are: a, b, ok, name"):
        evaluate((Rule("c", low=1),), MEASURES)


@pytest.mark.parametrize(("low", "high"), [(None, None), (2, 1), (math.nan, None)])
def test_a_rule_that_makes_no_sense_is_refused_when_made(low: float | None, high: float | None) -> None:
    with pytest.raises(ValueError, match="rule 'a'"):
        Rule("a", low, high)


def test_a_set_takes_what_matches_all_of_its_conditions() -> None:
    rows = pa.record_batch(
        {
            "kind": ["file", "file", "page", "file"],
            "domain": ["code", "code", "math", None],
            "subdomain": ["source", "text", "web", None],
            "language": ["HTML", "HTML", None, "HTML"],
        }
    )
    one = RuleSet(kinds=("file",), subdomains=("source",), languages=("HTML",), rules=())
    assert one.takes(rows).tolist() == [True, False, False, False]
    assert RuleSet(kinds=("file", "page"), rules=()).takes(rows).all()
    assert not one.takes_all_of("file")
    assert RuleSet(kinds=("file",), rules=()).takes_all_of("file")
