r"""HTML pages to Markdown-like text that keeps what this corpus is for: formulas and code.

Comes in: a page's bytes. Goes out: its main content as text: formulas between $…$ and $$…$$, code blocks fenced with
their language and indentation, inline code in backticks, headings, lists and tables as plain Markdown; navigation,
headers, footers and sidebars are left out.
How: what ordinary extraction loses is taken out of the DOM first and leaves a numbered mark behind, resiliparse turns
the rest into text, and the marks are then filled in. So the walk over all nodes runs in C++, and Python sees only
formulas, code, headings and tables. Not yet kept: MathML that carries neither TeX annotation nor `alttext`.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import map_encoding_to_html5
from resiliparse.parse.html import HTMLTree

from corpus.decode import Extracted, decode
from corpus.sources.raw import Raw

# Noncharacters of Unicode, which no text may interchange: "\ufdd0" number "\ufdd1" marks what is filled in later.
_OPEN, _CLOSE = "\ufdd0", "\ufdd1"
_MARK: Final = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")
_FORGED: Final = re.compile(
    f"{_OPEN}|{_CLOSE}".encode() + rb"|&#(?:x0*fdd[01]|0*6497[67])(?![0-9a-f]);?", re.IGNORECASE
)
_META: Final = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([-\w.:]{1,40})""", re.IGNORECASE)
_META_BYTES: Final = 4096  # HTML wants the declaration within 1,024; pages put it later

_MAIN: Final = ("main", "[role=main]", "#mw-content-text", "#bodyContent", "#mainbar", "#content", "article")
_MAIN_SHARE: Final = 0.3  # of the page's text; below it, what is called main is not the content
_DROPPED: Final = (
    "nav, footer, aside:not(.footnote):not(.footnote-list):not(.admonition), noscript, template, iframe, "
    "object, form, button, select, input, textarea, svg, dialog, "
    "[role=navigation], [role=banner], [role=contentinfo], [role=search], [role=complementary], [hidden], "
    ".nav, .navbar, .navigation, .menu, .sidebar, .sphinxsidebar, .related, .breadcrumb, .breadcrumbs, .toc, #toc, "
    ".contents.topic, .footer, #footer, .header, #header, .page-header, .site-header, body > header, .skip-link, "
    ".headerlink, .anchor, .anchorjs-link, .viewcode-link, .viewcode-back, .mw-editsection, .navbox, .catlinks, "
    ".noprint, .printfooter, "
    ".reference-return, .cookie-banner, .share, .social, .advertisement, .copybtn, .eqno, .sr-only, "
    "li.js-post-menu, .post-menu, .user-info, .votecell, .js-vote-count"
)
_DROPPED_SHARE: Final = 0.5  # of the page's text; what holds more is a layout element under an unlucky name
_CODE_DEBRIS: Final = ".linenos, .lineno, .linenodiv, .gutter, .line-numbers-rows, .blob-num, .copy-button"
_RENDERED: Final = ".MathJax_Preview, .MathJax, .MathJax_Display, .MathJax_SVG, .MathJax_SVG_Display, .MathJax_CHTML"
_MATH: Final = (
    "script[type^='math/tex'], .katex-display, .katex, .mwe-math-element, math, mjx-container, "
    "span.math, div.math, .arithmatex, .math img, img.math, img.tex, img.latex, "
    "img[class*='mwe-math'], img[src*='codecogs.com']"
)
_LANGUAGE: Final = re.compile(
    r"(?:^|\s)(?:language-|lang-|highlight-source-|highlight-|brush:\s*|sourceCode\s+)([\w+#.-]{1,30})"
)
_NO_LANGUAGE: Final = frozenset(
    {"default", "none", "text", "plain", "plaintext", "notranslate", "nohighlight", "output", "block"}
)
# The look-aheads keep it linear: a scan that meets the next opening delimiter stops there.
_DELIMITED: Final = re.compile(
    r"\\\((?P<inline>(?:(?!\\\().){1,1000}?)\\\)|\\\[(?P<display>(?:(?!\\\[).){1,4000}?)\\\]"
    r"|(?P<environment>\\begin\{(?P<name>equation|align|gather|multline|eqnarray)(?P<star>\*?)\}"
    r"(?:(?!\\begin\{(?P=name)).){1,4000}?\\end\{(?P=name)(?P=star)\})",
    re.DOTALL,
)
_HAS_MATH: Final = re.compile(rb"mathjax|katex", re.IGNORECASE)
_LISTS: Final = " ".join(["li"] * 20)  # lists nested as deep as no writer does: indentation would grow with the square
_READS: Final = 8  # an element is searched and copied; all together, per kind, may be this many times the page


