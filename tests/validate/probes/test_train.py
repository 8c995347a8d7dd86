import json
from dataclasses import replace

import numpy as np
import pytest

from tests.validate.probes.text import TEXT
from validate.probes import data, model
from validate.probes.train import (
    Checkpoints,
    LogTo,
    NotFinite,
    TrainConfig,
    heaviest_expert,
    learning_rate,
    next_token_loss,
    train,
)
from validate.scores import bits_per_byte

torch = pytest.importorskip("torch")
CFG = TrainConfig(steps=6, batch=2, length=16, seed=1)


@pytest.fixture(scope="module")
def vocabulary():
    return data.small_vocabulary(data.train_vocabulary(TEXT, 512))


@pytest.fixture(scope="module")
def windows(vocabulary):
    flat = [0, *(token for text in TEXT for token in vocabulary.encode(text))]
    n = len(flat) // 16
    return data.Windows(np.array(flat[: n * 16]).reshape(n, 16), np.tile(np.arange(16), (n, 1)))


def built():
    return model.build("tiny", 512, 16, seed=1)


def test_the_first_token_of_a_sample_is_nobodys_target():
    logits = torch.zeros(1, 4, 3)
    logits[0, 1] = torch.tensor([0.0, 100.0, 0.0])  # certain of the wrong token, at the border
    ids = torch.tensor([[0, 1, 2, 2]])
    assert next_token_loss(logits, ids, torch.tensor([[0, 1, 0, 1]])).item() == pytest.approx(np.log(3), abs=1e-4)


def test_the_rate_warms_up_and_ends_at_a_tenth():
    cfg = TrainConfig(steps=100, learning_rate=1.0)
    rates = [learning_rate(cfg, step) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] == pytest.approx(0.1)


def test_training_lowers_loss_and_bits_per_byte(vocabulary, windows):
    net = built()
    held_out = [("code", TEXT[0])]
    before = bits_per_byte(net, vocabulary, held_out, 16)["code"]["bits_per_byte"]
    log = train(net, windows, replace(CFG, steps=15, batch=4))
    after = bits_per_byte(net, vocabulary, held_out, 16)["code"]["bits_per_byte"]
    assert log[-1]["loss"] < 0.9 * log[0]["loss"]
    assert after < 0.9 * before


def test_a_run_that_was_stopped_ends_with_the_same_bits(tmp_path, windows):
    whole = built()
    log = train(whole, windows, CFG)
    kept = Checkpoints(path=str(tmp_path / "state.pt"), every=2)

    def stop(entry):
        if entry["step"] == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(built(), windows, CFG, kept, stop)
    steps = []
    again = built()
    assert train(again, windows, CFG, kept, lambda entry: steps.append(entry["step"])) == log
    assert steps == [4, 5]
    for name, value in whole.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_the_state_of_another_run_is_refused(tmp_path, windows):
    kept = Checkpoints(path=str(tmp_path / "state.pt"), every=1)
    train(built(), windows, replace(CFG, steps=2), kept)
    with pytest.raises(ValueError, match="is of another run"):
        train(built(), windows, replace(CFG, steps=3), kept)


def test_the_log_has_a_line_per_step_with_loss_norm_balance_speed_and_memory(tmp_path, windows):
    path = tmp_path / "log" / "run.jsonl"
    train(built(), windows, replace(CFG, steps=2), tell=LogTo(str(path), {"seed": 1, "steps": 2}))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["step"] for line in lines] == [0, 1]
    names = {"loss", "gradient_norm", "balance", "heaviest_expert", "learning_rate", "tokens_per_second", "peak_bytes"}
    assert all(
        line.keys() == names | {"step", "seed", "steps"} and min(line[name] for name in names) > 0 for line in lines
    )


def test_the_heaviest_expert_is_a_multiple_of_the_even_load():
    one, even = torch.tensor([[9.0, 0, 0, 0]] * 8), torch.eye(4).repeat(2, 1)
    assert heaviest_expert([even, one], 1) == 4
    assert heaviest_expert([even], 1) == 1


def test_a_loss_that_is_no_number_stops_the_run_with_the_way_out(windows):
    net = built()
    with torch.no_grad():
        net.lm_head.weight.fill_(float("inf"))
    with pytest.raises(NotFinite, match=r"loss is nan at learning rate .*: lower learning_rate"):
        train(net, windows, CFG)


def test_too_few_windows_are_named_before_training():
    few = data.Windows(np.zeros((3, 8), np.int64), np.zeros((3, 8), np.int64))
    with pytest.raises(ValueError, match="2 steps of 4 need 8 windows, the rows give 3"):
        train(None, few, TrainConfig(steps=2, batch=4, length=8))
