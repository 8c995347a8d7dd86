"""Task sets and answers to figures: pass@k in the sandbox, GSM8K-style matches, multiple choice by likelihood.

Comes in: the records of a set, and a source of answers (a model, or a file of completions). Goes out: one `Result` per
set, with each item's outcome. Impure through the sandbox only; where sets lie and how results look is not known here.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from validate import answers, programs, sandbox
from validate.answers import Question
from validate.programs import Task

Form = Literal["programs", "numbers", "choices"]
Items = Sequence[Task] | Sequence[Question]
# (name of the item, prompt, stops) -> its answers
Ask = Callable[[str, str, Sequence[str]], Sequence[str]]
# a question -> bits of each choice
Weigh = Callable[[Question], Sequence[float]]


@dataclass(frozen=True, slots=True)
class TaskSet:
    """Items of one form, and worked examples that are shown before each."""

    name: str
    form: Form
    items: Items
    examples: Items = ()


@dataclass(slots=True)
class Result:
    """Figures of one set: metric -> (value, standard error over items)."""

    name: str
    form: Form
    items: int
    samples: int  # per item
    figures: dict[str, tuple[float, float]]
    outcomes: list[dict[str, Any]] = field(default_factory=list)  # per item
    completions: list[dict[str, str]] = field(default_factory=list)  # {"task_id", "completion"}, as HumanEval's harness


def read_set(name: str, records: Iterable[tuple[str, Mapping[str, Any]]]) -> TaskSet:
    """(place, record) of a set; its form is that of its first record. Raises ValueError, naming the place."""
    rows = list(records)
    if not rows:
        raise ValueError(f"{name} holds no task")
    first = rows[0][1]
    if "question" not in first:
        return TaskSet(name, "programs", [programs.task(row, f"{name}, {place}") for place, row in rows])
    made = [answers.question(row, f"{name}, {place}") for place, row in rows]
    kinds = {bool(one.choices) for one in made}
    if len(kinds) > 1:
        raise ValueError(f"{name} mixes questions with choices and questions with numbers: make two sets of it")
    return TaskSet(name, "choices" if kinds.pop() else "numbers", made)


def with_examples(tasks: TaskSet, shots: int, others: TaskSet | None) -> TaskSet:
    """Worked examples before each item: from another set, or the set's own first ones, which are then not asked."""
    if not shots:
        return tasks
    source = others or tasks
    if source.form != tasks.form:
        raise ValueError(f"{source.name} holds {source.form}, {tasks.name} {tasks.form}: no examples of it")
    left = tasks.items if others else tasks.items[shots:]
    if len(source.items) < shots or not left:
        raise ValueError(f"{source.name} holds {len(source.items)} items, too few for {shots} worked examples")
    if not all(one.solution for one in source.items[:shots]):
        raise ValueError(f"{source.name} has no solutions to show: name a file of worked examples with --examples")
    return TaskSet(tasks.name, tasks.form, left, source.items[:shots])


def from_file(rows: Iterable[Mapping[str, Any]], path: str) -> Ask:
    """Answers that were written before: {"task_id", "completion"} lines, any number per item."""
    known: dict[str, list[str]] = {}
    for row in rows:
        if "task_id" not in row or not isinstance(row.get("completion"), str):
            raise ValueError(f"{path} has a line with {sorted(row)}: task_id and completion are needed")
        known.setdefault(str(row["task_id"]), []).append(row["completion"])

    def ask(name: str, prompt: str, stops: Sequence[str]) -> Sequence[str]:
        if name not in known:
            raise ValueError(
                f"{path} has no completion of {name}; it has {len(known)} items, such as {next(iter(known), 'none')}"
            )
        return known[name]

    return ask


def check_sandbox() -> None:
    """Raises SandboxError where programs cannot be run apart from this machine."""
    why = sandbox.unavailable()
    if why is not None:
        raise sandbox.SandboxError(f"programs that a model wrote cannot be run here: {why}")


