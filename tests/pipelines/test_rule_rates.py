"""What each rule set would drop of a build: the figures add up, and the command says what is missing."""

import pytest

from pipelines.rule_rates import Rates, _xml, answered, by_language, by_rule, main, overview, plot


def rates() -> Rates:
    one = Rates()
    one.add("XML", 1000, ["xml_header", "mean_line_chars"])
    one.add("XML", 500, [])
    one.add("Go", 200, ["mean_line_chars"])
    one.add("none", 50, [])
    return one


def test_documents_and_bytes_are_counted_by_the_first_rule() -> None:
    one = rates()
    assert overview({"mine": one}) == [["mine", "4", "2", "50.0%", "1,750", "1,200", "68.6%"]]
    heads, rows = by_language(one)
    assert heads == ["language", "documents", "dropped", "mean_line_chars", "xml_header"]
    assert rows == [["Go", "1", "100%", "1 (0 kB)", ""], ["XML", "2", "50%", "", "1 (1 kB)"]]
    assert dict(one.would) == {("xml_header", "XML"): 1, ("mean_line_chars", "XML"): 1, ("mean_line_chars", "Go"): 1}


def test_the_xml_header_rule_is_told_apart_from_the_first_reason() -> None:
    one = rates()
    one.add("XML", 700, ["mean_line_chars", "xml_header"])
    one.add("XUL", 700, ["xml_header"])
    assert _xml(one) == ["2 of 3 XML (first reason of 1)", "1 of 1 XUL (first reason of 1)"]


def test_a_terminal_is_told_by_rule() -> None:
    heads, rows = by_rule(rates())
    assert heads == ["rule", "documents", "bytes", "languages"]
    assert rows == [["mean_line_chars", "1", "0 kB", "Go 1"], ["xml_header", "1", "1 kB", "XML 1"]]


def test_a_set_is_tried_where_the_build_has_its_measures() -> None:
    six = ["mean_line_chars", "max_line_chars", "alphabetic_fraction", "xml_header", "visible_fraction"]
    assert answered([*six, "visible_chars", "n_chars"]) == ["deepseek", "minimum length"]
    assert answered(six) == []


def test_the_plot_names_every_square() -> None:
    shown = plot("mine", rates())
    assert "<title>XML, xml_header: 1 of 2</title>" in shown
    assert shown.count("<rect") == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "none"], "no rule set 'none'; the sets are: deepseek"),
        (["--recipe", "none"], "no recipe 'none'"),
        (["--root", "memory://nothing"], "no measures of demo"),
    ],
)
def test_what_is_missing_is_named(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
