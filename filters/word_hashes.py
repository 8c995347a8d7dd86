"""Words of a text as decontamination compares them: letters and digits in lower case; CJK character by character.

Comes in: UTF-8 bytes. Goes out: each word's place and 64-bit hash, or its folded characters. Which characters belong to
words is Python's `str.isalnum`, lower case its `str.lower` where that is one character. Everything else separates:
white space, punctuation, the underscore, combining marks. So re-indented, re-wrapped or re-punctuated text has the same
words. Refuses to know what they are compared for.
"""

from functools import lru_cache
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

ALONE: Final = 1 << 30  # set on a character that is a word of its own
_LAST: Final = 0x32400  # characters beyond are private, tags, or not assigned
# Han with its radicals and compatibility forms, the iteration marks, and kana: written without spaces.
_CJK: Final = (
    (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF), (0xFF66, 0xFF9F), (0x20000, 0x323AF),
)  # fmt: skip
MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)  # odd, from the golden ratio, as in splitmix64
_OFFSET: Final = np.uint64(0xCBF29CE484222325)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)

Folding = npt.NDArray[np.int32]


@lru_cache(maxsize=1)
def folding() -> Folding:
    """By code point: 0 where it separates, else its lower case, marked `ALONE` for CJK."""
    table = np.zeros(_LAST, np.int32)
    for point in range(_LAST):
        character = chr(point)
        if character.isalnum():
            lower = character.lower()
            table[point] = ord(lower) if len(lower) == 1 else point
    for first, last in _CJK:
        table[first : last + 1] |= np.where(table[first : last + 1] > 0, ALONE, 0).astype(np.int32)
    return table


@lru_cache(maxsize=1)
def letters() -> npt.NDArray[np.bool_]:
    """By code point: whether it is a letter (and not a digit or a number sign)."""
    return np.array([chr(point).isalpha() for point in range(_LAST)], np.bool_)


def folded(text: bytes) -> Folding:
    """The words' characters, with a 0 between two words."""
    out: Folding = _fold(np.frombuffer(text, np.uint8), 0, len(text), folding())
    return out


def words(text: str) -> list[str]:
    """The words as strings; for messages and tests."""
    stream = "".join(map(chr, folded(text.encode()).tolist()))
    return [word for word in stream.split("\0") if word]


@numba.njit(cache=True, nogil=True, inline="always")
def character(data, at, end):  # type: ignore[no-untyped-def]
    """Code point at a byte offset and the offset after it; a broken sequence counts as one separator."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, at + 1
    if first < 0xE0:
        size, point = 2, first & 0x1F
    elif first < 0xF0:
        size, point = 3, first & 0x0F
    else:
        size, point = 4, first & 0x07
    if at + size > end or first < 0xC0:
        return np.int64(0), at + 1
    for j in range(at + 1, at + size):
        point = point << 6 | (data[j] & 0x3F)
    return point, at + size


@numba.njit(cache=True, nogil=True, inline="always")
def fold(data, at, end, table):  # type: ignore[no-untyped-def]
    """Folded character at a byte offset (0 for a separator) and the offset after it."""
    point, after = character(data, at, end)
    return (np.int64(table[point]) if point < len(table) else np.int64(0)), after


@numba.njit(cache=True, nogil=True, inline="always")
def mixed(value):  # type: ignore[no-untyped-def]
    """splitmix64's finaliser: every bit of the result depends on every bit of the value."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True, nogil=True)
def next_word(data, at, end, table):  # type: ignore[no-untyped-def]
    """Start, end and hash of the next word from here; start is -1 where there is none."""
    letter, after = np.int64(0), at
    while at < end:
        letter, after = fold(data, at, end, table)
        if letter:
            break
        at = after
    if at >= end:
        return -1, end, np.uint64(0)
    start, value = at, _OFFSET
    while letter:
        value = (value ^ np.uint64(letter)) * MULTIPLIER
        at = after
        if letter & ALONE or at >= end:
            break
        letter, after = fold(data, at, end, table)
        if letter & ALONE:
            break
    return start, at, mixed(value)


@numba.njit(cache=True, nogil=True)
def _fold(data, at, end, table):  # type: ignore[no-untyped-def]
    out = np.empty(2 * (end - at) + 1, np.int32)
    n = 0
    while True:
        start, stop, _ = next_word(data, at, end, table)
        if start < 0:
            return out[:n].copy()
        if n:
            out[n] = 0
            n += 1
        at = start
        while at < stop:
            letter, at = fold(data, at, end, table)
            out[n] = letter & ~ALONE
            n += 1
