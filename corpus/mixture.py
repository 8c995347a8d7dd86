"""The mixture: the settings, and the budgets in tokens that follow from them and from what there is.

Comes in: plain token counts of samples with their domain, sub-domain and language. Goes out: lines with their budgets;
`mix_plan` makes repeats of them. A line is a domain, or a part of one where the settings name parts: a sub-domain, a
language, samples of some length. Knows no documents, no text and no files. Shares are compared as exact fractions:
0.1 of a budget is not 0.1000000000000000055 of it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pyarrow as pa

from corpus.cuts import NONE_INSIDE
from corpus.division import capped, divide, exact, largest_total, rounded, tempered
from corpus.draws import uniform_draws
from corpus.language_table import load_table

# What the plan reads of a sample: 16 bytes of numbers and three short names.
NARROW = pa.schema(
    [
        ("key", pa.uint64()),  # place in the drawn order
        ("domain", pa.string()),
        ("subdomain", pa.string()),
        ("language", pa.string()),
        ("n_tokens", pa.int64()),
    ]
)
_MOST_REPEATS = 1000  # far beyond use; keeps repeats in an int16
NO_LANGUAGE = ""  # of a line: samples in none of the languages, such as prose


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """One domain's part of the mixture.

    `subdomains` splits the part further, as (sub-domain, share of the domain), and must then name every sub-domain that
    should be in: the others are left out. Without it a domain takes its sub-domains as they come.
    `max_repeats` = 4: repeats up to there cost little (Muennighoff et al., 2305.16264), and 60/10/30 of 6T tokens needs
    about 3.1 for code and 2.7 for math (our arithmetic from DeepSeek-Coder-V2's counts).
    `caps`: (language, the most of the domain, and of each of its sub-domains that has a share, that may be in it).
    `temperature` above 1 brings languages nearer to each other: tokens ** (1 / temperature) is a language's weight.
    `lengths`: (tokens, weight), ascending: a sample of so many tokens or more counts `weight` times what shorter ones
    count (the weight below the first is 1), within its language where languages are told apart: long documents are
    up-sampled and the shares of domains stay (per source, as Fu et al., 2402.10171, found best).
    """

    domain: str
    share: float
    max_repeats: int = 4
    subdomains: tuple[tuple[str, float], ...] = ()
    caps: tuple[tuple[str, float], ...] = ()
    temperature: float = 1.0
    lengths: tuple[tuple[int, float], ...] = ()

    def __post_init__(self) -> None:
        if not self.domain or "." in self.domain:
            raise ValueError(f"a domain needs a name without dots, not {self.domain!r}")
        if not 0 <= self.share <= 1:
            raise ValueError(f"the share of {self.domain} must be in [0, 1], not {self.share}")
        if not 1 <= self.max_repeats <= _MOST_REPEATS:
            raise ValueError(f"max_repeats of {self.domain} must be in 1..{_MOST_REPEATS}, not {self.max_repeats}")
        if self.subdomains and sum((exact(s) for _, s in self.subdomains), Fraction()) != 1:
            raise ValueError(f"the sub-domain shares of {self.domain} must sum to 1: {self.subdomains}")
        unknown = sorted({name for name, _ in self.caps} - load_table().names) if self.caps else []
        if unknown:
            raise ValueError(f"caps of {self.domain} names {', '.join(unknown)}: not among the 338 languages")
        if len(dict(self.caps)) < len(self.caps) or not all(0 <= cap <= 1 for _, cap in self.caps):
            raise ValueError(f"caps of {self.domain} must name a language once, each in [0, 1]: {self.caps}")
        if not 1 <= self.temperature <= 100:
            raise ValueError(f"temperature of {self.domain} must be in [1, 100], not {self.temperature}")
        starts = [tokens for tokens, _ in self.lengths]
        if starts != sorted(set(starts)) or any(n < 1 for n in starts) or any(w <= 0 for _, w in self.lengths):
            raise ValueError(
                f"lengths of {self.domain} must be ascending (tokens, weight) of at least 1 and above 0: {self.lengths}"
            )

    @property
    def by_language(self) -> bool:
        """Whether languages are told apart."""
        return bool(self.caps) or self.temperature != 1


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
        total = sum((exact(share.share) for share in self.shares), Fraction())
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
    """One line of the plan: a domain, or the part of it that the named fields tell."""

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
    language: str | None = None
    at_least: int = 0  # tokens of a sample
    below: int | None = None

    @property
    def name(self) -> str:
        """As a person reads it: code/source Python, 32,768 tokens and more."""
        name = self.domain if self.subdomain is None else f"{self.domain}/{self.subdomain}"
        if self.language is not None:
            name += f" {self.language or '(no language)'}"
        if self.below is not None:
            return f"{name}, {self.at_least:,} to {self.below - 1:,} tokens"
        return f"{name}, {self.at_least:,} tokens and more" if self.at_least else name


Group = tuple[str, str | None]  # domain and sub-domain: what has a share of its own


class Infeasible(ValueError):
    """The mixture cannot be met; the message has the numbers and the ways out."""


def narrow(
    samples: pa.RecordBatch, n_tokens: Callable[[pa.RecordBatch], np.ndarray], seed: int
) -> tuple[pa.RecordBatch, dict[str, int]]:
    """What the plan needs of the samples, and counts of tokens and samples by `cell`.

    The draw depends on sample and seed alone, so two mixtures share what they can: the larger budget holds the smaller.
    """
    tokens = n_tokens(samples)
    draws = [uniform_draws(sample, seed, "mix", 0, 1)[0] for sample in samples["sample"].to_pylist()]
    keys = (np.array(draws, np.float64) * 2**53).astype(np.uint64) << np.uint64(11)
    names = [samples[name] for name in ("domain", "subdomain", "language")]
    made = [pa.array(keys), *names, pa.array(tokens, pa.int64())]
    counts: dict[str, int] = {}
    for *named, n in zip(*(column.to_pylist() for column in names), tokens.tolist(), strict=True):
        for what, more in (("tokens", n), ("samples", 1)):
            counted = cell(what, *named)
            counts[counted] = counts.get(counted, 0) + more
    return pa.RecordBatch.from_arrays(made, schema=NARROW), counts


def cell(what: str, domain: str | None, subdomain: str | None, language: str | None) -> str:
    """Name of the counter of tokens or samples of one kind."""
    return f"{what}.{json.dumps([domain, subdomain, language], ensure_ascii=False)}"


def budgets(cfg: MixConfig, counts: Mapping[str, int]) -> tuple[Line, ...]:
    """Tokens asked of every line, given the counts of `narrow`; `Infeasible` where they cannot be had."""
    parts = [part for share in cfg.shares for part in _parts(share, counts)]
    for part in parts:
        if part.exact and not part.line.available:
            raise Infeasible(
                f"{part.line.name}: {part.line.share:.1%} of the mixture asked, 0 tokens available in "
                f"{part.line.samples} samples: take it out of the shares, or add documents of this domain"
            )
    ceilings = [(part, part.ceiling() / part.exact) for part in parts if part.exact]
    most = min(int(total) for _, total in ceilings)
    total = most if cfg.total_tokens is None else cfg.total_tokens
    for part, ceiling in ceilings:
        if total > ceiling:
            raise Infeasible(_too_few(part, total, most))
    made: list[Line] = []
    for part, budget in zip(parts, rounded(total, [part.exact for part in parts]), strict=True):
        if part.exact and not budget:
            raise Infeasible(
                f"{part.line.name}: {part.line.share:.1%} of {total:,} tokens is a budget of 0: "
                f"set total_tokens higher, or take it out of the shares"
            )
        made += part.lines(budget)
    return tuple(made)


def _too_few(part: "_Part", total: int, most: int) -> str:
    line = part.line
    asked = f"{line.name}: {line.share:.1%} of {total:,} tokens asked, {line.available:,} available and at most "
    once = f"{line.max_repeats} repeats = {line.available * line.max_repeats:,}"
    caps, ways = "", "raise its max_repeats, or lower its share"
    if part.share.caps:
        caps, ways = (
            f", {int(part.ceiling()):,} of them under its caps",
            "raise its caps or max_repeats, or lower its share",
        )
    to = f"set total_tokens to {most:,} or less, {ways}" if most else ways
    return f"{asked}{once}{caps}: {to}"


@dataclass(frozen=True, slots=True)
class _Part:
    """What has a share: the domain or sub-domain as one line, and its languages where they are told apart."""

    share: Share
    exact: Fraction
    line: Line
    languages: tuple[Line, ...]

    def _limits(self) -> list[tuple[Fraction | None, int]]:
        caps = {name: exact(cap) for name, cap in self.share.caps}
        return [(caps.get(line.language or ""), line.available * line.max_repeats) for line in self.languages]

    def ceiling(self) -> Fraction:
        """The largest budget that caps and repeats allow."""
        return largest_total(self._limits())

    def lines(self, budget: int) -> list[Line]:
        """The budget by language: in proportion to tempered tokens, none above its cap or its repeats."""
        if not self.share.by_language or not budget:
            return [replace(self.line, budget=budget)]
        weights = [tempered(line.available, self.share.temperature) for line in self.languages]
        found = divide(budget, weights, [capped(budget, *limit) for limit in self._limits()])
        shares = [float(self.exact * n / budget) for n in found]
        made = zip(self.languages, found, shares, strict=True)
        return [replace(line, budget=n, share=share) for line, n, share in made]


def _parts(share: Share, counts: Mapping[str, int]) -> Iterator[_Part]:
    found: dict[str, dict[tuple[str | None, str | None], int]] = {"tokens": {}, "samples": {}}
    for counted, n in counts.items():
        what, _, names = counted.partition(".")
        domain, subdomain, language = json.loads(names)
        if domain == share.domain:
            found[what][subdomain, language] = n

    def line(name: str | None, part: Fraction, language: str | None) -> Line:
        wanted = None if language is None else (language or None,)
        tokens, samples = (
            sum(n for (s, la), n in cells.items() if name in (None, s) and (wanted is None or la in wanted))
            for cells in found.values()
        )
        return Line(share.domain, name, float(part), 0, tokens, samples, share.max_repeats, language=language)

    for name, part in share.subdomains or ((None, 1.0),):
        whole = exact(share.share) * exact(part)
        named = sorted({language or NO_LANGUAGE for (s, language) in found["tokens"] if name in (None, s)})
        by_language = tuple(line(name, whole, language) for language in (named if share.by_language else (None,)))
        yield _Part(share, whole, line(name, whole, None), by_language)


def group_of(line: Line) -> Group:
    """What the line is a part of and has its share from."""
    return line.domain, line.subdomain


def whole(lines: Sequence[Line]) -> Line:
    """The lines of one domain or sub-domain as one, whose repeats and last key say nothing."""
    sums = {name: sum(getattr(line, name) for line in lines) for name in ("budget", "available", "samples", "got")}
    share = sum(line.share for line in lines)
    return Line(*group_of(lines[0]), share=share, max_repeats=lines[0].max_repeats, **sums)
