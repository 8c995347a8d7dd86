"""Benchmark `proof`: does dedup find what bands and rows promise, and nothing else?

Real files (Python's library and installed packages), each with copies changed to a known degree: identifiers renamed,
words edited, white space and punctuation reformatted, the text's head replaced as a licence header is. Brute-force
Jaccard of word 5-grams, by Python sets, is the truth. Per 0.05 of it the share found must lie in the binomial 99 %
interval of 1 - (1 - s^r)^b; a bin holds at most one copy of each file, so that its pairs are independent. Peers get the
same parameters and the first pairs of each bin. With verification each pair that is joined must be a true one.
"""

import re
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.stats import binom

from benchmarks._figures import figure
from benchmarks.clusters import Inline, Silent
from corpus.exact import exact_key
from corpus.minhash import MinHashConfig, band_keys, signatures
from corpus.schema import DOCUMENTS, LANGUAGES, VERDICTS
from corpus.shards import Record, Shard, Store
from filters.survivors import DedupConfig
from pipelines import dedup, minhash
from pipelines.stage import Work

_row = partial(figure, "proof")

_FILES = 5_500
_COPIES = 12  # of each file
_PEER_PAIRS = 2_000  # of each bin, for the slower peers too
_VERIFIED_COPIES = 3  # of each file, in the corpus that is deduplicated whole
_WORD = re.compile(r"[A-Za-z0-9_\x80-\U0010ffff]+")
_LOWEST = 0.4
_WIDTH = 0.05

Shares = npt.NDArray[np.float64]
Found = Callable[[list[str]], list[Any]]  # per text what two texts have in common where they are candidates


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    cfg = MinHashConfig()
    files = real_files(_FILES)
    pairs = planted_pairs(files, _COPIES)
    yield _row(f"{len(files)} real files; pairs of known similarity", "pairs", float(len(pairs.truth)))
    ours = pairs.share(_bands(cfg))
    yield from recall(cfg, pairs, ours)
    some = pairs.first(_PEER_PAIRS)
    mine = some.share(_bands(cfg))
    for peer, make in (("datasketch", _datasketch), ("datatrove", _datatrove)):
        try:
            found = some.share(make(cfg))
        except ImportError as error:
            yield _row(f"{peer} left out: {error}".splitlines()[0], "share", None)
            continue
        for low, inside in some.bins():
            what = f"found of {int(inside.sum())} pairs at Jaccard {low:.2f} to {low + _WIDTH:.2f}"
            yield _row(what, "share", float(mine[inside].mean()), peer, float(found[inside].mean()))
        *_, within = recall(cfg, some, found)
        yield _row("bins of these pairs within their 99 % interval", "bins", None, peer, within["ours"])
    yield from precision(cfg, files, _VERIFIED_COPIES)


def real_files(limit: int) -> list[str]:
    """Python files of 100 to 1,500 words, no two with the same words."""
    paths = sysconfig.get_paths()
    texts: dict[tuple[str, ...], str] = {}
    for path in (p for folder in (paths["stdlib"], paths["purelib"]) for p in sorted(Path(folder).rglob("*.py"))):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # a few test files of the library are in other encodings on purpose
            continue
        words = tuple(_WORD.findall(text)) if len(text) < 20_000 else ()
        if 100 <= len(words) <= 1_500:
            texts.setdefault(words, text)
        if len(texts) == limit:
            break
    return list(texts.values())


def shingles(text: str) -> set[tuple[str, ...]]:
    """Word 5-grams."""
    words = _WORD.findall(text)
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def true_jaccard(left: set[tuple[str, ...]], right: set[tuple[str, ...]]) -> float:
    """Of two sets that are not both empty."""
    return len(left & right) / len(left | right)


def changed(text: str, target: float, kind: str, rng: np.random.RandomState) -> str:
    """A copy whose similarity is near the target."""
    parts = re.split(f"({_WORD.pattern})", text)  # separators at even places, words at odd ones
    n = len(parts) // 2
    if kind == "header":
        head = int(n * (1 - target) / (1 + target))
        return " ".join(f"licence{rng.randint(10**9)}" for _ in range(head)) + "".join(parts[2 * head :])
    changes = max(1, round(n * (1 - target) / (1 + target) / 5))
    if kind == "rename":
        names = list(dict.fromkeys(parts[1::2]))
        rng.shuffle(names)
        counts = dict.fromkeys(names, 0)
        for name in parts[1::2]:
            counts[name] += 1
        new, done = {}, 0
        for name in names:
            if done + counts[name] <= changes:
                new[name], done = f"{name}_{rng.randint(10**6)}", done + counts[name]
        return "".join(new.get(part, part) if i % 2 else part for i, part in enumerate(parts))
    for place in rng.choice(n, changes, replace=False):
        parts[2 * place + 1] = f"edit{rng.randint(10**9)}"
    if kind == "reformat":
        return "".join(part if i % 2 else re.sub(r"\s+", "\n  ", part) for i, part in enumerate(parts))
    return "".join(parts)


