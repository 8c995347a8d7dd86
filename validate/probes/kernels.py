"""The library's kernels for experts and attention: their names, and a model that computes with two of them.

Comes in: a model and two names. Which are fastest is measured in `validate/probes/fastest.py`. Kernels add in other
orders, so that another choice ends in other bits: the names are settings of a run.
"""

from typing import Any, Final

EXPERTS: Final = ("grouped_mm", "batched_mm", "eager")  # the first is taken where nothing was measured
ATTENTIONS: Final = ("sdpa", "eager", "flash_attention_2")


def check(experts: str, attention: str) -> None:
    """Raises ValueError for a name that is none."""
    for name, found, known in (("experts", experts, EXPERTS), ("attention", attention, ATTENTIONS)):
        if found not in known:
            raise ValueError(f"{name} is {found!r}; the kernels are {', '.join(known)}")


def use(model: Any, experts: str, attention: str) -> None:
    """Raises ImportError or ValueError where the library cannot: flash attention is a package of its own."""
    model.set_attn_implementation(attention)
    model.set_experts_implementation(experts)


def forward(model: Any, ids: Any, positions: Any) -> Any:
    """The model's output on windows whose positions restart with each sample; samples do not see each other.

    Flash attention looks at positions only where there is one row (transformers 5.23: with more, attention leaks
    across samples), so it gets the windows as one.
    """
    rows = ids.shape
    if model.config._attn_implementation.startswith("flash"):
        ids, positions = ids.reshape(1, -1), positions.reshape(1, -1)
    output = model(input_ids=ids, position_ids=positions, use_cache=False, output_router_logits=True)
    output.logits = output.logits.reshape(*rows, -1)
    return output
