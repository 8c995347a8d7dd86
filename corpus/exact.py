"""Keys of texts that are equal: to the byte, or but for white space.

In: UTF-8 texts as an Arrow column. Out: 16-byte keys, one per text. What follows from equality is not known here.
"""

from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.schema import ID

_WHITE = b" \t\n\r\v\f"  # ASCII only: other white space is rare, and then the texts really differ


def exact_key(raw: bytes) -> bytes:
    """blake2b-128 of the bytes."""
    return blake2b(raw, digest_size=16).digest()


def normalized_key(raw: bytes) -> bytes:
    """blake2b-128 of the bytes without ASCII white space: reindented copies and other line ends are equal."""
    return blake2b(raw.translate(None, _WHITE), digest_size=16).digest()


def exact_keys(texts: pa.LargeStringArray) -> tuple[pa.Array, pa.Array]:
    """Both keys of each text; a null has null keys."""
    column = texts.cast(pa.large_binary())
    raws = [value.as_buffer() for value in column]  # views: no text is copied for the first key
    exact = [None if raw is None else blake2b(raw, digest_size=16).digest() for raw in raws]
    normalized = [None if raw is None else normalized_key(raw.to_pybytes()) for raw in raws]
    return pa.array(exact, ID), pa.array(normalized, ID)


def short_keys(keys: pa.Array) -> npt.NDArray[np.uint64]:
    """The first 8 bytes of each 16-byte key as a number; of a null, 0.

    Equality over a whole corpus is decided on these: at 10^9 texts the chance of one wrong pair is n^2 / 2^65, 3 %.
    """
    filled = keys.fill_null(bytes(16))
    payload = filled.buffers()[1]
    words = np.frombuffer(payload, "<u8")[2 * filled.offset : 2 * (filled.offset + len(filled)) : 2]
    return np.asarray(words, dtype=np.uint64)
