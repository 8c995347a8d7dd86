"""Questions with a short answer: multiple choice by likelihood, and GSM8K-style answers by their last number.

Comes in: JSONL of {"question", "choices", "answer"} (index) or {"question", "answer"} (GSM8K's form, the number after
"####"). Goes out: questions, and whether an answer matches. Reads a file from a path; nothing is fetched.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

_NUMBER: Final = re.compile(r"-?\$?\d[\d,]*(?:\.\d+)?")
_MARK: Final = "####"


@dataclass(frozen=True, slots=True)
class Question:
    """With `choices` the answer is one of them, by index; without, a number."""

    text: str
    choices: tuple[str, ...]
    right: int | None
    number: Decimal | None

    def matches(self, answer: str) -> bool:
        """Whether a written answer's number is the right one."""
        return self.number is not None and final_number(answer) == self.number


def read(path: str) -> list[Question]:
    """Questions of a JSONL file. Raises ValueError with the line where it is of neither form."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [_question(json.loads(line), path, n) for n, line in enumerate(lines, 1) if line.strip()]


def _question(row: Mapping[str, Any], path: str, line: int) -> Question:
    where = f"{path}, line {line}"
    if "question" not in row or "answer" not in row:
        raise ValueError(f"{where} has {sorted(row)}: question and answer are needed")
    if "choices" in row:
        choices, right = tuple(row["choices"]), row["answer"]
        if not isinstance(right, int) or not 0 <= right < len(choices):
            raise ValueError(f"{where}: answer {right!r} is no index into {len(choices)} choices")
        return Question(row["question"], choices, right, None)
    number = final_number(str(row["answer"]))
    if number is None:
        raise ValueError(f"{where}: the answer holds no number: {str(row['answer'])[-60:]!r}")
    return Question(row["question"], (), None, number)


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
