r"""A page's formulas as LaTeX between $…$ and $$…$$, whatever drew them.

Comes in: a page's arrays (`corpus/dom.py`). Goes out: which nodes are formulas, and the text that replaces each; and,
for text in which a renderer's delimiters stand as they were written, the same delimiters.
Sources, the better first: MathJax 2's scripts; the TeX annotation of KaTeX, MediaWiki and LaTeXML; `alttext` and
`data-latex`; delimiters inside an element of class math (Sphinx, Arithmatex, pandoc, Stack Exchange); MathML itself,
which MathJax 3 keeps beside what it draws; the `alt` of a formula's image, or its address where that is the formula.
"""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote

import numpy as np

from corpus.dom import CODE, Dom
from corpus.frames import DISPLAY, FORMULA_IMAGE, KATEX, MATH, RENDERED, WIKI
from corpus.mathml import latex_of
from corpus.verbatim import BLOCK, INLINE, SKIP, Kinds, raw_text

_T_SCRIPT, _T_IMG, _T_MATH, _T_ANNOTATION = (CODE[name] for name in ("script", "img", "math", "annotation"))
_T_MJX, _T_RENDERER, _T_DIV, _T_CODE = (CODE[name] for name in ("mjx-container", "math-renderer", "div", "code"))
_RENDERERS: Final = (
    b"tex.s2cms.ru",
    b"codecogs.com",
    b"latex.php",
    b"chart.apis.google.com",
    b"mathtex.cgi",
    b"mimetex.cgi",
)
_READS: Final = 12  # candidates nested in each other are searched again; all together, so many times the page
_FLAGGED: Final = MATH | KATEX | WIKI | RENDERED
_TEX: Final = ("application/x-tex", "tex", "latex", "application/x-latex", "text/x-tex")
# The look-aheads keep it linear: a scan that meets the next opening delimiter stops there.
_DELIMITED: Final = re.compile(
    r"\\\((?P<inline>(?:(?!\\\().){1,1000}?)\\\)|\\\[(?P<display>(?:(?!\\\[).){1,4000}?)\\\]"
    r"|(?P<environment>\\begin\{(?P<name>equation|align|gather|multline|eqnarray)(?P<star>\*?)\}"
    r"(?:(?!\\begin\{(?P=name)).){1,4000}?\\end\{(?P=name)(?P=star)\})",
    re.DOTALL,
)


def take_formulas(dom: Dom, root: int, kinds: Kinds, places: Any, pieces: list[bytes]) -> None:
    """Mark the formulas below `root`, append what replaces them to `pieces`, and leave out what else drew them."""
    scripts = _scripts(dom, root)
    behind = -1
    budget = _READS * len(dom) + 4096
    for node in _candidates(dom, root, scripts):
        budget -= 1 if node < behind else int(dom.after[node]) - node
        if budget < 0:
            break
        if node < behind or (kinds[node] == SKIP and node not in scripts):
            continue
        if scripts and dom.flags[node] & RENDERED and dom.tag[node] != _T_SCRIPT:
            kinds[node] = SKIP  # the script beside it holds the source
            behind = int(dom.after[node])
            continue
        found = _formula(dom, node, kinds, places)
        if found is None:
            continue
        latex, display = found
        places[node] = len(pieces)
        pieces.append((f"$${latex}$$" if display else f"${' '.join(latex.split())}$").encode())
        kinds[node] = BLOCK if display else INLINE
        behind = int(dom.after[node])


def _scripts(dom: Dom, root: int) -> dict[int, bool]:
    """MathJax's scripts: node -> displayed. Those of left out parts stay left out."""
    found = {}
    for node in np.flatnonzero(dom.tag[root : dom.after[root]] == _T_SCRIPT) + root:
        kind = dom.attribute(int(node), "type")
        if kind.startswith("math/tex"):
            found[int(node)] = "mode=display" in kind.replace(" ", "")
    return found


def _candidates(dom: Dom, root: int, scripts: dict[int, bool]) -> Iterator[int]:
    """Nodes that may be formulas, in order."""
    stop = int(dom.after[root])
    tag, flags = dom.tag[root:stop], dom.flags[root:stop]
    maybe = (flags & _FLAGGED != 0) | (tag == _T_MATH) | (tag == _T_MJX) | (tag == _T_RENDERER) | (tag == _T_IMG)
    if scripts:
        maybe |= tag == _T_SCRIPT
    for node in (np.flatnonzero(maybe) + root).tolist():
        if dom.tag[node] != _T_SCRIPT or node in scripts:
            yield node


