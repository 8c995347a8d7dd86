"""The first so many tokens of a global order, found in bounded memory however many rows there are.

Comes in: rows as (key, tokens), where an ascending 64-bit key is the order; goes out: the last key that is inside a
budget of tokens. Two passes over the rows: a histogram over the keys' upper bits, then only the rows of the one bucket
in which the budget ends. Knows nothing of mixtures or of scores, which make the keys.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

_BITS = 16  # 512 KiB a histogram; the second pass holds about 1 row in 65,536 where keys are uniform
_MOST_BITS = 22  # of all histograms of one pass together: 32 MiB
NONE_INSIDE = -1
ALL_INSIDE = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the budget ends: the bucket, and how much of the budget the earlier ones leave for it."""

    index: int
    room: int
    bits: int  # of a key that tell its bucket


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows whose key is at most `last` are inside; together they hold `tokens`."""

    last: int
    tokens: int


def histograms(count: int) -> np.ndarray:
    """Room for the histograms of so many orders, one line each: of fewer buckets where they are many, at least 16."""
    return np.zeros((count, 2 ** min(_BITS, max(4, _MOST_BITS - (max(1, count) - 1).bit_length()))), np.int64)


def add(sums: np.ndarray, lines: np.ndarray, keys: np.ndarray, tokens: np.ndarray) -> None:
    """Rows into the histograms: `lines` says which is each row's."""
    bits = _bits(sums)
    np.add.at(sums.reshape(-1), (lines << bits) + (keys >> np.uint64(64 - bits)).astype(np.int64), tokens)


def bucket_of(tokens_by_bucket: np.ndarray, budget: int) -> Bucket | None:
    """The bucket in which the budget ends, or None where everything is inside."""
    running = np.cumsum(tokens_by_bucket)
    if running[-1] <= budget:
        return None
    index = int(np.searchsorted(running, budget, side="right"))
    return Bucket(index, budget - int(running[index] - tokens_by_bucket[index]), _bits(tokens_by_bucket))


def _bits(sums: np.ndarray) -> int:
    return int(sums.shape[-1]).bit_length() - 1


def inside(ends: Sequence[Bucket | None], lines: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """Which rows the second pass has to look at: those in the bucket in which their order's budget ends."""
    wanted = np.array([-1 if end is None else end.index for end in ends], np.int64)
    bits = next((end.bits for end in ends if end is not None), _BITS)
    chosen: np.ndarray = (keys >> np.uint64(64 - bits)).astype(np.int64) == wanted[lines]
    return chosen


def cuts(bucket: Bucket, parts: Iterable[tuple[np.ndarray, np.ndarray]], budget: int) -> tuple[Cut, Cut]:
    """The two last keys between which the budget ends, from the bucket's own rows: without and with the next row.

    Rows with equal keys stay together: which of them came first must not depend on the shards.
    """
    rows = list(parts)
    keys = np.concatenate([k for k, _ in rows]).astype(np.uint64)
    tokens = np.concatenate([t for _, t in rows]).astype(np.int64)
    distinct, group = np.unique(keys, return_inverse=True)
    running = np.cumsum(np.bincount(group, weights=tokens).astype(np.int64))
    n = int(np.searchsorted(running, bucket.room, side="right"))  # these groups fit; the bucket holds one that does not
    before = budget - bucket.room
    if n:
        below = Cut(int(distinct[n - 1]), before + int(running[n - 1]))
    else:  # all earlier buckets; NONE_INSIDE before the first
        below = Cut((bucket.index << (64 - bucket.bits)) - 1, before)
    return below, Cut(int(distinct[n]), before + int(running[n]))


def is_inside(keys: np.ndarray, last: int) -> np.ndarray:
    """Rows up to and including the last key inside."""
    if last == NONE_INSIDE:
        return np.zeros(len(keys), bool)
    chosen: np.ndarray = keys <= np.uint64(last)
    return chosen


@dataclass(frozen=True, slots=True)
class Window:
    """A range of 2**bits keys from `low` in which the budget ends, and how much of it the keys before leave.

    For keys that crowd, as scores do: each pass looks at 16 more bits, so that no pass holds more than a histogram.
    """

    low: int = 0
    bits: int = 64
    room: int = 0


def histogram_within(window: Window, keys: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Tokens by the next 16 bits of the keys that are in the window."""
    offsets = keys.astype(np.uint64) - np.uint64(window.low)  # a key below wraps around to a large number
    if window.bits < 64:
        chosen = offsets < np.uint64(1 << window.bits)
        offsets, tokens = offsets[chosen], tokens[chosen]
    buckets = (offsets >> np.uint64(window.bits - _BITS)).astype(np.int64)
    return np.bincount(buckets, weights=tokens, minlength=2**_BITS).astype(np.int64)


def narrowed(window: Window, sums: np.ndarray) -> Window | int:
    """The bucket of the window in which the budget ends; after the last pass the last key inside: the nearer of two."""
    running = np.cumsum(sums)
    if running[-1] <= window.room:
        return ALL_INSIDE
    index = int(np.searchsorted(running, window.room, side="right"))
    bits = window.bits - _BITS
    low, room = window.low + (index << bits), window.room - int(running[index] - sums[index])
    if bits:
        return Window(low, bits, room)
    return low if int(sums[index]) - room < room else low - 1
