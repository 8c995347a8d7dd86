import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpus.shards import Record, Store
from pipelines import export
from pipelines.progress import RunProgress
from pipelines.stage import Work
from tokenization.exporters import ExportConfig, litdata, mds, megatron
from tokenization.packing import PackConfig, row_schema

CFG = PackConfig(length=8)


def segment(sample, start, length, domain=0, repeat=0):
    ids = {"sample": sample * 16, "document": sample * 16}
    place = {"start": start, "length": length, "document_start": 0, "repeat": repeat}
    return {**ids, **place, "layout": 0, "cut_1": -1, "cut_2": -1, "domain": domain}


# Sample a ends in row 0, b runs over a row's end, its repeat follows, the rest is padding.
ROWS = [
    {"input_ids": list(range(8)), "segments": [segment(b"a", 0, 3), segment(b"b", 3, 5)]},
    {
        "input_ids": [8, 9, 99_999, 11, 12, 100_001, 100_001, 100_001],
        "segments": [segment(b"b", 0, 2), segment(b"b", 2, 3, repeat=1), segment(b"\0", 5, 3, domain=3)],
    },
]
FULL = [{"input_ids": [7] * 8, "segments": [segment(b"c", 0, 8)]}]


@pytest.fixture(scope="module")
def exported(tmp_path_factory, cluster):
    store = Store(str(tmp_path_factory.mktemp("export")))
    schema = row_schema(CFG)
    made = []
    for name, rows in (("one", ROWS), ("empty", []), ("two", FULL)):
        batches = [pa.RecordBatch.from_pylist([row], schema) for row in rows]
        made.append(store.write_shard(f"in/{name}", schema, batches, Record("", {})))
    checked = [store.write_artefact("in/checked", [b"{}"], Record("", {}))]
    return store, export.run(work(store, cluster), ExportConfig(), made, checked), made


def work(store, cluster):
    progress = RunProgress(store, "logs/run.jsonl")
    progress.manifest = "manifests/test/x"
    return Work(store, cluster, "export", progress)


def folder(exported, name):
    store, _, _ = exported
    [path] = store.list(f"exports/{name}")
    return store.url(path)


def test_each_format_is_read_back_by_its_own_reader(exported):
    _, result, _ = exported
    read = {name: n for name, n in result.counts.items() if name.endswith("read_back")}
    assert read == {f"{n}.read_back": 3 for n in ("huggingface", "datatrove", "mds", "litdata")} | {
        "megatron.read_back": 4
    }
    report = Path(folder(exported, "megatron"), "00000_rows.read_back.json").read_text()
    assert json.loads(report)["reader"] == "megatron-core"


def test_megatron_files_are_the_format_byte_for_byte(exported):
    path = f"{folder(exported, 'megatron')}/00000_rows"
    tokens = np.fromfile(f"{path}.bin", "<i4")
    assert tokens.tolist() == [*range(10), 99_999, 11, 12]  # no padding
    head = (
        b"MMIDIDX\x00\x00" + (1).to_bytes(8, "little") + b"\x04" + (3).to_bytes(8, "little") + (4).to_bytes(8, "little")
    )
    lengths, pointers, documents = np.array([3, 7, 3], "<i4"), np.array([0, 12, 40], "<i8"), np.arange(4, dtype="<i8")
    assert Path(f"{path}.idx").read_bytes() == head + lengths.tobytes() + pointers.tobytes() + documents.tobytes()
    assert len(head) == 34


def test_datatrove_files_are_the_format_byte_for_byte(exported):
    path = f"{folder(exported, 'datatrove')}/00000_rows.ds"
    assert np.fromfile(path, "<u4").tolist() == ROWS[0]["input_ids"] + ROWS[1]["input_ids"]
    assert np.fromfile(f"{path}.index", "<u8").tolist() == [3, 10, 13, 16]
    assert Path(f"{path}.metadata").read_text() == "deepseek-v2|4\n16\n16.0 T"


def test_datasets_opens_the_published_folder(exported):
    from datasets import load_from_disk

    dataset = load_from_disk(folder(exported, "huggingface"))
    assert dataset["input_ids"][1] == ROWS[1]["input_ids"]
    assert dataset[1]["segments"] == ROWS[1]["segments"]
    assert len(dataset) == 3


