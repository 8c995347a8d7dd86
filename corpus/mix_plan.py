"""The mixture's plan: how often each sample is repeated, so that every line meets its budget.

Comes in: lines with budgets in tokens, and narrow rows of samples, read twice. Goes out: an exact integer plan
(per line: whole repeats for all its samples, one more for the first of a drawn order) and each sample's repeats.
Memory: 32 MiB of histograms, and the rows of one bucket of each.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from fractions import Fraction
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.cuts import NONE_INSIDE, Cut, add, bucket_of, cuts, histograms, inside, is_inside
from corpus.division import divide, exact
from corpus.mixture import NO_LANGUAGE, Group, Infeasible, Line, group_of, whole
from corpus.schema import MIX

Lengths = Mapping[str, Sequence[tuple[int, float]]]  # by domain, as in `Share`
Batches = Callable[[], Iterable[pa.RecordBatch]]


def plan(lines: tuple[Line, ...], lengths: Lengths, batches: Batches, tolerance: float) -> tuple[Line, ...]:
    """The budgets as repeats. `batches` reads the narrow rows anew each time it is called, which is twice.

    A line misses its budget by less than a sample, and the lines of one domain or sub-domain together by half a sample.
    """
    cells = _by_length(lines, lengths)
    of = Cells(cells)
    sums, samples, largest = histograms(len(cells)), np.zeros(len(cells), np.int64), np.zeros(len(cells), np.int64)
    for batch in batches():
        rows, keys, tokens = of.rows(batch)
        add(sums, rows, keys, tokens)
        np.add.at(samples, rows, 1)
        np.maximum.at(largest, rows, tokens)
    cells = [
        replace(line, available=n, samples=count)
        for line, n, count in zip(cells, sums.sum(axis=1).tolist(), samples.tolist(), strict=True)
    ]
    cells = _divided(cells, lines, lengths)
    planned = _cut(cells, sums, of, batches)
    for _, group in groupby(zip(planned, largest.tolist(), strict=True), key=lambda pair: group_of(pair[0])):
        members = list(group)
        refuse_miss(whole([line for line, _ in members]), max(n for _, n in members), tolerance)
    return tuple(planned)


def _by_length(lines: Sequence[Line], lengths: Lengths) -> list[Line]:
    """Each line as one per class of length; `_divided` gives them their budgets."""
    made = []
    for line in lines:
        starts = [0, *(tokens for tokens, _ in lengths.get(line.domain, ()))]
        ends = [*starts[1:], None]
        made += [replace(line, at_least=low, below=high) for low, high in zip(starts, ends, strict=True)]
    return made


def _divided(cells: Sequence[Line], lines: Sequence[Line], lengths: Lengths) -> list[Line]:
    """A line's budget by length: in proportion to tokens times weight, none above its repeats."""
    made, at = [], 0
    for line in lines:
        weights = [Fraction(1), *(exact(weight) for _, weight in lengths.get(line.domain, ()))]
        here = cells[at : at + len(weights)]
        at += len(weights)
        most = [cell.available * cell.max_repeats for cell in here]
        found = divide(line.budget, [w * cell.available for w, cell in zip(weights, here, strict=True)], most)
        shares = [line.share * n / line.budget if line.budget else 0.0 for n in found]
        made += [replace(c, budget=n, share=s) for c, n, s in zip(here, found, shares, strict=True)]
    return made


def _cut(
    lines: Sequence[Line],
    sums: np.ndarray,
    of: "Cells",
    batches: Batches,
) -> list[Line]:
    """The lines with repeats. Of the two ways to cut a line, the one that brings its group nearer to its budget."""
    rounds = [divmod(line.budget, line.available) if line.available else (0, 0) for line in lines]
    ends = [bucket_of(sums[i], rest) if rest else None for i, (_, rest) in enumerate(rounds)]
    held: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in lines]
    for batch in batches():
        rows, keys, tokens = of.rows(batch)
        near = np.flatnonzero(inside(ends, rows, keys))
        for i in np.unique(rows[near]).tolist():
            chosen = near[rows[near] == i]
            held[i].append((keys[chosen], tokens[chosen]))
    planned, missed = [], Counter[Group]()
    for line, (repeats, rest), end, parts in zip(lines, rounds, ends, held, strict=True):
        group = group_of(line)
        found = Cut(NONE_INSIDE, 0)
        if end is not None:
            two = cuts(end, parts, rest)
            found = min(two, key=lambda cut: abs(missed[group] + cut.tokens - rest))
        missed[group] += found.tokens - rest
        planned.append(replace(line, repeats=repeats, last=found.last, got=repeats * line.available + found.tokens))
    return planned


