import pytest

from benchmarks.extract import Page, _compared, _read, _templates


@pytest.mark.parametrize(
    ("html", "formulas"),
    [
        ('<script type="math/tex; mode=display">a + b</script>', {"a+b"}),
        ('<annotation encoding="application/x-tex">\\alpha</annotation>', {"\\alpha"}),
        ('<span class="math">\\(x_1\\)</span>', {"x_1"}),
        ('<img class="math" alt="x &lt; y">', {"x<y"}),
        ('<math alttext="{\\displaystyle z}"></math>', {"z"}),
        ("<script src=mathjax.js></script><p>so \\(q\\) is</p>", {"q"}),
        ("<p>so \\(q\\) is</p>", set()),
        ("<script src=mathjax.js></script><pre>\\(q\\)</pre>", set()),
    ],
)
def test_formulas_of_a_page_are_found_by_plain_means(html, formulas):
    assert _read("site", html.encode()).formulas == formulas


def test_code_is_lines_of_pre_without_numbers_and_frames():
    html = "<nav><pre>menu</pre></nav><pre><span class=linenos>1 </span>a = 1\n\n    b<br>c</pre>"
    assert _read("site", html.encode()).code == ["a = 1", "    b", "c"]


def test_boilerplate_stands_on_half_of_a_sites_pages():
    pages = [Page("a", b"", lines=["every", f"page {n}", *(["half"] if n % 2 else [])]) for n in range(20)]
    few = [Page("b", b"", lines=["every"]) for _ in range(19)]
    assert _templates([*pages, *few]) == {"a": {"every", "half"}, "b": set()}


def test_what_each_keeps_stands_in_one_row():
    page = "<nav><p>menu</p></nav><main><p>Text of page {}.</p><pre>a\n  b</pre><span class=math>\\(x\\)</span></main>"
    pages = [_read("a", page.format(n).encode()) for n in range(20)]
    rows = {row["what"]: row for row in _compared("few", pages, {"nothing": lambda html: "", "all": bytes.decode})}
    kept = {what: (row["ours"], row["theirs"]) for what, row in rows.items() if "kept" in row["unit"]}
    assert kept == {
        "few: formulas, of 20": (100.0, 100.0),
        "few: code lines, of 40": (100.0, 0.0),
        "few: boilerplate lines, of 40": (0.0, 0.0),
    }
