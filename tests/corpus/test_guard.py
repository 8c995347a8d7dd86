"""Markup that is made to be expensive is told from what pages hold."""

import pytest

from corpus.guard import MAX_ATTRIBUTES, affordable

MANY = " ".join(f"a{n}=1" for n in range(MAX_ATTRIBUTES))


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<",
        "<p",
        "<p a='",
        "<div>" * 300_000,
        "<b>" * 100_000,
        "<a href=x>" * 50_000,
        "<p><b>x</b>" * 100_000,
        f"<p {MANY}>",
        f"<p title='{MANY} more words'>",
        f'<p title = "{MANY} more">',
        f"<script>if (a <b {MANY} c d e) x</script><p>",
        "<!-- " + MANY * 3,
    ],
    ids=lambda html: html[:12],
)
def test_pages_pass(html):
    assert affordable(html.encode())


@pytest.mark.parametrize(
    "html",
    [
        f"<p {MANY} b>",
        f"<p {MANY} /b>",
        "<p " + '"'.join(f"a{n}=" for n in range(MAX_ATTRIBUTES * 3)) + ">",
        "<p " + "a/" * 300_000,
        "".join(f"<b a={n}>" for n in range(3_000)) + "<div>" * 3_000 + "</b>" * 3_000,
        "<div>" * 20_000 + "</a>" * 20_000,
    ],
    ids=["many", "slash", "quotes", "slashes", "formatting", "stray ends"],
)
def test_what_costs_the_square_is_refused(html):
    assert not affordable(html.encode())
