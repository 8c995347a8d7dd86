"""Licence headers: where one stands in a file.

Comes in: bytes of a text. Goes out: a span, of the legal paragraphs of one of the first comments. What licence it names
is told by `corpus.licenses`.

Paragraphs are told by phrases of their words: lower case, without punctuation, line ends and comment signs, so that a
phrase is found wherever a line breaks. Headers repeat by the thousand, so the answer for a comment is remembered.
"""

import re
from functools import cache, lru_cache
from typing import Final

HEAD_BYTES: Final = 8192  # a header that ends later than this is not one

# One of these is in every legal paragraph, however it is broken into lines; most comments have none.
_QUICK: Final = (
    b"copyright", b"licen", b"(c)", b"\xc2\xa9", b"spdx", b"reserved", b"terms", b"permission", b"redistribution",
    b"neither", b"warrant", b"provided", b"governed", b"file", b"received", b"software", b"domain",
)  # fmt: skip
_COPYRIGHT: Final = b"\xc2\xa9"  # what (c) is read as
_NOTICE: Final = re.compile(rb"copyright ?(?:\xc2\xa9|by |[12][09]\d\d)|\xc2\xa9 ?[12][09]\d\d")
_HOLDER: Final = (b"copyright ", b"portions copyright ")  # begin a paragraph that names no year
_UNDER: Final = re.compile(rb"(?:under|by) (?:an?|the) [a-z0-9 ]{0,40}license")
_PHRASES: Final = (
    b"spdx license identifier", b"spdx filecopyrighttext", b"all rights reserved", b"licensed under",
    b"under the terms of", b"permission is hereby granted", b"permission to use copy",
    b"redistribution and use", b"redistributions of", b"redistributions in", b"neither the name",
    b"above copyright notice", b"provided as is", b"without warrant", b"without any warrant",
    b"warranty", b"warranties",
    b"governed by a ", b"governed by an ", b"public license", b"license agreement", b"this file is part of",
    b"this file is distributed", b"you may not use this file", b"is free software",
    b"copy of the license", b"see license", b"see the license", b"see file license", b"see the file license",
    b"public domain",
)  # fmt: skip
_PREAMBLE: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:#![^\n]*\n|<\?(?:php|xml)[^\n>]*(?:\?>)?|<!doctype[^>]*>|\s+|[\"']use strict[\"'];?)*", re.I
)
_BLOCKS: Final = (
    (b"/*", b"*/"), (b"<!--", b"-->"), (b'"""', b'"""'), (b"'''", b"'''"), (b"(*", b"*)"), (b"{-", b"-}"),
    (b"--[[", b"]]"), (b"=begin", b"=end"), (b"%{", b"%}"), (b"#|", b"|#"), (b"{#", b"#}"), (b"<%--", b"--%>"),
)  # fmt: skip
_LINES: Final = (b"//", b"#", b"--", b";", b"%", b"!", b"*", b"dnl ", b"REM ", b"rem ", b'.\\"', b"'", b'"')
_CLOSERS: Final = dict(_BLOCKS)
_OPENS: Final = re.compile(b"|".join(re.escape(mark) for mark in (*_CLOSERS, *_LINES)))  # the first that fits
_MAX_BLOCKS: Final = 4  # encoding line, licence, author, documentation: a header is among the first comments
_REMEMBERED: Final = 1 << 10  # comments, and paragraphs, of at most HEAD_BYTES

_SIGNS: Final = bytes(c for c in range(128) if not chr(c).isalnum())
_LETTERS: Final = bytes(c if c >= 0x80 else ord(chr(c).lower()) if chr(c).isalnum() else 0x20 for c in range(256))


def header_span(text: bytes) -> tuple[int, int] | None:
    """Where the licence header stands: the legal paragraphs of one of the first comments, or the whole comment.

    A comment that also documents the file keeps its other paragraphs and its delimiters.
    """
    head = text[:HEAD_BYTES]
    at = 0
    for _ in range(_MAX_BLOCKS):
        at = _PREAMBLE.match(head, at).end()  # type: ignore[union-attr]  # it matches the empty string
        block = _comment(head, at)
        if block is None:
            return None
        opener, closer, end = block
        span = _legal_part(head[at:end], opener, closer)
        if span is not None:
            low, high = at + span[0], at + span[1]
            return low, high + (closer != b"" and high == end and head[end : end + 1] == b"\n")
        at = end
    return None


def _comment(head: bytes, at: int) -> tuple[bytes, bytes, int] | None:
    """The comment that starts here: its opener, its closer (empty for line comments) and where it ends."""
    found = _OPENS.match(head, at)
    if found is None:
        return None
    opener = found[0]
    closer = _CLOSERS.get(opener, b"")
    if closer:
        end = head.find(closer, found.end())
        return None if end < 0 else (opener, closer, end + len(closer))
    end = _lines(opener).match(head, at).end()  # type: ignore[union-attr]  # it matches the empty string
    if len(head) < HEAD_BYTES and _begins(opener).match(head, end):
        end = len(head)  # the text's last line, which nothing ends
    return (opener, b"", end) if end > at else None


@cache
def _lines(prefix: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?:[ \t]*" + re.escape(prefix) + rb"[^\n]*\n)*")


@cache
def _begins(prefix: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"[ \t]*" + re.escape(prefix))


@lru_cache(_REMEMBERED)
def _legal_part(comment: bytes, opener: bytes, closer: bytes) -> tuple[int, int] | None:
    """From the first legal paragraph to the last; the whole comment, if it has no other paragraph."""
    lowered = comment.lower()
    if not any(word in lowered for word in _QUICK):
        return None
    paragraphs = _paragraphs(comment)
    legal = [_is_legal(comment[a:b]) for a, b in paragraphs]
    if not any(legal):
        return None
    first, last = legal.index(True), len(legal) - 1 - legal[::-1].index(True)
    if first == 0 and last == len(legal) - 1:
        return 0, len(comment)
    low, high = paragraphs[first][0], paragraphs[last][1]
    if closer:
        low, high = max(low, len(opener)), min(high, len(comment) - len(closer))
    return low, high


@lru_cache(_REMEMBERED)
def _is_legal(paragraph: bytes) -> bool:
    words = b" ".join(paragraph.lower().replace(b"(c)", _COPYRIGHT).translate(_LETTERS).split())
    words = words.replace(b"licence", b"license")
    if (b"copyright" in words or _COPYRIGHT in words) and (words.startswith(_HOLDER) or _NOTICE.search(words)):
        return True
    return any(phrase in words for phrase in _PHRASES) or (b"license" in words and _UNDER.search(words) is not None)


def _paragraphs(comment: bytes) -> list[tuple[int, int]]:
    """Runs of lines with words in them; a line of nothing but comment signs separates two."""
    runs: list[tuple[int, int]] = []
    open_run, at = False, 0
    for line in comment.splitlines(keepends=True):
        after, worded = at + len(line), line.strip(_SIGNS) != b""
        if worded and open_run:
            runs[-1] = (runs[-1][0], after)
        elif worded:
            runs.append((at, after))
        open_run, at = worded, after
    return runs
