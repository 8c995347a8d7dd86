"""Packed rows to training windows of a probe. Rows and their segments come in; ids and position ids go out.

The full vocabulary's output layer (102,400 words) would be most of a small model, so a small probe re-encodes the same
rows with a byte-level BPE trained on them; bits per byte compare across vocabularies. Special tokens keep their roles.
Position ids restart with every sample, which isolates samples from each other in attention.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.draws import uniform_draws

SPECIAL = ("<|begin|>", "<|end|>", "<|hole|>", "<|fim_begin|>", "<|fim_end|>")  # ids 0 to 4 of the small vocabulary

Decode = Callable[[list[int]], str]


@dataclass(frozen=True)
class Vocabulary:
    """What a probe needs of a vocabulary: text to ids and back, and the five special ids."""

    size: int
    begin: int
    end: int
    hole: int
    fim_begin: int
    fim_end: int
    encode: Callable[[str], list[int]]
    decode: Decode


def small_vocabulary(tokenizer_json: str) -> Vocabulary:
    """The vocabulary that `train_vocabulary` made; strings of special tokens inside text are encoded as text."""
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(tokenizer_json)
    made.encode_special_tokens = True

    def encode(text: str) -> list[int]:
        return list(made.encode(text, add_special_tokens=False).ids)

    roles = dict(zip(("begin", "end", "hole", "fim_begin", "fim_end"), range(len(SPECIAL)), strict=True))
    return Vocabulary(size=made.get_vocab_size(), encode=encode, decode=made.decode, **roles)


@dataclass(frozen=True)
class Windows:
    """Training windows: ids and positions, both int64 [n, length]."""

    ids: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]


def sample_pieces(rows: pa.RecordBatch) -> Iterator[npt.NDArray[np.int32]]:
    """The ids of each sample's part in each row, in order; a sample that crosses rows comes in pieces.

    Padding (a segment whose document is all zero bytes) belongs to no sample and is left out.
    """
    ids = rows["input_ids"].flatten().to_numpy().reshape(rows.num_rows, -1)
    for index, segments in enumerate(rows["segments"].to_pylist()):
        start = 0
        for at, segment in enumerate(segments):
            last = at + 1 == len(segments)
            if last or segments[at + 1]["sample"] != segment["sample"]:
                end = segment["start"] + segment["length"]
                if any(segment["document"]):
                    yield ids[index, start:end]
                start = end


def texts(pieces: Iterable[npt.NDArray[np.int32]], special: dict[int, int], decode: Decode) -> Iterator[str]:
    """Text between special tokens, for training the small vocabulary."""
    for piece in pieces:
        yield from (part for part in _parts(piece, special, decode) if isinstance(part, str))


def train_vocabulary(texts: Iterable[str], size: int) -> str:
    """A byte-level BPE of `size` tokens as tokenizer JSON; the special tokens come first."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return str(tokenizer.to_str())


def windows(
    pieces: Iterable[npt.NDArray[np.int32]],
    special: dict[int, int],
    decode: Decode,
    vocabulary: Vocabulary | None,
    length: int,
    limit: int,
) -> Windows:
    """Up to `limit` windows of `length` ids in the order of the pieces; what is left over is dropped.

    Of the small vocabulary, or of the rows' own where `vocabulary` is None.
    """
    ids: list[int] = []
    positions: list[int] = []
    for piece in pieces:
        encoded = piece.tolist() if vocabulary is None else _encoded(piece, special, decode, vocabulary)
        ids += encoded
        positions += range(len(encoded))
        if len(ids) >= limit * length:
            break
    n = min(limit, len(ids) // length)
    cut = n * length
    shape = (n, length)
    made = np.array(ids[:cut], np.int64).reshape(shape)
    return Windows(made, _within(np.array(positions[:cut], np.int64).reshape(shape)))


def _encoded(
    piece: npt.NDArray[np.int32], special: dict[int, int], decode: Decode, vocabulary: Vocabulary
) -> list[int]:
    encoded: list[int] = []
    for part in _parts(piece, special, decode):
        encoded += vocabulary.encode(part) if isinstance(part, str) else [part]
    return encoded


def drawn_rows(n_rows: int, seed: int) -> Iterator[int]:
    """Every row once, in an order drawn for this seed; costs memory for the rows taken only, not for all there are.

    Each seed reads rows of its own, so that what seeds differ by includes the luck of which rows a short run sees.
    """
    taken: set[int] = set()
    attempt = 0
    while len(taken) < n_rows:
        draw = uniform_draws(attempt.to_bytes(16, "little"), seed, "probe rows", 0, 1)[0]
        attempt += 1
        row = int(draw * n_rows)
        if row not in taken:
            taken.add(row)
            yield row


def stretch(
    pieces: Sequence[npt.NDArray[np.int32]], row: int, seed: int, turn: int, length: int
) -> list[npt.NDArray[np.int32]] | None:
    """Of a row's pieces the tokens in one stretch of `length`: turn 0 takes a drawn one, each later turn the next.

    A row is mostly one document, and a short run reads few rows: one stretch of many rows scatters less between seeds
    than all of a few. None where the row has had as many turns as it has stretches.
    """
    ends = np.cumsum([len(piece) for piece in pieces])
    stretches = max(1, int(ends[-1]) // length) if len(ends) else 0
    if turn >= stretches:
        return None
    first = int(uniform_draws(row.to_bytes(16, "little"), seed, "probe stretch", 0, 1)[0] * stretches)
    start = (first + turn) % stretches * length
    return [
        piece[max(0, start - (end - len(piece))) : start + length - (end - len(piece))]
        for piece, end in zip(pieces, ends.tolist(), strict=True)
        if end - len(piece) < start + length and end > start
    ]


def _within(positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Positions counted from the window's start where a piece began before it."""
    shifted = positions.copy()
    for row in shifted:
        restarts = np.flatnonzero(row == 0)
        first = restarts[0] if len(restarts) else len(row)
        row[:first] -= row[0]
    return shifted


def _parts(piece: npt.NDArray[np.int32], special: dict[int, int], decode: Decode) -> Iterator[str | int]:
    """Runs of plain ids as text, special ids as the small vocabulary's."""
    marks = np.flatnonzero(np.isin(piece, list(special)))
    start = 0
    for mark in [*marks.tolist(), len(piece)]:
        if mark > start:
            yield decode(piece[start:mark].tolist())
        if mark < len(piece):
            yield special[int(piece[mark])]
        start = mark + 1
