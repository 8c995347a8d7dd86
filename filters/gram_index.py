"""The n-grams of test data as one file that is memory-mapped: a hash proposes, the words behind it decide.

Comes in: batches of strings with the number of their item. Goes out: the file's bytes; then, from the mapped file, an
index to look grams up in. Per gram the file holds eight bytes in an open-addressing table (24 bits of hash, 40 bits of
place in the stream of words) at a load of 0.7, and at least 16 bits of a filter that answers most looks; per string its
words once, as UTF-8. Processes of one machine share the pages. Refuses to know benchmarks and documents.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt

from filters.word_hashes import ALONE, MULTIPLIER, character, fold, folding, letters, mixed, next_word

MAGIC: Final = b"GRAMS\x00\x00\x01"
_ALIGN: Final = 64
_LOAD: Final = 0.7
_FILTER_BITS: Final = 16  # a gram that is not there passes the filter once in 16
PLACE_BITS: Final = 40  # a stream of a terabyte
_PLACE: Final = np.uint64((1 << PLACE_BITS) - 1)
_HIGH: Final = np.uint64(32)
_SPACE: Final = 32

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Buffer = bytes | memoryview


@dataclass(frozen=True, slots=True)
class Index:
    """Arrays over the mapped file. A string of fewer than `gram` words is one gram, of its own length."""

    gram: int
    lengths: Numbers  # of the grams that occur, ascending
    table: Words  # 0, or tag above place + 1
    full: Words  # filter of the grams of `gram` words
    short: Words  # filter of the shorter ones
    stream: Bytes  # folded words, each with a space behind it
    starts: Numbers  # string -> its first byte in the stream
    sizes: npt.NDArray[np.int8]  # string -> words of its grams
    items: npt.NDArray[np.int32]  # string -> item
    name_ends: Numbers  # item -> end of its name
    names: Bytes
    item_sets: npt.NDArray[np.int16]
    sets: list[str]
    checked: dict[str, dict[str, str | int]]  # set -> what was read of it

    def name(self, item: int) -> tuple[str, str]:
        """Benchmark and item behind a number."""
        start = int(self.name_ends[item - 1]) if item else 0
        return self.sets[self.item_sets[item]], self.names[start : self.name_ends[item]].tobytes().decode()

    def string_at(self, place: int) -> int:
        """The string that a place in the stream belongs to."""
        return int(np.searchsorted(self.starts, place, side="right")) - 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Grams:
    """Which grams count. `gram` and `min_gram` as published; of a gram's words so many must hold a letter."""

    gram: int
    min_gram: int
    min_lettered: float
    trivial: tuple[str, ...]  # grams inside these are no evidence


class Builder:
    """Strings in, the file's bytes out; the same strings give the same bytes. Holds the stream and the table."""

    def __init__(self, rules: Grams) -> None:
        self.rules = rules
        self._streams: list[Bytes] = []
        self._sizes: list[npt.NDArray[np.int8]] = []
        self._lengths: list[Numbers] = []
        self._items: list[npt.NDArray[np.int32]] = []
        self._upper = {True: 0, False: 0}  # grams at most: full, short

    def add(self, texts: list[bytes], items: list[int]) -> list[bool]:
        """One batch of strings; says which of them have words enough to be used."""
        offsets = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(text) for text in texts], out=offsets[1:])
        data = np.frombuffer(b"".join(texts), np.uint8)
        stream, lengths, counts = _streamed(data, offsets, folding(), self.rules.min_gram)
        used = counts >= self.rules.min_gram
        sizes = np.minimum(counts[used], self.rules.gram)
        self._streams.append(stream)
        self._lengths.append(lengths[used])
        self._sizes.append(sizes.astype(np.int8))
        self._items.append(np.array(items, np.int32)[used])
        whole = sizes == self.rules.gram
        self._upper[True] += int((counts[used][whole] - self.rules.gram + 1).sum())
        self._upper[False] += int((~whole).sum())
        return [bool(one) for one in used]

    def finish(self, names: list[tuple[str, str]], checked: dict[str, dict[str, str | int]]) -> Iterator[Buffer]:
        """The whole file."""
        stream, lengths = _joined(self._streams, np.uint8), _joined(self._lengths, np.int64)
        sizes, items = _joined(self._sizes, np.int8), _joined(self._items, np.int32)
        self._streams.clear()
        starts = np.cumsum(lengths) - lengths
        table = np.zeros(max(64, int(sum(self._upper.values()) / _LOAD)), np.uint64)
        full, short = _filter(self._upper[True]), _filter(self._upper[False])
        rules = (self.rules.gram, self.rules.min_lettered, folding(), letters(), self._trivial())
        _insert(stream, starts, starts + lengths, sizes, *rules, table, full, short)
        sets = sorted({name for name, _ in names})
        encoded = [item.encode("utf-8", "surrogatepass") for _, item in names]
        arrays: dict[str, npt.NDArray[Any]] = {
            "table": table,
            "full": full,
            "short": short,
            "stream": stream,
            "starts": starts,
            "sizes": sizes,
            "items": items,
            "name_ends": np.cumsum([len(name) for name in encoded], dtype=np.int64),
            "names": np.frombuffer(b"".join(encoded), np.uint8),
            "item_sets": np.array([sets.index(name) for name, _ in names], np.int16),
        }
        header = {"gram": self.rules.gram, "lengths": np.unique(sizes).tolist(), "sets": sets, "checked": checked}
        yield from _file(header, arrays)

    def _trivial(self) -> Words:
        """Hashes of every gram of the trivial texts, ascending."""
        every = range(self.rules.min_gram, self.rules.gram + 1)
        found = [gram_hashes(text.encode(), size) for text in self.rules.trivial for size in every]
        return np.unique(_joined(found, np.uint64))


