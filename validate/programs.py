"""Tasks that a program answers: HumanEval, MBPP and JSONL of the same form, by pass@k.

Comes in: records of tasks, and answers. Goes out: prompts, whole programs for the sandbox, and the unbiased estimate
over how many passed. Which file the records came from is not known here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# A completion of a function ends where something new begins at the margin, as HumanEval's harness stops.
STOPS: Final = ("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint", "\n@", "\n```")
# A program of its own may hold several functions; it ends where a base model writes tests or the next task.
PROGRAM_STOPS: Final = ("\nassert ", '\n"""', "\nif __name__", "\nprint", "\n```", "\n[DONE]")


@dataclass(frozen=True, slots=True)
class Task:
    """One task: what the model is shown, and the program around its answer."""

    name: str
    prompt: str
    before: str  # of the program, before the answer
    after: str  # tests
    continues: bool  # the answer continues the prompt (HumanEval), or is a program of its own (MBPP)
    solution: str  # the set's own, for prompts with worked examples; empty where it has none

    @property
    def stops(self) -> tuple[str, ...]:
        return STOPS if self.continues else PROGRAM_STOPS

    def program(self, answer: str) -> str:
        return f"{self.before}{trimmed(answer, self.stops)}\n{self.after}\n"

    def asked(self, examples: "Sequence[Task]" = ()) -> str:
        """The prompt after worked examples."""
        return "".join(f"{one.prompt}{one.solution}\n\n" for one in examples) + self.prompt


def trimmed(answer: str, stops: Sequence[str]) -> str:
    """The answer up to the first thing that no longer belongs to it."""
    ends = [at for stop in stops if (at := answer.find(stop)) >= 0]
    return answer[: min(ends)] if ends else answer


def task(row: Mapping[str, Any], where: str) -> Task:
    """One record. Raises ValueError, naming its place and keys, where it is of neither form."""
    if {"task_id", "prompt", "test", "entry_point"} <= row.keys():
        after = f"{row['test']}\ncheck({row['entry_point']})"
        solution = str(row.get("canonical_solution") or "")
        return Task(str(row["task_id"]), row["prompt"], row["prompt"], after, continues=True, solution=solution)
    if {"task_id", "test_list"} <= row.keys() and ("text" in row or "prompt" in row):
        asked = row.get("text") or row["prompt"]
        tests = "\n".join(row["test_list"])
        setup = row.get("test_setup_code") or "\n".join(row.get("test_imports") or [])
        prompt = f'"""\n{asked}\n{tests}\n"""\n'
        solution = str(row.get("code") or "")
        return Task(str(row["task_id"]), prompt, f"{setup}\n", tests, continues=False, solution=solution)
    raise ValueError(
        f"{where} has {sorted(row)}: HumanEval's form has task_id, prompt, test, entry_point; MBPP's has "
        f"task_id, text (or prompt), test_list"
    )


def pass_at_k(n: int, passed: int, k: int) -> float:
    """Unbiased chance that one of k answers passes, from n of which `passed` did (Chen et al. 2021)."""
    if not 0 <= passed <= n or not 1 <= k <= n:
        raise ValueError(f"{passed} of {n} answers passed, k is {k}: k must be from 1 to the number of answers")
    return 1.0 - math.comb(n - passed, k) / math.comb(n, k)


def mean_pass_at_k(passed: Sequence[tuple[int, int]], k: int) -> tuple[float, float]:
    """Mean over tasks of pass@k and its standard error over tasks. `passed`: (answers, of them passed) per task."""
    if not passed:
        raise ValueError("no task was answered")
    values = [pass_at_k(n, right, k) for n, right in passed]
    mean = sum(values) / len(values)
    scatter = sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)
    return mean, math.sqrt(scatter / len(values))
