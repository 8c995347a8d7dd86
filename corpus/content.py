"""What becomes of each node of a page: left out, code, a data table, an index, or what its tag says.

Comes in: a page's arrays (`corpus/dom.py`). Goes out: the node whose subtree is the page's content, and one kind for
every node in it (`corpus/verbatim.py`). Names of classes, ids and roles are data, at the top; what they say is believed
only where the sizes of text agree: a `main` with a tenth of the page's text is not the content, and a `sidebar` with
half of it is the layout. This file refuses to know formulas and how anything is written.
"""

from typing import Final

import numba
import numpy as np

from corpus.dom import CODE, TAGS, Dom, Ints
from corpus.names import Bytes, Flags, Table
from corpus.verbatim import FENCE, INLINE_CODE, SCRIPT, SKIP, TABLE, Kinds

_MAIN_SHARE: Final = 0.3  # of the page's text
_DROPPED_SHARE: Final = 0.5  # of the content's text, by its name
_FRAME_SHARE: Final = 0.95  # the same, by its tag: nobody wraps a page in `nav`
_INDEX_LETTERS: Final = 12  # bytes of a subscript or superscript; longer ones are prose set small

(
    DROP,
    KEEP,
    DEBRIS,
    RENDERED,
    MATH,
    KATEX,
    DISPLAY,
    WIKI,
    HIGHLIGHT,
    NOT_CODE,
    CLASSIFIER,
    FORMULA_IMAGE,
    CONTENTS,
    TOPIC,
    NAMED,
    SECTION,
) = (1 << bit for bit in range(16))
_BEST: Final = 1 << 24
_RANK: Final = 24  # the first of the bits that say how well something is called the content

