"""Benchmark `extract`: formulas, code lines and boilerplate lines kept on real pages, and speed, beside two peers.

Pages: the demo's WARC files (`make demo-input`), which the rules were made on, and apart from them, where BENCH_PAGES
names folders of HTML (separated as in PATH), 60 pages of each. Peers: resiliparse's main content, and trafilatura,
which brings a dozen packages with it and is looked for where BENCH_PEERS says: `pip install --target peers
trafilatura==2.3.1 lxml_html_clean`, BENCH_PEERS=peers.
What a page holds is found without our code, by the standard library's `html.parser` and plain rules:
- formulas: TeX in MathJax scripts, annotations, `alttext`, `alt` of images of class math, tex or latex, and in
  delimiters in elements of class math or, on pages that name MathJax or KaTeX, in text. Each once a page, compared
  without white space; ours count only between dollars, a peer's anywhere in its text.
- code lines: of `pre` outside nav, header, footer and aside, without line numbers; compared with their indentation.
- boilerplate: lines outside `pre` that stand on at least half of the pages of a site of 20 pages or more.
"""

import os
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks._figures import figure
from corpus.decode import decode
from corpus.extract import html_text
from corpus.schema import LISTING
from corpus.sources.commoncrawl import listing, read, roots
from pipelines.recipes import demo

_row = partial(figure, "extract")

