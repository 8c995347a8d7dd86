"""What the names of classes, ids and roles say of an element: data, at one place.

Goes out: a table from names to flags (`corpus/names.py`). Whether a name is believed, `corpus/content.py` decides.
A new flag or rank goes to the end: Numba's caches of other files hold these numbers, and are not told of a change here.
"""

from typing import Final

from corpus.names import Table

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
BEST: Final = 1 << 24
RANK: Final = 24  # the first of the bits that say how well something is called the content

_DROPPED_CLASSES: Final = (
    *("nav", "navbar", "navigation", "menu", "sidebar", "sphinxsidebar", "related", "breadcrumb", "breadcrumbs", "toc"),
    *("footer", "header", "page-header", "site-header", "skip-link", "mw-editsection", "navbox", "catlinks", "noprint"),
    *("printfooter", "reference-return", "cookie-banner", "share", "social", "advertisement", "sr-only"),
    *("js-post-menu", "post-menu", "user-info", "votecell", "js-vote-count", "wy-nav-side", "wy-nav-top"),
    *("rst-footer-buttons", "rst-versions", "bd-sidebar", "bd-toc", "bd-header", "bd-footer", "prev-next-area"),
    *("header-article", "sidebar-drawer", "toc-drawer", "mobile-header", "announcement", "sig-paren-toggle"),
    *("vector-toc", "mw-jump-link", "mw-indicators", "mw-portlet", "vector-header-container", "mw-footer"),
    *("reflist-return", "ambox", "s-navigation", "s-topbar", "js-consent-banner", "site-footer", "post-signature"),
    *(
        "comments-link",
        "nav-links",
        "pagination",
        "pager",
        "page-nav",
        "prevnext",
        "bottom-nav",
        "navheader",
        "navfooter",
    ),
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
    *(
        "link-seesrc",
        "header-anchor",
        "heading-link",
        "hash-link",
        "hideme",
        "permalink",
        "edit-page-link",
        "clipboard",
    ),
)
_RENDERED: Final = (
    *("MathJax_Preview", "MathJax", "MathJax_Display", "MathJax_SVG", "MathJax_SVG_Display", "MathJax_CHTML"),
    "MathJax_MathML",
)
# How well something is called the content, best first; "tag" names elements.
MAIN: Final = (
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
    *((what, (name,), 1 << RANK + rank) for rank, names in enumerate(MAIN) for what, name in names if what != "tag"),
)
FLAGS: Final = Table.of(_NAMES)
