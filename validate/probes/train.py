"""One short training run: windows in, a trained model and its log out.

The published policy (AdamW 0.9/0.95, weight decay 0.1, clipping 1.0, cosine to 10 % after a warm-up), the warm-up of
2,000 steps scaled down to the run's length: a twentieth of the steps. A run that is stopped goes on from its newest
checkpoint and ends, on a processor, with the same bits.
"""

import json
import math
import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from corpus.draws import uniform_draws
from validate.probes.data import Windows
from validate.probes.model import BALANCE_ALPHA, balance_loss

FINAL_SHARE: Final = 0.1  # of the peak learning rate (CV2 §3.2)
WARMUP_SHARE: Final = 0.05
CLIP: Final = 1.0

Tell = Callable[[dict[str, float]], None]


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Length and pace of a run. The learning rate is the probe's own: CV2's is unpublished, and for large models.

    2e-3 ended at 3.95 after 400 steps of 512 tokens, 4e-3 at 3.89, 4e-3 with twice the steps of half the size at 3.96
    (tiny, one seed each).
    """

    steps: int = 40
    batch: int = 4
    length: int = 256
    learning_rate: float = 3e-3
    seed: int = 0
    threads: int = 1  # two beside other work on two cores: 775 s for a run of 68 s

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.length, self.threads) < 1 or self.learning_rate <= 0:
            raise ValueError(f"steps, batch, length, threads and learning_rate must be positive: {self}")

    @property
    def windows(self) -> int:
        return self.steps * self.batch


class NotFinite(ArithmeticError):
    """The loss or the gradient is not a number any more; the message names the step and the way out."""


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """Where a run keeps its state, on a local disk, and how often; the newest replaces the one before."""

    path: str
    every: int  # steps

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"a checkpoint every {self.every} steps: give 1 or more")

    def load(self, windows: int, cfg: TrainConfig) -> dict[str, Any] | None:
        """The newest state of this very run, or None. A state of another run is refused, not silently trained over."""
        import torch

        if not os.path.exists(self.path):
            return None
        state: dict[str, Any] = torch.load(self.path, weights_only=False, map_location="cpu")
        if (state["windows"], state["config"]) != (windows, cfg):
            raise ValueError(f"{self.path} is of another run ({state['config']}): delete it, or name another place")
        return state

    def save(self, state: dict[str, Any]) -> None:
        import torch

        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        partial = f"{self.path}.{uuid4().hex}"
        torch.save(state, partial)
        os.replace(partial, self.path)

    def remove(self) -> None:
        """Once the run's results are kept, its state is not needed."""
        if os.path.exists(self.path):
            os.unlink(self.path)


def learning_rate(cfg: TrainConfig, step: int) -> float:
    """Linear warm-up, then cosine to a tenth of the peak at the last step."""
    warmup = max(1, round(WARMUP_SHARE * cfg.steps))
    if step < warmup:
        return cfg.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, cfg.steps - 1 - warmup)
    return cfg.learning_rate * (FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * progress)))


def check_length(found: int, cfg: TrainConfig) -> None:
    """Raises ValueError where the windows do not last for the steps; before anything is trained."""
    if found < cfg.windows:
        raise ValueError(
            f"{cfg.steps} steps of {cfg.batch} need {cfg.windows} windows, the rows give {found}: fewer steps"
        )


def optimizer_of(model: Any, cfg: TrainConfig) -> Any:
    """AdamW as published; norms and biases are not decayed."""
    import torch

    decayed = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=cfg.learning_rate, betas=(0.9, 0.95))


