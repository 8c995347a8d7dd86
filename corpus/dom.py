"""A page's tree as arrays: one entry per element or run of text, in the order of the page.

Comes in: HTML as UTF-8 bytes. Goes out: `Dom`: the page as the parser writes it again, and for each node its tag, its
parent, where it lies in those bytes, where its subtree ends, and a set of flags that its class, id and role gave it.
The parser is lexbor's, behind resiliparse, so that broken markup means what it means to a browser. What it serialises
is regular (quotes, end tags, four references), so one loop turns it into arrays at 200 MB/s. Python calls on a tree's
nodes were where extraction spent its time, and some of them crash the interpreter (filters/visible.py).
Two kinds of markup cost that parser the square of their size, so they are counted before it sees them; such a page is
refused. This file refuses to know what the flags are good for.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt
from resiliparse.parse.html import HTMLTree

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int32]
Flags = npt.NDArray[np.int64]

MAX_ATTRIBUTES: Final = 1_000  # of one tag: 100,000 took lexbor 25 s, the square of it
MAX_STEPS: Final = 4_000_000  # open elements that end tags of formatting may have to look through, some 200 ns each

# Position in this tuple is the tag's code. Of what is missing, only the text counts.
TAGS: Final = (
    *("#text", "?", "html", "head", "body", "title", "script", "style", "noscript", "template", "iframe", "object"),
    *("form", "button", "select", "input", "textarea", "svg", "dialog", "nav", "header", "footer", "aside", "main"),
    *(
        "article",
        "section",
        "div",
        "p",
        "blockquote",
        "address",
        "figure",
        "figcaption",
        "details",
        "summary",
        "center",
    ),
    *("h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "pre", "listing", "code", "tt", "samp"),
    *("kbd", "table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th", "br", "hr", "wbr", "img", "sup", "sub"),
    *("math", "annotation", "mjx-container", "a", "span", "option", "menu", "fieldset", "hgroup", "search", "dir"),
    *("xmp", "plaintext", "noembed", "noframes", "math-renderer", "canvas", "audio", "video", "label", "b", "strong"),
)
CODE: Final[Mapping[str, int]] = {name: code for code, name in enumerate(TAGS)}
TEXT, OTHER = 0, 1
_IS_VOID, _IS_RAW = 1 << 16, 1 << 17
_VOID: Final = (
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"),
    *("basefont", "bgsound", "frame", "keygen", "param"),
)
_RAW: Final = ("script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext")  # serialised as they stand
_FORMATTING: Final = ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
_SELF_CLOSING: Final = (*_VOID, "p", "li", "td", "th", "tr", "dt", "dd", "option", "tbody", "thead", "tfoot")
# What a value is taken from: tag names, tokens of class, the whole id and role, attributes by presence, and words: the
# parts of classes and ids between - and _.
_SEEDS: Final = {"tag": 1, "class": 2, "id": 3, "role": 4, "has": 5, "word": 6}
_SLOTS: Final = 1 << 12


@dataclass(frozen=True, slots=True)
class Table:
    """Names to values, by hash; a forged collision flags a node of its own page and harms nobody else."""

    keys: npt.NDArray[np.uint64]
    values: Flags

    @classmethod
    def of(cls, names: Iterable[tuple[str, Iterable[str], int]]) -> "Table":
        """(what, names, value); values of the same name are united."""
        keys, values = np.zeros(_SLOTS, np.uint64), np.zeros(_SLOTS, np.int64)
        for what, several, value in names:
            for name in several:
                key = _hash_of(name, _SEEDS[what])
                slot = key % _SLOTS
                while keys[slot] not in (0, key):
                    slot = (slot + 1) % _SLOTS
                keys[slot] = key
                values[slot] |= value
        return cls(keys, values)


@dataclass(frozen=True, slots=True)
class Dom:
    """The nodes of a page. Of text: `start` to `end` are its bytes; of an element, what lies between its tags."""

    html: bytes  # as serialised: in text &amp; &lt; &gt; &nbsp;, in attributes &quot; too
    data: Bytes  # the same
    tag: Ints
    parent: Ints  # -1 at the top
    open: Ints  # where the start tag begins; for text as `start`
    start: Ints
    end: Ints
    after: Ints  # the first node behind the subtree
    flags: Flags
    letters: Ints  # bytes of text that are no white space before each node, and at last in all

    def __len__(self) -> int:
        return len(self.tag)

    def size(self, node: int) -> int:
        """Bytes of text inside, without white space, scripts and styles."""
        return int(self.letters[self.after[node]] - self.letters[node])

    def attribute(self, node: int, name: str) -> str:
        """Value of the attribute, or nothing."""
        found = re.search(_named(name), self.html[self.open[node] : self.start[node]])
        return unescaped(found.group(1)) if found else ""

    def tag_of(self, node: int) -> str:
        return TAGS[self.tag[node]]


def _named(name: str) -> bytes:
    return rb"\s" + re.escape(name.encode()) + rb'="([^"]*)"'


def unescaped(value: bytes) -> str:
    """What the serialiser escaped, as characters."""
    text = value.decode("utf-8", "replace")
    if "&" not in text:
        return text
    for name, character in (("&quot;", '"'), ("&nbsp;", "\xa0"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(name, character)
    return text


def parse(html: bytes, flags: Table) -> Dom | None:
    """The page's tree, or None where parsing it would cost more than a page may."""
    if not html or not _affordable(np.frombuffer(html, np.uint8), _GUARD.keys, _GUARD.values):
        return None
    written = HTMLTree.parse_from_bytes(html, "utf-8").document.html.encode("utf-8", "replace")
    data = np.frombuffer(written, np.uint8)
    nodes = 1 + 2 * written.count(b"<")  # an element, or a text before a tag
    ints = np.empty((6, nodes), np.int32)
    seen, letters = np.empty(nodes, np.int64), np.empty(nodes + 1, np.int32)
    n = _nodes(data, _NAMES.keys, _NAMES.values, flags.keys, flags.values, ints, seen, letters)
    tag, parent, opens, start, end, after = (row[:n] for row in ints)
    return Dom(written, data, tag, parent, opens, start, end, after, seen[:n], letters[: n + 1])


