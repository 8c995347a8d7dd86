"""`python -m pipelines.ablate`: is a variant of a corpus better than the base, for what, how sure, at what cost?

Builds the base and its variants in one store, sharing every shard that does not differ, trains short probes of each,
scores all of them on the base's held-out set, and writes one page. The same command goes on where it was stopped.
"""

import argparse
import contextlib
import json
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from rich.table import Table

from corpus.shards import Store
from pipelines.ablation import Build, Run, as_variant, check_rows, check_variant, frozen_set, train_all
from pipelines.ablation_report import Ablation, page, summary
from pipelines.build import plan, record_build, run_stage
from pipelines.cluster import ClusterError, connect
from pipelines.console import UsageError, add_cluster_options, console, end, usage_error
from pipelines.identity import canonical, digest
from pipelines.live import following
from pipelines.manifest import look_up, survey
from pipelines.place import store_at
from pipelines.probe import LOGS, check_start
from pipelines.progress import RunProgress
from pipelines.recipes import Loaded, Recipe, RecipeError, load
from pipelines.stage import StageError, Work
from pipelines.variants import VARIANTS
from validate.measures import pool
from validate.probes.config import ProbeConfig
from validate.probes.memory import DEEPSEEK_WORDS, check_machine, table
from validate.probes.shapes import SHAPES, parameters
from validate.verdict import Comparison, judge

_LAST = "pack"  # of a build: exports and the build's own probe compare nothing
_GROUP = 3  # runs a side in --pool
_CARDS = (80, 141)  # GB, of an H100 and an H200
_LITE_TOKENS = 4096  # one row of the published length


class AblateError(Exception):
    """A stage or the engine failed; what and where has been told."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0: done. 1: a stage or a run failed. 2: wrong usage."""
    args = _parser().parse_args(argv)
    names = [name for name in (args.variants or "").split(",") if name]
    try:
        loaded = judged(load(args.recipe, args.sample), args.judged)
        variants = [(name, variant(name, args, loaded)) for name in names]
        for name, recipe in variants:
            check_variant(name, recipe, loaded.recipe)
        problem = _wrong_usage(args, names)
        if problem:
            raise RecipeError(problem)
        if not (args.list or args.plans):
            check_machine(loaded.recipe.ablation.probe)
            check_start(loaded.recipe.ablation.probe)
        store = store_at(args.root)
    except (UsageError, ValueError, FileNotFoundError) as error:
        return usage_error(error)
    if args.plans:
        _print_plans(loaded.recipe.ablation.probe)
        return 0
    if args.list:
        _print_list(store, args.json)
        return 0
    try:
        return _ablate(args, store, loaded, variants)
    except AblateError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130


def judged(loaded: Loaded, names: str | None) -> Loaded:
    """The recipe with the measures of `--judged`; another choice builds and trains nothing again."""
    if names is None:
        return loaded
    chosen = tuple(name for name in names.split(",") if name)
    recipe = loaded.recipe
    return replace(loaded, recipe=replace(recipe, ablation=replace(recipe.ablation, judged=chosen)))


def variant(name: str, args: argparse.Namespace, base: Loaded) -> Recipe:
    """The recipe of that name in the base's own file, or what a known variant makes of the base."""
    if name in VARIANTS:
        return VARIANTS[name](base.recipe)
    if base.user_file is None:
        raise RecipeError(
            f"no variant {name!r}; the variants are: {', '.join(VARIANTS)}; your own stand in FILE.py, "
            f"beside the base's"
        )
    return load(f"{args.recipe.partition(':')[0]}:{name}", args.sample).recipe


def _wrong_usage(args: argparse.Namespace, names: list[str]) -> str | None:
    if args.list or args.plans:
        return None
    if len(set(names)) < len(names):
        return f"--variants names one twice: {', '.join(names)}"
    if args.pool:
        return (
            None if args.seeds >= 2 * _GROUP else f"--pool splits runs 3 against 3: give --seeds {2 * _GROUP} or more"
        )
    if not names:
        return f"--variants is missing: name one or more of {', '.join(VARIANTS)}, or functions of your recipe file"
    if args.seeds < 2:
        return f"--seeds {args.seeds} says nothing of chance: give 2 or more; 3 is the least that shows much"
    return None


