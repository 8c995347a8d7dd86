"""Aligned shards for tests of stages: rows as dictionaries, missing columns null."""

from typing import Any

import pyarrow as pa

from corpus.shards import Record, Shard
from pipelines.stage import Work

Rows = list[dict[str, Any]]


def write(
    work: Work, name: str, schema: pa.Schema, shards: list[Rows], batch: str = "one", **counts: int
) -> list[Shard]:
    """One shard per list of rows, two rows to a row group."""
    made = []
    for index, rows in enumerate(shards):
        full = [{column: row.get(column) for column in schema.names} for row in rows]
        batches = [pa.RecordBatch.from_pylist(full[i : i + 2], schema) for i in range(0, len(full), 2)]
        size = {"bytes": sum(len(row.get("text") or "") for row in rows)}
        record = Record(batch, {**size, **counts})
        made.append(work.store.write_shard(f"objects/input/{name}/{batch}{index}", schema, batches, record))
    return made
