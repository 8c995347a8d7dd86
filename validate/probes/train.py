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
from glob import escape as glob_escape
from glob import glob
from typing import Any, Final, Protocol
from uuid import uuid4

from validate.probes import kernels
from validate.probes.data import Windows
from validate.probes.model import BALANCE_ALPHA, active_in, balance_loss
from validate.probes.plans import PLANS, Plan, optimizer_of, prepare

FINAL_SHARE: Final = 0.1  # of the peak learning rate (CV2 §3.2)
WARMUP_SHARE: Final = 0.05
CLIP: Final = 1.0
# Dense bfloat16 operations a second, from the vendor's data sheets; PCIe boards are slower than their SXM names.
CARD_FLOPS: Final = (("H100 PCIe", 756e12), ("H100 NVL", 835e12), ("H100", 989e12), ("H200", 989e12), ("A100", 312e12))

Tell = Callable[[dict[str, float]], None]


class Share(Protocol):
    """What one card of several knows of the others."""

    def __call__(self, positions: Any) -> float:
        """The weight of this card's mean loss, so that the mean over cards is that of all their tokens."""

    def mean(self, value: Any) -> float:
        """Over the cards."""


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
    plan: Plan = "float32"  # how weights, gradients and states are held
    cards: int = 1  # processes that share the model's parameters (FSDP), a GPU each, or a core where there is none
    recompute: bool = False  # each layer's inside once more in backward, instead of keeping it
    experts: str = "grouped_mm"  # 2,280 tokens/s against eager's 1,910 (7.9M parameters, one thread of a processor)
    attention: str = "sdpa"

    def __post_init__(self) -> None:
        if self.plan not in PLANS:
            raise ValueError(f"plan is {self.plan!r}; the plans are {', '.join(PLANS)}")
        if self.cards < 1 or self.batch % self.cards:
            raise ValueError(f"a batch of {self.batch} windows is not divided evenly among {self.cards} cards")
        if self.cards > 1 and self.plan in ("fused8", "lora"):
            raise ValueError(f"plan {self.plan} is for one card: take float32, mixed or states8 on {self.cards}")
        if min(self.steps, self.batch, self.length, self.threads) < 1 or self.learning_rate <= 0:
            raise ValueError(f"steps, batch, length, threads and learning_rate must be positive: {self}")
        kernels.check(self.experts, self.attention)

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
        for path in glob(f"{glob_escape(self.path)}*"):  # several cards keep a part each
            os.unlink(path)


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
    stepper = Stepper(placed(model, cfg), cfg)
    log: list[dict[str, float]] = []
    state = checkpoints.load(len(data.ids), cfg) if checkpoints else None
    if state is not None:
        stepper.restore(state)
        log = state["log"]
    for step in range(len(log), cfg.steps):
        started = time.perf_counter()
        chosen = slice(step * cfg.batch, (step + 1) * cfg.batch)  # windows come in a drawn order
        log.append({"step": step, **stepper.step(data.ids[chosen], data.positions[chosen], learning_rate(cfg, step))})
        if tell is not None:
            tell({**log[-1], **machine(model, data.ids[chosen].size, time.perf_counter() - started)})
        if checkpoints and (step + 1) % checkpoints.every == 0 and step + 1 < cfg.steps:
            checkpoints.save({"windows": len(data.ids), "config": cfg, **stepper.state(), "log": log})
    return log


def placed(model: Any, cfg: TrainConfig) -> Any:
    """The model as the run computes with it: its plan's precision, on a GPU where there is one, its kernels."""
    import torch

    prepare(model, cfg.plan)
    model.to("cuda" if torch.cuda.is_available() else "cpu").train()
    if cfg.recompute:
        model.activation_checkpointing_enable()
    kernels.use(model, cfg.experts, cfg.attention)
    return model


