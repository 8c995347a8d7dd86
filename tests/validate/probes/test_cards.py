"""Two processes of one core each, as torchrun starts them: one launch, because each imports PyTorch."""

from dataclasses import replace

import numpy as np
import pytest

from validate.probes import data, model
from validate.probes.cards import _said, train_on_cards
from validate.probes.train import Checkpoints, LogTo, TrainConfig, train

torch = pytest.importorskip("torch")
CFG = TrainConfig(steps=6, batch=4, length=24, seed=1)


@pytest.fixture(scope="module")
def windows():
    ids = np.random.Generator(np.random.PCG64(0)).integers(5, 60, (24, 24))
    positions = np.tile(np.arange(24), (24, 1))
    positions[1::2, 10:] -= 10  # windows with one border more: the cards' shares of a step's targets differ
    return data.Windows(ids, positions)


def test_losses_and_weights_on_two_cards_are_those_on_one(windows, tmp_path):
    one, two = (model.build("tiny", 512, 24, 1) for _ in range(2))
    log = train(one, windows, CFG)
    kept = Checkpoints(path=str(tmp_path / "state.pt"), every=4)
    tell = LogTo(str(tmp_path / "log.jsonl"), {"seed": 1})
    apart = train_on_cards(two, windows, replace(CFG, cards=2), kept, tell)
    for a, b in zip(log, apart, strict=True):
        assert b["loss"] == pytest.approx(a["loss"], abs=2e-3)
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 6
    for name, value in one.state_dict().items():
        assert torch.allclose(two.state_dict()[name], value, atol=0.02), name
    assert {path.name for path in tmp_path.glob("state.pt*")} == {"state.pt.0.1", "state.pt.1.1"}
    kept.remove()
    assert not list(tmp_path.glob("state.pt*"))


def test_of_what_the_processes_say_the_first_error_is_told():
    said = (
        "W: warning\n[rank1]: Traceback\n[rank1]: validate.probes.train.NotFinite: loss is nan\nChildFailedError: x\n"
    )
    assert _said(said).endswith("NotFinite: loss is nan")
    assert _said("killed") == "killed"


def test_plans_for_one_card_are_refused_on_two():
    with pytest.raises(ValueError, match="plan lora is for one card"):
        TrainConfig(plan="lora", cards=2, batch=2)
    with pytest.raises(ValueError, match="batch of 3 windows is not divided"):
        TrainConfig(batch=3, cards=2)
