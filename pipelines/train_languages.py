"""Command: labelled files -> the content model of `corpus.language_model`, and how good it was in cross-validation.

In come .jsonl or .jsonl.zst files (fields `content` and `label`, or `outside_language` where the label is null; `path`
and `source` where known), and folders `LABEL/FILE`, LABEL being a name or alias of the language table (any other name
is a language outside the list). Of a crawl, write the files whose extension belongs to one language only. The samples
are never part of the project; docs/languages.md names those the shipped model was made from.

    python -m pipelines.train_languages samples.jsonl.zst Pygments-2.21.0/tests/examplefiles

Ridge regression in its dual form: one inverse of the matrix of similarities gives the weights and, exactly, the answer
for each fold as if the fold had been absent. With few files a class it was better than softmax by gradient descent
(linguist samples .83 against .81, the other highlighters' .80 against .72). Beside it, for short texts, naive Bayes on
the same features. The cost grows with the cube of the files:
19,000 take some 5 minutes of processor time and 4 GB.
"""

import argparse
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import linalg, optimize, sparse

from corpus.language_model import BITS, COARSE, MIX, MODEL, ODDS_STEP, SHORT, Floats, Model, bag, save
from corpus.language_table import load_table
from pipelines.console import end

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RIDGE = 0.1  # 0.03, 0.1 and 0.4 were tried: .787/.784/.776 on the highlighters' samples before balancing
NEAR = 0.7  # cosine from which two files are never on both sides of a fold
KEEP = 32  # weights kept of a bucket; a low-rank form of the same size lost 10 points, 16 weights 1
SMOOTHING = 3.0  # of naive Bayes, in files; 1 and 10 were no better
FOLDS = 10
ROWS = 1_000  # rows of a large matrix worked on at once
SIZES = ((0, 300), (300, 1_000), (1_000, 4_000), (4_000, 1_000_000_000))  # bytes


@dataclass(frozen=True, slots=True)
class Samples:
    """Labelled texts; a class is a name of the list (variants merged), or "~name" outside it."""

    texts: list[bytes]
    labels: list[str]
    sources: list[str]
    paths: list[str]
    scored: list[bool]  # False: trains only


def _jsonl(path: Path) -> Iterator[tuple[bytes, str, str, str]]:
    if path.suffix == ".zst":
        import zstandard  # here: only this form of input needs it

        with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as packed:
            lines = io.BytesIO(packed.read()).readlines()
    else:
        lines = path.read_bytes().splitlines()
    for line in lines:
        row = json.loads(line)
        name = row["label"] or f"~{row['outside_language']}"
        text = row["content"].encode("utf-8", "surrogatepass")
        yield text, name, row.get("source", path.name), row.get("path", "")


def _folder(root: Path) -> Iterator[tuple[bytes, str, str, str]]:
    table = load_table()
    for path in sorted(p for p in root.glob("*/**/*") if p.is_file() and p.suffix != ".output"):
        folder = path.relative_to(root).parts[0]
        name = next(iter(table.aliases.get(folder.lower(), ())), folder)
        label = name if name in table.names else f"~{name}"
        yield path.read_bytes(), label, root.name, path.name


def read(paths: list[Path], also: Sequence[Path] = ()) -> Samples:
    """All samples that are text, each content once; those of `also` are trained on and never scored."""
    variants = load_table().variants
    seen: set[bytes] = set()
    rows: list[tuple[bytes, str, str, str, bool]] = []
    for path, scored in [*((path, True) for path in paths), *((path, False) for path in also)]:
        for row in _folder(path) if path.is_dir() else _jsonl(path):
            digest = blake2b(row[0], digest_size=16).digest()
            if row[0].strip() and b"\0" not in row[0] and digest not in seen:
                seen.add(digest)
                rows.append((row[0], variants.get(row[1], row[1]), row[2], row[3], scored))
    return Samples(*(list(column) for column in zip(*rows, strict=True)))


