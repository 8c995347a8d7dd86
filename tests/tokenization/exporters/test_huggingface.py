import json

import pyarrow as pa

from corpus.schema import rows
from tokenization.exporters import huggingface

SCHEMA = rows(3)


def batch(n):
    segment = {"sample": b"s" * 16, "document": b"d" * 16, "start": 0, "length": 3, "document_start": 2**40}
    more = {"repeat": 0, "layout": 0, "cut_1": -1, "cut_2": -1, "domain": 0}
    return pa.RecordBatch.from_pylist([{"input_ids": [n, 2, 3], "segments": [segment | more]}] * n, SCHEMA)


def test_chunks_are_one_arrow_stream_of_the_same_rows():
    chunks = list(huggingface.stream_chunks([batch(1), batch(2)], SCHEMA))
    assert len(chunks) == 3  # written as it is read, not at the end
    read = pa.ipc.open_stream(b"".join(chunks)).read_all()
    assert read.to_pylist() == batch(1).to_pylist() + batch(2).to_pylist()


def test_features_are_those_that_datasets_infers():
    from datasets import Features

    read = pa.ipc.open_stream(b"".join(huggingface.stream_chunks([batch(1)], SCHEMA))).read_all()
    info = json.loads(huggingface.info_bytes(SCHEMA))
    assert Features.from_dict(info["features"]) == Features.from_arrow_schema(read.schema)


def test_names_are_those_of_save_to_disk():
    assert huggingface.file_names(2) == ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow"]
    state = json.loads(huggingface.state_bytes(["x"], "f" * 16))
    assert (state["_data_files"], state["_fingerprint"]) == ([{"filename": "x"}], "f" * 16)
