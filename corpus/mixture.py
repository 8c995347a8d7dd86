"""The mixture: how often each sample is repeated, so that domains hold their shares of a token budget.

Comes in: plain token counts of samples with their domain and sub-domain. Goes out: an exact integer plan (per domain:
whole repeats for all, one more for the first samples of a drawn order) and each sample's repeats. Knows no documents,
no text and no files. Shares are compared as exact fractions: 0.1 of a budget is not 0.1000000000000000055 of it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.cuts import NONE_INSIDE, bucket_of, cut, histogram, inside, is_inside
from corpus.draws import uniform_draws
from corpus.schema import MIX

# What the plan reads of a sample: 16 bytes of numbers and two short names.
NARROW = pa.schema(
    [
        ("key", pa.uint64()),  # place in the drawn order
        ("domain", pa.string()),
        ("subdomain", pa.string()),
        ("n_tokens", pa.int64()),
    ]
)
_MOST_REPEATS = 1000  # far beyond use; keeps repeats in an int16


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """One domain's part of the mixture.

    `subdomains` splits the part further, as (sub-domain, share of the domain), and must then name every sub-domain that
    should be in: the others are left out. Without it a domain takes its sub-domains as they come.
    `max_repeats` = 4: repeats up to there cost little (Muennighoff et al., 2305.16264), and 60/10/30 of 6T tokens needs
    about 3.1 for code and 2.7 for math (our arithmetic from DeepSeek-Coder-V2's counts).
    """

    domain: str
    share: float
    max_repeats: int = 4
    subdomains: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not self.domain or "." in self.domain:
            raise ValueError(f"a domain needs a name without dots, not {self.domain!r}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"the share of {self.domain} must be in [0, 1], not {self.share}")
        if not 1 <= self.max_repeats <= _MOST_REPEATS:
            raise ValueError(f"max_repeats of {self.domain} must be in 1..{_MOST_REPEATS}, not {self.max_repeats}")
        if self.subdomains and sum((_exact(s) for _, s in self.subdomains), Fraction()) != 1:
            raise ValueError(f"the sub-domain shares of {self.domain} must sum to 1: {self.subdomains}")


@dataclass(frozen=True, kw_only=True, slots=True)
class MixConfig:
    """60 % code, 10 % math, 30 % natural language, as published; everything else is ours.

    `total_tokens` None takes the largest total that shares and repeat ceilings allow. `group_bytes` must be the
    assembly's: its groups say where a sample's documents are.
    """

    shares: tuple[Share, ...] = (
        Share(domain="code", share=0.6),
        Share(domain="math", share=0.1),
        Share(domain="natural", share=0.3),
    )
    total_tokens: int | None = None
    tolerance: float = 0.001  # of a budget; a plan may also miss it by less than one sample
    seed: int = 0
    group_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        names = [share.domain for share in self.shares]
        if len(set(names)) != len(names):
            raise ValueError(f"shares names a domain twice: {names}")
        total = sum((_exact(share.share) for share in self.shares), Fraction())
        if total != 1:
            raise ValueError(f"shares must sum to 1, not {float(total)}: {[(s.domain, s.share) for s in self.shares]}")
        if self.total_tokens is not None and self.total_tokens < 1:
            raise ValueError(f"total_tokens must be at least 1, not {self.total_tokens}; None takes what there is")
        if not 0 <= self.tolerance < 1:
            raise ValueError(f"tolerance must be in [0, 1), not {self.tolerance}")
        if self.group_bytes < 1:
            raise ValueError(f"group_bytes must be at least 1, not {self.group_bytes}")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the plan: a domain, or a sub-domain that has a share of its own."""

    domain: str
    subdomain: str | None
    share: float
    budget: int
    available: int  # tokens, once
    samples: int
    max_repeats: int
    repeats: int = 0  # of every sample
    last: int = NONE_INSIDE  # samples with a key up to this are repeated once more
    got: int = 0


class Infeasible(ValueError):
    """The mixture cannot be met; the message has the numbers and the ways out."""


def _exact(share: float) -> Fraction:
    return Fraction(str(share))


def narrow(
    samples: pa.RecordBatch, n_tokens: Callable[[pa.RecordBatch], np.ndarray], seed: int
) -> tuple[pa.RecordBatch, dict[str, int]]:
    """What the plan needs of the samples, and counts of tokens and samples by cell.

    The draw depends on sample and seed alone, so two mixtures share what they can: the larger budget holds the smaller.
    """
    tokens = n_tokens(samples)
    draws = [uniform_draws(sample, seed, "mix", 0, 1)[0] for sample in samples["sample"].to_pylist()]
    keys = (np.array(draws, np.float64) * 2**53).astype(np.uint64) << np.uint64(11)
    made = [pa.array(keys), samples["domain"], samples["subdomain"], pa.array(tokens, pa.int64())]
    counts: dict[str, int] = {}
    names = zip(samples["domain"].to_pylist(), samples["subdomain"].to_pylist(), tokens.tolist(), strict=True)
    for domain, subdomain, n in names:
        for name, more in (("tokens", n), ("samples", 1)):
            cell = f"{name}.{domain}.{subdomain}"
            counts[cell] = counts.get(cell, 0) + more
    return pa.RecordBatch.from_arrays(made, schema=NARROW), counts


def budgets(cfg: MixConfig, counts: Mapping[str, int]) -> tuple[Line, ...]:
    """Tokens asked of every line, given the counts of `narrow`; `Infeasible` where they cannot be had."""
    lines = [line for share in cfg.shares for line in _lines(share, counts)]
    exact = [share for _, share in lines]
    for line, share in lines:
        if share and not line.available:
            raise Infeasible(
                f"{_name(line)}: {line.share:.1%} of the mixture asked, 0 tokens available in {line.samples} samples: "
                f"take it out of the shares, or add documents of this domain"
            )
    ceilings = [(line, line.available * line.max_repeats / share) for line, share in lines if share]
    most = min(int(total) for _, total in ceilings)
    total = most if cfg.total_tokens is None else cfg.total_tokens
    for line, ceiling in ceilings:
        if total > ceiling:
            raise Infeasible(
                f"{_name(line)}: {line.share:.1%} of {total:,} tokens asked, {line.available:,} available and at most "
                f"{line.max_repeats} repeats = {line.available * line.max_repeats:,}: set total_tokens to {most:,} or "
                f"less, raise its max_repeats, or lower its share"
            )
    planned = [replace(line, budget=n) for (line, _), n in zip(lines, _rounded(total, exact), strict=True)]
    for line in planned:
        if line.share and not line.budget:
            raise Infeasible(
                f"{_name(line)}: {line.share:.1%} of {total:,} tokens is a budget of 0: "
                f"set total_tokens higher, or take it out of the shares"
            )
    return tuple(planned)


def _lines(share: Share, counts: Mapping[str, int]) -> Iterator[tuple[Line, Fraction]]:
    cells = {name.split(".", 2)[2]: n for name, n in counts.items() if name.startswith(f"tokens.{share.domain}.")}
    samples = {name.split(".", 2)[2]: n for name, n in counts.items() if name.startswith(f"samples.{share.domain}.")}
    for name, part in share.subdomains or ((None, 1.0),):
        exact = _exact(share.share) * _exact(part)
        available = sum(cells.values()) if name is None else cells.get(name, 0)
        n_samples = sum(samples.values()) if name is None else samples.get(name, 0)
        yield Line(share.domain, name, float(exact), 0, available, n_samples, share.max_repeats), exact


def _rounded(total: int, shares: list[Fraction]) -> list[int]:
    """Whole tokens that sum to the total, by largest remainder; the earlier line where remainders are equal."""
    floors = [int(total * share) for share in shares]
    order = sorted(range(len(shares)), key=lambda i: (floors[i] - total * shares[i], i))
    for i in order[: total - sum(floors)]:
        floors[i] += 1
    return floors


def plan(
    lines: tuple[Line, ...], batches: Callable[[], Iterable[pa.RecordBatch]], tolerance: float
) -> tuple[Line, ...]:
    """The budgets as repeats. `batches` reads the narrow rows anew each time it is called, which is twice."""
    whole = [divmod(line.budget, line.available) if line.budget else (0, 0) for line in lines]
    sums = [np.zeros(1, np.int64) for _ in lines]
    largest = [0] * len(lines)
    for batch in batches():
        for i, (keys, tokens) in enumerate(_by_line(lines, batch)):
            sums[i] = sums[i] + histogram(keys, tokens)
            largest[i] = max(largest[i], int(tokens.max(initial=0)))
    ends = [bucket_of(sums[i], rest) if rest else None for i, (_, rest) in enumerate(whole)]
    held: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in lines]
    for batch in batches():
        for i, (keys, tokens) in enumerate(_by_line(lines, batch)):
            if (end := ends[i]) is not None:
                chosen = inside(end, keys)
                held[i].append((keys[chosen], tokens[chosen]))
    planned = []
    for line, (repeats, rest), bucket, parts, most in zip(lines, whole, ends, held, largest, strict=True):
        last, extra = NONE_INSIDE, 0
        if bucket is not None:
            found = cut(bucket, parts, rest)
            last, extra = found.last, found.tokens
        planned.append(replace(line, repeats=repeats, last=last, got=repeats * line.available + extra))
        refuse_miss(planned[-1], most, tolerance)
    return tuple(planned)