def test_a_file_that_the_reader_reads_differently_is_not_exported(exported, cluster, monkeypatch, tmp_path):
    store, _, made = exported
    right = export.megatron.bin_chunks
    monkeypatch.setattr(megatron, "bin_chunks", lambda batches, n: (c[::-1] for c in right(batches, n)))
    job = export.Job(([made[0]],))
    [wrong] = [store.write_artefact(str(tmp_path / "wrong"), export.write_bin(store, None, job, {}), Record("", {}))]
    monkeypatch.undo()
    index = store.write_artefact(str(tmp_path / "index"), export.write_idx(store, None, job, {}), Record("", {}))
    check = export.Job(([made[0]], [wrong, index]), params=["bin", "idx"])
    with pytest.raises(AssertionError, match="other tokens"):
        list(export.check_megatron(store, ExportConfig(), check, {}))


def test_what_was_checked_lies_beside_the_rows_in_every_format(exported):
    store, _, _ = exported
    for name in ExportConfig().formats:
        assert store.read_text(f"{store.list(f'exports/{name}')[0]}/decontamination.json") == "{}"


def test_no_rows_make_no_files(tmp_path, cluster):
    result = export.run(work(Store(str(tmp_path)), cluster), ExportConfig(), [], [])
    assert (result.outputs, result.counts) == ({}, {})


@pytest.mark.parametrize("wrong", [{"formats": ("parquet",)}, {"check_rows": 0}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ExportConfig(**wrong)


def test_mds_samples_are_the_rows_with_the_ends_of_their_samples(exported):
    path = folder(exported, "mds")
    index = json.loads(Path(path, "index.json").read_text())
    assert [s["raw_data"]["basename"] for s in index["shards"]] == ["00000_rows.mds", "00001_rows.mds"]
    one = mds.read(f"{path}/00000_rows.mds", 8, 100_005)
    assert [sample["input_ids"].tolist() for sample in one] == [row["input_ids"] for row in ROWS]
    assert [sample["cu_seqlens"].tolist() for sample in one] == [[0, 3, 8], [0, 2, 5, 8]]
    assert [sample["masked"].tolist() for sample in one] == [[0, 0], [0, 0, 1]]


def test_litdata_chunks_are_the_format_byte_for_byte(exported):
    path = folder(exported, "litdata")
    chunk = np.fromfile(f"{path}/chunk-0-0.bin", "<u4")
    assert chunk.tolist() == [2, 16, 48, 80, *ROWS[0]["input_ids"], *ROWS[1]["input_ids"]]
    index = json.loads(Path(path, "index.json").read_text())
    assert index["chunks"][0] == {"filename": "chunk-0-0.bin", "chunk_bytes": 80, "chunk_size": 2, "dim": 16}
    assert index["config"]["data_format"] == ["no_header_numpy:2"]


@pytest.mark.parametrize("format_", [mds, litdata])
def test_an_index_over_other_files_is_refused(exported, format_):
    path = Path(folder(exported, format_.__name__.rsplit(".", 1)[1]))
    files = [(p.name, p.stat().st_size, n) for p, n in zip(sorted(path.glob("*[mb][di][sn]")), (2, 1), strict=True)]
    contents = {"index.json": (path / "index.json").read_bytes()}
    format_.check_index(contents, files)
    for wrong in (files[:1], [files[0], (files[1][0], 1, 1)], [files[0], (*files[1][:2], 7)], files[::-1]):
        with pytest.raises(AssertionError, match=r"index\.json of \w+ says"):
            format_.check_index(contents, wrong)


def test_a_task_reads_one_shard_back_and_the_whole_is_their_sum(exported):
    store, result, _ = exported
    for name in ("huggingface", "mds", "litdata"):
        reports = [json.loads(store.read_bytes(shard)) for shard in result.outputs[f"{name}.checks"]]
        assert [report["read_back"] for report in reports] == [2, 1]
        assert json.loads(store.read_bytes(result.outputs[f"{name}.read_back.json"][0]))["read_back"] == 3


def test_a_shard_that_reads_back_differently_is_not_exported(exported, tmp_path):
    store, result, made = exported
    [first, _] = result.outputs["litdata.bin"]
    damaged = bytearray(store.read_bytes(first))
    damaged[-1] ^= 1
    wrong = store.write_artefact(str(tmp_path / "wrong"), [bytes(damaged)], Record("", {}))
    with pytest.raises(AssertionError, match="other tokens than the rows"):
        list(export.check_litdata(store, ExportConfig(), export.Job(([made[0]], [wrong]), params="chunk-0-0.bin"), {}))
