"""Benchmark `measures`: MB/s of each group of measures on real source files, beside plain Python and Arrow's kernels.

Files are the Python files of the running interpreter's library and packages, the same on both sides, in one process.
The HTML group runs over the same bytes read as pages, and over real pages where the packages bring some.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks._figures import figure, installed_texts, rate
from filters.characters import BASIC
from filters.cleaning import CLEANING
from filters.encoded import ENCODED
from filters.formulas import FORMULAS
from filters.group import Group
from filters.imports import IMPORTS
from filters.lines import LINES
from filters.measures import GROUPS
from filters.repetition import REPETITION
from filters.source import SOURCE
from filters.visible import HTML
from filters.words import WORDS

_BYTES = 40_000_000
_PLAIN_BYTES = 4_000_000  # plain Python takes the first files only


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    source, sample = _documents("*.py", _BYTES), _documents("*.py", _PLAIN_BYTES)
    ours = _rate(sample, _group(BASIC))
    yield _row("basic: the six rules but HTML's, first files", ours, "plain Python", _rate(sample, _plain))
    yield _row("basic, against letters alone", ours, "pyarrow regex", _rate(sample, _arrow_letters))
    yield _row("basic, against line lengths alone", ours, "pyarrow split", _rate(sample, _arrow_lines))
    yield _row("basic, all files", _rate(source, _group(BASIC)))
    for group in (WORDS, LINES, REPETITION, CLEANING, FORMULAS):
        yield _row(f"{group.name}, files read as prose", _rate(source, _group(group)))
    files = _as("file", source)
    for group in (SOURCE, REPETITION, LINES, ENCODED, IMPORTS):
        yield _row(f"{group.name}, Python files", _rate(files, _group(group)))
    yield _row("all cheap groups together, Python files", _rate(files, _all))
    yield _row("all cheap groups together, files read as prose", _rate(source, _all))
    pages = _documents("*.html", _BYTES)
    if pages.num_rows:
        yield _row(f"html, {pages.num_rows} pages", _rate(pages, _group(HTML)), "resiliparse tree", _rate(pages, _tree))
        yield _row("the six rules' measures together, pages", _rate(pages, _six))
    yield _row("html, source read as pages", _rate(source, _group(HTML)))


def _documents(pattern: str, limit: int) -> pa.RecordBatch:
    texts = list(installed_texts(pattern, limit))
    columns = {"kind": ["prose"] * len(texts), "text": pa.array(texts, pa.large_string())}
    nothing = {
        "people": pa.nulls(len(texts), pa.list_(pa.string())),
        "path": pa.nulls(len(texts), pa.string()),
        "url": pa.nulls(len(texts), pa.string()),
    }
    return pa.record_batch(columns | nothing)


def _as(kind: str, documents: pa.RecordBatch) -> pa.RecordBatch:
    return documents.set_column(0, "kind", pa.array([kind] * documents.num_rows))


def _six(documents: pa.RecordBatch) -> None:
    for group in (BASIC, HTML):
        _group(group)(documents)


def _all(documents: pa.RecordBatch) -> None:
    for group in GROUPS:
        if group is not HTML:
            _group(group)(documents)


def _group(group: Group) -> Callable[[pa.RecordBatch], object]:
    def run(documents: pa.RecordBatch) -> object:
        prose = documents.num_rows and documents.column("kind")[0].as_py() == "prose"
        language = "HTML" if group is HTML else None if prose else "Python"
        languages = pa.record_batch({"language": pa.array([language] * documents.num_rows, pa.string())})
        return group.kernel(documents, languages)

    return run


def _plain(documents: pa.RecordBatch) -> list[tuple[object, ...]]:
    """BigCode's definitions as BigCode writes them, over Python strings."""
    made: list[tuple[object, ...]] = []
    for text in documents.column("text").to_pylist():
        lengths = [len(line) for line in text.splitlines()] or [0]
        letters, alnums = sum(map(str.isalpha, text)), sum(map(str.isalnum, text))
        made.append((sum(lengths) / len(lengths), max(lengths), letters, alnums, "<?xml version=" in text[:100]))
    return made


def _arrow_letters(documents: pa.RecordBatch) -> object:
    return pc.count_substring_regex(documents.column("text"), r"\pL")


def _arrow_lines(documents: pa.RecordBatch) -> object:
    return pc.utf8_length(pc.split_pattern(documents.column("text"), "\n").flatten())


def _tree(documents: pa.RecordBatch) -> list[int]:
    """Parse and take the text; scripts stay in it, since taking them out of this tree is what was too slow."""
    from resiliparse.parse.html import HTMLTree

    trees: Iterator[Any] = (HTMLTree.parse(text) for text in documents.column("text").to_pylist())
    return [len(tree.document.query_selector("html").text) for tree in trees]


def _rate(documents: pa.RecordBatch, measure: Callable[[pa.RecordBatch], object]) -> float:
    measure(documents.slice(0, 1))  # compiled, or read from the cache
    return rate(pc.sum(pc.binary_length(documents.column("text"))).as_py(), lambda: measure(documents))


def _row(what: str, ours: float, peer: str | None = None, theirs: float | None = None) -> dict[str, Any]:
    return figure("measures", what, "MB/s", ours, peer, theirs)
