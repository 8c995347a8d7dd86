"""Group `repetition`: how much of a text its most frequent and its repeated n-grams make up.

Comes in: text as Arrow buffers, and kinds. Goes out: one row of shares of characters a document. Refuses to know
thresholds. Pages, prose and issues: datatrove's GopherRepetitionFilter (Rae et al., 2112.11446, table A1) over words
parted by white space; an n-gram seen before counts once and is stepped over. Files and notebooks: RedPajama's measures
as OpenCoder uses them, over runs of letters, digits and underscores in lower case; every word that stands in an n-gram
which occurs twice or more counts, the first time too, and a text without one has no top.

Words become numbers, an n-gram the pair of numbers of its two (n-1)-grams: exact from there on, and only where both of
these occur twice can the n-gram do, so that each length looks up less than the one before. A word is known by a 64-bit
hash. The first 1,048,576 words of a text are looked at (Gopher drops a text beyond 100,000): at most 80 MiB of memory.
"""

from functools import cache
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.characters import ALNUM, SPACE, Bytes, Offsets, buffers, classes, decode
from filters.group import Group
from filters.lines import SOURCE_KINDS

MOST: Final = 1 << 20  # words of one text
TOP: Final = (2, 3, 4)
REPEATED: Final = (5, 6, 7, 8, 9, 10)
_WORD: Final = 128  # letter, digit or underscore; beside the flags of `filters.characters`
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_GOLDEN, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(24)

Hashes = npt.NDArray[np.uint64]
Names = npt.NDArray[np.int32]


@cache
def _classes() -> Bytes:
    table = classes().copy()
    table[(table & ALNUM) > 0] |= _WORD
    table[ord("_")] |= _WORD
    return table


