"""An ablation as one page of HTML and one JSON object. Comes in: builds, runs, calls. Goes out: strings.

The page needs no script and no outside file. Every number on it can be found in the JSON.
"""

import html
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any, Final

from pipelines.ablation import Build, Run, flow_counts, settings_changed, shared_shards
from pipelines.ablation_figures import curves, intervals
from validate.measures import OVERALL
from validate.verdict import Call, document_interval

Rows = list[list[str]]
_LONG: Final = 18  # characters, beyond which a cell may break its line
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:78rem;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;display:block;font-size:14px;overflow-x:auto;margin:.5rem 0}"
    "th,td{padding:.2rem .55rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}"
    "td{font-variant-numeric:tabular-nums;white-space:nowrap}td.long,td.no{white-space:normal}th{vertical-align:bottom}"
    "svg{max-width:100%;height:auto}svg text{font-size:12px;fill:#444}"
    ".worse{color:#a40000}.better{color:#006b2d}.no{color:#555}code{background:#f3f3f3;padding:.1rem .3rem}"
    "p.lead{font-size:1.1rem}.note{color:#555;max-width:60rem}"
)


@dataclass(frozen=True)
class Ablation:
    """All that a report is made from."""

    base: Build
    variants: list[Build]
    runs: dict[str, list[Run]]  # by build
    calls: list[Call]
    command: str
    scoring: str  # hash of the held-out set, the same for every build
    seconds: float
    pools: Sequence[Mapping[str, Any]] = ()  # of equal runs by this probe: one entry per measure


def summary(ablation: Ablation) -> dict[str, Any]:
    """The report as data."""
    return {
        "command": ablation.command,
        "scoring_set": ablation.scoring,
        "kernels": ablation.runs[ablation.base.name][0].kernels,
        "test": asdict(ablation.base.recipe.ablation.verdict),
        "false_calls": list(ablation.pools),
        "calls": [asdict(call) for call in ablation.calls],
        "builds": {
            build.name: {
                "counts": flow_counts(build),
                "settings": settings_changed(ablation.base.recipe, build.recipe),
                "seeds": [run.seed for run in ablation.runs[build.name]],
                "scores": [run.scores for run in ablation.runs[build.name]],
                "infilling": [run.infilling for run in ablation.runs[build.name]],
                "models": [run.model for run in ablation.runs[build.name]],
                "cpu_seconds": [run.cpu_seconds for run in ablation.runs[build.name]],
            }
            for build in (ablation.base, *ablation.variants)
        },
    }


def page(ablation: Ablation) -> str:
    """Ranking, domains, curves, cost, what differed, how to repeat it."""
    base = ablation.base.name
    parts = [
        f"<h1>Ablation of {html.escape(base)}</h1>",
        _lead(ablation),
        "<h2>Ranking</h2>",
        _table(
            [
                "build",
                "call",
                f"bits per byte, {_ranked_by(ablation)}",
                "difference",
                "interval",
                "effect",
                "p corrected",
            ],
            _ranking(ablation),
        ),
        intervals(ablation.calls),
        "<h2>By domain</h2>",
        _table(["variant", "measure", "base", "variant", *_HEADS], _by_domain(ablation)),
        "<h2>Not called, shown only</h2>",
        _table(["measure", *_names(ablation)], _shown_only(ablation)),
        _note(ablation),
        "<h2>False calls of this probe</h2>",
        *_false_calls(ablation),
        "<h2>Loss while training</h2>",
        curves({build: [run.log for run in runs] for build, runs in ablation.runs.items()}),
        "<h2>What differed</h2>",
        _table(["variant", "setting", "base", "variant"], _settings(ablation)),
        _table(["", *_names(ablation)], _flow(ablation)),
        *_published(ablation),
        "<h2>Cost</h2>",
        _table(["build", "runs", "tokens a run", "parameters", "seconds of processor, all runs"], _cost(ablation)),
        f"<p>The command took {ablation.seconds:,.0f} s, builds that had to be made included. "
        f"{_computed_with(ablation)}</p>",
        "<h2>To repeat it</h2>",
        f"<p><code>{html.escape(ablation.command)}</code></p>",
        f"<p class=note>Held-out scoring set {ablation.scoring}, written by the base and the same for every build.</p>",
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Ablation of {html.escape(base)}</title><style>{_STYLE}</style>{''.join(parts)}</html>\n"
    )


_HEADS: Final = [
    "call",
    "difference",
    "interval",
    "p corrected",
    "p permutation",
    "would have shown",
    "seeds to decide",
]


