"""Benchmark `recall_source`: does the source loop's classifier find files written with care in repositories that it has
not seen?

Real files of the demo's repositories, read from the crawl of a built demo (RECALL_DEMO, `build` by default: `python -m
pipelines.build --recipe demo --stage crawl`). Written with care is what `RecallSourceConfig` says, without the licence:
comments and docstrings in a range, a length, a repository with tests, no test. The seed is of one half of the
repositories; all other files of that half are drawn from as negatives; figures are of the other half, whose files the
definition labels and the classifier has not seen. The halves then change places. Round 2 adds to the seed what
round 1 selected of the other half and was sure of, as the stage does.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks._figures import figure
from benchmarks._recall_recipe import CLASSIFIER, WORDS
from benchmarks.recall import average_precision, bpe, trained_scores
from corpus.languages import classify
from corpus.shards import Store
from filters.commented import commented_characters
from filters.recall import RecallSourceConfig
from filters.recall_model import probability
from pipelines import build
from pipelines.manifest import survey
from pipelines.recall_source import take_part
from pipelines.recipes import load

_row = partial(figure, "recall_source")

DEMO: Final = "RECALL_DEMO"
HALVES: Final = (  # by name, of like size
    ("django/django", "mpmath/mpmath", "pallets/jinja", "jupyter/nbdime", "cmbant/CAMB"),
    ("pygments/pygments", "sympy/sympy", "networkx/networkx", "sass/libsass-python", "indygreg/python-zstandard",
     "simplejson/simplejson"),
)  # fmt: skip
LEARNERS: Final = (("fastText", CLASSIFIER), ("words", WORDS))
_MOST: Final = 60_000  # bytes of a file; longer ones are tables


@dataclass(frozen=True, slots=True)
class Files:
    """Source files that take part."""

    texts: list[str]
    repos: list[str]
    careful: npt.NDArray[np.bool_]


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure."""
    root = os.environ.get(DEMO, "build")
    store = Store(root)
    found = survey(store, build.plan(load("demo", None).recipe), accept_code=True)["crawl"].result
    if found is None:
        raise FileNotFoundError(
            f"{root} holds no crawl of the demo: python -m pipelines.build --recipe demo --stage crawl"
        )
    settings = RecallSourceConfig()
    files = labelled(store, found.outputs["documents"], settings)
    ids = bpe(files.texts)
    sizes = np.array([len(row) for row in ids])
    for number, (seeds, unseen) in enumerate((HALVES, HALVES[::-1]), 1):
        inside, outside = np.isin(files.repos, seeds), np.isin(files.repos, unseen)
        positive = inside & files.careful
        yield _row(f"half {number}: seed", "files", int(positive.sum()))
        yield _row(f"half {number}: unseen files", "files", int(outside.sum()))
        chance = float(files.careful[outside].mean())
        for name, cfg in LEARNERS:
            joined = positive
            for turn in (1, 2):
                scores = trained_scores(cfg, ids, joined, inside & ~files.careful)
                what = f"half {number}, round {turn}, {name}"
                made = average_precision(scores[outside], files.careful[outside])
                yield _row(f"{what}: average precision, unseen repositories", "share", made, "chance", chance)
                best = np.argsort(-scores[outside], kind="stable")[: int(outside.sum()) // 10]
                top = float(files.careful[outside][best].mean())
                yield _row(f"{what}: careful in the best tenth", "share", top, "chance", chance)
                joined = positive | (outside & sure(scores, sizes, settings))


def sure(
    scores: npt.NDArray[np.float64], tokens: npt.NDArray[np.int64], cfg: RecallSourceConfig
) -> npt.NDArray[np.bool_]:
    """What joins the seed of the next round: inside the budget, and with the probability asked for."""
    order = np.argsort(-scores, kind="stable")
    inside = np.zeros(len(order), bool)
    inside[order[np.cumsum(tokens[order]) <= cfg.cut_share * tokens.sum()]] = True
    return inside & (probability(scores) >= cfg.join_probability)


def labelled(store: Store, documents: Any, cfg: RecallSourceConfig) -> Files:
    """The files, and which of them the definition calls written with care."""
    texts: list[str] = []
    repos: list[str] = []
    careful: list[bool] = []
    tested: set[str] = set()
    for shard in documents:
        for batch in store.batches(shard):
            languages = classify(load("demo", None).recipe.classify, batch)
            mask = take_part(None, batch, languages)[0]["survives"].to_pylist()
            columns = (batch[name].to_pylist() for name in ("repo", "text"))
            marks = (languages[name].to_pylist() for name in ("language", "test"))
            for repo, text, language, test, part in zip(*columns, *marks, mask, strict=True):
                if not part or not repo or len(text) > _MOST:
                    continue
                if test:
                    tested.add(repo)
                share = commented_characters(text, language) / max(1, len(text))
                n = text.count("\n") + 1
                texts.append(text)
                repos.append(repo)
                careful.append(
                    not test
                    and cfg.comment_share[0] <= share <= cfg.comment_share[1]
                    and cfg.lines[0] <= n <= cfg.lines[1]
                )
    fit = [good and repo in tested for good, repo in zip(careful, repos, strict=True)]
    return Files(texts, repos, np.array(fit, bool))
