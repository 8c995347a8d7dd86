"""What becomes of each node of a page: left out, code, a data table, an index, or what its tag says.

Comes in: a page's arrays (`corpus/dom.py`). Goes out: the node whose subtree is the page's content, and one kind for
every node in it (`corpus/verbatim.py`). What names say (`corpus/frames.py`) is believed only where the sizes of text
agree: a `main` with a tenth of the page's text is not the content, and a `sidebar` with half of it is the layout,
unless it is nearly all links; and so is a block of many links that nothing names a menu.
This file refuses to know formulas and how anything is written.
"""

from typing import Final

import numba
import numpy as np

from corpus.dom import CODE, TAGS, Dom, Ints
from corpus.frames import BEST, CONTENTS, DEBRIS, DROP, HIGHLIGHT, KEEP, MAIN, NAMED, NOT_CODE, RANK, SECTION, TOPIC
from corpus.names import Bytes, Flags
from corpus.verbatim import FENCE, INLINE_CODE, SCRIPT, SKIP, TABLE, Kinds

_MAIN_SHARE: Final = 0.3  # of the page's text
_DROPPED_SHARE: Final = 0.5  # of the content's text, by its name
_FRAME_SHARE: Final = 0.95  # the same, by its tag: nobody wraps a page in `nav`
_DENSE: Final = 0.9  # of a block's text, in links: a menu, however much of a short page it is
_MENU_LINKS: Final = 20  # of a block that nothing calls a menu
_REST: Final = 200  # bytes of text that must be left beside what is dropped for its links: an index is its own content
_MARK: Final = 3  # bytes of text between two links that only part them
_SHORT: Final = 24  # bytes of a link in such a row, on average; a reference says more
_SIGNS: Final = np.frombuffer("#¶§".encode(), np.uint8)  # all that a link to its own heading says
_INDEX_LETTERS: Final = 12  # bytes of a subscript or superscript; longer ones are prose set small

_T_A = CODE["a"]
_T_ASIDE, _T_HEADER, _T_BODY, _T_BR, _T_MAIN = (CODE[name] for name in ("aside", "header", "body", "br", "main"))
_T_H1, _T_H6, _T_LI = CODE["h1"], CODE["h6"], CODE["li"]  # all headings between the first two
_T_TABLE, _T_TR, _T_TD, _T_TH = (CODE[name] for name in ("table", "tr", "td", "th"))
_NEVER, _FRAME, _CODE, _PRE, _INDEX, _STRUCTURE, _FORM = 1, 2, 3, 4, 5, 6, 7  # what a tag is to this file
_ROLES: Final = np.zeros(len(TAGS), np.uint8)
_NAMEABLE: Final = np.zeros(len(TAGS), np.uint8)  # what frames are made of
for _tag in (
    "div",
    "ul",
    "ol",
    "table",
    "td",
    "tr",
    "tbody",
    "nav",
    "header",
    "aside",
    "p",
    "dir",
    "center",
    "details",
    "?",
):
    _NAMEABLE[CODE[_tag]] = 1
_BLOCKS: Final = np.zeros(len(TAGS), np.uint8)  # what a page's columns are made of; lists of links may be content
for _tag in ("div", "td", "section", "center", "details", "aside"):
    _BLOCKS[CODE[_tag]] = 1
_ROWS: Final = np.zeros(len(TAGS), np.uint8)  # what a row of links at a page's edge lies in; a cell has its row's text
for _tag in ("div", "p", "table", "center"):
    _ROWS[CODE[_tag]] = 1
_LAYOUT: Final = np.zeros(len(TAGS), np.uint8)  # in a table of data there are none of these
for _tag in ("table", "h1", "h2", "h3", "h4", "ul", "ol", "dl"):
    _LAYOUT[CODE[_tag]] = 1
for _role, _tags in (
    (
        _NEVER,
        "script style noscript template iframe object button select input textarea svg dialog noembed noframes "
        "canvas audio video xmp plaintext title head",
    ),
    (_FRAME, "nav footer aside"),
    (_FORM, "form search menu"),
    (_CODE, "code tt samp kbd"),
    (_PRE, "pre listing"),
    (_INDEX, "sup sub"),
    (_STRUCTURE, "table h1 h2 h3 h4 h5 h6 ul ol dl p blockquote"),
):
    for _tag in _tags.split():
        _ROLES[CODE[_tag]] = _role


