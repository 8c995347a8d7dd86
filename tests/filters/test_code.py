"""DeepSeek's six rules at both sides of each bound, through the measures that they are made of."""

import pyarrow as pa
import pytest

from filters.characters import basic
from filters.code import DEEPSEEK, ISSUES, PAGES, screened
from filters.metadata import metadata
from filters.rule import RuleSet, evaluate
from filters.visible import html


def failures(text: str, language: str | None, sets: tuple[RuleSet, ...] = DEEPSEEK, kind: str = "file") -> list[str]:
    people = pa.array([[f"user{number}" for number in range(2)]], pa.list_(pa.string()))
    columns = {
        "people": people,
        "path": pa.array([None], pa.string()),
        "url": pa.array([None], pa.string()),
        "text": pa.array([text], pa.large_string()),
    }
    documents = pa.record_batch(columns)
    languages = pa.record_batch({"language": pa.array([language], pa.string())})
    measures = pa.table(
        {**basic(documents, languages).to_pydict(), **html(documents, languages).to_pydict()}
        | metadata(documents, languages).to_pydict()
    )
    row = {"kind": [kind], "domain": ["code"], "subdomain": ["source"], "language": [language]}
    types = dict.fromkeys(row, pa.string())
    where = pa.record_batch(row, schema=pa.schema(list(types.items())))
    chosen = next(one for one in sets if one.takes(where).all())
    found: list[str] = evaluate(chosen.rules, measures.to_batches()[0])[1].to_pylist()[0]
    return found


HEADER = '<?xml version="1.0"?>\n' + "<a>letters</a>\n" * 10


@pytest.mark.parametrize(
    ("text", "language", "failed"),
    [
        (("a" * 100 + "\n") * 3, "Python", []),
        (("a" * 100 + "\n") * 2 + "a" * 101 + "\n", "Python", ["mean_line_chars"]),
        ("a" * 1000 + "\n" * 20, "Python", []),
        ("a" * 1001 + "\n" * 20, "Python", ["max_line_chars"]),
        ("ab" + "1" * 6 + "\n", "Python", ["alphabetic_fraction"]),
        ("ab" + "1" * 5 + "\n", "Python", []),
        (HEADER, "XML", ["xml_header"]),
        (HEADER, None, ["xml_header"]),
        (HEADER, "XSLT", []),
        ("<p>" + "a" * 50 + "\n" + "a" * 49, "HTML", []),
        ("<p>" + "a" * 50 + "\n" + "a" * 48, "HTML", ["visible_chars"]),
        ("<p>" + "a" * 50 + "\n" + "a" * 48, "HTML ERB", []),
        ("a" * 49, "JSON", ["n_chars"]),
        ("a" * 50, "JSON", []),
        (("a" * 99 + "\n") * 50, "YAML", []),
        (("a" * 99 + "\n") * 50 + "a", "YAML", ["n_chars"]),
        ("a" * 49, "TOML", []),
    ],
)  # fmt: skip
def test_deepseeks_six_rules_keep_equality(text: str, language: str | None, failed: list[str]) -> None:
    assert failures(text, language) == failed


def test_the_visible_share_keeps_exactly_a_fifth() -> None:
    wrapped = "a" * 100 + "<p\n" + ("x" * 78 + "\n") * 5 + "y>"
    assert len(wrapped) == 500
    assert failures(wrapped, "HTML") == []
    assert failures(wrapped.replace("y>", "yy>"), "HTML") == ["visible_fraction"]


@pytest.mark.parametrize(("sets", "kind"), [(ISSUES, "issue"), (PAGES, "page")])
def test_issues_and_pages_have_a_minimum_alone(sets: tuple[RuleSet, ...], kind: str) -> None:
    assert failures("1" * 200, None, sets, kind) == []
    assert failures("1" * 199, None, sets, kind) == ["n_chars"]


def test_screening_asks_the_six_first_and_what_c1_screens_for_behind_them() -> None:
    for plain, one in zip(DEEPSEEK, screened(quality=0.2), strict=True):
        assert one.rules[: len(plain.rules)] == plain.rules
        assert [rule.measure for rule in one.rules[len(plain.rules) :]] == [
            "error_bytes", "longest_function", "quality_rank",
        ]  # fmt: skip
        assert one.rules[-1].low == 0.2
