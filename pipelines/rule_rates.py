"""`python -m pipelines.rule_rates`: what every published rule set would drop of a finished build, by rule and
language.

Reads the measures of `measure` and narrow columns, never text, so a set is tried on a whole build in seconds. Prints
one table for all sets, and one by rule for the set that is asked for; writes both, with rule by language and a plot, to
`rule_rates.html` below the root. A document that no rule set of the name takes (a page, for a set of files) is in no
figure.
"""

import argparse
import html
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from rich.console import Console
from rich.table import Table

from corpus.shards import Shard, Store
from filters.domains import language_names
from filters.rule import RuleSet
from filters.rules import MARKS, SETS, failures
from pipelines.console import UsageError, end, plain, usage_error
from pipelines.manifest import Found
from pipelines.opened import add_options, opened
from pipelines.report import page

_LANGUAGES, _RULES = 25, 14  # of the table and the plot: those that lose most
_XML = "xml_header"


@dataclass
class Rates:
    """One set's figures: documents and bytes seen and dropped, by rule and language; first and all failing rules."""

    seen: Counter[str] = field(default_factory=Counter)  # documents by language
    seen_bytes: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    dropped_bytes: Counter[str] = field(default_factory=Counter)
    by_rule: Counter[tuple[str, str]] = field(default_factory=Counter)  # (first rule, language): documents
    bytes_by_rule: Counter[tuple[str, str]] = field(default_factory=Counter)
    would: Counter[tuple[str, str]] = field(default_factory=Counter)  # (rule, language): documents it would drop alone

    def add(self, language: str, size: int, failed: list[str]) -> None:
        """One document."""
        self.seen[language] += 1
        self.seen_bytes[language] += size
        self.would.update((rule, language) for rule in failed)
        if failed:
            self.dropped[language] += 1
            self.dropped_bytes[language] += size
            self.by_rule[failed[0], language] += 1
            self.bytes_by_rule[failed[0], language] += size


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 where the recipe, the set or the build does not exist."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.rule_rates", description="Try every rule set on a build."
    )
    add_options(parser)
    parser.add_argument("--set", default="deepseek", help=f"shown by rule and language: {', '.join(SETS)}")
    args = parser.parse_args(argv)
    if args.set not in SETS:
        return usage_error(f"no rule set {args.set!r}; the sets are: {', '.join(SETS)}")
    try:
        build = opened(args)
    except UsageError as error:
        return usage_error(error)
    store, found = build.store, build.found
    if found["measure"].result is None or found["filter"].result is None:
        return usage_error(
            f"no measures of {args.recipe} in {args.root}: run python -m pipelines.build --stage filter first"
        )
    rates = compare(store, found)
    if args.set not in rates:
        return usage_error(
            f"the build lacks measures of {args.set!r}: put their groups into the recipe's MeasureConfig.groups"
        )
    overall = ["set", "documents", "dropped", "share", "bytes", "dropped", "share"], overview(rates)
    detail = by_language(rates[args.set])
    xml = _xml(rates[args.set])
    console = plain()
    _show(console, "What each set drops", *overall)
    _show(console, f"{args.set}: documents dropped, by the first rule", *by_rule(rates[args.set]))
    if xml:
        print(f"the XML header rule, as published, would drop: {'; '.join(xml)}")
    tables = [("What each set drops", *overall), (f"{args.set}: first rule by language", *detail), *_rule_tables(rates)]
    store.write_text("rule_rates.html", page(f"rules on {args.recipe}", tables, plot(args.set, rates[args.set])))
    print(f"report: {args.root}/rule_rates.html")
    return 0


def compare(store: Store, found: dict[str, Found]) -> dict[str, Rates]:
    """Every set over every shard; where the build's measures lack a set's columns the set is not among the answers."""
    rates = {name: Rates() for name in SETS}
    for documents, measures in _annotations(store, found):
        for name in set(rates) - set(answered(measures.schema.names)):
            del rates[name]
        sizes = measures.column("n_bytes").to_pylist()
        names = [name or "none" for name in documents.column("language").to_pylist()]
        for name in rates:
            for row, failed in _failed(SETS[name], documents, measures):
                rates[name].add(names[row], sizes[row] or 0, failed)
    return rates


