"""`python -m pipelines.report`: a finished build as one screen of text and one page of HTML, from its manifests.

Reads counters and narrow columns only, never text. Writes `report.html` beside the store's folders.
"""

import argparse
import html
import json
from collections import Counter
from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from rich.table import Table

from corpus.mix_plan import from_description, with_parts
from corpus.shards import Store
from pipelines.card import refusals
from pipelines.console import UsageError, console, end, usage_error
from pipelines.export import folder_of
from pipelines.manifest import Found
from pipelines.opened import add_options, opened, shards_of
from pipelines.report_recall import histories, page_part
from pipelines.report_recall import sections as recall_sections
from pipelines.report_recall import table as html_table

Rows = list[list[str]]
_PARTS = 8  # of a domain that is split by language or length: one screen


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 where the recipe or the build does not exist."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.report", description="Summarise a build.")
    add_options(parser)
    args = parser.parse_args(argv)
    try:
        build = opened(args)
    except UsageError as error:
        return usage_error(error)
    store, found = build.store, build.found
    if found["crawl"].result is None:
        command = f"python -m pipelines.build --recipe {args.recipe} --root {args.root}"
        return usage_error(f"no build of {args.recipe} in {args.root}: run {command}")
    tables, told = sections(store, found), histories(store, found)
    out = console()
    for title, head, rows in (*tables[:4], *recall_sections(told)):  # one screen; the page has the others
        if rows:
            out.print(_table(title, head, rows))
    store.write_text("report.html", page(args.recipe, tables, _curve(store, found) + page_part(told)))
    rows_shards = shards_of(found, "pack", "rows")
    if rows_shards:
        print(f"training rows: {args.root}/{rows_shards[0].path.rsplit('/', 1)[0]} ({len(rows_shards)} Arrow files)")
        for name in build.loaded.recipe.export.formats if found["export"].result else ():
            print(f"{name + ':':14} {args.root}/{folder_of(name, rows_shards)}")
    print(f"report:        {args.root}/report.html")
    return 0


def sections(store: Store, found: dict[str, Found]) -> list[tuple[str, list[str], Rows]]:
    """(title, column heads, rows), the first four short enough for one screen together."""
    return [
        ("Stages", ["stage", "state", "in", "out", "on disk", "tokens", "counters"], stage_rows(found)),
        ("Drops by reason", ["stage", "documents", "reasons"], drop_rows(found)),
        ("Mixture", *mixture(store, found)),
        ("Bits per byte on held-out documents", *probe_scores(store, found)),
        ("Benchmarks checked against", *benchmarks(store, found)),
        ("Languages", ["language", "documents", "kept", "survive"], language_rows(store, found)),
        ("Rules by language: documents dropped", *rule_rows(store, found)),
    ]


def stage_rows(found: dict[str, Found]) -> Rows:
    """Documents in and out, bytes written, tokens, and the other counters of each stage."""
    rows = []
    for name, here in found.items():
        counts = here.result.counts if here.result else {}
        size = sum(s.bytes for shards in (here.result.outputs if here.result else {}).values() for s in shards)
        seen, kept = counts.get("seen", counts.get("rows")), counts.get("kept", counts.get("rows"))
        hidden = ("seen", "kept", "rows", "tokens")
        other = [f"{k} {v:,}" for k, v in counts.items() if k not in hidden and "." not in k]
        row = [name, here.state, _n(seen), _n(kept), f"{size / 1e6:,.1f} MB", _n(counts.get("tokens"))]
        rows.append([*row, ", ".join(other[:5])])
    return rows


def drop_rows(found: dict[str, Found]) -> Rows:
    """Per stage that refuses, every reason with its documents, largest first; each document at one stage."""
    by_stage = {name: here.result.counts for name, here in found.items() if here.result}
    return [
        [name, f"{sum(n for _, n in reasons):,}", ", ".join(f"{reason} {n:,}" for reason, n in reasons)]
        for name, reasons in refusals(by_stage).items()
        if reasons
    ]


