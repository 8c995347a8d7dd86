"""The recall loop in the report: a table and a plot per round, and the pages around the last cuts.

Comes in: the history that `recall` and `recall_source` write, one JSON artefact each. Goes out: rows of text and one
SVG.
"""

import html
import json
from typing import Any

from corpus.shards import Store
from pipelines.manifest import Found

Section = tuple[str, list[str], list[list[str]]]
HEADS = [
    "round", "seed", "pages", "tokens", "domains", "new", "of before", "lost", "precision", "recall",
    "average precision", "calibration error", "related domains", "joining prefixes",
]  # fmt: skip
_WIDTH, _BAR, _HIGH = 640, 46, 150


def histories(store: Store, found: dict[str, Found]) -> dict[str, list[dict[str, Any]]]:
    """Stage -> its rounds; stages that ran none are left out."""
    made = {}
    for stage in ("recall", "recall_source"):
        result = found[stage].result if stage in found else None
        shards = result.outputs.get("rounds", []) if result else []
        if shards:
            made[stage] = json.loads(store.read_bytes(shards[0]))
    return made


_SHOWN = 5  # pages on each side of a cut; the proposal lists all of them


def sections(told: dict[str, list[dict[str, Any]]]) -> list[Section]:
    """The rounds of every label, then the pages on both sides of the last cut."""
    found: list[Section] = []
    for stage, rounds in told.items():
        for label in _labels(rounds):
            found.append((f"{stage}: rounds of {label}", HEADS, [_round(entry, label) for entry in rounds]))
            if rounds[-1].get("stopped"):
                found[-1][2].append(["stopped", rounds[-1]["stopped"], *[""] * (len(HEADS) - 2)])
    for stage, rounds in told.items():
        for label in _labels(rounds):
            pages = rounds[-1]["labels"].get(label, {}).get("samples", [])
            above, below = ([page for page in pages if page["above"] == side] for side in (True, False))
            rows = [_sample(page) for page in (*above[-_SHOWN:], *below[:_SHOWN])]
            heads = ["side", "score", "tokens", "page", "begins"]
            found.append((f"{stage}: around the last cut of {label}", heads, rows))
    return [section for section in found if section[2]]


def _labels(rounds: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(label for entry in rounds for label in entry["labels"]))


def _round(entry: dict[str, Any], label: str) -> list[str]:
    row = entry["labels"].get(label)
    if row is None:
        return [str(entry["round"]), "no seed", *[""] * (len(HEADS) - 2)]
    held = row["held_out"]
    site = entry.get("sites", {}).get(label, {})
    joining = str(len(site.get("prefixes", []))) if site else ""
    if entry.get("edited") is not None:
        joining = f"{sum(name == label for name, _ in entry['edited'])} (edited)"
    numbers = [f"{row[key]:,}" for key in ("seed_pages", "pages", "tokens")]
    changes = [f"{row[key]:,}" for key in ("new_pages", "pages_of_before", "lost_pages")]
    shares = [held["precision"], held["recall"], held["average_precision"], held["calibration"]["error"]]
    return [
        str(entry["round"]), *numbers, f"{site['collected_domains']:,}" if site else "", *changes,
        *("" if share is None else f"{share:.3f}" for share in shares),
        str(len(site.get("domains", []))) if site else "", joining,
    ]  # fmt: skip


def _sample(page: dict[str, Any]) -> list[str]:
    side = "above" if page["above"] else "below"
    return [side, f"{page['score']:.4f}", f"{page['tokens']:,}", page["where"], page["text"][:160]]


def plot(told: dict[str, list[dict[str, Any]]]) -> str:
    """Bars of pages per round and label, what is new of them set apart; the held-out precision above each."""
    parts = []
    for stage, rounds in told.items():
        for label in _labels(rounds):
            rows = [(entry["round"], entry["labels"].get(label)) for entry in rounds]
            parts.append(_bars(f"{stage}: pages of {label} by round", [(n, row) for n, row in rows if row]))
    return "".join(parts)


def _bars(title: str, rows: list[tuple[int, dict[str, Any]]]) -> str:
    most = max([row["pages"] for _, row in rows] + [1])
    shapes = []
    for place, (number, row) in enumerate(rows):
        x, whole = 60 + place * 2 * _BAR, row["pages"] / most * _HIGH
        new = row["new_pages"] / most * _HIGH
        base = 46 + _HIGH
        precision = row["held_out"]["precision"]
        told = f"{row['pages']:,}" + ("" if precision is None else f" · P {precision:.2f}")
        shapes.append(
            f'<rect x="{x}" y="{base - whole:.1f}" width="{_BAR}" height="{whole - new:.1f}" fill="#1a6"/>'
            f'<rect x="{x}" y="{base - new:.1f}" width="{_BAR}" height="{new:.1f}" fill="#7cb"/>'
            f'<text x="{x - 14}" y="{base - whole - 6:.1f}">{told}</text>'
            f'<text x="{x}" y="{base + 16}">round {number}</text>'
        )
    name = html.escape(title)
    return (
        f'<h2>{name}</h2><svg viewBox="0 0 {_WIDTH} {_HIGH + 72}" width="{_WIDTH}" role="img" aria-label="{name}">'
        f'{"".join(shapes)}<text x="60" y="12">light: new; dark: also in the round before; P: held-out precision'
        f"</text></svg>"
    )
