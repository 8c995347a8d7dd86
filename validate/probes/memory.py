"""What a training run needs of a machine, as arithmetic: weights, gradients, optimizer states, activations.

Comes in: a shape, a plan and a batch. Goes out: bytes per card, and which plan fits. A test holds weights, gradients
and states to what PyTorch allocates for a small shape; activations are an upper estimate with checkpointing at every
layer. `validate/probes/train.py` trains by the plan "float32"; the others say what would fit, and none of them was run.
"""

from dataclasses import dataclass
from typing import Final, Literal

from validate.probes.config import ProbeConfig
from validate.probes.shapes import SHAPES, Shape, active_parameters, parameters

Plan = Literal["float32", "mixed", "states8", "fused8", "lora"]

# Bytes per trained number: weights, gradient, states. "fused8" steps each parameter inside backward, so one layer's
# gradients live at a time; 8-bit states are two bytes and a float32 scale per 256 values, twice.
_BYTES: Final[dict[Plan, tuple[float, float, float]]] = {
    "float32": (4, 4, 8),
    "mixed": (2, 2, 8),
    "states8": (2, 2, 2 + 8 / 256),
    "fused8": (2, 0, 2 + 8 / 256),
    "lora": (2, 0, 0),
}
PLANS: Final[tuple[Plan, ...]] = ("float32", "mixed", "states8", "fused8", "lora")  # from the plainest on
_LORA_SHARE: Final = 0.01  # of the weights that adapters of rank 16 on attention and experts add, as an upper bound
_DEEPSEEK_WORDS: Final = 102400
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


def need(shape: Shape, vocabulary: int, plan: Plan, tokens: int, cards: int = 1) -> Need:
    """Bytes per card for a step of `tokens` tokens on each; weights, gradients and states are split among the cards."""
    n = parameters(shape, vocabulary)
    weights, gradients, states = (each * n / cards for each in _BYTES[plan])
    if plan == "fused8":
        gradients = 2 * _largest_layer(shape, vocabulary)
    if plan == "lora":
        trained = _LORA_SHARE * n / cards
        weights, gradients, states = weights + 4 * trained, 4 * trained, 8 * trained
    if cards > 1:  # the layer at work is whole on every card
        weights += _BYTES[plan][0] * _largest_layer(shape, vocabulary)
    return Need(weights, gradients, states, activations(shape, vocabulary, tokens, 4 if plan == "float32" else 2))


def check_machine(cfg: ProbeConfig) -> None:
    """Raises DoesNotFit where this run would not fit the card here, or would take days without one."""
    shape, tokens = SHAPES[cfg.size], cfg.train.batch * cfg.train.length
    if cfg.size == "tiny":
        return
    import torch

    vocabulary = cfg.vocabulary or _DEEPSEEK_WORDS
    if torch.cuda.is_available():
        card = torch.cuda.get_device_properties(0).total_memory
        found = need(shape, vocabulary, "float32", tokens)
        if found.total > _HEADROOM * card:
            raise DoesNotFit(
                f"size {cfg.size} needs {found.total / 1e9:.0f} GB for {tokens:,} tokens a step, the card has "
                f"{card / 1e9:.0f} GB: fewer tokens a step (train.batch, train.length), or a smaller size"
            )
        return
    hours = 6 * active_parameters(shape, vocabulary) * tokens * cfg.train.steps / _CPU_FLOPS / 3600
    if hours > _MOST_HOURS:
        raise DoesNotFit(
            f"size {cfg.size} for {cfg.train.steps:,} steps of {tokens:,} tokens needs a GPU, and PyTorch finds none: "
            f"on a processor a run takes some {hours:,.0f} hours; use size tiny, or fewer steps"
        )


def activations(shape: Shape, vocabulary: int, tokens: int, width: int) -> float:
    """Checkpointed: each layer's input, one layer's inside, and the logits with their gradient in float32."""
    kept = shape.num_hidden_layers * shape.hidden_size * width
    per_token = shape.num_experts_per_tok + shape.n_shared_experts
    experts = per_token * (3 * shape.moe_intermediate_size + shape.hidden_size)
    heads = shape.num_attention_heads * (2 * (shape.qk_nope_head_dim + shape.qk_rope_head_dim) + 2 * shape.v_head_dim)
    inside = 2 * width * (max(experts, 3 * shape.intermediate_size) + heads + 8 * shape.hidden_size)
    return float(tokens) * (kept + inside + 8 * vocabulary)


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
