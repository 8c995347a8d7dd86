"""The pass over a source file that tells code, comments and strings apart, by its language's marks.

Comes in: text as Arrow buffers, and a row of `filters.syntax` per text. Goes out: counts, or which bytes are comments.
Refuses to know what the counts are for: `filters.source` names them.

Every byte is visited once or, in a name, twice, so no text makes it slow. A quote that a line does not close ends with
the line, unless the language lets it go on. A string that begins a line in three quotes is a comment: OpenCoder counts
docstrings so. A definition without a keyword (C, Java, ...) is a line where a name that follows a type stands before an
opening bracket, and which does not end in a semicolon.
"""

from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from filters.characters import Bytes, Offsets
from filters.syntax import (
    ASSERT,
    CONTROL,
    FIRST_IMPORT,
    FIRST_PASS,
    FIRST_RETURN,
    FUNCTION,
    MAIN,
    MANY_LINES,
    ONE_CHAR,
    PLACES,
    PRINT,
    RAW,
    name_hash,
    syntaxes,
)  # fmt: skip

Mask = npt.NDArray[np.bool_]

LONG_WORDS: Final = 20  # words of a string on one line, and characters of a word in it; more is long
_SPACE, _WORD, _NAME_JOINS = 1, 2, 4  # white space; part of a name; may stand between a type and a name
_NEWLINE, _HASH, _EQUALS, _OPEN, _SEMICOLON, _BACKSLASH, _COLON, _SLASH = b"\n#=(;\\:/"
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_TODO: Final = np.array([name_hash(word) for word in ("todo", "fixme", "your", "code", "here")], np.uint64)
# columns of the kernel's result, and within them what the line at hand has shown so far
(CHARS, LINES, COMMENT, STRING, LONG_STRINGS, LONG_WORD, HEX, TODOS, ASSERTS, PRINTS, IMPORTS, PASSES,
 FUNCTIONS, SIMPLE, NO_LOGIC, DIRECTIVES, MAINS, ASSIGNED, CODE, COUNTS) = range(20)  # fmt: skip
(_FLAGS, _TOKENS, _FIRST, _HEADING, _NAMES, _LAST, _TODO_HERE, _WAS_FUNCTION, _DIRECTIVE, _GLUED, _STATE) = range(11)


def _table() -> Bytes:
    table = np.zeros(256, np.uint8)
    for code in range(256):
        char = chr(code)
        word = code >= 128 or char.isalnum() or char in "_$"
        table[code] = _SPACE * (char in " \t\n\r\f\v") | _WORD * word | _NAME_JOINS * (char in " \t*&>]~")
    return table


_CLASSES: Final = _table()


@numba.njit(cache=True, nogil=True)
def _end_line(state: Offsets, out: Offsets) -> None:
    """Add what the line has shown, and begin the next."""
    out[LINES] += 1
    out[TODOS] += state[_TODO_HERE]
    if state[_FIRST] >= 0:
        flags = state[_FLAGS]
        function = flags & FUNCTION != 0 or (state[_HEADING] > 0 and state[_LAST] != _SEMICOLON)
        returns = flags & FIRST_RETURN != 0
        out[CODE] += 1
        out[ASSERTS] += int(flags & ASSERT != 0)
        out[PRINTS] += int(flags & PRINT != 0)
        out[IMPORTS] += int(flags & FIRST_IMPORT != 0)
        out[PASSES] += int(flags & FIRST_PASS != 0)
        out[FUNCTIONS] += int(function)
        out[SIMPLE] += int(returns and state[_WAS_FUNCTION] > 0)
        trivial = (returns and state[_TOKENS] <= 2) or flags & (FIRST_IMPORT | FIRST_PASS) != 0 or function
        out[NO_LOGIC] += int(trivial)
        out[DIRECTIVES] += state[_DIRECTIVE]
        state[_WAS_FUNCTION] = int(function)
    state[_FLAGS] = state[_TOKENS] = state[_HEADING] = state[_NAMES] = state[_LAST] = 0
    state[_TODO_HERE] = state[_DIRECTIVE] = state[_GLUED] = 0
    state[_FIRST] = -1


