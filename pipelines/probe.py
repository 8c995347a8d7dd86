"""Stage: packed rows and the held-out scoring set -> loss curve and bits per byte by domain of one short run."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.shards import Shard, Store
from pipelines.stage import Job, Result, Shards, Work, tally
from tokenization import tokenizer
from validate.probes import data, model, train
from validate.probes.config import ProbeConfig
from validate.scores import bits_per_byte


def run(work: Work, cfg: ProbeConfig, rows: Shards, scoring: Shards) -> Result:
    """One artefact for the small vocabulary, one for the run: {"log", "before", "after", "parameters"}."""
    vocabulary = work.map(train_vocabulary, cfg, [Job((rows,))], step="vocabulary", schema=None)
    made = work.map(train_probe, cfg, [Job((rows, vocabulary, scoring))], step="run", schema=None)
    return Result({"vocabulary": vocabulary, "results": made}, tally(made))


def train_vocabulary(store: Store, cfg: ProbeConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Tokenizer JSON from the text of the first rows."""
    decode, special = _roles(cfg)
    texts = data.texts(_pieces(store, job.inputs[0]), special, decode)
    yield data.train_vocabulary(_up_to(texts, cfg.vocabulary_bytes), cfg.vocabulary).encode()


def train_probe(store: Store, cfg: ProbeConfig, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Train on the first rows that the steps need, score before and after."""
    from tokenizers import Tokenizer

    rows, (vocabulary_file,), scoring = job.inputs
    decode, special = _roles(cfg)
    vocabulary = Tokenizer.from_str(store.read_bytes(vocabulary_file).decode())
    vocabulary.encode_special_tokens = True
    needed = cfg.train.steps * cfg.train.batch
    windows = data.windows(_pieces(store, rows), special, decode, vocabulary, cfg.train.length, needed)
    net = model.build(cfg.size, vocabulary.get_vocab_size(), cfg.train.length, cfg.train.seed)
    held_out = list(_scoring(store, scoring, cfg.scoring_bytes))
    before = bits_per_byte(net, vocabulary, held_out, cfg.train.length)
    log = train.train(net, windows, cfg.train)
    after = bits_per_byte(net, vocabulary, held_out, cfg.train.length)
    counts.update(parameters=model.n_parameters(net), steps=len(log), scored=len(held_out))
    results = {"log": log, "before": before, "after": after, "parameters": model.n_parameters(net)}
    yield json.dumps(results, sort_keys=True).encode()


def _roles(cfg: ProbeConfig) -> tuple[data.Decode, dict[int, int]]:
    """Decoder of the rows' vocabulary, and its special ids -> the small vocabulary's, in the order of data.SPECIAL."""
    rows = tokenizer.load(cfg.tokenizer)
    roles = ("begin", "end", "fim_hole", "fim_begin", "fim_end")
    special = {rows.special[role]: at for at, role in enumerate(roles) if role in rows.special}
    return lambda piece: rows.raw(piece).decode("utf-8", "replace"), special


def _pieces(store: Store, rows: Shards) -> Iterator[npt.NDArray[np.int32]]:
    for shard in rows:
        for batch in store.batches(shard):
            yield from data.sample_pieces(batch)


def _up_to(texts: Iterator[str], n_bytes: int) -> Iterator[str]:
    for text in texts:
        yield text
        n_bytes -= len(text.encode())
        if n_bytes <= 0:
            return


def _scoring(store: Store, shards: list[Shard], n_bytes: int) -> Iterator[tuple[str, str]]:
    """(domain, text) of held-out documents in order of id, up to `n_bytes` a domain and at least one."""
    found: list[dict[str, Any]] = []
    for shard in shards:
        found += store.table(shard, ["id", "domain", "text"]).to_pylist()
    taken: dict[str, int] = {}
    for row in sorted(found, key=lambda row: row["id"]):
        size = len(row["text"].encode())
        used = taken.get(row["domain"], 0)
        if not used or used + size <= n_bytes:
            taken[row["domain"]] = used + size
            yield row["domain"], row["text"][:n_bytes]
