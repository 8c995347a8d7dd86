"""What a training run needs of a machine, as arithmetic: weights, gradients, optimizer states, activations.

Comes in: a shape, a plan and a batch. Goes out: bytes per card, and which plan fits. A test holds weights, gradients
and states to what PyTorch allocates for a small shape; activations are an upper estimate with checkpointing at every
layer. `validate/probes/plans.py` makes a model as the plan says.
"""

from dataclasses import dataclass
from typing import Final

from validate.probes.config import ProbeConfig
from validate.probes.plans import PLANS, RANK, Plan
from validate.probes.shapes import SHAPES, Shape, active_parameters, parameters
from validate.probes.train import TrainConfig

# Bytes per trained number: weights, gradient, states. "fused8" steps each parameter inside backward, so one layer's
# gradients live at a time; 8-bit states are two bytes and a float32 scale per 256 values, twice.
_BYTES: Final[dict[Plan, tuple[float, float, float]]] = {
    "float32": (4, 4, 8),
    "mixed": (2, 2, 8),
    "states8": (2, 2, 2 + 8 / 256),
    "fused8": (2, 0, 2 + 8 / 256),
    "lora": (2, 0, 0),
}
DEEPSEEK_WORDS: Final = 102400
_CPU_FLOPS: Final = 5e10  # a second, of a few cores in float32
_MOST_HOURS: Final = 24
_HEADROOM: Final = 0.92  # of a card: the rest goes to the allocator's gaps, kernels and the context


