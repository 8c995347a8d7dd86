"""What has been taken down: the list that crawl and dedup read, and how rows lose what they held of it.

Comes in: the lists of a store, and record batches with a mask or document ids. Goes out: the same rows in the same
order without text, ids and comments of those documents. The lists are no part of any identity: a takedown re-keys
nothing.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.exact import exact_key, exact_keys
from corpus.shards import Store

FOLDER: Final = "takedown/lists"


@dataclass(frozen=True)
class Taken:
    """Documents by id, by the exact key of their text, and the names (repository, repository/path, URL) asked for."""

    ids: frozenset[bytes] = frozenset()
    exact: frozenset[bytes] = frozenset()
    names: frozenset[str] = frozenset()
    near: bool = field(default=False, compare=False)

    def __bool__(self) -> bool:
        return bool(self.ids or self.exact or self.names)

    def holds(self, document: bytes, text: bytes, repo: str | None, path: str | None, url: str | None) -> bool:
        """Whether a crawl must refuse this document."""
        named = {repo, url, f"{repo}/{path}"} & self.names if self.names else False
        return bool(named) or document in self.ids or exact_key(text) in self.exact

    def encode(self) -> str:
        lists = {"ids": self.ids, "exact": self.exact}
        shown: dict[str, Any] = {name: sorted(key.hex() for key in keys) for name, keys in lists.items()}
        return json.dumps({**shown, "names": sorted(self.names), "near": self.near}, indent=1)


def taken_down(store: Store) -> Taken:
    """All lists of a store together."""
    found = [json.loads(store.read_text(path) or "{}") for path in store.list(FOLDER)]
    ids, exact = (
        frozenset(bytes.fromhex(key) for one in found for key in one.get(name, ())) for name in ("ids", "exact")
    )
    return Taken(ids, exact, frozenset(name for one in found for name in one.get("names", ())))


def member(column: pa.Array, values: frozenset[bytes]) -> np.ndarray:
    """Which of the column's 16-byte keys are among the values."""
    wanted = pa.array(sorted(values), column.type)
    return np.asarray(pc.fill_null(pc.is_in(column, value_set=wanted), False))


def without_text(batch: pa.RecordBatch, gone: np.ndarray) -> pa.RecordBatch:
    """Documents without their text and the people named with it."""
    mask = pa.array(gone)
    columns = {"text": pa.scalar("", pa.large_string()), "people": None}
    for name, value in columns.items():
        if name in batch.schema.names:
            at = batch.schema.get_field_index(name)
            column = pc.if_else(mask, pa.scalar(value, batch.schema.field(name).type), batch[name])
            batch = batch.set_column(at, batch.schema.field(name), column)
    return batch


def without_lists(batch: pa.RecordBatch, gone: np.ndarray) -> pa.RecordBatch:
    """An annotation without its lists (ids, spans, import strings) for these rows, and with no tokens counted."""
    mask = pa.array(gone)
    for at, column in enumerate(batch.schema):
        kind = column.type
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            empty = pa.array([[]], kind).take(pa.array(np.zeros(batch.num_rows, np.int64)))
            batch = batch.set_column(at, column, _choose(gone, empty, batch.column(at)))
        elif column.name == "n_tokens":
            batch = batch.set_column(at, column, pc.if_else(mask, pa.scalar(0, kind), batch.column(at)))
    return batch


def _choose(gone: np.ndarray, first: pa.Array, second: pa.Array) -> pa.Array:
    """`first` where gone; for lists, which Arrow's if_else copies at many times the cost."""
    both = pa.concat_arrays([first, second])
    return both.take(pa.array(np.where(gone, 0, np.arange(len(gone)) + len(first))))


def without_comments(batch: pa.RecordBatch, ids: frozenset[bytes]) -> pa.RecordBatch:
    """Samples without the path comments of these documents."""
    at = batch.schema.get_field_index("documents")
    lists = batch.column(at)
    members = lists.flatten()
    names = [f.name for f in members.type]
    gone = pa.array(member(members.field("document"), ids))
    fields = {name: members.field(name) for name in names}
    fields["comment"] = pc.if_else(gone, "", fields["comment"])
    struct = pa.StructArray.from_arrays([fields[name] for name in names], fields=list(members.type))
    offsets = pa.array(np.concatenate([[0], np.cumsum(np.asarray(lists.value_lengths()))]).astype(np.int32))
    return batch.set_column(at, batch.schema.field(at), pa.ListArray.from_arrays(offsets, struct, type=lists.type))


def without_tokens(batch: pa.RecordBatch, ids: frozenset[bytes], end: int, padding: int) -> pa.RecordBatch:
    """Packed rows in which these documents are masked end tokens: same places, `padding` for domain, no document.

    The sample stays named, so that a sample's tokens stay one sequence for the formats that store sequences.
    """
    lists = batch["segments"]
    segments = lists.flatten()
    gone = member(segments.field("document"), ids)
    length = batch["input_ids"].type.list_size
    tokens = np.asarray(batch["input_ids"].flatten(), np.int32).copy()
    row = np.asarray(pc.list_parent_indices(lists), np.int64)
    starts = row * length + np.asarray(segments.field("start"))
    for start, n in zip(starts[gone].tolist(), np.asarray(segments.field("length"))[gone].tolist(), strict=True):
        tokens[start : start + n] = end
    mask = pa.array(gone)
    blank = {"document": bytes(16), "layout": 0, "cut_1": -1, "cut_2": -1, "domain": padding}
    arrays = [
        pc.if_else(mask, pa.scalar(blank[f.name], f.type), segments.field(f.name))
        if f.name in blank
        else segments.field(f.name)
        for f in segments.type
    ]
    struct = pa.StructArray.from_arrays(arrays, fields=list(segments.type))
    offsets = pa.array(np.concatenate([[0], np.cumsum(np.asarray(lists.value_lengths()))]).astype(np.int32))
    made = [
        pa.FixedSizeListArray.from_arrays(pa.array(tokens), length),
        pa.ListArray.from_arrays(offsets, struct),
    ]
    return pa.RecordBatch.from_arrays(made, schema=batch.schema)


def held(batch: pa.RecordBatch, ids: frozenset[bytes], exact: frozenset[bytes]) -> int:
    """How many rows (of documents), comments or segments still hold something of these documents."""
    names = set(batch.schema.names)
    if {"id", "text"} <= names:
        filled = np.asarray(pc.greater(pc.fill_null(pc.binary_length(batch["text"]), 0), 0))
        return int((filled & documents_of(batch, ids, exact)).sum())
    if {"sample", "documents"} <= names:
        members = batch["documents"].flatten()
        return int(
            (member(members.field("document"), ids) & np.asarray(pc.not_equal(members.field("comment"), ""))).sum()
        )
    if {"input_ids", "segments"} <= names:
        return int(member(batch["segments"].flatten().field("document"), ids).sum())
    if {"input_ids", "document"} <= names:
        return int(member(batch["document"], ids).sum())
    return 0


def documents_of(batch: pa.RecordBatch, ids: frozenset[bytes], exact: frozenset[bytes]) -> np.ndarray:
    """Which rows are these documents, by id or by the exact key of their text."""
    found = member(batch["id"], ids)
    return found | member(exact_keys(batch["text"])[0], exact) if exact else found