def mixture(store: Store, found: dict[str, Found]) -> tuple[list[str], Rows]:
    """The plan as it was made: shares and tokens asked and got, and how often everything is repeated."""
    heads = ["domain", "asked", "got", "tokens asked", "tokens got", "available", "samples", "repeats"]
    plans = shards_of(found, "mix", "plan")
    if not plans:
        return heads, []
    lines = from_description(json.loads(store.read_bytes(plans[0])))
    total = sum(line.got for line in lines)
    rows = []
    for line in with_parts(lines, most=_PARTS):
        shares = [f"{line.share:.2%}", f"{line.got / max(1, total):.2%}"]
        counts = [_n(n) for n in (line.budget, line.got, line.available, line.samples)]
        rows.append([line.name, *shares, *counts, f"{line.got / max(1, line.available):.2f}"])
    return heads, rows


def probe_scores(store: Store, found: dict[str, Found]) -> tuple[list[str], Rows]:
    """Bits per byte by domain, before and after training, and the loss at both ends."""
    results = shards_of(found, "probe", "results")
    heads = ["domain", "documents", "bytes", "before", "after"]
    if not results:
        return heads, []
    made = json.loads(store.read_bytes(results[0]))
    rows = []
    for domain, after in made["after"].items():
        before = made["before"][domain]["bits_per_byte"]
        shown = [f"{before:.3f}", f"{after['bits_per_byte']:.3f}"]
        rows.append([domain, _n(after["documents"]), _n(after["bytes"]), *shown])
    for domain in sorted(_planned(store, found) - set(made["after"])):
        rows.append([domain, "0: raise filter.held_out, or take another split_seed", "", "", ""])
    first, last = made["log"][0]["loss"], made["log"][-1]["loss"]
    rows.append([f"loss over {len(made['log'])} steps", "", "", f"{first:.3f}", f"{last:.3f}"])
    return heads, rows


def _planned(store: Store, found: dict[str, Found]) -> set[str]:
    """Domains that the mixture takes samples of."""
    plans = shards_of(found, "mix", "plan")
    return (
        {line.domain for line in from_description(json.loads(store.read_bytes(plans[0]))) if line.got}
        if plans
        else set()
    )


def benchmarks(store: Store, found: dict[str, Found]) -> tuple[list[str], Rows]:
    """Every set that documents were compared with, by its files' hash, and what it hit; then those that were not."""
    heads = ["benchmark", "content", "strings", "used", "documents hit"]
    records = shards_of(found, "decontaminate", "checked")
    if not records:
        return heads, []
    record = json.loads(store.read_bytes(records[0]))
    result = found["decontaminate"].result
    hits = result.counts if result else {}
    rows = [
        [name, str(one["hash"]), _n(one["strings"]), _n(one["used"]), _n(hits.get(f"documents_hit.{name}", 0))]
        for name, one in sorted(record["checked"].items())
    ]
    return heads, rows + [[name, "not checked", "", "", ""] for name in record["unchecked"]]


def language_rows(store: Store, found: dict[str, Found]) -> Rows:
    """Documents, kept by filter, surviving dedup, per language or text format."""
    counts: dict[str, Counter[str]] = {}
    for names, kept, survives in _by_language(store, found):
        for name, k, s in zip(names, kept, survives, strict=True):
            counts.setdefault(name, Counter()).update({"documents": 1, "kept": int(bool(k)), "survive": int(bool(s))})
    ordered = sorted(counts.items(), key=lambda item: (-item[1]["documents"], item[0]))
    return [[name, *(f"{c[key]:,}" for key in ("documents", "kept", "survive"))] for name, c in ordered]


