import json

import pytest

from tests.validate.probes.saved import save
from validate import harness
from validate.probes.model import opened
from validate.scores import completion_prompt, continuation_bits

TASK = """
task: birds
dataset_path: json
dataset_kwargs: {{data_files: {{test: {path}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: "{{{{answer}}}}"
metric_list: [{{metric: acc}}]
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return opened(save(tmp_path_factory.mktemp("model")))


def test_without_the_extra_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(harness.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install"):
        harness.check()


@pytest.mark.filterwarnings("ignore")
def test_a_task_of_ones_own_gives_what_the_likelihoods_say(model, tmp_path):
    pytest.importorskip("lm_eval", reason="the extra `eval`")
    rows = [{"question": f"bird {i}", "choices": ["a crow", "a stone"], "answer": i % 2} for i in range(4)]
    (tmp_path / "birds.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "birds.yaml").write_text(TASK.format(path=tmp_path / "birds.jsonl"))
    (found,) = harness.run(model, ["birds"], str(tmp_path), None, 0, 0)
    right = 0
    for row in rows:
        prompt = completion_prompt(model[1], row["question"])
        bits = continuation_bits(*model, [(prompt, f" {choice}") for choice in row["choices"]])
        right += bits.index(min(bits)) == row["answer"]
    assert (found.items, found.figures["acc"][0]) == (4, right / 4)


def test_a_task_that_the_library_does_not_know_is_named(model):
    pytest.importorskip("lm_eval", reason="the extra `eval`")
    with pytest.raises(ValueError, match="no task nothing_such"):
        harness.run(model, ["nothing_such"], None, None, 0, 0)
