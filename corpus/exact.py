"""Keys of texts that are equal: to the byte, or but for white space, or but for white space and comments.

In: UTF-8 texts, or URLs, as Arrow columns. Out: keys, one per row. What follows from equality is not known here.
"""

from hashlib import blake2b
from itertools import pairwise
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.comments import I8, WHITE, bare_texts
from corpus.schema import ID


def exact_key(raw: bytes) -> bytes:
    """blake2b-128 of the bytes."""
    return blake2b(raw, digest_size=16).digest()


def normalized_key(raw: bytes) -> bytes:
    """blake2b-128 of the bytes without ASCII white space: reindented copies and other line ends are equal."""
    return exact_key(raw.translate(None, WHITE))


def exact_keys(texts: pa.LargeStringArray, syntax: I8 | None = None) -> tuple[pa.Array, pa.Array]:
    """Both keys of each text; a null has null keys. With a syntax per text, comments go from the second key too."""
    raws = [value.as_buffer() for value in texts.cast(pa.large_binary())]  # views
    exact = [None if raw is None else blake2b(raw, digest_size=16).digest() for raw in raws]
    left, ends = bare_texts(texts, np.zeros(len(texts), np.int8) if syntax is None else syntax)
    bare = left.data
    parts = zip(raws, pairwise(ends.tolist()), strict=True)
    normalized = [None if raw is None else blake2b(bare[a:b], digest_size=16).digest() for raw, (a, b) in parts]
    return pa.array(exact, ID), pa.array(normalized, ID)


def short_keys(keys: pa.Array) -> npt.NDArray[np.uint64]:
    """The first 8 bytes of each 16-byte key as a number; of a null, 0.

    Equality over a whole corpus is decided on these: at 10^9 texts the chance of one wrong pair is n^2 / 2^65, 3 %.
    """
    filled = keys.fill_null(bytes(16))
    payload = filled.buffers()[1]
    words = np.frombuffer(payload, "<u8")[2 * filled.offset : 2 * (filled.offset + len(filled)) : 2]
    return np.asarray(words, dtype=np.uint64)


def normalized_url(url: str) -> str:
    """The URL without what does not choose a page: scheme, "www.", letter case of the host, default port, user,
    fragment, and the last slash of a path. The query stays: it often chooses the page.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:  # a port or an address in brackets that is none: compared as it is written
        return url.strip()
    host = host.removeprefix("www.").rstrip(".")
    written = f":{port}" if port not in (None, 80, 443) else ""
    query = f"?{parts.query}" if parts.query else ""
    return f"{host}{written}{parts.path.rstrip('/')}{query}"


def url_keys(urls: pa.Array) -> npt.NDArray[np.uint64]:
    """A 64-bit key of each normalized URL; of a null, 0."""
    digests = [None if url is None else exact_key(normalized_url(url).encode()) for url in urls.to_pylist()]
    return short_keys(pa.array(digests, ID))
