from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tests.validate.probes.text import TEXT
from validate.probes import data, memory, model
from validate.probes.plans import PLANS
from validate.probes.shapes import SHAPES
from validate.probes.train import Checkpoints, TrainConfig, train

torch = pytest.importorskip("torch")
CFG = TrainConfig(steps=12, batch=2, length=32, seed=1, learning_rate=1e-3)


@pytest.fixture(scope="module")
def windows():
    vocabulary = data.small_vocabulary(data.train_vocabulary(TEXT, 512))
    ids = [token for text in TEXT * 20 for token in (0, *vocabulary.encode(text))][: 24 * 32]
    return data.Windows(np.array(ids).reshape(24, 32), np.tile(np.arange(32), (24, 1)))


def losses(windows, plan, **changed):
    return [e["loss"] for e in train(model.build("tiny", 512, 32, 1), windows, replace(CFG, plan=plan, **changed))]


@pytest.fixture(scope="module")
def plain(windows):
    return losses(windows, "float32")


@pytest.mark.parametrize(("plan", "bound"), [("mixed", 0.05), ("states8", 0.05), ("fused8", 0.3)])
def test_losses_follow_those_of_full_precision(plan, bound, windows, plain):
    found = losses(windows, plan)
    assert plain[-1] < plain[0] - 2
    assert max(abs(a - b) for a, b in zip(found, plain, strict=True)) < bound


def test_adapters_learn_and_leave_the_weights_as_they_were(windows):
    net = model.build("tiny", 512, 32, 1)
    before = {name: value.bfloat16() for name, value in net.state_dict().items()}
    log = train(net, windows, replace(CFG, plan="lora"))
    assert log[-1]["loss"] < log[0]["loss"] - 0.05
    assert all(torch.equal(net.state_dict()[name], value) for name, value in before.items())
    added = sum(p.numel() for p in net.parameters() if p.requires_grad)
    assert added == memory.adapters(SHAPES["tiny"])


@pytest.mark.parametrize("plan", PLANS)
def test_a_run_by_any_plan_that_was_stopped_ends_with_the_same_bits(plan, windows, tmp_path):
    cfg = replace(CFG, plan=plan, steps=6)
    kept = Checkpoints(path=str(tmp_path / "state.pt"), every=2)
    whole = model.build("tiny", 512, 32, 1)
    log = train(whole, windows, cfg)

    def stop(entry):
        if entry["step"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(model.build("tiny", 512, 32, 1), windows, cfg, kept, stop)
    again = model.build("tiny", 512, 32, 1)
    assert train(again, windows, cfg, kept) == log
    assert all(torch.equal(again.state_dict()[name], value) for name, value in whole.state_dict().items())


def test_recomputing_each_layer_changes_nothing(windows, plain):
    assert losses(windows, "float32", recompute=True) == pytest.approx(plain, abs=1e-5)


def test_each_plan_needs_less_than_the_one_before():
    sizes = [memory.need(SHAPES["lite"], 102400, plan, 4096).total for plan in PLANS]
    assert all(a > b for a, b in pairwise(sizes))
