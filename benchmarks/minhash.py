"""Benchmark `minhash`: signatures a second on real source files, against peers in this process; and are they right.

Files are the Python files of the running interpreter's library and packages, the same on both sides; a slow peer gets
the first of them only. Both begin with the text as a shard holds it, an Arrow column. Peers that are not installed, or
cannot start, make a row that says why, without a number.
"""

import re
import sysconfig
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks._figures import figure, rate
from corpus.exact import exact_keys
from corpus.minhash import MinHashConfig, band_keys, signatures

_row = partial(figure, "minhash")

_BYTES = 40_000_000
_PAIRS = 6_000
_WORDS = 400  # of a text of a pair


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    texts = real_texts(_BYTES)
    wide = MinHashConfig(bands=32, rows=8)
    signatures(wide, pa.array(texts[:1], pa.large_string()))  # compiled, or read from the cache
    yield from _against("rensa RMinHash, shingles in Python", texts, wide, 20_000_000, _rensa)
    yield from _against("datasketch 2, shingles in Python", texts, wide, 2_000_000, _datasketch)
    yield from _against("datatrove", texts, MinHashConfig(), 500_000, _datatrove)
    column = pa.array(texts, pa.large_string())
    chars = MinHashConfig(bands=32, rows=8, shingle="char")
    yield _row("256 hashes, word 5-grams, all files", "MB/s", rate(_bytes(column), lambda: signatures(wide, column)))
    yield _row("256 hashes, char 5-grams, all files", "MB/s", rate(_bytes(column), lambda: signatures(chars, column)))
    yield _row("both exact keys", "MB/s", rate(_bytes(column), lambda: exact_keys(column)))
    yield from found_by_similarity(texts, MinHashConfig())


def real_texts(limit: int) -> list[str]:
    """Python files of the interpreter's library and packages, in the order of their paths, up to some bytes."""
    paths = sysconfig.get_paths()
    texts: list[str] = []
    size = 0
    for folder in (paths["stdlib"], paths["purelib"]):
        for path in sorted(Path(folder).rglob("*.py")):
            try:
                text = path.read_text(encoding="utf-8")
            except UnicodeDecodeError:  # a few test files of the library are in other encodings on purpose
                continue
            texts.append(text)
            size += len(text)
            if size > limit:
                return texts
    return texts


def _against(
    peer: str,
    texts: list[str],
    cfg: MinHashConfig,
    limit: int,
    make: Callable[[MinHashConfig], Callable[[str], object]],
) -> Iterator[dict[str, Any]]:
    """Both sides over the same first files, text in and signature out."""
    ends = np.cumsum([len(text) for text in texts])
    some = texts[: int(np.searchsorted(ends, limit)) + 1]
    what = f"{cfg.n_hashes} hashes, word 5-grams"
    try:
        sign = make(cfg)
    except ImportError as error:
        yield _row(f"{what}: {peer} left out, {error}".splitlines()[0], "MB/s", None)
        return
    column = pa.array(some, pa.large_string())
    theirs = rate(_bytes(column), lambda: [sign(text) for text in column.to_pylist()])
    yield _row(what, "MB/s", rate(_bytes(column), lambda: signatures(cfg, column)), peer, theirs)


def _bytes(column: pa.LargeStringArray) -> int:
    return int(pc.sum(pc.binary_length(column)).as_py())


def _shingles(text: str) -> set[str]:
    words = text.split()
    return {" ".join(words[i : i + 5]) for i in range(len(words) - 4)}


def _datasketch(cfg: MinHashConfig) -> Callable[[str], object]:
    from datasketch import MinHash

    def sign(text: str) -> object:
        made = MinHash(num_perm=cfg.n_hashes)
        made.update_batch([shingle.encode() for shingle in _shingles(text)])
        return made

    return sign


def _rensa(cfg: MinHashConfig) -> Callable[[str], object]:
    from rensa import RMinHash

    def sign(text: str) -> object:
        made = RMinHash(num_perm=cfg.n_hashes, seed=cfg.seed)
        made.update(list(_shingles(text)))
        return made

    return sign


def _datatrove(cfg: MinHashConfig) -> Callable[[str], object]:
    import tempfile

    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.utils.hashing import HashConfig

    # Its default, xxhash, is handed text, which xxhash 4 refuses.
    settings = MinhashConfig(5, cfg.bands, cfg.rows, hash_config=HashConfig(hash_fc="sha1"))
    step = MinhashDedupSignature(tempfile.mkdtemp(), config=settings)
    step.get_signature(step.get_shingles("words of a first text to load the tokenizer"))

    def sign(text: str) -> object:
        shingles = step.get_shingles(text)
        return step.get_signature(shingles) if shingles.size else None

    return sign


def found_by_similarity(texts: list[str], cfg: MinHashConfig) -> Iterator[dict[str, Any]]:
    """Pairs of real texts with some words replaced, by 0.05 of true Jaccard (brute force).

    Ours is the share of pairs that has a common band key, theirs what bands and rows promise.
    """
    rng = np.random.RandomState(1)
    split = (text.split() for text in texts)
    bases = [words[i : i + _WORDS] for words in split for i in range(0, len(words) - _WORDS, _WORDS)]
    pairs: list[str] = []
    true: list[float] = []
    for pair in range(_PAIRS):
        words = bases[pair % len(bases)]
        other = list(words)
        for position in rng.randint(0, _WORDS, rng.randint(1, 40)):
            other[position] = f"w{pair}_{position}"
        left, right = _word_shingles(" ".join(words)), _word_shingles(" ".join(other))
        if left | right:
            pairs += [" ".join(words), " ".join(other)]
            true.append(len(left & right) / len(left | right))
    keys = band_keys(cfg, signatures(cfg, pa.array(pairs, pa.large_string()))[1])
    found = (keys[::2] == keys[1::2]).any(axis=1)
    similarity = np.array(true)
    for low in np.arange(0.4, 1.0, 0.05):
        inside = (similarity >= low) & (similarity < low + 0.05)
        if inside.sum() >= 50:
            promised = float(np.mean([cfg.recall_at(s) for s in similarity[inside]]))
            what = f"found of {int(inside.sum())} pairs at Jaccard {low:.2f} to {low + 0.05:.2f}"
            yield _row(what, "share", float(found[inside].mean()), "1-(1-s^r)^b", promised)


def _word_shingles(text: str) -> set[tuple[bytes, ...]]:
    """The kernel's own words, so that only hashing and banding are put to the test."""
    words = re.findall(rb"[A-Za-z0-9_\x80-\xff]+", text.encode())
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}
