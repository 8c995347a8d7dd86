"""Questions with a short answer: multiple choice by likelihood, and GSM8K-style answers by their last number.

Comes in: records of {"question", "choices", "answer"} (index) or {"question", "answer"} (GSM8K's form, the number after
"####"). Goes out: questions, their prompts, and whether an answer matches. Which file they came from is not known here.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

_NUMBER: Final = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?")
_MARK: Final = "####"
STOPS: Final = ("\n\nQuestion:", "\nQuestion:")  # a base model goes on with a question of its own


@dataclass(frozen=True, slots=True)
class Question:
    """With `choices` the answer is one of them, by index; without, a number. `solution` is the answer as written."""

    name: str
    text: str
    choices: tuple[str, ...]
    right: int | None
    number: Decimal | None
    solution: str

    def prompt(self, examples: "Sequence[Question]" = ()) -> str:
        """The question after worked examples, in the form of the papers' few-shot prompts; the answer follows."""
        shown = [f"Question: {one.text}\nAnswer: {one.solution}\n\n" for one in examples]
        return f"{''.join(shown)}Question: {self.text}\nAnswer:"

    def matches(self, answer: str) -> bool:
        """Whether a written answer's number is the right one."""
        return self.number is not None and final_number(answer) == self.number


def question(row: Mapping[str, Any], where: str) -> Question:
    """One record, named by its place unless it has an id. Raises ValueError where it is of neither form."""
    if "question" not in row or "answer" not in row:
        raise ValueError(f"{where} has {sorted(row)}: question and answer are needed")
    name = str(row.get("task_id") or row.get("id") or where)
    if "choices" in row:
        choices, right = tuple(row["choices"]), row["answer"]
        if not isinstance(right, int) or not 0 <= right < len(choices):
            raise ValueError(f"{where}: answer {right!r} is no index into {len(choices)} choices")
        return Question(name, row["question"], choices, right, None, choices[right])
    number = final_number(str(row["answer"]))
    if number is None:
        raise ValueError(f"{where}: the answer holds no number: {str(row['answer'])[-60:]!r}")
    return Question(name, row["question"], (), None, number, str(row["answer"]))


def final_number(text: str) -> Decimal | None:
    """The number after the last "####", else inside the last \\boxed{}, else the last one there is."""
    if _MARK in text:
        text = text.rpartition(_MARK)[2]
        found = _NUMBER.search(text)
        return _value(found[0]) if found else None
    boxed = re.findall(r"\\boxed\{([^{}]*)\}", text)
    numbers = _NUMBER.findall(boxed[-1] if boxed else text)
    return _value(numbers[-1]) if numbers else None


def _value(number: str) -> Decimal:
    return Decimal(number.replace(",", "").replace("$", ""))
