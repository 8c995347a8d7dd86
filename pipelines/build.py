"""The main command: `python -m pipelines.build`. `plan` is the whole flow, readable top to bottom.

Runs as `__main__`, so nothing defined here is ever sent to a worker (it would be pickled by value).
"""

import argparse
import contextlib
import json
import sys
import time
import traceback
from collections.abc import Sequence
from typing import NoReturn

from rich.table import Table

from corpus.minhash import MinHashConfig
from corpus.shards import UNANSWERED, Store
from pipelines import (
    assemble,
    classify,
    crawl,
    decontaminate,
    dedup,
    encode,
    export,
    filter,
    frozen,
    measure,
    minhash,
    mix,
    pack,
    pool_dedup,
    probe,
    recall,
    recall_source,
    repeats,
    scrub,
)
from pipelines.card import About
from pipelines.cluster import Cluster, ClusterError, connect
from pipelines.console import UsageError, add_cluster_options, console, end, usage_error
from pipelines.identity import canonical, digest
from pipelines.manifest import OLDER_CODE, Found, commit, look_up, resolve, survey, without_code
from pipelines.place import check_writable, store_at
from pipelines.progress import RunProgress
from pipelines.recipes import Loaded, Recipe, load
from pipelines.stage import Ref, Result, Stage, StageError, Work


def plan(recipe: Recipe) -> list[Stage]:
    """Every stage with its arrows, in the order in which they run; the names are what `--stage` accepts."""
    crawled = Stage(name="crawl", run=crawl.run, config=recipe.crawl)
    pool = crawled["pool"]
    pool_keys = Stage(name="pool_minhash", run=minhash.run, config=recipe.pool_minhash, inputs={"documents": pool})
    pool_kept = Stage(
        name="pool_dedup",
        run=pool_dedup.run,
        config=recipe.pool_dedup,
        inputs={"documents": pool, "signatures": pool_keys["signatures"], "bands": pool_keys["bands"]},
    )
    recalled = Stage(
        name="recall",
        run=recall.run,
        config=recipe.recall,
        inputs={"pool": pool, "pool_survivors": pool_kept["pool_survivors"]},
    )
    documents = crawled["documents"] + recalled["documents"]
    classified = Stage(name="classify", run=classify.run, config=recipe.classify, inputs={"documents": documents})
    languages = classified["languages"]
    both = {"documents": documents, "languages": languages}
    measured = Stage(name="measure", run=measure.run, config=recipe.measure, inputs=both)
    measures = {group.name: measured[group.name] for group in recipe.measure.groups}
    scrubbed = Stage(name="scrub", run=scrub.run, config=recipe.scrub, inputs={"documents": documents})
    checked = Stage(
        name="decontaminate", run=decontaminate.run, config=recipe.decontaminate, inputs={"documents": documents}
    )
    source_scores = Stage(
        name="recall_source",
        run=recall_source.run,
        config=recipe.recall_source,
        inputs={**both, "basic": measured["basic"], "licenses": scrubbed["licenses"]},
    )
    filtered = Stage(
        name="filter",
        run=filter.run,
        config=recipe.filter,
        inputs={
            **both,
            **measures,
            "spans": scrubbed["spans"],
            "licenses": scrubbed["licenses"],
            "contamination": checked["contamination"],
            "source_scores": source_scores["source_scores"],
        },
    )
    verdicts = filtered["verdicts"]
    hashed = Stage(name="minhash", run=minhash.run, config=recipe.minhash, inputs={"documents": documents})
    keys = {"signatures": hashed["signatures"], "bands": hashed["bands"]}
    of_base, frozen_inputs = held_out_of_base(recipe.frozen, recipe.minhash, documents)
    deduped = Stage(
        name="dedup",
        run=dedup.run,
        config=recipe.dedup,
        inputs={
            **both,
            **keys,
            "verdicts": verdicts,
            "licenses": scrubbed["licenses"],
            "basic": measured["basic"],
            **frozen_inputs,
        },
    )
    survivors = deduped["survivors"]
    repeated = Stage(
        name="repeats",
        run=repeats.run,
        config=recipe.repeats,
        inputs={"documents": documents, "verdicts": verdicts, "survivors": survivors},
    )
    edits = repeated["edits"] if recipe.repeats is not None else verdicts
    assembled = Stage(
        name="assemble",
        run=assemble.run,
        config=recipe.assemble,
        inputs={
            **both,
            "survivors": survivors,
            "verdicts": verdicts,
            "imports": measured["imports"],
            "basic": measured["basic"],
        },
    )
    encoded = Stage(
        name="encode", run=encode.run, config=recipe.encode, inputs={"documents": documents, "edits": edits}
    )
    tokens = encoded["tokens"]
    samples = assembled["samples"]
    mixed = Stage(
        name="mix",
        run=mix.run,
        config=recipe.mix,
        inputs={"samples": samples, "tokens": tokens, "documents": documents},
    )
    packed = Stage(
        name="pack",
        run=pack.run,
        config=recipe.pack,
        inputs={
            "samples": samples,
            "mix": mixed["mix"],
            "tokens": tokens,
            "documents": documents,
            "verdicts": verdicts,
            "survivors": survivors,
        },
    )
    rows = packed["rows"]
    optional = [repeated] if recipe.repeats is not None else []
    corpus = [crawled, pool_keys, pool_kept, recalled, classified, measured, scrubbed, checked, source_scores, filtered]
    corpus += [hashed, *of_base, deduped, *optional, assembled, encoded, mixed, packed]
    exported = Stage(
        name="export",
        run=export.run,
        config=export.Exported(export=recipe.export, about=described(recipe, corpus)),
        inputs={
            "rows": rows,
            "checked": checked["checked"],
            "crawled": crawled["documents"],
            "pool": pool,
            "pool_survivors": pool_kept["pool_survivors"],
            "recalled": recalled["documents"],
            "documents": documents,
            "languages": languages,
            "licenses": scrubbed["licenses"],
            "spans": scrubbed["spans"],
            "contamination": checked["contamination"],
            "verdicts": verdicts,
            "survivors": survivors,
            **({"edits": edits} if optional else {}),
            "samples": samples,
            "tokens": tokens,
            "mix": mixed["mix"],
        },
    )
    probed = Stage(
        name="probe", run=probe.run, config=recipe.probe, inputs={"rows": rows, "scoring": deduped["scoring"]}
    )
    return [*corpus, exported, probed]


