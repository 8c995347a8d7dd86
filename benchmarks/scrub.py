"""Benchmark `scrub`: precision and recall on the labelled set, ours, detect-secrets' and as published; and MB/s.

The peer is the whole of detect-secrets as its users run it: every plugin and every filter of its default settings, one
file a case. It knows keys and public IPv4 addresses. Published figures are those of BigCode's regular expressions, on
a set of their own.
"""

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks._figures import figure, installed_texts, rate
from filters.secrets import ScrubConfig, scrub
from validate.labelled.scrub import HALVES, KINDS, Case, Score, cases, scores

_row = partial(figure, "scrub")

PUBLISHED = {"email": (0.96, 0.88), "ip_address": (0.83, 0.80), "key": (0.53, 0.78)}  # recall, precision
_BYTES = 40_000_000
_PEER_BYTES = 300_000


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    every = cases()
    for half in HALVES:
        chosen = [case for case in every if case.half == half]
        ours, theirs = scores(chosen, find), scores(chosen, find_with_library)
        for kind in KINDS:
            count = sum(len(case.spans) for case in chosen if case.kind == kind)
            yield from _scores(f"{kind}, {half}, {count} of {len(chosen)} cases", kind, ours[kind], theirs[kind])
    source = _documents(_BYTES)
    yield _row("Python source", "MB/s", _rate(source, lambda documents: scrub(ScrubConfig(), documents)))
    few = _documents(_PEER_BYTES)
    yield _row("first files", "MB/s", _rate(few, lambda documents: scrub(ScrubConfig(), documents)), "detect-secrets",
               _rate(few, _library_over))  # fmt: skip


def find(case: Case) -> list[tuple[int, int, str]]:
    """Ours."""
    annotation, _ = scrub(ScrubConfig(), _batch([case.document_kind], [case.path], [list(case.people)], [case.text]))
    return [(span["start"], span["end"], span["kind"]) for span in annotation["spans"][0].as_py()]


def find_with_library(case: Case) -> list[tuple[int, int, str]]:
    """detect-secrets' findings; it gives the value and not the place, so every place of the value counts once."""
    raw, found = case.text.encode(), []
    for value, kind in _library(case.text, case.path):
        at = raw.find(value.encode())
        if at >= 0:
            found.append((at, at + len(value.encode()), kind))
    return found


def _library(text: str, path: str) -> list[tuple[str, str]]:
    from detect_secrets.core.secrets_collection import SecretsCollection
    from detect_secrets.settings import default_settings

    with tempfile.TemporaryDirectory() as folder, default_settings():
        file = Path(folder, path.rsplit("/", 1)[-1])
        file.write_text(text, encoding="utf-8")
        collection = SecretsCollection()
        collection.scan_file(str(file))
        return sorted(
            {(secret.secret_value or "", "ip_address" if secret.type == "Public IP (ipv4)" else "key")
             for _, secret in collection}
        )  # fmt: skip


def _library_over(documents: pa.RecordBatch) -> None:
    for path, text in zip(documents["path"].to_pylist(), documents["text"].to_pylist(), strict=True):
        _library(text, path)


def _scores(what: str, kind: str, ours: Score, theirs: Score) -> Iterator[dict[str, Any]]:
    for name, one, other, published in (
        ("recall", ours.recall, theirs.recall, PUBLISHED.get(kind, (None, None))[0]),
        ("precision", ours.precision, theirs.precision, PUBLISHED.get(kind, (None, None))[1]),
    ):
        if kind in ("key", "ip_address"):
            yield _row(f"{name} of {what}", "share", one, "detect-secrets", other)
        if published is not None or kind == "user":
            yield _row(f"{name} of {what}", "share", one, "BigCode, published" if published else None, published)


def _documents(limit: int) -> pa.RecordBatch:
    texts = list(installed_texts("*.py", limit))
    return _batch(["file"] * len(texts), ["a.py"] * len(texts), [[]] * len(texts), texts)


def _batch(kinds: list[str], paths: list[str], people: list[list[str]], texts: list[str]) -> pa.RecordBatch:
    arrays = [
        pa.array(kinds), pa.array(paths), pa.array(people, pa.list_(pa.string())), pa.array(texts, pa.large_string())
    ]  # fmt: skip
    return pa.RecordBatch.from_arrays(arrays, ["kind", "path", "people", "text"])


def _rate(documents: pa.RecordBatch, run: Callable[[pa.RecordBatch], object]) -> float:
    run(documents.slice(0, 1))  # compiled, or read from the cache
    size = sum(len(text.encode()) for text in documents["text"].to_pylist())
    return rate(size, lambda: run(documents), runs=2)