_DROPPED_CLASSES: Final = (
    *("nav", "navbar", "navigation", "menu", "sidebar", "sphinxsidebar", "related", "breadcrumb", "breadcrumbs", "toc"),
    *("footer", "header", "page-header", "site-header", "skip-link", "mw-editsection", "navbox", "catlinks", "noprint"),
    *("printfooter", "reference-return", "cookie-banner", "share", "social", "advertisement", "sr-only"),
    *("js-post-menu", "post-menu", "user-info", "votecell", "js-vote-count", "wy-nav-side", "wy-nav-top"),
    *("rst-footer-buttons", "rst-versions", "bd-sidebar", "bd-toc", "bd-header", "bd-footer", "prev-next-area"),
    *("header-article", "sidebar-drawer", "toc-drawer", "mobile-header", "announcement", "sig-paren-toggle"),
    *("vector-toc", "mw-jump-link", "mw-indicators", "mw-portlet", "vector-header-container", "mw-footer"),
    *("reflist-return", "ambox", "s-navigation", "s-topbar", "js-consent-banner", "site-footer", "post-signature"),
    *("comments-link", "nav-links", "pagination", "pager", "page-nav", "prevnext", "bottom-nav"),
)
_DROPPED_IDS: Final = (
    *("toc", "footer", "header", "navbar", "nav", "sidebar", "menu", "breadcrumbs", "navigation", "side-nav", "top"),
    *(
        "nav-path",
        "MSearchSelectWindow",
        "MSearchResultsWindow",
        "navrow1",
        "navrow2",
        "navrow3",
        "navrow4",
        "titlearea",
    ),
    *("mw-navigation", "mw-head", "mw-panel", "siteSub", "contentSub", "jump-to-nav", "catlinks", "searchbox"),
    *("search", "hot-network-questions", "left-sidebar", "sidebar-first", "sidebar-second", "cookie-banner"),
)
_DROPPED_WORDS: Final = (
    *("sidebar", "navbar", "navigation", "nav", "topnav", "breadcrumb", "breadcrumbs", "footer", "menu", "sidemenu"),
    *("submenu", "cookie", "pagination"),
)
_DROPPED_ROLES: Final = ("navigation", "banner", "contentinfo", "search", "complementary")
_DEBRIS: Final = (
    *("linenos", "lineno", "linenodiv", "gutter", "line-numbers-rows", "blob-num", "copy-button", "copybtn", "eqno"),
    *("headerlink", "anchor", "anchorjs-link", "viewcode-link", "viewcode-back", "hljs-ln-numbers", "rouge-gutter"),
    *("srclink", "src-link", "test-arrow", "copy-path", "toggle-wrapper", "collapse-toggle", "doc-anchor"),
    *("header-anchor", "heading-link", "hash-link", "hideme", "permalink", "edit-page-link", "clipboard"),
)
_RENDERED: Final = (
    *("MathJax_Preview", "MathJax", "MathJax_Display", "MathJax_SVG", "MathJax_SVG_Display", "MathJax_CHTML"),
    "MathJax_MathML",
)
# How well something is called the content, best first; "tag" names elements.
_MAIN: Final = (
    (("tag", "main"), ("role", "main"), ("id", "mw-content-text")),
    (("id", "bodyContent"), ("id", "mainbar"), ("id", "main-content"), ("id", "doc-content")),
    (("id", "content"), ("class", "markdown-body"), ("class", "rst-content"), ("class", "documentwrapper")),
    (("tag", "article"), ("class", "post-content"), ("class", "entry-content")),
    (("id", "main"), ("class", "main-content"), ("class", "contents"), ("class", "content"), ("class", "document")),
)
_NAMES: Final = (
    ("class", _DROPPED_CLASSES, DROP),
    ("id", _DROPPED_IDS, NAMED),
    ("word", _DROPPED_WORDS, NAMED),
    ("role", _DROPPED_ROLES, DROP),
    ("class", ("section",), SECTION),
    ("has", ("hidden",), DEBRIS),
    ("class", _DEBRIS, DEBRIS),
    ("class", ("footnote", "footnote-list", "admonition"), KEEP),
    ("class", _RENDERED, RENDERED),
    ("class", ("math", "arithmatex", "math-container", "MathJax_Source"), MATH),
    ("class", ("katex", "katex-display"), KATEX),
    ("class", ("katex-display",), DISPLAY),
    ("class", ("mwe-math-element",), WIKI),
    (
        "class",
        ("math", "tex", "latex", "mwe-math-fallback-image-inline", "mwe-math-fallback-image-display"),
        FORMULA_IMAGE,
    ),
    ("class", ("inlineformula", "numberedequation", "displayformula"), FORMULA_IMAGE),
    ("class", ("highlight", "hljs-ln", "js-file-line-container", "highlighttable"), HIGHLIGHT),
    ("class", ("sig-name", "sig-prename", "descname", "descclassname"), NOT_CODE),
    ("class", ("classifier",), CLASSIFIER),
    ("class", ("contents",), CONTENTS),
    ("class", ("topic",), TOPIC),
    *((what, (name,), 1 << _RANK + rank) for rank, names in enumerate(_MAIN) for what, name in names if what != "tag"),
)
FLAGS: Final = Table.of(_NAMES)

_T_ASIDE, _T_HEADER, _T_BODY, _T_BR, _T_MAIN = (CODE[name] for name in ("aside", "header", "body", "br", "main"))
_T_TABLE, _T_TR, _T_TD, _T_TH = (CODE[name] for name in ("table", "tr", "td", "th"))
_NEVER, _FRAME, _CODE, _PRE, _INDEX, _STRUCTURE, _FORM = 1, 2, 3, 4, 5, 6, 7  # what a tag is to this file
_ROLES: Final = np.zeros(len(TAGS), np.uint8)
_NAMEABLE: Final = np.zeros(len(TAGS), np.uint8)  # what frames are made of
for _tag in ("div", "ul", "ol", "table", "td", "tr", "tbody", "nav", "header", "aside", "p", "dir", "center", "?"):
    _NAMEABLE[CODE[_tag]] = 1
_LAYOUT: Final = np.zeros(len(TAGS), np.uint8)  # in a table of data there are none of these
for _tag in ("table", "h1", "h2", "h3", "h4", "ul", "ol", "dl"):
    _LAYOUT[CODE[_tag]] = 1
