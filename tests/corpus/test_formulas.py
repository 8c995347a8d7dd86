"""Where formulas are found, beyond what test_extract.py shows of whole pages; and delimiters in text."""

import numpy as np
import pytest

from corpus.extract import html_text
from corpus.formulas import normalised

X = r"\frac{a}{b}"
MATHML = "<math><mfrac><mi>a</mi><mi>b</mi></mfrac></math>"


def text(html):
    return " ".join(html_text(f"<p>before {html} after".encode()).decode().split())


@pytest.mark.parametrize(
    ("html", "found"),
    [
        (f'<mjx-container class="MathJax" jax="CHTML"><mjx-math>drawn</mjx-math>{MATHML}</mjx-container>', f"${X}$"),
        (f'<mjx-container class="MathJax" display="true">{MATHML}</mjx-container>', f"$${X}$$"),
        (f'<mjx-container data-latex="{X}"><svg>drawn</svg></mjx-container>', f"${X}$"),
        (MATHML, f"${X}$"),
        (MATHML.replace("<math>", '<math display="block">'), f"$${X}$$"),
        (f'<span class="math-container">${X}$</span>', f"${X}$"),
        (f'<span class="math-container">$${X}$$</span>', f"$${X}$$"),
        (f"<math-renderer>${X}$</math-renderer>", f"${X}$"),
        (f'<span class="math inline">\\({X}\\)</span>', f"${X}$"),
        ('<img src="https://latex.codecogs.com/svg.latex?%5Cfrac%7Ba%7D%7Bb%7D">', f"${X}$"),
        (f'<img class="mwe-math-fallback-image-display" alt="{{\\displaystyle {X}}}">', f"$${X}$$"),
        (f'<img class="numberedequation" alt="{X}">', f"$${X}$$"),
        (f'<span class="MathJax">drawn{MATHML}</span><script type="math/tex">{X}</script>', f"${X}$"),
        (f'<span class="MathJax">drawn{MATHML}</span>', f"${X}$"),
        ('<img class="photo" alt="a cat">', ""),
        ('<span class="math">see</span>', "see"),
        ("<script type=text/x-config>x</script>", ""),
        ("<script type=math/tex> </script>", ""),
    ],
)
def test_sources_of_formulas(html, found):
    assert text(html) == " ".join(f"before {found} after".split())


def test_formulas_in_what_is_left_out_are_left_out():
    assert text(f"<nav>{MATHML}<span class=math>\\(x\\)</span><script type=math/tex>y</script></nav>") == "before after"


def test_only_text_between_the_ranges_is_rewritten():
    source = rb"\(a\) `\(b\)` \[c\] \begin{align}d\end{align}"
    start = source.index(b"`")
    made = normalised(source, np.array([[start, source.rindex(b"`") + 1]]))
    assert made == rb"$a$ `\(b\)` $$c$$ $$\begin{align}d\end{align}$$"
