import pytest

from validate import evaluation, sandbox
from validate.evaluation import from_file, match_numbers, read_set, run_programs, weigh_choices, with_examples

apart = pytest.mark.skipif(sandbox.unavailable() is not None, reason=f"no sandbox here: {sandbox.unavailable()}")
NUMBERS = [
    ("f:0", {"question": "2 + 3?", "answer": "#### 5", "id": "a"}),
    ("f:1", {"question": "4?", "answer": "4", "id": "b"}),
]
CHOICES = [("f:0", {"question": "?", "choices": ["a", "bbbb"], "answer": 1})]


def mbpp(name, wanted):
    return "f", {
        "task_id": name,
        "text": "Write f.",
        "test_list": [f"assert f() == {wanted}"],
        "code": f"def f(): return {wanted}",
    }


@apart
def test_pass_at_k_is_that_of_the_answers_that_really_pass():
    tasks = read_set("two", [mbpp("one", 1), mbpp("two", 2)])
    right, wrong = "def f(): return 1", "def f(): return 2"
    rows = [{"task_id": "one", "completion": text} for text in (right, wrong, wrong, wrong)]
    rows += [{"task_id": "two", "completion": text} for text in (right, right, wrong, wrong)]
    found = run_programs(tasks, from_file(rows, "f"), (1, 2), sandbox.Limits(seconds=5), 2)
    assert found.outcomes == [
        {"task_id": "one", "answers": 4, "passed": 1},
        {"task_id": "two", "answers": 4, "passed": 2},
    ]
    assert found.figures["pass@1"][0] == pytest.approx((1 / 4 + 2 / 4) / 2)
    assert found.figures["pass@2"][0] == pytest.approx((3 / 6 + 5 / 6) / 2)


def test_a_number_matches_before_the_next_question_only():
    tasks = read_set("numbers", NUMBERS)
    rows = [{"task_id": "a", "completion": " 5\n\nQuestion: 7?\nAnswer: 7"}, {"task_id": "b", "completion": " 5"}]
    found = match_numbers(tasks, from_file(rows, "f"), (1,))
    assert [row["matched"] for row in found.outcomes] == [1, 0]
    assert found.figures["match"][0] == 0.5


def test_the_likeliest_choice_is_counted_by_bits_and_by_bits_per_byte():
    found = weigh_choices(read_set("choices", CHOICES), lambda question: [3.0, 8.0])
    assert (found.figures["accuracy"][0], found.figures["accuracy per byte"][0]) == (0, 1)


def test_examples_of_the_set_itself_are_not_asked():
    shown = with_examples(read_set("numbers", NUMBERS), 1, None)
    assert [one.name for one in shown.items] == ["b"] and [one.name for one in shown.examples] == ["a"]
    asked = []
    match_numbers(shown, lambda name, prompt, stops: asked.append(prompt) or ["4"], (1,))
    assert asked == ["Question: 2 + 3?\nAnswer: #### 5\n\nQuestion: 4?\nAnswer:"]


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda: read_set("none", []), "none holds no task"),
        (lambda: read_set("mixed", NUMBERS + CHOICES), "mixed mixes questions"),
        (lambda: with_examples(read_set("n", NUMBERS), 2, None), "holds 2 items, too few for 2"),
        (lambda: with_examples(read_set("n", NUMBERS), 1, read_set("p", [mbpp("x", 1)])), "p holds programs"),
        (lambda: from_file([{"task_id": "z"}], "f"), "task_id and completion are needed"),
        (lambda: from_file([{"task_id": "z", "completion": ""}], "f")("a", "", ()), "f has no completion of a"),
        (lambda: match_numbers(read_set("n", NUMBERS), lambda *_: ["5"], (10,)), "k = 10 of 1 answers"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_named(act, told):
    with pytest.raises(ValueError, match=told):
        act()


def test_nothing_runs_where_it_cannot_run_apart(monkeypatch):
    monkeypatch.setattr(evaluation.sandbox, "unavailable", lambda: "no namespaces")
    with pytest.raises(sandbox.SandboxError, match="no namespaces"):
        run_programs(read_set("one", [mbpp("one", 1)]), lambda *_: ["x"], (1,), sandbox.Limits(), 1)
