"""MinHash signatures and band keys of texts, straight from Arrow buffers.

In: UTF-8 texts as an Arrow column (sliced or not). Out: per text the number of distinct shingles, a signature of
bands x rows 32-bit minima, and from a signature one 64-bit key per band. What is a duplicate of what is not known here,
nor are files, repositories and stages.

The definition, in full, so that a plain program can repeat it:

* Tokens of shingle="word" are maximal runs of the bytes [A-Za-z0-9_] and >= 0x80, so text in any script stays in.
  Tokens of shingle="char" are code points that are not ASCII white space: for scripts written without spaces.
* A token's hash is h = h * M + (byte + 1) over its bytes modulo 2^64, then `mix`; a shingle is n consecutive tokens,
  its hash s = s * P + token over them modulo 2^64, then `mix`, and its base value the upper 32 bits.
* A text of fewer than n tokens has one shingle of all its tokens. A text without tokens has none: n_shingles is 0, its
  signature all ones, and it is nobody's near-duplicate.
* Signature i is the least (a_i * fmix32(base) + b_i) mod 2^32: the "affine32" family of datasketch 2.0, which is its
  oracle. a_i is odd; a_i and b_i come from blake2b of (seed, i).
* A text of more than 2^21 distinct shingles (some 12 MB of distinct source code) is still signed exactly, in the same
  memory; n_shingles then counts repeats beyond that number.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

CHUNK: Final = 1 << 15  # bytes between shingle passes: tokens of a chunk stay in the level-2 cache
_BATCH: Final = 1 << 11  # distinct base values between permutation passes
_TABLE_LIMIT: Final = 1 << 22  # slots of the largest table of distinct values: 16 MiB
_LANES: Final = 16  # signature lengths are padded to this, so that the permutation loop has no scalar tail

_M: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio
_P: Final = np.uint64(0xD6E8FEB86659FD93)
_C1: Final = np.uint64(0xFF51AFD7ED558CCD)  # MurmurHash3's fmix64
_C2: Final = np.uint64(0xC4CEB9FE1A85EC53)
_F1: Final = np.uint32(0x85EBCA6B)  # MurmurHash3's fmix32, as in datasketch
_F2: Final = np.uint32(0xC2B2AE35)
_ONES: Final = np.uint32(0xFFFFFFFF)
_S33: Final = np.uint64(33)
_S32: Final = np.uint64(32)


@dataclass(frozen=True, kw_only=True)
class MinHashConfig:
    """Shingles, hashes and bands. 25 x 10 of word 5-grams is BigCode's choice at Jaccard 0.7 (mid-point 0.725)."""

    bands: int = 25
    rows: int = 10
    shingle: Literal["word", "char"] = "word"
    n: int = 5
    seed: int = 1
    drop_comments: bool = True  # from the normalized exact key, where `corpus.comments` can; signatures keep them
    drop_headers: bool = True  # licence headers of files, from what signatures are made of
    group_bytes: int = 1 << 30  # of documents whose band keys are sorted into one file

    def __post_init__(self) -> None:
        if not 1 <= self.bands <= 2**14:
            raise ValueError(f"bands={self.bands}: choose from 1 to {2**14}")
        if not 1 <= self.rows * self.bands <= 2**16:
            raise ValueError(
                f"rows={self.rows}, bands={self.bands}: rows must be at least 1 and bands x rows at most 65,536"
            )
        if self.shingle not in ("word", "char"):
            raise ValueError(f'shingle={self.shingle!r}: choose "word" or "char"')
        if not 1 <= self.n <= 64:
            raise ValueError(f"n={self.n}: choose a shingle of 1 to 64 tokens")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed}: choose a number that is not negative")
        if self.group_bytes < 1:
            raise ValueError(f"group_bytes={self.group_bytes}: choose at least one byte; 1 << 30 is usual")

    @property
    def n_hashes(self) -> int:
        return self.bands * self.rows

    def definition(self) -> str:
        """All that decides signatures and keys; written into the shards' schema, so that a reader can refuse others."""
        comments = " comments=dropped" if self.drop_comments else ""
        headers = " headers=dropped" if self.drop_headers else ""
        shingles = f"shingle={self.shingle} n={self.n}"
        return f"bands={self.bands} rows={self.rows} {shingles} seed={self.seed}{comments}{headers}"

    def recall_at(self, similarity: float) -> float:
        """Chance that a pair of this Jaccard similarity shares a band key: 1 - (1 - s^r)^b."""
        return float(1 - (1 - similarity**self.rows) ** self.bands)


def permutations(seed: int, n_hashes: int) -> tuple[U32, U32]:
    """The a and b of every hash function, fixed by seed and position on any machine; a is odd."""
    digests = b"".join(blake2b(f"{seed}/{i}".encode(), digest_size=8, key=b"minhash").digest() for i in range(n_hashes))
    pairs = np.frombuffer(digests, "<u4").reshape(n_hashes, 2)
    return (pairs[:, 0] | np.uint32(1)).astype(np.uint32), pairs[:, 1].astype(np.uint32)


