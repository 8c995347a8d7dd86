"""The Lite model's structure at several sizes, and the balance loss that the library does not compute.

Comes in: a size and a vocabulary; goes out: a transformers model with every field set, because the configuration's
defaults are not the Lite's. Knows nothing of data.
"""

from dataclasses import asdict, dataclass
from typing import Any

# V2-Lite: 2 shared + 64 routed experts, 6 active, first layer dense, MLA with kv rank 512 and no query compression
# (FACTS: CV2 and V2 papers; the Lite's configuration file for v_head_dim, top-k and rope).
BALANCE_ALPHA = 0.001  # V2-Lite's expert-level balance factor
INIT_STD = 0.006  # V2, stated for the 236B model


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


SHAPES = {
    "tiny": Shape(
        hidden_size=192,
        intermediate_size=768,
        num_hidden_layers=4,
        num_attention_heads=4,
        kv_lora_rank=64,
        qk_nope_head_dim=32,
        qk_rope_head_dim=16,
        v_head_dim=32,
        n_routed_experts=8,
        num_experts_per_tok=2,
        moe_intermediate_size=128,
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
    ),
}


def build(size: str, vocab_size: int, max_length: int, seed: int) -> Any:
    """A randomly initialised model, float32 on the CPU."""
    import torch
    from transformers import DeepseekV2Config, DeepseekV2ForCausalLM

    shape = SHAPES[size]
    config = DeepseekV2Config(
        **asdict(shape),
        vocab_size=vocab_size,
        num_key_value_heads=shape.num_attention_heads,
        q_lora_rank=None,
        first_k_dense_replace=1,
        n_group=1,
        topk_group=1,
        topk_method="greedy",
        norm_topk_prob=False,
        routed_scaling_factor=1.0,
        rms_norm_eps=1e-6,
        tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        max_position_embeddings=max_length,
        initializer_range=INIT_STD,
        # With a cache, attention leaks across documents whose position ids restart (measured: difference 1.8).
        use_cache=False,
        output_router_logits=True,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=None,
    )
    torch.manual_seed(seed)
    model = DeepseekV2ForCausalLM(config)
    model.config._experts_implementation = "grouped_mm"  # 2,280 tokens/s against eager's 1,910, tiny, one CPU thread
    return model


def balance_loss(router_logits: Any, top_k: int) -> Any:
    """Sum over layers of Σᵢ fᵢ Pᵢ, with f the share of choices times the number of experts (DeepSeek-V2 §2.1.3).

    `router_logits`: one [tokens, experts] tensor per mixture layer. 1 per layer when the load is even.
    """
    import torch

    total = torch.zeros((), device=router_logits[0].device)
    for logits in router_logits:
        scores = logits.float().softmax(-1)
        n_tokens, n_experts = scores.shape
        chosen = torch.zeros_like(scores).scatter_(1, scores.topk(top_k, dim=-1).indices, 1.0)
        load = chosen.sum(0) * n_experts / (top_k * n_tokens)
        total = total + (load * scores.mean(0)).sum()
    return total


def n_parameters(model: Any) -> int:
    """Trainable numbers, embeddings included."""
    return sum(parameter.numel() for parameter in model.parameters())
