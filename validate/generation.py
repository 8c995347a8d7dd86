"""Answers that a model writes: several per prompt, drawn at a temperature or greedily. Impure: holds a model.

Comes in: a model and its vocabulary, prompts, settings. Goes out: texts. What a right answer is, is not known here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from validate.probes.data import Vocabulary

_AT_ONCE: Final = 16  # answers of one prompt written together
_LOOK_EVERY: Final = 16  # tokens between two looks for a stop


@dataclass(frozen=True, kw_only=True, slots=True)
class GenerationConfig:
    """How answers are drawn. The papers' pass@1 is greedy: temperature 0, one answer."""

    samples: int = 1
    temperature: float = 0.0
    top_p: float = 0.95
    tokens: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.samples, self.tokens) < 1 or self.temperature < 0 or not 0 < self.top_p <= 1:
            raise ValueError(f"samples and tokens are 1 or more, temperature 0 or more, top_p in (0, 1]: {self}")
        if self.samples > 1 and self.temperature == 0:
            raise ValueError(
                f"{self.samples} samples at temperature 0 are {self.samples} times the same answer: give a temperature "
                f"(0.2 for pass@1, 0.8 for pass@10 are usual)"
            )


def answers(
    model: Any, vocabulary: Vocabulary, prompt: str, name: str, stops: Sequence[str], cfg: GenerationConfig
) -> list[str]:
    """`cfg.samples` answers to one prompt. The draws are fixed by `name` and the seed, whatever was asked before.

    A prompt that leaves no room in the model's context for the answer loses its beginning, as harnesses do.
    """
    import torch

    ids = [vocabulary.begin, *vocabulary.encode(prompt)]
    room = int(model.config.max_position_embeddings) - cfg.tokens
    if room < 2:
        raise ValueError(
            f"the model's context of {model.config.max_position_embeddings:,} tokens leaves no room for a prompt and "
            f"{cfg.tokens:,} tokens of answer: ask for fewer"
        )
    if len(ids) > room:
        ids = [vocabulary.begin, *ids[len(ids) - room + 1 :]]
    torch.manual_seed(int.from_bytes(blake2b(f"{cfg.seed}/{name}".encode(), digest_size=7).digest()))
    made: list[str] = []
    while len(made) < cfg.samples:
        count = min(_AT_ONCE, cfg.samples - len(made))
        made += _written(model, vocabulary, ids, count, stops, cfg)
    return made


def _written(
    model: Any, vocabulary: Vocabulary, ids: list[int], count: int, stops: Sequence[str], cfg: GenerationConfig
) -> list[str]:
    import torch

    drawn = {"temperature": cfg.temperature, "top_p": cfg.top_p, "top_k": 0} if cfg.temperature else {}
    start = torch.tensor([ids] * count, device=model.device)
    with torch.no_grad():
        out = model.generate(
            input_ids=start,
            attention_mask=torch.ones_like(start),
            max_new_tokens=cfg.tokens,
            do_sample=cfg.temperature > 0,
            eos_token_id=vocabulary.end,
            pad_token_id=vocabulary.end,
            use_cache=True,
            stopping_criteria=[_Stops(vocabulary, len(ids), stops)],
            **drawn,
        )
    return [vocabulary.decode(_before(row, vocabulary.end)) for row in out[:, len(ids) :].tolist()]


def _before(ids: list[int], end: int) -> list[int]:
    return ids[: ids.index(end)] if end in ids else ids


class _Stops:
    """Ends when every answer has ended or holds a stop; what follows the stop is cut by the reader of the answer."""

    def __init__(self, vocabulary: Vocabulary, start: int, stops: Sequence[str]) -> None:
        self.vocabulary, self.start, self.stops = vocabulary, start, stops

    def __call__(self, ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        if (ids.shape[1] - self.start) % _LOOK_EVERY:
            return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
        texts = [self.vocabulary.decode(_before(row, self.vocabulary.end)) for row in ids[:, self.start :].tolist()]
        ended = [any(stop in text for stop in self.stops) for text in texts]
        return torch.tensor(ended, dtype=torch.bool, device=ids.device)
