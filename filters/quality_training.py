"""Training of `filters.quality`: what well-kept source is by default, examples of it and of others, model and card.

Comes in: examples with their label, repository and language. Goes out: a model, and a card that says how it ranks files
of repositories it has not seen. Knows no stores and no files.

Neither the model nor the labels of DeepSeek-Coder's screening are published. The default is ours, and data: `GOOD` asks
a file for comments, moderate length, functions of moderate length, no leftovers; `QualityConfig` asks its repository
for a licence and tests. The other examples are drawn at random among files that `GOOD` refuses, as many of each
language, tests or not, as there are good ones: else the model would learn languages. A file that only its repository
disqualifies is an example of neither. A rule of thumb labels both, so the card says how well the model tells its
labels apart in repositories it has not seen, not how a person would judge.

The model is logistic regression on the vectors of `filters.quality` with a quadratic penalty. fastText's algorithm,
tried first, learned projects instead (3,000 files of 154 packages, by cross-validation: chance that a good file scores
above another .74, this .86). The card is of cross-validation by repository: a file is scored by a model that has seen
no file of its repository.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import optimize, sparse

from corpus.draws import uniform_draws
from filters.quality import BUCKETS, WORDS, Floats, Known, QualityModel, bags, pieces, quantiles
from filters.recall_model import card
from filters.rule import Rule

GOOD: Final = (
    Rule("has_syntax", low=1, why="comments and functions can be told"),
    Rule("comment_fraction", low=0.10, high=0.60, why="says what it does, and does something"),
    Rule("n_code_lines", low=20, high=1_000, why="no stub and no dump"),
    Rule("n_functions", low=2, why="parted into functions"),
    Rule("function_lines", low=1 / 60, high=0.2, why="functions of 5 to 60 lines on average"),
    Rule("max_line_chars", high=200, why="readable without scrolling"),
    Rule("copied_lines", high=0.4, why="does not repeat itself"),
    Rule("todo_lines", high=0.005, why="finished"),
    Rule("encoded_fraction", high=0.02, why="no embedded data"),
    Rule("hex_word_fraction", high=0.1, why="no table of numbers"),
    Rule("digit_fraction", high=0.1, why="no table of numbers"),
)
LICENSES: Final = ("MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "MPL-2.0")
_SCORED: Final = 200  # files of a language from which its own quantiles are taken, and its own line on the card
_BATCH: Final = 256
_STEPS: Final = 100  # of L-BFGS


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityConfig:
    """What is good by default, and how the model is trained.

    `most_examples`: of each label. `most_reference`: files drawn among all for the ranks. `min_repositories`: a word
    that fewer repositories use is a shape; a third of the repositories, where that is less. `penalty`: of the squared
    weights, .03 to 1 were tried. `folds`: of the cross-validation.
    """

    good: tuple[Rule, ...] = GOOD
    licenses: tuple[str, ...] | None = LICENSES
    needs_tests: bool = True
    most_examples: int = 10_000
    most_reference: int = 20_000
    min_repositories: int = 10
    penalty: float = 0.1
    folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("most_examples", "most_reference", "min_repositories"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not self.penalty > 0:
            raise ValueError(f"penalty must be above 0, not {self.penalty}")
        if self.folds < 2:
            raise ValueError(f"folds must be at least 2, not {self.folds}: the card is of cross-validation")


class Example(NamedTuple):
    """A file: what is trained on."""

    text: str
    good: bool
    repo: str
    language: str
    name: str  # for people: repository and path


def strata(labels: Sequence[bool], groups: Sequence[object], draws: Sequence[float], most: int) -> list[int]:
    """Rows to train on, in the order of draws: at most `most` good ones, and as many other ones of each group."""
    order = sorted(range(len(labels)), key=lambda row: draws[row])
    good = [row for row in order if labels[row]][:most]
    room = Counter(groups[row] for row in good)
    other = []
    for row in order:
        if not labels[row] and room[groups[row]] > 0:
            room[groups[row]] -= 1
            other.append(row)
    return sorted([*good, *other], key=lambda row: draws[row])


def folds_of(repos: Sequence[str], count: int, seed: int) -> npt.NDArray[np.int64]:
    """A fold for each row: repositories go, largest first, to the fold that has fewest rows so far."""
    rows = Counter(repos)
    filled, fold = [0] * count, {}
    for repo in sorted(rows, key=lambda repo: (-rows[repo], uniform_draws(repo.encode(), seed, "quality/fold", 0, 1))):
        fold[repo] = filled.index(min(filled))
        filled[fold[repo]] += rows[repo]
    return np.array([fold[repo] for repo in repos], np.int64)


def known_words(examples: Sequence[Example], min_repositories: int) -> Known:
    """Buckets of words that occur in so many repositories; in all there are, where there are fewer."""
    by_repo: dict[str, Known] = {}
    for part in _parts(examples):
        made = pieces(pa.array([one.text for one in part], pa.large_string()))
        offsets, ids = made.offsets.to_numpy(), made.values.to_numpy()
        for row, one in enumerate(part):
            own = ids[offsets[row] : offsets[row + 1]]
            by_repo.setdefault(one.repo, np.zeros(WORDS, np.bool_))[own[own < WORDS]] = True
    counts = np.zeros(WORDS, np.int64)
    for words in by_repo.values():
        counts += words
    return counts >= min(min_repositories, max(1, len(by_repo) // 3))


def fit(cfg: QualityConfig, examples: Sequence[Example]) -> QualityModel:
    """The model of these examples, without ranks."""
    known = known_words(examples, cfg.min_repositories)
    parts = [bags(_texts(part), known) for part in _parts(examples)]
    blocks = [
        sparse.csr_matrix((values, columns, ends), shape=(len(ends) - 1, BUCKETS)) for ends, columns, values in parts
    ]
    matrix = sparse.vstack(blocks, format="csr")
    turned = sparse.csr_matrix(matrix.T)
    sign = np.where([one.good for one in examples], 1.0, -1.0)

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        margins = sign * (matrix @ weights[:-1] + weights[-1])
        wrong = -sign / (1 + np.exp(margins))
        slope = np.append(turned @ wrong + cfg.penalty * weights[:-1], wrong.sum())
        return float(np.logaddexp(0, -margins).sum() + cfg.penalty / 2 * (weights[:-1] @ weights[:-1])), slope

    found = optimize.minimize(loss, np.zeros(BUCKETS + 1), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x
    return QualityModel(found[:-1].astype(np.float32), float(found[-1]), known, {})


def train_model(
    cfg: QualityConfig, examples: Sequence[Example], reference: Sequence[Example], told: Callable[[str], None] = print
) -> tuple[QualityModel, dict[str, Any], Floats]:
    """Model, card, and each example's logit by a model that has not seen its repository.

    `examples` in the order in which they are trained on; `reference`: what ranks are shares of. Raises ValueError where
    one label is absent, or there are fewer repositories than two.
    """
    good = np.array([one.good for one in examples], np.bool_)
    repos = [one.repo for one in examples]
    if not 0 < good.sum() < len(good):
        raise ValueError(f"{good.sum()} good and {len(good) - good.sum()} other examples: a classifier needs both")
    if len(set(repos)) < 2:
        raise ValueError(f"all examples are of {repos[0]}: held-out figures need a second repository")
    fold = folds_of(repos, min(cfg.folds, len(set(repos))), cfg.seed)
    unseen = np.zeros(len(good), np.float32)
    for held_out in range(int(fold.max()) + 1):
        told(f"fold {held_out + 1} of {int(fold.max()) + 1}")
        rest = [one for one, place in zip(examples, fold, strict=True) if place != held_out]
        if len({one.good for one in rest}) < 2:
            raise ValueError("one repository holds all examples of a label: add repositories")
        rows = np.flatnonzero(fold == held_out)
        unseen[rows] = fit(cfg, rest).logits(_texts([examples[row] for row in rows.tolist()]))
    told("model")
    bare = fit(cfg, examples)
    scores = np.concatenate([bare.logits(_texts(part)) for part in _parts(reference)])
    languages = np.array([one.language for one in reference])
    ranks = {"": quantiles(scores)}
    for name, count in sorted(Counter(languages.tolist()).items()):
        if count >= _SCORED:
            ranks[name] = quantiles(scores[languages == name])
    model = replace(bare, ranks=ranks)
    return model, _card(cfg, examples, model, unseen, good), unseen


def _parts(examples: Sequence[Example]) -> Iterator[Sequence[Example]]:
    return (examples[at : at + _BATCH] for at in range(0, len(examples), _BATCH))


def _texts(examples: Sequence[Example]) -> pa.LargeStringArray:
    return pa.array([one.text for one in examples], pa.large_string())


def _card(
    cfg: QualityConfig,
    examples: Sequence[Example],
    model: QualityModel,
    unseen: Floats,
    good: Known,
) -> dict[str, Any]:
    languages = [one.language for one in examples]
    counts = Counter(languages)
    lines = {
        name: _line(unseen[rows], good[rows])
        for name, count in counts.most_common()
        if count >= _SCORED and 0 < good[rows := np.array([one == name for one in languages])].sum() < count
    }
    return {
        "algorithm": "logistic regression over words, shapes, signs and line ends and pairs of them, in 65,536 buckets",
        "settings": {name: getattr(cfg, name) for name in ("penalty", "min_repositories", "folds", "seed")},
        "definition": {
            "rules": [asdict(rule) for rule in cfg.good],
            "licenses": cfg.licenses,
            "needs_tests": cfg.needs_tests,
        },
        "trained_on": {
            "good": int(good.sum()),
            "other": int((~good).sum()),
            "repositories": len({one.repo for one in examples}),
            "words": int(model.known.sum()),
        },
        "held_out": {**card(unseen, good), "area": area(unseen, good), "by_language": lines},
    }


def _line(found: Floats, good: Known) -> dict[str, Any]:
    made = card(found, good)
    return {name: made[name] for name in ("positives", "negatives", "average_precision")} | {"area": area(found, good)}


def area(found: Floats, good: Known) -> float:
    """Chance that a good file scores above another one; equal scores count half."""
    values = np.sort(found[~good])
    below = np.searchsorted(values, found[good], "left"), np.searchsorted(values, found[good], "right")
    return float((below[0] + below[1]).mean() / 2 / max(1, len(values)))
