"""Benchmark `languages`: accuracy with a name and by content alone, files forced into the list, speed; beside peers.

The samples are not part of the project: LANGUAGE_SAMPLES names them (files and folders as `pipelines.train_languages`
reads them, separated by the system's path separator), LANGUAGE_ALSO those that only train.
Every figure by content is cross-validated: a file's scores come
from the folds that hold no near-duplicate of it. Accuracy is over listed classes with at least three files.
"""

import importlib.util
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks._figures import figure
from corpus import guesslang
from corpus.language_model import Floats, Model
from corpus.language_table import SIGNATURE_BYTES, by_alias, load_table
from corpus.languages import ClassifyConfig, Decision, Texts, answer, classify, decide
from pipelines.train_languages import SIZES, Samples, counted, read, train

_row = partial(figure, "languages")

VARIABLE = "LANGUAGE_SAMPLES"
ALSO = "LANGUAGE_ALSO"
SOURCES = {"linguist": ("linguist",), "highlighters": ("pygments", "rouge", "ace"), "rosetta": ("rosetta",)}
_SPEED_FILES = 2_000
_CONFUSED = 40

Strings = npt.NDArray[np.object_]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trial:
    """The samples, and what decides about them."""

    samples: Samples
    labels: Strings
    counted: Mask  # of a listed class with at least three files
    outside: Mask
    model: Model
    unseen: Floats


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    trial = _trial()
    open_set = ClassifyConfig(min_confidence=0.0)
    for what, names, cfg in (("with name", True, open_set), ("content", False, open_set)):
        answers = np.array([_merged(d.name) for d in _decide(trial, cfg, names)], object)
        for peer, theirs in _peers(trial, names):
            yield from _accuracy(trial, what, answers, peer, theirs)
        real = np.ones(len(answers), bool) if not names else ~np.isin(trial.samples.sources, SOURCES["rosetta"])
        for low, high in (*SIZES, (1_000, SIZES[-1][1])):
            size = real & np.array([low <= len(text) < high for text in trial.samples.texts])
            yield _row(f"accuracy {what}, {low} to {high} bytes", "share", _share(trial, answers, size))
    for what, names in (("with name", True), ("content", False)):
        for cfg in (open_set, ClassifyConfig()):
            forced = [d.name in load_table().names for d in _decide(trial, cfg, names)]
            share = float(np.array(forced)[trial.outside].mean())
            yield _row(f"outside files forced into the list, {what}, confidence {cfg.min_confidence}", "share", share)
    yield from _coverage(trial)
    yield from _rare(trial)
    yield from _confused(trial)
    yield from _speed(trial)


def _trial() -> Trial:
    paths, also = _paths(VARIABLE), _paths(ALSO)
    missing = [str(path) for path in [*paths, *also] if not path.exists()]
    if missing or not paths:
        raise FileNotFoundError(
            f"no labelled samples ({', '.join(missing) or 'none named'}): set {VARIABLE}=FILE.jsonl"
        )
    samples = read(paths, also)
    model, unseen = train(samples)
    rows = np.flatnonzero(samples.scored)
    scored = Samples(*([column[row] for row in rows] for column in astuple(samples)))
    outside = np.array([name.startswith("~") for name in scored.labels])
    labels = np.array(scored.labels, object)
    return Trial(scored, labels, counted(scored), outside, model, unseen[rows].astype(np.float32))


def _paths(variable: str) -> list[Path]:
    return [Path(part) for part in os.environ.get(variable, "").split(os.pathsep) if part]


def _merged(name: str | None) -> str | None:
    return None if name is None else load_table().variants.get(name, name)


def _documents(samples: Samples, names: bool) -> pa.RecordBatch:
    texts = [text.decode("utf-8", "replace") for text in samples.texts]
    none = pa.nulls(len(texts), pa.string())
    paths = pa.array(samples.paths, pa.string()) if names else none
    columns = [pa.array(["file"] * len(texts)), paths, none, pa.array(texts, pa.large_string())]
    return pa.record_batch(columns, ["kind", "path", "declared", "text"])


