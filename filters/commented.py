"""How much of a source file is comments and docstrings, told by its language's comment marks.

Comes in: text and a language. Goes out: characters in comments. Strings are not parsed: a mark inside one counts, which
is good enough to choose a seed and wrong for a measure that drops files. Linear in the text, whatever the text.
"""

import re
from typing import Final

from filters.path_comments import SYNTAX

# Languages whose line comments have a block form too; each pair of marks is found by search, never by a pattern.
_BLOCKS: Final = {
    "//": (("/*", "*/"),),
    "--": (("{-", "-}"), ("/*", "*/")),
    "<!--": (("<!--", "-->"),),
    "(*": (("(*", "*)"),),
}
_DOCSTRINGS: Final = {
    "Python": (('"""', '"""'), ("'''", "'''")),
    "Cython": (('"""', '"""'), ("'''", "'''")),
    "Ruby": (("=begin", "=end"),),
}


def commented_characters(text: str, language: str | None) -> int:
    """Characters of whole-line comments, block comments and docstrings; 0 for a language whose marks are not known."""
    if language is None or language not in SYNTAX:
        return 0
    before, after = (mark.strip() for mark in SYNTAX[language])
    spans: list[tuple[int, int]] = []
    if not after:
        line = re.compile(rf"^[ \t]*{re.escape(before)}[^\n]*", re.M)
        spans += [match.span() for match in line.finditer(text)]
    pairs = _BLOCKS.get(before, ((before, after),) if after else ())
    for start, end in (*pairs, *_DOCSTRINGS.get(language, ())):
        spans += _between(text, start, end)
    return _union(spans)


def _between(text: str, start: str, end: str) -> list[tuple[int, int]]:
    found, at = [], text.find(start)
    while at >= 0:
        stop = text.find(end, at + len(start))
        if stop < 0:
            break
        found.append((at, stop + len(end)))
        at = text.find(start, stop + len(end))
    return found


def _union(spans: list[tuple[int, int]]) -> int:
    total, last = 0, 0
    for start, stop in sorted(spans):
        total += max(0, stop - max(start, last))
        last = max(last, stop)
    return total
