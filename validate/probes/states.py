"""AdamW whose states fit a card: float32 or 8 bits a number, on float32 or bfloat16 weights, also inside backward.

Comes in: parameters and their gradients. Goes out: the step. Imports torch when imported, so import it where a run
begins. 8 bits: blocks of 256 numbers share a float32 scale, and a code stands for a power of its share of the block's
largest: the third for the mean (down to 5e-7 of it), the fifth for the square (down to 1e-12), as Adam divides by its
root. The square is rounded up from zero: a code of nothing would divide by nothing. bfloat16 weights are rounded up or
down by chance, or steps under 1/256 of a weight would be lost; the draws are the generator's, whose state is the run's.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from torch import Tensor

BLOCK: Final = 256
_AT_ONCE: Final = 1 << 24  # numbers of one parameter stepped together: temporaries stay near 0.4 GB
_MEAN_POWER: Final = 3.0
_SQUARE_POWER: Final = 5.0
BETAS: Final = (0.9, 0.95)
EPSILON: Final = 1e-8


def encode_signed(values: Tensor) -> tuple[Tensor, Tensor]:
    """(codes, scales) of a flat float32 tensor."""
    blocks, scales = _blocks(values)
    shares = (blocks / scales.clamp_min(1e-38)[:, None]).abs().pow(1 / _MEAN_POWER)
    codes = (shares * 127).round() * blocks.sign()
    return codes.to(torch.int8).flatten()[: values.numel()], scales


def decode_signed(codes: Tensor, scales: Tensor) -> Tensor:
    """What the codes stand for."""
    shares = codes.float() / 127
    return _scaled(shares.abs().pow(_MEAN_POWER) * shares.sign(), scales)


def encode_square(values: Tensor) -> tuple[Tensor, Tensor]:
    """(codes, scales) of a flat float32 tensor without negatives; what is above zero gets a code above zero."""
    blocks, scales = _blocks(values)
    shares = (blocks / scales.clamp_min(1e-38)[:, None]).pow(1 / _SQUARE_POWER)
    codes = torch.where(blocks > 0, (shares * 255).round().clamp_min(1), 0.0)
    return codes.to(torch.uint8).flatten()[: values.numel()], scales


def decode_square(codes: Tensor, scales: Tensor) -> Tensor:
    """What the codes stand for."""
    return _scaled((codes.float() / 255).pow(_SQUARE_POWER), scales)


def _blocks(values: Tensor) -> tuple[Tensor, Tensor]:
    padded = torch.nn.functional.pad(values, (0, -values.numel() % BLOCK)).view(-1, BLOCK)
    return padded, padded.abs().amax(dim=1)


def _scaled(shares: Tensor, scales: Tensor) -> Tensor:
    return shares * scales.repeat_interleave(BLOCK)[: shares.numel()]


class AdamW(torch.optim.Optimizer):
    """As published; states of 32 or 8 bits. Groups carry `lr` and `weight_decay`."""

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float, bits: int) -> None:
        if bits not in (8, 32):
            raise ValueError(f"states of {bits} bits: 8 or 32")
        self.bits = bits
        super().__init__(groups, {"lr": lr, "weight_decay": 0.0})  # type: ignore[no-untyped-call]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self.step_one(parameter, group, 1.0)

    @torch.no_grad()
    def step_one(self, parameter: Tensor, group: dict[str, Any], scale: float) -> None:
        """One parameter, its gradient times `scale`."""
        state = self.state[parameter]
        state["step"] = state.get("step", 0) + 1
        weights, gradient = _local(parameter).view(-1), _local(parameter.grad).reshape(-1)
        if "mean" not in state:
            self._begin(state, weights)
        for low in range(0, weights.numel(), _AT_ONCE):
            self._slice(state, slice(low, low + _AT_ONCE), weights, gradient, group, scale)

    def _begin(self, state: dict[str, Any], weights: Tensor) -> None:
        n = weights.numel()
        kinds = (torch.int8, torch.uint8) if self.bits == 8 else (torch.float32, torch.float32)
        for name, kind in zip(("mean", "square"), kinds, strict=True):
            state[name] = torch.zeros(n, dtype=kind, device=weights.device)
            if self.bits == 8:
                state[f"{name}_scale"] = torch.zeros(-(-n // BLOCK), dtype=torch.float32, device=weights.device)

    def _slice(
        self, state: dict[str, Any], here: slice, weights: Tensor, gradient: Tensor, group: dict[str, Any], scale: float
    ) -> None:
        blocks = slice(here.start // BLOCK, -(-here.stop // BLOCK))  # _AT_ONCE is a multiple of BLOCK
        g = gradient[here].float() * scale
        if self.bits == 8:
            mean = decode_signed(state["mean"][here], state["mean_scale"][blocks])
            square = decode_square(state["square"][here], state["square_scale"][blocks])
        else:
            mean, square = state["mean"][here], state["square"][here]
        mean = mean.lerp(g, 1 - BETAS[0])
        square = square * BETAS[1] + (1 - BETAS[1]) * g * g
        unbiased = [1 - beta ** state["step"] for beta in BETAS]
        denominator = square.sqrt() / math.sqrt(unbiased[1]) + EPSILON
        w = weights[here].float()
        w = w * (1 - group["lr"] * group["weight_decay"]) - group["lr"] / unbiased[0] * mean / denominator
        weights[here] = _rounded(w, weights.dtype)
        if self.bits == 8:
            state["mean"][here], state["mean_scale"][blocks] = encode_signed(mean)
            state["square"][here], state["square_scale"][blocks] = encode_square(square)
        else:
            state["mean"][here], state["square"][here] = mean, square


def _local(tensor: Any) -> Tensor:
    """This card's part, where a parameter is split among several."""
    local: Tensor = tensor.to_local() if hasattr(tensor, "to_local") else tensor
    return local


def _rounded(values: Tensor, kind: torch.dtype) -> Tensor:
    """float32 as it is; bfloat16 up or down by chance in proportion to what is nearer."""
    if kind != torch.bfloat16:
        return values.to(kind)
    bits = values.contiguous().view(torch.int32)
    noise = torch.randint(0, 1 << 16, bits.shape, dtype=torch.int32, device=bits.device)
    return ((bits + noise) & -65536).view(torch.float32).to(torch.bfloat16)


class InBackward:
    """Steps each parameter as soon as its gradient is whole, and frees it: one gradient lives at a time.

    The norm of all gradients is known only at the end, so a step is clipped by the norm of the one before; the very
    first backward only measures (`norm` is 0 until then), and is to be made again.
    """

    def __init__(self, optimizer: AdamW, clip: float) -> None:
        self.optimizer, self.clip = optimizer, clip
        self.norm = 0.0  # of the last whole step
        self._squares: list[Tensor] = []
        for index, group in enumerate(optimizer.param_groups):
            for parameter in group["params"]:
                parameter.register_post_accumulate_grad_hook(self._hook(index))

    def _hook(self, index: int) -> Callable[[Tensor], None]:
        """By the group's index: loading a state puts new groups in the place of the old."""

        def step(parameter: Tensor) -> None:
            gradient = parameter.grad
            assert gradient is not None
            self._squares.append(gradient.detach().float().square().sum())
            if self.norm:
                self.optimizer.step_one(parameter, self.optimizer.param_groups[index], min(1.0, self.clip / self.norm))
            parameter.grad = None

        return step

    def end_step(self) -> Tensor:
        """The norm of the step that has just been made; the next one is clipped by it."""
        norm = torch.stack(self._squares).sum().sqrt()
        self._squares = []
        self.norm = float(norm)
        return norm