def _hash_of(name: str, seed: int) -> int:
    """`_hash`, without compiling anything while modules are imported."""
    key, most = 14695981039346656037 ^ seed, (1 << 64) - 1
    for byte in name.lower().encode():
        key = (key ^ byte) * 1099511628211 & most
    return key ^ key >> 29 or 1


@numba.njit(cache=True, nogil=True)
def _hash(data: Bytes, start: int, end: int, seed: int) -> np.uint64:
    """FNV-1a of the bytes, ASCII letters in lower case; never 0, which marks a free slot."""
    key = np.uint64(14695981039346656037) ^ np.uint64(seed)
    for at in range(start, end):
        byte = data[at]
        if 65 <= byte <= 90:
            byte |= np.uint8(0x20)
        key = (key ^ np.uint64(byte)) * np.uint64(1099511628211)
    key ^= key >> np.uint64(29)
    return key if key != 0 else np.uint64(1)


@numba.njit(cache=True, nogil=True)
def _look_up(keys: npt.NDArray[np.uint64], values: Flags, key: np.uint64) -> int:
    slot = np.int64(key % np.uint64(keys.size))
    while keys[slot] != 0:
        if keys[slot] == key:
            return int(values[slot])
        slot = (slot + 1) % keys.size
    return 0


_NAMES: Final = Table.of(
    (
        *(("tag", (name,), code) for name, code in CODE.items() if code > OTHER),
        ("tag", _VOID, _IS_VOID),
        ("tag", _RAW, _IS_RAW),
    )
)
_GUARD: Final = Table.of((("tag", _FORMATTING, 1), ("tag", _SELF_CLOSING, 2), ("tag", ("script", "style"), 4)))


# --- before parsing


@numba.njit(cache=True, nogil=True)
def _is_space(byte: np.uint8) -> bool:
    return bool(byte == 32 or 9 <= byte <= 13)


@numba.njit(cache=True, nogil=True)
def _is_letter(byte: np.uint8) -> bool:
    return bool(97 <= byte | 0x20 <= 122)


@numba.njit(cache=True, nogil=True)
def _name_end(data: Bytes, at: int) -> int:
    while at < data.size and not _is_space(data[at]) and data[at] != 0x3E and data[at] != 0x2F:
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _tag_end(data: Bytes, at: int) -> tuple[int, int]:
    """(behind the tag, how many attributes it has), as the HTML standard tokenises them."""
    attributes = 0
    while at < data.size:
        while at < data.size and (_is_space(data[at]) or data[at] == 0x2F):
            at += 1
        if at >= data.size or data[at] == 0x3E:
            return at + 1, attributes
        attributes += 1
        at += 1  # a name may begin with "="
        while at < data.size and not _is_space(data[at]) and data[at] not in (0x2F, 0x3E, 0x3D):
            at += 1
        behind = at
        while behind < data.size and _is_space(data[behind]):
            behind += 1
        if behind >= data.size or data[behind] != 0x3D:
            continue
        at = behind + 1
        while at < data.size and _is_space(data[at]):
            at += 1
        if at < data.size and data[at] in (0x22, 0x27):
            quote = data[at]
            at += 1
            while at < data.size and data[at] != quote:
                at += 1
            at += 1
        else:
            while at < data.size and not _is_space(data[at]) and data[at] != 0x3E:
                at += 1
    return at, attributes


@numba.njit(cache=True, nogil=True)
def _affordable(data: Bytes, keys: npt.NDArray[np.uint64], values: Flags) -> bool:
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
        kind = _look_up(keys, values, _hash(data, name, behind, 1))
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


# --- after parsing


@numba.njit(cache=True, nogil=True)
def _words(data: Bytes, start: int, end: int, keys: npt.NDArray[np.uint64], values: Flags) -> int:
    """Flags of the parts of a name between hyphens and underscores."""
    flags = 0
    word = start
    for at in range(start, end + 1):
        if at == end or data[at] == 0x2D or data[at] == 0x5F:
            if at > word:
                flags |= _look_up(keys, values, _hash(data, word, at, 6))
            word = at + 1
    return flags