def content(dom: Dom) -> tuple[int, Kinds] | None:
    """The node that holds the content, and a kind for every node; None where the page has no body."""
    bodies = np.flatnonzero(dom.tag == _T_BODY)
    if not len(bodies):
        return None
    body = int(bodies[0])
    kinds = _left_out(dom, body)
    root = _main(dom, body, kinds)
    # What is a large part of the content may have been a small one of the page.
    return root, kinds if root == body else _left_out(dom, root)


def _left_out(dom: Dom, root: int) -> Kinds:
    """Kinds for every node, so far only of those that are not content below the root."""
    kinds = np.zeros(len(dom) + 1, np.uint8)
    shape = (dom.tag, dom.parent, dom.after, dom.flags, dom.letters)
    _leave_out(*shape, root, _ROLES, _NAMEABLE, kinds)
    left = _left(dom.after, dom.letters, root, kinds)
    _leave_menus(*shape, root, left, _ROLES, _NAMEABLE, _BLOCKS, kinds)
    _leave_rows(*shape, root, _ROWS, kinds)
    _leave_signs(dom.data, dom.tag, dom.start, dom.end, dom.after, _SIGNS, kinds)
    return kinds


def structure(dom: Dom, root: int, kinds: Kinds) -> None:
    """Mark code, indices and data tables among what nothing has replaced."""
    _mark_code(dom.data, dom.tag, dom.start, dom.end, dom.after, dom.flags, dom.letters, root, _ROLES, kinds)
    _mark_tables(dom.tag, dom.after, dom.letters, root, _LAYOUT, kinds)


def _main(dom: Dom, body: int, kinds: Kinds) -> int:
    """The element that is called the content, if it is one and holds enough of the text that is left; else the body."""
    left = _left(dom.after, dom.letters, body, kinds)
    least = _MAIN_SHARE * left[dom.after[body]]
    ranked = dom.flags >> RANK
    for rank, names in enumerate(MAIN):
        called = ranked & (1 << rank) != 0
        for what, name in names:
            if what == "tag":
                called |= dom.tag == CODE[name]
        found = [
            int(node) for node in np.flatnonzero(called) if node > body and left[dom.after[node]] - left[node] >= least
        ]
        if found and all(dom.after[node] >= dom.after[found[-1]] for node in found):  # one, or one inside the other
            return found[-1]
    return body


@numba.njit(cache=True, nogil=True)
def _leave_out(
    tag: Ints,
    parent: Ints,
    after: Ints,
    flags: Flags,
    letters: Ints,
    root: int,
    roles: Bytes,
    nameable: Bytes,
    kinds: Kinds,
) -> None:
    """Mark what is not content; of the two shares, form and search have the smaller, since pages lie in forms."""
    total = letters[after[root]] - letters[root]
    mains = _mains(tag, flags)
    i, stop = root + 1, after[root]
    while i < stop:
        role = roles[tag[i]]
        framing = role == _FRAME and not (tag[i] == _T_ASIDE and flags[i] & KEEP)
        framing |= tag[i] == _T_HEADER and tag[parent[i]] == _T_BODY
        named = _is_named(role, flags[i], nameable[tag[i]])
        size = letters[after[i]] - letters[i]
        if (
            role == _NEVER
            or (framing and size <= _FRAME_SHARE * total)
            or (named and size <= _DROPPED_SHARE * total and mains[after[i]] == mains[i])
        ):
            kinds[i] = SKIP
            i = after[i]
        else:
            i += 1


@numba.njit(cache=True, nogil=True)
def _is_named(role: int, flag: int, nameable: int) -> bool:
    """Whether something is called a frame. A section about menus may be called so: headings make sections' ids."""
    topic = flag & TOPIC != 0 and flag & CONTENTS != 0
    return bool(role == _FORM or flag & (DROP | DEBRIS) or topic or (flag & NAMED and not flag & SECTION and nameable))


@numba.njit(cache=True, nogil=True)
def _mains(tag: Ints, flags: Flags) -> Ints:
    """Before each node, how many are called the content; what holds one is not dropped for its name."""
    mains = np.zeros(tag.size + 1, np.int32)
    for i in range(tag.size):
        mains[i + 1] = mains[i] + (flags[i] & BEST != 0 or tag[i] == _T_MAIN)
    return mains