@numba.njit(cache=True, nogil=True)
def _begins(text: Bytes, at: int, mark: Bytes) -> bool:
    size = int(mark[mark.size - 1])
    if size == 0 or at + size > text.size:
        return False
    same = 0
    while same < size and text[at + same] == mark[same]:
        same += 1
    return same == size


@numba.njit(cache=True, nogil=True)
def _comment(text: Bytes, at: int, mark: Bytes, table: Bytes, todo: npt.NDArray[np.uint64], state: Offsets,
             out: Offsets) -> int:  # fmt: skip
    """To the closing mark, or to the line's end where there is none; where that is."""
    line = mark[mark.size - 1] == 0
    said = 0  # of "your code here"
    while at < text.size:
        if (line and text[at] == _NEWLINE) or (not line and _begins(text, at, mark)):
            break
        if text[at] == _NEWLINE:
            _end_line(state, out)
        if not table[text[at]] & _WORD:
            out[COMMENT] += 1
            at += 1
            continue
        value = _OFFSET
        while at < text.size and table[text[at]] & _WORD and not (not line and _begins(text, at, mark)):
            byte = text[at]
            value = (value ^ np.uint64(byte | 0x20 if 65 <= byte <= 90 else byte)) * _PRIME
            out[COMMENT] += int(byte & 0xC0 != 0x80)
            at += 1
        value |= np.uint64(1)
        said = said + 1 if said < 3 and value == todo[2 + said] else int(value == todo[2])
        if value == todo[0] or value == todo[1] or said == 3:
            state[_TODO_HERE] = 1
    if not line and at < text.size:
        out[COMMENT] += int(mark[mark.size - 1])
        at += int(mark[mark.size - 1])
    return at


@numba.njit(cache=True, nogil=True)
def _string(text: Bytes, at: int, size: int, how: int, table: Bytes, state: Offsets, out: Offsets) -> int:
    """From after the opening quotes to after the closing ones, or to the line's end; where that is."""
    quote = text[at - 1]
    words = chars = 0  # on this line; in this word
    kind, url = 0, False
    while at < text.size:
        byte = text[at]
        if byte == quote and (size == 1 or (at + 2 < text.size and text[at + 1] == quote and text[at + 2] == quote)):
            at += size
            break
        if byte == _NEWLINE:
            out[LONG_STRINGS] += int(words > LONG_WORDS)
            words = kind = 0
            if not how & MANY_LINES:
                break
            _end_line(state, out)
            state[_FIRST] = at + 1  # the string goes on: the next line is code
        out[STRING] += int(byte & 0xC0 != 0x80)
        flags = table[byte]
        if flags & _SPACE:
            out[LONG_WORD] += chars if chars > LONG_WORDS and not url else 0
            chars, url, kind = 0, False, 0
        else:
            chars += int(byte & 0xC0 != 0x80)
            url |= byte == _COLON and at + 2 < text.size and text[at + 1] == _SLASH and text[at + 2] == _SLASH
            word = 1 if flags & _WORD else 2
            words += int(word != kind)
            kind = word
        at += 1
        if byte == _BACKSLASH and not how & RAW and at < text.size and text[at] != _NEWLINE:
            out[STRING] += int(text[at] & 0xC0 != 0x80)
            chars += int(text[at] & 0xC0 != 0x80)
            at += 1
    out[LONG_WORD] += chars if chars > LONG_WORDS and not url else 0
    out[LONG_STRINGS] += int(words > LONG_WORDS)
    return at


@numba.njit(cache=True, nogil=True)
def _name(text: Bytes, at: int, table: Bytes, keys: npt.NDArray[np.uint64], flags: Bytes, state: Offsets,
          out: Offsets) -> int:  # fmt: skip
    """One name or number, to its end: what it says about its line."""
    start, value = at, _OFFSET
    while at < text.size and table[text[at]] & _WORD:
        value = (value ^ np.uint64(text[at])) * _PRIME
        at += 1
    value |= np.uint64(1)
    place = np.int64(value & np.uint64(PLACES - 1))
    while keys[place] and keys[place] != value:
        place = (place + 1) & (PLACES - 1)
    found = int(flags[place]) if keys[place] else 0
    if found & (FIRST_IMPORT | FIRST_PASS | FIRST_RETURN) and state[_TOKENS] > 0:
        found &= ~(FIRST_IMPORT | FIRST_PASS | FIRST_RETURN)
    size = at - start
    if size > 6 and _is_assert(text, start):
        found |= ASSERT
    if size > 2 and text[start] == 48 and text[start + 1] | 0x20 == 120:
        digits = 0
        for index in range(start + 2, at):
            byte = text[index]
            digits += int(48 <= byte <= 57 or 97 <= byte | 0x20 <= 102)
        out[HEX] += size if digits == size - 2 else 0
    state[_FLAGS] |= found & ~(CONTROL | MAIN)
    state[_TOKENS] += 1
    if found & CONTROL or 48 <= text[start] <= 57:
        state[_NAMES] = 0
    elif not state[_GLUED]:
        state[_NAMES] += 1
    state[_GLUED] = 2 if found & MAIN else 0
    return at


