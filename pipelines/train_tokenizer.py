"""`python -m pipelines.train_tokenizer OUT`: a byte-level BPE of a build's own kept text, as a `tokenizer.json`.

Documents that survived deduplication are taken in the order of a draw on their ids, edited, up to `--bytes` of each
domain in its share of the recipe's mixture, so that the vocabulary fits what is trained on. Pre-tokenizer, decoder
and special tokens are those of the recipe's vocabulary: newlines stay alone and FIM re-encodes one line. `tokenizers`
trains; the same build gives the same file.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from corpus.draws import uniform_draws
from corpus.shards import Store
from filters.edits import edited
from pipelines.console import UsageError, end, usage_error
from pipelines.manifest import Found, resolve
from pipelines.opened import add_options, opened
from pipelines.recipes import Recipe
from pipelines.stage import Shards
from tokenization.tokenizer import Tokenizer, TokenizerConfig, tokenizer_at, vocabulary_bytes


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 where the recipe or the build does not exist."""
    args = _parser().parse_args(argv)
    try:
        build = opened(args)
    except UsageError as error:
        return usage_error(error)
    store, loaded, found = build.store, build.loaded, build.found
    if found["dedup"].result is None:
        return usage_error(
            f"{args.root} holds no survivors of {args.recipe}: run python -m pipelines.build --stage dedup"
        )
    specials = loaded.recipe.pack.tokenizer
    if args.vocabulary < 256 + len(specials.special.by_role()):
        return usage_error(f"--vocabulary {args.vocabulary} has no room for 256 bytes and the special tokens")
    if args.bytes < 1:
        return usage_error(f"--bytes {args.bytes} leaves nothing to train on: 1 or more, such as {1 << 30}")
    if not Path(args.out).parent.is_dir():  # else it would be told after hours of training
        return usage_error(f"{args.out} cannot be written: there is no folder {Path(args.out).parent}")
    chosen = list(texts(store, loaded.recipe, found, args.bytes))
    spec = train(chosen, args.vocabulary, specials)
    Path(args.out).write_bytes(spec)
    made = Tokenizer(spec, specials.special, extend=False)
    size = sum(len(text.encode()) for text in chosen)
    print(f"{args.out}: {made.n_ids:,} ids from {len(chosen):,} documents, {size:,} bytes")
    print(f'tokenization.tokenizer.tokenizer_at("{args.out}") has SHA-256 {tokenizer_at(args.out).sha256}')
    return 0


def texts(store: Store, recipe: Recipe, found: dict[str, Found], n_bytes: int) -> Iterator[str]:
    """Edited texts of survivors, each domain up to its share of `n_bytes`, in the order of a draw on their ids."""
    encode = next(here.stage for here in found.values() if here.stage.name == "encode")
    inputs = resolve(encode, found)
    result = found["dedup"].result
    assert inputs is not None and result is not None
    shards = (inputs["documents"], inputs["edits"], result.outputs["survivors"])
    room = {share.domain: int(share.share * n_bytes) for share in recipe.mix.shares}
    wanted: set[tuple[int, int]] = set()
    for _, domain, size, place in sorted(_candidates(store, *shards)):
        if room.get(domain, 0) > 0:
            room[domain] -= size
            wanted.add(place)
    for at, (documents, edits) in enumerate(zip(shards[0], shards[1], strict=True)):
        first = 0
        readers = store.batches(documents, ["text"]), store.batches(edits, ["edits"])
        for batch, marks in zip(*readers, strict=True):
            mask = pa.array([(at, first + row) in wanted for row in range(batch.num_rows)])
            yield from edited(batch["text"].filter(mask), marks["edits"].filter(mask)).to_pylist()
            first += batch.num_rows


def _candidates(
    store: Store, documents: Shards, edits: Shards, survivors: Shards
) -> Iterator[tuple[float, str, int, tuple[int, int]]]:
    """(draw, domain, bytes, place) of every survivor; narrow columns, and one row group of text at a time."""
    for at, shards in enumerate(zip(documents, edits, survivors, strict=True)):
        first = 0
        columns = (["id", "text"], ["domain"], ["survives"])
        readers = [store.batches(shard, names) for shard, names in zip(shards, columns, strict=True)]
        for document, verdict, marks in zip(*readers, strict=True):
            sizes = np.diff(np.frombuffer(document["text"].buffers()[1], np.int64)[: document.num_rows + 1])
            rows = zip(
                document["id"].to_pylist(), verdict["domain"].to_pylist(), marks["survives"].to_pylist(), strict=True
            )
            for row, (name, domain, lives) in enumerate(rows):
                if lives and domain:
                    [draw] = uniform_draws(name, 0, "tokenizer", 0, 1)
                    yield draw, domain, int(sizes[row]), (at, first + row)
            first += document.num_rows


def train(found: list[str], size: int, like: TokenizerConfig) -> bytes:
    """A `tokenizer.json` of `size` ids, with the pre-tokenizer and special tokens of `like`."""
    spec: dict[str, Any] = json.loads(vocabulary_bytes(like))
    empty = {**spec, "added_tokens": [], "model": json.loads(tokenizers.Tokenizer(models.BPE()).to_str())["model"]}
    tokenizer = tokenizers.Tokenizer.from_str(json.dumps({**empty, "post_processor": None}))
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(like.special.by_role()),
        special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(found, trainer)
    added = [tokenizers.AddedToken(text, special=True, normalized=False) for text in like.special.by_role().values()]
    tokenizer.add_special_tokens(added)
    return tokenizer.to_str(pretty=True).encode()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.train_tokenizer", description="Train a vocabulary.")
    parser.add_argument("out", metavar="OUT", help="where the tokenizer.json goes")
    add_options(parser)
    parser.add_argument("--vocabulary", type=int, default=100_000, help="ids, special tokens included")
    parser.add_argument(
        "--bytes", type=int, default=1 << 30, help="of text, split by the recipe's shares; held in memory"
    )
    return parser


if __name__ == "__main__":
    end(main)