def signatures(cfg: MinHashConfig, texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.int32], U32]:
    """Distinct shingles and signature of each text: arrays of shape [texts] and [texts, bands x rows].

    175 MB/s of Python source at 256 hashes, 54 with shingle="char" (`python -m benchmarks minhash`, one AVX2 core of
    a busy machine). One thread: a stage runs a process per core.
    """
    data, offsets = text_buffers(texts)
    n_padded = -(-cfg.n_hashes // _LANES) * _LANES
    a, b = np.zeros(n_padded, np.uint32), np.zeros(n_padded, np.uint32)
    a[: cfg.n_hashes], b[: cfg.n_hashes] = permutations(cfg.seed, cfg.n_hashes)
    out = np.empty((len(texts), cfg.n_hashes), np.uint32)
    counts = np.zeros(len(texts), np.int32)
    longest = int(np.diff(offsets).max(initial=0))
    table = np.zeros(min(_TABLE_LIMIT, max(64, 1 << (2 * longest).bit_length())) + 1, np.uint32)
    _sign(data, offsets, byte_table(cfg.shingle), cfg.n, a, b, table, counts, out)
    return counts, out


def band_keys(cfg: MinHashConfig, signature: U32) -> U64:
    """One 64-bit key per text and band: [texts, bands]. Keys of different bands are never compared."""
    return row_keys(signature, cfg.bands, cfg.rows)


def row_keys(signature: U32, bands: int, rows: int) -> U64:
    """Keys of `bands` groups of `rows` consecutive values; any banding that fits into the signature."""
    keys = np.zeros((len(signature), bands), np.uint64)
    _fold(np.ascontiguousarray(signature), rows, keys)
    return keys


def merge(units: npt.NDArray[np.int64], signature: U32) -> tuple[npt.NDArray[np.int64], U32]:
    """The distinct units, ascending, and of each the element-wise minimum: the signature of the union of its
    shingles.
    """
    order = np.argsort(units, kind="stable")
    unique, starts = np.unique(units[order], return_index=True)
    if not len(unique):
        return unique, signature[:0]
    return unique, np.minimum.reduceat(signature[order], starts, axis=0)


def estimated_jaccard(left: U32, right: U32) -> npt.NDArray[np.float64]:
    """Share of equal values, row by row: unbiased, with deviation sqrt(s (1 - s) / n_hashes)."""
    return np.asarray((left == right).mean(axis=-1), dtype=np.float64)


def text_buffers(texts: pa.LargeStringArray) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Bytes and offsets of a column without a copy; nulls are empty texts. Slices keep their offset into the bytes."""
    if not pa.types.is_large_string(texts.type):
        raise TypeError(f"texts are {texts.type}, need large_string")
    if not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    _, positions, payload = texts.buffers()
    offsets = np.frombuffer(positions, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.zeros(0, np.uint8) if payload is None else np.frombuffer(payload, np.uint8)
    return data, offsets


def byte_table(shingle: str) -> U64:
    """Per byte: the multiplier of the running hash, what is added, whether it ends the token before it, and whether it
    is part of one. With it one loop without branches cuts words or code points."""
    byte = np.arange(256)
    if shingle == "word":
        inside = np.isin(byte, list(b"0123456789_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) | (
            byte >= 0x80
        )
        goes_on = inside
    else:
        inside = ~np.isin(byte, list(b" \t\n\r\v\f"))
        goes_on = (byte & 0xC0) == 0x80
    table = np.zeros((256, 4), np.uint64)
    table[goes_on, 0] = _M
    table[inside, 1] = byte[inside] + 1
    table[:, 2] = ~goes_on
    table[:, 3] = inside
    return table


@njit(cache=True)
def mix(x: Any) -> Any:
    """MurmurHash3's finaliser."""
    x = (x ^ (x >> _S33)) * _C1
    x = (x ^ (x >> _S33)) * _C2
    return x ^ (x >> _S33)


@njit(cache=True)
def _base(x: Any) -> Any:
    """The 32-bit base value of a shingle's polynomial."""
    return np.uint32(mix(x) >> _S32)


@njit(cache=True)
def _lower(base: Any, count: Any, a: Any, b: Any, least: Any) -> None:
    """least[j] = min(least[j], a[j] * fmix32(x) + b[j]) over the base values x: eight at a time, so that LLVM keeps
    them in vector registers and loads a, b and least once for all eight (9.7 ns per value at 256 hashes, AVX2).
    """
    for i in range(count):
        x = base[i]
        x = np.uint32((x ^ (x >> np.uint32(16))) * _F1)
        x = np.uint32((x ^ (x >> np.uint32(13))) * _F2)
        base[i] = x ^ (x >> np.uint32(16))
    while count & 7:  # repeats change no minimum
        base[count] = base[0]
        count += 1
    for i in range(0, count, 8):
        h0, h1, h2, h3 = base[i], base[i + 1], base[i + 2], base[i + 3]
        h4, h5, h6, h7 = base[i + 4], base[i + 5], base[i + 6], base[i + 7]
        for j in range(a.size):
            x, y = a[j], b[j]
            m = min(least[j], np.uint32(x * h0 + y))
            m = min(m, np.uint32(x * h1 + y))
            m = min(m, np.uint32(x * h2 + y))
            m = min(m, np.uint32(x * h3 + y))
            m = min(m, np.uint32(x * h4 + y))
            m = min(m, np.uint32(x * h5 + y))
            m = min(m, np.uint32(x * h6 + y))
            least[j] = min(m, np.uint32(x * h7 + y))


@njit(cache=True)
def cut(data: Any, start: Any, stop: Any, byte: Any, tokens: Any, m: Any, h: Any, inside: Any) -> Any:
    """Hashes of the tokens that end in data[start:stop], appended at m; the running hash goes on in the next chunk.

    Stores at every byte and moves on only where a token ended: a branch there is mispredicted once a token.
    """
    for i in range(start, stop):
        c = data[i]
        tokens[m] = h
        m += np.int64(inside & byte[c, 2])
        h = h * byte[c, 0] + byte[c, 1]
        inside = byte[c, 3]
    return m, h, inside


@njit(cache=True)
def _add(value: Any, table: Any, mask: Any) -> Any:
    """1 where the value was not in the table yet. 0 marks a free slot, so the value 0 lives in the extra last slot."""
    if value == 0:
        slot = np.int64(table.size - 1)
        new = table[slot] == 0
        table[slot] = 1
        return np.int64(new)
    slot = np.int64(value) & mask
    while table[slot] != 0:
        if table[slot] == value:
            return np.int64(0)
        slot = (slot + 1) & mask
    table[slot] = value
    return np.int64(1)


@njit(cache=True)
def _clear(table: Any, most: Any) -> Any:
    """The part of the table for a text of at most `most` tokens, emptied: at most half full, or as large as it gets."""
    slots = 64
    while slots < 2 * most and slots < table.size - 1:
        slots *= 2
    seen = table[: slots + 1]
    seen[:] = 0
    return seen


@njit(cache=True)
def shingle(tokens: Any, first: Any, n: Any) -> Any:
    """The base value of n consecutive tokens."""
    s = np.uint64(0)
    for j in range(first, first + n):
        s = s * _P + tokens[j]
    return _base(s)


@njit(cache=True)
def _sign(data: Any, offsets: Any, byte: Any, n: Any, a: Any, b: Any, table: Any, counts: Any, out: Any) -> None:
    """Chunk by chunk: cut tokens, take windows, keep the distinct ones, lower the minima. Of a chunk's tokens the
    last n - 1 go before the next chunk's, so memory does not grow with the text.
    """
    tokens = np.empty(CHUNK + n + 1, np.uint64)
    base = np.empty(_BATCH + 8, np.uint32)
    least = np.empty(a.size, np.uint32)
    for document in range(counts.size):
        start, end = offsets[document], offsets[document + 1]
        least[:] = _ONES
        seen = table[:0]
        distinct, k, m, kept = 0, 0, 0, 0
        h, inside = np.uint64(0), np.uint64(0)
        while start < end:
            stop = min(start + CHUNK, end)
            m, h, inside = cut(data, start, stop, byte, tokens, m, h, inside)
            if stop == end and inside:
                tokens[m] = h
                m += 1
            for i in range(kept, m):
                tokens[i] = mix(tokens[i])
            if seen.size == 0:  # sized by the tokens of a text of one chunk: clearing more than that costs a third
                seen = _clear(table, m if stop == end else end - start)
            half, mask = (seen.size - 1) // 2, seen.size - 2
            for i in range(m - n + 1):
                base[k] = shingle(tokens, i, n)
                new = _add(base[k], seen, mask) if distinct < half else 1
                distinct += new
                k += new
                if k == _BATCH:
                    _lower(base, k, a, b, least)
                    k = 0
            kept = min(m, n - 1)
            for i in range(kept):
                tokens[i] = tokens[m - kept + i]
            m, start = kept, stop
        if distinct == 0 and m > 0:
            base[0] = shingle(tokens, 0, m)
            distinct, k = 1, 1
        _lower(base, k, a, b, least)
        for i in range(out.shape[1]):
            out[document, i] = least[i]
        counts[document] = min(distinct, 2**31 - 1)


@njit(cache=True)
def _fold(signature: Any, rows: Any, keys: Any) -> None:
    for document in range(keys.shape[0]):
        for band in range(keys.shape[1]):
            key = np.uint64(rows)
            for row in range(band * rows, (band + 1) * rows):
                key = mix(key * _P + np.uint64(signature[document, row]))
            keys[document, band] = key
