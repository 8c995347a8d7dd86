"""Benchmark `prose_rules`: Gopher's and FineWeb's rules, ours beside datatrove's own filters on the same documents.

Documents are the demo's prose (news and an encyclopedia) and the text files of the running interpreter's packages, at
least 2,000 in all. datatrove's filters are given words parted by white space: its own tokenizer for English needs
spaCy. A row says on how many documents both decide alike; a difference stops the benchmark with the document and both
reasons.
"""

import os
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks._figures import figure
from corpus.decode import plain_text
from corpus.sources import documents as prose
from filters.lines import lines
from filters.repetition import repetition
from filters.rule import Rule, evaluate
from filters.text import FINEWEB_QUALITY, QUALITY, REPETITION
from filters.words import words
from pipelines import demo_sources

_LEAST = 2_000


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

    texts = _texts()
    size = sum(len(text.encode()) for text in texts)
    splitter: Any = _splitter()
    for name, peer, rules in (
        ("Gopher, quality", GopherQualityFilter(language=splitter), QUALITY),
        ("Gopher, repetition", GopherRepetitionFilter(language=splitter), REPETITION),
        ("FineWeb", FineWebQualityFilter(language=splitter), FINEWEB_QUALITY),
    ):
        ours, seconds = _timed(lambda rules=rules: _ours(texts, rules))  # type: ignore[misc]
        theirs, peer_seconds = _timed(lambda peer=peer: _theirs(texts, peer))  # type: ignore[misc]
        differing = [
            index for index, pair in enumerate(zip(ours, theirs, strict=True)) if bool(pair[0]) != bool(pair[1])
        ]
        if differing:
            first = differing[0]
            raise AssertionError(
                f"{name}: {len(differing)} of {len(texts)} documents differ; the first begins {texts[first][:80]!r}: "
                f"ours {ours[first]}, datatrove {theirs[first]}"
            )
        kept = sum(not names for names in ours)
        yield _row(f"{name}: decided alike, {kept} kept", "documents", len(texts), len(theirs))
        yield _row(name, "MB/s", size / 1e6 / seconds, size / 1e6 / peer_seconds)


def _texts() -> list[str]:
    folder = os.path.abspath(os.environ.get("DEMO_INPUT", demo_sources.FOLDER))
    found: list[str] = []
    for source in (demo_sources.news(folder), demo_sources.encyclopedia(folder)):
        for root in prose.roots(source):
            table = pa.Table.from_batches(list(prose.listing(source, root)))
            for raw in prose.read(source, table.filter(table["refused"].is_null())):
                text = plain_text(raw).text.decode() if raw.refused is None else ""
                found += [text] if text.strip() else []
    paths = sysconfig.get_paths()
    for path in sorted([*Path(paths["purelib"]).rglob("*.txt"), *Path(paths["purelib"]).rglob("*.md")]):
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [text] if len(text.strip()) > 0 and len(text) < 200_000 else []
    for path in sorted(Path(paths["stdlib"]).rglob("*.py")):  # source read as prose, up to the number asked for
        if len(found) >= _LEAST:
            break
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [text] if 0 < len(text.strip()) < 100_000 else []
    return found


def _splitter() -> object:
    from datatrove.utils.word_tokenizers import WordTokenizer

    class Whitespace(WordTokenizer):  # type: ignore[misc]
        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

        def sent_tokenize(self, text: str) -> list[str]:
            return [text]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(0, len(text))]

    return Whitespace()


def _ours(texts: list[str], rules: tuple[Rule, ...]) -> list[list[str]]:
    """Every group that the rules name, then the rules."""
    batch = pa.record_batch({"kind": ["prose"] * len(texts), "text": pa.array(texts, pa.large_string())})
    wanted = {rule.measure for rule in rules}
    columns: dict[str, pa.Array] = {}
    for kernel, mark in (
        (words, "n_words"),
        (words, "newlines_per_word"),
        (lines, "short_lines"),
        (lines, "duplicate_lines"),
        (repetition, "top_2_gram"),
    ):
        if mark in wanted:
            part = kernel(batch, batch)
            columns |= dict(zip(part.schema.names, part.columns, strict=True))
    names: list[list[str]] = evaluate(rules, pa.record_batch(columns))[1].to_pylist()
    return names


def _theirs(texts: list[str], peer: Any) -> list[str]:
    from datatrove.data import Document

    reasons = []
    for index, text in enumerate(texts):
        result = peer.filter(Document(text=text, id=str(index)))
        reasons.append("" if result is True else str(result[1]))
    return reasons


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """The result and the seconds of processor time of the faster of two runs; the first of ours compiles."""
    seconds = []
    for _ in range(2):
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    return result, min(seconds)


def _row(what: str, unit: str, ours: float, theirs: float) -> dict[str, Any]:
    return figure("prose_rules", what, unit, ours, "datatrove 0.10, words by white space", theirs)
