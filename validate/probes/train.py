"""One short training run: windows in, a trained model and its log out.

The published policy (AdamW 0.9/0.95, weight decay 0.1, clipping 1.0, cosine to 10 % after a warm-up), the warm-up of
2,000 steps scaled down to the run's length: a twentieth of the steps.
"""

import math
from dataclasses import dataclass
from typing import Any

from corpus.draws import uniform_draws
from validate.probes.data import Windows
from validate.probes.model import BALANCE_ALPHA, balance_loss

FINAL_SHARE = 0.1  # of the peak learning rate (CV2 §3.2)
WARMUP_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Length and pace of a run. The learning rate is the probe's own: CV2's is unpublished, and for large models."""

    steps: int = 40
    batch: int = 4
    length: int = 256
    learning_rate: float = 2e-3
    seed: int = 0
    threads: int = 1  # two beside other work on two cores: 775 s for a run of 68 s

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.length, self.threads) < 1 or self.learning_rate <= 0:
            raise ValueError(f"steps, batch, length, threads and learning_rate must be positive: {self}")


def learning_rate(cfg: TrainConfig, step: int) -> float:
    """Linear warm-up, then cosine to a tenth of the peak at the last step."""
    warmup = max(1, round(WARMUP_SHARE * cfg.steps))
    if step < warmup:
        return cfg.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(1, cfg.steps - 1 - warmup)
    return cfg.learning_rate * (FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * progress)))


def train(model: Any, data: Windows, cfg: TrainConfig) -> list[dict[str, float]]:
    """Train in place; one log entry per step: loss, gradient norm, balance, learning rate.

    Raises ValueError where the windows do not last for the steps, and where the loss is not finite.
    """
    import torch

    needed = cfg.steps * cfg.batch
    if len(data.ids) < needed:
        raise ValueError(
            f"{cfg.steps} steps of {cfg.batch} need {needed} windows, the rows give {len(data.ids)}: fewer steps"
        )
    torch.set_num_threads(cfg.threads)
    torch.manual_seed(cfg.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device).train()
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=cfg.learning_rate, betas=(0.9, 0.95))
    log = []
    order = shuffled(needed, cfg.seed)
    for step in range(cfg.steps):
        chosen = order[step * cfg.batch : (step + 1) * cfg.batch]
        ids = torch.from_numpy(data.ids[chosen]).to(device)
        positions = torch.from_numpy(data.positions[chosen]).to(device)
        rate = learning_rate(cfg, step)
        for group in optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            output = model(input_ids=ids, position_ids=positions, use_cache=False, output_router_logits=True)
            loss = next_token_loss(output.logits, ids, positions)
            balance = balance_loss(output.router_logits, model.config.num_experts_per_tok)
        if not torch.isfinite(loss):
            raise ValueError(f"loss is {loss.item()} at step {step}: lower learning_rate ({cfg.learning_rate})")
        (loss + BALANCE_ALPHA * balance).backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        layers = len(output.router_logits)
        entry = {
            "loss": loss.item(),
            "gradient_norm": norm.item(),
            "balance": balance.item() / layers,
            "learning_rate": rate,
        }
        log.append({"step": step, **entry})
    return log


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