def train(
    model: Any, data: Windows, cfg: TrainConfig, checkpoints: Checkpoints | None = None, tell: Tell | None = None
) -> list[dict[str, float]]:
    """Train in place; one log entry per step: loss, gradient norm, balance and heaviest expert, learning rate.

    `tell` is handed each entry with tokens per second and memory, which are the machine's and not the run's. Raises
    ValueError where the windows do not last for the steps, and NotFinite where the loss is no number.
    """
    import torch

    check_length(len(data.ids), cfg)
    torch.set_num_threads(cfg.threads)
    torch.manual_seed(cfg.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device).train()
    optimizer = optimizer_of(model, cfg)
    log: list[dict[str, float]] = []
    state = checkpoints.load(len(data.ids), cfg) if checkpoints else None
    if state is not None:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        log = state["log"]
    order = shuffled(cfg.windows, cfg.seed)
    for step in range(len(log), cfg.steps):
        started = time.perf_counter()
        chosen = order[step * cfg.batch : (step + 1) * cfg.batch]
        ids = torch.from_numpy(data.ids[chosen]).to(device)
        positions = torch.from_numpy(data.positions[chosen]).to(device)
        log.append({"step": step, **one_step(model, optimizer, ids, positions, learning_rate(cfg, step))})
        if tell is not None:
            tell({**log[-1], **_machine(ids.numel(), time.perf_counter() - started)})
        if checkpoints and (step + 1) % checkpoints.every == 0 and step + 1 < cfg.steps:
            weights = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            same = {"windows": len(data.ids), "config": cfg, "random": torch.get_rng_state()}
            checkpoints.save({**weights, **same, "log": log})
    return log


def one_step(model: Any, optimizer: Any, ids: Any, positions: Any, rate: float) -> dict[str, float]:
    """Forward, backward, clip, step."""
    import torch

    for group in optimizer.param_groups:
        group["lr"] = rate
    device = ids.device.type
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        output = model(input_ids=ids, position_ids=positions, use_cache=False, output_router_logits=True)
        loss = next_token_loss(output.logits, ids, positions)
        balance = balance_loss(output.router_logits, model.config.num_experts_per_tok)
    if not torch.isfinite(loss):
        raise NotFinite(f"loss is {loss.item()} at learning rate {rate:.3g}: lower learning_rate")
    (loss + BALANCE_ALPHA * balance).backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    if not torch.isfinite(norm):
        raise NotFinite(f"the gradient's norm is {norm.item()} at learning rate {rate:.3g}: lower learning_rate")
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return {
        "loss": loss.item(),
        "gradient_norm": norm.item(),
        "balance": balance.item() / len(output.router_logits),
        "heaviest_expert": heaviest_expert(output.router_logits, model.config.num_experts_per_tok),
        "learning_rate": rate,
    }


def heaviest_expert(router_logits: Any, top_k: int) -> float:
    """Largest load of an expert over all layers, as a multiple of the even load."""
    import torch

    heaviest = 0.0
    for logits in router_logits:
        chosen = logits.detach().topk(top_k, dim=-1).indices.flatten()
        counts = torch.bincount(chosen, minlength=logits.shape[-1])
        heaviest = max(heaviest, counts.max().item() * logits.shape[-1] / chosen.numel())
    return heaviest


def _machine(tokens: int, seconds: float) -> dict[str, float]:
    import torch

    if torch.cuda.is_available():
        peak = torch.cuda.max_memory_allocated()
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"tokens_per_second": tokens / seconds, "peak_bytes": float(peak)}


def log_to(path: str) -> Tell:
    """A JSONL file that grows by a line per step."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)

    def tell(entry: dict[str, float]) -> None:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")

    return tell


def shuffled(count: int, seed: int) -> list[int]:
    """Windows in a drawn order: neighbours come from one row, often from one document, and would make a batch alike."""
    draws = [uniform_draws(index.to_bytes(16, "little"), seed, "probe", 0, 1)[0] for index in range(count)]
    return sorted(range(count), key=draws.__getitem__)


def next_token_loss(logits: Any, ids: Any, positions: Any) -> Any:
    """Mean cross-entropy in nats; the first token of a sample is nobody's target."""
    import torch

    targets = ids[:, 1:].masked_fill(positions[:, 1:] == 0, -100)
    flat = logits[:, :-1].reshape(-1, logits.shape[-1]).float()
    return torch.nn.functional.cross_entropy(flat, targets.reshape(-1))
