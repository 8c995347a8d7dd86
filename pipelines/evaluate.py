"""`python -m pipelines.evaluate MODEL --tasks humaneval,questions.jsonl`: what a model gets right, with uncertainty.

A model is a folder of save_pretrained (a kept run of an ablation is one), or hub:OWNER/NAME. A set of tasks is
`humaneval`, which is installed, or the file, folder, package file or hub data set that holds HumanEval's, MBPP's or
GSM8K's form or multiple choice. Programs run in the sandbox and nowhere else. With --completions no model is needed:
written answers are read from a file. lm-eval's tasks run through its library, where the extra `eval` is installed.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from corpus.sources.hub import is_hub, model_folder
from filters.benchmarks import HUMAN_EVAL, KNOWN, Benchmark, where_to_get
from pipelines.benchmark_files import Digest, records
from pipelines.console import end, plain, usage_error
from validate import evaluation, harness
from validate.answers import Question
from validate.evaluation import Ask, Result, TaskSet
from validate.generation import GenerationConfig, answers
from validate.probes.data import Vocabulary
from validate.probes.model import opened
from validate.sandbox import Limits, SandboxError
from validate.scores import completion_prompt, continuation_bits

_NAMED: Final = {"humaneval": HUMAN_EVAL}  # what an installed package holds
_USUAL: Final = (1, 10, 100)

Model = tuple[Any, Vocabulary]


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0: done. 1: programs cannot be run here. 2: wrong usage, or a model or set that cannot be read."""
    args = _parser().parse_args(argv)
    started = time.monotonic()
    try:
        drawn = _generation(args)
        _check(args)
        sets = [_task_set(name, args) for name in _names(args.tasks)]
        ks = _ks(args, drawn)
        model = None if args.completions else _opened(args, sets)
        results = [_score(one, args, ks, drawn, model) for one in sets]
        if args.lm_eval:
            asked = model or _opened(args, [])
            results += harness.run(asked, _names(args.lm_eval), args.include, args.limit, args.shots, drawn.seed)
    except SandboxError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        return usage_error(error)
    told = _summary(args, drawn, results, time.monotonic() - started)
    if args.write:
        lines = [json.dumps({"set": one.name, **line}) for one in results for line in one.completions]
        Path(args.write).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if args.out:
        Path(args.out).write_text(json.dumps(told, indent=1), encoding="utf-8")
    if args.json:
        short = [{key: value for key, value in one.items() if key != "outcomes"} for one in told["results"]]
        print(json.dumps({**told, "results": short}, indent=1))
    else:
        _print(results)
    return 0


def _names(listed: str | None) -> list[str]:
    return [name for name in (listed or "").split(",") if name]


def _check(args: argparse.Namespace) -> None:
    """What can be told before a model or a set is read."""
    if not args.tasks and not args.lm_eval:
        raise ValueError("nothing to do: name sets with --tasks (humaneval, or files), or lm-eval's with --lm-eval")
    if args.completions and args.model:
        raise ValueError("give a model, or --completions written before, not both")
    if args.completions and args.lm_eval:
        raise ValueError("lm-eval asks a model itself: name one instead of --completions")
    if not args.completions and not args.model:
        raise ValueError("which model? give a folder of save_pretrained, hub:OWNER/NAME, or --completions FILE")
    if args.limit is not None and args.limit < 1:
        raise ValueError(f"--limit {args.limit} leaves nothing: give 1 or more items")
    if args.lm_eval:
        harness.check()


def _generation(args: argparse.Namespace) -> GenerationConfig:
    return GenerationConfig(
        samples=args.samples, temperature=args.temperature, top_p=args.top_p, tokens=args.tokens, seed=args.seed
    )


def _ks(args: argparse.Namespace, drawn: GenerationConfig) -> tuple[int, ...]:
    """The k of pass@k: as asked, or the usual ones that so many samples allow."""
    if args.k is None:
        return (1,) if args.completions else tuple(k for k in _USUAL if k <= drawn.samples)
    try:
        asked = tuple(int(k) for k in _names(args.k))
    except ValueError as error:
        raise ValueError(f"--k {args.k}: numbers, such as 1,10") from error
    if not asked or min(asked) < 1:
        raise ValueError(f"--k {args.k}: numbers from 1 on, such as 1,10")
    if not args.completions and max(asked) > drawn.samples:
        raise ValueError(f"--k {max(asked)} of --samples {drawn.samples}: write at least as many answers as k")
    return asked


def _task_set(name: str, args: argparse.Namespace) -> TaskSet:
    tasks = _read(name)
    others = _read(args.examples) if args.examples else None
    shown = evaluation.with_examples(tasks, args.shots if tasks.form != "choices" else 0, others)
    return replace(shown, items=shown.items[: args.limit]) if args.limit else shown


