import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.shards import Record, Store

TWO = pa.schema([("a", pa.int64()), ("text", pa.large_string())])


def groups(*sizes):
    start = 0
    for size in sizes:
        values = range(start, start + size)
        yield pa.record_batch(
            [pa.array(values, pa.int64()), pa.array([f"t{v}" for v in values], pa.large_string())], schema=TWO
        )
        start += size


@pytest.fixture(params=["disk", "object store"])
def store(tmp_path, request):
    return Store(str(tmp_path) if request.param == "disk" else request.getfixturevalue("s3_url"))


def test_row_groups_come_back_as_they_were_written(store):
    shard = store.write_shard("objects/s/k", TWO, groups(3, 1, 4), Record("b", Counter()))
    assert [batch.num_rows for batch in store.batches(shard)] == [3, 1, 4]
    assert store.table(shard)["a"].to_pylist() == list(range(8))


def test_only_the_columns_asked_for_are_read(store):
    shard = store.write_shard("objects/s/k", TWO, groups(3), Record("b", Counter()))
    assert next(store.batches(shard, ["text"])).schema.names == ["text"]
    with pytest.raises(KeyError, match="no column"):
        next(store.batches(shard, ["absent"]))


def test_the_same_rows_are_the_same_file_and_other_rows_another(store):
    one = store.write_shard("objects/s/k", TWO, groups(3), Record("b", Counter()))
    assert store.write_shard("objects/s/k", TWO, groups(3), Record("b", Counter())).path == one.path
    assert store.write_shard("objects/s/k", TWO, groups(4), Record("b", Counter())).content != one.content


def test_counters_filled_while_rows_are_drawn_are_in_the_file(store):
    record = Record("b", Counter())

    def counting():
        for batch in groups(2, 2):
            record.counts["rows"] += batch.num_rows
            yield batch

    shard = store.write_shard("objects/s/k", TWO, counting(), record)
    assert store.describe(shard.path).counts == {"rows": 4}


def test_a_write_that_fails_leaves_nothing(store):
    def failing():
        yield from groups(2)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.write_shard("objects/s/k", TWO, failing(), Record("b", Counter()))
    assert list(store.walk(("objects",))) == []


def test_wrong_columns_are_a_programmers_error_that_shows_both(store):
    with pytest.raises(TypeError, match=r"declared as[\s\S]*but its task gave"):
        store.write_shard("objects/s/k", pa.schema([("z", pa.int8())]), groups(1), Record("", Counter()))


def test_an_artefact_has_its_record_and_a_local_path(store):
    shard = store.write_artefact("objects/s/model", [b"ab", b"c"], Record("", Counter(n=1)))
    assert store.read_bytes(shard) == b"abc"
    assert store.describe(shard.path) == shard
    assert Path(store.local_path(shard)).read_bytes() == b"abc"


def test_a_copy_has_the_name_its_reader_expects(store):
    shard = store.write_artefact("objects/s/model", [b"abc"], Record("", Counter()))
    store.copy(shard, "exports/megatron/x.bin")
    store.copy(shard, "exports/megatron/x.bin")
    assert list(store.walk(("exports",))) == [("exports/megatron/x.bin", 3)]


def test_what_another_process_wrote_is_listed(store):
    assert store.list("objects/s") == []
    shard = Store(store.root).write_shard("objects/s/k", TWO, groups(1), Record("", Counter()))
    assert store.list("objects/s") == [shard.path]


def test_a_file_that_another_process_wrote_after_a_listing_is_found(store):
    first = store.write_artefact("objects/s/a", [b"1"], Record("", Counter()))
    assert store.list("objects/s")
    code = "from corpus.shards import Record, Store; import sys; "
    code += "print(Store(sys.argv[1]).write_artefact('objects/s/b', [b'2'], Record('', {})).path)"
    done = subprocess.run([sys.executable, "-c", code, store.root], capture_output=True, text=True, check=True)
    assert store.read_bytes(replace(first, path=done.stdout.strip())) == b"2"
    assert store.describe(done.stdout.strip()).bytes == 1


def test_small_files_are_read_replaced_and_deleted(store):
    assert store.read_text("manifests/a.json") is None
    store.write_text("manifests/a.json", "1")
    store.write_text("manifests/a.json", "2")
    assert store.read_text("manifests/a.json") == "2"
    store.delete("manifests/a.json")
    assert store.read_text("manifests/a.json") is None
