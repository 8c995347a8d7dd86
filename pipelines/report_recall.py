"""The recall loop in the report: per label its rounds as a table and a plot, then of every round what it proposed and
the pages around its cut.

Comes in: the history that `recall` and `recall_source` write, one JSON artefact each. Goes out: rows of text, and a
part of a page of HTML.
"""

import html
import json
from collections.abc import Iterator, Sequence
from typing import Any

from corpus.shards import Store
from pipelines.manifest import Found

Section = tuple[str, list[str], list[list[str]]]
Told = dict[str, list[dict[str, Any]]]
HEADS = [
    "round", "seed", "tokens", "pages", "new", "of before", "lost", "domains",
    "precision at cut", "recall at cut", "average precision", "calibration error",
]  # fmt: skip
_SHORT = ("round", "seed", "tokens", "pages", "new", "of before", "domains", "precision at cut", "recall at cut")
_SHOWN = 5  # pages on each side of a cut; the proposal lists all of them
_MOST = 40  # proposals of a round; the file has all of them
_EXCERPT = 160
_WIDE_CELL = 40  # characters; such a cell may break anywhere, others only between words


def histories(store: Store, found: dict[str, Found]) -> Told:
    """Stage -> its rounds; stages that ran none are left out."""
    made = {}
    for stage in ("recall", "recall_source"):
        result = found[stage].result if stage in found else None
        shards = result.outputs.get("rounds", []) if result else []
        if shards:
            made[stage] = json.loads(store.read_bytes(shards[0]))
    return made


def sections(told: Told) -> list[Section]:
    """The rounds of every label, in the columns that fit a screen."""
    found: list[Section] = []
    for stage, label, rounds in _each(told):
        _, heads, rows = _rounds(stage, label, rounds)
        short = [heads.index(head) for head in _SHORT]
        found.append((f"{stage}: rounds of {label}", list(_SHORT), [[row[i] for i in short] for row in rows]))
    return found


def page_part(told: Told) -> str:
    """Everything that the history tells, label by label; rounds before the last are folded."""
    parts = []
    for stage, label, rounds in _each(told):
        parts += [table(*_rounds(stage, label, rounds)), _stopped(rounds), plot(rounds, label), _explained()]
        for entry in rounds:
            inside = "".join(table(*section, level=4) for section in around(entry, label) if section[2])
            if inside:
                is_open = " open" if entry is rounds[-1] else ""
                name = html.escape(f"{stage}: {label}, round {entry['round']}")
                parts.append(f"<details{is_open}><summary>{name}</summary>{_file(entry)}{inside}</details>")
    return "".join(parts)


def table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], level: int = 2) -> str:
    """A heading and a table."""
    head = "".join(f"<th>{html.escape(h)}</th>" for h in heads)
    body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    return f"<h{level}>{html.escape(title)}</h{level}><table><tr>{head}</tr>{body}</table>"


def _cell(text: str) -> str:
    wide = ' class="wide"' if len(text) > _WIDE_CELL else ""
    return f"<td{wide}>{html.escape(text)}</td>"


def _each(told: Told) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    for stage, rounds in told.items():
        for label in dict.fromkeys(label for entry in rounds for label in (*entry.get("sites", ()), *entry["labels"])):
            yield stage, label, rounds


# --- tables


def _rounds(stage: str, label: str, rounds: list[dict[str, Any]]) -> Section:
    return f"{stage}: rounds of {label}", HEADS, [_round(entry, label) for entry in rounds]


def _round(entry: dict[str, Any], label: str) -> list[str]:
    row = entry["labels"].get(label)
    if row is None:
        return [str(entry["round"]), "no seed", *[""] * (len(HEADS) - 2)]
    held = row["held_out"]
    site = entry.get("sites", {}).get(label, {})
    counts = ("seed_pages", "tokens", "pages", "new_pages", "pages_of_before", "lost_pages")
    shares = [held.get("precision_at_cut"), held.get("recall_at_cut")]
    shares += [held["average_precision"], held["calibration"]["error"]]
    return [
        str(entry["round"]), *(f"{row[key]:,}" for key in counts), f"{site['collected_domains']:,}" if site else "",
        *("" if share is None else f"{share:.3f}" for share in shares),
    ]  # fmt: skip


def around(entry: dict[str, Any], label: str) -> list[Section]:
    """What one round proposed, what a person made of it, and the pages on both sides of its cut."""
    site = entry.get("sites", {}).get(label, {})
    proposed = [
        [kind, row[kind], f"{row['collected']:,}", f"{row['pages']:,}", f"{row['collected'] / row['pages']:.0%}"]
        for kind in ("domain", "prefix")
        for row in site.get(f"{kind}s" if kind == "domain" else "prefixes", [])
    ]
    decided = [
        ["no" if name != label else "yes", pattern]
        for name, pattern in entry.get("edited") or ()
        if name.lstrip("-") == label
    ]
    pages = entry["labels"].get(label, {}).get("samples", [])
    above, below = ([page for page in pages if page["above"] == side] for side in (True, False))
    samples = [_sample(page) for page in (*above[-_SHOWN:], *below[:_SHOWN])]
    return [
        ("Pages just above and below the cut", ["side", "score", "tokens", "page", "begins"], samples),
        (
            "Related domains, and prefixes proposed for the next seed",
            ["what", "where", "collected", "pages", "share"],
            _first(proposed),
        ),
        ("Decided by a person instead", ["in the seed", "pattern"], _first(decided)),
    ]