for _role, _tags in (
    (
        _NEVER,
        "script style noscript template iframe object button select input textarea svg dialog noembed noframes "
        "canvas audio video xmp plaintext title head",
    ),
    (_FRAME, "nav footer aside"),
    (_FORM, "form search menu"),
    (_CODE, "code tt samp kbd"),
    (_PRE, "pre listing"),
    (_INDEX, "sup sub"),
    (_STRUCTURE, "table h1 h2 h3 h4 h5 h6 ul ol dl p blockquote"),
):
    for _tag in _tags.split():
        _ROLES[CODE[_tag]] = _role


def content(dom: Dom) -> tuple[int, Kinds] | None:
    """The node that holds the content, and a kind for every node; None where the page has no body."""
    bodies = np.flatnonzero(dom.tag == _T_BODY)
    if not len(bodies):
        return None
    body = int(bodies[0])
    kinds = np.zeros(len(dom) + 1, np.uint8)
    _leave_out(dom.tag, dom.parent, dom.after, dom.flags, dom.letters, body, _ROLES, _NAMEABLE, kinds)
    root = _main(dom, body, kinds)
    if root != body:  # what is a large part of it may have been a small one of the page
        kinds[:] = 0
        _leave_out(dom.tag, dom.parent, dom.after, dom.flags, dom.letters, root, _ROLES, _NAMEABLE, kinds)
    return root, kinds


def structure(dom: Dom, root: int, kinds: Kinds) -> None:
    """Mark code, indices and data tables among what nothing has replaced."""
    _mark_code(dom.data, dom.tag, dom.start, dom.end, dom.after, dom.flags, dom.letters, root, _ROLES, kinds)
    _mark_tables(dom.tag, dom.after, dom.letters, root, _LAYOUT, kinds)


def _main(dom: Dom, body: int, kinds: Kinds) -> int:
    """The element that is called the content, if it is one and holds enough of the text that is left; else the body."""
    left = _left(dom.after, dom.letters, body, kinds)
    least = _MAIN_SHARE * left[dom.after[body]]
    ranked = dom.flags >> _RANK
    for rank, names in enumerate(_MAIN):
        called = ranked & (1 << rank) != 0
        for what, name in names:
            if what == "tag":
                called |= dom.tag == CODE[name]
        found = [
            int(node) for node in np.flatnonzero(called) if node > body and left[dom.after[node]] - left[node] >= least
        ]
        if found and all(dom.after[node] >= dom.after[found[-1]] for node in found):  # one, or one inside the other
            return found[-1]
    return body


@numba.njit(cache=True, nogil=True)
def _leave_out(
    tag: Ints,
    parent: Ints,
    after: Ints,
    flags: Flags,
    letters: Ints,
    root: int,
    roles: Bytes,
    nameable: Bytes,
    kinds: Kinds,
) -> None:
    """Mark what is not content; of the two shares, form and search have the smaller, since pages lie in forms."""
    total = letters[after[root]] - letters[root]
    mains = np.zeros(tag.size + 1, np.int32)  # before each node; what holds one is not dropped for its name
    for i in range(tag.size):
        mains[i + 1] = mains[i] + (flags[i] & _BEST != 0 or tag[i] == _T_MAIN)
    i, stop = root + 1, after[root]
    while i < stop:
        role, flag = roles[tag[i]], flags[i]
        framing = role == _FRAME and not (tag[i] == _T_ASIDE and flag & KEEP)
        framing |= tag[i] == _T_HEADER and tag[parent[i]] == _T_BODY
        named = role == _FORM or flag & (DROP | DEBRIS) != 0 or (flag & TOPIC != 0 and flag & CONTENTS != 0)
        # A section about menus may be called so: headings make the ids of sections.
        named |= flag & NAMED != 0 and flag & SECTION == 0 and nameable[tag[i]] == 1
        size = letters[after[i]] - letters[i]
        if (
            role == _NEVER
            or (framing and size <= _FRAME_SHARE * total)
            or (named and size <= _DROPPED_SHARE * total and mains[after[i]] == mains[i])
        ):
            kinds[i] = SKIP
            i = after[i]
        else:
            i += 1


