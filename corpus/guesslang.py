"""guesslang's network in NumPy: text -> one of its 54 languages, or None where it is not sure.

In come UTF-8 bytes, out comes the answer that guesslang 2.2.1 gives with TensorFlow, from the weights of its installed
wheel (`pip install --no-deps guesslang==2.2.1`; its own requirement is a TensorFlow that no current Python installs).
Only the first 10,000 bytes count. It knows nothing of the 338 names beyond the two that are spelt otherwise.
"""

import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float32]

WEIGHTS_SHA256: Final = "b81000b7e033c2ea814b2737a9967f1b7ab58d4316f6e97b0ce01bdb38acd5a5"
HEAD: Final = 10_000  # bigrams read of a text, as the package's NB_TOKENS
_BUCKETS: Final = 5_000
_LANGUAGES: Final = 54
# Shapes in the order of the file, which is that of the variables' names.
_SHAPES: Final = (
    (512,),
    (70, 512),
    (32,),
    (512, 32),
    (_BUCKETS, 70),
    (_LANGUAGES,),
    (32, _LANGUAGES),
    (2,),  # the step counter, an int64
    (_LANGUAGES,),
    (_BUCKETS, _LANGUAGES),
)
_OURS: Final = {"Lisp": "Common Lisp", "Matlab": "MATLAB"}


class MissingWeights(RuntimeError):
    """guesslang is not installed, or its weights are not those of 2.2.1."""


@dataclass(frozen=True, slots=True)
class Network:
    """The ten variables of the wide and deep classifier, and the names of its outputs."""

    languages: tuple[str, ...]
    variables: tuple[Floats, ...]


@cache
def load() -> Network:
    """Read the installed wheel's variables: raw little-endian float32, one after the other."""
    spec = importlib.util.find_spec("guesslang")
    if spec is None or spec.origin is None:
        raise MissingWeights("guesslang's weights are not installed: pip install --no-deps guesslang==2.2.1")
    data = Path(spec.origin).parent / "data"
    raw = (data / "model" / "variables" / "variables.data-00000-of-00001").read_bytes()
    if sha256(raw).hexdigest() != WEIGHTS_SHA256:
        raise MissingWeights(f"{data} does not hold guesslang 2.2.1's weights: pip install --no-deps guesslang==2.2.1")
    numbers = np.frombuffer(raw, "<f4")
    ends = np.cumsum([int(np.prod(shape)) for shape in _SHAPES])
    parts = np.split(numbers, ends[:-1])
    names = json.loads((data / "languages.json").read_text("utf-8"))
    variables = tuple(part.reshape(shape) for part, shape in zip(parts, _SHAPES, strict=True))
    return Network(tuple(_OURS.get(name, name) for name in names), variables)


def fingerprint(first: npt.NDArray[np.uint64], last: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """FarmHash Fingerprint64 of "x y" (its branch for one to three bytes), for bytes x and y."""
    k0, k2 = np.uint64(0xC3A5C85C97CB3127), np.uint64(0x9AE16A3B2F90404F)
    low = first + np.uint64(ord(" ") << 8)
    high = np.uint64(3) + (last << np.uint64(2))
    mixed = (low * k2) ^ (high * k0)
    found: npt.NDArray[np.uint64] = (mixed ^ (mixed >> np.uint64(47))) * k2
    return found


@cache
def _table() -> npt.NDArray[np.int64]:
    """Bucket of each of the 65,536 bigrams."""
    byte = np.arange(256, dtype=np.uint64)
    first, last = np.repeat(byte, 256), np.tile(byte, 256)
    return (fingerprint(first, last) % np.uint64(_BUCKETS)).astype(np.int64)


@njit(cache=True, nogil=True)
def _counts(data: npt.NDArray[np.uint8], table: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    counts = np.zeros(5_000, np.float32)
    for i in range(len(data) - 1):
        counts[table[np.int64(data[i]) * 256 + data[i + 1]]] += 1
    return counts


def probabilities(text: bytes) -> Floats:
    """Softmax over the 54 languages, in the order of `load().languages`."""
    bias_0, kernel_0, bias_1, kernel_1, embedding, bias_2, kernel_2, _step, wide_bias, wide = load().variables
    counts = _counts(np.frombuffer(text[: HEAD + 1], np.uint8), _table())
    used = np.flatnonzero(counts)
    deep = counts[used] @ embedding[used] / max(counts.sum(), np.float32(1))
    deep = np.maximum(deep @ kernel_0 + bias_0, 0)
    deep = np.maximum(deep @ kernel_1 + bias_1, 0)
    logits = deep @ kernel_2 + bias_2 + counts[used] @ wide[used] + wide_bias
    powers = np.exp(logits - logits.max())
    found: Floats = (powers / powers.sum()).astype(np.float32)
    return found


def guess(text: bytes) -> tuple[str, float] | None:
    """The likeliest language and its probability; None unless that exceeds mean + 2 standard deviations of the 54."""
    if not text.strip():
        return None
    found = probabilities(text)
    best = int(found.argmax())
    if found[best] <= found.mean() + 2 * found.std(ddof=1):
        return None
    return load().languages[best], float(found[best])
