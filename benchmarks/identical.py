"""Benchmark `identical`: how much text the fast tokenizer and the library encode alike; another id ends it.

Text is every file of the interpreter's library and packages that decodes (source, data, prose), then as much made to be
hard: characters drawn from every plane, control characters, special-token strings, numbers, runs of one character. The
library takes most of the time, some 2 s a MB; IDENTICAL_MB (default 200) says how much, both kinds together.
"""

import os
import sysconfig
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tokenization.tokenizer import SpecialTokens, TokenizerConfig, load

_NAMES = ("benchmark", "what", "unit", "ours", "peer", "theirs", "ratio")
_PIECES = (*SpecialTokens().by_role().values(), "\r\n", "\n\n", "\t", "    ", "==", "0123456789", "'s", " ", "\u3000")


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per kind of text, with the keys that `python -m benchmarks` prints."""
    limit = int(float(os.environ.get("IDENTICAL_MB", "200")) * 1e6)
    tokenizer = load(TokenizerConfig())
    for what, texts in (("files of packages", _files()), ("made to be hard", _hard())):
        done = 0
        while done < limit // 2 and (part := list(islice(texts, 64))):
            column = pa.array(part, pa.large_string())
            if not tokenizer.encode_column(column).equals(tokenizer.library_column(column)):
                raise AssertionError(f"other ids than the library's among {part[0][:80]!r} and the 63 texts after it")
            done += sum(len(text.encode()) for text in part)
        yield dict(zip(_NAMES, ("identical", what, "MB alike", done / 1e6, "tokenizers", done / 1e6, 1.0), strict=True))


def _files() -> Iterator[str]:
    paths = sysconfig.get_paths()
    for folder in (paths["stdlib"], paths["purelib"]):
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file() and path.stat().st_size < 1 << 20 and "__pycache__" not in path.parts:
                try:
                    yield path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    continue


def _hard() -> Iterator[str]:
    """Texts from a counter alone, the same on every machine."""
    planes = np.array([p for p in range(0x30000) if not 0xD800 <= p < 0xE000] + list(range(0xE0000, 0xE0200)))
    for number in range(1 << 40):
        state = np.arange(600, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(number * 7919)
        draws = (state ^ (state >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) >> np.uint64(33)
        ranges = (0x80, 0x250, 0x3500, len(planes))
        parts = [chr(int(planes[int(d) % ranges[int(d >> np.uint64(20)) % 4]])) for d in draws]
        parts[:: 7 + number % 5] = [_PIECES[int(d) % len(_PIECES)] for d in draws[:: 7 + number % 5]]
        if number % 50 == 0:
            parts.append(parts[0] * (1 << number // 50 % 15))
        yield "".join(parts)
