import numpy as np
import pytest

from validate.probes import model
from validate.probes.config import ProbeConfig
from validate.probes.memory import DoesNotFit, check_machine, check_plan, choose, need, table
from validate.probes.shapes import SHAPES
from validate.probes.train import Stepper, TrainConfig

torch = pytest.importorskip("torch")
LITE = SHAPES["lite"]


def held(tensors):
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def test_weights_gradients_and_states_are_what_pytorch_holds():
    net = model.build("tiny", 512, 16, seed=0)
    stepper = Stepper(net, TrainConfig())
    stepper.step(np.arange(32).reshape(2, 16), np.tile(np.arange(16), (2, 1)), 1e-3)
    states = [value for state in stepper.optimizer.state.values() for value in state.values() if value.numel() > 1]
    made = need(SHAPES["tiny"], 512, "float32", 32)
    assert made.weights == held(net.parameters())
    assert made.gradients == held(net.parameters())  # as large while they live
    # Experts that got no token have no state yet; here all got some.
    assert made.states == pytest.approx(held(states), rel=1e-3)


def test_saved_activations_are_no_more_than_estimated():
    net = model.build("tiny", 512, 64, seed=0)
    saved = {}

    def keep(tensor):
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    weights = {parameter.untyped_storage().data_ptr() for parameter in net.parameters()}
    layer, hidden = net.model.layers[1], torch.randn(1, 64, SHAPES["tiny"].hidden_size)
    rope = net.model.rotary_emb(hidden, torch.arange(64)[None])
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        layer(hidden, position_embeddings=rope, position_ids=torch.arange(64)[None])
    inside = sum(size for at, size in saved.items() if at not in weights)
    assert inside < need(SHAPES["tiny"], 512, "float32", 64).activations


@pytest.mark.parametrize(
    ("card", "cards", "plan"),
    [(80e9, 1, "fused8"), (141e9, 1, "states8"), (48e9, 1, "lora"), (80e9, 8, "float32")],
)
def test_plans_of_the_lite_are_those_its_memory_needs(card, cards, plan):
    assert choose(LITE, 102400, card, 4096, cards) == plan


def test_what_does_not_fit_says_what_each_plan_would_need():
    with pytest.raises(DoesNotFit, match=r"do not fit 1 card\(s\) of 24 GB: float32 \d+ GB.*lora"):
        choose(LITE, 102400, 24e9, 4096)


def test_a_plan_that_does_not_fit_names_one_that_does():
    with pytest.raises(
        DoesNotFit, match=r"plan mixed needs \d+ GB a card .* train.plan='fused8' with recompute=True fits"
    ):
        check_plan(LITE, 102400, TrainConfig(plan="mixed", batch=1, length=4096, recompute=True), 80e9)
    check_plan(LITE, 102400, TrainConfig(plan="fused8", batch=1, length=4096, recompute=True), 80e9)
    with pytest.raises(DoesNotFit, match="recompute=True"):
        check_plan(LITE, 102400, TrainConfig(plan="fused8", batch=4, length=4096), 80e9)


def test_the_table_says_what_fits_which_card():
    rows = {row[0]: row[-2:] for row in table(LITE, 102400, 4096, (80e9, 141e9))}
    assert rows == {
        "float32": ["no", "no"],
        "mixed": ["no", "no"],
        "states8": ["no", "yes"],
        "fused8": ["yes", "yes"],
        "lora": ["yes", "yes"],
    }


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_size_that_needs_a_gpu_is_named_before_anything_is_built():
    with pytest.raises(DoesNotFit, match="size lite for 2,000 steps of 4,096 tokens needs a GPU"):
        check_machine(ProbeConfig(size="lite", train=TrainConfig(steps=2000, batch=1, length=4096)))
    check_machine(ProbeConfig())
    check_machine(ProbeConfig(size="small", train=TrainConfig(steps=100)))