def _lead(ablation: Ablation) -> str:
    cfg = ablation.base.recipe.ablation.verdict
    n, comparisons = len(ablation.runs[ablation.base.name]), len(ablation.calls)
    called = [call for call in ablation.calls if call.answer != "no difference shown"]
    told = [f"<b>{_short(call.variant)}</b> is {call.answer} on {html.escape(call.measure)}" for call in called]
    found = "; ".join(told) if told else "no difference shown on any measure"
    return (
        f'<p class="lead">{found}.</p><p class="note">{n} seeds a build; each seed draws its initialisation and its '
        f"rows, the same for every build where builds share documents, and gives one number per measure. Student's t "
        f"({cfg.test}) on these numbers; {'one comparison' if comparisons == 1 else f'{comparisons} comparisons'} at a "
        f"chance of {cfg.alpha:.0%} of a false call in all: intervals are at "
        f"{1 - cfg.alpha / comparisons:.2%} each. Lower bits per byte are better. “No difference shown” means that "
        f"these seeds could not tell, not that there is none.</p>"
    )


def _ranked_by(ablation: Ablation) -> str:
    """`overall` where it is judged, else the first measure that is."""
    measures = [call.measure for call in ablation.calls]
    return OVERALL if OVERALL in measures else measures[0]


def _ranking(ablation: Ablation) -> Rows:
    measure = _ranked_by(ablation)
    calls = {call.variant: call for call in ablation.calls if call.measure == measure}
    rows = []
    for name in sorted(ablation.runs, key=lambda build: fmean(run.scores[measure] for run in ablation.runs[build])):
        shown = _mean(ablation.runs[name], measure)
        call = calls.get(name)
        if call is None:
            rows.append([_short(name), "base" if name == ablation.base.name else "", shown, "", "", "", ""])
            continue
        numbers = [f"{call.difference:+.4f}", _interval(call), f"{call.effect:+.1f} sd", f"{call.p_corrected:.3g}"]
        rows.append([_short(name), call.answer, shown, *numbers])
    return rows


def _by_domain(ablation: Ablation) -> Rows:
    rows = []
    for call in ablation.calls:
        scores = [_mean(ablation.runs[name], call.measure) for name in (ablation.base.name, call.variant)]
        permutation = "" if call.p_permutation is None else f"{call.p_permutation:.3g}"
        more = "" if call.answer != "no difference shown" else _more(call, ablation)
        numbers = [
            f"{call.difference:+.4f}",
            _interval(call),
            f"{call.p_corrected:.3g}",
            permutation,
            f"± {call.detectable:.4f}",
            more,
        ]
        rows.append([_short(call.variant), call.measure, *scores, call.answer, *numbers])
    return rows


def _more(call: Call, ablation: Ablation) -> str:
    """Seeds a build, and tokens in all their runs, that would decide it if the difference seen is the true one."""
    if call.seeds_needed is None:
        return "over 1,000"
    tokens = call.seeds_needed * ablation.runs[call.variant][0].tokens
    return f"{call.seeds_needed} ({tokens:,} tokens)"


def _shown_only(ablation: Ablation) -> Rows:
    called = {call.measure for call in ablation.calls}
    first = ablation.runs[ablation.base.name][0]
    rows = []
    for measure in first.scores:
        if measure not in called:
            rows.append([measure, *(_mean(runs, measure) for runs in ablation.runs.values())])
    for kind in first.infilling:
        cells = [_spread([run.infilling[kind]["bits_per_byte"] for run in runs]) for runs in ablation.runs.values()]
        rows.append([f"infilling, {kind}", *cells])
        if first.infilling[kind]["generated"]:
            rows.append([f"infilling, {kind}, exact", *(_exact(runs, kind) for runs in ablation.runs.values())])
    return rows


def _exact(runs: Sequence[Run], kind: str) -> str:
    matches, generated = (sum(run.infilling[kind][name] for run in runs) for name in ("matches", "generated"))
    return f"{matches:.0f} of {generated:.0f}"


def _note(ablation: Ablation) -> str:
    """What a bootstrap over documents would have said: how much of it is noise within these runs."""
    import numpy as np

    told = []
    for build in ablation.variants:
        one, two = (
            np.mean([[row["bits"] / row["bytes"] for row in run.documents] for run in ablation.runs[name]], axis=0)
            for name in (ablation.base.name, build.name)
        )
        low, high = document_interval(one, two, 0.05, 2000, 0)
        told.append(f"{_short(build.name)} {low:+.4f} to {high:+.4f}")
    return (
        f'<p class="note">Mean difference over documents, 95 % by a bootstrap over documents: {"; ".join(told)}. '
        f"It describes these runs on these documents and nothing else: used as a test it "
        f"would call identical builds different far more often than one time in twenty, because it does not know that "
        f"another seed gives another number.</p>"
    )