@dataclass(slots=True)
class _Page:
    """A parsed page while its formulas, code and tables are taken out."""

    tree: Any
    size: int
    budget: int = 0
    kept: list[str] = field(default_factory=list)
    blocks: set[int] = field(default_factory=set)

    def all(self, selector: str) -> tuple[Any, ...]:
        """What the selector matches, and a fresh budget for looking into it."""
        self.budget = _READS * self.size + 4096
        return _all(self.tree.body, selector)

    def affords(self, node: Any) -> bool:
        """Whether the node may be searched. Elements nested in each other a hundred thousand deep cost the square."""
        if self.budget > 0:
            self.budget -= len(node.html) + 64
        return self.budget > 0

    def text(self, node: Any) -> str:
        """Text of the node as it stands, marks inside it filled in."""
        return _MARK.sub(lambda mark: self.kept[int(mark.group(1))], str(node.text))

    def put(self, node: Any, text: str, *, block: bool = False) -> None:
        """Leave a mark in the node's place; as a paragraph of its own where it is a block."""
        if node.parent is None:
            return
        mark = self.tree.create_text_node(f"{_OPEN}{len(self.kept)}{_CLOSE}")
        if block:
            self.blocks.add(len(self.kept))
            paragraph = self.tree.create_element("p")
            paragraph.append_child(mark)
            mark = paragraph
        self.kept.append(text)
        node.parent.replace_child(mark, node)


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
    return Extracted(text=text.encode(), encoding=made.encoding) if text else Extracted(refused="no_text")


def _as_browsers_do(charset: str) -> str:
    """Labels as the HTML standard reads them: iso-8859-1 is windows-1252, gb2312 is gbk."""
    try:
        return map_encoding_to_html5(charset) or charset
    except (LookupError, ValueError):
        return charset


def html_text(html: bytes) -> str:
    """Main content of a page, UTF-8, as text; empty where there is none."""
    clean = _FORGED.sub(b" ", html)  # a space and not nothing: what stands around it must not make another
    tree = HTMLTree.parse_from_bytes(clean, "utf-8")
    if tree.body is None or tree.body.query_selector(_LISTS) is not None:
        return ""
    page = _Page(tree, len(clean))
    _take_math(page)
    _drop_boilerplate(page)
    _take_code(page)
    _mark_headings(page)
    _take_tables(page)
    text = extract_plain_text(
        tree,
        preserve_formatting=True,
        main_content=False,
        list_bullets=True,
        alt_texts=False,
        links=False,
        form_fields=False,
    )
    text = re.sub(r"^( *)• ", r"\1- ", text, flags=re.MULTILINE)
    if _HAS_MATH.search(clean):  # elsewhere \( may be a regular expression
        text = _DELIMITED.sub(_normalised, text)
    return _filled(page, text)


def _all(node: Any, selector: str) -> tuple[Any, ...]:
    """What the selector matches. Not by iterating the collection: each step of that builds the whole list again."""
    found: tuple[Any, ...] = node.query_selector_all(selector)[:]
    return found


