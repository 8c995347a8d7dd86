import pyarrow as pa
import pytest

from filters.formulas import FORMULAS, counted
from filters.group import measured


def column(kinds, texts):
    return pa.record_batch([pa.array(kinds), pa.array(texts, pa.large_string())], ["kind", "text"])


@pytest.mark.parametrize(
    ("text", "formulas"),
    [
        ("the root $x^2=2$ of it", 1),
        ("$x$ and $y$", 2),
        ("$$\\int_0^1 f$$", 1),
        ("\\begin{align*} a &= b \\end{align*}", 1),
        ("it costs $5 or $6 each", 0),
        ("echo $HOME and $PATH", 0),
        ("US$a$b", 0),
        ("$ x $", 0),
        ("", 0),
    ],
)
def test_formulas_are_counted_and_dollars_of_other_kinds_are_not(text, formulas):
    assert counted(text)[0] == formulas


def test_the_share_is_of_characters_inside_formulas():
    assert counted("ab $x+y$ c")[1] == pytest.approx(3 / 10)


def test_symbols_and_terms_are_per_thousand_characters():
    text = "Theorem: \u2200x \u2208 A." + " " * 984
    _, _, symbols, terms, _ = counted(text)
    assert len(text) == 1000 and (symbols, terms) == (2.0, 1.0)


def test_evidence_is_a_half_at_ten_signs_in_a_thousand_characters():
    assert counted("lemma " * 10 + "x" * 940)[4] == pytest.approx(0.5)
    assert counted("no such thing" * 100)[4] == 0


def test_greek_text_is_no_mathematics():
    assert counted("\u03b1\u03bb\u03c6\u03ac\u03b2\u03b7\u03c4\u03bf " * 50)[4] == 0


def test_other_kinds_have_no_measures_and_their_first_column_is_zero():
    found = measured(FORMULAS, column(["file", "page"], ["$x^2$", None]), column([], []))
    assert found.to_pylist() == [
        {"n_formulas": 0, "formula_fraction": None, "math_symbols": None, "math_terms": None, "math_evidence": None},
        {"n_formulas": 0, "formula_fraction": 0.0, "math_symbols": 0.0, "math_terms": 0.0, "math_evidence": 0.0},
    ]
    assert measured(FORMULAS, column([], []), column([], [])).num_rows == 0


@pytest.mark.parametrize("text", ["$" * 20_000, "$a" * 20_000, "\\begin{align}" * 4_000, "$$" + "a" * 50_000])
def test_hostile_text_has_no_formulas_and_ends(text):  # minutes, if a scan went on behind what does not match
    assert counted(text)[0] == 0
