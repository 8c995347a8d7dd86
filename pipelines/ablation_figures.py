"""The figures of an ablation's page as SVG: intervals of the differences, and loss curves. Numbers in, markup out."""

import html
from collections.abc import Mapping, Sequence
from typing import Final

from validate.verdict import Call

# Told apart by lightness too; the base is black.
COLOURS: Final = ("#222222", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5195")
_WIDTH: Final = 860
_LEFT: Final = 230
_SMOOTHED: Final = 40  # points of a curve


def intervals(calls: Sequence[Call]) -> str:
    """One line per comparison: the difference, its interval, and zero."""
    if not calls:
        return ""
    low = min(0.0, *(call.low for call in calls))
    high = max(0.0, *(call.high for call in calls))
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return _LEFT + (value - low) / span * (_WIDTH - _LEFT - 30)

    height = 26 * len(calls) + 40
    parts = [f'<line x1="{x(0):.1f}" y1="4" x2="{x(0):.1f}" y2="{height - 30}" stroke="#888" stroke-dasharray="3 3"/>']
    for row, call in enumerate(calls):
        y = 18 + 26 * row
        colour = {"worse": "#a40000", "better": "#006b2d"}.get(call.answer, "#666")
        label = html.escape(f"{call.variant.rpartition('+')[2]}, {call.measure}")
        parts.append(
            f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{label}</text>'
            f'<line x1="{x(call.low):.1f}" y1="{y}" x2="{x(call.high):.1f}" y2="{y}" stroke="{colour}" '
            f'stroke-width="3"/>'
            f'<circle cx="{x(call.difference):.1f}" cy="{y}" r="5" fill="{colour}"/>'
        )
    parts.append(
        f'<text x="{x(low):.1f}" y="{height - 10}">{low:+.3f}</text>'
        f'<text x="{x(high):.1f}" y="{height - 10}" text-anchor="end">{high:+.3f} bits per byte, variant minus base'
        f"</text>"
    )
    return _svg(height, "difference to the base with intervals", parts)


def curves(logs: Mapping[str, Sequence[Sequence[Mapping[str, float]]]]) -> str:
    """Training loss per build: the mean over seeds, smoothed, and each seed as a thin line."""
    drawn = {name: [_smoothed([entry["loss"] for entry in log]) for log in runs] for name, runs in logs.items()}
    every = [value for runs in drawn.values() for run in runs for value in run]
    low, high = min(every), max(every)
    height, left = 320, 50

    def line(values: Sequence[float], colour: str, width: float, opacity: float) -> str:
        step = (_WIDTH - left - 20) / max(1, len(values) - 1)
        points = " ".join(
            f"{left + i * step:.1f},{10 + (high - v) / ((high - low) or 1) * (height - 60):.1f}"
            for i, v in enumerate(values)
        )
        return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}" opacity="{opacity}"/>'

    parts, legend = [], []
    for index, (name, runs) in enumerate(drawn.items()):
        colour = COLOURS[index % len(COLOURS)]
        parts += [line(run, colour, 1, 0.3) for run in runs]
        parts.append(line([sum(at) / len(at) for at in zip(*runs, strict=True)], colour, 2, 1))
        y = 20 + 18 * index
        legend.append(
            f'<line x1="{_WIDTH - 220}" y1="{y - 4}" x2="{_WIDTH - 190}" y2="{y - 4}" stroke="{colour}" '
            f'stroke-width="3"/>'
            f'<text x="{_WIDTH - 184}" y="{y}">{html.escape(name.rpartition("+")[2])}</text>'
        )
    steps = len(next(iter(next(iter(logs.values())))))
    axis = (
        f'<text x="4" y="16">{high:.2f}</text><text x="4" y="{height - 46}">{low:.2f}</text>'
        f'<text x="{left}" y="{height - 20}">step 0</text>'
        f'<text x="{_WIDTH - 20}" y="{height - 20}" text-anchor="end">step {steps}</text>'
    )
    return _svg(height, "training loss in nats per token, by build", [*parts, *legend, axis])


def _smoothed(values: Sequence[float]) -> list[float]:
    """Means of equal stretches: single steps of two windows scatter by half a nat."""
    size = max(1, len(values) // _SMOOTHED)
    return [sum(values[i : i + size]) / len(values[i : i + size]) for i in range(0, len(values), size)]


def _svg(height: int, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" aria-label="{html.escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