def run_programs(tasks: TaskSet, ask: Ask, ks: Sequence[int], limits: sandbox.Limits, processes: int) -> Result:
    """pass@k over the set. Raises SandboxError where programs cannot be run apart; nothing is run otherwise."""
    check_sandbox()
    examples = [one for one in tasks.examples if isinstance(one, Task)]
    written = [(one, ask(one.name, one.asked(examples), one.stops)) for one in tasks.items if isinstance(one, Task)]
    _check_samples(tasks.name, written, ks)
    runs = [one.program(answer) for one, texts in written for answer in texts]
    with ThreadPoolExecutor(processes) as threads:
        passed = iter(list(threads.map(lambda program: sandbox.passes(program, limits), runs)))
    counted = [(one.name, len(texts), sum(next(passed) for _ in texts)) for one, texts in written]
    figures = {f"pass@{k}": programs.mean_pass_at_k([(n, right) for _, n, right in counted], k) for k in ks}
    outcomes = [{"task_id": name, "answers": n, "passed": right} for name, n, right in counted]
    return Result(tasks.name, tasks.form, len(written), len(written[0][1]), figures, outcomes, _kept(written))


def match_numbers(tasks: TaskSet, ask: Ask, ks: Sequence[int]) -> Result:
    """Share of answers whose last number is the right one; pass@k where several were drawn."""
    examples = [one for one in tasks.examples if isinstance(one, Question)]
    written = [
        (one, ask(one.name, one.prompt(examples), answers.STOPS)) for one in tasks.items if isinstance(one, Question)
    ]
    _check_samples(tasks.name, written, ks)
    counted = [
        (one.name, len(texts), sum(one.matches(programs.trimmed(text, answers.STOPS)) for text in texts))
        for one, texts in written
    ]
    pairs = [(n, right) for _, n, right in counted]
    figures = {"match": programs.mean_pass_at_k(pairs, 1)} | {
        f"match@{k}": programs.mean_pass_at_k(pairs, k) for k in ks if k > 1
    }
    outcomes = [{"task_id": name, "answers": n, "matched": right} for name, n, right in counted]
    return Result(tasks.name, tasks.form, len(written), len(written[0][1]), figures, outcomes, _kept(written))


def weigh_choices(tasks: TaskSet, weigh: Weigh) -> Result:
    """Share of questions whose likeliest choice is the right one: by bits, and by bits per byte of the choice."""
    outcomes: list[dict[str, Any]] = []
    for one in tasks.items:
        assert isinstance(one, Question)
        bits = list(weigh(one))
        sizes = [len(choice.encode()) or 1 for choice in one.choices]
        best = min(range(len(bits)), key=bits.__getitem__)
        per_byte = min(range(len(bits)), key=lambda i: bits[i] / sizes[i])
        outcomes.append({"task_id": one.name, "right": one.right, "likeliest": best, "likeliest_per_byte": per_byte})
    figures = {
        metric: _share([row[key] == row["right"] for row in outcomes])
        for metric, key in (("accuracy", "likeliest"), ("accuracy per byte", "likeliest_per_byte"))
    }
    return Result(tasks.name, tasks.form, len(outcomes), 1, figures, outcomes)


def _check_samples(name: str, written: Sequence[tuple[Any, Sequence[str]]], ks: Sequence[int]) -> None:
    least = min(len(texts) for _, texts in written)
    if max(ks) > least:
        raise ValueError(f"{name}: k = {max(ks)} of {least} answers an item: write at least {max(ks)} (--samples)")


def _kept(written: Sequence[tuple[Any, Sequence[str]]]) -> list[dict[str, str]]:
    return [{"task_id": one.name, "completion": text} for one, texts in written for text in texts]


def _share(right: Sequence[bool]) -> tuple[float, float]:
    mean = sum(right) / len(right)
    return mean, math.sqrt(mean * (1 - mean) / max(1, len(right) - 1))
