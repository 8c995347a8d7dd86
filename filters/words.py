"""Group `words`: the word and line statistics of Gopher's quality rules, for web pages and prose alone.

Comes in: text as Arrow buffers, and the kind of each document. Goes out: counts and ratios, null for other kinds.
Refuses to know thresholds and languages. Definitions are those of datatrove 0.10's GopherQualityFilter (Rae et al.,
2112.11446, table A1), over words parted by white space where datatrove asks a tokenizer that also parts punctuation
from words; with such words datatrove decides the same on every document (benchmark `prose_rules`).
"""

from functools import cache
from typing import Final

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from filters.characters import ALPHA, BREAK, SPACE, Bytes, Offsets, buffers, classes, decode
from filters.group import Group

KINDS: Final = ("page", "prose")
STOP_WORDS: Final = ("the", "be", "to", "of", "and", "that", "have", "with")
_SYMBOL: Final = 16  # punctuation or symbol; beside the flags of `filters.characters`
_ELLIPSIS, _BULLET, _HASH, _DOT, _DASH = 0x2026, 0x2022, 0x23, 0x2E, 0x2D
# columns of the kernels' result
_ALL, _WORDS, _WORD_CHARS, _ALPHA_WORDS, _HASHES, _ELLIPSES, _STOPS, _LINES, _BULLETS, _TRAILS, _NEWLINES, _COUNTS = (
    range(12)
)


@cache
def _classes() -> Bytes:
    """Python's classes, and what datatrove holds for punctuation: it leaves out most symbols beyond ASCII."""
    from datatrove.utils.text import PUNCTUATION_SET  # a second to import, so not at the top

    table = classes().copy()
    for char in PUNCTUATION_SET:
        table[ord(char)] |= _SYMBOL
    return table


_STOP_KEYS: Final = np.array([int.from_bytes(word.encode(), "big") for word in STOP_WORDS], np.uint64)


@numba.njit(cache=True, nogil=True)
def _count_words(text: Bytes, table: Bytes, stops: npt.NDArray[np.uint64], out: Offsets) -> None:
    at = length = dots = found = 0
    plain = lettered = False  # the word so far has a character that is no symbol; has a letter
    key = np.uint64(0)
    while at <= text.size:
        code, after = decode(text, at) if at < text.size else (np.int64(0x20), at + 1)  # a space ends the last word
        flags = table[code]
        out[_HASHES] += code == _HASH
        out[_NEWLINES] += code == 10
        dots = dots + 1 if code == _DOT else 0
        out[_ELLIPSES] += code == _ELLIPSIS or (dots > 0 and dots % 3 == 0)  # as str.count("...") counts
        if not flags & SPACE:
            length += 1
            plain |= not flags & _SYMBOL
            lettered |= flags & ALPHA != 0
            # Eight bytes hold what no stop word has: a fifth letter, or a mark for what is no ASCII letter.
            key = key << np.uint64(8) | np.uint64(code if 0 < code < 0x80 else 0xFF)
        elif length:
            out[_ALL] += 1
            out[_ALPHA_WORDS] += lettered
            out[_WORDS] += plain
            out[_WORD_CHARS] += length if plain else 0
            for index in range(stops.size):
                if key == stops[index]:
                    found |= 1 << index
            length, plain, lettered, key = 0, False, False, np.uint64(0)
        at = after
    while found:
        out[_STOPS] += found & 1
        found >>= 1


@numba.njit(cache=True, nogil=True)
def _count_lines(text: Bytes, table: Bytes, out: Offsets) -> None:
    at = before = dots = 0
    begun = visible = bulleted = trails = False  # the line has a character; a visible one; what begins and ends it
    while at < text.size:
        code, at = decode(text, at)
        flags = table[code]
        if not flags & BREAK:
            begun = True
            if not flags & SPACE:
                dots = (dots + 1 if before == _DOT else 1) if code == _DOT else 0
                bulleted = bulleted if visible else code in (_BULLET, _DASH)
                visible, trails = True, bool(code == _ELLIPSIS or dots >= 3)
        elif not (code == 10 and before == 13):
            out[_LINES] += 1
            out[_BULLETS] += bulleted
            out[_TRAILS] += trails
            begun = visible = bulleted = trails = False
        before = int(code)
    if begun:
        out[_LINES] += 1
        out[_BULLETS] += bulleted
        out[_TRAILS] += trails


@numba.njit(cache=True, nogil=True)
def _count(
    data: Bytes, offsets: Offsets, applies: npt.NDArray[np.bool_], table: Bytes, stops: npt.NDArray[np.uint64]
) -> npt.NDArray[np.int64]:
    counts = np.zeros((offsets.size - 1, _COUNTS), np.int64)
    for row in range(offsets.size - 1):
        if applies[row]:
            text = data[offsets[row] : offsets[row + 1]]
            _count_words(text, table, stops, counts[row])
            _count_lines(text, table, counts[row])
    return counts


def words(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """Counts over pages and prose; a document without a word has ratios 0."""
    data, offsets = buffers(documents.column("text"))
    kinds = pc.is_in(documents.column("kind"), value_set=pa.array(KINDS))
    applies = kinds.to_numpy(zero_copy_only=False)
    counts = _count(data, offsets, applies, _classes(), _STOP_KEYS)
    total, plain, lines = (np.maximum(counts[:, column], 1) for column in (_ALL, _WORDS, _LINES))
    values = [
        counts[:, _WORDS],
        counts[:, _WORD_CHARS] / plain,
        np.maximum(counts[:, _HASHES], counts[:, _ELLIPSES]) / total,
        counts[:, _BULLETS] / lines,
        counts[:, _TRAILS] / lines,
        counts[:, _ALPHA_WORDS] / total,
        counts[:, _STOPS],
        counts[:, _NEWLINES] / total,
    ]
    columns = [kinds, *(pa.array(value, mask=~applies) for value in values)]
    return pa.RecordBatch.from_arrays(columns, schema=WORDS.schema())


WORDS: Final = Group(
    name="words",
    kernel=words,
    columns=(
        ("has_words", "bool"),  # whether the words were counted: a page or prose
        ("n_words", "int64"),  # with a character that is neither punctuation nor a symbol
        ("mean_word_chars", "float64"),  # over these
        ("symbol_word_ratio", "float64"),  # "#" or ellipses, whichever are more, per word
        ("bullet_lines", "float64"),  # share of lines that begin with a bullet or a dash
        ("ellipsis_lines", "float64"),  # share of lines that end in an ellipsis
        ("alpha_word_fraction", "float64"),  # share of words with a letter
        ("stop_words", "int64"),  # how many of the eight English stop words occur
        ("newlines_per_word", "float64"),  # FineWeb's list ratio
    ),
)