def load(mapped: Bytes) -> Index:
    """The index over a mapped (or read) file; nothing is copied."""
    if mapped[: len(MAGIC)].tobytes() != MAGIC:
        raise ValueError("not an index of n-grams, or one of another version: run decontaminate again")
    size = int.from_bytes(mapped[8:16].tobytes(), "little")
    header = json.loads(mapped[16 : 16 + size].tobytes())
    arrays = {
        name: mapped[start : start + count * np.dtype(kind).itemsize].view(kind)
        for name, (kind, start, count) in header.pop("arrays").items()
    }
    return Index(**arrays, **{**header, "lengths": np.array(header["lengths"], np.int64)})


def gram_hashes(text: bytes, size: int) -> Words:
    """Hash of every n-gram of one text, in order."""
    values: Words = _gram_hashes(np.frombuffer(text, np.uint8), size, folding())
    return values


def _joined(parts: Iterable[npt.NDArray[Any]], kind: type[np.generic]) -> npt.NDArray[Any]:
    return np.concatenate([np.zeros(0, kind), *parts])


def _filter(grams: int) -> Words:
    """Zeroed words of a bitmap whose size in bits is a power of two."""
    return np.zeros(1 << max(4, (grams * _FILTER_BITS // 64).bit_length()), np.uint64)


def _file(header: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> Iterator[Buffer]:
    """Magic, length of the header, header, then the arrays, each on a boundary of 64 bytes."""
    places: dict[str, tuple[str, int, int]] = {}
    room = 4096 + len(json.dumps(header))  # for the header with the places, which are not known before
    at = -(-(16 + room) // _ALIGN) * _ALIGN
    first = at
    for name, array in arrays.items():
        places[name] = (array.dtype.str, at, len(array))
        at = -(-(at + array.nbytes) // _ALIGN) * _ALIGN
    text = json.dumps({**header, "arrays": places}, sort_keys=True).encode()
    assert 16 + len(text) <= first
    yield (MAGIC + len(text).to_bytes(8, "little") + text).ljust(first, b"\0")
    for array in arrays.values():
        yield array.data.cast("B") if array.nbytes else b""  # no second copy: a table has gigabytes
        yield b"\0" * (-array.nbytes % _ALIGN)


@numba.njit(cache=True, nogil=True, inline="always")
def _utf8(out, n, point):  # type: ignore[no-untyped-def]
    """Write one character; gives the place after it."""
    if point < 0x80:
        out[n] = point
        return n + 1
    if point < 0x800:
        out[n] = 0xC0 | point >> 6
        out[n + 1] = 0x80 | point & 0x3F
        return n + 2
    if point < 0x10000:
        out[n] = 0xE0 | point >> 12
        out[n + 1] = 0x80 | (point >> 6) & 0x3F
        out[n + 2] = 0x80 | point & 0x3F
        return n + 3
    out[n] = 0xF0 | point >> 18
    out[n + 1] = 0x80 | (point >> 12) & 0x3F
    out[n + 2] = 0x80 | (point >> 6) & 0x3F
    out[n + 3] = 0x80 | point & 0x3F
    return n + 4


@numba.njit(cache=True, nogil=True)
def _streamed(data, offsets, table, least):  # type: ignore[no-untyped-def]
    """Words of every string that has enough of them, folded, a space behind each; bytes and words per string."""
    out = np.empty(3 * len(data) + 8, np.uint8)  # a lower case is at most 3 bytes where its capital is 2; and the space
    lengths, counts = np.zeros(len(offsets) - 1, np.int64), np.zeros(len(offsets) - 1, np.int64)
    n = 0
    for i in range(len(offsets) - 1):
        first, at, end = n, offsets[i], offsets[i + 1]
        while True:
            start, stop, _ = next_word(data, at, end, table)
            if start < 0:
                break
            at = start
            while at < stop:
                letter, at = fold(data, at, end, table)
                n = _utf8(out, n, letter & ~ALONE)
            out[n] = _SPACE
            n += 1
            counts[i] += 1
        if counts[i] < least:
            n = first
        lengths[i] = n - first
    return out[:n].copy(), lengths, counts


@numba.njit(cache=True, nogil=True)
def power(n):  # type: ignore[no-untyped-def]
    """The multiplier to the n-th."""
    value = np.uint64(1)
    for _ in range(n):
        value = value * MULTIPLIER
    return value


@numba.njit(cache=True, nogil=True)
def _gram_hashes(data, size, table):  # type: ignore[no-untyped-def]
    """A polynomial over the words' hashes, mixed with the length: what a scan keeps rolling."""
    prefix = np.zeros(len(data) + 2, np.uint64)
    n, at = 0, 0
    while True:
        start, at, value = next_word(data, at, len(data), table)
        if start < 0:
            break
        prefix[n + 1] = prefix[n] * MULTIPLIER + value
        n += 1
    out = np.empty(max(0, n - size + 1), np.uint64)
    for i in range(len(out)):
        out[i] = mixed(prefix[i + size] - prefix[i] * power(size) + np.uint64(size))
    return out


@numba.njit(cache=True, nogil=True)
def _insert(stream, starts, ends, sizes, gram, share, folds, lettered, trivial, table, full, short):  # type: ignore[no-untyped-def]
    """Every gram of every string, under the first string that has it."""
    begins = np.empty(1024, np.int64)
    prefix, with_letter = np.empty(1025, np.uint64), np.empty(1025, np.int64)
    for i in range(len(starts)):
        at, end, size, n = starts[i], ends[i], np.int64(sizes[i]), 0
        prefix[0], with_letter[0] = np.uint64(0), 0
        while at < end:
            start, stop, value = next_word(stream, at, end, folds)
            if start < 0:
                break
            if n + 1 >= len(begins):
                begins = np.concatenate((begins, np.empty_like(begins)))
                prefix = np.concatenate((prefix, np.empty_like(prefix)))
                with_letter = np.concatenate((with_letter, np.empty_like(with_letter)))
            begins[n] = start
            prefix[n + 1] = prefix[n] * MULTIPLIER + value
            has = False
            at = start
            while at < stop:
                point, at = character(stream, at, end)
                has = has or (point < len(lettered) and lettered[point])
            with_letter[n + 1] = with_letter[n] + has
            n += 1
        for j in range(n - size + 1):
            if with_letter[j + size] - with_letter[j] < share * size:
                continue
            value = mixed(prefix[j + size] - prefix[j] * power(size) + np.uint64(size))
            k = np.searchsorted(trivial, value)
            if k < len(trivial) and trivial[k] == value:
                continue
            if find(table, stream, stream, begins[j], end, value, size, folds) >= 0:
                continue
            slot = slot_of(value, len(table))
            while table[slot] != 0:
                slot = slot + 1 if slot + 1 < len(table) else 0
            table[slot] = value << np.uint64(PLACE_BITS) | np.uint64(begins[j] + 1)
            set_bit(full if size == gram else short, value)


@numba.njit(cache=True, nogil=True, inline="always")
def slot_of(value, slots):  # type: ignore[no-untyped-def]
    """The slot at which looking begins: the high half of the hash, scaled."""
    return np.int64((value >> _HIGH) * np.uint64(slots) >> _HIGH)


@numba.njit(cache=True, nogil=True, inline="always")
def bit_of(bitmap, value):  # type: ignore[no-untyped-def]
    """Whether the filter has seen this hash, or one of its bit."""
    at = value & np.uint64(64 * len(bitmap) - 1)
    return bitmap[at >> np.uint64(6)] >> (at & np.uint64(63)) & np.uint64(1)


@numba.njit(cache=True, nogil=True, inline="always")
def set_bit(bitmap, value):  # type: ignore[no-untyped-def]
    """From now on the filter lets this hash pass."""
    at = value & np.uint64(64 * len(bitmap) - 1)
    bitmap[at >> np.uint64(6)] |= np.uint64(1) << (at & np.uint64(63))


@numba.njit(cache=True, nogil=True)
def find(table, stream, data, at, end, value, size, folds):  # type: ignore[no-untyped-def]
    """Place in the stream of the gram of this hash whose words stand in `data` here, or -1."""
    slot = slot_of(value, len(table))
    tag = value << np.uint64(PLACE_BITS)
    while table[slot] != 0:
        if table[slot] & ~_PLACE == tag:
            place = np.int64(table[slot] & _PLACE) - 1
            if _same(data, at, end, stream, place, size, folds):
                return place
        slot = slot + 1 if slot + 1 < len(table) else 0
    return -1


@numba.njit(cache=True, nogil=True)
def _same(data, at, end, stream, place, size, folds):  # type: ignore[no-untyped-def]
    """Whether `size` words from here are exactly those of the stream from there."""
    for _ in range(size):
        start, stop, _ = next_word(data, at, end, folds)
        if start < 0:
            return False
        at = start
        while at < stop:
            letter, at = fold(data, at, end, folds)
            if place >= len(stream):
                return False
            other, place = character(stream, place, len(stream))
            if other != letter & ~ALONE:
                return False
        if place >= len(stream) or stream[place] != _SPACE:
            return False
        place += 1
    return True
