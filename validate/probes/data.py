"""Packed rows to training windows of a probe. Rows and their segments come in; ids and position ids go out.

The full vocabulary's output layer (102,400 words) would be most of a small model, so a small probe re-encodes the same
rows with a byte-level BPE trained on them; bits per byte compare across vocabularies. Special tokens keep their roles.
Position ids restart with every sample, which isolates samples from each other in attention.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    sizes: npt.NDArray[np.int64] | None = None  # bytes of each id; None where ids are not known to be runs of bytes


def small_vocabulary(tokenizer_json: str) -> Vocabulary:
    """The vocabulary that `train_vocabulary` made; strings of special tokens inside text are encoded as text."""
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(tokenizer_json)
    made.encode_special_tokens = True

    def encode(text: str) -> list[int]:
        return list(made.encode(text, add_special_tokens=False).ids)

    roles = dict(zip(("begin", "end", "hole", "fim_begin", "fim_end"), range(len(SPECIAL)), strict=True))
    # A byte-level vocabulary writes each byte as one character.
    sizes = np.array([len(made.id_to_token(token) or "") for token in range(made.get_vocab_size())], np.int64)
    return Vocabulary(size=len(sizes), encode=encode, decode=made.decode, sizes=sizes, **roles)


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


@dataclass(frozen=True, order=True)
class Cell:
    """Up to `length` ids of one sample in one row: where they lie, and the draw that orders them."""

    draw: float
    row: int
    start: int
    end: int


def cells(row: int, segments: Sequence[Mapping[str, Any]], length: int, seed: int) -> Iterator[Cell]:
    """The samples of a row cut into stretches of `length`, each with a draw of its own.

    The draw is of what the stretch holds (sample, repeat, place in its document), not of where it lies: two builds
    that share a document read the same stretches of it, in the same order. Padding is left out.
    """
    at = 0
    while at < len(segments):
        first = segments[at]
        while at + 1 < len(segments) and segments[at + 1]["sample"] == first["sample"]:
            at += 1
        end = segments[at]["start"] + segments[at]["length"]
        at += 1
        if not any(first["document"]):
            continue
        for start in range(first["start"], end, length):
            place = f"{first['document'].hex()} {first['document_start'] + start - first['start']}"
            draw = uniform_draws(first["sample"], seed, f"probe {place}", first["repeat"], 1)[0]
            yield Cell(draw, row, start, min(start + length, end))


def spans(n_rows: int, size: int, seed: int) -> Iterator[range]:
    """Every row once, in ranges of up to `size` from a drawn place on; what passes the end goes on at the beginning.

    Rows lie in the order of draws of their samples, so that the same share of two builds holds the same documents
    where the builds share them; and a short run of a large build opens few of its files.
    """
    start = int(uniform_draws(bytes(16), seed, "probe rows", 0, 1)[0] * n_rows)
    for whole in (range(start, n_rows), range(start)):
        for low in range(whole.start, whole.stop, max(1, size)):
            yield range(low, min(low + max(1, size), whole.stop))


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
