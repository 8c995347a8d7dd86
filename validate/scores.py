"""Scores of a model on held-out documents: bits per byte, which compare across vocabularies, and infilling.

Comes in: a model, a vocabulary, documents. Goes out: bits per document, per infilled span, and exact matches. What is
held out, and what is compared with what, is not known here.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from corpus.draws import uniform_draws
from validate.infilling import Span
from validate.probes.data import Vocabulary

F64 = npt.NDArray[np.float64]

Piece = tuple[int, list[int], int, int]  # owner, window, its targets from this position on, its place in its owner
_WINDOWS: Final = 16  # scored at once


@dataclass(frozen=True, slots=True)
class Document:
    """One held-out document, or an excerpt of it."""

    id: str
    domain: str
    language: str | None
    text: str
    comments: npt.NDArray[np.uint8]  # per byte of the text: 1 in a comment, else 0


def excerpt(text: str, key: bytes, n_bytes: int) -> slice:
    """Where in the text's UTF-8 some `n_bytes` lie, from a drawn line on; all of it where it is shorter.

    Beginnings alone are licences and imports, which say little of how a file goes on.
    """
    raw = text.encode()
    if len(raw) <= n_bytes:
        return slice(0, len(raw))
    start = int(uniform_draws(key, 0, "excerpt", 0, 1)[0] * (len(raw) - n_bytes))
    line = raw.rfind(b"\n", 0, start + 1) + 1
    start = line if start - line < n_bytes else start  # one line may be a whole file
    end = start + n_bytes
    while start < end and raw[start] & 0xC0 == 0x80:  # within a character
        start += 1
    while end > start and end < len(raw) and raw[end] & 0xC0 == 0x80:
        end -= 1
    return slice(start, end)


def other_order(text: str, key: bytes) -> str:
    """The same lines in a drawn order: a model that has seen documents whole finds this the less likely one."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    draws = uniform_draws(key, 0, "line order", 0, len(lines))
    return "".join(lines[i] for i in sorted(range(len(lines)), key=draws.__getitem__))


def document_bits(model: Any, vocabulary: Vocabulary, texts: Sequence[str], length: int) -> list[float]:
    """Bits that the model needs for each text, in windows of `length` tokens that each start after a begin token.

    Windows do not see each other: a long document costs a little more than with unbroken context, alike for all models.
    """
    encoded = [vocabulary.encode(text) for text in texts]
    return [float(bits.sum()) for bits in _token_bits(model, vocabulary, encoded, length)]


def comment_bits(
    model: Any, vocabulary: Vocabulary, documents: Sequence[Document], length: int
) -> tuple[list[float], list[float]]:
    """Per document its bits, as `document_bits`, and the part of them that its comments cost.

    A token's bits are those of its bytes in equal parts: a token that holds the end of a comment and the line after
    it counts for both. So comments and the rest add up to the whole.
    """
    assert vocabulary.sizes is not None, "the bytes of this vocabulary's tokens are not known"
    encoded = [vocabulary.encode(document.text) for document in documents]
    found = _token_bits(model, vocabulary, encoded, length)
    inside = []
    for document, ids, bits in zip(documents, encoded, found, strict=True):
        sizes = vocabulary.sizes[ids] if ids else np.zeros(0, np.int64)
        inside.append(float(np.repeat(bits / sizes, sizes) @ document.comments))
    return [float(bits.sum()) for bits in found], inside


def _token_bits(model: Any, vocabulary: Vocabulary, encoded: Sequence[Sequence[int]], length: int) -> Sequence[F64]:
    """Bits of each token of each text."""
    pieces = [
        (owner, [vocabulary.begin, *ids[start : start + length - 1]], 1, start)
        for owner, ids in enumerate(encoded)
        for start in range(0, len(ids), length - 1)
    ]
    bits = [np.zeros(len(ids)) for ids in encoded]
    for (owner, _, _, start), costs in _costs(model, pieces):
        bits[owner][start : start + len(costs)] = costs
    return bits


def _costs(model: Any, pieces: list[Piece]) -> Iterable[tuple[Piece, F64]]:
    """(window, bits of each of its tokens from its first target on); windows of like length are scored together."""
    import torch

    device = next(model.parameters()).device
    model.eval()
    pieces = sorted(pieces, key=lambda piece: len(piece[1]))
    for start in range(0, len(pieces), _WINDOWS):
        chosen = pieces[start : start + _WINDOWS]
        longest = len(chosen[-1][1])
        ids = torch.zeros((len(chosen), longest), dtype=torch.long)
        targets = torch.full((len(chosen), longest), -100)
        for row, (_, window, first, _) in enumerate(chosen):
            ids[row, : len(window)] = torch.tensor(window)
            targets[row, first : len(window)] = ids[row, first : len(window)]
        with torch.no_grad():
            logits = model(input_ids=ids.to(device), use_cache=False).logits[:, :-1].float()
            nats = torch.nn.functional.cross_entropy(
                logits.transpose(1, 2), targets[:, 1:].to(device), reduction="none", ignore_index=-100
            )
        for piece, costs in zip(chosen, nats.double().cpu().numpy() / math.log(2), strict=True):
            yield piece, costs[piece[2] - 1 : len(piece[1]) - 1]


