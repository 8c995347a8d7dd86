"""How a run's weights, gradients and states are held: five plans from the plainest to the thriftiest.

Comes in: a model and a plan. Goes out: the model in the plan's precision, and its optimizer. What a plan needs of a
card is `validate/probes/memory.py`'s arithmetic.

| plan | weights | gradients | states |
|---|---|---|---|
| float32 | float32 | float32 | float32 |
| mixed | bfloat16, rounded by chance | bfloat16 | float32 |
| states8 | bfloat16 | bfloat16 | 8 bits |
| fused8 | bfloat16 | one at a time: the step is made inside backward | 8 bits |
| lora | bfloat16, frozen, float32 adapters beside each linear layer | of the adapters | float32 |
"""

from typing import Any, Final, Literal, get_args

Plan = Literal["float32", "mixed", "states8", "fused8", "lora"]

PLANS: Final[tuple[Plan, ...]] = get_args(Plan)
DECAY: Final = 0.1
RANK: Final = 16  # of the adapters
_LORA_ALPHA: Final = 32


def prepare(model: Any, plan: Plan) -> None:
    """The model's weights as the plan holds them; in place."""
    import torch

    model.to(torch.float32 if plan == "float32" else torch.bfloat16)
    if plan == "lora":
        _adapt(model)


def optimizer_of(model: Any, plan: Plan, rate: float) -> Any:
    """AdamW as published on what is trained; norms and biases are not decayed."""
    import torch

    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": DECAY},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    if plan in ("float32", "lora"):
        return torch.optim.AdamW([g for g in groups if g["params"]], lr=rate, betas=(0.9, 0.95))
    from validate.probes.states import AdamW

    return AdamW(groups, lr=rate, bits=32 if plan == "mixed" else 8)


def _adapt(model: Any) -> None:
    """Everything is frozen; each linear layer but the output gets an adapter. Stacked experts are no such layers."""
    import torch

    model.requires_grad_(False)
    for name, layer in list(model.named_modules()):
        if isinstance(layer, torch.nn.Linear) and not name.endswith("lm_head"):
            _add_adapter(layer)


def _add_adapter(layer: Any) -> None:
    """W x + (alpha / rank) B A x, with B at zero: the first step starts from the model as it is."""
    import torch

    down = torch.nn.Parameter(torch.empty(RANK, layer.in_features, device=layer.weight.device))
    torch.nn.init.kaiming_uniform_(down, a=5**0.5)
    layer.register_parameter("lora_down", down)
    layer.register_parameter(
        "lora_up", torch.nn.Parameter(torch.zeros(layer.out_features, RANK, device=layer.weight.device))
    )

    def add(module: Any, inputs: Any, output: Any) -> Any:
        beside = inputs[0].to(module.lora_down.dtype) @ module.lora_down.T @ module.lora_up.T
        return output + (beside * (_LORA_ALPHA / RANK)).to(output.dtype)

    layer.lora_hook = layer.register_forward_hook(add)


def merge_adapters(model: Any) -> None:
    """W + (alpha / rank) B A in the place of W, and no adapter any more: a plain model, to be saved."""
    import torch

    with torch.no_grad():
        for layer in model.modules():
            if hasattr(layer, "lora_up"):
                layer.weight += (layer.lora_up @ layer.lora_down * (_LORA_ALPHA / RANK)).to(layer.weight.dtype)
                layer.lora_hook.remove()
                del layer.lora_up, layer.lora_down, layer.lora_hook