def answered(measures: Sequence[str]) -> list[str]:
    """Sets for whose rules there are measures."""
    return [name for name, sets in SETS.items() if {r.measure for one in sets for r in one.rules} <= set(measures)]


def _failed(
    sets: tuple[RuleSet, ...], documents: pa.RecordBatch, measures: pa.RecordBatch
) -> Iterator[tuple[int, list[str]]]:
    taken = sum((one.takes(documents).astype(int) for one in sets), start=0)
    found = failures(sets, documents, measures, documents.column("id"))
    for row, failed in enumerate(found):
        if taken[row]:  # type: ignore[index]
            yield row, failed


def _annotations(store: Store, found: dict[str, Found]) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Per shard: id, kind, domain, subdomain and language; and every measure and mark side by side."""
    groups = _outputs(found, "measure")
    documents = [*_outputs(found, "crawl")["documents"], *_outputs(found, "recall").get("documents", [])]
    narrow = (_outputs(found, "classify")["languages"], _outputs(found, "filter")["verdicts"])
    marks = (_outputs(found, "scrub")["spans"], _outputs(found, "decontaminate")["contamination"])
    for aligned in zip(documents, *narrow, *marks, *groups.values(), strict=True):
        document, language, verdict, spans, hits, *measures = aligned
        tables = [store.table(document, ["id", "kind"]), store.table(verdict, ["domain", "subdomain"])]
        languages = store.table(language).combine_chunks()
        names = language_names(languages.to_batches()[0]) if languages.num_rows else pa.array([], pa.string())
        columns = {name: table[name] for table in tables for name in table.column_names} | {"language": names}
        values = [languages, store.table(spans, ["n_spans"]), store.table(hits, ["n_hits"])]
        values = [table.select([name for name in table.column_names if name in MARKS]) for table in values]
        values += [store.table(shard) for shard in measures]
        joined = {name: table[name] for table in values for name in table.column_names}
        yield _batch(columns), _batch(joined)


def _batch(columns: dict[str, pa.ChunkedArray]) -> pa.RecordBatch:
    table = pa.table(columns).combine_chunks()
    empty = pa.RecordBatch.from_pylist([], table.schema)
    return next(iter(table.to_batches()), empty)


def _outputs(found: dict[str, Found], stage: str) -> dict[str, list[Shard]]:
    result = found[stage].result
    return result.outputs if result else {}


def overview(rates: dict[str, Rates]) -> list[list[str]]:
    """One row a set: documents and bytes it takes and drops."""
    rows = []
    for name, one in rates.items():
        seen, dropped = one.seen.total(), one.dropped.total()
        size, lost = one.seen_bytes.total(), one.dropped_bytes.total()
        shares = (f"{dropped / max(seen, 1):.1%}", f"{lost / max(size, 1):.1%}")
        rows.append([name, f"{seen:,}", f"{dropped:,}", shares[0], f"{size:,}", f"{lost:,}", shares[1]])
    return rows


def by_language(one: Rates) -> tuple[list[str], list[list[str]]]:
    """Documents and bytes that each rule was the first to drop, for the languages that lose most."""
    rules = _rules(one)
    rows = []
    for language, dropped in sorted(one.dropped.items(), key=lambda item: (-item[1], item[0]))[:_LANGUAGES]:
        cells = [
            f"{one.by_rule[rule, language]:,} ({one.bytes_by_rule[rule, language] / 1e3:,.0f} kB)"
            if one.by_rule[rule, language]
            else ""
            for rule in rules
        ]
        rows.append([language, f"{one.seen[language]:,}", f"{dropped / one.seen[language]:.0%}", *cells])
    return ["language", "documents", "dropped", *rules], rows


def by_rule(one: Rates) -> tuple[list[str], list[list[str]]]:
    """For a terminal: documents and bytes that each rule was the first to drop, and the languages that lose most."""
    rows = []
    for rule in _rules(one):
        languages = _losing(one, rule)
        documents = sum(one.by_rule[rule, name] for name in languages)
        size = sum(one.bytes_by_rule[rule, name] for name in languages)
        most = ", ".join(f"{name} {one.by_rule[rule, name]:,}" for name in languages[:5])
        rest = f", {len(languages) - 5} more" if len(languages) > 5 else ""
        rows.append([rule, f"{documents:,}", f"{size / 1e3:,.0f} kB", most + rest])
    return ["rule", "documents", "bytes", "languages"], rows


def _rule_tables(rates: dict[str, Rates]) -> list[tuple[str, list[str], list[list[str]]]]:
    """For the page: each set's rules, with the documents that each drops first and that it would drop alone."""
    tables = []
    for name, one in rates.items():
        first, alone = _over_languages(one.by_rule), _over_languages(one.would)
        rows = [[rule, f"{first[rule]:,}", f"{count:,}"] for rule, count in alone.most_common()]
        tables.append((f"{name}: rules", ["rule", "first to drop", "would drop"], rows))
    return tables


