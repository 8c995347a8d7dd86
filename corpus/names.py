"""Names in a page to values, by hash: tags, classes, ids, roles, attributes.

Comes in: names and what they mean. Goes out: a table that compiled code can ask, since it has no dictionaries of bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]

# What a value is taken from: tag names, tokens of class, the whole id and role, attributes by presence, and words: the
# parts of classes and ids between - and _.
_SEEDS: Final = {"tag": 1, "class": 2, "id": 3, "role": 4, "has": 5, "word": 6}
_SLOTS: Final = 1 << 12


@dataclass(frozen=True, slots=True)
class Table:
    """Names to values, by hash; a forged collision flags a node of its own page and harms nobody else."""

    keys: Keys
    values: Flags

    @classmethod
    def of(cls, names: Iterable[tuple[str, Iterable[str], int]]) -> "Table":
        """(what, names, value); values of the same name are united."""
        keys, values = np.zeros(_SLOTS, np.uint64), np.zeros(_SLOTS, np.int64)
        for what, several, value in names:
            for name in several:
                key = _hash_of(name, _SEEDS[what])
                slot = key % _SLOTS
                while keys[slot] not in (0, key):
                    slot = (slot + 1) % _SLOTS
                keys[slot] = key
                values[slot] |= value
        return cls(keys, values)


def _hash_of(name: str, seed: int) -> int:
    """`hashed`, without compiling anything while modules are imported."""
    key, most = 14695981039346656037 ^ seed, (1 << 64) - 1
    for byte in name.lower().encode():
        key = (key ^ byte) * 1099511628211 & most
    return key ^ key >> 29 or 1


@numba.njit(cache=True, nogil=True)
def hashed(data: Bytes, start: int, end: int, seed: int) -> np.uint64:
    """FNV-1a of the bytes, ASCII letters in lower case; never 0, which marks a free slot."""
    key = np.uint64(14695981039346656037) ^ np.uint64(seed)
    for at in range(start, end):
        byte = data[at]
        if 65 <= byte <= 90:
            byte |= np.uint8(0x20)
        key = (key ^ np.uint64(byte)) * np.uint64(1099511628211)
    key ^= key >> np.uint64(29)
    return key if key != 0 else np.uint64(1)


@numba.njit(cache=True, nogil=True)
def look_up(keys: Keys, values: Flags, key: np.uint64) -> int:
    """The name's value; 0 for one that the table does not hold."""
    slot = np.int64(key % np.uint64(keys.size))
    while keys[slot] != 0:
        if keys[slot] == key:
            return int(values[slot])
        slot = (slot + 1) % keys.size
    return 0


@numba.njit(cache=True, nogil=True)
def is_space(byte: np.uint8) -> bool:
    """White space as HTML knows it."""
    return bool(byte == 32 or 9 <= byte <= 13)