@numba.njit(cache=True, nogil=True)
def _flags_of(data: Bytes, at: int, keys: npt.NDArray[np.uint64], values: Flags) -> tuple[int, int]:
    """(behind the start tag whose attributes begin at `at`, its flags)."""
    flags = 0
    while at < data.size and data[at] != 0x3E:
        name = at + 1
        at = name + 1
        while at + 1 < data.size and not (data[at] == 0x3D and data[at + 1] == 0x22):
            at += 1
        start = at + 2
        end = start
        while end < data.size and data[end] != 0x22:
            end += 1
        size = at - name
        at = end + 1
        flags |= _look_up(keys, values, _hash(data, name, name + size, 5))
        if size == 5 and data[name] == 0x63 and data[name + 1] == 0x6C and data[name + 4] == 0x73:  # class
            token = start
            while token < end:
                while token < end and _is_space(data[token]):
                    token += 1
                stop = token
                while stop < end and not _is_space(data[stop]):
                    stop += 1
                if stop > token:
                    flags |= _look_up(keys, values, _hash(data, token, stop, 2))
                    flags |= _words(data, token, stop, keys, values)
                token = stop
        elif size == 2 and data[name] == 0x69 and data[name + 1] == 0x64:  # id
            flags |= _look_up(keys, values, _hash(data, start, end, 3))
            flags |= _words(data, start, end, keys, values)
        elif size == 4 and data[name] == 0x72 and data[name + 1] == 0x6F and data[name + 3] == 0x65:  # role
            flags |= _look_up(keys, values, _hash(data, start, end, 4))
    return at + 1, flags


@numba.njit(cache=True, nogil=True)
def _raw_end(data: Bytes, at: int, name: int, size: int) -> int:
    """Where the end tag of a raw element begins."""
    while at < data.size:
        if data[at] == 0x3C and at + 2 + size < data.size and data[at + 1] == 0x2F:
            same = data[at + 2 + size] == 0x3E
            index = 0
            while same and index < size:
                same = data[at + 2 + index] == data[name + index]
                index += 1
            if same:
                return at
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _skipped(data: Bytes, at: int) -> int:
    """Behind the comment, declaration or instruction that begins at `at`."""
    comment = at + 3 < data.size and data[at + 1] == 0x21 and data[at + 2] == 0x2D and data[at + 3] == 0x2D
    at += 4 if comment else 2
    while at < data.size:
        if data[at] == 0x3E and (not comment or (data[at - 1] == 0x2D and data[at - 2] == 0x2D)):
            return at + 1
        at += 1
    return at


@numba.njit(cache=True, nogil=True)
def _nodes(
    data: Bytes,
    name_keys: npt.NDArray[np.uint64],
    name_values: Flags,
    flag_keys: npt.NDArray[np.uint64],
    flag_values: Flags,
    ints: Any,
    flags: Flags,
    letters: Ints,
) -> int:
    """Fill the arrays; how many nodes there are."""
    tag, parent, opens, start, end, after = ints[0], ints[1], ints[2], ints[3], ints[4], ints[5]
    at = n = seen = 0
    current = -1
    while at < data.size:
        begin = at
        if data[at] != 0x3C:
            letters[n] = seen
            while at < data.size and data[at] != 0x3C:
                seen += not _is_space(data[at])
                at += 1
            tag[n], parent[n], opens[n], start[n], end[n], after[n], flags[n] = 0, current, begin, begin, at, n + 1, 0
            n += 1
            continue
        following = data[at + 1] if at + 1 < data.size else np.uint8(0x21)
        if following == 0x21 or following == 0x3F:  # ! ?
            at = _skipped(data, at)
            continue
        name = at + 2 if following == 0x2F else at + 1
        behind = name
        while behind < data.size and data[behind] != 0x20 and data[behind] != 0x3E:
            behind += 1
        kind = _look_up(name_keys, name_values, _hash(data, name, behind, 1))
        code = max(kind & 0xFFFF, 1)
        if following == 0x2F:
            at = behind + 1
            if current >= 0 and tag[current] == code:  # what is serialised nests, but for the raw text of a few
                end[current], after[current] = begin, n
                current = parent[current]
            continue
        letters[n] = seen
        at, found = _flags_of(data, behind, flag_keys, flag_values)
        tag[n], parent[n], opens[n], start[n], end[n], after[n] = code, current, begin, at, at, n + 1
        flags[n] = found
        if kind & _IS_RAW:
            at = _raw_end(data, at, name, behind - name)  # its text is reached by `start` and `end`, and is no node
            end[n] = at
            at = min(at + behind - name + 3, data.size)
        elif not kind & _IS_VOID:
            current = n
        n += 1
    while current >= 0:
        end[current], after[current] = data.size, n
        current = parent[current]
    letters[n] = seen
    return n