@numba.njit(cache=True, nogil=True)
def _is_assert(text: Bytes, start: int) -> bool:
    """assertEqual, assert_eq, ASSERT_EQ: the word, and what joins another to it."""
    upper = text[start] == 65 and text[start + 1] == 83
    for index in range(6):
        if text[start + index] | 0x20 != _ASSERT_BYTES[index]:
            return False
    after = text[start + 6]
    return bool(after == 95 or (65 <= after <= 90 and not upper))


_ASSERT_BYTES: Final = np.frombuffer(b"assert", np.uint8)


@numba.njit(cache=True, nogil=True)
def _sign(text: Bytes, at: int, traits: Bytes, state: Offsets, out: Offsets, table: Bytes) -> None:
    """A byte of code that is neither name nor space."""
    byte = text[at]
    before = text[at - 1] if at else np.uint8(32)
    after = text[at + 1] if at + 1 < text.size else np.uint8(32)
    if byte == _OPEN:
        if traits[1] and state[_NAMES] >= 2:
            state[_HEADING] = 1
        out[MAINS] += int(state[_GLUED] == 2 and state[_NAMES] >= 2)
        state[_NAMES] = 0
    elif byte == _COLON and (after == _COLON or before == _COLON):  # a::b is one name
        state[_GLUED] = 1
        return
    elif byte == _EQUALS:
        # == and =>, <=, >=, != and === assign nothing; += and := do.
        out[ASSIGNED] += int(not (after == _EQUALS or after == 62 or before == _EQUALS or before in (33, 60, 62)))
        state[_NAMES] = 0
    elif byte == _HASH and traits[2] and state[_FIRST] == at:
        state[_DIRECTIVE] = 1
    elif not table[byte] & _NAME_JOINS:
        state[_NAMES] = 0
    state[_GLUED] = 0


@numba.njit(cache=True, nogil=True)
def _scan(text: Bytes, marks: Bytes, quotes: Bytes, traits: Bytes, keys: npt.NDArray[np.uint64], flags: Bytes,
          todo: npt.NDArray[np.uint64], table: Bytes, state: Offsets, out: Offsets, marked: Bytes) -> None:  # fmt: skip
    """Counts of one text; in `marked`, where it is not empty, 1 at each byte of a comment."""
    state[:] = 0
    state[_FIRST] = -1
    none = np.zeros(8, np.uint8)
    openers = np.zeros(256, np.bool_)  # bytes that a comment's mark begins with
    for mark in range(4):
        openers[marks[mark if mark < 2 else 2 * mark - 2, 0]] = True
    openers[0] = False
    at = 0
    while at < text.size:
        byte = text[at]
        if openers[byte]:
            close = -1
            for index in range(4):
                mark = index if index < 2 else 2 * index - 2
                if (index >= 2 or close < 0) and _begins(text, at, marks[mark]):
                    close = mark  # of two that begin here the pair: Lua's --[[ begins with its --
            if close >= 0:
                size = int(marks[close, 7])
                if byte == _NEWLINE:  # Ruby's =begin stands at a line's start
                    _end_line(state, out)
                    size -= 1
                    at += 1
                out[COMMENT] += size
                start = at
                at = _comment(text, at + size, none if close < 2 else marks[close + 1], table, todo, state, out)
                marked[start:at] = 1
                continue
        if byte == _NEWLINE:
            _end_line(state, out)
            at += 1
            continue
        kind = table[byte]
        if kind & _SPACE:
            at += 1
            continue
        if state[_FIRST] < 0:
            state[_FIRST] = at
        state[_LAST] = byte
        if kind & _WORD:
            at = _name(text, at, table, keys, flags, state, out)
        elif quotes[byte] and not (byte == 39 and at > 0 and 48 <= text[at - 1] <= 57):  # C++ writes 1'000
            start = state[_FIRST]
            at = _quoted(text, at, int(quotes[byte]), traits, table, todo, state, out)
            if state[_FIRST] < 0:  # a docstring leaves nothing of its line behind
                marked[start:at] = 1
        else:
            _sign(text, at, traits, state, out, table)
            at += 1
    if text.size and text[text.size - 1] != _NEWLINE:
        _end_line(state, out)


