import numpy as np
import pytest

from validate.probes import model
from validate.probes.kernels import forward, use
from validate.probes.train import TrainConfig

torch = pytest.importorskip("torch")
IDS = np.random.Generator(np.random.PCG64(0)).integers(5, 60, (3, 24))
POSITIONS = np.tile(np.arange(24) % 9, (3, 1))


def logits(net, ids, positions):
    with torch.no_grad():
        return forward(net, torch.from_numpy(ids), torch.from_numpy(positions)).logits


@pytest.mark.parametrize(("experts", "attention"), [("eager", "sdpa"), ("batched_mm", "sdpa"), ("grouped_mm", "eager")])
def test_every_kernel_computes_the_same_model(experts, attention):
    net = model.build("tiny", 512, 24, 1)
    usual = logits(net, IDS, POSITIONS)
    use(net, experts, attention)
    assert (net.config._experts_implementation, net.config._attn_implementation) == (experts, attention)
    assert torch.allclose(logits(net, IDS, POSITIONS), usual, atol=1e-4)


def test_windows_laid_in_one_row_as_flash_attention_gets_them_come_out_alike():
    net = model.build("tiny", 512, 24, 1)
    flat = logits(net, IDS.reshape(1, -1), POSITIONS.reshape(1, -1))
    assert torch.allclose(flat.reshape(3, 24, -1), logits(net, IDS, POSITIONS), atol=1e-4)


@pytest.mark.parametrize(("name", "value"), [("experts", "fast"), ("attention", "paged")])
def test_a_kernel_of_no_name_is_refused_with_the_names(name, value):
    with pytest.raises(ValueError, match=f"{name} is '{value}'; the kernels are"):
        TrainConfig(**{name: value})
