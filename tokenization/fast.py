"""Byte-level BPE over Arrow buffers, for DeepSeek-V2's pre-tokenizer: the ids of `tokenizers`, many times faster.

Comes in: the parsed `tokenizer.json`, then offsets and UTF-8 bytes of texts. Goes out: offsets and ids. Lines of
printable ASCII go through a byte automaton, other lines through the pre-tokenizer's own steps on character classes; a
hash table from pre-token to ids replaces the merges, which run once per distinct pre-token. Knows no special tokens.

Where the time went: in the library the regular expressions dominate (1 MB/s on source, one core). Here nothing does.
"""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import tokenizers
from tokenizers import pre_tokenizers

from tokenization.bpe import (
    EMPTY,
    LETTER,
    NEWLINE,
    NUMERIC,
    PUNCTUATION,
    SCRIPT,
    SPACE,
    Cache,
    Merges,
    encode_texts,
    slot_of,
)

# Beyond U+1FFFF no character is white space, numeric or named by a class of the pre-tokenizer.
_LIMIT: Final = 0x20000
_SURROGATES: Final = range(0xD800, 0xE000)

# Bounds of the pre-token table: 64 MiB per process at most. Once full, unseen pre-tokens are merged each time.
_SLOTS: Final = 1 << 19
_KEY_BYTES: Final = 1 << 24
_CACHED_IDS: Final = 1 << 23


class FastEncoder:
    """The vocabulary as arrays, and the table of pre-tokens seen so far. One per process; not for threads."""

    def __init__(self, spec: dict[str, Any], classes: np.ndarray) -> None:
        vocabulary: dict[str, int] = spec["model"]["vocab"]
        self._classes = classes
        self._byte_ids = np.zeros(256, np.int32)
        for char, byte in byte_alphabet().items():
            self._byte_ids[byte] = vocabulary.get(char, 0)
        self._merges = _merges(vocabulary, spec["model"]["merges"])
        self._cache = Cache(
            slots=np.zeros((_SLOTS, 4), np.uint64),
            keys=np.empty(_KEY_BYTES, np.uint8),
            ids=np.empty(_CACHED_IDS, np.int32),
            used=np.zeros(3, np.int64),
        )

    @staticmethod
    def of(spec: dict[str, Any]) -> "FastEncoder | None":
        """The encoder, or None where the file's pre-tokenizer or model is not the one this module implements."""
        classes = _classes(spec)
        return None if classes is None else FastEncoder(spec, classes)

    def encode(self, offsets: np.ndarray, data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ids of the texts data[offsets[i] : offsets[i + 1]], flat, and where each text's ids start."""
        # A token is at least one byte. Pages of `ids` that stay untouched cost nothing.
        ids = np.empty(int(offsets[-1] - offsets[0]), np.int32)
        starts = np.zeros(len(offsets), np.int64)
        encode_texts(
            _read_only(data), _read_only(offsets), self._classes, self._byte_ids, self._merges, self._cache, starts, ids
        )
        return starts, ids[: starts[-1]].copy()


def _read_only(array: np.ndarray) -> np.ndarray:
    """Arrow's buffers are read-only; one kind of array means one compilation (half a minute)."""
    view = array.view()
    view.flags.writeable = False
    return view


def byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-in of every byte, as byte-level BPE writes its vocabulary."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + i): byte for i, byte in enumerate(rest)}


def _merges(vocabulary: dict[str, int], merges: Iterable[Any]) -> Merges:
    """Pair of ids -> rank and merged id, as an open-addressing table at most half full."""
    pairs = [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in merges]
    size = 1 << (2 * len(pairs)).bit_length()
    table = Merges(np.full(size, EMPTY, np.int64), np.zeros(size, np.int32), np.zeros(size, np.int32))
    for rank, (left, right) in enumerate(pairs):
        slot = slot_of(table, vocabulary[left], vocabulary[right])
        table.pairs[slot] = (vocabulary[left] << 32) | vocabulary[right]
        table.ranks[slot], table.ids[slot] = rank, vocabulary[left + right]
    return table


def _classes(spec: dict[str, Any]) -> np.ndarray | None:
    """Class bits of every character below U+20000, or None where the file asks for other steps than DeepSeek-V2's."""
    steps = (spec["pre_tokenizer"] or {}).get("pretokenizers") or []
    normalizers = (spec.get("normalizer") or {"normalizers": []}).get("normalizers")
    model = spec["model"]
    options = (
        "dropout",
        "unk_token",
        "continuing_subword_prefix",
        "end_of_word_suffix",
        "byte_fallback",
        "ignore_merges",
    )
    plain_model = model["type"] == "BPE" and not any(model.get(name) for name in options)
    ordinary = [token for token in spec["added_tokens"] if not token["special"]]
    if (
        normalizers != []
        or ordinary
        or not plain_model
        or [s["type"] for s in steps] != [*5 * ["Split"], "Digits", "ByteLevel"]
    ):
        return None
    patterns = [step["pattern"].get("Regex", "") for step in steps[:5]]
    shapes = [("[", "]"), (r"\s?[", "]+"), (r"\s?[", "]+"), (r"\s+$", ""), ("[", "]+")]
    known = all(p.startswith(a) and p.endswith(b) for p, (a, b) in zip(patterns, shapes, strict=True))
    isolated = all(step["behavior"] == "Isolated" and not step["invert"] for step in steps[:5])
    ours = known and isolated and patterns[0] == "[\r\n]" and patterns[3] == r"\s+$" and steps[5]["individual_digits"]
    if not ours or steps[6]["use_regex"] or steps[6]["add_prefix_space"]:
        return None
    return _class_table(patterns)


def _class_table(patterns: list[str]) -> np.ndarray:
    classes = np.zeros(_LIMIT, np.uint8)
    brackets = ((0, NEWLINE), (1, LETTER), (2, PUNCTUATION), (4, SCRIPT))
    for index, bit in brackets:
        for first, last in _ranges(patterns[index].removeprefix(r"\s?").rstrip("+")[1:-1]):
            classes[first : last + 1] |= bit
    # White space and numbers as the library itself has them: Python's Unicode tables are of another version.
    members = [point for point in range(_LIMIT) if point not in _SURROGATES]
    spaces = pre_tokenizers.Split(tokenizers.Regex(r"\s"), "isolated")
    for step, bit in ((spaces, SPACE), (pre_tokenizers.Digits(individual_digits=True), NUMERIC)):
        text = "a" + "a".join(map(chr, members)) + "a"
        for piece, (start, _) in step.pre_tokenize_str(text):
            if len(piece) == 1 and start % 2:
                classes[members[start // 2]] |= bit
    return classes


def _ranges(bracket: str) -> list[tuple[int, int]]:
    """Ranges of a character class that has no escapes."""
    found, at = [], 0
    while at < len(bracket):
        last = at + 2 if bracket[at + 1 : at + 2] == "-" and at + 2 < len(bracket) else at
        found.append((ord(bracket[at]), ord(bracket[last])))
        at = last + 1
    return found
