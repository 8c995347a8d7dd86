"""The Lite model from transformers, and the balance loss that the library does not compute.

Comes in: a size and a vocabulary, or a checkpoint's folder; goes out: a model with every field set. Knows no data.
"""

import os
from dataclasses import asdict
from typing import Any, Final

from validate.probes.data import Vocabulary
from validate.probes.plans import Plan, merge_adapters
from validate.probes.shapes import SHAPES, Shape

BALANCE_ALPHA: Final = 0.001  # V2-Lite's expert-level balance factor
_PADDING: Final = 1.05
_FIM: Final = (  # hole, begin, end
    ("<｜fim▁hole｜>", "<|hole|>", "<|fim_suffix|>"),
    ("<｜fim▁begin｜>", "<|fim_begin|>", "<|fim_prefix|>"),
    ("<｜fim▁end｜>", "<|fim_end|>", "<|fim_middle|>"),
)
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


def build(size: str, vocab_size: int, max_length: int, seed: int, *, plan: Plan = "float32") -> Any:
    """A randomly initialised model, float32 on the CPU; for a thriftier plan on a GPU, there and in bfloat16.

    The Lite is 63 GB in float32, and minutes of one core to draw.
    """
    import torch
    from transformers import DeepseekV2ForCausalLM

    torch.manual_seed(seed)
    config = configuration(SHAPES[size], vocab_size, max_length)
    if plan == "float32" or not torch.cuda.is_available():
        return prepared(DeepseekV2ForCausalLM(config))
    return prepared(drawn_on("cuda", config))


def drawn_on(device: str, config: Any) -> Any:
    """Random weights in bfloat16, drawn on the device that holds them."""
    import torch
    from transformers import DeepseekV2ForCausalLM

    with torch.device(device):
        return DeepseekV2ForCausalLM._from_config(config, dtype=torch.bfloat16)


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


def configuration_for(size: str, folder: str | None, vocab_size: int = 512, max_length: int = 4096) -> Any:
    """Of a checkpoint's folder, or of a size."""
    return _configuration_of(folder) if folder else configuration(SHAPES[size], vocab_size, max_length)


def prepared(model: Any) -> Any:
    """With a cache, attention leaks across documents whose position ids restart (measured: difference 1.8)."""
    model.config.use_cache = False
    model.config.output_router_logits = True
    return model


def load(path: str, vocabulary: Vocabulary) -> Any:
    """A model to continue from: a folder written by save_pretrained, in its own precision, on the CPU.

    The configuration is read first, so that a checkpoint of another vocabulary is refused before its weights are. Sizes
    may differ by padding (DeepSeek-V2: 102,400 rows for 100,002 tokens), the begin and end tokens may not.
    """
    from transformers import AutoModelForCausalLM

    check(path, vocabulary)
    return prepared(AutoModelForCausalLM.from_pretrained(path, dtype="auto"))


def check(path: str, vocabulary: Vocabulary) -> None:
    """Raises CheckpointError where these rows cannot train the checkpoint; reads its configuration only."""
    config = _configuration_of(path)
    if config.model_type != "deepseek_v2":
        raise CheckpointError(f"the checkpoint in {path} is a {config.model_type}; the probe trains deepseek_v2")
    padded = vocabulary.size <= config.vocab_size <= _PADDING * vocabulary.size
    if not padded or (config.bos_token_id, config.eos_token_id) != (vocabulary.begin, vocabulary.end):
        raise CheckpointError(
            f"the checkpoint in {path} has a vocabulary of {config.vocab_size:,} with begin {config.bos_token_id} and "
            f"end {config.eos_token_id}, the rows one of {vocabulary.size:,} with {vocabulary.begin} and "
            f"{vocabulary.end}: continue it on rows of its own vocabulary (vocabulary=None keeps the rows' ids)"
        )


def _configuration_of(path: str) -> Any:
    from transformers import AutoConfig

    if not os.path.exists(os.path.join(path, "config.json")):
        raise CheckpointError(f"no checkpoint in {path}: it has no config.json; name a folder of save_pretrained")
    return AutoConfig.from_pretrained(path)


def opened(path: str) -> tuple[Any, Vocabulary]:
    """Any causal model with its own vocabulary, to be asked and not trained; on a GPU where there is one.

    The special tokens' ids come from the configuration (begin, end) and from tokenizer.json by the strings that FIM
    tokens have in the DeepSeek, small and OpenAI-like vocabularies; -1 where a vocabulary has none.
    """
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    config = _configuration_of(path)
    file = os.path.join(path, "tokenizer.json")
    if not os.path.exists(file):
        raise CheckpointError(f"no tokenizer.json in {path}: the model cannot be asked without its vocabulary")
    made = Tokenizer.from_file(file)
    made.encode_special_tokens = True
    ends = config.eos_token_id[0] if isinstance(config.eos_token_id, list) else config.eos_token_id
    fim = [next((found for name in names if (found := made.token_to_id(name)) is not None), -1) for names in _FIM]
    begin = ends if config.bos_token_id is None else config.bos_token_id
    words = Vocabulary(
        size=config.vocab_size,
        begin=begin,
        end=ends,
        hole=fim[0],
        fim_begin=fim[1],
        fim_end=fim[2],
        encode=lambda text: list(made.encode(text, add_special_tokens=False).ids),
        decode=lambda ids: str(made.decode(ids, skip_special_tokens=True)),
    )
    net: Any = AutoModelForCausalLM.from_pretrained(path, dtype="auto")
    return net.to("cuda" if torch.cuda.is_available() else "cpu").eval(), words


def save(net: Any, folder: str, tokenizer_json: bytes, vocabulary: Vocabulary) -> None:
    """As save_pretrained, with the vocabulary beside and its begin and end tokens in the configuration."""
    if any(name.endswith("lora_up") for name, _ in net.named_parameters()):
        merge_adapters(net)
    net.config.bos_token_id, net.config.eos_token_id = vocabulary.begin, vocabulary.end
    net.generation_config.bos_token_id, net.generation_config.eos_token_id = vocabulary.begin, vocabulary.end
    net.save_pretrained(folder)
    with open(os.path.join(folder, "tokenizer.json"), "wb") as file:
        file.write(tokenizer_json)


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


def active_in(model: Any) -> int:
    """Of these, the ones that a token passes through: its experts, and not the embedding table."""
    routed = sum(p.numel() for name, p in model.named_parameters() if ".mlp.experts." in name)
    table = model.get_input_embeddings().weight.numel()
    cfg = model.config
    return int(n_parameters(model) - table - routed * (1 - cfg.num_experts_per_tok / cfg.n_routed_experts))
