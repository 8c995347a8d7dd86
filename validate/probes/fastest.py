"""Which of the library's kernels is fastest here for a model of these widths: measured, on two layers of it.

Comes in: a configuration, and the settings of a run. Goes out: the two names, and what was measured of each candidate.
A kernel that the library cannot run here, or through which samples see each other, is no candidate; why is told.
Impure by nature: it reads the clock, and what it finds is this machine's.
"""

import time
from copy import deepcopy
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final

import numpy as np

from validate.probes.kernels import ATTENTIONS, EXPERTS, forward
from validate.probes.train import Stepper, TrainConfig, placed

MARGIN: Final = 1.03  # another kernel than the first must be so much faster: a tie is not decided by noise
WARM: Final = 2  # steps before the clock starts: kernels are looked for and memory is taken
TIMED: Final = 5
_WORDS: Final = 512
_LEAK: Final = 0.05  # of what the tokens before change where samples do see each other


@dataclass(frozen=True, slots=True)
class Measured:
    """One pair of kernels: its speed on two layers, or why it is no candidate."""

    experts: str
    attention: str
    tokens_per_second: float | None
    refused: str | None


def on_gpu() -> bool:
    """Whether there is one here."""
    import torch

    return bool(torch.cuda.is_available())


def fastest(config: Any, cfg: TrainConfig) -> tuple[str, str, list[Measured]]:
    """Experts first, with the first attention; then attention, with these experts."""
    found = [measured(config, replace(cfg, experts=name, attention=ATTENTIONS[0])) for name in EXPERTS]
    experts = _best(found).experts
    found += [measured(config, replace(cfg, experts=experts, attention=name)) for name in ATTENTIONS[1:]]
    attention = _best([one for one in found if one.experts == experts]).attention
    return experts, attention, found


def _best(found: list[Measured]) -> Measured:
    """The fastest, but the first unless it is beaten by the margin. Raises ValueError where none can run."""
    able = [one for one in found if one.tokens_per_second is not None]
    if not able:
        raise ValueError("none of the kernels runs here: " + "; ".join(str(one.refused) for one in found))
    best = max(able, key=lambda one: one.tokens_per_second or 0.0)
    return able[0] if (best.tokens_per_second or 0.0) < MARGIN * (able[0].tokens_per_second or 0.0) else best


def measured(config: Any, cfg: TrainConfig) -> Measured:
    """Whole steps of a model of two layers, dense and with experts, in the run's plan and on its batch."""
    import torch
    from transformers import DeepseekV2ForCausalLM

    config = deepcopy(config)
    config.num_hidden_layers, config.vocab_size = 2, _WORDS
    torch.manual_seed(0)
    net = DeepseekV2ForCausalLM(config)
    try:
        placed(net, cfg)
        if not isolates(net, cfg.length):
            return Measured(cfg.experts, cfg.attention, None, "samples of one window see each other")
        return Measured(cfg.experts, cfg.attention, _speed(Stepper(net, cfg), cfg), None)
    except (ImportError, ValueError, RuntimeError) as error:  # a kernel that is not here, or not for this machine
        return Measured(cfg.experts, cfg.attention, None, f"{type(error).__name__}: {str(error).splitlines()[0]}")


def isolates(net: Any, length: int) -> bool:
    """Whether the second of two samples in a window comes out alike, whatever the first is."""
    import torch

    half = length // 2
    ids = _ids(1, 2 * half)
    other = ids.copy()
    other[0, :half] = (other[0, :half] + 7) % _WORDS
    apart, together = np.arange(2 * half)[None] % half, np.arange(2 * half)[None]
    device = next(net.parameters()).device
    net.eval()

    def difference(positions: Any) -> float:
        # Two rows, as a batch has: flash attention is told of samples by one row only.
        one, two = (
            forward(net, *(torch.from_numpy(np.repeat(each, 2, axis=0)).to(device) for each in (these, positions)))
            for these in (ids, other)
        )
        return float((one.logits[:, half:].float() - two.logits[:, half:].float()).abs().max())

    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        seen = difference(apart), difference(together)
    net.train()
    return seen[0] <= _LEAK * seen[1]


def synthetic(batch: int, length: int, words: int = _WORDS) -> tuple[Any, Any]:
    """Windows of a quarter's length of sample each: ids and positions. Speed does not depend on what they say."""
    positions = np.tile(np.arange(length) % max(2, length // 4), (batch, 1))
    return _ids(batch, length, words), positions


def _ids(batch: int, length: int, words: int = _WORDS) -> Any:
    draw = np.random.Generator(np.random.PCG64(0)).random((batch, length))
    return (words * draw**3).astype(np.int64)  # the first words are the frequent ones, as in text


def _speed(stepper: Stepper, cfg: TrainConfig) -> float:
    """Tokens a second, by the median step: of processor time without a GPU, where other programs run too."""
    import torch

    ids, positions = synthetic(cfg.batch // cfg.cards, cfg.length)
    clock = time.perf_counter if on_gpu() else time.process_time
    seconds = []
    for step in range(WARM + TIMED):
        started = clock()
        stepper.step(ids, positions, 1e-4)
        if on_gpu():
            torch.cuda.synchronize()
        if step >= WARM:
            seconds.append(clock() - started)
    return float(ids.size / median(seconds))