def refuse_miss(line: Line, largest: int, tolerance: float) -> None:
    """Refuse a line that misses its budget by more than the tolerance and by more than its largest sample."""
    miss = abs(line.got - line.budget)
    if miss > tolerance * line.budget and miss > largest:
        raise Infeasible(
            f"{_name(line)}: {line.budget:,} tokens asked, {line.got:,} planned, a miss of {miss:,} "
            f"({miss / line.budget:.2%}) where {tolerance:.2%} or one sample of up to {largest:,} is allowed: "
            f"use smaller samples (a lower cap in assemble) or a larger tolerance"
        )


def repeats(lines: tuple[Line, ...], batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
    """Each sample's repeats under the plan, for a batch of narrow rows; 0 for a domain that the plan does not name."""
    tokens = batch["n_tokens"].to_numpy()
    keys = batch["key"].to_numpy()
    times = np.zeros(len(tokens), np.int64)
    counts = {"samples": len(tokens)}
    for line, chosen in zip(lines, _masks(lines, batch), strict=True):
        here = np.where(chosen, line.repeats + is_inside(keys, line.last), 0)
        times += here
        name = f"got.{line.domain}"
        counts[name] = counts.get(name, 0) + int((here * tokens).sum())
    times[tokens == 0] = 0  # nothing to repeat: all of it was edited away, or is empty
    counts["in_mix"] = int((times > 0).sum())
    counts["left_out"] = int((times == 0).sum())
    made = [pa.array(times, pa.int16()), batch["domain"], batch["n_tokens"]]
    return pa.RecordBatch.from_arrays(made, schema=MIX), counts


def _masks(lines: tuple[Line, ...], batch: pa.RecordBatch) -> Iterator[np.ndarray]:
    domains = np.array(batch["domain"].to_pylist(), object)
    subdomains = np.array(batch["subdomain"].to_pylist(), object)
    for line in lines:
        chosen = domains == line.domain
        yield chosen if line.subdomain is None else chosen & (subdomains == line.subdomain)


def _by_line(lines: tuple[Line, ...], batch: pa.RecordBatch) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    keys, tokens = batch["key"].to_numpy(), batch["n_tokens"].to_numpy()
    for chosen in _masks(lines, batch):
        yield keys[chosen], tokens[chosen]


def _name(line: Line) -> str:
    return line.domain if line.subdomain is None else f"{line.domain}/{line.subdomain}"


def describe(lines: tuple[Line, ...]) -> dict[str, Any]:
    """The plan as JSON-able data: what was asked, what there is, what was planned."""
    return {
        "asked": sum(line.budget for line in lines),
        "got": sum(line.got for line in lines),
        "lines": [asdict(line) for line in lines],
    }


def from_description(description: Mapping[str, Any]) -> tuple[Line, ...]:
    """The inverse of `describe`."""
    return tuple(Line(**line) for line in description["lines"])
