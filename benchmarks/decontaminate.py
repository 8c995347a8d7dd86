"""Benchmark `decontaminate`: MB/s against HumanEval, recall of leaks put in, false hits, an index of 10^6 items.

Innocent code: the archives of demo-input where they are there, else the Python files of the running interpreter, which
also are what the speed is measured on. The plain definition (sets of tuples of words) runs beside ours on the first
files.
"""

import os
import tarfile
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks._figures import figure, installed_texts, rate
from filters.benchmarks import HUMAN_EVAL, Item, strings_of
from filters.contamination import ContaminationConfig, build_index, contamination
from filters.gram_index import Index, load
from filters.word_hashes import words
from pipelines.benchmark_files import Digest, records
from validate.leaks import LEAKS

_row = partial(figure, "decontaminate")

ITEMS = 1_000_000
_WORDS = 100  # of an item: a task and its solution
_BYTES = 60_000_000
_PLAIN_BYTES = 1_500_000
_OWN = ContaminationConfig()


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    problems = [record for _, record in records(HUMAN_EVAL, Digest())]
    items = [item for record in problems for item in strings_of(HUMAN_EVAL, record, "")]
    index = _index(items)
    yield from _speed(index, items)
    for leak in LEAKS:
        texts = [leak(record["prompt"] + record["canonical_solution"]) for record in problems]
        hits = _scan(index, texts)["n_hits"].to_numpy()
        yield _row(f"recall of HumanEval, {leak.__name__.replace('_', ' ')}", "share", float((hits > 0).mean()))
    where, texts = _innocent()
    hits = _scan(index, texts)["n_hits"].to_numpy()
    size = sum(len(text.encode()) for text in texts)
    yield _row(f"false hits in {where}, {len(texts)} files, {size / 1e6:.0f} MB", "files", int((hits > 0).sum()))
    yield from _large()


def _index(items: list[Item]) -> Index:
    return load(np.frombuffer(b"".join(build_index(_OWN, items, {HUMAN_EVAL.name: ""})), np.uint8))


def _scan(index: Index, texts: list[str]) -> pa.RecordBatch:
    return contamination(index, pa.array(texts, pa.large_string()))[0]


def _speed(index: Index, items: list[Item]) -> Iterator[dict[str, Any]]:
    sample = list(installed_texts("*.py", _PLAIN_BYTES))
    ours = _rate(index, sample)
    tests = [(size, words(item.text)) for item in items for size in [min(_OWN.gram, len(words(item.text)))]]
    sizes = sorted({size for size, _ in tests if size >= _OWN.min_gram})
    grams = {tuple(test[i : i + size]) for size, test in tests for i in range(len(test) - size + 1)}
    start = time.process_time()
    for text in sample:
        have = words(text)
        any(tuple(have[i : i + size]) in grams for size in sizes for i in range(len(have) - size + 1))
    theirs = sum(len(text.encode()) for text in sample) / 1e6 / (time.process_time() - start)
    yield _row("against HumanEval, first files", "MB/s", ours, "plain Python", theirs)
    yield _row("against HumanEval", "MB/s", _rate(index, list(installed_texts("*.py", _BYTES))))


def _rate(index: Index, texts: list[str]) -> float:
    column = pa.array(texts, pa.large_string())
    contamination(index, column.slice(0, 1))  # compiled, or read from the cache
    return rate(sum(len(text.encode()) for text in texts), lambda: contamination(index, column))


def _innocent() -> tuple[str, list[str]]:
    folder = Path(os.environ.get("DEMO_INPUT", "demo-input"), "archives")
    if not folder.is_dir():
        return "the interpreter's files", list(installed_texts("*.py", _BYTES))
    texts = []
    for path in sorted(folder.glob("*.tar.gz")):
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() and member.size < 2_000_000 else None
                raw = file.read() if file else b"\0"
                if b"\0" not in raw:
                    texts.append(raw.decode("utf-8", "replace"))
    return "the demo's archives", texts


def _large() -> Iterator[dict[str, Any]]:
    """A million items of a hundred words drawn from source code's own vocabulary, so that nothing is hit."""
    source = list(installed_texts("*.py", _BYTES // 3))
    vocabulary = np.array([word for text in source for word in words(text)], object)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "index")
        start = time.process_time()
        with open(path, "wb") as file:
            for chunk in build_index(_OWN, _items(vocabulary), {"Large": ""}):
                file.write(chunk)
        seconds = time.process_time() - start
        size = os.path.getsize(path)
        index = load(np.memmap(path, np.uint8, "r"))
        yield _row(f"index of {ITEMS:,} items of {_WORDS} words", "GB", size / 1e9)
        yield _row("the same, made in", "s", seconds)
        yield _row("against it, the first files", "MB/s", _rate(index, source))


def _items(vocabulary: np.ndarray) -> Iterator[Item]:
    generator = np.random.Generator(np.random.PCG64(6))
    numbers = iter(range(ITEMS))
    while batch := list(islice(numbers, 10_000)):
        for number, drawn in zip(batch, vocabulary[generator.integers(0, len(vocabulary), (len(batch), _WORDS))]):
            yield Item("Large", str(number), " ".join(drawn))
