"""Texts without white space and comments: what two copies of a source file have in common that were only reindented,
relicensed or annotated.

In: UTF-8 texts as an Arrow column, and per text a syntax. Out: the bytes that are left of each. What follows from two
being equal is not known here; nor is a language, beyond what the last part of a path says.

Cheap means: one pass, no grammar. Comments and literals are told by their first bytes. Where that cannot be (a raw
string, a string with code in it, a template, a block comment in a block comment, a quote that nothing closes, in
JavaScript a slash, which may begin a regular expression), the rest of the text stays as it is: two copies are then not
equal, which costs little; two texts that differ outside of comments must not become equal. Docstrings are no comments.
A text that is nothing but comments keeps them.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from corpus.minhash import I64, text_buffers

I8 = npt.NDArray[np.int8]
U8 = npt.NDArray[np.uint8]

PLAIN, C, JAVASCRIPT, PYTHON = range(4)
# No PHP, Ruby, Perl, shell or YAML: here-documents and block scalars hold lines that only look like comments. No JSX:
# text between its tags may hold `//`. No Dart or Objective-C: strings in single quotes; the suffix of MATLAB.
SYNTAX: Final = {
    **dict.fromkeys(("c", "h", "cc", "cpp", "cxx", "hh", "hpp", "hxx", "cu", "cuh", "ino", "proto"), C),
    **dict.fromkeys(("java", "go", "cs", "rs", "kt", "kts", "scala", "swift"), C),
    **dict.fromkeys(("js", "mjs", "cjs", "ts", "mts", "cts"), JAVASCRIPT),
    **dict.fromkeys(("py", "pyi", "pyw"), PYTHON),
}
WHITE: Final = b" \t\n\r\v\f"  # ASCII only: other white space is rare, and then the texts really differ

_DROP, _KEEP, _LOOK = range(3)
_NEWLINE, _QUOTE, _DOLLAR, _HASH, _APOSTROPHE, _OPEN, _STAR, _SLASH, _BACKSLASH, _TICK, _BRACE = b"\n\"$#'(*/\\`{"
_RAW = np.isin(np.arange(256), list(b"Rr@$#"))  # before a quote: of C++, Rust, C# and Swift, where \ is no escape
_CHARACTER: Final = 12  # bytes of the longest character literal, '\U0010ffff'


def syntaxes(paths: pa.Array) -> I8:
    """Per path the syntax of its comments; PLAIN where it is not known cheaply, or there is no path."""
    suffixes = ((path or "").rpartition("/")[2].rpartition(".") for path in paths.to_pylist())
    return np.array([SYNTAX.get(suffix.lower(), PLAIN) if dot else PLAIN for _, dot, suffix in suffixes], np.int8)


def bare_texts(texts: pa.LargeStringArray, syntax: I8) -> tuple[U8, I64]:
    """What is left of each text, as bytes and offsets; nulls are empty. Holds as many bytes as the texts have.

    With the syntax PLAIN only white space goes.
    """
    data, offsets = text_buffers(texts)
    out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
    ends = np.zeros(len(texts) + 1, np.int64)
    _strip_all(data, offsets, syntax, _actions(), out, ends)
    return out, ends


def _actions() -> U8:
    """Per syntax and byte: keep, drop, or look what begins here."""
    table = np.full((4, 256), _KEEP, np.uint8)
    table[:, list(WHITE)] = _DROP
    for syntax, begins in ((C, b"/\"'`"), (JAVASCRIPT, b"/\"'`"), (PYTHON, b"#\"'")):
        table[syntax, list(begins)] = _LOOK
    return table


@njit(cache=True)
def _strip_all(data: Any, offsets: Any, syntax: Any, actions: Any, out: Any, ends: Any) -> None:
    m = np.int64(0)
    for document in range(ends.size - 1):
        start, stop = offsets[document], offsets[document + 1]
        before = m
        m = _strip(data, start, stop, syntax[document], actions, out, m)
        if m == before and syntax[document] != PLAIN:
            m = _strip(data, start, stop, PLAIN, actions, out, m)
        ends[document + 1] = m


@njit(cache=True)
def _strip(data: Any, start: Any, stop: Any, syntax: Any, actions: Any, out: Any, m: Any) -> Any:
    """What is left of data[start:stop], written from out[m] on; where it ends."""
    action, i = actions[syntax], start
    while i < stop:
        act = action[data[i]]
        if act != _LOOK:
            out[m] = data[i]
            m += act
            i += 1
            continue
        end, comment = _end(data, start, i, stop, syntax)
        if comment:
            i = end
            continue
        end = end if end > 0 else stop  # not told by its first bytes: the rest stays
        while i < end:
            out[m] = data[i]
            m += action[data[i]] != _DROP
            i += 1
    return m


@njit(cache=True)
def _end(data: Any, start: Any, i: Any, stop: Any, syntax: Any) -> Any:
    """Where the comment or literal at i ends, and whether it is a comment; 0 where that cannot be told."""
    c = data[i]
    following = data[i + 1] if i + 1 < stop else 0
    if syntax == PYTHON:
        if c == _HASH:
            return _line(data, i, stop), True
        if following == c and i + 2 < stop and data[i + 2] == c:
            return _triple(data, i + 3, stop, c), False
        return _string(data, i + 1, stop, c, False), False
    if c == _SLASH:
        if following == _SLASH:
            return _line(data, i, stop), True
        if following == _STAR:
            end = _block(data, i + 2, stop)
            return end, end > 0
        return 0 if syntax == JAVASCRIPT else i + 1, False
    if c == _TICK:
        return _ticked(data, i + 1, stop, syntax == JAVASCRIPT), False
    if c == _APOSTROPHE and syntax == C:
        return _character(data, i, stop), False
    raw = i > start and _RAW[data[i - 1]]
    if c == _QUOTE and (raw or (following == c and i + 2 < stop and data[i + 2] == c)):
        return 0, False
    return _string(data, i + 1, stop, c, True), False


@njit(cache=True)
def _line(data: Any, i: Any, stop: Any) -> Any:
    while i < stop and data[i] != _NEWLINE:
        i += 1
    return i


@njit(cache=True)
def _block(data: Any, i: Any, stop: Any) -> Any:
    """After */; 0 where there is none, or another /* before it: in some languages they nest."""
    while i + 1 < stop:
        if data[i] == _STAR and data[i + 1] == _SLASH:
            return i + 2
        if data[i] == _SLASH and data[i + 1] == _STAR:
            return 0
        i += 1
    return 0


@njit(cache=True)
def _string(data: Any, i: Any, stop: Any, quote: Any, interpolated: Any) -> Any:
    """After the quote that closes it on its line; 0 where there is none, or code in the string may hold quotes."""
    while i < stop and data[i] != _NEWLINE:
        if data[i] == quote:
            return i + 1
        following = data[i + 1] if i + 1 < stop else 0
        escaped = data[i] == _BACKSLASH
        if interpolated and ((escaped and following == _OPEN) or (data[i] == _DOLLAR and following == _BRACE)):
            return 0
        i += 2 if escaped else 1
    return 0


@njit(cache=True)
def _triple(data: Any, i: Any, stop: Any, quote: Any) -> Any:
    while i + 2 < stop:
        if data[i] == quote and data[i + 1] == quote and data[i + 2] == quote:
            return i + 3
        i += 2 if data[i] == _BACKSLASH else 1
    return 0


@njit(cache=True)
def _ticked(data: Any, i: Any, stop: Any, template: Any) -> Any:
    """After the next backtick: a raw string of Go, or a quoted name. 0 for a template with an escape or code in it."""
    while i < stop:
        if data[i] == _TICK:
            return i + 1
        if template and data[i] in (_BACKSLASH, _DOLLAR):
            return 0
        i += 1
    return 0


@njit(cache=True)
def _character(data: Any, i: Any, stop: Any) -> Any:
    """After a character literal; after the quote alone where it is a lifetime of Rust or parts digits in C++."""
    if i + 2 < stop and data[i + 1] != _BACKSLASH and data[i + 2] == _APOSTROPHE:
        return i + 3
    if i + 1 < stop and data[i + 1] != _BACKSLASH and data[i + 1] < 0x80:
        return i + 1
    for j in range(i + 3, min(stop, i + _CHARACTER)):
        if data[j] == _APOSTROPHE:
            return j + 1
    return 0
