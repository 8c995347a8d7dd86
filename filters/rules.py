"""What `filter` decides for each document: where it belongs, if it is kept or why not, its edits, held-out or not.

Comes in: the annotations of one row group, aligned. Goes out: one verdict a document. Refuses to open text: everything
here follows from measures and marks, so a threshold changes in seconds.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.draws import uniform_draws
from corpus.licenses import POLICIES, permitted
from corpus.schema import VERDICTS
from filters import code, math, opencoder, starcoder, text
from filters.contamination import contaminated_spans
from filters.domains import KINDS, TABLE, Place, language_classes, language_names, places
from filters.edits import merged
from filters.rule import RuleSet, evaluate, is_one_of

CONTAMINATED: Final = ("document", "segment", "record")
_IN_REPOSITORIES: Final = ("file", "notebook")  # a licence is of a repository; pages and prose come without one
# Marks of other stages that a rule may name beside the measures of `measure`.
MARKS: Final = ("confidence", "generated", "vendored", "minified", "test", "data_heavy", "n_spans", "n_hits")
RULES: Final = (*code.DEEPSEEK, *code.ISSUES, *math.PAGES, *code.PAGES, *text.GOPHER)
# Published sets by name, for comparison: each with the kinds of document that it is for ("screened" needs two groups of
# measures that a recipe names).
SETS: Final = {
    "deepseek": code.DEEPSEEK,
    "screened": code.screened(),
    "starcoder2": (*starcoder.STARCODER2, *code.ISSUES),
    "opencoder": opencoder.OPENCODER,
    "minimum length": (*math.PAGES, *code.PAGES),
    "openwebmath": math.OPENWEBMATH,
    "gopher": text.GOPHER,
    "fineweb": text.FINEWEB,
    "c4": text.C4,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterConfig:
    """The rule sets, the domain table and the policies.

    `contaminated`: C1 drops the document, DM removes the segment; "record" leaves both. `licenses`: one of
    `corpus.licenses.POLICIES`; neither C1 nor CV2 names a licence filter, so the default keeps all. `strip_headers`:
    remove licence headers, as OpenCoder does. `minimum_left`: 50 bytes, the least of the published minimum lengths,
    asked of documents that edits shorten. `held_out`: the share of origins kept from training for the probes.
    """

    rules: tuple[RuleSet, ...] = RULES
    domains: tuple[Place, ...] = TABLE
    contaminated: str = "document"
    licenses: str = "record"
    strip_headers: bool = False
    minimum_left: int = 50
    held_out: float = 0.01
    split_seed: int = 0

    def __post_init__(self) -> None:
        for kind in KINDS:
            if not any(one.takes_all_of(kind) for one in self.rules):
                raise ValueError(
                    f"no rule set takes every {kind}: add RuleSet(kinds=({kind!r},), rules=()) to keep all"
                )
        for index, one in enumerate(self.rules):
            if unknown := set(one.kinds) - set(KINDS):
                raise ValueError(f"rule set for {sorted(unknown)}: kinds are {', '.join(KINDS)}")
            if all(any(before.takes_all_of(kind) for before in self.rules[:index]) for kind in one.kinds):
                raise ValueError(
                    f"the rule set {index} for {one.kinds} is never reached: put it before the general one"
                )
        if self.contaminated not in CONTAMINATED:
            raise ValueError(f"contaminated is {self.contaminated!r}: choose from {', '.join(CONTAMINATED)}")
        if self.licenses not in POLICIES:
            raise ValueError(f"licenses is {self.licenses!r}: choose from {', '.join(POLICIES)}")
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out is a share of origins below 1, not {self.held_out}")
        if self.minimum_left < 0:
            raise ValueError(f"minimum_left is a number of bytes, not {self.minimum_left}; 0 asks for nothing")

    def missing(self, measures: Iterable[str]) -> list[str]:
        """Measures that a rule names and no group gives; for the check when the recipe is made."""
        known = {*measures, *MARKS}
        return sorted({rule.measure for one in self.rules for rule in one.rules} - known)


def verdicts(cfg: FilterConfig, *annotations: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
    """One row group: documents, languages, spans, licences, contamination, source scores, then the measures."""
    documents, languages, spans, licenses, contamination, scores, *measured = annotations
    lost = _quarantined(annotations[1:])
    labels = pa.array(
        [
            own or found
            for own, found in zip(*(b.column("label").to_pylist() for b in (documents, scores)), strict=True)
        ],
        pa.string(),
    )
    domains, subdomains = places(cfg.domains, documents, language_classes(languages), labels)
    narrow = pa.RecordBatch.from_arrays(
        [documents.column("kind"), domains, subdomains, language_names(languages)],
        names=["kind", "domain", "subdomain", "language"],
    )
    edits = _edits(cfg, spans, contamination)
    measures = _joined([*measured, languages, spans, contamination])
    failed = failures(cfg.rules, narrow, measures, documents.column("id") if "id" in documents.schema.names else None)
    before, after = _around(cfg, narrow, licenses, contamination), _emptied(cfg, measures, edits)
    for row, names in enumerate(failed):
        if lost[row]:
            failed[row] = ["quarantined"]
        elif before[row] or after[row]:
            failed[row] = [*before[row], *names, *(["empty_after_edits"] if after[row] else [])]
    held_out = _held_out(cfg, documents.column("origin"))
    columns = [
        pa.array([not names for names in failed], pa.bool_()),
        domains,
        subdomains,
        pa.array([names[0] if names else None for names in failed], pa.string()),
        pa.array(failed, VERDICTS.field("failed").type),
        pa.array(held_out, pa.bool_()),
        edits,
    ]
    return pa.RecordBatch.from_arrays(columns, schema=VERDICTS), _counts(failed, held_out)


def is_held_out(origin: str, share: float, seed: int) -> bool:
    """Held-out is a function of the origin and the split seed, of nothing else: every build marks the same ones."""
    key = blake2b(origin.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return uniform_draws(key, seed, "held_out", 0, 1)[0] < share


def _held_out(cfg: FilterConfig, origins: pa.Array) -> list[bool]:
    if origins.null_count:
        raise ValueError(f"{origins.null_count} documents have no origin: `crawl` gives every document one")
    marks = {origin: is_held_out(origin, cfg.held_out, cfg.split_seed) for origin in origins.unique().to_pylist()}
    return [marks[origin] for origin in origins.to_pylist()]


def _quarantined(annotations: Iterable[pa.RecordBatch]) -> npt.NDArray[np.bool_]:
    """Rows that a stage before this one could not read: an annotation's first column is never null otherwise."""
    nulls = [batch.column(0).is_null().to_numpy(zero_copy_only=False) for batch in annotations]
    lost: npt.NDArray[np.bool_] = np.logical_or.reduce(nulls)
    return lost


