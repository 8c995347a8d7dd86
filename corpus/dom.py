"""A page's tree as arrays: one entry per element or run of text, in the order of the page.

Comes in: HTML as UTF-8 bytes. Goes out: `Dom`: the page as the parser writes it again, and for each node its tag, its
parent, where it lies in those bytes, where its subtree ends, and a set of flags that its class, id and role gave it.
The parser is lexbor's, behind resiliparse, so that broken markup means what it means to a browser. What it serialises
is regular (quotes, end tags, four references), so one loop turns it into arrays at some 140 MB/s. Python calls on a
tree's nodes were where extraction spent its time, and some of them crash the interpreter (filters/visible.py).
What would cost that parser the square of its size is refused before (`guard.py`).
This file refuses to know what the flags are good for.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt
from resiliparse.parse.html import HTMLTree

from corpus.guard import affordable
from corpus.names import Bytes, Flags, Keys, Table, hashed, is_space, look_up

Ints = npt.NDArray[np.int32]

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
    if not html or not affordable(html):
        return None
    document = HTMLTree.parse_from_bytes(html, "utf-8").document
    assert document is not None  # lexbor makes one of anything
    written = document.html.encode("utf-8", "replace")
    data = np.frombuffer(written, np.uint8)
    nodes = 1 + 2 * written.count(b"<")  # an element, or a text before a tag
    ints = np.empty((6, nodes), np.int32)
    seen, letters = np.empty(nodes, np.int64), np.empty(nodes + 1, np.int32)
    n = _nodes(data, _NAMES.keys, _NAMES.values, flags.keys, flags.values, ints, seen, letters)
    tag, parent, opens, start, end, after = (row[:n] for row in ints)
    return Dom(written, data, tag, parent, opens, start, end, after, seen[:n], letters[: n + 1])


_NAMES: Final = Table.of(
    (
        *(("tag", (name,), code) for name, code in CODE.items() if code > OTHER),
        ("tag", _VOID, _IS_VOID),
        ("tag", _RAW, _IS_RAW),
    )
)


@numba.njit(cache=True, nogil=True)
def _words(data: Bytes, start: int, end: int, keys: Keys, values: Flags) -> int:
    """Flags of the parts of a name between hyphens and underscores."""
    flags = 0
    word = start
    for at in range(start, end + 1):
        if at == end or data[at] == 0x2D or data[at] == 0x5F:
            if at > word:
                flags |= look_up(keys, values, hashed(data, word, at, 6))
            word = at + 1
    return flags


@numba.njit(cache=True, nogil=True)
def _flags_of(data: Bytes, at: int, keys: Keys, values: Flags) -> tuple[int, int]:
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
        flags |= look_up(keys, values, hashed(data, name, name + size, 5))
        if size == 5 and data[name] == 0x63 and data[name + 1] == 0x6C and data[name + 4] == 0x73:  # class
            token = start
            while token < end:
                while token < end and is_space(data[token]):
                    token += 1
                stop = token
                while stop < end and not is_space(data[stop]):
                    stop += 1
                if stop > token:
                    flags |= look_up(keys, values, hashed(data, token, stop, 2))
                    flags |= _words(data, token, stop, keys, values)
                token = stop
        elif size == 2 and data[name] == 0x69 and data[name + 1] == 0x64:  # id
            flags |= look_up(keys, values, hashed(data, start, end, 3))
            flags |= _words(data, start, end, keys, values)
        elif size == 4 and data[name] == 0x72 and data[name + 1] == 0x6F and data[name + 3] == 0x65:  # role
            flags |= look_up(keys, values, hashed(data, start, end, 4))
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
    name_keys: Keys,
    name_values: Flags,
    flag_keys: Keys,
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
                seen += not is_space(data[at])
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
        kind = look_up(name_keys, name_values, hashed(data, name, behind, 1))
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