@numba.njit(cache=True, nogil=True)
def _quoted(text: Bytes, at: int, how: int, traits: Bytes, table: Bytes, todo: npt.NDArray[np.uint64], state: Offsets,
            out: Offsets) -> int:  # fmt: skip
    """A string, a docstring, or one character in quotes; where it ends."""
    byte = text[at]
    if how & ONE_CHAR:
        # 'x' and '\n' are characters; a lifetime or an attribute is a sign.
        if at + 2 < text.size and text[at + 1] == _BACKSLASH:
            return _string(text, at + 1, 1, 1, table, state, out)
        if at + 2 < text.size and text[at + 2] == byte and text[at + 1] != _NEWLINE:
            out[STRING] += 1
            return at + 3
        return at + 1
    state[_NAMES] = 0
    triple = traits[0] and at + 2 < text.size and text[at + 1] == byte and text[at + 2] == byte
    if not triple:
        return _string(text, at + 1, 1, how, table, state, out)
    first = state[_FIRST]
    if first == at or (state[_TOKENS] == 1 and at - first <= 2):  # r""" too
        out[COMMENT] += 3 + at - first
        state[_FIRST], state[_TOKENS], state[_NAMES] = -1, 0, 0
        close = np.zeros(8, np.uint8)
        close[:3], close[7] = byte, 3
        return _comment(text, at + 3, close, table, todo, state, out)
    return _string(text, at + 3, 3, how | MANY_LINES, table, state, out)


@numba.njit(cache=True, nogil=True)
def _count(data: Bytes, offsets: Offsets, rows: Offsets, marks: Bytes, quotes: Bytes, traits: Bytes,
           keys: npt.NDArray[np.uint64], flags: Bytes, todo: npt.NDArray[np.uint64],
           table: Bytes) -> npt.NDArray[np.int64]:  # fmt: skip
    counts = np.zeros((offsets.size - 1, COUNTS), np.int64)
    state, none = np.zeros(_STATE, np.int64), np.zeros(0, np.uint8)
    for row in range(offsets.size - 1):
        language = rows[row]
        if language < 0:
            continue
        text, out = data[offsets[row] : offsets[row + 1]], counts[row]
        _scan(text, marks[language], quotes[language], traits[language], keys[language], flags[language], todo, table,
              state, out, none)  # fmt: skip
        for byte in text:
            out[CHARS] += int(byte & 0xC0 != 0x80)
    return counts


def counted(data: Bytes, offsets: Offsets, languages: list[str | None]) -> tuple[npt.NDArray[np.int64], Mask]:
    """Per text its counts, by the columns above, and whether its language's marks are not known."""
    known = syntaxes()
    rows = np.array([known.rows.get(name or "", -1) for name in languages], np.int64)
    counts = _count(data, offsets, rows, known.marks, known.quotes, known.traits, known.keys, known.flags, _TODO,
                    _CLASSES)  # fmt: skip
    return counts, rows < 0


def comment_bytes(text: str, language: str | None) -> Bytes:
    """Per byte of the text 1 in a comment or docstring, marks among it, else 0; 0 where the marks are not known."""
    data, known = np.frombuffer(text.encode(), np.uint8), syntaxes()
    marked = np.zeros(data.size, np.uint8)
    row = known.rows.get(language or "")
    if row is not None:
        state, out = np.zeros(_STATE, np.int64), np.zeros(COUNTS, np.int64)
        _scan(data, known.marks[row], known.quotes[row], known.traits[row], known.keys[row], known.flags[row], _TODO,
              _CLASSES, state, out, marked)  # fmt: skip
    return marked