def _filled(page: _Page, text: str) -> str:
    """The text with every mark replaced, a blank line around blocks, and no more than one elsewhere."""
    tidy = re.sub("\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.split("\n")))
    parts = _MARK.split(tidy)  # text, number, text, …
    made: list[str] = [parts[0]]
    for number, after in zip(parts[1::2], parts[2::2], strict=True):
        if int(number) in page.blocks:
            while made and not made[-1].strip():
                made.pop()
            made[-1:] = [part.rstrip() for part in made[-1:]]
            made += ["\n\n", page.kept[int(number)], "\n\n", after.lstrip("\n")]
        else:
            made += [page.kept[int(number)], after]
    return "".join(made).strip("\n")


# --- main content


def _drop_boilerplate(page: _Page) -> None:
    body = page.tree.body
    for node in page.all("script, style"):  # their text would count as the page's
        if node.parent is not None:
            node.parent.remove_child(node)
    total = len(body.text)
    for selector in _MAIN:
        found = page.all(selector)
        if len(found) == 1 and len(found[0].text) >= _MAIN_SHARE * total:
            _isolate(body, found[0])
            break
    for node in page.all(_DROPPED):
        if node.parent is not None and page.affords(node) and len(node.text) <= _DROPPED_SHARE * total:
            node.parent.remove_child(node)


def _isolate(body: Any, node: Any) -> None:
    """Make the node the body's only child."""
    node.parent.remove_child(node)
    while (child := body.first_child) is not None:
        body.remove_child(child)
    body.append_child(node)


# --- mathematics


def _take_math(page: _Page) -> None:
    taken = 0
    for node in page.all(_MATH):
        found = _formula(page, node) if page.affords(node) else None
        if found is not None:
            latex, display = found
            page.put(node, f"$${latex}$$" if display else f"${' '.join(latex.split())}$", block=display)
            taken += 1
    for node in page.all(_RENDERED) if taken else ():  # the same formulas, drawn
        if node.parent is not None and page.affords(node) and _OPEN not in node.text:
            node.parent.remove_child(node)


def _formula(page: _Page, node: Any) -> tuple[str, bool] | None:
    """(LaTeX, whether displayed) of an element, or None where it holds none in a form that can be read."""
    classes = node.getattr("class") or ""
    tag = node.tag
    display = "display" in classes or (node.getattr("mode") or node.getattr("display") or "") in (
        "display",
        "block",
        "true",
    )
    if tag == "script":
        return _formula_of(page.text(node), "mode=display" in (node.getattr("type") or ""))
    if tag == "img":
        parent = node.parent
        above = [parent, parent.parent] if parent is not None and parent.tag == "p" else [parent]
        display = display or any(
            a is not None and a.tag == "div" and "math" in (a.getattr("class") or "") for a in above
        )
        return _formula_of(node.getattr("alt") or "", display)
    annotation = node.query_selector("annotation[encoding='application/x-tex'], annotation[encoding='TeX']")
    if annotation is not None:
        math = node if tag == "math" else node.query_selector("math")
        display = display or (math is not None and math.getattr("display") == "block")
        return _formula_of(page.text(annotation), display)
    math = node if tag == "math" else node.query_selector("math[alttext]")
    if math is not None and math.getattr("alttext"):
        return _formula_of(math.getattr("alttext"), display or math.getattr("display") == "block")
    return _wrapped(page.text(node)) if "math" in classes else None


def _formula_of(source: str, display: bool) -> tuple[str, bool] | None:
    """The formula without its own delimiters, MediaWiki's style switch, and white space around it."""
    latex = source.strip()
    wrapped = _wrapped(latex)
    if wrapped is not None:
        return wrapped[0], display or wrapped[1]
    style = re.fullmatch(r"\{\\(display|text)style\s*(.*)\}", latex, re.DOTALL)
    latex = (style.group(2) if style else latex).replace(_OPEN, "").replace(_CLOSE, "").strip()
    return (latex, display) if latex and latex != "$" else None


def _wrapped(source: str) -> tuple[str, bool] | None:
    """A formula that brings its delimiters, as Sphinx and Arithmatex write it."""
    text = source.strip()
    for left, right, display in (("\\(", "\\)", False), ("\\[", "\\]", True), ("$$", "$$", True), ("$", "$", False)):
        inside = text[len(left) : len(text) - len(right)].strip()
        if text.startswith(left) and text.endswith(right) and inside and len(text) > len(left + right):
            return inside, display
    return None


def _normalised(match: re.Match[str]) -> str:
    if match["inline"] is not None:
        return f"${match['inline'].strip()}$"
    return f"$${(match['display'] or match['environment']).strip()}$$"


# --- code


def _take_code(page: _Page) -> None:
    if page.tree.body.query_selector("pre") is not None:
        for node in page.all(_CODE_DEBRIS):
            if node.parent is not None:
                node.parent.remove_child(node)
    for node in page.all("pre"):
        if not page.affords(node):
            break
        for line_break in _all(node, "br"):
            line_break.parent.replace_child(page.tree.create_text_node("\n"), line_break)
        code = page.text(node).strip("\n").rstrip()
        if code:
            page.put(_layout_of(node), _fenced(code, _language(node)), block=True)
    for node in page.all("code, tt"):
        code = page.text(node) if page.affords(node) else ""
        if "\n" in code.strip():
            page.put(node, _fenced(code.strip("\n").rstrip(), _language(node)), block=True)
        elif code.strip():
            page.put(node, _inline(code.strip()))


def _layout_of(pre: Any) -> Any:
    """The table that sets line numbers beside the code, where there is one; else the element itself."""
    node = pre
    for _ in range(6):
        node = node.parent
        if node is None or node.tag == "body":
            return pre
        if node.tag == "table":
            return node if "highlight" in (node.getattr("class") or "") else pre
    return pre


def _language(node: Any) -> str:
    """Language that a class of the element, its `code` child or the two elements around it names, or nothing."""
    inner = node.query_selector("code") if node.tag == "pre" else None
    around = [node.parent, node.parent.parent if node.parent is not None else None]
    for element in (inner, node, *around):
        if element is None or not hasattr(element, "getattr"):
            continue
        found = _LANGUAGE.search(element.getattr("class") or "")
        name = found.group(1) if found else element.getattr("data-lang") or element.getattr("data-language") or ""
        if re.fullmatch(r"[\w+#.-]{1,30}", name) and name.lower() not in _NO_LANGUAGE:
            return name.lower()
    return ""


def _fenced(code: str, language: str) -> str:
    longest = max((len(run) for run in re.findall(r"^`{3,}", code, re.MULTILINE)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code}\n{fence}"


def _inline(code: str) -> str:
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", code)), default=0))
    return f"{fence}{code}{fence}" if len(fence) == 1 else f"{fence} {code} {fence}"


# --- headings and tables


def _mark_headings(page: _Page) -> None:
    for node in page.all("h1, h2, h3, h4, h5, h6"):
        if node.first_child is not None:
            node.insert_before(page.tree.create_text_node("#" * int(node.tag[1]) + " "), node.first_child)
    for node in page.all("span.classifier"):  # docutils separates a term from its type by a style sheet
        if node.first_child is not None:
            node.insert_before(page.tree.create_text_node(" : "), node.first_child)


def _take_tables(page: _Page) -> None:
    """Innermost tables of at least two rows and columns, without blocks inside, become Markdown; others are layout."""
    for node in page.all("table"):
        if not page.affords(node) or node.query_selector("table, h1, h2, h3, h4, ul, ol") is not None:
            continue
        if any(int(number) in page.blocks for number in _MARK.findall(node.text)):
            continue
        rows = [[_cell(page, cell) for cell in _all(row, "td, th")] for row in _all(node, "tr")]
        rows = [row for row in rows if any(row)]
        width = max((len(row) for row in rows), default=0)
        filled = len(rows) * width <= 2 * sum(map(len, rows))  # else one long row would be paid for by every other
        if len(rows) > 1 and width > 1 and filled:
            lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
            page.put(node, "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]]), block=True)


def _cell(page: _Page, cell: Any) -> str:
    return " ".join(page.text(cell).replace("|", "\\|").split())