def _decide(trial: Trial, cfg: ClassifyConfig, names: bool) -> Iterator[Decision]:
    """`classify`'s decisions, with the held-out scores in place of the shipped model's."""
    documents = _documents(trial.samples, names)
    texts = Texts(documents.column("text"))
    for row in range(documents.num_rows):
        path = trial.samples.paths[row] if names else None
        found = decide(cfg, "file", path or None, None, texts, row)
        if isinstance(found, Decision):
            yield found
        else:
            yield answer(cfg, trial.model, found.candidates, trial.unseen[row], texts.head(row, SIGNATURE_BYTES))


def _share(trial: Trial, answers: Strings, rows: Mask) -> float:
    chosen = rows & trial.counted
    return float((answers[chosen] == trial.labels[chosen]).mean()) if chosen.any() else float("nan")


def _macro(trial: Trial, answers: Strings, rows: Mask) -> float:
    chosen = rows & trial.counted
    found = [_share(trial, answers, chosen & (trial.labels == name)) for name in set(trial.labels[chosen])]
    return float(np.mean(found)) if found else float("nan")


def _accuracy(trial: Trial, what: str, answers: Strings, peer: str, theirs: Strings) -> Iterator[dict[str, Any]]:
    for source, members in SOURCES.items():
        if source == "rosetta" and what == "with name":
            continue  # its names are synthetic
        rows = np.isin(trial.samples.sources, members)
        n_files = int((rows & trial.counted).sum())
        for measure, name in ((_share, "accuracy"), (_macro, "macro accuracy")):
            ours = measure(trial, answers, rows)
            low, high = _interval(ours, n_files)
            unit = f"share of {n_files}, 95 %: {low:.3f}-{high:.3f}" if measure is _share else "mean over classes"
            yield _row(f"{name} {what}, {source}", unit, ours, peer, measure(trial, theirs, rows))


