"""Leaks: each disguise changes what it says it changes, leaves a program, and is found or not as the rule promises."""

import ast

import numpy as np
import pyarrow as pa
import pytest

from filters.benchmarks import HUMAN_EVAL, Item
from filters.contamination import ContaminationConfig, build_index, contamination
from filters.gram_index import load
from filters.word_hashes import words
from validate.leaks import (
    LEAKS,
    disguised,
    docstring_only,
    reformatted,
    reindented,
    renamed,
    solution_only,
    translated,
    verbatim,
)

CODE = '''from typing import List


def below_limit(numbers: List[int], limit: int) -> bool:
    """ Tell whether every number in the given list lies strictly below the limit that was asked for.
    >>> below_limit([1, 2, 3], 4)
    True
    """
    # compare one after the other
    for number in numbers:
        if number >= limit:
            return False
    return True
'''


@pytest.mark.parametrize("leak", [leak for leak in LEAKS if leak is not docstring_only])
def test_a_leak_is_a_program(leak):
    ast.parse(leak(CODE))


@pytest.mark.parametrize("leak", [verbatim, reindented])
def test_moved_code_has_the_same_words(leak):
    assert " ".join(words(CODE)) in " ".join(words(leak(CODE)))


def test_renaming_takes_the_names_and_leaves_the_prose():
    made = renamed(CODE)
    assert "def below_limit" not in made and "for number in numbers" not in made
    assert "whether every number in the given list" in made and "True" in made and "List[int]" in made


def test_translating_takes_the_prose_and_leaves_the_code():
    made = translated(CODE)
    assert "strictly below" not in made and "one after the other" not in made
    assert ">>> below_limit([1, 2, 3], 4)\n    True" in made
    assert ast.dump(ast.parse(made).body[1].body[1]) == ast.dump(ast.parse(CODE).body[1].body[1])


def test_a_solution_has_no_docstring_and_a_docstring_no_code():
    assert '"""' not in solution_only(CODE) and "for number in numbers" in solution_only(CODE)
    assert all(line.startswith("//") for line in docstring_only(CODE).splitlines())
    assert "Tell whether every number" in docstring_only(CODE)


def test_the_same_code_is_disguised_the_same_way():
    assert disguised(CODE) == disguised(CODE) != renamed(CODE)


@pytest.mark.parametrize(
    ("leak", "found"),
    [(verbatim, True), (reindented, True), (reformatted, True), (renamed, True), (translated, True),
     (solution_only, True), (docstring_only, True), (disguised, False)],
)  # fmt: skip
def test_the_rule_finds_all_but_what_has_neither_names_nor_prose(leak, found):
    cfg = ContaminationConfig()
    raw = b"".join(build_index(cfg, [Item(HUMAN_EVAL.name, "x", CODE)], {HUMAN_EVAL.name: ""}))
    annotation, _ = contamination(load(np.frombuffer(raw, np.uint8)), pa.array([leak(CODE)], pa.large_string()))
    assert (annotation["n_hits"][0].as_py() > 0) is found
