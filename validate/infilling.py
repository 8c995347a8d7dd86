"""Spans of held-out documents to fill in: single-line, multi-line and random-span, as OpenAI's Python sets name them.

Comes in: a document's text and id. Goes out: prefix, middle, suffix. The same document gives the same spans always.
Context is cut to what a short window holds, nearest the span first. Knows no model and no vocabulary.
"""

from dataclasses import dataclass
from typing import Final, Literal

from corpus.draws import uniform_draws

Kind = Literal["single-line", "multi-line", "random-span"]
KINDS: Final[tuple[Kind, ...]] = ("single-line", "multi-line", "random-span")
_COMMENTS: Final = ("#", "//", "/*", "*", "--", '"""', "'''")
_LONGEST: Final = 10  # lines of a multi-line span


@dataclass(frozen=True, slots=True)
class Span:
    """One piece of a document to be written between its neighbours."""

    kind: Kind
    prefix: str
    middle: str
    suffix: str

    def matches(self, answer: str) -> bool:
        """A single line by its first line, as RepoBench compares; any other span whole. White space around is free."""
        if self.kind == "single-line":
            return _first_line(answer) == self.middle.strip()
        return answer.strip() == self.middle.strip()


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[0].strip() if lines else ""


def spans(text: str, document: bytes, context: int, seed: int = 0) -> list[Span]:
    """One span of each kind, where the text has lines enough. `context`: characters kept on either side.

    A masked line is a body line: neither blank nor a comment.
    """
    one, two, three, four = uniform_draws(document, seed, "infilling", 0, 4)
    lines = text.splitlines(keepends=True)
    body = [i for i, line in enumerate(lines) if line.strip() and not line.strip().startswith(_COMMENTS)]
    if len(body) < 3:
        return []
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    made = []
    at = body[int(one * len(body))]
    made.append(_cut("single-line", text, (starts[at], starts[at] + len(lines[at].rstrip("\r\n"))), context))
    first = int(two * (len(body) - 1))
    last = min(len(body) - 1, first + 1 + int(three * (_LONGEST - 1)))
    end = starts[body[last]] + len(lines[body[last]].rstrip("\r\n"))
    made.append(_cut("multi-line", text, (starts[body[first]], end), context))
    low = int(four * len(text) * 0.9)
    high = min(len(text), low + 1 + int(three * 200))
    if text[low:high].strip():
        made.append(_cut("random-span", text, (low, high), context))
    return made


def _cut(kind: Kind, text: str, span: tuple[int, int], context: int) -> Span:
    low, high = span
    return Span(kind, text[max(0, low - context) : low], text[low:high], text[high : high + context])
