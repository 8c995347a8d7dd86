"""Group `html`: the automaton against Python's own HTML parser, which BeautifulSoup's `html.parser` stands on."""

from html.parser import HTMLParser

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.group import measured
from filters.visible import HTML, html


class Visible(HTMLParser):
    """All text outside script and style."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.hidden = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self.hidden = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.hidden:
            self.hidden = ""

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.text += data


def plain(page: str) -> str:
    parser = Visible()
    parser.feed(page)
    parser.close()
    return parser.text


def measure(pages: list[str], languages: list[str | None]) -> list[dict[str, object]]:
    documents = pa.record_batch({"text": pa.array(pages, pa.large_string())})
    return measured(HTML, documents, pa.record_batch({"language": pa.array(languages, pa.string())})).to_pylist()


TEXT = ["a", "é𝒳", " ", "\n", "1;", "#", "-->", "'", '"', "=", "/", "&amp;", "&lt;", "&#65;", "&#x41;", " & "]
TAGS = ["<p a='<b>'>", '<DIV class="x > y">', "<h1 checked>", "<a href=a/b>", "<br/>", "</p>", "</div >", "<styled>"]
HIDDEN = ["<!-- <b>no</b> -->", "<!DOCTYPE html>", "<script>no<b>no</b></script>", "<STYLE type='a>b'>no{}</STYLE>"]
PIECES = st.sampled_from([*TEXT, *TAGS, *HIDDEN])
PAGE = st.lists(PIECES).map("".join)


@settings(deadline=None)  # the first example compiles
@given(pages=st.lists(PAGE, min_size=1), skip=st.integers(0, 3))
def test_the_automaton_agrees_with_a_parser_on_well_formed_pages(pages: list[str], skip: int) -> None:
    skip = min(skip, len(pages) - 1)
    documents = pa.record_batch({"text": pa.array(pages, pa.large_string())}).slice(skip)
    languages = pa.record_batch({"language": ["HTML"] * len(pages)}).slice(skip)
    found = html(documents, languages)
    assert found.column("visible_chars").to_pylist() == [len(plain(page)) for page in pages[skip:]]
    assert found.column("visible_fraction").to_pylist() == [len(plain(p)) / max(len(p), 1) for p in pages[skip:]]


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        ("", 0),
        ("a < b", 5),
        ("<p", 0),
        ("<script>x", 0),
        ("<!-- x", 0),
        ("&", 1),
        ("&x y;", 5),
        ("<style/>x</style>y", 1),
        ("<p title='>'>é</p>", 1),
        ("<p>it's</p>", 4),
        ("</script>x", 1),
        ("<script>a</scripts></script>b", 1),
        ("a\0b", 3),
        ("<?php x ?>y", 1),
        ("<![CDATA[x]]>y", 1),
    ],
)
def test_broken_pages_have_an_end(page: str, shown: int) -> None:
    assert measure([page], ["HTML"])[0]["visible_chars"] == shown


@pytest.mark.parametrize(
    "page", ["<svg>" + "<style>" * 50_000, "<" * 10**6, "<div>" * 200_000 + "x", "&" * 10**6, "<!--" * 250_000]
)
def test_hostile_pages_take_linear_time(page: str) -> None:
    assert measure([page], ["HTML"])[0]["is_html"] is True


def test_other_languages_have_no_visible_text() -> None:
    rows = measure(["<p>x</p>"] * 3, ["HTML", "XML", None])
    assert [row["is_html"] for row in rows] == [True, False, False]
    assert [row["visible_chars"] for row in rows] == [1, None, None]