@numba.njit(cache=True, nogil=True)
def _leave_menus(
    tag: Ints,
    parent: Ints,
    after: Ints,
    flags: Flags,
    letters: Ints,
    root: int,
    left: Ints,
    roles: Bytes,
    nameable: Bytes,
    blocks: Bytes,
    kinds: Kinds,
) -> None:
    """Mark blocks that are nearly all links, as long as enough text is left beside them."""
    rest = left[after[root]] - left[root]
    links, linked = _linked(tag, after, letters, kinds)
    mains = _mains(tag, flags)
    i, stop = root + 1, after[root]
    while i < stop:
        behind = after[i]
        if kinds[i] == SKIP:
            i = behind
            continue
        size = left[behind] - left[i]
        many = blocks[tag[i]] == 1 and links[behind] - links[i] >= _MENU_LINKS
        called = many or _is_named(roles[tag[i]], flags[i], nameable[tag[i]])
        dense = linked[behind] - linked[i] >= _DENSE * size and rest - size >= _REST
        if called and dense and mains[behind] == mains[i]:
            kinds[i] = SKIP
            rest -= size
            i = behind
        else:
            i += 1


@numba.njit(cache=True, nogil=True)
def _leave_rows(
    tag: Ints, parent: Ints, after: Ints, flags: Flags, letters: Ints, root: int, rows: Bytes, kinds: Kinds
) -> None:
    """Mark rows of short links before all other text of the content, and behind it; no lists, headings or tables."""
    first, last, other = -1, -1, 0  # text that is in no link
    inside = gone = 0
    for i in range(root + 1, after[root]):
        if kinds[i] == SKIP:
            gone = max(gone, after[i])
        if tag[i] == _T_A:
            inside = max(inside, after[i])
        size = letters[i + 1] - letters[i] if tag[i] == 0 else 0
        if i >= gone and i >= inside and size > _MARK:
            first = i if first < 0 else first
            last, other = i, other + size
    if other < _REST:
        return
    mains = _mains(tag, flags)
    i = root + 1
    while i < after[root]:
        if tag[i] != _T_A or first <= i <= last or kinds[i] == SKIP:
            i += 1
            continue
        block = i
        while parent[block] > root and (after[parent[block]] <= first if i < first else parent[block] > last):
            block = parent[block]
        links = lines = others = 0
        for j in range(block, after[block]):
            links += tag[j] == _T_A and letters[after[j]] > letters[j]
            lines += tag[j] == _T_TR
            others += _T_H1 <= tag[j] <= _T_H6 or tag[j] == _T_LI or mains[j + 1] > mains[j]
        short = letters[after[block]] - letters[block] <= _SHORT * links
        if rows[tag[block]] == 1 and links > 1 and lines < 2 and short and not others:
            kinds[block] = SKIP
        i = after[block]  # its other links are in the same block, so that no block is counted twice


@numba.njit(cache=True, nogil=True)
def _leave_signs(data: Bytes, tag: Ints, start: Ints, end: Ints, after: Ints, signs: Bytes, kinds: Kinds) -> None:
    """Mark links whose text is one sign, as behind headings, whatever their class."""
    for i in range(tag.size):
        if tag[i] != _T_A or after[i] != i + 2 or tag[i + 1] != 0:
            continue
        at, size = start[i + 1], end[i + 1] - start[i + 1]
        one = size == 1 and data[at] == signs[0]
        two = size == 2 and data[at] == signs[1] and (data[at + 1] == signs[2] or data[at + 1] == signs[4])
        if one or two:
            kinds[i] = SKIP


@numba.njit(cache=True, nogil=True)
def _linked(tag: Ints, after: Ints, letters: Ints, kinds: Kinds) -> tuple[Ints, Ints]:
    """Before each node: how many links there were, and bytes of text in them, without what is left out."""
    links, linked = np.zeros(tag.size + 1, np.int32), np.zeros(tag.size + 1, np.int32)
    inside = gone = 0  # the ends of the link and of the part left out that we are in
    for i in range(tag.size):
        links[i + 1], linked[i + 1] = links[i], linked[i]
        if kinds[i] == SKIP:
            gone = max(gone, after[i])
        if i < gone:
            continue
        if tag[i] == _T_A and i >= inside:
            links[i + 1] += 1
            inside = after[i]
        if i < inside and after[i] == i + 1:
            linked[i + 1] += letters[i + 1] - letters[i]
    return links, linked


