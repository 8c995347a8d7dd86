r"""HTML pages to Markdown-like text that keeps what this corpus is for: formulas and code.

Comes in: a page's bytes. Goes out: its main content as text: formulas between $…$ and $$…$$, code blocks fenced with
their language and indentation, inline code in backticks, headings, lists and tables as plain Markdown; navigation,
headers, footers and sidebars are left out.
How: the page becomes arrays (`dom.py`), each node's fate is decided in them (`content.py`), formulas are read
(`formulas.py`), and one loop writes the text (`markdown.py`). Python sees pages, formulas and code blocks, and no other
node; the rest is compiled. Pages whose markup is made to be expensive are refused.
"""

import re
from typing import Final

import numpy as np
from resiliparse.parse.encoding import map_encoding_to_html5

from corpus.content import content, structure
from corpus.decode import Extracted, decode
from corpus.dom import CODE, Dom, parse
from corpus.formulas import normalised, take_formulas
from corpus.frames import FLAGS
from corpus.markdown import write
from corpus.sources.raw import Raw
from corpus.verbatim import FENCE

_META: Final = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([-\w.:]{1,40})""", re.IGNORECASE)
_META_BYTES: Final = 4096  # HTML wants the declaration within 1,024; pages put it later
_LANGUAGE: Final = re.compile(
    r"(?:^|\s)(?:language-|lang-|highlight-source-|mw-highlight-lang-|highlight-|brush:\s*|sourceCode\s+|src-)"
    r"([\w+#.-]{1,30})"
)
_NO_LANGUAGE: Final = frozenset(
    {"default", "none", "text", "plain", "plaintext", "notranslate", "nohighlight", "output", "block", "auto"}
)
_HAS_MATH: Final = re.compile(rb"mathjax|katex", re.IGNORECASE)


def page_text(raw: Raw) -> Extracted:
    """Extractor for web pages: decoded by mark, UTF-8, HTTP header, meta element or detection; then `html_text`."""
    found = _META.search(raw.data[:_META_BYTES])
    meta = found.group(1).decode("ascii", "replace") if found else None
    made = Extracted(refused="not_utf8")
    for charset in (raw.charset, meta):
        made = decode(raw.data, charset and _as_browsers_do(charset))
        if made.refused != "not_utf8":
            break
    if made.refused:
        return made
    text = html_text(made.text)
    if text is None:
        return Extracted(refused="runaway_markup")
    return Extracted(text=text, encoding=made.encoding) if text else Extracted(refused="no_text")


def _as_browsers_do(charset: str) -> str:
    """Labels as the HTML standard reads them: iso-8859-1 is windows-1252, gb2312 is gbk."""
    try:
        return map_encoding_to_html5(charset) or charset
    except (LookupError, ValueError):
        return charset


def html_text(html: bytes) -> bytes | None:
    """Main content of a page, both UTF-8; empty where there is none, None where the markup is made to be expensive."""
    if not html:
        return b""
    dom = parse(html, FLAGS)
    if dom is None:
        return None
    found = content(dom)
    if found is None:
        return b""
    root, kinds = found
    places = np.full(len(dom), -1, np.int32)
    pieces: list[bytes] = []
    take_formulas(dom, root, kinds, places, pieces)
    structure(dom, root, kinds)
    for node in np.flatnonzero(kinds == FENCE).tolist():
        places[node] = len(pieces)
        pieces.append(_language(dom, node).encode())
    text, ranges = write(dom, root, kinds, places, pieces)
    if _HAS_MATH.search(html):  # elsewhere \( may be a regular expression
        text = normalised(text, ranges)
    return text.strip(b"\n")


def _language(dom: Dom, node: int) -> str:
    """Language that a class of the element, its `code` child or the two elements around it names, or nothing."""
    inner = (np.flatnonzero(dom.tag[node : dom.after[node]] == CODE["code"]) + node).tolist()[:1]
    parent = int(dom.parent[node])
    around = [parent, int(dom.parent[parent])] if parent >= 0 else []
    for element in (*inner, node, *around):
        if element < 0:
            continue
        found = _LANGUAGE.search(dom.attribute(element, "class"))
        name = (
            found.group(1) if found else dom.attribute(element, "data-lang") or dom.attribute(element, "data-language")
        )
        if re.fullmatch(r"[\w+#.-]{1,30}", name) and name.lower() not in _NO_LANGUAGE:
            return name.lower()
    return ""