def _ablate(args: argparse.Namespace, store: Store, loaded: Loaded, variants: list[tuple[str, Recipe]]) -> int:
    started = time.monotonic()
    progress = RunProgress(store, f"logs/ablate-{time.strftime('%Y%m%dT%H%M%S')}.jsonl")
    seeds = list(range(args.first_seed, args.first_seed + args.seeds))
    with contextlib.ExitStack() as stack:
        try:
            cluster = stack.enter_context(connect(args.scheduler, args.workers, loaded.user_file))
        except ClusterError as error:
            raise AblateError(str(error)) from error
        print(f"Dask dashboard: {cluster.dashboard}", file=sys.stderr)
        base = _lasting(build(Work(store, cluster, "", progress), loaded.name, loaded.recipe, args.accept_code))
        frozen = frozen_set(base)
        print(f"scoring set {frozen.hash[:12]}", file=sys.stderr)
        builds = []
        for name, recipe in variants:
            work = Work(store, cluster, "", progress)
            recipe = as_variant(recipe, base.recipe, frozen)
            builds.append(_lasting(build(work, f"{loaded.name}+{name}", recipe, args.accept_code)))
            assert frozen_set(builds[-1]).hash == frozen.hash, f"{name} is scored on another set than the base"
        work = Work(store, cluster, "ablate", progress)
        key = digest([args.recipe, [name for name, _ in variants], seeds, args.pool])[:12]
        folder = f"ablations/{loaded.name}-{key}"
        progress.manifest = f"{folder}/runs"
        try:
            stack.enter_context(following(store.url(LOGS)))
            runs = train_all(work, loaded.recipe.ablation, base, builds, seeds)
        except (StageError, ValueError) as error:
            raise AblateError(str(error)) from error
    check_judged(loaded.recipe.ablation.judged, runs[0])
    store.write_text(f"manifests/ablate/{key}.json", json.dumps({"files": sorted(set(work.files))}))
    store.write_text(f"builds/ablation-{key}.json", json.dumps({"ablate": f"manifests/ablate/{key}.json"}))
    command = _command(args)
    if args.pool:
        return _tell_pool(store, folder, command, base, runs, frozen.hash)
    ablation = compare(base, builds, runs, command, frozen.hash, time.monotonic() - started)
    ablation = replace(ablation, pools=_pools(store, base, frozen.hash))
    store.write_text(f"{folder}/report.json", json.dumps(summary(ablation), indent=1))
    store.write_text(f"{folder}/report.html", page(ablation))
    _print_calls(ablation)
    print(f"report: {args.root}/{folder}/report.html")
    return 0


def build(work: Work, name: str, recipe: Recipe, accept_code: bool) -> Build:
    """Every stage up to the packed rows; those that exist are left as they are."""
    store = work.store
    stages = plan(recipe)
    stages = stages[: [stage.name for stage in stages].index(_LAST) + 1]
    found = survey(store, stages, accept_code)
    print(f"build {name}", file=sys.stderr)
    for stage in stages:
        here = look_up(store, stage, found, accept_code)
        if here.result is None:
            progress = work.progress
            assert isinstance(progress, RunProgress)
            done = run_stage(replace(work, stage=stage.name, files=[]), progress, here, found)
            if done is None:
                raise AblateError(f"build {name} stopped at {stage.name}; the same command goes on from there")
            here = done
        found[stage.name] = here
    record_build(store, name, found)
    return Build(name, recipe, found)


def _lasting(build: Build) -> Build:
    """The build, if its rows can last for the steps of a run."""
    try:
        check_rows(build, build.recipe.ablation.probe)
    except ValueError as error:
        raise AblateError(str(error)) from error
    return build


def check_judged(names: Sequence[str], run: Run) -> None:
    """Raises AblateError where a call is asked for on a measure that no run gives."""
    missing = [measure for measure in names if measure not in run.scores]
    if missing:
        told = f"judged names {', '.join(missing)}, which nothing scored; the measures are: {', '.join(run.scores)}"
        raise AblateError(f"{told}. The runs are kept: other measures train nothing again")


def compare(base: Build, builds: list[Build], runs: list[Run], command: str, scoring: str, seconds: float) -> Ablation:
    """Calls on every judged measure of every variant; the other measures are shown without one."""
    cfg = base.recipe.ablation
    by_build: dict[str, list[Run]] = {}
    for run in runs:
        by_build.setdefault(run.build, []).append(run)
    comparisons = [
        Comparison(one.name, measure, *(tuple(r.scores[measure] for r in by_build[b.name]) for b in (base, one)))
        for one in builds
        for measure in cfg.judged
    ]
    return Ablation(
        base=base,
        variants=builds,
        runs=by_build,
        calls=judge(comparisons, cfg.verdict),
        command=command,
        scoring=scoring,
        seconds=seconds,
    )


def _pools(store: Store, base: Build, scoring: str) -> list[dict[str, Any]]:
    """What pools of this root say of this very probe: of the same settings, on the same held-out set."""
    found = []
    for name in sorted(store.list("ablations")):
        text = store.read_text(f"{name}/pool.json")
        made = json.loads(text) if text else {}
        if made.get("probe") == [scoring, digest(canonical(base.recipe.ablation.probe))]:
            found += made["measures"]
    return found


