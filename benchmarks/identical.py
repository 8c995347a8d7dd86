"""Benchmark `identical`: how much text the fast tokenizer and the library encode alike; another id ends it.

Text is what the demo crawls (every member of its archives, and its prose), then every file of the installed packages
that decodes, then as much made to be hard: characters drawn from every plane, control characters, special-token strings
inside words and lines, numbers, runs of one character up to 16,384 long. IDENTICAL_MB (default 210) says how much in
all, a third of each at most. The library takes most of the time, 1 to 2 s a MB; IDENTICAL_PART=2/4 takes the second of
four parts, so that a long run can be cut: parts together are the whole.
"""

import os
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks._figures import figure
from pipelines.demo_sources import FOLDER
from tokenization.tokenizer import SpecialTokens, TokenizerConfig, load

_PIECES = (*SpecialTokens().by_role().values(), "\r\n", "\n\n", "\t", "    ", "==", "0123456789", "'s", " ", "\u3000")


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per kind of text, with the keys that `python -m benchmarks` prints."""
    part, parts = (int(n) for n in os.environ.get("IDENTICAL_PART", "1/1").split("/"))
    limit = int(float(os.environ.get("IDENTICAL_MB", "210")) * 1e6) // (3 * parts)
    tokenizer = load(TokenizerConfig())
    for what, texts in (("demo input", _demo()), ("installed packages", _files()), ("made to be hard", _hard())):
        done = documents = 0
        mine = islice(texts, part - 1, None, parts)
        while done < limit and (some := list(islice(mine, 64))):
            column = pa.array(some, pa.large_string())
            if not tokenizer.encode_column(column).equals(tokenizer.library_column(column)):
                raise AssertionError(f"other ids than the library's among {some[0][:80]!r} and the 63 texts after it")
            done += sum(len(text.encode()) for text in some)
            documents += len(some)
        alike = f"{what}: {documents:,} documents"
        yield figure("identical", alike, "MB alike", done / 1e6, "tokenizers", done / 1e6)


def _demo() -> Iterator[str]:
    """Members of the demo's archives and its prose, as text where they are."""
    folder = Path(os.environ.get("DEMO_INPUT", FOLDER))
    for path in sorted(path for name in ("archives", "packages") for path in (folder / name).glob("*")):
        yield from _texts(_members(path))
    yield from _texts(path.read_bytes() for path in sorted((folder / "prose").glob("*")))


def _members(path: Path) -> Iterator[bytes]:
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            yield from (wheel.read(name) for name in sorted(wheel.namelist()))
        return
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile() and (file := archive.extractfile(member)):
                yield file.read()


def _files() -> Iterator[str]:
    for folder in sorted({name for name in sys.path if name.endswith("site-packages")}):
        paths = (path for path in sorted(Path(folder).rglob("*")) if "__pycache__" not in path.parts)
        yield from _texts(path.read_bytes() for path in paths if path.is_file() and path.stat().st_size < 1 << 20)


def _texts(contents: Iterator[bytes]) -> Iterator[str]:
    for content in contents:
        try:
            text = content.decode()
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            yield text


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