def _first(rows: list[list[str]]) -> list[list[str]]:
    more = len(rows) - _MOST
    return [*rows[:_MOST], ["", f"and {more:,} more", *[""] * (len(rows[0]) - 2)]] if more > 0 else rows


def _sample(page: dict[str, Any]) -> list[str]:
    side = "above" if page["above"] else "below"
    return [side, f"{page['score']:.4f}", f"{page['tokens']:,}", page["where"], page["text"][:_EXCERPT]]


def _stopped(rounds: list[dict[str, Any]]) -> str:
    why = rounds[-1].get("stopped")
    return f"<p>Stopped after round {rounds[-1]['round']}: {html.escape(why)}.</p>" if why else ""


def _file(entry: dict[str, Any]) -> str:
    name = entry.get("file")
    return f"<p>To edit, below the build's root: <code>{html.escape(name)}</code></p>" if name else ""


# --- the plot

_HIGH, _WIDE, _BAR = 120, 230, 34
_DARK, _LIGHT, _LINES = "#1a6", "#7cb", ("#1a6", "#c50", "#557")
_UNITS = ((1e3, "k"), (1e6, "M"), (1e9, "B"), (1e12, "T"))


def plot(rounds: list[dict[str, Any]], label: str) -> str:
    """Pages, tokens and domains as bars and the held-out shares as lines, by round."""
    rows = [(entry["round"], entry["labels"][label], entry) for entry in rounds if label in entry["labels"]]
    pages = [(row["pages"], row["new_pages"]) for _, row, _ in rows]
    domains = [entry.get("sites", {}).get(label, {}).get("collected_domains") for _, _, entry in rows]
    panels = [("pages (light: new)", _bars(pages)), ("tokens", _bars([(row["tokens"], 0) for _, row, _ in rows]))]
    if None not in domains:
        panels.append(("domains", _bars([(n, 0) for n in domains])))
    panels.append(("held-out examples", _curves([row["held_out"] for _, row, _ in rows])))
    shapes = []
    for place, (title, inside) in enumerate(panels):
        ticks = "".join(f'<text x="{_x(i)}" y="{_HIGH + 50}">{number}</text>' for i, (number, *_) in enumerate(rows))
        shapes.append(
            f'<g transform="translate({place * _WIDE} 0)"><text x="10" y="12">{title}</text>{inside}{ticks}</g>'
        )
    name = html.escape(f"{label} by round")
    width = len(panels) * _WIDE
    return (
        f'<div class="plot"><svg viewBox="0 0 {width} {_HIGH + 60}" width="{width}" role="img" aria-label="{name}">'
        f"{''.join(shapes)}</svg></div>"
    )


def _explained() -> str:
    colours = zip(_LINES, ("precision at cut", "recall at cut", "average precision"), strict=True)
    names = ", ".join(f'<span style="color:{colour}">{name}</span>' for colour, name in colours)
    return (
        f"<p>Lines: {names}, of examples held out of training. They are of the seed's own sites, and a random page of "
        f"the pool counts as negative: how well the round does elsewhere is seen on the pages around its cut.</p>"
    )


def _x(place: int) -> int:
    return 14 + place * (_BAR + 14)


def _bars(values: list[tuple[int, int]]) -> str:
    """The lower, light part of a bar is the second number."""
    most = max([whole for whole, _ in values] + [1])
    shapes = []
    for place, (whole, light) in enumerate(values):
        high, low, base = whole / most * _HIGH, light / most * _HIGH, _HIGH + 34
        shapes.append(
            f'<rect x="{_x(place)}" y="{base - high:.1f}" width="{_BAR}" height="{high - low:.1f}" fill="{_DARK}"/>'
            f'<rect x="{_x(place)}" y="{base - low:.1f}" width="{_BAR}" height="{low:.1f}" fill="{_LIGHT}"/>'
            f'<text x="{_x(place)}" y="{base - high - 4:.1f}">{short(whole)}</text>'
        )
    return "".join(shapes)


def short(number: int) -> str:
    """Three digits from ten thousand on: more would stand in the next bar."""
    if number < 10_000:
        return f"{number:,}"
    unit, name = next((unit, name) for unit, name in _UNITS if number < 999.5 * unit or name == "T")
    return f"{number / unit:.3g}{name}"


def _curves(held: list[dict[str, Any]]) -> str:
    base = _HIGH + 34
    shapes = [f'<path d="M8 34V{base}H{_WIDE - 30}" fill="none" stroke="#bbb"/>']
    shapes += [f'<text x="{_WIDE - 28}" y="{y}">{end}</text>' for y, end in ((38, "1"), (base, "0"))]
    for colour, key in zip(_LINES, ("precision_at_cut", "recall_at_cut", "average_precision"), strict=True):
        points = [(_x(i), base - row[key] * _HIGH) for i, row in enumerate(held) if row.get(key) is not None]
        line = " ".join(f"{x},{y:.1f}" for x, y in points)
        shapes.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        shapes += [f'<circle cx="{x}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return "".join(shapes)
