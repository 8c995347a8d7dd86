"""The inner loops of `fast`: bytes to pre-tokens to ids, compiled. Only arrays come in and go out."""

from typing import Final, NamedTuple

import numpy as np
from numba import njit

NEWLINE: Final = 1  # [\r\n]
LETTER: Final = 2  # the class of the second split
PUNCTUATION: Final = 4  # of the third; holds the ASCII letters too
SPACE: Final = 8  # \s
SCRIPT: Final = 16  # of the fifth: CJK, and much else between U+0800 and U+D7FF
NUMERIC: Final = 32
kernel = njit(cache=True, nogil=True)
inlined = njit(cache=True, nogil=True, forceinline=True)

EMPTY: Final = -1  # a free slot in the table of merges

_NO_RANK: Final = 1 << 30
_SMALL: Final = 96  # pre-tokens up to here look for the best pair by scanning, longer ones with a heap


Array = np.ndarray
Word = np.uint64


class Merges(NamedTuple):
    """Open-addressing table: pair of ids -> rank and merged id."""

    pairs: np.ndarray
    ranks: np.ndarray
    ids: np.ndarray


class Cache(NamedTuple):
    """Open-addressing table: bytes of a pre-token -> its ids. One slot is 32 bytes, so a hit costs one cache line.

    `slots`: key, key, length | count << 32, value. Up to 16 bytes the key is the pre-token itself; beyond, its hash and
    where it stands in `keys`. The value is the id where there is one, else where the ids stand in `ids`.
    `used`: slots, bytes of `keys`, entries of `ids`.
    """

    slots: np.ndarray
    keys: np.ndarray
    ids: np.ndarray
    used: np.ndarray


@kernel
def slot_of(merges: Merges, left: int, right: int) -> int:
    """Where this pair stands in the table, or the free slot where it would."""
    pair = (np.int64(left) << 32) | np.int64(right)
    mask = len(merges.pairs) - 1
    slot = ((pair ^ (pair >> 29)) * 0x9E3779B97F4A7C1 >> 20) & mask
    while merges.pairs[slot] != pair and merges.pairs[slot] != EMPTY:
        slot = (slot + 1) & mask
    return int(slot)


@kernel
def _rate(merges: Merges, symbols: Array, after: Array, at: int, ranks: Array, merged: Array) -> None:
    """Note the rank and result of merging the symbol at `at` with the one after it."""
    ranks[at] = _NO_RANK
    if after[at] < len(symbols):
        slot = slot_of(merges, symbols[at], symbols[after[at]])
        if merges.pairs[slot] != EMPTY:
            ranks[at], merged[at] = merges.ranks[slot], merges.ids[slot]


@kernel
def _merge(merges: Merges, symbols: Array, before: Array, after: Array, at: int, ranks: Array, merged: Array) -> None:
    """Replace the pair at `at` by its merge and rate the two pairs that this changes."""
    gone = after[at]
    symbols[at], after[at] = merged[at], after[gone]
    ranks[gone] = _NO_RANK
    if after[at] < len(symbols):
        before[after[at]] = at
    _rate(merges, symbols, after, at, ranks, merged)
    if before[at] >= 0:
        _rate(merges, symbols, after, before[at], ranks, merged)


@kernel
def _push(heap: Array, size: int, key: int) -> int:
    at = size
    while at and heap[(at - 1) >> 1] > key:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = key
    return size + 1


@kernel
def _pop(heap: Array, size: int) -> int:
    """Take the least key away; the caller has read it from heap[0]."""
    key, at = heap[size - 1], 0
    while 2 * at + 1 < size - 1:
        child = 2 * at + 1
        if child + 1 < size - 1 and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = key
    return size - 1


@kernel
def _merge_by_heap(merges: Merges, symbols: Array, before: Array, after: Array, ranks: Array, merged: Array) -> None:
    """Always the lowest rank, leftmost first, in n log n: a run of a million letters is one pre-token."""
    n = len(symbols)
    heap = np.empty(3 * n + 3, np.int64)
    size = 0
    for at in range(n):
        if ranks[at] < _NO_RANK:
            size = _push(heap, size, int(ranks[at]) << 32 | at)
    while size:
        key = heap[0]
        size = _pop(heap, size)
        at = int(key & 0xFFFFFFFF)
        if ranks[at] != key >> 32:  # the pair has changed since it was put there
            continue
        _merge(merges, symbols, before, after, at, ranks, merged)
        for side in range(2):
            changed = int(before[at]) if side else at
            if changed >= 0 and ranks[changed] < _NO_RANK:
                size = _push(heap, size, int(ranks[changed]) << 32 | changed)


@kernel
def _merge_by_scan(merges: Merges, symbols: Array, before: Array, after: Array, ranks: Array, merged: Array) -> None:
    """The same for short pre-tokens: nothing to keep in order."""
    n = len(symbols)
    while True:
        best, best_rank, at = -1, _NO_RANK, 0
        while at < n:
            if ranks[at] < best_rank:
                best, best_rank = at, ranks[at]
            at = after[at]
        if best < 0:
            return
        _merge(merges, symbols, before, after, best, ranks, merged)


