"""Sizes of the probe: the Lite model's structure at four widths. Numbers only; no library is imported here.

V2-Lite: 2 shared + 64 routed experts, 6 active, first layer dense, MLA with kv rank 512 and no query compression (CV2
and V2 papers; the Lite's configuration file for v_head_dim, top-k and rope). The others keep the structure.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Widths and counts of one size; the structure is the same for all."""

    hidden_size: int
    intermediate_size: int  # of the dense first layer
    num_hidden_layers: int
    num_attention_heads: int
    kv_lora_rank: int
    qk_nope_head_dim: int
    qk_rope_head_dim: int
    v_head_dim: int
    n_routed_experts: int
    num_experts_per_tok: int
    moe_intermediate_size: int
    n_shared_experts: int = 2
    init_std: float = 0.006  # V2's, stated for the 236B model
    yarn: bool = False  # YaRN factor 40 over 4,096 positions, as the Lite's checkpoints need


SHAPES: Final = {
    # For a processor. The initial deviation is for so narrow a model: 200,000 tokens of the demo end at 3.21 bits per
    # byte of code with 0.05, at 3.32 with 0.02 and at 3.42 with 0.1 (one seed each, a vocabulary of 2,048).
    "tiny": Shape(
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=2,
        num_attention_heads=4,
        kv_lora_rank=32,
        qk_nope_head_dim=24,
        qk_rope_head_dim=8,
        v_head_dim=24,
        n_routed_experts=8,
        num_experts_per_tok=2,
        moe_intermediate_size=64,
        init_std=0.05,
    ),
    "small": Shape(
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        kv_lora_rank=256,
        qk_nope_head_dim=64,
        qk_rope_head_dim=32,
        v_head_dim=64,
        n_routed_experts=16,
        num_experts_per_tok=4,
        moe_intermediate_size=512,
    ),
    "1b": Shape(  # 1.39B in all, 0.38B active
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=16,
        num_attention_heads=16,
        kv_lora_rank=512,
        qk_nope_head_dim=64,
        qk_rope_head_dim=32,
        v_head_dim=64,
        n_routed_experts=32,
        num_experts_per_tok=4,
        moe_intermediate_size=704,
    ),
    "lite": Shape(
        hidden_size=2048,
        intermediate_size=10944,
        num_hidden_layers=27,
        num_attention_heads=16,
        kv_lora_rank=512,
        qk_nope_head_dim=128,
        qk_rope_head_dim=64,
        v_head_dim=128,
        n_routed_experts=64,
        num_experts_per_tok=6,
        moe_intermediate_size=1408,
        yarn=True,
    ),
}


def parameters(shape: Shape, vocab_size: int) -> int:
    """Trainable numbers of this shape, embeddings and output layer included; a test holds it to the library's count."""
    return _outside(shape, vocab_size) + _experts(shape, shape.n_routed_experts)


def active_parameters(shape: Shape, vocab_size: int) -> int:
    """Of these, the ones that a token passes through, without the embedding table, which is looked up."""
    lookup = vocab_size * shape.hidden_size
    return _outside(shape, vocab_size) - lookup + _experts(shape, shape.num_experts_per_tok)


def _outside(shape: Shape, vocab_size: int) -> int:
    hidden, heads = shape.hidden_size, shape.num_attention_heads
    queries = hidden * heads * (shape.qk_nope_head_dim + shape.qk_rope_head_dim)
    keys = hidden * (shape.kv_lora_rank + shape.qk_rope_head_dim) + shape.kv_lora_rank
    values = shape.kv_lora_rank * heads * (shape.qk_nope_head_dim + shape.v_head_dim)
    attention = queries + keys + values + heads * shape.v_head_dim * hidden + 2 * hidden  # and two norms
    dense = 3 * hidden * shape.intermediate_size
    shared = 3 * hidden * shape.moe_intermediate_size * shape.n_shared_experts + hidden * shape.n_routed_experts
    layers = shape.num_hidden_layers * attention + dense + (shape.num_hidden_layers - 1) * shared
    return layers + hidden + 2 * vocab_size * hidden


def _experts(shape: Shape, per_layer: int) -> int:
    return (shape.num_hidden_layers - 1) * per_layer * 3 * shape.hidden_size * shape.moe_intermediate_size
