r"""Group `formulas`: the kernels against patterns of `re`, what is a formula and what is not, and hostile texts."""

import math
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.formulas import COMMANDS, ENVIRONMENTS, FORMULAS, PAIRS, SYMBOLS, TERMS
from filters.group import measured

FORMULA = re.compile(
    r"\$\$(?P<display>[^$]{1,4000})\$\$|(?<![\\$\w])\$(?P<inline>(?![\s\d$])[^$\n]{1,500}?(?<![\s\\]))\$(?![\w$])"
    rf"|\\begin\{{(?:{'|'.join(ENVIRONMENTS)})\*?\}}(?P<body>(?:(?!\\end\{{|\\begin\{{).){{1,4000}})\\end\{{",
    re.DOTALL,
)
COMMAND = re.compile(rf"\\(?:{'|'.join(COMMANDS)})(?![a-zA-Z])")
SYMBOL = re.compile(f"[{''.join(f'{chr(a)}-{chr(b)}' for a, b in SYMBOLS)}]")
TERM = re.compile(rf"\b(?:{'|'.join((*TERMS, *PAIRS))})\b")
SMALL = str.maketrans({letter: letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})
PIECES = [
    "$", "$$", "$x$", "a", "1", " ", "\n", "\\", "\\begin{align}", "\\begin{equation*}", "\\end{", "\\frac", "\\alphab",
    "\\in", "_", "^", "é", "²", "٣", "×", "𝔸", "theorem", "Theorems", "_", "vector", " space", "spaces", "prime ",
    "number", "\u2029", "=",
]  # fmt: skip
TEXT = st.one_of(st.lists(st.sampled_from(PIECES)).map("".join), st.text())


def plain(text):
    """The measures of one text, by `re`."""
    n = max(1, len(text))
    formulas = inside = commands = 0
    for found in FORMULA.finditer(text):
        body = found["display"] or found["inline"] or found["body"] or ""
        if found["inline"] is None or len(body) == 1 or any(mark in body for mark in "\\^_=+-*/<>{(|,"):
            formulas, inside = formulas + 1, inside + len(body)
            commands += len(COMMAND.findall(body))
    symbols, terms = len(SYMBOL.findall(text)), len(TERM.findall(text.translate(SMALL)))
    signs = 1000 * (formulas + commands + symbols + terms) / n
    evidence = 1 - math.exp(-math.log(2) * signs / 10)
    return formulas, inside / n, 1000 * symbols / n, 1000 * terms / n, evidence, None if formulas else evidence


def counted(text):
    return tuple(measured(FORMULAS, column(["prose"], [text]), column([], [])).to_pylist()[0].values())


@given(texts=st.lists(TEXT, min_size=1), skip=st.integers(0, 3))
def test_the_kernels_agree_with_the_patterns(texts, skip):
    batch = column(["page"] * len(texts), texts).slice(min(skip, len(texts) - 1))
    found = [tuple(row.values()) for row in measured(FORMULAS, batch, batch).to_pylist()]
    for row, text in zip(found, batch.column("text").to_pylist(), strict=True):
        assert row == pytest.approx(plain(text))


@pytest.mark.parametrize("mark", ["$", "$$"])
@pytest.mark.parametrize("body", ["=" * 500, "=" * 501, "é" * 500, "=" * 4000, "=" * 4001, "é" * 4001])
def test_a_formula_has_a_length(mark, body):
    assert counted(f"{mark}{body}{mark}") == pytest.approx(plain(f"{mark}{body}{mark}"))


@pytest.mark.parametrize("pair", PAIRS)
def test_a_pair_of_words_is_one_term(pair):
    assert counted(f"a {pair.upper()}, {pair}x")[3] == plain(f"a {pair.upper()}, {pair}x")[3] > 0


def column(kinds, texts):
    return pa.record_batch([pa.array(kinds, pa.string()), pa.array(texts, pa.large_string())], ["kind", "text"])


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
    _, _, symbols, terms, *_ = counted(text)
    assert len(text) == 1000 and (symbols, terms) == (2.0, 1.0)


def test_evidence_is_a_half_at_ten_signs_in_a_thousand_characters():
    assert counted("lemma " * 10 + "x" * 940)[4] == pytest.approx(0.5)
    assert counted("no such thing" * 100)[4] == 0


def test_greek_text_is_no_mathematics():
    assert counted("\u03b1\u03bb\u03c6\u03ac\u03b2\u03b7\u03c4\u03bf " * 50)[4] == 0


def test_other_kinds_have_no_measures_and_their_first_column_is_zero():
    found = measured(FORMULAS, column(["file", "page"], ["$x^2$", None]), column([], []))
    names = [name for name, _ in FORMULAS.columns]
    assert found.to_pylist() == [
        dict.fromkeys(names) | {"n_formulas": 0},
        dict.fromkeys(names, 0),
    ]
    assert measured(FORMULAS, column([], []), column([], [])).num_rows == 0


@pytest.mark.parametrize(
    "text",
    [
        "$" * 20_000,
        "$a" * 20_000,
        "\\begin{align}" * 4_000,
        "$$" + "a" * 50_000,
        "\\begin{align}x" * 300_000,
        "$a " * 1_000_000,
    ],
)
def test_hostile_text_has_no_formulas_and_ends(text):  # minutes, if a scan went on behind what does not match
    assert counted(text)[0] == 0