class DoesNotFit(ValueError):
    """No plan fits; the message says what each would need."""


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes per card."""

    weights: float
    gradients: float
    states: float
    activations: float

    @property
    def total(self) -> float:
        return self.weights + self.gradients + self.states + self.activations


def need(shape: Shape, vocabulary: int, plan: Plan, tokens: int, cards: int = 1, *, recompute: bool = True) -> Need:
    """Bytes per card for a step of `tokens` tokens on each; weights, gradients and states are split among the cards."""
    n = parameters(shape, vocabulary)
    weights, gradients, states = (each * n / cards for each in _BYTES[plan])
    if plan == "fused8":
        gradients = 2 * _largest_layer(shape, vocabulary)
    if plan == "lora":
        trained = adapters(shape) / cards
        weights, gradients, states = weights + 4 * trained, 4 * trained, 8 * trained
    if cards > 1:  # the layer at work is whole on every card
        weights += _BYTES[plan][0] * _largest_layer(shape, vocabulary)
    return Need(
        weights,
        gradients,
        states,
        activations(shape, vocabulary, tokens, 4 if plan == "float32" else 2, recompute=recompute),
    )


def check_machine(cfg: ProbeConfig) -> None:
    """Raises DoesNotFit where this run would not fit the card here, or would take days without one."""
    shape, tokens = SHAPES[cfg.size], cfg.train.batch * cfg.train.length
    if cfg.size == "tiny":
        return
    import torch

    vocabulary = cfg.vocabulary or DEEPSEEK_WORDS
    if torch.cuda.is_available():
        found = torch.cuda.device_count()
        if cfg.train.cards > found:
            raise DoesNotFit(f"cards={cfg.train.cards}, and this machine has {found}")
        card = torch.cuda.get_device_properties(0).total_memory
        check_plan(shape, vocabulary, cfg.train, card)
        return
    hours = 6 * active_parameters(shape, vocabulary) * tokens * cfg.train.steps / _CPU_FLOPS / 3600
    if hours > _MOST_HOURS:
        raise DoesNotFit(
            f"size {cfg.size} for {cfg.train.steps:,} steps of {tokens:,} tokens needs a GPU, and PyTorch finds none: "
            f"on a processor a run takes some {hours:,.0f} hours; use size tiny, or fewer steps"
        )


def check_plan(shape: Shape, vocabulary: int, cfg: TrainConfig, card_bytes: float) -> None:
    """Raises DoesNotFit, naming the plan that would fit instead, else what every plan needs."""
    tokens = cfg.batch * cfg.length // cfg.cards
    total = need(shape, vocabulary, cfg.plan, tokens, cfg.cards, recompute=cfg.recompute).total
    if total <= _HEADROOM * card_bytes:
        return
    other = choose(shape, vocabulary, card_bytes, tokens, cfg.cards)
    raise DoesNotFit(
        f"plan {cfg.plan} needs {total / 1e9:.0f} GB a card for {tokens:,} tokens, the card has "
        f"{card_bytes / 1e9:.0f} GB: train.plan={other!r} with recompute=True fits"
    )


def activations(shape: Shape, vocabulary: int, tokens: int, width: int, *, recompute: bool = True) -> float:
    """Each layer's input, one layer's inside (all of them where none is recomputed), and logits with their gradient."""
    kept = shape.num_hidden_layers * shape.hidden_size * width
    per_token = shape.num_experts_per_tok + shape.n_shared_experts
    experts = per_token * (3 * shape.moe_intermediate_size + shape.hidden_size)
    heads = shape.num_attention_heads * (2 * (shape.qk_nope_head_dim + shape.qk_rope_head_dim) + 2 * shape.v_head_dim)
    inside = 2 * width * (max(experts, 3 * shape.intermediate_size) + heads + 8 * shape.hidden_size)
    return float(tokens) * (kept + inside * (1 if recompute else shape.num_hidden_layers) + 8 * vocabulary)


def adapters(shape: Shape) -> int:
    """Numbers of the adapters of plan "lora": beside every linear layer, not beside the stacked experts."""
    hidden, heads = shape.hidden_size, shape.num_attention_heads
    attention = (
        hidden + heads * (shape.qk_nope_head_dim + shape.qk_rope_head_dim),
        hidden + shape.kv_lora_rank + shape.qk_rope_head_dim,
        shape.kv_lora_rank + heads * (shape.qk_nope_head_dim + shape.v_head_dim),
        heads * shape.v_head_dim + hidden,
    )
    dense = 3 * (hidden + shape.intermediate_size)
    shared = 3 * (hidden + shape.n_shared_experts * shape.moe_intermediate_size)
    layers = shape.num_hidden_layers
    return RANK * (layers * sum(attention) + dense + (layers - 1) * shared)


def table(shape: Shape, vocabulary: int, tokens: int, card_sizes: tuple[float, ...]) -> list[list[str]]:
    """Every plan: gigabytes of weights, gradients, states, activations, their sum, and on which card it fits."""
    rows = []
    for plan in PLANS:
        found = need(shape, vocabulary, plan, tokens)
        parts = (found.weights, found.gradients, found.states, found.activations, found.total)
        fits = ["yes" if found.total <= _HEADROOM * card else "no" for card in card_sizes]
        rows.append([plan, *(f"{part / 1e9:.1f}" for part in parts), *fits])
    return rows


def choose(shape: Shape, vocabulary: int, card_bytes: float, tokens: int, cards: int = 1) -> Plan:
    """The plainest plan that fits. Raises DoesNotFit with every plan's need."""
    told = []
    for plan in PLANS:
        total = need(shape, vocabulary, plan, tokens, cards).total
        if total <= _HEADROOM * card_bytes:
            return plan
        told.append(f"{plan} {total / 1e9:.0f} GB")
    raise DoesNotFit(
        f"{parameters(shape, vocabulary):,} parameters and {tokens:,} tokens a step do not fit {cards} card(s) of "
        f"{card_bytes / 1e9:.0f} GB: {', '.join(told)}; fewer tokens a step, more cards, or a smaller size"
    )


def _largest_layer(shape: Shape, vocabulary: int) -> int:
    layer = 3 * shape.hidden_size * shape.moe_intermediate_size * (shape.n_routed_experts + shape.n_shared_experts)
    return max(layer, vocabulary * shape.hidden_size)
