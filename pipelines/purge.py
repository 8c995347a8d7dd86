"""Tasks of a takedown: one stored shard without what it held of some documents, and what it still holds of them."""

import json
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.shards import Shard, Store
from corpus.takedown import Taken, documents_of, held, without_comments, without_lists, without_text, without_tokens
from tokenization.packing import PADDING

# What holds pieces of documents but is aligned with none, and is made again when a stage asks for it.
CACHES = ("pack/emit", "pack/merge", "recall/ids", "recall/examples", "recall_source/ids", "recall_source/examples")
GATHERED = ("crawl/gather", "crawl/merge")  # what a source sorted before it read: only of batches that are touched
COUNTS = "mix/narrow"  # token counts of samples, counted again by the next mixture


def has_lists(schema: pa.Schema) -> bool:
    """Whether an annotation's columns can hold pieces of a text: ids, spans, import strings."""
    names = set(schema.names)
    lists = any(pa.types.is_list(f.type) or pa.types.is_large_list(f.type) for f in schema)
    return lists and not {"text", "input_ids", "documents"} & names


def purge(store: Store, path: str, rows: np.ndarray | None, taken: Taken) -> tuple[str | None, dict[str, int]]:
    """Task: the shard without these documents, under a new name; None where it holds nothing of them."""
    shard, schema = store.describe(path), store.schema(path)
    names, counts = set(schema.names), Counter[str]()
    if any(path.startswith(f"objects/{cache}/") for cache in CACHES):
        return None, {}
    if rows is None:
        if not ({"id", "text"} <= names or {"input_ids", "segments"} <= names or {"sample", "documents"} <= names):
            return None, {}
        n = sum(held(batch, taken.ids, taken.exact) for batch in store.batches(shard))
        if not n:
            return None, {}
    elif ("text" in names and not any(held(b, taken.ids, taken.exact) for b in store.batches(shard))) or (
        "text" not in names and not left_in(store, path, rows)
    ):
        return None, {}
    return store.rewrite(shard, _purged(store, shard, rows, taken, counts)), dict(counts)


def _purged(
    store: Store, shard: Shard, rows: np.ndarray | None, taken: Taken, counts: Counter[str]
) -> Iterator[pa.RecordBatch]:
    first = 0
    for batch in store.batches(shard):
        names = set(batch.schema.names)
        if "text" in names:
            gone = documents_of(batch, taken.ids, taken.exact)
            counts["texts"] += int(gone.sum())
            yield without_text(batch, gone)
        elif {"input_ids", "segments"} <= names:
            counts["segments"] += held(batch, taken.ids, frozenset())
            end = json.loads(batch.schema.metadata[b"tokenizer"])["end"]
            yield without_tokens(batch, taken.ids, end, PADDING)
        elif {"sample", "documents"} <= names:
            counts["path comments"] += held(batch, taken.ids, frozenset())
            yield without_comments(batch, taken.ids)
        else:
            assert rows is not None
            gone = rows[first : first + batch.num_rows]
            counts["annotations"] += int(gone.sum())
            yield without_lists(batch, gone)
        first += batch.num_rows


def left_in(store: Store, path: str, rows: np.ndarray) -> int:
    """Rows of an annotation that still hold lists for these documents."""
    if not has_lists(store.schema(path)):
        return 0
    left, first = 0, 0
    for batch in store.batches(Shard(path, "", 0, 0)):
        gone = rows[first : first + batch.num_rows]
        first += batch.num_rows
        for column in batch.columns:
            if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
                left += int((np.asarray(pc.fill_null(pc.list_value_length(column), 0))[gone] > 0).sum())
    return left


def scan(store: Store, path: str, taken: Taken) -> dict[str, int]:
    """Task: what one stored file still holds of the documents."""
    n = sum(held(batch, taken.ids, taken.exact) for batch in store.batches(Shard(path, "", 0, 0)))
    return {path: n} if n else {}