def _read(name: str) -> TaskSet:
    known = {one.lower(): one for one in KNOWN}
    if name.lower() in known and name.lower() not in _NAMED and not os.path.exists(name):
        told = where_to_get(known[name.lower()])
        raise ValueError(f"{name} is not installed here: get it from {told}, and give its path in --tasks")
    is_folder = is_hub(name) or os.path.isdir(name)
    if name.lower() in _NAMED:
        found = _NAMED[name.lower()]
    else:  # of a folder only the test split: what is trained on is no test
        found = Benchmark(name=name, path=name, fields=("*",), files="*test*" if is_folder else "*")
    title = name if name.lower() in _NAMED or is_hub(name) else Path(name).name.split(".")[0]
    return evaluation.read_set(title, records(found, Digest()))


def _opened(args: argparse.Namespace, sets: Sequence[TaskSet]) -> Model:
    if any(one.form == "programs" for one in sets):
        evaluation.check_sandbox()  # before an hour of answers is written
    return opened(model_folder(args.model))


def _score(
    tasks: TaskSet, args: argparse.Namespace, ks: Sequence[int], drawn: GenerationConfig, model: Model | None
) -> Result:
    if model is None:
        if tasks.form == "choices":
            raise ValueError(f"{tasks.name} is multiple choice, judged by a model's likelihood: name a model")
        with open(args.completions, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file if line.strip()]
        ask = evaluation.from_file([row for row in rows if row.get("set", tasks.name) == tasks.name], args.completions)
    else:
        ask = _asking(model, drawn, f"{tasks.name}: {len(tasks.items)} items")
    if tasks.form == "programs":
        limits = Limits(seconds=args.seconds)
        return evaluation.run_programs(tasks, ask, ks, limits, args.processes)
    if tasks.form == "numbers":
        return evaluation.match_numbers(tasks, ask, ks)
    assert model is not None
    net, words = model

    def weigh(question: Question) -> Sequence[float]:
        prompt = completion_prompt(words, question.prompt())
        return continuation_bits(net, words, [(prompt, f" {choice}") for choice in question.choices])

    return evaluation.weigh_choices(tasks, weigh)


def _asking(model: Model, drawn: GenerationConfig, title: str) -> Ask:
    """Asks the model, and says on standard error how far it is."""
    asked = 0
    started = time.monotonic()

    def ask(name: str, prompt: str, stops: Sequence[str]) -> Sequence[str]:
        nonlocal asked
        made = answers(*model, prompt, name, stops, drawn)
        asked += 1
        if sys.stderr.isatty():
            print(f"\r{title}, {asked} answered, {time.monotonic() - started:.0f} s ", end="", file=sys.stderr)
        return made

    return ask


def _summary(
    args: argparse.Namespace, drawn: GenerationConfig, results: Sequence[Result], seconds: float
) -> dict[str, Any]:
    return {
        "model": args.model,
        "completions": args.completions,
        "generation": None if args.completions else asdict(drawn),
        "shots": args.shots,
        "seconds": round(seconds, 1),
        "results": [
            {
                "set": one.name,
                "form": one.form,
                "items": one.items,
                "answers_per_item": one.samples,
                "figures": {
                    name: {"value": value, "standard_error": error} for name, (value, error) in one.figures.items()
                },
                "outcomes": one.outcomes,
            }
            for one in results
        ],
    }


def _print(results: Sequence[Result]) -> None:
    table = Table("set", "items", "answers each", "metric", "value", "± standard error over items")
    for one in results:
        for name, (value, error) in one.figures.items():
            shown = "" if error != error else f"{100 * error:.1f}"  # lm-eval gives none for some metrics
            table.add_row(one.name, str(one.items), str(one.samples), name, f"{100 * value:.1f} %", shown)
    plain().print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.evaluate", description="Ask a model tasks whose answers can be checked."
    )
    parser.add_argument("model", nargs="?", help="folder of save_pretrained, or hub:OWNER/NAME[@REVISION]")
    parser.add_argument("--tasks", metavar="A,B", help="humaneval, files (JSONL, Parquet, .gz), or hub:OWNER/NAME")
    parser.add_argument("--samples", type=int, default=1, metavar="N", help="answers per item (default: 1)")
    parser.add_argument("--k", metavar="K,K", help="the k of pass@k (default: 1, 10, 100, as --samples allow)")
    parser.add_argument("--temperature", type=float, default=0.0, metavar="T", help="0 is greedy (default)")
    parser.add_argument("--top-p", type=float, default=0.95, metavar="P", help="with a temperature (default: 0.95)")
    parser.add_argument("--tokens", type=int, default=512, metavar="N", help="of an answer, at most (default: 512)")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--shots", type=int, default=0, metavar="N", help="worked examples before each item")
    parser.add_argument("--examples", metavar="FILE", help="where they come from (default: the set's first items)")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N items of each set")
    parser.add_argument("--completions", metavar="FILE", help="answers written before: task_id, completion per line")
    parser.add_argument("--write", metavar="FILE", help="keep the answers, in the form that --completions reads")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="S", help="limit of one program (default: 10)")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="sandboxes at once")
    parser.add_argument("--lm-eval", metavar="A,B", help="tasks of lm-eval (extra `eval`)")
    parser.add_argument("--include", metavar="DIR", help="folder with lm-eval tasks of your own (YAML)")
    parser.add_argument("--out", metavar="FILE", help="everything as JSON, each item's outcome too")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


if __name__ == "__main__":
    end(main)