def _interval(share: float, n_files: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share; of no files there is none."""
    if not n_files:
        return math.nan, math.nan
    z = 1.96
    middle = (share + z * z / (2 * n_files)) / (1 + z * z / n_files)
    half = z / (1 + z * z / n_files) * math.sqrt(share * (1 - share) / n_files + z * z / (4 * n_files * n_files))
    return middle - half, middle + half


def _coverage(trial: Trial) -> Iterator[dict[str, Any]]:
    """How much of what it is asked the model answers at the default confidence, and how often it is right then."""
    answers = np.array([_merged(d.name) for d in _decide(trial, ClassifyConfig(), False)], object)
    for source, members in SOURCES.items():
        asked = np.isin(trial.samples.sources, members) & trial.counted
        named = asked & np.array([name is not None for name in answers])
        share = float(named.sum() / asked.sum()) if asked.any() else math.nan
        yield _row(f"named by content at the default confidence, {source}", "share", share)
        yield _row(f"of these right, {source}", "share", _share(trial, answers, named))
    names = load_table().names
    known = {name.removeprefix("~") for name in trial.model.classes} & names
    yield _row("names of the list that the content model knows", "of 338, twins merged", float(len(known)))


def _rare(trial: Trial) -> Iterator[dict[str, Any]]:
    """The classes too rare for the figures above, one by one: right among their one or two files."""
    cfg = ClassifyConfig(min_confidence=0.0)
    by_name, by_content = ([_merged(d.name) for d in _decide(trial, cfg, names)] for names in (True, False))
    for label in sorted(set(trial.labels[~trial.counted & ~trial.outside])):
        rows = np.flatnonzero(trial.labels == label)
        for what, answers in (("with name", by_name), ("content", by_content)):
            right = sum(answers[row] == label for row in rows)
            yield _row(f"rare class {what}: {label}", f"right of {len(rows)}", float(right))


def _confused(trial: Trial) -> Iterator[dict[str, Any]]:
    """The confusion table's largest entries, by content."""
    answers = [_merged(d.name) for d in _decide(trial, ClassifyConfig(min_confidence=0.0), False)]
    rows = zip(trial.labels, answers, trial.counted, strict=True)
    pairs = Counter((label, taken) for label, taken, chosen in rows if chosen and label != taken)
    for (label, taken), n in pairs.most_common(_CONFUSED):
        yield _row(f"confused by content: {label} taken for {taken}", "files", float(n))


def _peers(trial: Trial, names: bool) -> Iterator[tuple[str, Strings]]:
    """(peer, its answers); enry and Magika where they are installed, since neither is among our own packages."""
    if names:
        yield "Pygments", _pygments(trial)
    else:
        yield "guesslang", _guesslang(trial)
    if importlib.util.find_spec("enry") is None:
        print("enry is not installed: pip install enry", file=sys.stderr)
    else:
        yield "enry", _enry(trial, names)
    if not names and importlib.util.find_spec("magika") is None:
        print("Magika is not installed: pip install magika", file=sys.stderr)
    elif not names:
        yield "Magika", _magika(trial)


def _named(peer: str | None) -> str | None:
    """A peer's name for a language as ours."""
    found = by_alias(peer) if peer else ()
    return _merged(found[0]) if found else None


def _enry(trial: Trial, names: bool) -> Strings:
    import enry  # Linguist in Go; an extra package

    rows = zip(trial.samples.paths, trial.samples.texts, strict=True)
    return np.array([_named(enry.get_language(path if names else "", text)) for path, text in rows], object)


def _magika(trial: Trial) -> Strings:
    from magika import Magika  # an extra package

    model = Magika()
    return np.array([_named(str(model.identify_bytes(text).output.label)) for text in trial.samples.texts], object)


def _pygments(trial: Trial) -> Strings:
    """The lexer that Pygments takes for name and text, under our name for it."""
    from pygments.lexers import guess_lexer_for_filename
    from pygments.util import ClassNotFound

    found: list[str | None] = []
    for path, text, chosen in zip(trial.samples.paths, trial.samples.texts, trial.counted, strict=True):
        names: tuple[str, ...] = ()
        if chosen and path:
            try:
                lexer = guess_lexer_for_filename(path, text.decode("utf-8", "replace")[:16_384])
                names = by_alias(lexer.name) or (by_alias(lexer.aliases[0]) if lexer.aliases else ())
            except ClassNotFound:
                pass
        found.append(_merged(names[0]) if names else None)
    return np.array(found, object)


def _guesslang(trial: Trial) -> Strings:
    found = [guesslang.guess(text) for text in trial.samples.texts]
    return np.array([_merged(guess[0]) if guess else None for guess in found], object)


def _rate(work: Callable[[], object]) -> float:
    """Runs a second of processor time: a benchmark on a shared machine is not about its neighbours."""
    work()
    started = time.process_time()
    work()
    return 1 / max(time.process_time() - started, 1e-9)


def _speed(trial: Trial) -> Iterator[dict[str, Any]]:
    cfg = ClassifyConfig(natural="none")
    documents = _documents(trial.samples, True)
    how = np.array(classify(cfg, documents)["how"].to_pylist())
    for what, rows, batch in (
        ("where the name decides", np.flatnonzero(how == "name"), documents),
        ("where rules decide", np.flatnonzero(how == "heuristic"), documents),
        ("by content", np.arange(documents.num_rows), _documents(trial.samples, False)),
    ):
        part = batch.take(pa.array(rows[:: max(len(rows) // _SPEED_FILES, 1)]))
        rate = _rate(lambda part=part: classify(cfg, part))  # type: ignore[misc]
        yield _row(f"speed {what}", "files/s, one core", part.num_rows * rate)
        yield _row(f"speed {what}", "MB/s, one core", part["text"].nbytes / 1e6 * rate)
