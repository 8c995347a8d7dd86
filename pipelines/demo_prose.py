"""The demo's natural language: news articles, and articles of a Wikipedia dump as JSON lines.

Comes in: gensim's wheel, whose test data hold both. Goes out: `lee_background.cor` as it is (one article per line) and
`wikipedia.jsonl` (id, title, url, date, text). The stemmed corpora of the same folder are no prose and stay there.
This file refuses to be a wikitext parser: templates, tables, references and comments go, links become their words, and
what else a template would have said is lost.
"""

import bz2
import html
import json
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

WHEEL: Final = "gensim==4.3.2"
DATA: Final = "gensim/test/test_data/"
DUMP: Final = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
SHORTEST: Final = 500  # characters of text: what is shorter is a redirect or a list of other meanings

_DROPPED: Final = tuple(
    re.compile(pattern, re.DOTALL | re.IGNORECASE)
    for pattern in (
        r"<!--.*?-->",
        r"<ref[^>/]*/>",
        r"<(ref|gallery|timeline|table|div|imagemap|math|source|score)\b[^>]*>.*?</\1\s*>",
    )
)
_INNERMOST: Final = re.compile(r"\{\{[^{}]*\}\}|\{\|(?:(?!\{\||\|\}).)*\|\}", re.DOTALL)
_FILE: Final = re.compile(
    r"\[\[(?:File|Image|Category|[a-z]{2,3}(?:-[a-z]+)?):(?:[^\[\]]|\[\[[^\[\]]*\]\])*\]\]", re.IGNORECASE
)
_LINK: Final = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]]*)\]\]")
_OUTSIDE: Final = re.compile(r"\[(?:https?|ftp)://\S+ ?([^\]]*)\]")
_BULLET: Final = re.compile(r"^[*#]+[:;]* *", re.MULTILINE)
_INDENT: Final = re.compile(r"^[:;]+ *", re.MULTILINE)
_HEADING: Final = re.compile(r"^(=+) *(.*?) *=+ *$", re.MULTILINE)
_LAST: Final = re.compile(
    r"^=+ *(References|Notes|External links|See also|Further reading|Footnotes|Bibliography) *=+", re.M
)


def documents(files: Mapping[str, Path], folder: Path) -> None:
    """Write both files; `files` is by requirement."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with zipfile.ZipFile(files[WHEEL]) as wheel:
        (folder / "lee_background.cor").write_bytes(wheel.read(f"{DATA}lee_background.cor"))
        dump = bz2.decompress(wheel.read(DATA + DUMP))
    lines = [json.dumps(article, ensure_ascii=False, sort_keys=True) + "\n" for article in articles(dump)]
    (folder / "wikipedia.jsonl").write_text("".join(lines), encoding="utf-8", newline="\n")


def articles(dump: bytes) -> Iterator[dict[str, str]]:
    """The articles of a dump in its own order; redirects, other name spaces and stubs are left out."""
    for page in ElementTree.fromstring(dump).iterfind("{*}page"):
        title = page.findtext("{*}title", "")
        if page.findtext("{*}ns") != "0" or page.find("{*}redirect") is not None:
            continue
        text = plain(page.findtext("{*}revision/{*}text", ""))
        if len(text) >= SHORTEST:
            yield {
                "id": page.findtext("{*}id", ""),
                "title": title,
                "url": "https://en.wikipedia.org/wiki/" + title.replace(" ", "_"),
                "date": page.findtext("{*}revision/{*}timestamp", ""),
                "text": f"{title}\n\n{text}\n",
            }


def plain(wikitext: str) -> str:
    """Paragraphs and headings of an article, without its mark-up and without the lists at its end."""
    text = wikitext
    for dropped in _DROPPED:
        text = dropped.sub("", text)
    found = 1
    while found:  # templates and tables, from the innermost outwards
        text, found = _INNERMOST.subn("", text)
    if last := _LAST.search(text):
        text = text[: last.start()]
    text = _LINK.sub(r"\1", _FILE.sub("", text))
    text = _OUTSIDE.sub(r"\1", text).replace("'''", "").replace("''", "")
    text = html.unescape(re.sub(r"</?[a-zA-Z][^>]*>", "", text))
    text = _INDENT.sub("", _BULLET.sub("- ", text))
    text = _HEADING.sub(lambda match: f"{'#' * len(match[1])} {match[2]}", text)
    return re.sub(r"\n\s*\n\s*", "\n\n", text).strip()