def _tell_pool(store: Store, folder: str, command: str, base: Build, runs: list[Run], scoring: str) -> int:
    """Identical builds, called different how often: the false-call rate of the real probe."""
    cfg = base.recipe.ablation
    table = Table("measure", "runs", "mean", "sd between runs", "splits", "called different", "rate", "95 % interval")
    rows = []
    for measure in cfg.judged:
        scores = [run.scores[measure] for run in runs]
        found = pool(measure, scores, _GROUP, cfg.verdict)
        rows.append({**asdict(found), "scores": scores})
        shown = [f"{sum(scores) / len(scores):.4f}", f"{found.sd:.4f}"]
        shown += [f"{found.splits:,}", f"{found.calls:,} of {found.comparisons:,}"]
        table.add_row(measure, str(found.runs), *shown, f"{found.rate:.1%}", f"{found.low:.1%} to {found.high:.1%}")
    cpu = sum(run.cpu_seconds for run in runs)
    console().print(table)
    print(f"{len(runs)} runs, {cpu:.0f} s of processor time")
    probe = [scoring, digest(canonical(cfg.probe))]
    made = {"command": command, "probe": probe, "cpu_seconds": cpu, "measures": rows}
    store.write_text(f"{folder}/pool.json", json.dumps(made, indent=1))
    print(f"pool: {store.root}/{folder}/pool.json")
    return 0


def _print_calls(ablation: Ablation) -> None:
    table = Table("variant", "measure", "call", "difference", "interval", "p corrected", "seeds to decide")
    for call in ablation.calls:
        more = "" if call.answer != "no difference shown" else str(call.seeds_needed or "over 1000")
        table.add_row(
            call.variant.rpartition("+")[2],
            call.measure,
            call.answer,
            f"{call.difference:+.4f}",
            f"{call.low:+.4f} to {call.high:+.4f}",
            f"{call.p_corrected:.3g}",
            more,
        )
    console().print(table)


def _print_list(store: Store, as_json: bool) -> None:
    """Ablations of this root whose report or pool exists."""
    rows = []
    for folder in sorted(store.list("ablations")):
        for name in ("report.json", "pool.json"):
            text = store.read_text(f"{folder}/{name}")
            if text is not None:
                made = json.loads(text)
                calls = {
                    f"{c['variant'].rpartition('+')[2]}, {c['measure']}": c["answer"] for c in made.get("calls", [])
                }
                rows.append(
                    {"folder": folder, "kind": name.partition(".")[0], "command": made["command"], "calls": calls}
                )
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    table = Table("folder", "kind", "command", "calls")
    for row in rows:
        shown = "\n".join(f"{name}: {answer}" for name, answer in row["calls"].items())
        table.add_row(row["folder"], row["kind"], row["command"], shown)
    console().print(table)


def _print_plans(cfg: ProbeConfig) -> None:
    """What each plan needs for this recipe's size and for the Lite, on one card."""
    for size in dict.fromkeys((cfg.size, "lite")):
        tokens = cfg.train.batch * cfg.train.length if size == cfg.size else _LITE_TOKENS
        words = cfg.vocabulary if cfg.vocabulary and size == cfg.size else DEEPSEEK_WORDS
        heads = (
            "plan",
            "weights",
            "gradients",
            "states",
            "activations",
            "GB in all",
            *(f"{c} GB card" for c in _CARDS),
        )
        title = f"{size}: {parameters(SHAPES[size], words):,} parameters, {tokens:,} tokens a step, layers recomputed"
        shown = Table(*heads, title=title)
        for row in table(SHAPES[size], words, tokens, tuple(card * 1e9 for card in _CARDS)):
            shown.add_row(*row)
        console().print(shown)


def _command(args: argparse.Namespace) -> str:
    parts = ["python -m pipelines.ablate", f"--recipe {args.recipe}"]
    parts += [f"--variants {args.variants}"] if args.variants else []
    parts += [f"--seeds {args.seeds}"] + ([f"--first-seed {args.first_seed}"] if args.first_seed else [])
    parts += ["--pool"] if args.pool else []
    parts += [f"--judged {shlex.quote(args.judged)}"] if args.judged else []
    parts += [f"--sample {args.sample}"] if args.sample else []
    return " ".join([*parts, f"--root {args.root}"])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.ablate", description="Compare variants of a corpus by short training runs."
    )
    parser.add_argument("--recipe", default="demo", help="the base: a name, or FILE.py:FUNCTION (default: demo)")
    parser.add_argument(
        "--variants", metavar="A,B", help=f"functions of the recipe's file, or of: {', '.join(VARIANTS)}"
    )
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="runs of each build (default: 3)")
    parser.add_argument("--first-seed", type=int, default=0, metavar="S", help="seeds S to S+N-1 (default: 0)")
    parser.add_argument(
        "--judged", metavar="M,M", help="measures that calls are made on, such as code,natural (the recipe's)"
    )
    parser.add_argument("--root", default="build", help="store of the base and its variants (default: build)")
    parser.add_argument("--sample", type=float, metavar="FRACTION", help="that share of origins, base and variants")
    add_cluster_options(parser)
    parser.add_argument(
        "--pool", action="store_true", help="the base alone: how often 3 of its seeds differ from 3 others"
    )
    parser.add_argument("--plans", action="store_true", help="what the recipe's size and the Lite need of a card")
    parser.add_argument("--list", action="store_true", help="ablations that this root holds")
    parser.add_argument("--json", action="store_true", help="with --list: as JSON")
    parser.add_argument("--accept-code", action="store_true", help="reuse stages made by older code")
    return parser


if __name__ == "__main__":
    end(main)