def described(recipe: Recipe, corpus: Sequence[Stage]) -> About:
    """What an export's card says of the settings; the code of functions of ours is no setting, as in manifests."""
    settings = [[stage.name, without_code(canonical(stage.config), [])] for stage in corpus]
    return About(
        recipe=recipe.name,
        identity=digest(settings),
        pack=recipe.pack,
        dedup=recipe.dedup,
        decontaminate=recipe.decontaminate,
    )


def held_out_of_base(
    set_of_base: frozen.Frozen | None, own: MinHashConfig, documents: tuple[Ref, ...]
) -> tuple[list[Stage], dict[str, tuple[Ref, ...]]]:
    """A variant's stages before `dedup`: the base's set, and signatures to compare with it where its own do not."""
    if set_of_base is None:
        return [], {}
    named = Stage(name="frozen", run=frozen.run, config=set_of_base)
    inputs = {"frozen": named["scoring"], "frozen_signatures": named["scoring_signatures"]}
    if set_of_base.minhash.definition() == own.definition():
        return [named], inputs
    again = Stage(name="held_minhash", run=minhash.run, config=set_of_base.minhash, inputs={"documents": documents})
    return [named, again], {**inputs, "held_signatures": again["signatures"]}


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0: done. 1: a stage failed. 2: wrong usage."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.json and not args.list:
        parser.error("--json says how --list prints: give both")
    if args.list and args.prune:
        parser.error("--list and --prune are two commands: give one")
    try:
        loaded = load(args.recipe, args.sample)
        stages = plan(loaded.recipe)
        chosen = _chosen(args.stage, stages)
        store = store_at(args.root)
    except UsageError as error:
        return usage_error(error)
    found = survey(store, stages, args.accept_code)
    if args.list:
        _print_list(found, args.json)
        return 0
    if args.prune:
        from pipelines.prune import prune

        return prune(store, loaded.name, found)
    missing = _first_missing(stages, chosen, found)
    if missing:
        return usage_error(missing)
    try:
        return _run(args, loaded, store, stages, chosen, found)
    except UsageError as error:
        return usage_error(error)
    except OSError as error:  # between stages, which tell of their own: the record of the build, a manifest looked up
        print(f"error: {store.root}: {error}; the same command goes on from here", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130


def _chosen(asked: str | None, stages: list[Stage]) -> list[str]:
    """The stages that `--stage` names; all of them without it. Raises UsageError."""
    known = [stage.name for stage in stages]
    chosen = known if asked is None else [name.strip() for name in asked.split(",")]
    if unknown := sorted(set(chosen) - set(known)):
        raise UsageError(
            f"no stage {', '.join(name or repr(name) for name in unknown)}; the stages are: {', '.join(known)}"
        )
    return chosen


def _run(
    args: argparse.Namespace,
    loaded: Loaded,
    store: Store,
    stages: list[Stage],
    chosen: list[str],
    found: dict[str, Found],
) -> int:
    progress = RunProgress(store, f"logs/{time.strftime('%Y%m%dT%H%M%S')}-{time.time_ns() % 10**9:09d}.jsonl")
    quarantined = 0
    with contextlib.ExitStack() as stack:
        cluster: Cluster | None = None
        for stage in stages:
            if stage.name not in chosen:
                continue
            here = look_up(store, stage, found, args.accept_code)
            if here.result is not None and not _runs_again(here.result, args.keep_going):
                print(f"{stage.name}: done before{' (' + here.note + ')' if here.note else ''}", file=sys.stderr)
                found[stage.name] = here
                quarantined += here.result.counts.get("quarantined", 0)
                continue
            if cluster is None:
                check_writable(store, progress.log_path)
                try:
                    cluster = stack.enter_context(connect(args.scheduler, args.workers, loaded.user_file))
                except ClusterError as error:
                    print(f"error: {error}", file=sys.stderr)
                    return 1
                print(f"Dask dashboard: {cluster.dashboard}", file=sys.stderr)
            work = Work(store, cluster, stage.name, progress, args.keep_going)
            done = run_stage(work, progress, here, found)
            if done is None:
                return 1
            found[stage.name] = done
            record_build(store, loaded.name, found)  # at once: --prune keeps what an unfinished build has made so far
            assert done.result is not None
            quarantined += done.result.counts.get("quarantined", 0)
    record_build(store, loaded.name, found)
    of = f"--recipe {args.recipe} --root {args.root}" + ("" if args.sample is None else f" --sample {args.sample}")
    print(f"what came of it: python -m pipelines.report {of}", file=sys.stderr)
    if quarantined:
        print(f"{quarantined} rows in quarantine; their shards are named in the manifests' notes", file=sys.stderr)
    return 1 if quarantined else 0


def _runs_again(result: Result, keep_going: bool) -> bool:
    """Whether a stage that is done may get further now: poisoned rows were let go, or a server gave no answer."""
    return bool(result.counts.get("quarantined") and not keep_going) or bool(result.counts.get(UNANSWERED))


def run_stage(work: Work, progress: RunProgress, here: Found, before: dict[str, Found]) -> Found | None:
    """Run one stage and write its manifest; None after a failure, which has been told and noted."""
    stage, store = here.stage, work.store
    inputs = resolve(stage, before)
    assert inputs is not None and here.path is not None
    print(stage.name, file=sys.stderr, flush=True)
    progress.manifest = here.path
    started = time.monotonic()
    try:
        if store.read_text(f"{here.path}.failed") is not None:
            store.delete(f"{here.path}.failed")
        result = stage.run(work, stage.config, **inputs)
        older = sorted(
            {ref.stage for refs in stage.inputs.values() for ref in refs if before[ref.stage].note == OLDER_CODE}
        )
        done = commit(store, here, result, work.files, inputs, older)
        progress.log({"stage": stage.name, "counts": result.counts, "seconds": round(time.monotonic() - started, 3)})
    except Exception as error:
        # Tasks arrive as StageError with their shard named; a stage's own refusals (an infeasible mixture) do not.
        told = str(error) if isinstance(error, StageError) else f"{stage.name} failed: {type(error).__name__}: {error}"
        print(f"error: {told}\n{_note_failure(store, progress, here, told)}", file=sys.stderr)
        return None
    if result.counts.get(UNANSWERED):
        print(
            f"{stage.name}: unanswered {result.counts[UNANSWERED]}: parts of its input that their server gave in no "
            "attempt (counted by reason too); the same command asks for them again",
            file=sys.stderr,
        )
    return done


def _note_failure(store: Store, progress: RunProgress, here: Found, told: str) -> str:
    """Keep the failure being handled, for the log and for `--list`; what to tell of it. A full disk keeps none."""
    try:
        progress.log({"stage": here.stage.name, "failed": told, "traceback": traceback.format_exc()})
        store.write_text(f"{here.path}.failed", told)
    except OSError as error:
        return f"Nothing can be noted below {store.root} ({error}); make room there: the same command goes on from here"
    return f"The whole traceback is in {store.root}/{progress.log_path}; the same command goes on from here"


def record_build(store: Store, name: str, found: dict[str, Found]) -> None:
    """Which manifests this build stands on; `--prune` keeps what any recorded build needs."""
    manifests = {name: here.path for name, here in found.items() if here.result is not None}
    store.write_text(f"builds/{name}.json", json.dumps(manifests, indent=1))


def _first_missing(stages: list[Stage], chosen: list[str], found: dict[str, Found]) -> str | None:
    """What to run first, if a chosen stage stands on one that is neither done nor chosen before it."""
    ready = {stage.name for stage in stages if found[stage.name].result is not None}
    for stage in stages:
        if stage.name not in chosen:
            continue
        needs = _ancestors(stages, stage)
        absent = [name for name in needs if name not in ready]
        if absent:
            return f"{stage.name} needs {absent[0]}: run --stage {absent[0]} first" + (
                f" (then {', '.join(absent[1:])})" if absent[1:] else ""
            )
        ready.add(stage.name)
    return None


def _ancestors(stages: list[Stage], stage: Stage) -> list[str]:
    by_name = {s.name: s for s in stages}
    needed = {ref.stage for refs in stage.inputs.values() for ref in refs}
    for name in tuple(needed):
        needed.update(_ancestors(stages, by_name[name]))
    return [s.name for s in stages if s.name in needed]


def _print_list(found: dict[str, Found], as_json: bool) -> None:
    counts = {name: here.result.counts if here.result else {} for name, here in found.items()}
    if as_json:
        rows = [{"stage": n, "state": h.state, "folder": h.folder, "counts": counts[n]} for n, h in found.items()]
        print(json.dumps(rows, indent=1))
        return
    table = Table("stage", "state", "counts", "folder")
    for name, here in found.items():
        shown = ", ".join(f"{key} {value:,}" for key, value in counts[name].items() if "." not in key)
        table.add_row(name, here.state + (f" ({here.note})" if here.note else ""), shown, here.folder)
    console().print(table)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n{self.format_usage()}")


def fraction(text: str) -> float:
    """A share as an option gives it."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not a share of origins: give a number above 0 and up to 1")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m pipelines.build", description="Build a corpus, or some of its stages.")
    parser.add_argument("--recipe", default="demo", help="a recipe's name, or FILE.py:FUNCTION (default: demo)")
    parser.add_argument("--stage", help="one stage or several, comma-separated (default: all)")
    parser.add_argument(
        "--root", default="build", help="where everything goes: a folder or any fsspec URL (default: build)"
    )
    add_cluster_options(parser)
    parser.add_argument(
        "--sample", type=fraction, metavar="FRACTION", help="that share of origins, as a build of its own"
    )
    parser.add_argument("--list", action="store_true", help="print each stage's state and counts")
    parser.add_argument("--json", action="store_true", help="with --list: as JSON")
    parser.add_argument("--accept-code", action="store_true", help="reuse stages made by older code")
    parser.add_argument("--keep-going", action="store_true", help="put poisoned row groups in quarantine")
    parser.add_argument("--prune", action="store_true", help="list what no build of this root needs, and ask")
    return parser


if __name__ == "__main__":
    end(main)