@numba.njit(cache=True, nogil=True)
def _left(after: Ints, letters: Ints, root: int, kinds: Kinds) -> Ints:
    """Bytes of text that are not left out, before each node."""
    left = np.zeros(letters.size, np.int32)
    i, seen = 0, 0
    while i < after.size:
        left[i] = seen
        if kinds[i] == SKIP:
            left[i : after[i]] = seen
            i = after[i]
            continue
        if after[i] == i + 1:
            seen += letters[i + 1] - letters[i]
        i += 1
    left[after.size] = seen
    return left


@numba.njit(cache=True, nogil=True)
def _inner_lines(data: Bytes, tag: Ints, start: Ints, end: Ints, node: int, stop: int) -> int:
    """How many times a line with text is followed by another; `br` counts as two, since no writer wraps with it."""
    lines = 0
    seen = broken = False
    for i in range(node + 1, stop):
        if tag[i] == _T_BR:
            lines += 2
        if tag[i] == 0:
            for at in range(start[i], end[i]):
                byte = data[at]
                if byte == 0x0A:
                    broken = seen
                elif not (byte == 32 or 9 <= byte <= 13):
                    lines += broken
                    seen, broken = True, False
    return lines


@numba.njit(cache=True, nogil=True)
def _mark_code(
    data: Bytes,
    tag: Ints,
    start: Ints,
    end: Ints,
    after: Ints,
    flags: Flags,
    letters: Ints,
    root: int,
    roles: Bytes,
    kinds: Kinds,
) -> None:
    structures = np.zeros(tag.size + 1, np.int32)  # how many before each node
    blocks = np.zeros(tag.size + 1, np.int32)
    for i in range(tag.size):
        role = roles[tag[i]]
        structures[i + 1] = structures[i] + (role == _STRUCTURE and kinds[i] != SKIP)
        blocks[i + 1] = blocks[i] + (role == _PRE)
    i, stop = root, after[root]
    while i < stop:
        role = roles[tag[i]]
        if kinds[i]:
            i = after[i]
            continue
        behind = after[i]
        if role == _PRE or (tag[i] == _T_TABLE and flags[i] & HIGHLIGHT and blocks[behind] == blocks[i]):
            kinds[i] = FENCE
        elif role == _CODE and structures[behind] == structures[i] and not flags[i] & NOT_CODE:
            several = blocks[behind] > blocks[i] or _inner_lines(data, tag, start, end, i, behind) > 1
            kinds[i] = FENCE if several else INLINE_CODE
        elif role == _INDEX and structures[behind] == structures[i] and letters[behind] - letters[i] <= _INDEX_LETTERS:
            kinds[i] = SCRIPT
        i = behind if kinds[i] else i + 1


@numba.njit(cache=True, nogil=True)
def _mark_tables(tag: Ints, after: Ints, letters: Ints, root: int, layout_tags: Bytes, kinds: Kinds) -> None:
    """Innermost tables of at least two rows and columns, without blocks inside, are data; others are layout."""
    layout = np.zeros(tag.size + 1, np.int32)
    for i in range(tag.size):
        name = layout_tags[tag[i]]
        layout[i + 1] = layout[i] + ((name and kinds[i] != SKIP) or kinds[i] == FENCE)
    i, stop = root, after[root]
    while i < stop:
        behind = after[i]
        if kinds[i]:
            i = behind
            continue
        if tag[i] == _T_TABLE and layout[behind] - layout[i] == 1:
            rows = width = cells = in_row = 0
            filled = False
            j = i + 1
            while j < behind:
                if kinds[j] == SKIP:
                    j = after[j]
                    continue
                if tag[j] == _T_TR:
                    in_row, filled = 0, False
                elif tag[j] == _T_TD or tag[j] == _T_TH:
                    in_row += 1
                    cells += 1
                    width = max(width, in_row)
                    if letters[after[j]] > letters[j] and not filled:
                        filled = True
                        rows += 1
                j += 1
            if rows > 1 and width > 1 and rows * width <= 2 * cells:  # else one long row would widen every other
                kinds[i] = TABLE
                i = behind
                continue
        i += 1
