"""Markup that is made to be expensive, told before a parser sees it.

Comes in: HTML. Goes out: whether parsing it costs no more than a page may. Two kinds of markup cost lexbor the square
of their size: attributes of one tag, each compared with all before it, and end tags of formatting, each of which looks
through the open elements. Both are counted by one scan at 750 MB/s. Nesting is no concern: a million levels are parsed
in a tenth of a second.
"""

from typing import Final

import numba
import numpy as np

from corpus.names import Bytes, Flags, Keys, Table, hashed, is_space, look_up

MAX_ATTRIBUTES: Final = 1_000  # of one tag: 100,000 took lexbor 25 s, the square of it
MAX_STEPS: Final = 4_000_000  # open elements that end tags of formatting may have to look through, some 200 ns each

_VOID: Final = (
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"),
    *("basefont", "bgsound", "frame", "keygen", "param"),
)
_FORMATTING: Final = ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
_SELF_CLOSING: Final = (*_VOID, "p", "li", "td", "th", "tr", "dt", "dd", "option", "tbody", "thead", "tfoot")
_GUARD: Final = Table.of((("tag", _FORMATTING, 1), ("tag", _SELF_CLOSING, 2), ("tag", ("script", "style"), 4)))


def affordable(html: bytes) -> bool:
    """Whether no tag has too many attributes, and misnested formatting costs no more than MAX_STEPS."""
    return bool(_affordable(np.frombuffer(html, np.uint8), _GUARD.keys, _GUARD.values))


@numba.njit(cache=True, nogil=True)
def _is_letter(byte: np.uint8) -> bool:
    return bool(97 <= byte | 0x20 <= 122)


@numba.njit(cache=True, nogil=True)
def _name_end(data: Bytes, at: int) -> int:
    while at < data.size and not is_space(data[at]) and data[at] != 0x3E and data[at] != 0x2F:
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _tag_end(data: Bytes, at: int) -> tuple[int, int]:
    """(behind the tag, how many attributes it has), as the HTML standard tokenises them."""
    attributes = 0
    while at < data.size:
        while at < data.size and (is_space(data[at]) or data[at] == 0x2F):
            at += 1
        if at >= data.size or data[at] == 0x3E:
            return at + 1, attributes
        attributes += 1
        at += 1  # a name may begin with "="
        while at < data.size and not is_space(data[at]) and data[at] not in (0x2F, 0x3E, 0x3D):
            at += 1
        behind = at
        while behind < data.size and is_space(data[behind]):
            behind += 1
        if behind >= data.size or data[behind] != 0x3D:
            continue
        at = behind + 1
        while at < data.size and is_space(data[at]):
            at += 1
        if at < data.size and data[at] in (0x22, 0x27):
            quote = data[at]
            at += 1
            while at < data.size and data[at] != quote:
                at += 1
            at += 1
        else:
            while at < data.size and not is_space(data[at]) and data[at] != 0x3E:
                at += 1
    return at, attributes


@numba.njit(cache=True, nogil=True)
def _affordable(data: Bytes, keys: Keys, values: Flags) -> bool:
    """Whether no tag has too many attributes, and misnested formatting costs no more than MAX_STEPS."""
    at = depth = steps = 0
    while at + 1 < data.size:
        if data[at] != 0x3C:
            at += 1
            continue
        closing = data[at + 1] == 0x2F
        name = at + 2 if closing else at + 1
        if name >= data.size or not _is_letter(data[name]):
            at += 1
            continue
        behind = _name_end(data, name)
        kind = look_up(keys, values, hashed(data, name, behind, 1))
        at, attributes = _tag_end(data, behind)
        if attributes > MAX_ATTRIBUTES:
            return False
        if kind & 2:
            continue
        if not closing:
            depth += 1
            if kind & 4:  # what looks like tags inside is none
                while at < data.size and not (
                    data[at] == 0x3C
                    and at + 3 < data.size
                    and data[at + 1] == 0x2F
                    and data[at + 2] | 0x20 == 0x73  # s
                    and data[at + 3] | 0x20 in (0x63, 0x74)  # c, t
                ):
                    at += 1
            continue
        if kind & 1:
            steps += depth
            if steps > MAX_STEPS:
                return False
        depth = max(depth - 1, 0)
    return True
