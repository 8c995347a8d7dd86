"""Is a variant better than the base? Scores of runs come in, one call per comparison goes out; pure arithmetic.

The unit of replication is the seed: one run draws its own initialisation and its own rows, and gives one number per
measure. Documents of the scoring set are the same in every run, so what differs between them says nothing about what
another run would have given: a bootstrap over documents, used as the test, calls two builds that do not differ
different in a fifth of all cases at three seeds (`python -m benchmarks verdict`). It is here to describe a run only.

Lower scores are better (bits per byte); a measure where higher is better is handed over with its sign turned.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from statistics import fmean
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

Test = Literal["paired", "pooled", "welch"]
Answer = Literal["better", "worse", "no difference shown"]
F64 = npt.NDArray[np.float64]

TESTS: Final = ("paired", "pooled", "welch")
MOST_SEEDS: Final = 1000  # beyond which "more seeds" is no advice
_MOST_SPLITS: Final = 20_000  # of an exact permutation; 8 against 8 has 12,870


@dataclass(frozen=True, kw_only=True, slots=True)
class VerdictConfig:
    """How a call is made; settled before the scores are seen.

    `alpha` is the chance of one false call or more among all comparisons of a report (Bonferroni: an interval then
    leaves zero out exactly where a call is made). `test`: "paired" takes seed by seed, and makes 5 % false calls
    whatever the runs of a seed share. "pooled" is Student's t on seed means: 5 % where they share nothing and scatter
    alike, but 2 % at three seeds where half of their variance is shared, as it is with the same weights at the start
    and the same rows. "welch" needs no like scatter and makes 3.4 % at three seeds that share nothing.
    """

    alpha: float = 0.05
    power: float = 0.8  # of the advice on how many seeds would decide
    test: Test = "paired"

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1 or not 0 < self.power < 1:
            raise ValueError(f"alpha and power are chances between 0 and 1, not {self.alpha} and {self.power}")
        if self.test not in TESTS:
            raise ValueError(f"test={self.test!r}: choose from {', '.join(TESTS)}")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One measure of one variant beside the base's: a score per seed, in the order of the seeds."""

    variant: str
    measure: str
    base: tuple[float, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """The answer to one comparison, with what it rests on."""

    variant: str
    measure: str
    answer: Answer
    difference: float  # variant minus base; below zero is better
    low: float  # interval of the difference, at the corrected level
    high: float
    p: float  # of this comparison alone
    p_corrected: float  # times the number of comparisons, at most 1
    p_permutation: float | None  # exact, of this comparison alone; None where no split could reach the corrected level
    effect: float  # difference in standard deviations between seeds (Hedges' g)
    detectable: float  # difference that these seeds would call with the configured power
    seeds_needed: int | None  # per build, to call the difference seen; None where MOST_SEEDS would not do


def judge(comparisons: Sequence[Comparison], cfg: VerdictConfig) -> list[Call]:
    """One call per comparison, each at `alpha` over their number. Raises ValueError where scores cannot be compared."""
    return [_call(one, cfg, len(comparisons)) for one in comparisons]


def _call(one: Comparison, cfg: VerdictConfig, n_comparisons: int) -> Call:
    _check(one, cfg.test)
    level = cfg.alpha / n_comparisons
    base, scores = np.array(one.base), np.array(one.scores)
    difference = float(scores.mean() - base.mean())
    error, freedom = _standard_error(base, scores, cfg.test)
    p = _p_value(difference, error, freedom)
    reach = float(stats.t.ppf(1 - level / 2, freedom)) * error
    answer: Answer = "no difference shown"
    if p < level:
        answer = "better" if difference < 0 else "worse"
    spread = math.sqrt((base.var(ddof=1) + scores.var(ddof=1)) / 2)
    n = min(len(base), len(scores))
    return Call(
        variant=one.variant,
        measure=one.measure,
        answer=answer,
        difference=difference,
        low=difference - reach,
        high=difference + reach,
        p=p,
        p_corrected=min(1.0, p * n_comparisons),
        p_permutation=permutation_p(one.base, one.scores, cfg.test, level),
        effect=_hedges(difference, spread, len(base) + len(scores) - 2),
        detectable=_detectable(n, cfg.test, level, cfg.power) * error * math.sqrt(n),
        seeds_needed=seeds_needed(difference, error * math.sqrt(n), cfg.test, level, cfg.power),
    )


def called(base: F64, scores: F64, cfg: VerdictConfig) -> npt.NDArray[np.bool_]:
    """Of many comparisons, each alone and a row of both arrays: whether it is called. As `judge`, without the rest."""
    differences = scores.mean(axis=1) - base.mean(axis=1)
    n = base.shape[1]
    one, two = base.var(axis=1, ddof=1) / n, scores.var(axis=1, ddof=1) / n
    if cfg.test == "paired":
        errors, freedom = (scores - base).std(axis=1, ddof=1) / math.sqrt(n), np.full(len(base), n - 1.0)
    else:
        errors, freedom = np.sqrt(one + two), np.full(len(base), 2.0 * (n - 1))
    if cfg.test == "welch":
        parts = one**2 + two**2
        freedom = np.divide((one + two) ** 2 * (n - 1), parts, out=freedom, where=parts > 0)
    ratios = np.divide(np.abs(differences), errors, out=np.full(len(base), np.inf), where=errors > 0)
    ratios[(errors == 0) & (differences == 0)] = 0.0
    return np.asarray(2 * stats.t.sf(ratios, freedom) < cfg.alpha)


def _check(one: Comparison, test: Test) -> None:
    name = f"{one.variant}, {one.measure}"
    if min(len(one.base), len(one.scores)) < 2:
        raise ValueError(f"{name}: {len(one.base)} and {len(one.scores)} seeds say nothing of chance; at least 2 each")
    if test == "paired" and len(one.base) != len(one.scores):
        raise ValueError(f"{name}: {len(one.base)} and {len(one.scores)} seeds do not pair; use the same seeds")
    if not all(math.isfinite(score) for score in (*one.base, *one.scores)):
        raise ValueError(f"{name}: a score is not finite: {one.base} and {one.scores}")


def _standard_error(base: F64, scores: F64, test: Test) -> tuple[float, float]:
    """Of the difference of means, and its degrees of freedom."""
    a, b = len(base), len(scores)
    if test == "paired":
        return float((scores - base).std(ddof=1)) / math.sqrt(a), a - 1
    one, two = float(base.var(ddof=1)) / a, float(scores.var(ddof=1)) / b
    if test == "pooled":
        shared = ((a - 1) * base.var(ddof=1) + (b - 1) * scores.var(ddof=1)) / (a + b - 2)
        return math.sqrt(float(shared) * (1 / a + 1 / b)), a + b - 2
    if one + two == 0:
        return 0.0, a + b - 2
    return math.sqrt(one + two), (one + two) ** 2 / (one**2 / (a - 1) + two**2 / (b - 1))


def _p_value(difference: float, error: float, freedom: float) -> float:
    if error == 0:  # every seed gave the same number: the same build twice, or a measure that cannot move
        return 1.0 if difference == 0 else 0.0
    return float(2 * stats.t.sf(abs(difference) / error, freedom))


def _hedges(difference: float, spread: float, freedom: int) -> float:
    """Cohen's d with Hedges' correction for few seeds; 0 for no difference, infinite where seeds do not scatter."""
    if spread == 0:
        return math.copysign(math.inf, difference) if difference else 0.0
    return difference / spread * (1 - 3 / (4 * freedom - 1))


def permutation_p(base: Sequence[float], scores: Sequence[float], test: Test, level: float) -> float | None:
    """Exact two-sided chance of a difference of means as large, over all relabellings of the seeds.

    Paired: signs of the differences; else: splits into two groups of these sizes. None where the least possible value
    is above the level, so that it could never call anything, and where there are too many to count.
    """
    if test == "paired":
        n_labels, least = 2 ** len(base), 2 / 2 ** len(base)
    else:
        n_labels = math.comb(len(base) + len(scores), len(base))
        least = (2 if len(base) == len(scores) else 1) / n_labels
    if least > level or n_labels > _MOST_SPLITS:
        return None
    if test == "paired":
        means = np.abs(_signs(len(base)) @ (np.array(scores) - np.array(base))) / len(base)
    else:
        everything = np.array([*base, *scores])
        inside = everything[_splits(len(everything), len(base))].sum(axis=1)
        means = np.abs((everything.sum() - inside) / len(scores) - inside / len(base))
    seen = abs(fmean(scores) - fmean(base))
    tolerance = 1e-12 * max(1.0, seen)  # the same sum in another order of addition
    return float((means >= seen - tolerance).mean())


@cache
def _signs(n: int) -> F64:
    return np.array(list(product((1.0, -1.0), repeat=n)))


@cache
def _splits(n: int, chosen: int) -> npt.NDArray[np.int64]:
    return np.array(list(combinations(range(n), chosen)))


# how many seeds would decide


def seeds_needed(difference: float, spread: float, test: Test, level: float, power: float) -> int | None:
    """Seeds per build at which a true difference of this size is called with the power asked for.

    `spread`: standard deviation of the difference of one pair of runs. None beyond MOST_SEEDS.
    """
    if difference == 0:
        return None
    if spread == 0:
        return 2
    ratio = abs(difference) / spread
    # With the scatter known, so many would do: Student's t asks for a few more.
    n = max(2, math.ceil((float(stats.norm.ppf(1 - level / 2)) + float(stats.norm.ppf(power))) ** 2 / ratio**2))
    while n <= MOST_SEEDS and _power(ratio, n, test, level) < power:
        n += 1
    return n if n <= MOST_SEEDS else None


def _power(ratio: float, n: int, test: Test, level: float) -> float:
    """Chance that n seeds call a difference of `ratio` standard deviations of one pair's difference."""
    freedom = n - 1 if test == "paired" else 2 * (n - 1)
    limit = float(stats.t.ppf(1 - level / 2, freedom))
    power = float(stats.nct.sf(limit, freedom, ratio * math.sqrt(n)))
    return 1.0 if math.isnan(power) else power  # scipy gives no number where the effect is far beyond the limit


@cache
def _detectable(n: int, test: Test, level: float, power: float) -> float:
    """Smallest difference that n seeds call with the power asked for, in standard deviations of one pair's."""
    low, high = 0.0, 1.0
    while _power(high, n, test, level) < power:
        high *= 2
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if _power(middle, n, test, level) >= power else (middle, high)
    return high


# what a bootstrap over documents is good for: the noise within one pair of runs


def document_interval(base: F64, scores: F64, level: float, draws: int, seed: int) -> tuple[float, float]:
    """Interval of the mean difference over documents. Describes these runs alone: seeds are not in it."""
    differences = scores - base
    chosen = np.random.Generator(np.random.PCG64(seed)).integers(0, len(differences), (draws, len(differences)))
    low, high = np.quantile(differences[chosen].mean(axis=1), [level / 2, 1 - level / 2])
    return float(low), float(high)
