"""From the scores of documents to one number per measure and run; and what a pool of identical runs says of the test.

Comes in: per run a list of {"domain", "language", "bytes", "bits", "bits_disordered", "comment_bytes",
"comment_bits"}. Goes out: bits per byte by measure. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

from corpus.draws import uniform_draws
from validate.verdict import Comparison, VerdictConfig, judge, rate_interval

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
    """Random splits of runs of one build: each call is a false one."""

    measure: str
    runs: int
    splits: int
    calls: int
    rate: float
    low: float  # 95 %, as if the pairs of disjoint groups that the pool holds were all there is
    high: float
    sd: float  # between runs


def pool(measure: str, scores: Sequence[float], group: int, splits: int, cfg: VerdictConfig) -> Pool:
    """How often `group` runs against `group` others, drawn from the same build, are called different.

    Splits of one pool overlap, so they are not `splits` independent trials: the interval counts as many as there are
    disjoint pairs of groups in the pool, and is wide on purpose.
    """
    n = len(scores)
    if n < 2 * group:
        raise ValueError(f"a pool of {n} runs holds no two groups of {group}: give --seeds {2 * group} or more")
    calls = 0
    pairs = _all_pairs(n, group)
    chosen = [
        pairs[int(uniform_draws(i.to_bytes(16, "little"), 0, "pool", 0, 1)[0] * len(pairs))] for i in range(splits)
    ]
    for one, two in chosen:
        a, b = (tuple(scores[i] for i in side) for side in (one, two))
        calls += judge([Comparison("same", measure, a, b)], cfg)[0].answer != "no difference shown"
    independent = n // (2 * group)
    rate = calls / splits
    low, high = rate_interval(round(rate * independent), independent)
    mean = sum(scores) / n
    sd = (sum((score - mean) ** 2 for score in scores) / (n - 1)) ** 0.5
    return Pool(measure, n, splits, calls, rate, low, high, sd)


def _all_pairs(n: int, group: int) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Every pair of disjoint groups, once."""
    found = []
    for one in combinations(range(n), group):
        rest = [i for i in range(n) if i not in one and i > one[0]]
        found += [(one, two) for two in combinations(rest, group)]
    return found