def _by_language(store: Store, found: dict[str, Found]) -> Iterable[tuple[list[str], list[bool], list[bool]]]:
    outputs = [
        shards_of(found, *ref) for ref in (("classify", "languages"), ("filter", "verdicts"), ("dedup", "survivors"))
    ]
    for languages, verdicts, survivors in zip(*outputs, strict=False):
        yield (
            _names(store.table(languages, ["language", "text_format", "outside"])),
            store.table(verdicts, ["kept"])["kept"].to_pylist(),
            store.table(survivors, ["survives"])["survives"].to_pylist(),
        )


def _names(table: pa.Table) -> list[str]:
    names = pc.coalesce(table["language"], table["text_format"], table["outside"], pa.scalar("none"))
    return [str(name) for name in names.to_pylist()]


def rule_rows(store: Store, found: dict[str, Found]) -> tuple[list[str], Rows]:
    """First failing rule by language, for the languages that lose most."""
    counts: dict[str, Counter[str]] = {}
    rules: Counter[str] = Counter()
    outputs = [shards_of(found, *ref) for ref in (("classify", "languages"), ("filter", "verdicts"))]
    for languages, verdicts in zip(*outputs, strict=False):
        names = _names(store.table(languages, ["language", "text_format", "outside"]))
        for name, reason in zip(names, store.table(verdicts, ["reason"])["reason"].to_pylist(), strict=True):
            if reason is not None:
                counts.setdefault(name, Counter())[reason] += 1
                rules[reason] += 1
    heads = [rule for rule, _ in rules.most_common(12)]
    ordered = sorted(counts.items(), key=lambda item: (-item[1].total(), item[0]))[:30]
    return ["language", *heads], [[name, *(_n(c[rule] or None) for rule in heads)] for name, c in ordered]


def _curve(store: Store, found: dict[str, Found]) -> str:
    """The probe's loss per step as an SVG line."""
    results = shards_of(found, "probe", "results")
    if not results:
        return ""
    losses = [entry["loss"] for entry in json.loads(store.read_bytes(results[0]))["log"]]
    low, high = min(losses), max(losses)
    width, height = 600, 200
    span = max(high - low, 1e-9)
    points = " ".join(
        f"{50 + i * (width - 60) / max(1, len(losses) - 1):.1f},{10 + (high - loss) / span * (height - 40):.1f}"
        for i, loss in enumerate(losses)
    )
    return (
        f'<h2>Loss of the probe</h2><svg viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'aria-label="loss per step">'
        f'<polyline points="{points}" fill="none" stroke="#1a6" stroke-width="2"/>'
        f'<text x="0" y="16">{high:.2f}</text><text x="0" y="{height - 26}">{low:.2f}</text>'
        f'<text x="50" y="{height - 6}">step 0</text>'
        f'<text x="{width - 70}" y="{height - 6}">step {len(losses) - 1}</text></svg>'
    )


def page(recipe: str, tables: list[tuple[str, list[str], Rows]], curve: str) -> str:
    """The report as one page without scripts or outside files; `curve` comes after the first four tables."""
    parts = [html_table(title, heads, rows) if rows else "" for title, heads, rows in tables]
    style = (
        "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222}"
        "table{border-collapse:collapse;display:block;overflow-x:auto}"
        "th,td{padding:.2rem .7rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}"
        "td:not(:first-child){font-variant-numeric:tabular-nums}svg text{font-size:12px}"
        "svg{max-width:100%;height:auto}.plot{overflow-x:auto}.plot svg{max-width:none}"
        "td:not(.wide){white-space:nowrap}summary{font-size:1.17em;font-weight:bold;margin:.8rem 0}"
        ".wide{overflow-wrap:anywhere;min-width:12rem}"
    )
    body = "".join(parts[:4]) + curve + "".join(parts[4:])
    name = html.escape(recipe)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Corpus: {name}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style>'
        f"<h1>Corpus: {name}</h1>{body}</html>\n"
    )


def _table(title: str, heads: list[str], rows: Rows) -> Table:
    table = Table(*heads, title=title, title_justify="left", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    return table


def _n(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    end(main)
