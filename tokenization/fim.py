"""Fill-in-the-middle, and what one document emits into the training stream.

Comes in: a document's plain ids, its path comment, its place in a sample, its id for the draws. Goes out: the ids it
emits, with layout and cuts, so that the text rebuilds them exactly. Knows no rows, shards or mixtures.

What a document emits:
    plain   [comment] ids
    PSM     <begin> [comment] prefix <hole> suffix <end> middle <end of sentence>     (as published)
    SPM     <begin> <hole> suffix <end> [comment] prefix middle <end of sentence>     (Bavarian et al., joint training)
The first document of a sample has the begin token before this; the last one the end token after it, unless FIM has
just put one there: a sample ends with exactly one end token.

FIM is drawn per document and epoch, before packing, at rate 0.5 (DeepSeek-Coder-V2 §3.1); inside a repository sample
each file is a document (DeepSeek-Coder says "for each code file"). Two cuts, uniform on the characters of the edited
text, and sections encoded apart, as in Bavarian et al.: DeepSeek publishes neither.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from corpus.draws import uniform_draws
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


class Emission(NamedTuple):
    """The ids a document emits, and what they are: plain + reencoded + special + comment == len(ids)."""

    ids: np.ndarray
    cut: Cut
    plain: int  # ids of the document as `encode` made them
    replaced: int  # those of them on cut lines, gone
    reencoded: int  # what stands there instead
    special: int
    comment: int


class Sections(NamedTuple):
    prefix: np.ndarray
    middle: np.ndarray
    suffix: np.ndarray
    kept: int  # of the plain ids


_NOT_CUT: Final = Cut(PLAIN, -1, -1)


def draw_cut(cfg: FimConfig, document: bytes, domain: str, characters: int, epoch: tuple[int, int]) -> Cut:
    """The layout and cuts of this document in this epoch, `epoch` being (seed, repeat)."""
    if domain not in cfg.domains or characters < cfg.min_chars:
        return _NOT_CUT
    seed, repeat = epoch
    chosen, a, b, side = uniform_draws(document, seed, "fim", repeat, 4)
    if chosen >= cfg.rate:
        return _NOT_CUT
    first, second = sorted((int(a * (characters + 1)), int(b * (characters + 1))))
    return Cut(_CODES[cfg.layout][side >= 0.5], first, second)


def emit(tokenizer: Tokenizer, ids: np.ndarray, cut: Cut, place: Place) -> Emission:
    """What the document emits, from its plain ids."""
    comment = tokenizer.encode(place.comment) if place.comment else _ids()
    if cut.layout == PLAIN:
        sections, body = Sections(ids, _ids(), _ids(), len(ids)), [comment, ids]
    else:
        sections = split(tokenizer, ids, cut.first, cut.second)
        body = arrange(tokenizer, cut.layout, comment, sections)
    emitted = np.concatenate(surround(tokenizer, cut.layout, place, body))
    text_ids = len(sections.prefix) + len(sections.middle) + len(sections.suffix)
    return Emission(
        ids=emitted,
        cut=cut,
        plain=sections.kept,
        replaced=len(ids) - sections.kept,
        reencoded=text_ids - sections.kept,
        special=len(emitted) - text_ids - len(comment),
        comment=len(comment),
    )


def arrange(tokenizer: Tokenizer, layout: int, comment: np.ndarray, sections: Sections) -> list[np.ndarray]:
    """The sections of a cut document in the order of its layout, with its end token."""
    begin, hole, end, stop = (
        _ids(token) for token in (tokenizer.fim_begin, tokenizer.fim_hole, tokenizer.fim_end, tokenizer.end)
    )
    prefix, middle, suffix = sections.prefix, sections.middle, sections.suffix
    if layout == PSM:
        return [begin, comment, prefix, hole, suffix, end, middle, stop]
    assert layout == SPM, f"no layout has the code {layout}"
    return [begin, hole, suffix, end, comment, prefix, middle, stop]


def surround(tokenizer: Tokenizer, layout: int, place: Place, body: list[np.ndarray]) -> list[np.ndarray]:
    """The begin token before a sample's first document, the end token after its last, never doubled."""
    before = [_ids(tokenizer.begin)] if place.first else []
    after = [_ids(tokenizer.end)] if place.last and layout == PLAIN else []
    return [*before, *body, *after]


def split(tokenizer: Tokenizer, ids: np.ndarray, first: int, second: int) -> Sections:
    """Ids of the three sections of a text cut at two characters, as if each had been encoded from its text.

    Where a line's ids do not depend on other lines, only the lines that a cut runs through are encoded again, their
    text decoded from their ids; otherwise the whole text is.
    """
    ends = np.cumsum(tokenizer.characters[ids])
    if not tokenizer.line_additive:
        text = tokenizer.text(ids)
        prefix, middle, suffix = (tokenizer.encode(part) for part in (text[:first], text[first:second], text[second:]))
        return Sections(prefix, middle, suffix, kept=0)
    newlines = np.flatnonzero(tokenizer.is_newline[ids])
    a, b = (_line_of(ends, newlines, cut, len(ids)) for cut in (first, second))
    if a == b:
        left, between, right = _encode_cut(tokenizer, ids[a[0] : a[1]], ends, a[0], (first, second))
        kept = a[0] + len(ids) - a[1]
        return Sections(np.concatenate([ids[: a[0]], left]), between, np.concatenate([right, ids[a[1] :]]), kept)
    a_left, a_right = _encode_cut(tokenizer, ids[a[0] : a[1]], ends, a[0], (first,))
    b_left, b_right = _encode_cut(tokenizer, ids[b[0] : b[1]], ends, b[0], (second,))
    return Sections(
        prefix=np.concatenate([ids[: a[0]], a_left]),
        middle=np.concatenate([a_right, ids[a[1] : b[0]], b_left]),
        suffix=np.concatenate([b_right, ids[b[1] :]]),
        kept=a[0] + b[0] - a[1] + len(ids) - b[1],
    )


def _line_of(ends: np.ndarray, newlines: np.ndarray, cut: int, n: int) -> tuple[int, int]:
    """First and last id (exclusive) of the line, without newlines, that a cut runs through; empty at a line's edge."""
    # ends[i] is the characters up to and with id i. An id whose last character is at or before the cut stays left.
    left = int(np.searchsorted(ends, cut, side="right"))
    before = int(np.searchsorted(newlines, left))
    start = int(newlines[before - 1]) + 1 if before else 0
    stop = int(newlines[before]) if before < len(newlines) else n
    at_start = cut == (int(ends[start - 1]) if start else 0)
    at_stop = cut == (int(ends[stop - 1]) if stop else 0)
    return (start, start) if at_start else (stop, stop) if at_stop else (start, stop)


def _encode_cut(
    tokenizer: Tokenizer, line: np.ndarray, ends: np.ndarray, start: int, cuts: tuple[int, ...]
) -> list[np.ndarray]:
    """The line's text, cut at these characters of the document, part by part as ids."""
    text = tokenizer.text(line)
    done = int(ends[start - 1]) if start else 0
    places = [0, *(cut - done for cut in cuts), len(text)]
    return [tokenizer.encode(text[i:j]) for i, j in pairwise(places)]


def _ids(*tokens: int) -> np.ndarray:
    return np.array(tokens, np.int32)