def _rules(one: Rates) -> list[str]:
    totals = _over_languages(one.by_rule)
    return [rule for rule, _ in sorted(totals.items(), key=lambda item: (-item[1], item[0]))[:_RULES]]


def _over_languages(counts: Counter[tuple[str, str]]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for (rule, _), count in counts.items():
        totals[rule] += count
    return totals


def _xml(one: Rates) -> list[str]:
    """By language what the header rule would drop: the paper lists XML among its languages and refuses its header."""
    counts = {language: count for (rule, language), count in one.would.items() if rule == _XML}
    return [
        f"{count:,} of {one.seen[language]:,} {language} (first reason of {one.by_rule[_XML, language]:,})"
        for language, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _losing(one: Rates, rule: str) -> list[str]:
    counts = {language: count for (name, language), count in one.by_rule.items() if name == rule}
    return sorted(counts, key=lambda language: (-counts[language], language))


def plot(name: str, one: Rates) -> str:
    """Share of each language's documents that each rule was the first to drop, as a grid of squares in SVG."""
    rules = _rules(one)
    languages = [x for x, _ in sorted(one.dropped.items(), key=lambda item: (-item[1], item[0]))[:_LANGUAGES]]
    width, height = 220 + 46 * len(rules), 150 + 22 * len(languages)
    parts = []
    for column, rule in enumerate(rules):
        x = 240 + 46 * column
        parts.append(f'<text x="{x}" y="140" transform="rotate(-40 {x} 140)">{html.escape(rule)}</text>')
    for line, language in enumerate(languages):
        y = 150 + 22 * line
        parts.append(f'<text x="210" y="{y + 15}" text-anchor="end">{html.escape(language)}</text>')
        for column, rule in enumerate(rules):
            share = one.by_rule[rule, language] / one.seen[language]
            x = 220 + 46 * column
            title = f"{language}, {rule}: {one.by_rule[rule, language]:,} of {one.seen[language]:,}"
            shown = f'<text x="{x + 21}" y="{y + 15}" text-anchor="middle">{share:.0%}</text>' if share >= 0.005 else ""
            parts.append(
                f'<rect x="{x}" y="{y}" width="44" height="20" fill="#c42" fill-opacity="{share:.3f}" stroke="#ddd">'
                f"<title>{html.escape(title)}</title></rect>{shown}"
            )
    return (
        f"<h2>{html.escape(name)}: share of documents dropped, first rule by language</h2>"
        f'<svg viewBox="0 0 {width + 60} {height}" width="{width + 60}" role="img" '
        f'aria-label="drops by rule and language">'
        f"{''.join(parts)}</svg>"
    )


def _show(console: Console, title: str, heads: list[str], rows: list[list[str]]) -> None:
    table = Table(*heads, title=title, title_justify="left", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    end(main)