@kernel
def _encode_word(data: Array, start: int, end: int, byte_ids: Array, merges: Merges, ids: Array, n_ids: int) -> int:
    """Merge one pre-token's bytes; ids go to ids[n_ids:], the new count comes back."""
    n = end - start
    symbols, before, after = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    ranks, merged = np.empty(n, np.int32), np.empty(n, np.int32)
    for at in range(n):
        symbols[at], before[at], after[at] = byte_ids[data[start + at]], at - 1, at + 1
    for at in range(n):
        _rate(merges, symbols, after, at, ranks, merged)
    if n <= _SMALL:
        _merge_by_scan(merges, symbols, before, after, ranks, merged)
    else:
        _merge_by_heap(merges, symbols, before, after, ranks, merged)
    at = 0
    while at < n:
        ids[n_ids] = symbols[at]
        n_ids += 1
        at = after[at]
    return n_ids


@inlined
def _key(data: Array, start: int, end: int) -> tuple[Word, Word]:
    """Two words that stand for a pre-token: its bytes where they fit, else a hash and nothing."""
    low, high = np.uint64(0), np.uint64(0)
    if end - start <= 16:
        for at in range(min(end, start + 8) - 1, start - 1, -1):
            low = low << np.uint64(8) | np.uint64(data[at])
        for at in range(end - 1, start + 7, -1):
            high = high << np.uint64(8) | np.uint64(data[at])
        return low, high
    for at in range(start, end):
        low = (low ^ np.uint64(data[at])) * np.uint64(0x100000001B3)
        low ^= low >> np.uint64(29)
    return low, high


@inlined
def _find(data: Array, start: int, end: int, low: Word, high: Word, cache: Cache) -> Word:
    """Slot of this pre-token, or the free one where it would stand."""
    length = np.uint64(end - start)
    mask = np.uint64(len(cache.slots) - 1)
    mixed = (low ^ (high * np.uint64(0x9FB21C651E98DF25)) ^ length) * np.uint64(0x9E3779B97F4A7C15)
    slot = (mixed >> np.uint64(32)) & mask
    while cache.slots[slot, 2]:
        if cache.slots[slot, 0] == low and cache.slots[slot, 2] & np.uint64(0xFFFFFFFF) == length:
            if length <= 16:
                if cache.slots[slot, 1] == high:
                    return slot
            elif _same(data, start, cache.keys, int(cache.slots[slot, 1]), end - start):
                return slot
        slot = (slot + np.uint64(1)) & mask
    return slot


@kernel
def _same(data: Array, start: int, keys: Array, key: int, length: int) -> bool:
    for at in range(length):  # noqa: SIM110 - compiled: a generator would not be
        if data[start + at] != keys[key + at]:
            return False
    return True


@inlined
def _encode_cached(
    data: Array, start: int, end: int, byte_ids: Array, merges: Merges, cache: Cache, ids: Array, n_ids: int
) -> int:
    """Ids of one pre-token, from the table where it has been seen."""
    if end - start == 1:
        ids[n_ids] = byte_ids[data[start]]
        return n_ids + 1
    low, high = _key(data, start, end)
    slot = _find(data, start, end, low, high, cache)
    count, value = int(cache.slots[slot, 2] >> np.uint64(32)), int(cache.slots[slot, 3])
    if count == 1:
        ids[n_ids] = value
        return n_ids + 1
    for at in range(count):
        ids[n_ids + at] = cache.ids[value + at]
    if count:
        return n_ids + count
    done = _encode_word(data, start, end, byte_ids, merges, ids, n_ids)
    _remember(data, start, end, low, high, cache, slot, ids[n_ids:done])
    return done


@kernel
def _remember(data: Array, start: int, end: int, low: Word, high: Word, cache: Cache, slot: Word, ids: Array) -> None:
    """Put a pre-token into its free slot, unless the table is full or the pre-token too long to come again."""
    length, count = end - start, len(ids)
    full = 2 * cache.used[0] >= len(cache.slots)
    if length > 1024 or full or cache.used[1] + length > len(cache.keys) or cache.used[2] + count > len(cache.ids):
        return
    if length > 16:
        high = np.uint64(cache.used[1])
        cache.keys[cache.used[1] : cache.used[1] + length] = data[start:end]
        cache.used[1] += length
    cache.slots[slot, 0], cache.slots[slot, 1] = low, high
    cache.slots[slot, 2] = np.uint64(length) | np.uint64(count) << np.uint64(32)
    cache.slots[slot, 3] = np.uint64(ids[0])
    if count > 1:
        cache.slots[slot, 3] = np.uint64(cache.used[2])
        cache.ids[cache.used[2] : cache.used[2] + count] = ids
        cache.used[2] += count
    cache.used[0] += 1


