"""A page as arrays, beside the tree that resiliparse gives."""

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree

from corpus.dom import CODE, TAGS, TEXT, parse, unescaped
from corpus.names import Table

FLAGS = Table.of(
    [
        ("class", ("big",), 1),
        ("id", ("top",), 2),
        ("role", ("main",), 4),
        ("has", ("hidden",), 8),
        ("word", ("sidebar",), 16),
    ]
)


def dom(html):
    return parse(html.encode(), FLAGS)


def outline(page):
    """(depth, tag or text) of every node, from the arrays alone."""
    depth, made = {-1: -1}, []
    for node in range(len(page)):
        depth[node] = depth[int(page.parent[node])] + 1
        text = unescaped(page.html[page.start[node] : page.end[node]]) if page.tag[node] == TEXT else None
        made.append((depth[node], text if text is not None else page.tag_of(node)))
    return made


def plain_outline(html):
    """The same by walking the parser's own tree."""
    made = []

    def walk(node, depth):
        if node.type == 3:
            made.append((depth, node.text))
        elif node.type == 1:
            made.append((depth, node.tag if node.tag in CODE else "?"))
            if node.tag not in ("script", "style"):
                for child in node.child_nodes:
                    walk(child, depth + 1)

    root = HTMLTree.parse_from_bytes(html.encode(), "utf-8").document
    for child in root.child_nodes:
        walk(child, 0)
    return made


PARTS = (
    "<p>|<div class=big>|<b>|<table>|<tr>|<td>|<li>|<ul>|<script>a<b</script>|</p>|</div>|a &lt; b|\xa0|<br>|<!-- x -->"
)


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.sampled_from(PARTS.split("|")), max_size=25))
def test_the_arrays_are_the_tree(parts):
    html = "".join(parts) + "<p>x"
    page = dom(html)
    joined = [(d, t) for d, t in plain_outline(html)]
    assert outline(page) == joined
    for node in range(len(page)):
        inside = [other for other in range(len(page)) if node in ancestors(page, other)]
        assert int(page.after[node]) == max(inside, default=node) + 1


def ancestors(page, node):
    while (node := int(page.parent[node])) >= 0:
        yield node


def test_flags_come_from_class_id_role_presence_and_words():
    page = dom('<p class="a BIG b"><p id=top><p role=main><p hidden><p class="page-sidebar_x"><p class=bigger>')
    assert [int(page.flags[node]) for node in np.flatnonzero(page.tag == CODE["p"])] == [1, 2, 4, 8, 16, 0]


def test_attributes_are_read_as_they_were_written():
    page = dom("""<img alt='a "b" &lt;c&gt; &amp;amp;' data-alt=no><p title="x" alt>""")
    image, paragraph = int(np.flatnonzero(page.tag == CODE["img"])[0]), int(np.flatnonzero(page.tag == CODE["p"])[0])
    assert page.attribute(image, "alt") == 'a "b" <c> &amp;'
    assert (page.attribute(image, "title"), page.attribute(paragraph, "alt")) == ("", "")


def test_sizes_count_text_without_white_space_and_scripts():
    page = dom("<body><p>a b\n c</p><script>long long</script><p>d")
    assert page.size(int(np.flatnonzero(page.tag == CODE["body"])[0])) == 4


def test_nothing_and_what_is_too_expensive_have_no_tree():
    assert parse(b"", FLAGS) is None
    assert parse(b"<p " + b"a/" * 5_000, FLAGS) is None


def test_codes_are_the_names_positions():
    assert all(TAGS[CODE[name]] == name for name in re.findall(r"\w+", "p div h1 pre math"))
