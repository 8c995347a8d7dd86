import json

import pytest

from pipelines import evaluate
from tests.validate.probes.saved import save
from validate import sandbox

apart = pytest.mark.skipif(sandbox.unavailable() is not None, reason=f"no sandbox here: {sandbox.unavailable()}")
TASK = {
    "task_id": "add",
    "prompt": "def add(a, b):\n",
    "test": "def check(f):\n    assert f(1, 2) == 3",
    "entry_point": "add",
}
NUMBER = {"question": "2 + 3?", "answer": "#### 5", "id": "a"}
CHOICE = {"question": "?", "choices": ["a", "b"], "answer": 1}


def lines(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save(tmp_path_factory.mktemp("model"))


@apart
def test_written_answers_give_the_pass_at_k_they_are_known_to_have(tmp_path, capsys):
    tasks = lines(tmp_path / "tasks.jsonl", TASK)
    right, wrong = ({"task_id": "add", "completion": f"    return a {sign} b\n"} for sign in "+-")
    answers = lines(tmp_path / "answers.jsonl", right, wrong, wrong, wrong)
    assert evaluate.main(["--tasks", tasks, "--completions", answers, "--k", "1,2", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["results"]
    assert (found["set"], found["items"], found["answers_per_item"]) == ("tasks", 1, 4)
    assert {name: one["value"] for name, one in found["figures"].items()} == {"pass@1": 0.25, "pass@2": 0.5}


def test_human_eval_is_asked_by_its_name(model, tmp_path, capsys):
    sets = lines(
        tmp_path / "answers.jsonl", *({"task_id": f"HumanEval/{i}", "completion": "    pass\n"} for i in range(2))
    )
    status = evaluate.main(["--tasks", "humaneval", "--completions", sets, "--limit", "2"])
    assert status == (0 if sandbox.unavailable() is None else 1)
    assert "pass@1" in capsys.readouterr().out or status == 1


def test_a_model_answers_questions_of_both_forms_and_its_answers_can_be_scored_again(model, tmp_path, capsys):
    numbers = lines(tmp_path / "numbers.jsonl", NUMBER, {**NUMBER, "id": "b"})
    choices = lines(tmp_path / "choices.jsonl", CHOICE)
    kept, out = tmp_path / "kept.jsonl", tmp_path / "out.json"
    drawn = ["--samples", "2", "--temperature", "1", "--tokens", "8"]
    asked = ["--tasks", f"{numbers},{choices}", *drawn, "--write", str(kept), "--out", str(out)]
    assert evaluate.main([model, *asked]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("numbers", "match", "choices", "accuracy"))
    told = json.loads(out.read_text())
    assert [one["answers_per_item"] for one in told["results"]] == [2, 1]
    assert len(kept.read_text().splitlines()) == 4
    assert evaluate.main(["--tasks", numbers, "--completions", str(kept), "--json"]) == 0
    again = json.loads(capsys.readouterr().out)["results"][0]["figures"]["match"]
    assert again == told["results"][0]["figures"]["match"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["MODEL"], "name sets with --tasks"),
        (["--tasks", "NUMBERS"], "which model?"),
        (["MODEL", "--tasks", "gsm8k"], "gsm8k is not installed here: get it from"),
        (["MODEL", "--tasks", "nowhere.jsonl"], "nowhere.jsonl"),
        (["nowhere", "--tasks", "NUMBERS"], "no model in nowhere"),
        (["MODEL", "--tasks", "NUMBERS", "--k", "5"], "--k 5 of --samples 1"),
        (["MODEL", "--tasks", "NUMBERS", "--k", "x"], "--k x: numbers"),
        (["MODEL", "--tasks", "NUMBERS", "--samples", "2"], "give a temperature"),
        (["MODEL", "--tasks", "NUMBERS", "--limit", "0"], "--limit 0 leaves nothing"),
        (["MODEL", "--tasks", "NUMBERS", "--tokens", "4096"], "leaves no room"),
        (["MODEL", "--tasks", "NUMBERS", "--completions", "x"], "not both"),
        (["--completions", "NUMBERS", "--tasks", "CHOICES"], "judged by a model's likelihood"),
        (["--completions", "NUMBERS", "--tasks", "NUMBERS"], "task_id and completion are needed"),
    ],
)  # fmt: skip
def test_wrong_usage_is_told_with_the_way_out(arguments, told, model, tmp_path, capsys):
    places = {
        "MODEL": model,
        "NUMBERS": lines(tmp_path / "n.jsonl", NUMBER),
        "CHOICES": lines(tmp_path / "c.jsonl", CHOICE),
    }
    assert evaluate.main([places.get(one, one) for one in arguments]) == 2
    assert told in capsys.readouterr().err
