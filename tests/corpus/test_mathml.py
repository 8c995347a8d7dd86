"""MathML to LaTeX."""

import numpy as np
import pytest

from corpus.dom import CODE, parse
from corpus.frames import FLAGS
from corpus.mathml import latex_of


def latex(inner):
    dom = parse(f"<p><math>{inner}</math>".encode(), FLAGS)
    return latex_of(dom, int(np.flatnonzero(dom.tag == CODE["math"])[0]))


def i(name):
    return f"<mi>{name}</mi>"


@pytest.mark.parametrize(
    ("mathml", "tex"),
    [
        ("<mi>x</mi><mo>=</mo><mn>1.5</mn>", "x=1.5"),
        (f"<mfrac>{i('a')}{i('b')}</mfrac>", r"\frac{a}{b}"),
        (f"<msup>{i('x')}<mn>2</mn></msup>", "x^{2}"),
        (f"<msup><mrow>{i('a')}<mo>+</mo>{i('b')}</mrow><mn>2</mn></msup>", "{a+b}^{2}"),
        (f"<msub>{i('α')}{i('i')}</msub>", r"\alpha_{i}"),
        (f"<msubsup>{i('x')}{i('i')}<mn>2</mn></msubsup>", "x_{i}^{2}"),
        (f"<msup>{i('f')}<mo>′</mo></msup>{i('x')}", "f'x"),
        (f"<msqrt>{i('x')}<mo>+</mo>{i('y')}</msqrt>", r"\sqrt{x+y}"),
        (f"<mroot>{i('x')}<mn>3</mn></mroot>", r"\sqrt[3]{x}"),
        (
            f"<munderover><mo>∑</mo><mrow>{i('i')}<mo>=</mo><mn>0</mn></mrow>{i('n')}</munderover>{i('i')}",
            r"\sum_{i=0}^{n}i",
        ),
        (f"<munder><mi>lim</mi><mrow>{i('x')}<mo>→</mo><mn>0</mn></mrow></munder>", r"\lim_{x\to0}"),
        (f"<mover>{i('x')}<mo>^</mo></mover>", r"\hat{x}"),
        (f"<mover>{i('x')}<mo>→</mo></mover>", r"\vec{x}"),
        (f"<mi>sin</mi><mo>\u2061</mo>{i('x')}", r"\sin x"),
        ("<mi>rank</mi><mi>A</mi>", r"\mathrm{rank}A"),
        ('<mi mathvariant="double-struck">R</mi>', r"\mathbb{R}"),
        ("<mi>α</mi><mi>x</mi>", r"\alpha x"),
        ("<mo>{</mo><mi>x</mi><mo>∣</mo><mi>x</mi><mo>≤</mo><mi>y</mi><mo>}</mo>", r"\{x\mid x\le y\}"),
        ("<mtext>if</mtext><mspace></mspace><mi>x</mi>", r"\text{if}\ x"),
        (
            "<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr><mtr><mtd><mn>0</mn></mtd></mtr></mtable>",
            r"\begin{matrix}1 & 0 \\ 0\end{matrix}",
        ),
        ("<mfenced open='['><mi>a</mi><mi>b</mi></mfenced>", "[ a, b )"),
        ("<semantics><mi>x</mi><annotation encoding='other'>junk</annotation></semantics>", "x"),
        ("<mstyle><mi>x</mi></mstyle>", "x"),
        ("<mfrac><mi>x</mi></mfrac>", "x"),
        ("<mn>50</mn><mo>%</mo>", r"50\%"),
        ("<msup><mi>é</mi><mi>漢</mi></msup>", "é^{漢}"),
    ],
)
def test_what_presentation_draws(mathml, tex):
    assert latex(mathml) == tex


def test_prefixes_are_taken_off():
    dom = parse(b"<p><math><m:msup><m:mi>x</m:mi><m:mn>2</m:mn></m:msup></math>", FLAGS)
    assert latex_of(dom, int(np.flatnonzero(dom.tag == CODE["math"])[0])) == "x^{2}"


@pytest.mark.parametrize("inner", ["", "<mrow></mrow>", "<mi>x</mi>" * 5_000], ids=["none", "empty", "large"])
def test_what_is_no_formula_gives_none(inner):
    assert latex(inner) is None


def test_depth_is_bounded():
    assert latex("<mrow>" * 1_000 + "<mi>x</mi>") == "x"
    assert latex("<msqrt>" * 1_000 + "<mi>x</mi>").endswith(
        "{x" + "}" * latex("<msqrt>" * 1_000 + "<mi>x</mi>").count("{")
    )
