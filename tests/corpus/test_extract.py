r"""Pages to text: formulas, code, tables, main content; and pages that mean harm."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.extract import html_text, page_text
from corpus.sources.raw import Raw


def text(html):
    return html_text(html.encode()).decode()


def page(data, charset=None):
    return page_text(Raw(row=0, root="r", path="u", data=data, kind="page", origin="o", charset=charset))


X = r"\frac{a}{b}"
KATEX = (
    '<span class="katex"><span class="katex-mathml"><math><semantics><mrow><mi>x</mi></mrow>'
    f'<annotation encoding="application/x-tex">{X}</annotation></semantics></math></span>'
    '<span class="katex-html" aria-hidden="true">ab</span></span>'
)
WIKI = (
    '<span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: none">'
    f'<math alttext="{{\\displaystyle {X}}}"><semantics>'
    f'<annotation encoding="application/x-tex">{{\\displaystyle {X}}}</annotation></semantics></math></span>'
    '<img class="mwe-math-fallback-image-inline" alt="drawn"></span>'
)
MATHJAX = '<span class="MathJax_Preview">p</span><span class="MathJax">drawn</span>'


@pytest.mark.parametrize(
    ("html", "found"),
    [
        (f'{MATHJAX}<script type="math/tex">{X}</script>', f"${X}$"),
        (f'<script type="math/tex; mode=display">{X}</script>', f"\n\n$${X}$$\n\n"),
        (KATEX, f"${X}$"),
        (f'<span class="katex-display">{KATEX}</span>', f"\n\n$${X}$$\n\n"),
        (WIKI, f"${X}$"),
        (f'<math display="block" alttext="{X}"><mi>x</mi></math>', f"\n\n$${X}$$\n\n"),
        (f'<img class="tex" src="a.png" alt="{X}">', f"${X}$"),
        (f'<img src="https://latex.codecogs.com/gif.latex?x" alt="{X}">', f"${X}$"),
        (f'<span class="math notranslate">\\({X}\\)</span>', f"${X}$"),
        (f'<div class="math">\\[{X}\\]</div>', f"\n\n$${X}$$\n\n"),
        (f'<div class="math"><p><img src="m.png" alt="{X}"></p></div>', f"\n\n$${X}$$\n\n"),
        (f'<script src="mathjax.js"></script>\\({X}\\)', f"${X}$"),
        (f'<script src="katex.js"></script>\\[ {X} \\]', f"$${X}$$"),
        ('<span class="math">\\(a\n  +b\\)</span>', "$a +b$"),
    ],
    ids=[
        "mathjax",
        "mathjax display",
        "katex",
        "katex display",
        "wikipedia",
        "mathml alttext",
        "image",
        "codecogs",
        "sphinx",
        "sphinx display",
        "sphinx image",
        "delimiters",
        "display delimiters",
        "line break",
    ],
)
def test_formulas_are_kept(html, found):
    flat = text(f"<p>before {html} after").replace("\n", " ").split()
    assert " ".join(flat) == " ".join(f"before {found} after".split())
    if found.startswith("\n"):
        assert found.strip() in text(f"<p>before {html} after").split("\n")


def test_an_environment_is_a_displayed_formula():
    html = "<script src=MathJax.js></script><p>\\begin{align*}a&amp;=b\\\\c&amp;=d\\end{align*}"
    assert text(html) == "$$\\begin{align*}a&=b\\\\c&=d\\end{align*}$$"


def test_without_a_formula_renderer_delimiters_are_text():
    assert text(r"<p>the pattern \(a\) matches") == r"the pattern \(a\) matches"


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<pre>def f():\n    return  1\n\n\n\nx\n</pre>", "```\ndef f():\n    return  1\n\n\n\nx\n```"),
        ('<div class="highlight-python3"><div class="highlight"><pre>x</pre></div></div>', "```python3\nx\n```"),
        ('<pre><code class="hljs language-Rust">fn</code></pre>', "```rust\nfn\n```"),
        ('<pre class="brush: js">x</pre>', "```js\nx\n```"),
        ('<div class="sourceCode haskell"><pre>x</pre></div>', "```haskell\nx\n```"),
        ('<div class="highlight-default"><pre>x</pre></div>', "```\nx\n```"),
        ("<pre>a<br>b</pre>", "```\na\nb\n```"),
        ('<pre><span class="lineno">1</span>a\n<span class="lineno">2</span>b</pre>', "```\na\nb\n```"),
        (
            '<table class="highlighttable"><tr><td class="linenos"><pre>1\n2</pre><td><pre>a\n b</pre></table>',
            "```\na\n b\n```",
        ),
        ("<pre>```\nx\n```</pre>", "````\n```\nx\n```\n````"),
        ("<code>a\n  b\nc</code>", "```\na\n  b\nc\n```"),
        ("<tt>a\nb</tt> c", "`a b` c"),
        ("<code>a<br>b</code>", "```\na\nb\n```"),
        ("<p>use <code>a  b</code> or <tt>c`d</tt>", "use `a  b` or `` c`d ``"),
        ("<pre>  </pre>x", "x"),
        ("<pre>&lt;b&gt; &amp;\u00a0</pre>", "```\n<b> &\n```"),
        ("<ul><li>one<pre>x\n y</pre></ul>", "- one\n\n```\nx\n y\n```"),
        ("<pre>a</pre><pre>b</pre>", "```\na\n```\n\n```\nb\n```"),
    ],
)
def test_code_is_kept_with_its_indentation(html, found):
    assert text(html) == found


def test_lists_headings_and_tables_are_markdown():
    html = """<h1>A <a class=headerlink>¶</a></h1><ul><li>one<ul><li>in</ul><li>two</ul><h3>B</h3>
    <table><tr><th>x<th>y|z<tr><td>1<td><code>c</code> <span class=math>\\(q\\)</span><tr><td>2</table>end"""
    assert text(html).split("\n") == [
        *("# A", "", "- one", "  - in", "- two", "", "### B", ""),
        *("| x | y\\|z |", "| --- | --- |", "| 1 | `c` $q$ |", "| 2 |  |", "", "end"),
    ]


def test_a_table_that_lays_out_the_page_is_none():
    html = "<table><tr><td><h2>Menu</h2><td><p>long text</tr><tr><td>a<td>b</table>"
    assert "---" not in text(html) and "long text" in text(html)


BODY = "The content of this page is long enough to be taken for it. " * 5


@pytest.mark.parametrize(
    "junk",
    [
        "<nav>junk</nav>",
        "<header>junk</header>",
        "<footer>junk</footer>",
        "<aside>junk</aside>",
        '<div class="sidebar left">junk</div>',
        '<div role="navigation">junk</div>',
        "<div hidden>junk</div>",
        "<script>junk</script>",
        "<style>junk</style>",
        "<form><select><option>junk</select></form>",
        "<noscript>junk</noscript>",
        '<nav><pre>junk</pre><span class="math">\\(junk\\)</span></nav>',
    ],
)
def test_what_surrounds_the_content_is_dropped(junk):
    assert text(f"<body>{junk}<p>{BODY}</p>{junk}") == BODY.strip()


def test_what_is_called_main_is_the_content():
    assert text(f"<div>junk</div><div><main><p>{BODY}</main><p>junk</div>") == BODY.strip()


def test_a_small_main_is_not_believed():
    assert BODY.strip() in text(f"<main>x</main><p>{BODY}")


def test_a_large_part_under_an_unlucky_name_stays():
    assert text(f'<div class="menu"><p>{BODY}</div><p>x').startswith(BODY.strip())


@pytest.mark.parametrize(
    ("data", "charset", "encoding"),
    [
        ("<p>é".encode(), None, "utf-8"),
        ("<p>é".encode("latin-1"), "iso-8859-1", "cp1252"),
        ("<meta charset=latin1><p>é".encode("latin-1"), None, "cp1252"),
        ('<meta http-equiv=x content="text/html; charset=windows-1252"><p>é'.encode("latin-1"), None, "cp1252"),
        ("<meta charset=latin1><p>é".encode("latin-1"), "utf-8", "cp1252"),
        ("<p>é".encode(), "iso-8859-1", "utf-8"),
        ("\ufeff<p>é".encode("utf-16-le"), None, "utf-16-le"),
    ],
    ids=["utf-8", "header", "meta", "meta http-equiv", "lying header", "lying header over utf-8", "mark"],
)
def test_pages_are_decoded_as_declared(data, charset, encoding):
    made = page(data, charset)
    assert (made.text.decode(), made.encoding) == ("é", encoding)


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (b"<p>caf\xe9", "not_utf8"),
        (b"<p>a\0", "binary"),
        (b"", "empty"),
        (b"<p> </p>", "no_text"),
        (b"<!--", "no_text"),
    ],
)
def test_pages_without_text_are_refused(data, refused):
    assert page(data).refused == refused


PARTS = "<p>|<pre>|<b>|<table>|<tr>|<td>|<li>|<ul>|<code>|</p>|</pre>|a|\n|&lt;|```|\\(|\\)|$"


@given(st.lists(st.sampled_from(re.split(r"\|", PARTS))))
def test_no_markup_breaks_it(parts):
    made = text("".join(parts) + "<script src=katex>")
    assert made == made.strip("\n")


DEEP = 20_000


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000 + "hi",
        "<div class=math>" * DEEP + "hi",
        "<pre>" * DEEP + "hi",
        "<code>" * DEEP + "hi",
        "<table><tr><td>" * DEEP + "hi",
        "<nav>" * DEEP + "hi",
        "<ul><li>x" * DEEP,
        "<span class=math>\\(a\\)</span>" * 5_000,
        "<pre>x</pre>" * 5_000,
        "<p>" * 200_000,
        "mathjax" + "\\(" * 500_000,
        "mathjax" + "\\begin{equation}" * 50_000,
        "<table><tr>" + "<td>x" * 5_000 + "<tr><td>x<td>y" * 5_000,
        "<p>x" + " " * 1_000_000 + "<p>y",
        "<pre>" + "```x\n" * 200_000,
    ],
    ids=lambda html: html[:12],
)
def test_the_work_and_the_text_grow_with_the_page_and_not_its_square(html):
    assert len(text(html)) <= 4 * len(html)  # the square of the smallest is 10^8 and would not end in a test
