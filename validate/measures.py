"""From the scores of documents to one number per measure and run; and what a pool of identical runs says of the test.

Comes in: per run a list of {"domain", "language", "bytes", "bits", "bits_disordered", "comment_bytes",
"comment_bits"}. Goes out: bits per byte by measure. Pure.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from corpus.draws import uniform_draws
from validate.verdict import VerdictConfig, called

F64 = npt.NDArray[np.float64]

MOST_SPLITS: Final = 20_000  # 12 runs have 9,240 splits 3 against 3

OVERALL: Final = "overall"
ORDER: Final = " line order"  # after a domain's name, as the next two
COMMENTS: Final = " comments"
OUTSIDE: Final = " outside comments"


def measures(documents: Sequence[Mapping[str, Any]], weights: Mapping[str, float]) -> dict[str, float]:
    """Bits per byte: `overall` (domains by their weights), each domain, parts of it, each "domain: language".

    "code line order" is what the documents cost more or less in their true order than with their lines in a drawn
    one, in bits per byte; below zero where a model knows how a file goes on. What a model knows of words cancels out.
    "code comments" is bits per byte of the bytes inside comments, "code outside comments" that of all others; both are
    left out for a domain that has no comments.

    Raises ValueError where a domain with a weight has no held-out document: "overall" would mean something else.
    """
    bits: dict[str, float] = {}
    sizes: dict[str, int] = {}
    for row in documents:
        domain = row["domain"]
        for name, cost, size in (
            (domain, row["bits"], row["bytes"]),
            *([(f"{domain}: {row['language']}", row["bits"], row["bytes"])] if row["language"] else []),
            (f"{domain}{ORDER}", row["bits"] - row["bits_disordered"], row["bytes"]),
            (f"{domain}{COMMENTS}", row["comment_bits"], row["comment_bytes"]),
            (f"{domain}{OUTSIDE}", row["bits"] - row["comment_bits"], row["bytes"] - row["comment_bytes"]),
        ):
            bits[name] = bits.get(name, 0.0) + cost
            sizes[name] = sizes.get(name, 0) + size
    without = {domain for domain in sizes if sizes.get(f"{domain}{COMMENTS}") == 0}
    parts = {f"{domain}{part}" for domain in without for part in (COMMENTS, OUTSIDE)}
    found = {name: bits[name] / sizes[name] for name in bits if name not in parts and sizes[name]}
    missing = [domain for domain, weight in weights.items() if weight and domain not in found]
    if missing:
        raise ValueError(
            f"no held-out document of {', '.join(missing)} was scored: hold out more (filter.held_out), choose another "
            f"split_seed, or leave the domain out of ablation.weights and ablation.judged"
        )
    total = sum(weights.values())
    overall = sum(weight * found[domain] for domain, weight in weights.items() if weight) / total
    return {OVERALL: overall, **dict(sorted(found.items()))}


@dataclass(frozen=True, slots=True)
class Pool:
    """Runs of one build, split into groups: each call is a false one."""

    measure: str
    runs: int
    splits: int  # into two groups
    comparisons: int  # for the paired test each split in every pairing
    calls: int
    rate: float
    low: float  # 95 %, by the jackknife over runs
    high: float
    sd: float  # between runs


def pool(measure: str, scores: Sequence[float], group: int, cfg: VerdictConfig) -> Pool:
    """How often `group` runs against `group` others of the same build are called different, over all such splits.

    Splits share runs, so they are no independent trials: the interval comes from leaving out one run at a time
    (jackknife, Student's t over the runs). Of 400 simulated pools of 12 it holds the true rate in 93 %
    (`python -m benchmarks verdict`). In a pool of more than MOST_SPLITS splits, that many are drawn.
    """
    n = len(scores)
    if n < 2 * group:
        raise ValueError(f"a pool of {n} runs holds no two groups of {group}: give --seeds {2 * group} or more")
    values, pairs = np.array(scores), _splits(n, group)
    orders = list(permutations(range(group))) if cfg.test == "paired" else [tuple(range(group))]
    one, two = values[pairs[:, 0]], values[pairs[:, 1]]
    share = np.mean([called(one, two[:, list(order)], cfg) for order in orders], axis=0)
    low, high = _jackknife(share, pairs, n)
    rate = float(share.mean())
    return Pool(
        measure=measure,
        runs=n,
        splits=len(pairs),
        comparisons=len(pairs) * len(orders),
        calls=round(rate * len(pairs) * len(orders)),
        rate=rate,
        low=low,
        high=high,
        sd=float(values.std(ddof=1)),
    )


def _jackknife(share: F64, pairs: npt.NDArray[np.int64], n: int) -> tuple[float, float]:
    """Interval of the mean of what splits say, from its means over the splits that leave out each run; 0 to 1."""
    flat = pairs.reshape(len(pairs), -1)
    without = [~(flat == run).any(axis=1) for run in range(n)]
    if not all(chosen.any() for chosen in without):  # a pool of just two groups says nothing of its own scatter
        return 0.0, 1.0
    means = np.array([share[chosen].mean() for chosen in without])
    error = float(np.sqrt((n - 1) / n * ((means - means.mean()) ** 2).sum()))
    reach = float(stats.t.ppf(0.975, n - 1)) * error
    return max(0.0, float(share.mean()) - reach), min(1.0, float(share.mean()) + reach)


@cache
def _splits(n: int, group: int) -> npt.NDArray[np.int64]:
    """[splits, 2, group]: every pair of disjoint groups once, or MOST_SPLITS drawn ones."""
    total = math.comb(n, group) * math.comb(n - group, group) // 2
    if total <= MOST_SPLITS:
        found = []
        for one in combinations(range(n), group):
            rest = [i for i in range(n) if i not in one and i > one[0]]
            found += [(one, two) for two in combinations(rest, group)]
        return np.array(found)
    draws = [uniform_draws(i.to_bytes(16, "little"), 0, "pool", 0, n) for i in range(MOST_SPLITS)]
    return np.argsort(np.array(draws), axis=1)[:, : 2 * group].reshape(MOST_SPLITS, 2, group)
