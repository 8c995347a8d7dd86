"""Fill-in-the-middle, and what one document emits into the training stream.

Comes in: a document's plain ids, its path comment, its place in a sample, its id for the draws. Goes out: the ids it
emits, with layout and cuts, so that the text rebuilds them exactly. Knows no rows, shards or mixtures.

What a document emits:
    plain   [comment] ids
    PSM     <begin> [comment] prefix <hole> suffix <end> middle <stop>     (as published)
    SPM     <begin> <hole> suffix <end> [comment] prefix middle <stop>     (Bavarian et al., joint training)
The stop token is the end of sentence, or a family's own (`families`). The first document of a sample has the begin
token before this; the last one the end token after it, unless FIM has just put one there: a sample ends with exactly
one. The comment stands behind what must come first in a file, such as `#!` or an XML declaration (`heads`); where a cut
runs through that, there is none.

FIM is drawn per document and epoch, before packing, at rate 0.5 (DeepSeek-Coder-V2 §3.1); inside a repository sample
each file is a document (DeepSeek-Coder says "for each code file"). Two cuts, uniform on the characters of the edited
text, and sections encoded apart, as in Bavarian et al.: DeepSeek publishes neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from corpus.draws import uniform_draws
from tokenization.heads import head, is_open
from tokenization.lines import CutLine, cut_line
from tokenization.tokenizer import Tokenizer

LAYOUTS: Final = ("plain", "psm", "spm")  # codes of the column `layout`
PLAIN: Final = 0
PSM: Final = 1
SPM: Final = 2
_CODES: Final = {"psm": (PSM, PSM), "spm": (SPM, SPM), "joint": (PSM, SPM)}


@dataclass(frozen=True, kw_only=True, slots=True)
class FimConfig:
    """Which documents are cut, and how the sections are laid out."""

    rate: float = 0.5  # published
    layout: str = "psm"  # published; "spm", or "joint": each of both with probability one half
    domains: tuple[str, ...] = ("code",)  # unpublished; code text only is the safer reading
    min_chars: int = 10  # unpublished; shorter texts have no middle worth learning

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ValueError(f"FIM rate must be in [0, 1], not {self.rate}")
        if self.layout not in _CODES:
            raise ValueError(f"FIM layout must be one of {', '.join(_CODES)}, not {self.layout!r}")
        if self.min_chars < 0:
            raise ValueError(f"FIM min_chars must be at least 0, not {self.min_chars}: 0 cuts every document")


class Cut(NamedTuple):
    """Layout code, and the two character positions in the edited text; -1 where plain."""

    layout: int
    first: int
    second: int


class Place(NamedTuple):
    """Where a document stands: its path comment with newline or "", and whether its sample begins or ends with it."""

    comment: str
    first: bool
    last: bool


Part = np.ndarray | str  # ids, or text that is still to be encoded


class Sections(NamedTuple):
    """The three sections of a cut document, and how many of its plain ids they keep."""

    prefix: list[Part]
    middle: list[Part]
    suffix: list[Part]
    kept: int


class Draft(NamedTuple):
    """What a document emits, before its texts are encoded; `special` and `kept` count ids."""

    parts: list[Part]
    comment: int  # which of the parts is the path comment; -1 where there is none
    cut: Cut
    special: int
    kept: int
    replaced: int  # plain ids on cut lines, gone


class Emission(NamedTuple):
    """The ids a document emits, and what they are: plain + reencoded + special + comment == len(ids)."""

    ids: np.ndarray
    cut: Cut
    plain: int  # ids of the document as `encode` made them
    replaced: int  # those of them on cut lines, gone
    reencoded: int  # what stands there instead
    special: int
    comment: int


NOT_CUT: Final = Cut(PLAIN, -1, -1)


def draw_cut(cfg: FimConfig, document: bytes, domain: str, characters: int, epoch: tuple[int, int]) -> Cut:
    """The layout and cuts of this document in this epoch, `epoch` being (seed, repeat)."""
    if domain not in cfg.domains or characters < cfg.min_chars:
        return NOT_CUT
    seed, repeat = epoch
    chosen, a, b, side = uniform_draws(document, seed, "fim", repeat, 4)
    if chosen >= cfg.rate:
        return NOT_CUT
    first, second = sorted((int(a * (characters + 1)), int(b * (characters + 1))))
    return Cut(_CODES[cfg.layout][side >= 0.5], first, second)


def draft(tokenizer: Tokenizer, ids: np.ndarray, cut: Cut, place: Place) -> Draft:
    """What the document emits, from its plain ids."""
    before, comment = _head(tokenizer, ids, place.comment) if place.comment else (0, "")
    if cut.layout == PLAIN:
        kept, body = len(ids), commented(tokenizer, [ids], before, comment)
    else:
        sections = split(tokenizer, ids, cut.first, cut.second)
        prefix = sections.prefix if before > cut.first else commented(tokenizer, sections.prefix, before, comment)
        kept, body = sections.kept, arrange(tokenizer, cut.layout, sections._replace(prefix=prefix))
    parts = surround(tokenizer, cut.layout, place, body)
    at = next((i for i, part in enumerate(parts) if part is comment), -1) if comment else -1
    special = sum(len(part) for part in parts if not isinstance(part, str)) - kept
    return Draft(parts, at, cut, special, kept, len(ids) - kept)


def encoded(tokenizer: Tokenizer, drafts: Sequence[Draft]) -> list[Emission]:
    """The drafts with their texts encoded, all of them in one call."""
    texts = [part for made in drafts for part in made.parts if isinstance(part, str)]
    column = tokenizer.encode_column(pa.array(texts, pa.large_string()))
    offsets, ids = np.asarray(column.offsets), np.asarray(column.values, np.int32)
    emissions, at = [], 0
    for made in drafts:
        parts, comment, text_ids = [], 0, 0
        for place, part in enumerate(made.parts):
            if isinstance(part, str):
                part = ids[offsets[at] : offsets[at + 1]]
                at += 1
                text_ids += len(part)
                comment += len(part) if place == made.comment else 0
            parts.append(part)
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else _ids()
        emissions.append(Emission(whole, made.cut, made.kept, made.replaced, text_ids - comment, made.special, comment))
    return emissions


def emit(tokenizer: Tokenizer, ids: np.ndarray, cut: Cut, place: Place) -> Emission:
    """The same for one document."""
    return encoded(tokenizer, [draft(tokenizer, ids, cut, place)])[0]


def _head(tokenizer: Tokenizer, ids: np.ndarray, comment: str) -> tuple[int, str]:
    """After how many characters the comment stands, and the comment."""
    n, start = 4, tokenizer.raw(ids[:4]).decode("utf-8", "ignore")
    while n < len(ids) and is_open(start):
        n *= 8
        start = tokenizer.raw(ids[:n]).decode("utf-8", "ignore")
    return head(start, comment)


def commented(tokenizer: Tokenizer, prefix: list[Part], before: int, comment: str) -> list[Part]:
    """A text's first parts with the comment after so many characters, which end a line within the first part.

    Where the vocabulary joins that line's end with what follows there is no such place, and no comment.
    """
    if not comment or not before:
        return [comment, *prefix] if comment else prefix
    first, rest = prefix[0], prefix[1:]
    if isinstance(first, str):
        return [first[:before], comment, first[before:], *rest]
    ends = np.cumsum(tokenizer.characters[first[:before]])
    place = int(np.searchsorted(ends, before)) + 1
    if place > len(ends) or ends[place - 1] != before:
        return prefix
    return [first[:place], comment, first[place:], *rest]


def arrange(tokenizer: Tokenizer, layout: int, sections: Sections) -> list[Part]:
    """The sections of a cut document in the order of its layout, with the token that ends it."""
    begin, hole, end, stop = (
        _ids(token) for token in (tokenizer.fim_begin, tokenizer.fim_hole, tokenizer.fim_end, tokenizer.fim_stop)
    )
    prefix, middle, suffix = sections.prefix, sections.middle, sections.suffix
    if layout == PSM:
        return [begin, *prefix, hole, *suffix, end, *middle, stop]
    assert layout == SPM, f"no layout has the code {layout}"
    return [begin, hole, *suffix, end, *prefix, *middle, stop]


def surround(tokenizer: Tokenizer, layout: int, place: Place, body: list[Part]) -> list[Part]:
    """The begin token before a sample's first document, the end token after its last, never doubled."""
    ended = layout != PLAIN and tokenizer.fim_stop == tokenizer.end
    before: list[Part] = [_ids(tokenizer.begin)] if place.first and tokenizer.begin is not None else []
    after: list[Part] = [_ids(tokenizer.end)] if place.last and not ended else []
    return [*before, *body, *after]


