"""A folder that `datasets.load_from_disk` opens: Arrow streams with rows and segments, and two small JSON files."""

import json
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def stream_chunks(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[bytes]:
    """One `data-*.arrow` file: an Arrow IPC stream, one batch at a time."""
    target = _schema(schema)
    sink = BytesIO()
    with pa.ipc.new_stream(sink, target) as writer:
        for batch in batches:
            columns = [pc.cast(column, field.type) for column, field in zip(batch.columns, target, strict=True)]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=target))
            yield sink.getvalue()
            sink.seek(0)
            sink.truncate()
    yield sink.getvalue()


def file_names(count: int) -> list[str]:
    """The names that `save_to_disk` gives."""
    return [f"data-{i:05d}-of-{count:05d}.arrow" for i in range(count)]


def info_bytes(schema: pa.Schema) -> bytes:
    """`dataset_info.json`."""
    features = {field.name: _feature(field.type) for field in _schema(schema)}
    return json.dumps({"citation": "", "description": "", "features": features, "homepage": "", "license": ""}).encode()


def state_bytes(names: list[str], fingerprint: str) -> bytes:
    """`state.json`; the fingerprint must change with the content, since `datasets` caches by it."""
    state: dict[str, Any] = {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": fingerprint,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    return json.dumps(state).encode()


def check(folder: str, shards: list[pa.Table], every: int) -> int:
    """Open the folder with `datasets`: number of rows, then every `every`-th row with its segments."""
    from datasets import load_from_disk

    dataset = load_from_disk(folder, keep_in_memory=False)
    table = pa.concat_tables(shards)
    if len(dataset) != len(table):
        raise AssertionError(f"{folder}: datasets reads {len(dataset)} of {len(table)} rows")
    chosen = range(0, len(table), every)
    for at in chosen:
        if dataset[at] != table.slice(at, 1).to_pylist()[0]:
            raise AssertionError(f"{folder}: datasets reads another row {at}")
    return len(chosen)


def check_index(contents: dict[str, bytes], files: list[tuple[str, int, int]]) -> None:
    """`state.json` and `dataset_info.json` against the files, as (name, bytes, rows)."""
    from datasets import Features

    names = [file["filename"] for file in json.loads(contents["state.json"])["_data_files"]]
    if names != [name for name, _, _ in files]:
        raise AssertionError(f"state.json names {len(names)} files that are not the {len(files)} written")
    Features.from_dict(json.loads(contents["dataset_info.json"])["features"])


def _schema(schema: pa.Schema) -> pa.Schema:
    """Without fixed-size binary, for which `datasets` has no feature."""
    return pa.schema([pa.field(field.name, _plain(field.type)) for field in schema])


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_fixed_size_binary(kind):
        return pa.binary()
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _plain(field.type)) for field in kind])
    if pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    return kind


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_fixed_size_list(kind):
        return {"feature": _feature(kind.value_type), "length": kind.list_size, "_type": "List"}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "List"}
    if pa.types.is_struct(kind):
        return {field.name: _feature(field.type) for field in kind}
    return {"dtype": str(kind), "_type": "Value"}