@cache
def _lower() -> Names:
    """Lower case of each code point, where that is one character."""
    return np.array(
        [ord(low) if len(low := chr(code).lower()) == 1 else code for code in range(0x110000)], np.int32
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _words(text: Bytes, table: Bytes, lower: Names, source: bool, hashes: Hashes, sizes: Names) -> tuple[int, int]:
    """Hash and characters of each word, as many as there is room for; how many, and characters of the whole text."""
    at = words = chars = size = 0
    value = _OFFSET
    while at <= text.size:
        code, after = decode(text, at) if at < text.size else (np.int64(0x20), at + 1)  # a space ends the last word
        flags = table[code]
        inside = flags & _WORD != 0 if source else flags & SPACE == 0
        if inside:
            size += 1
            value = (value ^ np.uint64(lower[code] if source else code)) * _PRIME
        elif size:
            if words < hashes.size:
                hashes[words], sizes[words] = value ^ value >> np.uint64(29), size
                words += 1
            size, value = 0, _OFFSET
        chars += 1
        at = after
    return words, chars - 1


@numba.njit(cache=True, nogil=True)
def _named(keys: Hashes, count: int, names: Names, times: Names, slots: Names, used: Names) -> int:
    """Give equal keys one number, in the order of their first place; count each. Returns how many there are.

    Key 0 is none: its number is -1. `slots`: a table of a power of two, larger than `count`, of -1; it is left so.
    """
    mask = np.uint64(slots.size - 1)
    known = 0
    for index in range(count):
        key = keys[index]
        if not key:
            names[index] = -1
            continue
        place = (key * _GOLDEN) >> _SHIFT & mask
        while slots[place] >= 0 and keys[slots[place]] != key:
            place = (place + np.uint64(1)) & mask
        if slots[place] < 0:
            slots[place] = index  # where the key stands first
            used[known] = np.int32(place)
            names[index], times[known] = known, 1
            known += 1
        else:
            names[index] = names[slots[place]]
            times[names[index]] += 1
    for name in range(known):
        slots[used[name]] = -1
    return known


@numba.njit(cache=True, nogil=True)
def _pairs(names: Names, times: Names, count: int, keys: Hashes) -> None:
    """Keys of the next longer n-grams; 0 where a part occurs once, and so the whole."""
    for index in range(count):
        left, right = names[index], names[index + 1]
        twice = left >= 0 and right >= 0 and times[left] > 1 and times[right] > 1
        keys[index] = (np.uint64(left) << np.uint64(32) | np.uint64(right)) + np.uint64(1) if twice else np.uint64(0)


@numba.njit(cache=True, nogil=True)
def _top(names: Names, times: Names, count: int, known: int, n: int, ends: Offsets, source: bool) -> int:
    """Characters of the most frequent n-gram in all its places; of two as frequent the one that stands first."""
    best = 0
    for name in range(known):
        best = max(best, int(times[name]))
    if best < 2:
        if source:
            return 0
        return int(ends[n] - ends[0] + n - 1) if count else 0
    for index in range(count):
        if names[index] >= 0 and times[names[index]] == best:
            return int(ends[index + n] - ends[index] + (0 if source else n - 1)) * best
    return 0


@numba.njit(cache=True, nogil=True)
def _stepped(names: Names, count: int, known: int, n: int, ends: Offsets) -> int:
    """datatrove's `find_all_duplicate`: an n-gram seen before counts, and the next begins after it."""
    seen = np.zeros(known, np.bool_)
    chars = index = 0
    while index < count:
        name = names[index]
        if name >= 0 and seen[name]:
            chars += ends[index + n] - ends[index]
            index += n
        else:
            if name >= 0:
                seen[name] = True
            index += 1
    return chars


@numba.njit(cache=True, nogil=True)
def _covered(names: Names, times: Names, count: int, n: int, ends: Offsets) -> int:
    """Characters of all words that stand in an n-gram that occurs twice or more."""
    chars = upto = 0
    for index in range(count):
        if names[index] >= 0 and times[names[index]] > 1:
            chars += ends[index + n] - ends[max(upto, index)]
            upto = index + n
    return chars


@numba.njit(cache=True, nogil=True)
def _measure(hashes: Hashes, sizes: Names, words: int, source: bool, out: Offsets) -> None:
    """Distinct words, then characters of the top 2 to 4-grams and the repeated 5 to 10-grams."""
    ends = np.zeros(words + 1, np.int64)
    for index in range(words):
        ends[index + 1] = ends[index] + sizes[index]
    places = 16
    while places < 2 * words:
        places *= 2
    slots = np.full(places, -1, np.int32)
    names, times, used = np.empty(words, np.int32), np.empty(words, np.int32), np.empty(words, np.int32)
    for index in range(words):
        hashes[index] |= np.uint64(1)
    out[0] = _named(hashes, words, names, times, slots, used)
    for n in range(2, 11):
        count = words - n + 1
        if count < 1:
            break
        _pairs(names, times, count, hashes)
        known = _named(hashes, count, names, times, slots, used)
        if n <= 4:
            out[n - 1] = _top(names, times, count, known, n, ends, source)
        elif n >= 5:
            out[n - 1] = _covered(names, times, count, n, ends) if source else _stepped(names, count, known, n, ends)
        if not known and n >= 4:
            break


@numba.njit(cache=True, nogil=True)
def _count(
    data: Bytes, offsets: Offsets, sources: npt.NDArray[np.bool_], table: Bytes, lower: Names
) -> npt.NDArray[np.int64]:
    counts = np.zeros((offsets.size - 1, 13), np.int64)  # words, their characters, all characters, then `_measure`'s
    for row in range(offsets.size - 1):
        text, out = data[offsets[row] : offsets[row + 1]], counts[row]
        room = min(text.size // 2 + 1, MOST)
        hashes, sizes = np.empty(room, np.uint64), np.empty(room, np.int32)
        out[0], out[2] = _words(text, table, lower, sources[row], hashes, sizes)
        for index in range(out[0]):
            out[1] += sizes[index]
        _measure(hashes, sizes, out[0], sources[row], out[3:])
    return counts


def repetition(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """Shares of characters: of the whole text for prose, of all words' for source."""
    data, offsets = buffers(documents.column("text"))
    kinds = pc.fill_null(pc.is_in(documents.column("kind"), value_set=pa.array(SOURCE_KINDS)), False)
    sources = kinds.to_numpy(zero_copy_only=False)
    counts = _count(data, offsets, sources, _classes(), _lower())
    words, of_words, chars = counts[:, 0], counts[:, 1], counts[:, 2]
    whole = np.maximum(np.where(sources, of_words, chars), 1)
    columns = [
        words,
        of_words / np.maximum(words, 1),
        counts[:, 3] / np.maximum(words, 1),
        *(counts[:, 2 + n] / whole for n in (*TOP, *REPEATED)),
    ]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=REPETITION.schema())


REPETITION: Final = Group(
    name="repetition",
    kernel=repetition,
    columns=(
        ("n_plain_words", "int64"),  # source: runs of letters, digits and underscores; others: of what is no space
        ("mean_plain_word_chars", "float64"),
        ("distinct_words", "float64"),  # share of the words
        *((f"top_{n}_gram", "float64") for n in TOP),
        *((f"repeated_{n}_grams", "float64") for n in REPEATED),
    ),
)
