"""`verdict`: how often identical builds are called different, by our tests and by a bootstrap over documents.

Simulated runs: a score is the mean over documents of (document + seed + document in this run). What a document is
worth is the same in every run; seeds scatter with `SEED_SD`, the runs' documents with `DOCUMENT_SD`. `SHARED` is how
much of a seed's variance its two builds have in common: the weights at the start, the rows. The same for the real
probe comes from `python -m pipelines.ablate --pool`; how far its rate and interval can be trusted is simulated too.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
import numpy.typing as npt

from benchmarks._figures import figure
from validate.measures import pool
from validate.verdict import Comparison, VerdictConfig, document_interval, judge

TRIALS = 4000
DOCUMENTS = 60
SEED_SD = 0.006  # bits per byte
DOCUMENT_SD = 0.0465  # over the root of DOCUMENTS as much as SEED_SD: the noise of documents and of seeds is alike
SHARED = 0.5
DRAWS = 400  # of the bootstrap
POOLS = 400
F64 = npt.NDArray[np.float64]


def rows() -> Iterator[dict[str, object]]:
    """False calls at a nominal 5 %, per number of seeds and test; theirs is the bootstrap on the same runs."""
    for seeds in (3, 5, 10):
        bootstrap = bootstrap_calls(seeds, TRIALS // 2)
        for test, shared in product(("paired", "pooled", "welch"), (0.0, SHARED)):
            ours = false_calls(test, seeds, TRIALS, shared=shared)
            yield {
                "benchmark": "verdict",
                "what": f"false calls of identical builds, {seeds} seeds, {test}, {shared:.0%} of a seed shared",
                "unit": "%",
                "ours": 100 * ours,
                "peer": "bootstrap over documents",
                "theirs": 100 * bootstrap,
                "ratio": ours / bootstrap,
            }
    rates, covered = pools(12, POOLS)
    low, high = np.quantile(rates, [0.025, 0.975])
    for what, share in (
        ("mean rate of false calls", rates.mean()),
        ("95 % of the pools show more than", low),
        ("95 % of the pools show less than", high),
        ("intervals that hold the true rate", covered),
    ):
        yield figure("verdict", f"a pool of 12 equal runs, 3 against 3: {what}", "%", 100 * float(share))


def pools(n: int, count: int, seed: int = 0) -> tuple[F64, float]:
    """Rates of pools of `n` runs that are all alike, and the share of their intervals that hold the true rate."""
    draw = np.random.Generator(np.random.PCG64(seed))
    cfg = VerdictConfig()
    found = [pool("code", draw.normal(size=n).tolist(), 3, cfg) for _ in range(count)]
    covered = [one.low <= cfg.alpha <= one.high for one in found]
    return np.array([one.rate for one in found]), float(np.mean(covered))


def runs(draw: np.random.Generator, worth: F64, seeds: int, common: F64 | float = 0.0, shared: float = 0.0) -> F64:
    """[seeds, documents]: scores of runs of one build; `common` is what its seeds have in common with another's."""
    noise = draw.normal(0, DOCUMENT_SD, (seeds, len(worth)))
    own = draw.normal(0, SEED_SD, (seeds, 1)) + noise
    return np.asarray(worth + shared**0.5 * common + (1 - shared) ** 0.5 * own)


def false_calls(test: str, seeds: int, trials: int, seed: int = 0, shared: float = 0.0) -> float:
    """Share of pairs of identical builds that `judge` calls different."""
    draw = np.random.Generator(np.random.PCG64(seed))
    cfg = VerdictConfig(test=test)  # type: ignore[arg-type]
    called = 0
    for _ in range(trials):
        worth = draw.normal(2, 0.5, DOCUMENTS)
        common = draw.normal(0, SEED_SD, (seeds, 1)) + draw.normal(0, DOCUMENT_SD, (seeds, DOCUMENTS))
        a, b = (tuple(runs(draw, worth, seeds, common, shared).mean(axis=1).tolist()) for _ in "ab")
        called += judge([Comparison("b", "code", a, b)], cfg)[0].answer != "no difference shown"
    return called / trials


def bootstrap_calls(seeds: int, trials: int, seed: int = 0) -> float:
    """Share of pairs of identical builds whose bootstrap interval over documents leaves out zero."""
    draw = np.random.Generator(np.random.PCG64(seed))
    called = 0
    for trial in range(trials):
        worth = draw.normal(2, 0.5, DOCUMENTS)
        a, b = (runs(draw, worth, seeds).mean(axis=0) for _ in "ab")
        low, high = document_interval(a, b, 0.05, DRAWS, trial)
        called += not low <= 0 <= high
    return called / trials