class Pairs:
    """Texts two by two, and the true similarity of each pair."""

    def __init__(self, left: list[str], right: list[str], truth: Shares) -> None:
        self.left, self.right, self.truth = left, right, truth

    def bins(self) -> Iterator[tuple[float, npt.NDArray[np.bool_]]]:
        """The lower end of each bin, and which pairs are in it; the last holds those at 1."""
        for index in range(round((1 - _LOWEST) / _WIDTH)):
            yield _LOWEST + index * _WIDTH, bin_of(self.truth) == index

    def first(self, count: int) -> "Pairs":
        """The first so many of each bin."""
        rows = np.concatenate([np.flatnonzero(inside)[:count] for _, inside in self.bins()])
        return Pairs([self.left[i] for i in rows], [self.right[i] for i in rows], self.truth[rows])

    def share(self, found: Found) -> Shares:
        """1 for each pair that has something in common, 0 for the others."""
        once = list(dict.fromkeys(self.left))  # each file has several copies
        of_file = dict(zip(once, found(once), strict=True))
        others = found(self.right)
        return np.array([bool(np.any(of_file[a] == b)) for a, b in zip(self.left, others, strict=True)], np.float64)


def bin_of(truth: Shares) -> npt.NDArray[np.int64]:
    """Number of the bin; below the first -1."""
    index = np.minimum(((truth - _LOWEST) / _WIDTH + 1e-9).astype(np.int64), round((1 - _LOWEST) / _WIDTH) - 1)
    return np.where(truth < _LOWEST, -1, index)


def planted_pairs(files: list[str], copies: int) -> Pairs:
    """Each file with changed copies, at most one a bin."""
    rng = np.random.RandomState(7)
    kinds = ("rename", "edit", "reformat", "header")
    left, right, truth = [], [], []
    for text in files:
        base, taken = shingles(text), set()
        for copy in range(copies):
            other = changed(text, rng.uniform(_LOWEST - 0.04, 1), kinds[copy % 4], rng)
            similarity = true_jaccard(base, shingles(other))
            place = int(bin_of(np.array([similarity]))[0])
            if place >= 0 and place not in taken:
                taken.add(place)
                left.append(text)
                right.append(other)
                truth.append(similarity)
    return Pairs(left, right, np.array(truth))


def recall(cfg: MinHashConfig, pairs: Pairs, found: Shares) -> Iterator[dict[str, Any]]:
    """Per bin the share found against the promise, and whether it is within the binomial 99 % interval."""
    promise = np.array([cfg.recall_at(s) for s in pairs.truth])
    n_inside, n_bins = 0, 0
    for low, inside in pairs.bins():
        n, expected = int(inside.sum()), float(promise[inside].mean())
        least, most = (float(value) / n for value in binom.interval(0.99, n, expected))
        share = float(found[inside].mean())
        n_inside, n_bins = n_inside + (least <= share <= most), n_bins + 1
        what = f"found of {n} pairs at Jaccard {low:.2f} to {low + _WIDTH:.2f}; 99 % interval {least:.4f} to {most:.4f}"
        yield _row(what, "share", share, "1-(1-s^r)^b", expected)
    yield _row("bins within their 99 % interval", "bins", float(n_inside), "all", float(n_bins))


def _bands(cfg: MinHashConfig) -> Found:
    return lambda texts: list(band_keys(cfg, signatures(cfg, pa.array(texts, pa.large_string()))[1]))


def _datasketch(cfg: MinHashConfig) -> Found:
    from datasketch import MinHash

    def keys(text: str) -> Any:
        made = MinHash(num_perm=cfg.n_hashes)
        made.update_batch([" ".join(shingle).encode() for shingle in shingles(text)])
        folded = made.hashvalues.reshape(cfg.bands, cfg.rows).astype(np.uint64)
        return np.array([hash(band.tobytes()) for band in folded])

    return lambda texts: [keys(text) for text in texts]