_PER_FOLDER: Final = 60
_SITE_PAGES: Final = 20
_VOID: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr", "param"]
)
_HIDDEN: Final = frozenset(["script", "style", "noscript", "template", "head", "title", "select", "textarea", "svg"])
_INLINE: Final = frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "ins",
        "kbd",
        "label",
        "mark",
        "nobr",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
        "img",
    ]
)
_FRAME: Final = frozenset(["nav", "header", "footer", "aside"])
_NUMBERS: Final = frozenset(
    ["linenos", "lineno", "linenodiv", "gutter", "line-numbers-rows", "copybtn", "copy-button", "headerlink"]
)
_WRAPPED: Final = re.compile(r"^\s*(?:\\\((.+)\\\)|\\\[(.+)\\\]|\$\$(.+)\$\$|\$(.+)\$)\s*$", re.DOTALL)
_DELIMITED: Final = re.compile(r"\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
Extract = Callable[[bytes], str]


@dataclass
class Page:
    """What stands on a page, found by plain means."""

    site: str
    html: bytes
    formulas: set[str] = field(default_factory=set)
    code: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    peers = {"resiliparse main content": _resiliparse()}
    if (trafilatura := _trafilatura()) is not None:
        peers["trafilatura"] = trafilatura
    for group, found in (("demo", _crawled()), ("others", _others())):
        pages = [_read(site, html) for site, html in found]
        if pages:
            yield from _compared(group, pages, peers)


def _compared(group: str, pages: list[Page], peers: dict[str, Extract]) -> Iterator[dict[str, Any]]:
    template = _templates(pages)
    kept, speed = _measure(pages, template, _ours, dollars=True)
    for name, peer in peers.items():
        theirs, their_speed = _measure(pages, template, peer, dollars=False)
        for what, (found, total) in kept.items():
            ours, other = 100 * found / total, 100 * theirs[what][0] / total
            yield _row(f"{group}: {what}, of {total:,}", "% kept", ours, name, other)
        yield _row(f"{group}: HTML of {len(pages):,} pages", "MB/s", speed, name, their_speed)


# --- pages


def _crawled() -> Iterator[tuple[str, bytes]]:
    """(site, HTML as UTF-8) of what the demo crawls."""
    source = next(batch.source for batch in demo().crawl.batches if batch.output == "pool")
    for root in roots(source):
        table = pa.Table.from_batches(list(listing(source, root)), LISTING)
        for raw in read(source, table.filter(pc.is_null(table["refused"]))):
            made = decode(raw.data, raw.charset)
            if not made.refused:
                yield urlsplit(raw.path).netloc, made.text


def _others() -> Iterator[tuple[str, bytes]]:
    """The same of files below the folders of BENCH_PAGES, evenly chosen."""
    for folder in filter(None, os.environ.get("BENCH_PAGES", "").split(os.pathsep)):
        files = sorted(path for path in Path(folder).rglob("*.html") if path.is_file() and not path.is_symlink())
        for path in files[:: max(1, len(files) // _PER_FOLDER)][:_PER_FOLDER]:
            made = decode(path.read_bytes())
            if not made.refused:
                yield folder, made.text


class _Reader(HTMLParser):
    """A page's formulas, code and lines, from a stack of open elements that forgives what is not closed."""

    def __init__(self, page: Page) -> None:
        super().__init__(convert_charrefs=True)
        self.page = page
        self.stack: list[tuple[str, dict[str, str], list[str]]] = []  # tag, attributes, text inside
        self.line: list[str] = []
        self.text: list[str] = []  # in which delimiters may stand

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag not in _INLINE:
            self.end_line()
        if tag == "br" and self.inside({"pre"}):
            self.handle_data("\n")
        if tag == "img" and named.get("alt") and self.is_formula_image(named):
            self.formula(named["alt"])
        if tag not in _VOID:
            self.stack.append((tag, named, []))

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE:
            self.end_line()
        depth = next((i for i in range(len(self.stack) - 1, -1, -1) if self.stack[i][0] == tag), None)
        if depth is None or len(self.stack) - depth > 30:
            return
        for _ in range(len(self.stack) - depth):
            self.ended(*self.stack.pop())

    def handle_data(self, data: str) -> None:
        classes = {name for _, attrs, _ in self.stack for name in attrs.get("class", "").split()}
        if not classes & _NUMBERS:
            for _, _, inside in self.stack[-12:]:
                inside.append(data)
        if not self.inside(_HIDDEN | {"pre"}):
            self.line.append(data)
        if not self.inside(_HIDDEN | {"pre", "code", "tt"}):
            self.text.append(data)

    def ended(self, tag: str, attrs: dict[str, str], inside: list[str]) -> None:
        text = "".join(inside)
        classes = set(attrs.get("class", "").split())
        if (tag == "script" and attrs.get("type", "").startswith("math/tex")) or (
            tag == "annotation" and attrs.get("encoding", "").lower() in ("application/x-tex", "tex")
        ):
            self.formula(text)
        elif tag == "math" and attrs.get("alttext"):
            self.formula(attrs["alttext"])
        elif classes & {"math", "arithmatex", "math-container"} and _WRAPPED.match(text):
            self.formula(text)
        if tag == "pre" and not self.inside(_FRAME):
            self.page.code += [line.replace("\xa0", " ").rstrip() for line in text.split("\n") if line.strip()]

    def is_formula_image(self, attrs: dict[str, str]) -> bool:
        classes = set(attrs.get("class", "").split())
        around = {name for _, above, _ in self.stack[-2:] for name in above.get("class", "").split()}
        return bool(classes & {"math", "tex", "latex"} or "math" in around or "mwe-math" in attrs.get("class", ""))

    def formula(self, source: str) -> None:
        wrapped = _WRAPPED.match(source)
        bare = next(part for part in wrapped.groups() if part is not None) if wrapped else source
        flat = _flat(re.sub(r"^\s*\{\\(?:display|text)style(.*)\}\s*$", r"\1", bare, flags=re.DOTALL)).removesuffix("%")
        if flat:
            self.page.formulas.add(flat)

    def inside(self, tags: frozenset[str] | set[str]) -> bool:
        return any(tag in tags for tag, _, _ in self.stack)

    def end_line(self) -> None:
        line = " ".join("".join(self.line).split())
        if line:
            self.page.lines.append(line)
        self.line = []


def _read(site: str, html: bytes) -> Page:
    page = Page(site, html)
    reader = _Reader(page)
    reader.feed(html.decode())
    reader.end_line()
    if re.search(rb"mathjax|katex", html, re.IGNORECASE):
        for match in _DELIMITED.finditer("".join(reader.text)):
            reader.formula(match.group(1) or match.group(2))
    return page


def _flat(text: str) -> str:
    return "".join(text.split())


def _templates(pages: list[Page]) -> dict[str, set[str]]:
    """Lines that stand on at least half of a site's pages."""
    sites: dict[str, list[Page]] = defaultdict(list)
    for page in pages:
        sites[page.site].append(page)
    made = {}
    for site, own in sites.items():
        counts = Counter(line for page in own for line in set(page.lines))
        made[site] = {line for line, n in counts.items() if 2 * n >= len(own)} if len(own) >= _SITE_PAGES else set()
    return made


# --- extractors


def _ours(html: bytes) -> str:
    return (html_text(html) or b"").decode()


def _resiliparse() -> Extract:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    return lambda html: str(
        extract_plain_text(HTMLTree.parse_from_bytes(html, "utf-8"), preserve_formatting=True, main_content=True)
    )


def _trafilatura() -> Extract | None:
    sys.path += filter(None, [os.environ.get("BENCH_PEERS")])  # at the end: it replaces nothing of this environment
    try:
        import trafilatura
    except ImportError:
        return None
    return lambda html: trafilatura.extract(html.decode(), output_format="markdown", include_formatting=True) or ""


def _measure(
    pages: list[Page], template: dict[str, set[str]], extract: Extract, *, dollars: bool
) -> tuple[dict[str, tuple[int, int]], float]:
    """({what: (kept, of all)}, MB of HTML a second of processor time)."""
    extract(b"<p>compiled, or read from the cache</p>")
    started = time.process_time()
    texts = [extract(page.html) for page in pages]
    seconds = time.process_time() - started
    kept: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for page, text in zip(pages, texts, strict=True):
        flat, lines = _flat(text), {line.rstrip() for line in text.split("\n")}
        shown = {" ".join(line.strip("#-*|> `").split()) for line in lines}
        boilerplate = [line for line in page.lines if line in template[page.site]]
        total += Counter(formulas=len(page.formulas), code=len(page.code), boilerplate=len(boilerplate))
        kept["formulas"] += sum((f"${formula}$" if dollars else formula) in flat for formula in page.formulas)
        kept["code"] += sum(line in lines for line in page.code)
        kept["boilerplate"] += sum(line.strip("#-*|> `") in shown for line in boilerplate)
    named = {"formulas": "formulas", "code": "code lines", "boilerplate": "boilerplate lines"}
    measured = {named[what]: (kept[what], n) for what, n in total.items() if n}
    return measured, sum(len(page.html) for page in pages) / 1e6 / seconds