@inlined
def _ascii_pre_token(data: Array, start: int, end: int, kinds: Array) -> int:
    """End of the pre-token that begins at `start`, on a line of printable ASCII and white space."""
    kind, at = kinds[data[start]], start + 1
    if kind & NUMERIC:
        return at
    if kind & SPACE:
        while at < end and kinds[data[at]] & SPACE:
            at += 1
        if at == end or kinds[data[at]] & NUMERIC:
            return at
        if at > start + 1:  # the last space belongs to the word after it
            return at - 1
        kind = kinds[data[at]]
    while at < end and kinds[data[at]] == kind:
        at += 1
    return at


@kernel
def _split_runs(classes: Array, cuts: Array, n: int, bit: int) -> None:
    r"""`\s?X+`, isolated, inside every piece, X being the characters with this bit."""
    start = 0
    while start < n:
        end = start + 1
        while end < n and not cuts[end]:
            end += 1
        at = start
        while at < end:
            run = at
            if not classes[at] & bit:
                run = at + 1 if classes[at] & SPACE else end
            if run >= end or not classes[run] & bit:
                at += 1
                continue
            while run < end and classes[run] & bit:
                run += 1
            cuts[at] = cuts[run] = 1
            at = run
        start = end


@kernel
def _split_rest(classes: Array, cuts: Array, n: int) -> None:
    r"""`\s+$`, then `[script]+`, then single numbers, each isolated inside every piece."""
    end = n
    while end > 0:
        start = end - 1
        while not cuts[start]:
            start -= 1
        at = end
        while at > start and classes[at - 1] & SPACE:
            at -= 1
        cuts[at] = 1
        end = start
    for at in range(n):
        if at and (classes[at] ^ classes[at - 1]) & SCRIPT:
            cuts[at] = 1
        if classes[at] & NUMERIC:
            cuts[at] = cuts[at + 1] = 1


@kernel
def _characters(data: Array, start: int, end: int, table: Array, positions: Array, classes: Array) -> int:
    """Byte position and class of every character of valid UTF-8; their number."""
    n, at = 0, start
    while at < end:
        byte = data[at]
        positions[n] = at
        if byte < 0x80:
            point, width = np.int64(byte), 1
        elif byte < 0xE0:
            point, width = np.int64(byte & 0x1F) << 6 | (data[at + 1] & 0x3F), 2
        elif byte < 0xF0:
            point, width = np.int64(byte & 0x0F) << 12 | np.int64(data[at + 1] & 0x3F) << 6 | (data[at + 2] & 0x3F), 3
        else:
            high = np.int64(byte & 0x07) << 18 | np.int64(data[at + 1] & 0x3F) << 12
            point, width = high | np.int64(data[at + 2] & 0x3F) << 6 | (data[at + 3] & 0x3F), 4
        classes[n] = table[point] if point < len(table) else 0
        n += 1
        at += width
    positions[n] = end
    return n


@kernel
def _encode_line(
    data: Array,
    start: int,
    end: int,
    table: Array,
    byte_ids: Array,
    merges: Merges,
    cache: Cache,
    ids: Array,
    n_ids: int,
) -> int:
    """One line in any script: the pre-tokenizer's steps one after another, on marks between characters."""
    positions, classes = np.empty(end - start + 1, np.int64), np.empty(end - start, np.uint8)
    n = _characters(data, start, end, table, positions, classes)
    cuts = np.zeros(n + 1, np.uint8)
    cuts[0] = cuts[n] = 1
    _split_runs(classes, cuts, n, LETTER)
    _split_runs(classes, cuts, n, PUNCTUATION)
    _split_rest(classes, cuts, n)
    first = 0
    for at in range(1, n + 1):
        if cuts[at]:
            n_ids = _encode_cached(data, positions[first], positions[at], byte_ids, merges, cache, ids, n_ids)
            first = at
    return n_ids


@kernel
def encode_texts(
    data: Array, offsets: Array, table: Array, byte_ids: Array, merges: Merges, cache: Cache, starts: Array, ids: Array
) -> None:
    """Fill `ids` with the ids of every text and `starts` with where each text's begin."""
    kinds = np.zeros(256, np.uint8)  # 0: not for the byte automaton
    for byte in range(128):
        bits = table[byte] & (NEWLINE | LETTER | PUNCTUATION | SPACE | NUMERIC)
        kinds[byte] = LETTER if bits & LETTER else bits
    n_ids = 0
    for text in range(len(offsets) - 1):
        at, end = offsets[text], offsets[text + 1]
        while at < end:
            if kinds[data[at]] & NEWLINE:
                n_ids = _encode_cached(data, at, at + 1, byte_ids, merges, cache, ids, n_ids)
                at += 1
                continue
            line_end, simple = at, True
            while line_end < end and not kinds[data[line_end]] & NEWLINE:
                simple &= kinds[data[line_end]] != 0
                line_end += 1
            if not simple:
                n_ids = _encode_line(data, at, line_end, table, byte_ids, merges, cache, ids, n_ids)
            while simple and at < line_end:
                stop = _ascii_pre_token(data, at, line_end, kinds)
                n_ids = _encode_cached(data, at, stop, byte_ids, merges, cache, ids, n_ids)
                at = stop
            at = line_end
        starts[text + 1] = n_ids