def _datatrove(cfg: MinHashConfig) -> Found:
    from datatrove.pipeline.dedup import MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.utils.hashing import HashConfig
    from datatrove.utils.text import TextNormConfig
    from datatrove.utils.word_tokenizers import WordTokenizer

    class Words(WordTokenizer):  # type: ignore[misc]
        """The words of the truth: spaCy's are others, and Jaccard of those is another figure."""

        def word_tokenize(self, text: str) -> list[str]:
            return _WORD.findall(text)

        sent_tokenize = span_tokenize = word_tokenize  # declared by the base class, not asked for

    # As it is written: its own simplification lowers case and drops digits. Its default hash, xxhash, is handed text,
    # which xxhash 4 refuses.
    plain = TextNormConfig(*[False] * len(fields(TextNormConfig)))
    settings = MinhashConfig(cfg.n, cfg.bands, cfg.rows, 1, plain, HashConfig(hash_fc="sha1"))
    step = MinhashDedupSignature(tempfile.mkdtemp(), config=settings, language=Words())

    def keys(text: str) -> Any:
        return np.array([hash(tuple(band)) for band in step.get_signature(step.get_shingles(text))])

    return lambda texts: [keys(text) for text in texts]


def precision(cfg: MinHashConfig, files: list[str], copies: int) -> Iterator[dict[str, Any]]:
    """A corpus of files and copies through the stages: of the pairs that are joined, how many are at 0.7 or above."""
    rng = np.random.RandomState(11)
    kinds = ("rename", "edit", "reformat", "header")
    made = (
        changed(text, rng.uniform(0.4, 1), kinds[(i + j) % 4], rng)
        for j in range(copies)
        for i, text in enumerate(files)
    )
    texts = [*files, *made]
    words = lru_cache(maxsize=64)(lambda index: shingles(texts[index]))
    for name, verify in (("without verification", None), ("verified by Jaccard", 0.7)):
        with tempfile.TemporaryDirectory() as root:
            settings = DedupConfig(unit="file", minhash=cfg)
            if verify is not None:
                settings = replace(settings, verify=verify, verify_by="jaccard")
            pairs = joined(root, settings, texts)
        true = [true_jaccard(words(node), words(to)) >= 0.7 for node, to in sorted(pairs)]
        what = f"{name}, {len(texts)} documents: share of {len(pairs)} joined pairs at Jaccard 0.7 or above"
        yield _row(what, "share", float(np.mean(true)))


def joined(root: str, cfg: DedupConfig, texts: list[str]) -> set[tuple[int, int]]:
    """The pairs of documents that the stages minhash and dedup join directly."""
    store, shards = Store(root), []
    fixed = {"kind": "page", "kept": True, "held_out": False, "edits": []}
    schemas = {"documents": DOCUMENTS, "languages": LANGUAGES, "verdicts": VERDICTS}
    for start in range(0, len(texts), 1000):
        numbered = enumerate(texts[start : start + 1000], start)
        part = [{"text": text, "id": exact_key(str(i).encode()), **fixed} for i, text in numbered]
        shards.append([_written(store, f"{name}/{start:06d}", schema, part) for name, schema in schemas.items()])
    documents, languages, verdicts = (list(column) for column in zip(*shards, strict=True))
    signing, work = (Work(store, Inline(), name, Silent()) for name in ("minhash", "dedup"))  # type: ignore[arg-type]
    signed = minhash.run(signing, cfg.minhash, documents).outputs
    dedup.run(work, cfg, documents, languages, signed["signatures"], signed["bands"], verdicts)
    found: set[tuple[int, int]] = set()
    for step in ("near_edges", "near_verify") if cfg.verify is None else ("near_verify",):
        for path in store.list(f"objects/dedup/{step}"):
            for batch in store.batches(store.describe(path)):
                found |= set(zip(*(batch.column(name).to_pylist() for name in ("node", "to")), strict=True))
    return found


def _written(store: Store, stem: str, schema: pa.Schema, rows_: list[dict[str, Any]]) -> Shard:
    batch = pa.RecordBatch.from_pylist([{name: row.get(name) for name in schema.names} for row in rows_], schema)
    counts = {"bytes": sum(len(row["text"]) for row in rows_)}
    return store.write_shard(f"objects/input/{stem}", schema, [batch], Record("", counts))
