"""Scores of a model on held-out documents: bits per byte, which compare across vocabularies."""

import math
from collections.abc import Sequence
from typing import Any


def document_bits(model: Any, vocabulary: Any, text: str, length: int) -> float:
    """Bits that the model needs for the text, in windows of `length` tokens that each start after a begin token.

    Windows do not see each other: a long document costs a little more than with unbroken context, alike for all models.
    """
    import torch

    ids = vocabulary.encode(text, add_special_tokens=False).ids
    device = next(model.parameters()).device
    nats = 0.0
    for start in range(0, len(ids), length - 1):
        window = torch.tensor([[0, *ids[start : start + length - 1]]], device=device)
        logits = model(input_ids=window, use_cache=False).logits[0, :-1].float()
        nats += torch.nn.functional.cross_entropy(logits, window[0, 1:], reduction="sum").item()
    return nats / math.log(2)


def bits_per_byte(
    model: Any, vocabulary: Any, documents: Sequence[tuple[str, str]], length: int
) -> dict[str, dict[str, float]]:
    """By domain: documents, bytes, and bits per byte over all of them. `documents`: (domain, text)."""
    import torch

    totals: dict[str, dict[str, float]] = {}
    model.eval()
    with torch.no_grad():
        for domain, text in documents:
            if not text:
                continue
            total = totals.setdefault(domain, {"documents": 0, "bytes": 0, "bits": 0.0})
            total["documents"] += 1
            total["bytes"] += len(text.encode())
            total["bits"] += document_bits(model, vocabulary, text, length)
    for total in totals.values():
        total["bits_per_byte"] = total.pop("bits") / total["bytes"]
    return dict(sorted(totals.items()))
