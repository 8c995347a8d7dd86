"""What of a page is its content, and what is code, data or layout in it."""

import numpy as np
import pytest

from corpus.content import content, structure
from corpus.dom import CODE, parse
from corpus.frames import FLAGS
from corpus.verbatim import FENCE, INLINE_CODE, SCRIPT, SKIP, TABLE

LONG = "The content of this page is long enough to be taken for it. " * 5


def kind_of(html, tag):
    dom = parse(html.encode(), FLAGS)
    root, kinds = content(dom)
    structure(dom, root, kinds)
    return int(kinds[np.flatnonzero(dom.tag == CODE[tag])[0]])


@pytest.mark.parametrize(
    ("html", "tag", "kind"),
    [
        ("<pre>x</pre>", "pre", FENCE),
        ("<code>x</code>", "code", INLINE_CODE),
        ("<code>a\nb</code>", "code", INLINE_CODE),
        ("<code>a\nb\nc</code>", "code", FENCE),
        ("<tt><p>a page that forgot to close it</p></tt>", "tt", 0),
        ('<code class="descname">x</code>', "code", 0),
        ("x<sup>2</sup>", "sup", SCRIPT),
        ("x<sup>a long remark set small</sup>", "sup", 0),
        ("<table><tr><td>a<td>b<tr><td>c<td>d</table>", "table", TABLE),
        ("<table><tr><td>a<td>b</table>", "table", 0),
        ("<table><tr><td>a<td>b<tr><td><h2>c</h2><td>d</table>", "table", 0),
        ('<table class="highlight"><tr><td>a<tr><td>b</table>', "table", FENCE),
    ],
)
def test_kinds(html, tag, kind):
    assert kind_of(html, tag) == kind


def text_of(html):
    dom = parse(html.encode(), FLAGS)
    root, _ = content(dom)
    return dom.html[dom.open[root] : dom.start[root]].decode()


@pytest.mark.parametrize(
    ("html", "root"),
    [
        (f"<div>x</div><main>{LONG}</main>", "<main>"),
        (f"<main>short</main><p>{LONG}", "<body>"),
        (f'<div id="content">{LONG}<main>{LONG}</main></div>', "<main>"),
        (f"<article>{LONG}</article><article>{LONG}</article>", "<body>"),
        (f'<nav>{LONG * 9}</nav><div role="main">{LONG}</div>', '<div role="main">'),
        (f'<div class="page-sidebar">{LONG}</div>' * 4 + f"<main>{LONG}</main>", "<main>"),
    ],
    ids=["main", "small", "nested", "two", "large nav", "sidebar by a word"],
)
def test_the_content_is_what_is_called_so_and_holds_enough(html, root):
    assert text_of(html) == root


def test_a_section_about_menus_is_no_menu():
    dom = parse(
        f'<p>{LONG}<section id="menu"><p>about</section><div class="section" id="search"><p>on</div>'.encode(), FLAGS
    )
    _, kinds = content(dom)
    assert not kinds[np.flatnonzero(dom.tag == CODE["section"])].any()
    assert not kinds[np.flatnonzero(dom.tag == CODE["div"])].any()


def test_what_holds_the_content_is_not_dropped_for_its_name():
    dom = parse(f'<nav>{LONG * 9}</nav><div class="page-nav-wrap"><main>text</main></div>'.encode(), FLAGS)
    _, kinds = content(dom)
    assert not kinds[np.flatnonzero(dom.tag == CODE["div"])].any()


def links(n):
    return "".join(f'<li><a href="{i}">Page number {i}</a>' for i in range(n))


@pytest.mark.parametrize(
    ("block", "dropped"),
    [
        (f"<div>{links(20)}</div>", True),
        (f"<div>{links(19)}</div>", False),
        (f"<div>{links(20)}{'Words beside the links. ' * 4}</div>", False),
        (f'<div class="sidebar">{links(5)}</div>', True),
        (f'<div class="sidebar">{links(60)}</div>', True),
        (f'<div class="sidebar">{LONG * 9}</div>', False),
        (f"<div>{links(20)}<main>x</main></div>", False),
    ],
    ids=["many", "few", "described", "named", "named and large", "named and no links", "holds the main"],
)
def test_a_block_of_links_is_a_menu(block, dropped):
    dom = parse(f"<p>{LONG}</p>{block}<p>{LONG}</p>".encode(), FLAGS)
    _, kinds = content(dom)
    assert bool(kinds[np.flatnonzero(dom.tag == CODE["div"])[0]]) is dropped


def test_a_list_of_links_amid_text_stays_and_so_does_an_index():
    dom = parse(f"<p>{LONG}</p><ul>{links(50)}</ul>".encode(), FLAGS)
    assert not content(dom)[1][np.flatnonzero(dom.tag == CODE["ul"])].any()
    dom = parse(f"<nav>{LONG * 9}</nav><h1>Index</h1><div>{links(50)}</div>".encode(), FLAGS)
    assert not content(dom)[1][np.flatnonzero(dom.tag == CODE["div"])].any()


@pytest.mark.parametrize(("text", "dropped"), [("#", True), ("¶", True), ("§", True), ("C#", False), ("x", False)])
def test_a_link_that_says_one_sign_is_left_out(text, dropped):
    dom = parse(f'<h1>Title<a class="mark" href="#title">{text}</a></h1><p>{LONG}'.encode(), FLAGS)
    assert bool(content(dom)[1][np.flatnonzero(dom.tag == CODE["a"])[0]]) is dropped


ROW = '<a href="1">Home</a> | <a href="2">Libraries</a> <a href="3">FAQ</a>'
FUNCTIONS = "".join(f'<tr><td><a href="{name}">{name}</a></td><td></td></tr>' for name in ("sin", "cos"))


def left_out(html, tag):
    dom = parse(html.encode(), FLAGS)
    _, kinds = content(dom)
    return int(kinds[np.flatnonzero(dom.tag == CODE[tag])[0]]) == SKIP


@pytest.mark.parametrize(
    ("html", "tag"),
    [
        (f"<p>{ROW}</p><div>{LONG}</div>", "p"),
        (f"<div>{LONG}</div><p>{ROW}</p>", "p"),
        (f"<table><tr><td>{ROW}</td></tr></table><hr><h1>Title</h1>{LONG}", "table"),
        (f"<div><center><b>{ROW}</b></center><h1>Title</h1>{LONG}</div>", "center"),
    ],
    ids=["before", "behind", "layout table", "in layers"],
)
def test_a_row_of_links_at_a_page_edge_is_left_out(html, tag):
    assert left_out(html, tag)


@pytest.mark.parametrize(
    ("html", "tag"),
    [
        (f"<p>{ROW} are links.</p><div>{LONG}</div>", "p"),
        (f"<div>{LONG}</div><p>{ROW}</p><div>{LONG}</div>", "p"),
        (f'<p><a href="1">Home</a></p><div>{LONG}</div>', "p"),
        (f"<div><ul><li>{ROW}</ul></div><p>{LONG}</p>", "div"),
        (f'<div>{LONG}</div><p><a href="1">{LONG}</a> <a href="2">{LONG}</a></p>', "p"),
        (f"<div>{LONG}</div><table>{FUNCTIONS}</table>", "table"),
        (f"<p><b>{ROW}</b></p><h1>Title</h1>", "p"),
        (f'<article>{LONG}</article><div><h2><a href="1">One</a></h2><a href="2">Two</a></div>', "div"),
    ],
    ids=["said of", "amid", "one", "list", "references", "functions", "little else", "headed"],
)
def test_links_elsewhere_stay(html, tag):
    assert not left_out(html, tag)