def refuse_miss(line: Line, largest: int, tolerance: float) -> None:
    """Refuse a line that misses its budget by more than the tolerance and by more than its largest sample."""
    miss = abs(line.got - line.budget)
    if miss > tolerance * line.budget and miss > largest:
        raise Infeasible(
            f"{line.name}: {line.budget:,} tokens asked, {line.got:,} planned, a miss of {miss:,} "
            f"({miss / line.budget:.2%}) where {tolerance:.2%} or one sample of up to {largest:,} is allowed: "
            f"use smaller samples (a lower cap in assemble) or a larger tolerance"
        )


class Cells:
    """Which line each narrow row is of. Lines that differ in length alone stand together, short samples first."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._first: dict[tuple[str | None, str | None, str | None], int] = {}
        self._starts: dict[str, np.ndarray] = {}
        for at, line in reversed(list(enumerate(lines))):
            self._first[line.domain, line.subdomain, line.language] = at
        for domain in {line.domain for line in lines}:
            starts = {line.at_least for line in lines if line.domain == domain} - {0}
            self._starts[domain] = np.array(sorted(starts), np.int64)

    def rows(self, batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Line, key and tokens of the rows that are of some line."""
        lines = self.lines(batch)
        chosen = lines >= 0
        return lines[chosen], batch["key"].to_numpy()[chosen], batch["n_tokens"].to_numpy()[chosen]

    def lines(self, batch: pa.RecordBatch) -> np.ndarray:
        """Line of every row, -1 for one that the plan leaves out."""
        columns = [batch[name].dictionary_encode("encode") for name in ("domain", "subdomain", "language")]
        codes = np.zeros(batch.num_rows, np.int64)
        for column in columns:
            codes = codes * len(column.dictionary) + np.asarray(column.indices, np.int64)
        kinds, first_rows, kind = np.unique(codes, return_index=True, return_inverse=True)
        tokens = batch["n_tokens"].to_numpy()
        found = np.full(len(kinds), -1, np.int64)
        classes = np.zeros(batch.num_rows, np.int64)
        by_domain: dict[str, list[int]] = {}
        for at, row in enumerate(first_rows.tolist()):
            domain, subdomain, language = (column[row].as_py() for column in columns)
            found[at] = self._line(domain, subdomain, language)
            by_domain.setdefault(domain, []).append(at)
        for domain, ats in by_domain.items():
            if len(self._starts.get(domain, ())):
                here = np.isin(kind, ats)
                classes[here] = np.searchsorted(self._starts[domain], tokens[here], side="right")
        return np.where(found[kind] >= 0, found[kind] + classes, -1)

    def _line(self, domain: str | None, subdomain: str | None, language: str | None) -> int:
        named = language or NO_LANGUAGE
        names = ((domain, subdomain, named), (domain, None, named), (domain, subdomain, None), (domain, None, None))
        return next((self._first[name] for name in names if name in self._first), -1)


def repeats(lines: tuple[Line, ...], batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
    """Each sample's repeats under the plan, for a batch of narrow rows; 0 for a domain that the plan does not name."""
    tokens, keys = batch["n_tokens"].to_numpy(), batch["key"].to_numpy()
    times = np.zeros(len(tokens), np.int64)
    counts = {"samples": len(tokens)} | {f"got.{line.domain}": 0 for line in lines}
    of = Cells(lines).lines(batch)
    for at in np.unique(of[of >= 0]).tolist():
        line, here = lines[at], np.flatnonzero(of == at)
        times[here] = line.repeats + is_inside(keys[here], line.last)
        counts[f"got.{line.domain}"] += int((times[here] * tokens[here]).sum())
    times[tokens == 0] = 0  # nothing to repeat: all of it was edited away, or is empty
    counts["in_mix"] = int((times > 0).sum())
    counts["left_out"] = int((times == 0).sum())
    made = [pa.array(times, pa.int16()), batch["domain"], batch["n_tokens"]]
    return pa.RecordBatch.from_arrays(made, schema=MIX), counts


def with_parts(lines: Sequence[Line], most: int | None = None) -> Iterator[Line]:
    """What has a share of its own, each followed by its parts with tokens, the largest first and at most so many."""
    for _, members in groupby(lines, key=group_of):
        group = list(members)
        yield whole(group)
        if len(group) > 1:
            yield from sorted((line for line in group if line.got), key=lambda line: -line.got)[:most]


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