def split(tokenizer: Tokenizer, ids: np.ndarray, first: int, second: int) -> Sections:
    """The three sections of a text cut at two characters, as if each had been encoded from its text.

    Where a line's ids do not depend on other lines, only the lines that a cut runs through are encoded again, their
    text decoded from their ids; otherwise the whole text is.
    """
    if not tokenizer.line_additive:
        text = tokenizer.text(ids)
        return Sections([text[:first]], [text[first:second]], [text[second:]], kept=0)
    a = cut_line(ids, tokenizer.characters, tokenizer.is_newline, first, 0, 0)
    b = cut_line(ids, tokenizer.characters, tokenizer.is_newline, second, a.start, a.before)
    if (a.start, a.stop) == (b.start, b.stop):
        left, between, right = _cut(tokenizer, ids, a, first, second)
        kept = a.start + len(ids) - a.stop
        return Sections([ids[: a.start], *left], between, [*right, ids[a.stop :]], kept)
    a_left, a_right = _cut(tokenizer, ids, a, first)
    b_left, b_right = _cut(tokenizer, ids, b, second)
    return Sections(
        prefix=[ids[: a.start], *a_left],
        middle=[*a_right, ids[a.stop : b.start], *b_left],
        suffix=[*b_right, ids[b.stop :]],
        kept=a.start + b.start - a.stop + len(ids) - b.stop,
    )


def _cut(tokenizer: Tokenizer, ids: np.ndarray, line: CutLine, *cuts: int) -> list[list[Part]]:
    """The line's text, cut at these characters of the document."""
    if line.start == line.stop:
        return [[] for _ in range(len(cuts) + 1)]
    text = tokenizer.text(ids[line.start : line.stop])
    places = [0, *(cut - line.before for cut in cuts), len(text)]
    return [[text[i:j]] for i, j in pairwise(places)]


def _ids(*tokens: int) -> np.ndarray:
    return np.array(tokens, np.int32)
