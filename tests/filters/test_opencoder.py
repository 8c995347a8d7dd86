"""OpenCoder's rules: which language is asked what, and shares that are drawn by document."""

import pyarrow as pa
import pytest

from filters.measures import MeasureConfig
from filters.opencoder import OPENCODER, opencoder
from filters.rule import Rule, RuleSet, evaluate
from filters.rules import MARKS, FilterConfig


def rules(language: str | None, sets: tuple[RuleSet, ...] = OPENCODER) -> dict[str, Rule]:
    row = {"kind": ["notebook"], "domain": ["code"], "subdomain": ["source"], "language": [language]}
    where = pa.record_batch(row, schema=pa.schema(dict.fromkeys(row, pa.string())))
    found = next(one for one in sets if one.takes(where).all()).rules
    assert len({rule.measure for rule in found}) == len(found), "two rules on one measure would share a reason"
    return {rule.measure: rule for rule in found}


@pytest.mark.parametrize(
    ("language", "asked", "not_asked"),
    [
        ("Python", "pass_lines", "n_mains"),
        ("C", "n_mains", "n_assignments"),
        ("Go", "test", "assert_lines"),
        ("Java", "n_assignments", "pass_lines"),
        ("JSON", "distinct_words", "todo_lines"),
        ("Shell", "todo_lines", "assert_lines"),
        ("HTML", "visible_chars", "comment_fraction"),
        ("Markdown", "n_plain_words", "max_line_chars"),
        ("Rust", "assert_lines", "print_lines"),
        (None, "string_fraction", "no_logic_lines"),
    ],
)
def test_each_language_has_its_own_rules(language: str | None, asked: str, not_asked: str) -> None:
    assert asked in rules(language)
    assert not_asked not in rules(language)


def test_sql_may_have_more_digits_and_pages_fewer_repeats() -> None:
    assert (rules("SQL")["digit_fraction"].high, rules("C")["digit_fraction"].high) == (0.3, 0.2)
    assert (rules("HTML")["repeated_5_grams"].high, rules("C")["repeated_5_grams"].high) == (0.6, 0.8)


def test_what_does_not_parse_is_dropped_only_where_asked() -> None:
    assert "parses" not in rules("Python")
    parsed = opencoder(parsed=True)
    assert [name for name in ("Python", "JavaScript", "HTML", "Java") if "parses" in rules(name, parsed)] == [
        "Python",
        "JavaScript",
        "HTML",
    ]


def test_every_rule_has_its_measure() -> None:
    known = {*MeasureConfig().columns(), *MARKS}
    assert {rule.measure for one in OPENCODER for rule in one.rules} <= known


def test_a_recipe_without_the_measure_is_told_so() -> None:
    config = FilterConfig(rules=(*opencoder(parsed=True), *FilterConfig().rules[4:]))
    assert config.missing(MeasureConfig().columns()) == ["parses"]


def test_a_share_is_drawn_from_the_id_and_is_the_same_each_time() -> None:
    rule = Rule("n", high=0, share=0.8)
    ids = pa.array([n.to_bytes(16, "big") for n in range(2000)], pa.binary(16))
    measures = pa.record_batch({"n": [1] * 2000})
    first, _ = evaluate([rule], measures, ids)
    assert first.equals(evaluate([rule], measures, ids)[0])
    assert 0.77 < 1 - first.null_count / 2000 < 0.83
    with pytest.raises(ValueError, match="drawn from ids"):
        evaluate([rule], measures)


@pytest.mark.parametrize("share", [0, 1.1, -1])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="share is above 0"):
        Rule("n", high=0, share=share)