def counted(samples: Samples) -> npt.NDArray[np.bool_]:
    """Files whose answers are reported: scored ones of listed classes with at least three of them."""
    files = Counter(label for label, scored in zip(samples.labels, samples.scored, strict=True) if scored)
    rows = zip(samples.labels, samples.scored, strict=True)
    return np.array([scored and files[label] >= 3 and not label.startswith("~") for label, scored in rows])


def vectors(texts: list[bytes]) -> tuple[sparse.csr_matrix, Floats]:
    """Unit-length tf-idf rows, and the idf: as `corpus.language_model` computes them."""
    bags = [bag(text) for text in texts]
    pointers = np.cumsum([0] + [len(buckets) for buckets, _ in bags])
    columns = np.concatenate([buckets for buckets, _ in bags])
    found = np.bincount(columns, minlength=1 << BITS)
    idf = (np.log((len(texts) + 1) / (found + 1)) + 0.3).astype(np.float32)
    values = np.log1p(np.concatenate([counts for _, counts in bags]).astype(np.float32)) * idf[columns]
    matrix = sparse.csr_matrix((values, columns, pointers), shape=(len(texts), 1 << BITS), dtype=np.float32)
    norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags(1 / np.maximum(norms, 1e-9)) @ matrix), idf


def fold_of(similar: Floats, samples: Samples) -> Ints:
    """A fold for each file: near-duplicates share it, and so do numbered solutions of one task in one language.

    -1, in none, for files that only train and resemble no scored one: nothing is learnt by leaving them out.
    """
    near: list[Ints] = []
    for start in range(0, len(similar), ROWS):
        left, right = np.nonzero(similar[start : start + ROWS] > NEAR)
        near.append(np.stack([left + start, right], 1)[right > left + start])
    first: dict[tuple[str, str, str], int] = {}
    chains: list[tuple[int, int]] = []
    for row, (label, source, path) in enumerate(zip(samples.labels, samples.sources, samples.paths, strict=True)):
        task = re.sub(r"-\d+\.[^.]*$", "", path)
        if task != path:
            chains.append((first.setdefault((source, task, label), row), row))
    pairs = np.concatenate([*near, np.array(chains, np.int64).reshape(-1, 2)])
    n = len(samples.labels)
    edges = sparse.coo_matrix((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    _, group = sparse.csgraph.connected_components(edges, directed=False)
    held = set(group[np.array(samples.scored)].tolist())
    digests = {g: int.from_bytes(blake2b(int(g).to_bytes(8, "little"), digest_size=8).digest()) for g in set(group)}
    return np.array([digests[g] % FOLDS if int(g) in held else -1 for g in group])


def fit(similar: Floats, target: Ints, n_classes: int, folds: Ints) -> tuple[Floats, Floats]:
    """Dual weights [files, classes], and each file's scores from the other folds (0 in none); `similar` is used up.

    A class weighs the same whatever its number of files: the ridge of a file is divided by its share, which raised
    macro accuracy from .73 to .76 (linguist) and forces fewer outside files into the list (.44 against .52).
    """
    counts = np.bincount(target, minlength=n_classes)[target]
    similar[np.diag_indices(len(target))] += (RIDGE * counts * (1 / counts).mean()).astype(np.float32)
    inverse = _inverse(similar)  # in its own memory: with 20,000 files that is 1.6 GB
    wanted = np.zeros((len(target), n_classes), np.float32)
    wanted[np.arange(len(target)), target] = 1
    dual = inverse @ wanted
    unseen = np.zeros_like(wanted)
    for fold in np.unique(folds[folds >= 0]):
        rows = np.flatnonzero(folds == fold)
        unseen[rows] = wanted[rows] - np.linalg.solve(inverse[np.ix_(rows, rows)], dual[rows])
    return dual, unseen


def _inverse(system: Floats) -> Floats:
    """Of a symmetric positive definite matrix, in its own memory.

    In single precision: half the time and the memory, and the same answers (10,979 files) within a file or two.
    """
    factor, failed = linalg.lapack.spotrf(system.T, lower=1, overwrite_a=1)
    inverse, singular = linalg.lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed or singular:
        raise ValueError(f"the matrix of similarities is not positive definite ({failed}, {singular}): raise RIDGE")
    for start in range(0, len(inverse), ROWS):
        rows = slice(start, start + ROWS)
        inverse[rows, start:] = np.tril(inverse[start:, rows], 0).T + np.tril(inverse[rows, start:], -1)
    return np.asarray(inverse)


def similarities(matrix: sparse.csr_matrix) -> Floats:
    """Cosines of all pairs of files, some rows at a time: as one sparse product they would take three times as much."""
    turned = matrix.T.tocsr()
    found = np.empty((matrix.shape[0], matrix.shape[0]), np.float32)
    for start in range(0, len(found), ROWS):
        found[start : start + ROWS] = (matrix[start : start + ROWS] @ turned).toarray()
    return found


def calibrate(unseen: Floats, target: Ints) -> tuple[float, float, float]:
    """Logistic regression of "the best class is right" on its score and its lead, over the held-out answers."""
    top = np.sort(unseen, axis=1)[:, -2:]
    inputs = np.stack([np.ones(len(top)), top[:, 1], top[:, 1] - top[:, 0]], 1)
    right = unseen.argmax(1) == target

    def loss(weights: Doubles) -> float:
        return float(np.logaddexp(0, np.where(right, -1, 1) * (inputs @ weights)).sum())

    found = optimize.minimize(loss, np.zeros(3), method="BFGS").x
    return float(found[0]), float(found[1]), float(found[2])


def odds(used: sparse.csr_matrix, target: Ints, n_classes: int) -> tuple[sparse.csr_matrix, Floats]:
    """Naive Bayes: [coarse buckets, classes] in steps of ODDS_STEP, and each class's ratio for what it never had.

    The log of how much oftener a class has a feature than all files together; a file counts as the root of its length.
    """
    rows = np.arange(len(target))
    member = sparse.csr_matrix((np.ones(len(rows), np.float32), (target, rows)), shape=(n_classes, len(rows)))
    share = sparse.diags((1 / np.sqrt(np.maximum(np.diff(used.indptr), 1))).astype(np.float32))
    sums = sparse.csc_matrix(member @ (share @ used))
    total = np.asarray(sums.sum(axis=1)).ravel()
    every = np.asarray(sums.sum(axis=0)).ravel() + 1e-3
    expected = SMOOTHING * every / every.sum()
    ratio = np.log1p(sums.data / np.repeat(expected, np.diff(sums.indptr)))
    sums.data = np.round(ratio / ODDS_STEP).astype(np.float32)
    prior = np.log(SMOOTHING / (total + SMOOTHING))
    return sparse.csr_matrix(sums.T), prior.astype(np.float32)


def coarse(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Which coarse buckets a file uses, and how many of its features fall into each."""
    shape = (matrix.shape[0], 1 << (BITS - COARSE))
    ones = np.ones(matrix.nnz, np.float32)
    return sparse.csr_matrix((ones, matrix.indices >> COARSE, matrix.indptr.copy()), shape=shape)


def add_odds(unseen: Floats, matrix: sparse.csr_matrix, target: Ints, folds: Ints) -> None:
    """To the scores of short files, what naive Bayes says from the other folds."""
    used, size = coarse(matrix), np.diff(matrix.indptr)
    for fold in np.unique(folds[folds >= 0]):
        kept = np.flatnonzero(folds != fold)
        rows = np.flatnonzero((folds == fold) & (size < SHORT) & (size > 0))
        table, prior = odds(used[kept], target[kept], unseen.shape[1])
        found = (used[rows] @ table).toarray() * (ODDS_STEP / size[rows])[:, None] + prior
        unseen[rows] += (MIX * found).astype(np.float32)


def compress(weights: Floats, idf: Floats, classes: list[str], table: sparse.csr_matrix, prior: Floats) -> Model:
    """The largest weights of each bucket, rounded to int8, and naive Bayes' table."""
    smallest = np.partition(np.abs(weights), -KEEP, axis=1)[:, [-KEEP]] if len(classes) > KEEP else 0
    scale = np.maximum(np.abs(weights).max(axis=1), 1e-6) / 127
    rounded = np.round(np.where(np.abs(weights) >= smallest, weights, 0) / scale[:, None]).astype(np.int8)
    kept = sparse.csr_matrix(rounded)
    return Model(
        classes=tuple(classes),
        idf=idf,
        scale=scale.astype(np.float32),
        pointers=kept.indptr.astype(np.int64),
        columns=kept.indices.astype(np.uint16),
        weights=kept.data,
        prior=prior,
        odds_pointers=table.indptr.astype(np.int64),
        odds_columns=table.indices.astype(np.uint16),
        odds=np.minimum(table.data, 255).astype(np.uint8),
        calibration=(0.0, 0.0, 0.0),
    )


def train(samples: Samples) -> tuple[Model, Floats]:
    """The model, and what each file would have scored had its fold been absent (before rounding to int8)."""
    classes = sorted(set(samples.labels))
    target = np.array([classes.index(label) for label in samples.labels])
    matrix, idf = vectors(samples.texts)
    similar = similarities(matrix)
    folds = fold_of(similar, samples)
    dual, unseen = fit(similar, target, len(classes), folds)
    add_odds(unseen, matrix, target, folds)
    weights = np.asarray(matrix.T @ dual, np.float32)
    model = compress(weights, idf, classes, *odds(coarse(matrix), target, len(classes)))
    scored = np.array(samples.scored)
    return replace(model, calibration=calibrate(unseen[scored], target[scored])), unseen


def report(samples: Samples, classes: list[str], unseen: Floats) -> Iterator[str]:
    """Accuracy and macro accuracy by source, over listed classes with at least three files; then outside files."""
    target = np.array([classes.index(label) for label in samples.labels])
    inside = np.array([not name.startswith("~") for name in classes])
    chosen = counted(samples)
    answer = unseen.argmax(1)
    sources = np.array(samples.sources)
    length = np.array([len(text) for text in samples.texts])
    for source, n_files in Counter(sources[np.array(samples.scored)].tolist()).most_common():
        rows = np.flatnonzero((sources == source) & chosen)
        if len(rows):
            right = answer[rows] == target[rows]
            macro = np.mean([right[target[rows] == c].mean() for c in np.unique(target[rows])])
            yield f"{source}: {right.mean():.3f} / {macro:.3f} over {len(rows)} of {n_files} files"
    for low, high in SIZES:
        rows = np.flatnonzero((length >= low) & (length < high) & chosen)
        if len(rows):
            yield f"{low}-{high} bytes: {(answer[rows] == target[rows]).mean():.3f} over {len(rows)} files"
    rows = np.flatnonzero(~inside[target] & np.array(samples.scored))
    if len(rows):
        yield f"outside files forced into the list: {inside[answer[rows]].mean():.3f} over {len(rows)} files"


def main(arguments: list[str]) -> int:
    """The command line; 0 done, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.train_languages", description="Train the content model.")
    parser.add_argument("samples", type=Path, nargs="+", help=".jsonl, .jsonl.zst, or a folder LABEL/FILE")
    parser.add_argument("--also", type=Path, nargs="+", default=[], help="the same, trained on and never scored")
    parser.add_argument("--out", type=Path, default=MODEL)
    options = parser.parse_args(arguments)
    missing = [str(path) for path in [*options.samples, *options.also] if not path.exists()]
    if missing:
        print(f"no such file or folder: {', '.join(missing)}", file=sys.stderr)
        return 2
    samples = read(options.samples, options.also)
    model, unseen = train(samples)
    classes = list(model.classes)
    save(model, str(options.out))
    for line in report(samples, classes, unseen):
        print(line)
    print(
        f"{options.out}: {len(classes)} classes from {len(samples.texts)} files, {options.out.stat().st_size:,} bytes"
    )
    return 0


if __name__ == "__main__":
    end(partial(main, sys.argv[1:]))
