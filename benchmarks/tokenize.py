"""Benchmark `tokenize`: MB of text a second and processor, ours against `encode_batch_fast`, with identical ids.

Files are the Python files of the running interpreter's library and packages, and prose in other scripts where the
packages bring some; the same on both sides, in one process, one thread. "First" begins with an empty table of
pre-tokens, "again" has seen the files. A row is made only after the ids have been compared.
"""

import json
import os
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tokenization.fast import FastEncoder
from tokenization.tokenizer import SpecialTokens, Tokenizer, TokenizerConfig, load, vocabulary_bytes

_BYTES = 6_000_000  # of each kind; the library takes a minute for as much
_NAMES = ("benchmark", "what", "unit", "ours", "peer", "theirs", "ratio")


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # read at the library's first batch: one thread against one
    cfg = TokenizerConfig()
    load(cfg).encode("compiled, or read from the cache")
    kinds = {"Python source": _texts("*.py"), "lines beyond ASCII": _lines_beyond_ascii(_texts("*.py", 20 * _BYTES))}
    for what, texts in kinds.items():
        tokenizer = Tokenizer(vocabulary_bytes(cfg), SpecialTokens())
        first, ids = _rate(texts, tokenizer.encode_column)
        again, _ = _rate(texts, tokenizer.encode_column)
        theirs, expected = _rate(texts, tokenizer.library_column)
        if not ids.equals(expected):
            raise AssertionError(f"ids differ from the library's on {what}")
        for when, ours in (("first", first), ("again", again)):
            yield dict(zip(_NAMES, _row(f"{what}, {when}", ours, theirs), strict=True))
    spec = json.loads(vocabulary_bytes(cfg))
    started = time.process_time()
    FastEncoder.of(spec)
    yield dict(
        zip(_NAMES, ("tokenize", "tables made", "s", time.process_time() - started, None, None, None), strict=True)
    )


def _row(what: str, ours: float, theirs: float) -> tuple[Any, ...]:
    return ("tokenize", what, "MB/s", ours, "encode_batch_fast", theirs, ours / theirs)


def _texts(pattern: str, limit: int = _BYTES) -> pa.LargeStringArray:
    paths = sysconfig.get_paths()
    texts: list[str] = []
    size = 0
    for folder in (paths["stdlib"], paths["purelib"]):
        for path in sorted(Path(folder).rglob(pattern)):
            if size > limit:
                break
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
            size += len(texts[-1])
    return pa.array(texts, pa.large_string())


def _lines_beyond_ascii(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    lines = [line for text in texts.to_pylist() for line in text.splitlines() if not line.isascii()]
    return pa.array(["\n".join(lines[i : i + 100]) for i in range(0, len(lines), 100)], pa.large_string())


def _rate(
    texts: pa.LargeStringArray, encode: Callable[[pa.LargeStringArray], pa.LargeListArray]
) -> tuple[float, pa.LargeListArray]:
    """MB of UTF-8 a second of processor time, and the ids."""
    started = time.process_time()
    ids = encode(texts)
    seconds = time.process_time() - started
    return float(pc.sum(pc.binary_length(texts)).as_py() / 1e6 / seconds), ids