def _formula(dom: Dom, node: int, kinds: Kinds, places: Any) -> tuple[str, bool] | None:
    """(LaTeX, whether displayed) of an element, or None where it holds none in a form that can be read."""
    tag, flags = dom.tag[node], int(dom.flags[node])
    if tag == _T_SCRIPT:
        source = dom.html[dom.start[node] : dom.end[node]].decode()
        return _bare(source, "mode=display" in dom.attribute(node, "type").replace(" ", ""))
    if tag == _T_IMG:
        return _image(dom, node)
    display = _displayed(dom, node, flags)
    stop = int(dom.after[node])
    inside = dom.tag[node:stop]
    for annotation in (np.flatnonzero(inside == _T_ANNOTATION) + node).tolist():
        if dom.attribute(annotation, "encoding").lower() in _TEX:
            return _bare(raw_text(dom, annotation, kinds, places), display)
    for name in ("data-latex", "data-tex", "data-expr", "alttext"):
        value = dom.attribute(node, name)
        if value:
            return _bare(value, display)
    maths = (np.flatnonzero(inside == _T_MATH) + node).tolist()
    if maths and (tag in (_T_MATH, _T_MJX) or flags & (RENDERED | WIKI | KATEX)):
        display = display or _displayed(dom, maths[0], 0)
        latex = dom.attribute(maths[0], "alttext") or latex_of(dom, maths[0])
        return _bare(latex, display) if latex else None
    if flags & MATH or tag == _T_RENDERER:
        return _wrapped(raw_text(dom, node, kinds, places))
    return None


def _displayed(dom: Dom, node: int, flags: int) -> bool:
    """Whether an element says that its formula stands alone; a `math` inside speaks for a wrapper."""
    if flags & DISPLAY or "display" in dom.attribute(node, "class").lower():
        return True
    for inner in (node, *(np.flatnonzero(dom.tag[node : dom.after[node]] == _T_MATH) + node).tolist()[:1]):
        if dom.attribute(inner, "display") in ("block", "true") or dom.attribute(inner, "mode") == "display":
            return True
    return False


def _image(dom: Dom, node: int) -> tuple[str, bool] | None:
    """A formula's image: its `alt`, or its address where a service draws what stands in it."""
    start = dom.html[dom.open[node] : dom.start[node]]
    service = any(name in start for name in _RENDERERS)
    parent = int(dom.parent[node])
    above = [parent, int(dom.parent[parent])] if dom.tag_of(parent) == "p" else [parent]
    in_math = any(up >= 0 and dom.flags[up] & MATH for up in above)
    if not (service or in_math or dom.flags[node] & FORMULA_IMAGE or b"mwe-math" in start):
        return None
    in_block = any(up >= 0 and dom.flags[up] & MATH and dom.tag[up] == _T_DIV for up in above)
    display = in_block or b"fallback-image-display" in start or b"numberedequation" in start.lower()
    source = dom.attribute(node, "alt")
    if not source and service:
        address = dom.attribute(node, "src")
        source = unquote(re.split(r"\?(?:latex=|[a-z]+=)?", address, maxsplit=1)[-1]) if "?" in address else ""
        source = re.sub(r"\\(?:d|)pi\s*\{?\d+\}?|\\(?:large|huge|small|inline|bg_white)\b", "", source)
    return _bare(source, display)


def _bare(source: str, display: bool) -> tuple[str, bool] | None:
    """The formula without its own delimiters, MediaWiki's style switch, and white space around it."""
    latex = source.strip()
    wrapped = _wrapped(latex)
    if wrapped is not None:
        return wrapped[0], display or wrapped[1]
    style = re.fullmatch(r"\{\\(?:display|text|script)style\s*(.*)\}", latex, re.DOTALL)
    latex = (style.group(1) if style else latex).removesuffix("%").strip()
    return (latex, display) if latex and latex != "$" else None


def _wrapped(source: str) -> tuple[str, bool] | None:
    """A formula that brings its delimiters, as Sphinx and Arithmatex write it."""
    text = source.strip()
    for left, right, display in (("\\(", "\\)", False), ("\\[", "\\]", True), ("$$", "$$", True), ("$", "$", False)):
        inside = text[len(left) : len(text) - len(right)].strip()
        if text.startswith(left) and text.endswith(right) and inside and len(text) > len(left + right):
            return inside, display
    return None


def normalised(text: bytes, ranges: Any) -> bytes:
    r"""The text with \(…\), \[…\] and environments between dollars, outside the ranges of code and formulas."""
    made, last = [], 0
    for start, end in [*ranges.tolist(), [len(text), len(text)]]:
        part = text[last:start]
        if b"\\" in part:
            part = _DELIMITED.sub(_in_dollars, part.decode("utf-8", "replace")).encode()
        made += [part, text[start:end]]
        last = end
    return b"".join(made)


def _in_dollars(match: re.Match[str]) -> str:
    if match["inline"] is not None:
        return f"${match['inline'].strip()}$"
    return f"$${(match['display'] or match['environment']).strip()}$$"