@numba.njit(cache=True, nogil=True)
def _left(after: Ints, letters: Ints, root: int, kinds: Kinds) -> Ints:
    """Bytes of text that are not left out, before each node."""
    left = np.zeros(letters.size, np.int32)
    i, seen = 0, 0
    while i < after.size:
        left[i] = seen
        if kinds[i] == SKIP:
            left[i : after[i]] = seen
            i = after[i]
            continue
        if after[i] == i + 1:
            seen += letters[i + 1] - letters[i]
        i += 1
    left[after.size] = seen
    return left


@numba.njit(cache=True, nogil=True)
def _inner_lines(data: Bytes, tag: Ints, start: Ints, end: Ints, node: int, stop: int) -> int:
    """How many times a line with text is followed by another; `br` counts as two, since no writer wraps with it."""
    lines = 0
    seen = broken = False
    for i in range(node + 1, stop):
        if tag[i] == _T_BR:
            lines += 2
        if tag[i] == 0:
            for at in range(start[i], end[i]):
                byte = data[at]
                if byte == 0x0A:
                    broken = seen
                elif not (byte == 32 or 9 <= byte <= 13):
                    lines += broken
                    seen, broken = True, False
    return lines


@numba.njit(cache=True, nogil=True)
def _mark_code(
    data: Bytes,
    tag: Ints,
    start: Ints,
    end: Ints,
    after: Ints,
    flags: Flags,
    letters: Ints,
    root: int,
    roles: Bytes,
    kinds: Kinds,
) -> None:
    structures = np.zeros(tag.size + 1, np.int32)  # how many before each node
    blocks = np.zeros(tag.size + 1, np.int32)
    for i in range(tag.size):
        role = roles[tag[i]]
        structures[i + 1] = structures[i] + (role == _STRUCTURE and kinds[i] != SKIP)
        blocks[i + 1] = blocks[i] + (role == _PRE)
    i, stop = root, after[root]
    while i < stop:
        role = roles[tag[i]]
        if kinds[i]:
            i = after[i]
            continue
        behind = after[i]
        if role == _PRE or (tag[i] == _T_TABLE and flags[i] & HIGHLIGHT and blocks[behind] == blocks[i]):
            kinds[i] = FENCE
        elif role == _CODE and structures[behind] == structures[i] and not flags[i] & NOT_CODE:
            several = blocks[behind] > blocks[i] or _inner_lines(data, tag, start, end, i, behind) > 1
            kinds[i] = FENCE if several else INLINE_CODE
        elif role == _INDEX and structures[behind] == structures[i] and letters[behind] - letters[i] <= _INDEX_LETTERS:
            kinds[i] = SCRIPT
        i = behind if kinds[i] else i + 1


@numba.njit(cache=True, nogil=True)
def _mark_tables(tag: Ints, after: Ints, letters: Ints, root: int, layout_tags: Bytes, kinds: Kinds) -> None:
    """Innermost tables of at least two rows and columns, without blocks inside, are data; others are layout."""
    layout = np.zeros(tag.size + 1, np.int32)
    for i in range(tag.size):
        name = layout_tags[tag[i]]
        layout[i + 1] = layout[i] + ((name and kinds[i] != SKIP) or kinds[i] == FENCE)
    i, stop = root, after[root]
    while i < stop:
        behind = after[i]
        if kinds[i]:
            i = behind
            continue
        if tag[i] == _T_TABLE and layout[behind] - layout[i] == 1:
            rows = width = cells = in_row = 0
            filled = False
            j = i + 1
            while j < behind:
                if kinds[j] == SKIP:
                    j = after[j]
                    continue
                if tag[j] == _T_TR:
                    in_row, filled = 0, False
                elif tag[j] == _T_TD or tag[j] == _T_TH:
                    in_row += 1
                    cells += 1
                    width = max(width, in_row)
                    if letters[after[j]] > letters[j] and not filled:
                        filled = True
                        rows += 1
                j += 1
            if rows > 1 and width > 1 and rows * width <= 2 * cells:  # else one long row would widen every other
                kinds[i] = TABLE
                i = behind
                continue
        i += 1