class Stepper:
    """A model with its optimizer: forward, backward, clip, step; and its whole state."""

    def __init__(self, model: Any, cfg: TrainConfig) -> None:
        self.model = model
        self.optimizer = optimizer_of(model, cfg.plan, cfg.learning_rate)
        self.fused: Any = None
        if cfg.plan == "fused8":
            from validate.probes.states import InBackward

            self.fused = InBackward(self.optimizer, CLIP)

    def step(self, ids: Any, positions: Any, rate: float, share: Share | None = None) -> dict[str, float]:
        """One step on these windows; `share` where other cards take others. Raises NotFinite."""
        import torch

        for group in self.optimizer.param_groups:
            group["lr"] = rate
        device = next(self.model.parameters()).device
        inputs, places = (torch.from_numpy(each).to(device) for each in (ids, positions))
        if self.fused is not None and not self.fused.norm:
            self._backward(inputs, places, rate, share)
            self.fused.end_step()
        loss, weighed, balance, routers = self._backward(inputs, places, rate, share)
        if self.fused is not None:
            norm = self.fused.end_step()
        else:
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
            norm = norm.full_tensor() if hasattr(norm, "full_tensor") else norm
        _check_finite(norm, "the gradient's norm is", rate)
        if self.fused is None:
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        return {
            "loss": loss.item() if share is None else share.mean(weighed),
            "gradient_norm": norm.item(),
            "balance": balance.item() / len(routers),
            "heaviest_expert": heaviest_expert(routers, self.model.config.num_experts_per_tok),
            "learning_rate": rate,
        }

    def _backward(self, ids: Any, positions: Any, rate: float, share: Share | None) -> tuple[Any, Any, Any, Any]:
        """(loss, the same weighed by this card's share, balance, router logits); gradients are there afterwards."""
        import torch

        with torch.autocast(ids.device.type, torch.bfloat16, enabled=ids.device.type == "cuda"):
            output = kernels.forward(self.model, ids, positions)
            loss = next_token_loss(output.logits, ids, positions)
            balance = balance_loss(output.router_logits, self.model.config.num_experts_per_tok)
        _check_finite(loss, "loss is", rate)
        weighed = loss if share is None else loss * share(positions)
        (weighed + BALANCE_ALPHA * balance).backward()
        return loss, weighed, balance, output.router_logits

    def state(self) -> dict[str, Any]:
        import torch

        norm = self.fused.norm if self.fused else 0.0
        weights = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        return {**weights, "random": torch.get_rng_state(), "norm": norm}

    def restore(self, state: dict[str, Any]) -> None:
        import torch

        self.model.load_state_dict(state["model"])
        _load_states(self.optimizer, state["optimizer"])
        torch.set_rng_state(state["random"])
        if self.fused:
            self.fused.norm = state["norm"]


def _load_states(optimizer: Any, state: dict[str, Any]) -> None:
    """As they were: PyTorch would cast states to the weights' precision, which codes of 8 bits do not survive."""
    optimizer.load_state_dict(state)
    own = [p for group in optimizer.param_groups for p in group["params"]]
    for index, kept in state["state"].items():
        device = own[index].device
        optimizer.state[own[index]] = {
            name: value.to(device) if hasattr(value, "to") and name != "step" else value for name, value in kept.items()
        }


def _check_finite(value: Any, what: str, rate: float) -> None:
    import torch

    if not torch.isfinite(value):
        raise NotFinite(f"{what} {value.item()} at learning rate {rate:.3g}: lower learning_rate")


def heaviest_expert(router_logits: Any, top_k: int) -> float:
    """Largest load of an expert over all layers, as a multiple of the even load."""
    import torch

    heaviest = 0.0
    for logits in router_logits:
        chosen = logits.detach().topk(top_k, dim=-1).indices.flatten()
        counts = torch.bincount(chosen, minlength=logits.shape[-1])
        heaviest = max(heaviest, counts.max().item() * logits.shape[-1] / chosen.numel())
    return heaviest


def machine(model: Any, tokens: int, seconds: float) -> dict[str, float]:
    """Speed, memory, and on a known card the share of its peak: 6 operations a token and active parameter."""
    import torch

    told = {"tokens_per_second": tokens / seconds}
    if not torch.cuda.is_available():
        return {**told, "peak_bytes": float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)}
    told["peak_bytes"] = float(torch.cuda.max_memory_allocated())
    card = torch.cuda.get_device_name()
    peak = next((flops for name, flops in CARD_FLOPS if name in card), None)
    if peak is not None:
        told["share_of_peak"] = 6 * active_in(model) * tokens / seconds / peak
    return told


class LogTo:
    """A JSONL file that grows by a line per step; `run` (its seed, its steps) stands in each."""

    def __init__(self, path: str, run: dict[str, float]) -> None:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        self.path, self.run = path, run

    def __call__(self, entry: dict[str, float]) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps({**self.run, **entry}) + "\n")


def next_token_loss(logits: Any, ids: Any, positions: Any) -> Any:
    """Mean cross-entropy in nats; the first token of a sample is nobody's target."""
    import torch

    targets = ids[:, 1:].masked_fill(positions[:, 1:] == 0, -100)
    flat = logits[:, :-1].reshape(-1, logits.shape[-1]).float()
    return torch.nn.functional.cross_entropy(flat, targets.reshape(-1))
