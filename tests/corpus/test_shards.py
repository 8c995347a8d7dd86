import os
import resource
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.schema import RANGES
from corpus.shards import Record, Store, requests

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


def test_row_groups_are_found_by_place_where_the_schema_says_so(store):
    schema = pa.schema([("a", pa.int64())], metadata=RANGES)
    batches = [pa.record_batch([pa.array(range(n), pa.int64())], schema=schema) for n in (2, 0, 3, 0)]
    shard = store.write_shard("objects/s/k", schema, batches, Record("b", {"x": 1}))
    found = [[b.num_rows for b in store.batches(shard, groups=slice(i, i + 1))] for i in range(4)]
    assert found == [[2], [], [3], []] and shard.rows == 5
    assert store.describe(shard.path).counts == {"x": 1}


def test_a_range_of_row_groups_costs_a_few_requests_of_an_object_store(s3_url):
    store = Store(s3_url)
    big = [pa.record_batch([pa.array([os.urandom(1 << 20)])], ["a"])] * 12
    shard = store.write_shard("objects/s/k", pa.schema([("a", pa.binary())]), big, Record("b", {}))
    for groups_, most in ((slice(5, 6), 6), (slice(2, 10), 36), (slice(None), 36)):
        before = requests["read"]
        assert len(list(store.batches(shard, groups=groups_))) == len(range(12)[groups_])
        assert 2 <= requests["read"] - before <= most
    assert requests["write"] >= 1


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


@contextmanager
def files_up_to(size):
    """What a full disk does: a write beyond so many bytes fails, and so does closing the file."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def test_a_disk_that_fills_up_is_not_kept_full_by_half_a_file(tmp_path):
    store = Store(str(tmp_path))
    with files_up_to(1000), pytest.raises(OSError, match="too large"):
        store.write_artefact("objects/a/x", [b"x" * 500, b"y" * 9999], Record("", Counter()))
    with files_up_to(1000), pytest.raises(OSError, match="too large"):
        store.write_text("objects/a/text", "x" * 1001)
    assert [path for path, _ in store.walk(["objects"])] == []


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


def test_a_shard_with_unanswered_input_has_a_name_that_its_key_does_not_find(store):
    shard = store.write_shard("objects/s/k", TWO, groups(3), Record("b", {"unanswered": 1}))
    whole = store.write_shard("objects/s/k", TWO, groups(3), Record("b", {"unanswered": 0}))
    names = [path.rsplit("/", 1)[1].split(".") for path in store.list("objects/s")]
    assert sorted(name[0] for name in names) == ["k", "ku"]
    assert store.table(shard) == store.table(whole)
    assert store.rewrite(shard, groups(3)).startswith(f"objects/s/ku.{shard.content}.")