def _settings(ablation: Ablation) -> Rows:
    rows = []
    for build in ablation.variants:
        rows += [[_short(build.name), *line] for line in settings_changed(ablation.base.recipe, build.recipe)]
    return rows


def _flow(ablation: Ablation) -> Rows:
    builds = [ablation.base, *ablation.variants]
    counts = [flow_counts(build) for build in builds]
    rows = [[name, *(f"{one[name]:,}" for one in counts)] for name in counts[0]]
    shared = ["", *("{:,} of {:,}".format(*shared_shards(ablation.base, build)) for build in ablation.variants)]
    return [*rows, ["files shared with the base", *shared]]


def _published(ablation: Ablation) -> list[str]:
    lines = [
        line
        for line in ablation.base.recipe.ablation.published
        if any(_short(call.variant) == line.variant for call in ablation.calls)
    ]
    if not lines:
        return []
    measure = _ranked_by(ablation)
    ours = {_short(call.variant): call for call in ablation.calls if call.measure == measure}
    rows = []
    for line in lines:
        call = ours.get(line.variant)
        shown = "" if call is None else f"{call.difference:+.4f} bits per byte, {_interval(call)}: {call.answer}"
        rows.append([line.variant, line.what, line.figure, f"{line.source}; a single seed, no interval", shown])
    head = ["variant", "published", "figure", "where", f"here, {measure}"]
    return ["<h2>Beside what was published</h2>", _table(head, rows)]


def _cost(ablation: Ablation) -> Rows:
    rows = []
    for name, runs in ablation.runs.items():
        cpu = sum(run.cpu_seconds for run in runs)
        rows.append([_short(name), str(len(runs)), f"{runs[0].tokens:,}", f"{runs[0].parameters:,}", f"{cpu:,.0f}"])
    return rows


def _false_calls(ablation: Ablation) -> list[str]:
    """The real probe's own rate, from a pool of equal runs where this root has one."""
    nominal = ablation.base.recipe.ablation.verdict.alpha
    if not ablation.pools:
        return [
            f'<p class="note">No pool of equal runs in this root: how often this probe calls equal builds different is '
            f"not known. It is meant to be {nominal:.0%}, and is in simulated runs. "
            f"<code>--pool --seeds 12</code> in the place of <code>--variants</code> makes one.</p>"
        ]
    heads = [
        "measure",
        "equal runs",
        "sd between runs",
        "comparisons, 3 against 3",
        "called different",
        "95 % interval",
    ]
    rows = [
        [
            str(one["measure"]),
            str(one["runs"]),
            f"{one['sd']:.4f}",
            f"{one['comparisons']:,}",
            f"{one['rate']:.1%}",
            f"{one['low']:.1%} to {one['high']:.1%}",
        ]
        for one in ablation.pools
    ]
    told = f"Every split of the base's own runs, 3 against 3, in every pairing. It should be {nominal:.0%}."
    return [f'<p class="note">{told}</p>', _table(heads, rows)]


def _computed_with(ablation: Ablation) -> str:
    """The same for all runs of a root."""
    kernels = ablation.runs[ablation.base.name][0].kernels
    return f"Kernels: experts by {kernels['experts']}, attention by {kernels['attention']}."


def _names(ablation: Ablation) -> list[str]:
    return [_short(name) for name in ablation.runs]


def _short(name: str) -> str:
    return name.rpartition("+")[2]


def _interval(call: Call) -> str:
    return f"{call.low:+.4f} to {call.high:+.4f}"


def _mean(runs: Sequence[Run], measure: str) -> str:
    return _spread([run.scores[measure] for run in runs])


def _spread(values: Sequence[float]) -> str:
    return f"{fmean(values):.4f} ± {stdev(values):.4f}" if len(values) > 1 else f"{values[0]:.4f}"


def _table(heads: Sequence[str], rows: Rows) -> str:
    head = "".join(f"<th>{html.escape(h)}</th>" for h in heads)
    body = "".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(text: str) -> str:
    kind = {"better": "better", "worse": "worse", "no difference shown": "no"}.get(text)
    if kind:
        return f'<td class="{kind}"><b>{text}</b></td>'
    return f"<td{' class=long' if len(text) > _LONG else ''}>{html.escape(text)}</td>"
