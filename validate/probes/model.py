"""The Lite model from transformers, and the balance loss that the library does not compute.

Comes in: a size and a vocabulary, or a checkpoint's folder; goes out: a model with every field set. Knows no data.
"""

from dataclasses import asdict
from typing import Any, Final

from validate.probes.data import Vocabulary
from validate.probes.shapes import SHAPES, Shape

BALANCE_ALPHA: Final = 0.001  # V2-Lite's expert-level balance factor
_PADDING: Final = 1.05
_YARN: Final = {
    "rope_type": "yarn",
    "rope_theta": 10000.0,
    "factor": 40.0,
    "original_max_position_embeddings": 4096,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "mscale": 0.707,
    "mscale_all_dim": 0.707,
}


class CheckpointError(ValueError):
    """A checkpoint that these rows cannot train: it is not there, or of another vocabulary."""


def build(size: str, vocab_size: int, max_length: int, seed: int) -> Any:
    """A randomly initialised model, float32 on the CPU."""
    import torch
    from transformers import DeepseekV2ForCausalLM

    torch.manual_seed(seed)
    model = DeepseekV2ForCausalLM(configuration(SHAPES[size], vocab_size, max_length))
    return prepared(model)


def configuration(shape: Shape, vocab_size: int, max_length: int) -> Any:
    """Every field set: the library's defaults are not the Lite's."""
    from transformers import DeepseekV2Config

    widths = asdict(shape)
    init_std, yarn = widths.pop("init_std"), widths.pop("yarn")
    return DeepseekV2Config(
        **widths,
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
        rope_parameters=_YARN if yarn else {"rope_type": "default", "rope_theta": 10000.0},
        max_position_embeddings=max_length,
        initializer_range=init_std,
        use_cache=False,
        output_router_logits=True,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=None,
    )


def prepared(model: Any) -> Any:
    """With a cache, attention leaks across documents whose position ids restart (measured: difference 1.8)."""
    model.config.use_cache = False
    model.config.output_router_logits = True
    # 2,280 tokens/s against eager's 1,910, 7.9M parameters, one CPU thread.
    model.config._experts_implementation = "grouped_mm"
    return model


def load(path: str, vocabulary: Vocabulary) -> Any:
    """A model to continue from: a folder written by save_pretrained, in its own precision, on the CPU.

    The configuration is read first, so that a checkpoint of another vocabulary is refused before its weights are. Sizes
    may differ by padding (DeepSeek-V2: 102,400 rows for 100,002 tokens), the begin and end tokens may not.
    """
    import os

    from transformers import AutoConfig, AutoModelForCausalLM

    if not os.path.exists(os.path.join(path, "config.json")):
        raise CheckpointError(f"no checkpoint in {path}: it has no config.json; name a folder of save_pretrained")
    config = AutoConfig.from_pretrained(path)
    if config.model_type != "deepseek_v2":
        raise CheckpointError(f"the checkpoint in {path} is a {config.model_type}; the probe trains deepseek_v2")
    padded = vocabulary.size <= config.vocab_size <= _PADDING * vocabulary.size
    if not padded or (config.bos_token_id, config.eos_token_id) != (vocabulary.begin, vocabulary.end):
        raise CheckpointError(
            f"the checkpoint in {path} has a vocabulary of {config.vocab_size:,} with begin {config.bos_token_id} and "
            f"end {config.eos_token_id}, the rows one of {vocabulary.size:,} with {vocabulary.begin} and "
            f"{vocabulary.end}: continue it on rows of its own vocabulary (vocabulary=None keeps the rows' ids)"
        )
    return prepared(AutoModelForCausalLM.from_pretrained(path, dtype="auto"))


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