def bits_per_byte(
    model: Any, vocabulary: Vocabulary, documents: Sequence[tuple[str, str]], length: int
) -> dict[str, dict[str, float]]:
    """By domain: documents, bytes, and bits per byte over all of them. `documents`: (domain, text)."""
    documents = [(domain, text) for domain, text in documents if text]
    totals: dict[str, dict[str, float]] = {}
    found = document_bits(model, vocabulary, [text for _, text in documents], length)
    for (domain, text), bits in zip(documents, found, strict=True):
        total = totals.setdefault(domain, {"documents": 0, "bytes": 0, "bits": 0.0})
        total["documents"] += 1
        total["bytes"] += len(text.encode())
        total["bits"] += bits
    for total in totals.values():
        total["bits_per_byte"] = total.pop("bits") / total["bytes"]
    return dict(sorted(totals.items()))


def infill_prompt(vocabulary: Vocabulary, span: Span) -> list[int]:
    """As the model card: FIM begin, prefix, hole, suffix, FIM end; the model writes the middle."""
    if min(vocabulary.fim_begin, vocabulary.hole, vocabulary.fim_end) < 0:
        raise ValueError("this vocabulary has no tokens for infilling: ask its model for completions only")
    prefix, suffix = vocabulary.encode(span.prefix), vocabulary.encode(span.suffix)
    return [vocabulary.fim_begin, *prefix, vocabulary.hole, *suffix, vocabulary.fim_end]


def completion_prompt(vocabulary: Vocabulary, text: str) -> list[int]:
    """As the model card: the raw text after the begin token."""
    return [vocabulary.begin, *vocabulary.encode(text)]


def continuation_bits(model: Any, vocabulary: Vocabulary, pairs: Sequence[tuple[list[int], str]]) -> list[float]:
    """Bits of each continuation after its prompt. A pair is (prompt ids, text)."""
    pieces = [
        (owner, [*prompt, *vocabulary.encode(text)], len(prompt), 0) for owner, (prompt, text) in enumerate(pairs)
    ]
    bits = [0.0] * len(pairs)
    for (owner, *_), costs in _costs(model, pieces):
        bits[owner] = float(costs.sum())
    return bits


def generate(model: Any, vocabulary: Vocabulary, prompt: list[int], most: int) -> str:
    """Greedy, up to `most` tokens or the end token; without a cache, so for short answers."""
    import torch

    device = next(model.parameters()).device
    model.eval()
    ids = list(prompt)
    with torch.no_grad():
        for _ in range(most):
            logits = model(input_ids=torch.tensor([ids], device=device), use_cache=False).logits[0, -1]
            best = int(logits.argmax())
            if best == vocabulary.end:
                break
            ids.append(best)
    return vocabulary.decode(ids[len(prompt) :])


def infilling(model: Any, vocabulary: Vocabulary, spans: Sequence[Span], generated: int) -> dict[str, dict[str, float]]:
    """By kind of span: bits per byte of the middle, and exact matches of greedy answers for the first `generated`.

    A single line is compared as RepoBench and CV2 do: the first generated line; the other kinds as a whole.
    """
    bits = continuation_bits(model, vocabulary, [(infill_prompt(vocabulary, span), span.middle) for span in spans])
    made: dict[str, dict[str, float]] = {}
    for span, cost in zip(spans, bits, strict=True):
        total = made.setdefault(span.kind, {"spans": 0, "bytes": 0, "bits": 0.0, "generated": 0, "matches": 0})
        total["spans"] += 1
        total["bytes"] += len(span.middle.encode())
        total["bits"] += cost
        if total["generated"] < generated:
            most = len(vocabulary.encode(span.middle)) + 4
            answer = generate(model, vocabulary, infill_prompt(vocabulary, span), most)
            total["generated"] += 1
            total["matches"] += span.matches(answer)
    for total in made.values():
        total["bits_per_byte"] = total.pop("bits") / total["bytes"]
    return dict(sorted(made.items()))


def chosen_by_likelihood(
    model: Any, vocabulary: Vocabulary, question: str, choices: Sequence[str], *, per_byte: bool
) -> int:
    """Index of the answer that costs the fewest bits after the question, or the fewest per byte."""
    prompt = completion_prompt(vocabulary, question)
    bits = continuation_bits(model, vocabulary, [(prompt, choice) for choice in choices])
    sizes = [len(choice.encode()) if per_byte else 1 for choice in choices]
    return min(range(len(choices)), key=lambda i: bits[i] / sizes[i])
