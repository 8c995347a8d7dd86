"""The first so many tokens of a global order, found in bounded memory however many rows there are.

Comes in: rows as (key, tokens), where an ascending 64-bit key is the order; goes out: the last key that is inside a
budget of tokens. Two passes over the rows: a histogram over the keys' upper bits, then only the rows of the one bucket
in which the budget ends. Knows nothing of mixtures or of scores, which make the keys.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

_BITS = 16  # 512 KiB a histogram; the second pass holds about 1 row in 65,536 where keys are uniform
NONE_INSIDE = -1
ALL_INSIDE = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where the budget ends: the bucket, and how much of the budget the earlier ones leave for it."""

    index: int
    room: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows whose key is at most `last` are inside; together they hold `tokens`."""

    last: int
    tokens: int


def histogram(keys: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Tokens by bucket. Sums of float64 weights are exact below 2**53: 9 petatokens."""
    buckets = (keys >> np.uint64(64 - _BITS)).astype(np.int64)
    return np.bincount(buckets, weights=tokens, minlength=2**_BITS).astype(np.int64)


def bucket_of(tokens_by_bucket: np.ndarray, budget: int) -> Bucket | None:
    """The bucket in which the budget ends, or None where everything is inside."""
    running = np.cumsum(tokens_by_bucket)
    if running[-1] <= budget:
        return None
    index = int(np.searchsorted(running, budget, side="right"))
    return Bucket(index, budget - int(running[index] - tokens_by_bucket[index]))


def inside(bucket: Bucket, keys: np.ndarray) -> np.ndarray:
    """Which rows the second pass has to look at."""
    chosen: np.ndarray = (keys >> np.uint64(64 - _BITS)) == np.uint64(bucket.index)
    return chosen


def cut(bucket: Bucket, parts: Iterable[tuple[np.ndarray, np.ndarray]], budget: int) -> Cut:
    """The last key inside, from the bucket's own rows.

    The row on the boundary is inside where that brings the total nearer to the budget, so the total misses it by at
    most half a row. Rows with equal keys stay together: which of them came first must not depend on the shards.
    """
    rows = list(parts)
    keys = np.concatenate([k for k, _ in rows]).astype(np.uint64)
    tokens = np.concatenate([t for _, t in rows]).astype(np.int64)
    distinct, group = np.unique(keys, return_inverse=True)
    running = np.cumsum(np.bincount(group, weights=tokens).astype(np.int64))
    n = int(np.searchsorted(running, bucket.room, side="right"))  # these groups fit
    got = int(running[n - 1]) if n else 0
    if n < len(distinct) and int(running[n]) - bucket.room < bucket.room - got:
        got, n = int(running[n]), n + 1
    before = budget - bucket.room
    if n:
        return Cut(int(distinct[n - 1]), before + got)
    return Cut((bucket.index << (64 - _BITS)) - 1, before)  # all earlier buckets; NONE_INSIDE before the first


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
    """The bucket of the window in which the budget ends; after the last pass the last key inside, as `cut` has it."""
    running = np.cumsum(sums)
    if running[-1] <= window.room:
        return ALL_INSIDE
    index = int(np.searchsorted(running, window.room, side="right"))
    bits = window.bits - _BITS
    low, room = window.low + (index << bits), window.room - int(running[index] - sums[index])
    if bits:
        return Window(low, bits, room)
    return low if int(sums[index]) - room < room else low - 1
