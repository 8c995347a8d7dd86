"""Benchmark `tokenize`: MB of text a second and processor, ours against `encode_batch_fast`, with identical ids.

Files are the Python files of the running interpreter's library and packages, and prose in other scripts where the
packages bring some; the same on both sides, in one process, one thread. "First" begins with an empty table of
pre-tokens, "again" has seen the files. A row is made only after the ids have been compared.

"To files" is the whole way, texts in memory to files of ids: ours as the stage `encode` does it (a shard of ids),
datatrove's `DocumentTokenizer` without its shuffle (`.ds` and index), and what Megatron-LM's `tools/preprocess_data.py`
does with a document (parse its line of JSON, encode, hand it to megatron-core's builder), which no package installs.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tokenizers
from datatrove.data import Document
from datatrove.pipeline.tokens import DocumentTokenizer
from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder

from benchmarks._figures import figure, installed_texts
from corpus.schema import TOKENS
from corpus.shards import Record, Store
from tokenization.fast import FastEncoder
from tokenization.tokenizer import SpecialTokens, Tokenizer, TokenizerConfig, load, vocabulary_bytes

_BYTES = 6_000_000  # of each kind; the library takes a minute for as much


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
            yield figure("tokenize", f"{what}, {when}", "MB/s", ours, "encode_batch_fast", theirs)
    yield from _to_files(cfg, kinds["Python source"])
    spec = json.loads(vocabulary_bytes(cfg))
    started = time.process_time()
    FastEncoder.of(spec)
    yield figure("tokenize", "tables made", "s", time.process_time() - started)


def _to_files(cfg: TokenizerConfig, texts: pa.LargeStringArray) -> Iterator[dict[str, Any]]:
    """Texts to token files; the ids in the peers' files are compared with ours."""
    with tempfile.TemporaryDirectory() as folder:
        vocabulary = f"{folder}/tokenizer.json"
        Path(vocabulary).write_bytes(vocabulary_bytes(cfg))
        tokenizer = Tokenizer(vocabulary_bytes(cfg), SpecialTokens())
        ours, ids = _rate(texts, lambda column: _our_file(folder, tokenizer, column))
        for peer, write in (("datatrove", _datatrove_file), ("Megatron preprocess_data", _megatron_file)):
            theirs, tokens = _rate(texts, partial(write, folder, vocabulary))
            if not np.array_equal(tokens, np.asarray(ids.values)):
                raise AssertionError(f"{peer} wrote other ids")
            yield figure("tokenize", "Python source to files", "MB/s", ours, peer, theirs)


def _our_file(folder: str, tokenizer: Tokenizer, texts: pa.LargeStringArray) -> pa.LargeListArray:
    ids = tokenizer.encode_column(texts)
    batch = pa.RecordBatch.from_arrays([ids.value_lengths().cast(pa.int32()), ids], schema=TOKENS)
    Store(folder).write_shard("tokens", TOKENS, [batch], Record("", {}))
    return ids


def _datatrove_file(folder: str, vocabulary: str, texts: pa.LargeStringArray) -> np.ndarray:
    step = DocumentTokenizer(f"{folder}/ds", vocabulary, shuffle_documents=False)
    for _ in step.run(Document(text=text, id=str(i)) for i, text in enumerate(texts.to_pylist())) or ():
        pass
    [path] = Path(folder, "ds").glob("*.ds")
    return np.fromfile(path, f"<u{step.token_size}").astype(np.int32)


def _megatron_file(folder: str, vocabulary: str, texts: pa.LargeStringArray) -> np.ndarray:
    encoder = tokenizers.Tokenizer.from_file(vocabulary)
    builder = IndexedDatasetBuilder(f"{folder}/megatron.bin", np.int32)
    for line in [json.dumps({"text": text}) for text in texts.to_pylist()]:
        ids = encoder.encode(json.loads(line)["text"], add_special_tokens=False).ids
        builder.add_document(ids, [len(ids)])
    builder.finalize(f"{folder}/megatron.idx")
    return np.fromfile(f"{folder}/megatron.bin", np.int32)


def _texts(pattern: str, limit: int = _BYTES) -> pa.LargeStringArray:
    return pa.array(installed_texts(pattern, limit), pa.large_string())


def _lines_beyond_ascii(texts: pa.LargeStringArray) -> pa.LargeStringArray:
    lines = [line for text in texts.to_pylist() for line in text.splitlines() if not line.isascii()]
    return pa.array(["\n".join(lines[i : i + 100]) for i in range(0, len(lines), 100)], pa.large_string())


def _rate(texts: pa.LargeStringArray, encode: Callable[[pa.LargeStringArray], Any]) -> tuple[float, Any]:
    """MB of UTF-8 a second of processor time, and the ids."""
    started = time.process_time()
    ids = encode(texts)
    seconds = time.process_time() - started
    return float(pc.sum(pc.binary_length(texts)).as_py() / 1e6 / seconds), ids