def _joined(annotations: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """All measures side by side; of the stages' annotations the marks alone."""
    columns: dict[str, pa.Array] = {}
    *measured, languages, spans, contamination = annotations
    for batch in measured:
        columns |= dict(zip(batch.schema.names, batch.columns, strict=True))
    for batch in (languages, spans, contamination):
        for name in batch.schema.names:
            if name in MARKS:
                if name in columns:
                    raise ValueError(f"measure {name!r} has the name of another stage's mark: rename it in its group")
                columns[name] = batch.column(name)
    if "n_bytes" not in columns:
        raise ValueError("filter needs the measure n_bytes: put group `basic` into MeasureConfig.groups")
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _edits(cfg: FilterConfig, spans: pa.RecordBatch, contamination: pa.RecordBatch) -> pa.ListArray:
    lists = [spans.column("spans")]
    if cfg.strip_headers:
        lists.append(spans.column("header"))
    if cfg.contaminated == "segment":
        lists.append(contaminated_spans(contamination.column("hits")))
    return merged(*lists)


def failures(
    sets: tuple[RuleSet, ...], documents: pa.RecordBatch, measures: pa.RecordBatch, ids: pa.Array | None = None
) -> list[list[str]]:
    """All failing rules of each document, by the first set that takes it; `documents`: kind, (sub)domain, language."""
    failed: list[list[str]] = [[] for _ in range(documents.num_rows)]
    left = np.ones(documents.num_rows, np.bool_)
    for one in sets:
        chosen = np.flatnonzero(left & one.takes(documents))
        left[chosen] = False
        if chosen.size and one.rules:
            rows = pa.array(chosen)
            _, names = evaluate(one.rules, measures.take(rows), None if ids is None else ids.take(rows))
            for row, found in zip(chosen.tolist(), names.to_pylist(), strict=True):
                failed[row] = found
    return failed


def _around(
    cfg: FilterConfig, documents: pa.RecordBatch, licenses: pa.RecordBatch, contamination: pa.RecordBatch
) -> list[list[str]]:
    """What drops a document before any rule is asked: no domain, contamination, the licence policy."""
    reasons: list[list[str]] = [[] for _ in range(documents.num_rows)]
    for row in np.flatnonzero(~documents.column("domain").is_valid().to_numpy(zero_copy_only=False)).tolist():
        reasons[row].append("no_domain")
    if cfg.contaminated == "document":
        hits = contamination.column("n_hits").fill_null(0).to_numpy()
        for row in np.flatnonzero(hits > 0).tolist():
            reasons[row].append("contaminated")
    if POLICIES[cfg.licenses] is not None:
        names = licenses.column("license").to_pylist()
        for row in np.flatnonzero(is_one_of(documents.column("kind"), _IN_REPOSITORIES)).tolist():
            if not permitted(names[row], cfg.licenses):
                reasons[row].append("license")
    return reasons


def _emptied(cfg: FilterConfig, measures: pa.RecordBatch, edits: pa.ListArray) -> npt.NDArray[np.bool_]:
    """Edited documents with fewer bytes of their own text left than asked for; placeholders do not count as text."""
    removed = np.zeros(len(edits), np.int64)
    lengths = edits.value_lengths().fill_null(0).to_numpy()
    spans = edits.flatten()
    sizes = np.asarray(spans.field("end"), np.int64) - np.asarray(spans.field("start"), np.int64)
    np.add.at(removed, np.repeat(np.arange(len(edits)), lengths), sizes)
    left = measures.column("n_bytes").fill_null(0).to_numpy() - removed
    emptied: npt.NDArray[np.bool_] = (removed > 0) & (left < cfg.minimum_left)
    return emptied


def _counts(failed: list[list[str]], held_out: list[bool]) -> dict[str, int]:
    """seen = kept + refused.*, one reason a document; dropped.* counts every rule that would have."""
    counts = Counter(seen=len(failed), kept=sum(not names for names in failed))
    counts.update(f"refused.{names[0]}" for names in failed if names)
    counts.update(f"dropped.{name}" for names in failed for name in names)
    counts["held_out"] = sum(mark and not names for mark, names in zip(held_out, failed, strict=True))
    return dict(counts)
