"""A rule and a set of rules, as data: a measure, a closed range, and why.

Comes in: measures, one row a document. Goes out: for each document the first rule that fails and all that do. Refuses
to know how a measure is made, and which rules a recipe chooses.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.draws import uniform_draws

_NUMBERS: Final = (pa.types.is_null, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)


@dataclass(frozen=True, slots=True)
class Rule:
    """Keep where low <= measure <= high: equality is kept, None leaves a side open, and a null measure passes.

    `share`: of the documents outside the range only this share is dropped, drawn from each one's id; 1 drops all.
    """

    measure: str
    low: float | None = None
    high: float | None = None
    why: str = ""
    share: float = 1.0

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            raise ValueError(f"rule {self.measure!r} has neither low nor high and drops nothing: take it out")
        if any(bound is not None and math.isnan(bound) for bound in (self.low, self.high)):
            raise ValueError(f"rule {self.measure!r}: a bound is not a number")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"rule {self.measure!r}: low {self.low} is above high {self.high}, which keeps nothing")
        if not 0 < self.share <= 1:
            raise ValueError(f"rule {self.measure!r}: share is above 0 and at most 1, not {self.share}")

    def failing(self, measures: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Rows outside the range; what is not a number is outside every range."""
        if self.measure not in measures.schema.names:
            known = ", ".join(measures.schema.names)
            raise KeyError(f"rule {self.measure!r} names no measure; there are: {known}")
        column = measures.column(self.measure)
        if not any(is_kind(column.type) for is_kind in _NUMBERS):
            raise TypeError(f"rule {self.measure!r}: the measure is {column.type}, not a number")
        values = pc.cast(column, pa.float64()).fill_null(0).to_numpy()
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        valid: npt.NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
        outside: npt.NDArray[np.bool_] = valid & ~((values >= low) & (values <= high))
        return outside


@dataclass(frozen=True, kw_only=True, slots=True)
class RuleSet:
    """Rules for the documents of some kinds and, where given, of some domains, sub-domains or languages only.

    A language is the listed one, else the text format, else the language outside the list. An empty tuple of rules
    keeps every such document and says so.
    """

    kinds: tuple[str, ...]
    rules: tuple[Rule, ...]
    domains: tuple[str, ...] | None = None
    subdomains: tuple[str, ...] | None = None
    languages: tuple[str, ...] | None = None

    def takes_all_of(self, kind: str) -> bool:
        """Whether no document of this kind falls past the set."""
        return kind in self.kinds and self.domains is self.subdomains is self.languages is None

    def takes(self, documents: pa.RecordBatch) -> npt.NDArray[np.bool_]:
        """Rows whose kind, domain, subdomain and language the set is for."""
        chosen = np.ones(documents.num_rows, np.bool_)
        wanted = {"kind": self.kinds, "domain": self.domains, "subdomain": self.subdomains, "language": self.languages}
        for column, names in wanted.items():
            if names is not None:
                chosen &= is_one_of(documents.column(column), names)
        return chosen


def is_one_of(column: pa.Array, names: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Rows that hold one of these; null is none of them."""
    among = pc.is_in(column, value_set=pa.array(names, pa.string()))
    found: npt.NDArray[np.bool_] = among.to_numpy(zero_copy_only=False)
    return found


def evaluate(rules: Sequence[Rule], measures: pa.RecordBatch, ids: pa.Array | None = None) -> tuple[pa.Array, pa.Array]:
    """The first rule that fails (null: none), and all that do, in the rules' order; a rule's name is its measure.

    `ids` of the documents: asked for where a rule drops a share of what fails.
    """
    failed: list[list[str]] = [[] for _ in range(measures.num_rows)]
    for rule in rules:
        for row in np.flatnonzero(rule.failing(measures)).tolist():
            if rule.share == 1 or _is_drawn(rule, ids, row):
                failed[row].append(rule.measure)
    first = pa.array([names[0] if names else None for names in failed], pa.string())
    return first, pa.array(failed, pa.list_(pa.string()))


def _is_drawn(rule: Rule, ids: pa.Array | None, row: int) -> bool:
    if ids is None:
        raise ValueError(f"rule {rule.measure!r} drops a share of {rule.share}, drawn from ids: none were given")
    return uniform_draws(ids[row].as_py(), 0, f"rule/{rule.measure}", 0, 1)[0] < rule.share
