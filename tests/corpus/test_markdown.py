"""Lines, lists, quotes, indices and tables as they are written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.extract import html_text


def text(html):
    return html_text(html.encode()).decode()


@pytest.mark.parametrize(
    ("html", "written"),
    [
        ("<p>a\n  b<p>c", "a b\n\nc"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("a&nbsp;b &amp; &lt;c&gt;", "a b & <c>"),
        ("<h2>A <i>b</i><br>c</h2>d", "## A b c\n\nd"),
        ("<ol><li>a<li>b<ul><li>c</ul><li>d</ol>", "1. a\n2. b\n   - c\n3. d"),
        ("<ul><li><p>a</p><p>b</p></ul>", "- a\n\n  b"),
        ("<ul><li></li><li>b</ul>c", "- b\n\nc"),
        ("<blockquote><p>a<p>b</blockquote>c", "> a\n\n> b\n\nc"),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\n\nc\nd"),
        ("10<sup>6</sup> x<sub>ij</sub> 10<sup>−1</sup>", "10^6 x_{ij} 10^{−1}"),
        ("1<sup>st</sup> X<sup>™</sup> y<sup>[1]</sup>", "1st X™ y[1]"),
        ("a <code>b</code>, c", "a `b`, c"),
        ("<table><caption>t</caption><tr><th>a<th>b<tr><td><pre>x</pre><td>d</table>", "t\na\nb\n\n```\nx\n```\n\nd"),
        (
            "<table><tr><th>a<th>b<tr><td>c<br>d<tr><td><code>e|f</code><td></table>",
            "| a | b |\n| --- | --- |\n| c d |  |\n| `e\\|f` |  |",
        ),
        ("<pre><div>a</div><div>  b</div></pre>", "```\na\n  b\n```"),
    ],
)
def test_written(html, written):
    assert text(html) == written


@settings(deadline=None)
@given(st.lists(st.text("ab `|\n", min_size=1, max_size=9), min_size=1, max_size=5))
def test_code_comes_back_out_of_its_fence(lines):
    code = "".join(lines)
    made = text(f"<pre>\n{code}</pre>")
    if not code.strip():
        assert made == ""
        return
    opening, *inside, closing = made.split("\n")
    kept = code.rstrip().split("\n")
    while not kept[0].strip():
        kept.pop(0)
    assert inside == kept and opening == closing and set(opening) == {"`"}
    assert all(not line.startswith(opening) for line in inside)


@settings(deadline=None)
@given(st.lists(st.text("ab`| ", min_size=1, max_size=6), min_size=4, max_size=4))
def test_a_table_has_as_many_bars_as_cells_ask_for(cells):
    if all(cell.strip() for cell in cells):
        a, b, c, d = cells
        rows = text(f"<table><tr><td>{a}<td><code>{b}</code><tr><td>{c}<td>{d}</table>").split("\n")
        assert [row.replace("\\|", "").count("|") for row in rows] == [3, 3, 3]
