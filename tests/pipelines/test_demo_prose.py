"""Wikitext becomes paragraphs; redirects and stubs are no articles."""

import pytest

from pipelines.demo_prose import SHORTEST, articles, plain


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("Plain text.", "Plain text."),
        ("'''Bold''' and ''italic''.", "Bold and italic."),
        ("A [[link]], [[target|shown]] and [[a|b]]s.", "A link, shown and bs."),
        ("See [http://example.org a site].", "See a site."),
        ("Before{{cite|a={{nested|x}}|b=[[c]]}} after.", "Before after."),
        ("Text.<ref name=x>A note.</ref> More.<ref name=x/>", "Text. More."),
        ("Text.<!-- hidden -->", "Text."),
        ('One\n{| class="t"\n| a\n|-\n| {| inner |}\n|}\nTwo', "One\n\nTwo"),
        ("[[File:a.png|thumb|A [[nested]] caption]]Text", "Text"),
        ("Text\n[[Category:Things]]\n[[de:Ding]]", "Text"),
        ("Intro\n== History ==\nBody", "Intro\n## History\nBody"),
        ("Body\n== References ==\nNotes", "Body"),
        ("* one\n** two\n: three", "- one\n- two\nthree"),
        ("a &amp; b &lt; c<br />d", "a & b < cd"),
        ("Unclosed {{ template", "Unclosed {{ template"),
    ],
)
def test_markup_goes_and_words_stay(wikitext, text):
    assert plain(wikitext) == text


def page(title, text, ns="0", redirect=""):
    return (
        f"<page><title>{title}</title><ns>{ns}</ns><id>7</id>{redirect}<revision><timestamp>2016-01-02T03:04:05Z</timestamp>"
        f"<text>{text}</text></revision></page>"
    )


def test_articles_are_those_of_the_main_space_that_have_text():
    long = "word " * SHORTEST
    dump = (
        '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">'
        + page("Long one", long)
        + page("Short", "word")
        + page("Talk:Long", long, ns="1")
        + page("Moved", long, redirect='<redirect title="Long one"/>')
        + "</mediawiki>"
    )
    (article,) = articles(dump.encode())
    assert article == {
        "id": "7",
        "title": "Long one",
        "url": "https://en.wikipedia.org/wiki/Long_one",
        "date": "2016-01-02T03:04:05Z",
        "text": f"Long one\n\n{long.strip()}\n",
    }
