"""Benchmark `pack`: tokens a second and processor of both steps of packing, on real source files.

Files are the Python files of the running interpreter's library, one document and one sample each. "Emit" makes what the
documents emit, in the order of the shuffle, with FIM on no, half and all of them; "rows" concatenates and cuts. Then
the two ways of packing beside each other: how full rows are, and how many samples that fit into a row are cut.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from sysconfig import get_paths
from typing import Any

import pyarrow as pa

from benchmarks._figures import figure
from corpus.schema import MIX, SAMPLES
from tokenization.fim import FimConfig
from tokenization.packing import PackConfig, emit_group
from tokenization.rows import cut_rows
from tokenization.tokenizer import load

_BYTES = 12_000_000
_LENGTHS = (2048, 4096, 32_768, 131_072)


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    base = PackConfig()
    samples, mix, ids = _group(base)
    list(emit_group(base, samples.slice(0, 9), mix.slice(0, 9), [ids], 1, {}))  # compiled, or read from the cache
    emitted: list[pa.RecordBatch] = []
    for rate in (0.0, 1.0, 0.5):
        cfg = replace(base, fim=FimConfig(rate=rate))
        started = time.process_time()
        emitted = list(emit_group(cfg, samples, mix, [ids], 1, {}))
        yield _row(f"emit, FIM rate {rate:g}", len(ids.values), started)
    counts: dict[str, int] = {}
    started = time.process_time()
    list(cut_rows(base, load(base.tokenizer).end, emitted, counts))
    yield _row(f"rows of {base.length}", counts["tokens"], started)
    for length in _LENGTHS:
        yield from _methods(replace(base, length=length), emitted)


def _methods(cfg: PackConfig, emitted: list[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    """Best fit as ours, the published concatenation as the peer."""
    filled, cut = [], []
    for method in ("best_fit", "concatenate"):
        counts: dict[str, int] = {}
        list(cut_rows(replace(cfg, method=method), load(cfg.tokenizer).end, emitted, counts))
        filled.append(100 * (1 - counts.get("padding", 0) / counts["tokens"]))
        cut.append(100 * counts.get("cut_short_samples", 0) / sum(len(batch) - 1 for batch in emitted))
    for what, (ours, theirs) in ((f"fill, rows of {cfg.length:,}", filled), ("of its short samples cut", cut)):
        yield figure("pack", what, "%", ours, "concatenate", theirs)


def _row(what: str, tokens: int, started: float) -> dict[str, Any]:
    return figure("pack", what, "Mtokens/s", tokens / 1e6 / (time.process_time() - started))


def _group(cfg: PackConfig) -> tuple[pa.Table, pa.Table, pa.LargeListArray]:
    texts: list[str] = []
    size = 0
    for path in sorted(Path(get_paths()["stdlib"]).rglob("*.py")):
        if size > _BYTES:
            break
        texts.append(path.read_text(encoding="utf-8", errors="replace"))
        size += len(texts[-1])
    names = [blake2b(str(i).encode(), digest_size=16).digest() for i in range(len(texts))]
    members = [[{"document": name, "shard": 0, "row": i, "comment": ""}] for i, name in enumerate(names)]
    rows = [{"sample": n, "domain": "code", "documents": m} for n, m in zip(names, members, strict=True)]
    mix = [{"repeats": 1, "domain": "code", "n_tokens": 0}] * len(names)
    ids = load(cfg.tokenizer).encode_column(pa.array(texts, pa.large_string()))
    return pa.Table.from_pylist(rows, SAMPLES), pa.Table.from_pylist(mix, MIX), ids
