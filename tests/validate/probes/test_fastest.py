from importlib.util import find_spec

import numpy as np
import pytest

from validate.probes import model
from validate.probes.fastest import Measured, _best, fastest, isolates, measured, synthetic
from validate.probes.kernels import ATTENTIONS, EXPERTS
from validate.probes.shapes import SHAPES
from validate.probes.train import TrainConfig

torch = pytest.importorskip("torch")
CFG = TrainConfig(batch=2, length=32)


def test_every_kernel_is_measured_or_refused_with_the_reason():
    experts, attention, found = fastest(model.configuration(SHAPES["tiny"], 512, 32), CFG)
    assert {one.experts for one in found} == set(EXPERTS)
    assert {one.attention for one in found} == set(ATTENTIONS)
    assert all((one.tokens_per_second is None) != (one.refused is None) for one in found)
    assert (experts, attention) in {(one.experts, one.attention) for one in found if one.refused is None}


@pytest.mark.skipif(find_spec("flash_attn") is not None, reason="flash attention is installed here")
def test_a_kernel_that_is_not_installed_is_no_candidate():
    from dataclasses import replace

    config = model.configuration(SHAPES["tiny"], 512, 32)
    found = measured(config, replace(CFG, attention="flash_attention_2"))
    assert found.tokens_per_second is None
    assert found.refused.startswith("ImportError")


def test_many_layers_are_measured_by_two_and_the_configuration_stays():
    config = model.configuration(SHAPES["tiny"], 512, 32)
    config.num_hidden_layers = 2000
    assert measured(config, CFG).tokens_per_second > 0
    assert config.num_hidden_layers == 2000


def test_samples_that_see_each_other_are_found():
    net = model.build("tiny", 512, 32, 0)
    assert isolates(net, 32)
    plain = net.forward
    net.forward = lambda position_ids, **rest: plain(**rest)  # as a kernel that overlooks restarts
    assert not isolates(net, 32)


@pytest.mark.parametrize(
    ("speeds", "best"), [((100.0, 102.0, 90.0), 0), ((100.0, 110.0, 90.0), 1), ((None, 50.0, 51.0), 1)]
)
def test_another_than_the_first_must_be_faster_by_more_than_noise(speeds, best):
    found = [Measured(str(i), "sdpa", speed, None if speed else "not here") for i, speed in enumerate(speeds)]
    assert _best(found).experts == str(best)


def test_none_that_runs_is_an_error_that_tells_why():
    with pytest.raises(ValueError, match="none of the kernels runs here: not here"):
        _best([Measured("eager", "sdpa", None, "not here")])


def test_synthetic_windows_hold_samples_of_a_quarter():
    ids, positions = synthetic(3, 16, 100)
    assert ids.shape == positions.shape == (3, 16)
    assert ids.min() >= 0 and ids.max() < 100
    assert (positions == 0).sum() == 12
    assert np.array_equal(ids, synthetic(3, 16, 100)[0])
