import hashlib
import json
import re
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpus import schema
from corpus.shards import Record, Store
from filters.contamination import ContaminationConfig
from filters.survivors import DedupConfig
from pipelines import export
from pipelines.card import About
from pipelines.progress import RunProgress
from pipelines.stage import Work
from tests.pipelines.corpora import OneAfterTheOther
from tokenization.exporters import FORMATS, ExportConfig, litdata, mds, megatron
from tokenization.exporters.card import file_name
from tokenization.packing import PackConfig, row_schema
from tokenization.tokenizer import load

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


def configured(**changed):
    """Settings of the stage; `changed` of the export's own."""
    about = About(recipe="tests", identity="0" * 32, pack=CFG, dedup=DedupConfig(), decontaminate=ContaminationConfig())
    return export.Exported(export=ExportConfig(**changed), about=about)


# What the stages before say of samples a and b; c is in no group, d is left out of the mixture, e was taken down.
DOCUMENTS = [
    {"source": "git", "kind": "file", "language": "Python", "license": "MIT", "n_tokens": 3, "repeats": 1},
    {"source": "git", "kind": "file", "text_format": "Text", "natural": "en", "n_tokens": 7, "repeats": 2},
    {"source": "git", "kind": "file", "language": "C", "license": "MIT", "n_tokens": 100, "repeats": 0},
    {"source": "web", "kind": "page", "natural": "de", "n_tokens": 0, "repeats": 1},
]


def before(store):
    """The outputs that a card is made of, with the counters of a crawl that kept four of six."""
    member = pa.ListArray.from_arrays(
        [0, 1, 2, 3, 4],
        pa.StructArray.from_arrays(
            [
                *(pa.array([bytes([at]) * 16 for at in range(4)], schema.ID), pa.array([0] * 4, pa.int32())),
                *(pa.array(range(4), pa.int32()), pa.array([""] * 4)),
            ],
            fields=list(schema.SAMPLES.field("documents").type.value_type),
        ),
    )
    rows = [{**row, "domain": "code", "text": ""} for row in DOCUMENTS]
    counts = {
        "crawled": {"seen": 6, "kept": 4, "refused.binary": 2},
        "verdicts": {"seen": 4, "kept": 3, "refused.n_chars": 1},
        "survivors": {"seen": 4, "kept": 2, "refused.n_chars": 1, "refused.held_out": 1},
        "contamination": {"documents_hit.HumanEval": 1},
        "spans": {"spans.email": 5},
    }
    kinds = {
        "crawled": schema.DOCUMENTS,
        "languages": schema.LANGUAGES,
        "licenses": schema.LICENSES,
        "spans": schema.SCRUB,
        "contamination": schema.CONTAMINATION,
        "verdicts": schema.VERDICTS,
        "survivors": schema.SURVIVORS,
        "tokens": schema.TOKENS,
        "mix": schema.MIX,
        "samples": schema.SAMPLES,
    }
    made = {}
    for name, kind in kinds.items():
        batch = pa.RecordBatch.from_pylist([{field: row.get(field) for field in kind.names} for row in rows], kind)
        if name == "samples":
            batch = batch.set_column(kind.get_field_index("documents"), kind.field("documents"), member)
        made[name] = [store.write_shard(f"in/{name}", kind, [batch], Record("", counts.get(name, {})))]
    return {**made, "documents": made["crawled"], "pool": [], "pool_survivors": [], "recalled": []}


def inputs(store):
    made = []
    for name, rows in (("one", ROWS), ("empty", []), ("two", FULL)):
        batches = [pa.RecordBatch.from_pylist([row], row_schema(CFG)) for row in rows]
        made.append(store.write_shard(f"in/{name}", row_schema(CFG), batches, Record("", {})))
    record = {"checked": {"HumanEval": {"hash": "ab", "strings": 328, "used": 328}}, "unchecked": []}
    checked = [store.write_artefact("in/checked", [json.dumps(record).encode()], Record("", {}))]
    return {"rows": made, "checked": checked, **before(store)}


@pytest.fixture(scope="module")
def exported(tmp_path_factory, cluster):
    store = Store(str(tmp_path_factory.mktemp("export")))
    given = inputs(store)
    return store, export.run(work(store, cluster), configured(), **given), given["rows"]


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
    for name in FORMATS:
        assert "HumanEval" in store.read_text(f"{store.list(f'exports/{name}')[0]}/decontamination.json")


def test_no_rows_make_no_files(tmp_path, cluster):
    result = export.run(work(Store(str(tmp_path)), cluster), configured(), [], [])
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


def published(store):
    """{path below exports/: bytes} of everything that a trainer gets."""
    return {path.removeprefix("exports/"): store.fs.cat_file(store.url(path)) for path, _ in store.walk(["exports"])}


@pytest.mark.parametrize("name", FORMATS)
def test_every_file_of_a_folder_is_in_its_sums_with_its_hash(exported, name):
    where = Path(folder(exported, name))
    sums = dict(line.split("  ")[::-1] for line in (where / "B2SUMS").read_text().splitlines())
    files = {path.name for path in where.iterdir()} - {"B2SUMS"}
    assert set(sums) == files >= {"tokenizer.json", "tokenizer_config.json", "decontamination.json"}
    assert ("README.md" if name == "huggingface" else "CARD.md") in files
    for file, found in sums.items():
        assert hashlib.blake2b((where / file).read_bytes(), digest_size=16).hexdigest() == found


@pytest.mark.skipif(shutil.which("b2sum") is None, reason="b2sum is not installed")
def test_the_command_on_the_card_finds_a_damaged_file(exported, tmp_path):
    where = shutil.copytree(folder(exported, "megatron"), tmp_path / "copy")
    check = ["b2sum", "-c", "B2SUMS"]
    assert subprocess.run(check, cwd=where, capture_output=True, check=False).returncode == 0
    (where / "tokenizer_config.json").write_text("{}")
    told = subprocess.run(check, cwd=where, capture_output=True, text=True, check=False)
    assert told.returncode == 1 and "tokenizer_config.json: FAILED" in told.stdout


def test_the_same_input_gives_the_same_bytes_on_any_store(exported, tmp_path, s3_url):
    """Another process order, a local folder and an object store; and a second time into the same folder."""
    first = published(exported[0])
    for root in (str(tmp_path), s3_url):
        store = Store(root)
        given = inputs(store)
        for _ in range(2):
            export.run(work(store, OneAfterTheOther()), configured(), **given)
            assert published(store) == first


NEEDS = {"mds": "streaming", "litdata": "litdata"}


@pytest.mark.parametrize("name", FORMATS)
def test_the_code_on_the_card_reads_the_folder(exported, name, monkeypatch, capsys):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    where = Path(folder(exported, name))
    [card] = where.glob("*.md")
    [code] = re.findall("```python\n(.*?)```", card.read_text(), re.S)
    monkeypatch.chdir(where)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # megatron-core warns that its optional GPU libraries are not there
        names: dict[str, object] = {}
        exec(code, names)
    ids = ROWS[0]["input_ids"][:3] if name == "megatron" else ROWS[0]["input_ids"]
    assert [int(token) for token in names["ids"]] == ids
    assert capsys.readouterr().out == load(CFG.tokenizer).text(ids) + "\n"


def test_the_hubs_loader_finds_the_rows_by_the_front_matter(exported, tmp_path):
    """On the Hub there is no `load_from_disk`: a copy without that format's own index stands for it."""
    from datasets import load_dataset

    where = shutil.copytree(folder(exported, "huggingface"), tmp_path / "copy")
    for name in ("state.json", "dataset_info.json"):
        (where / name).unlink()
    found = load_dataset(str(where), cache_dir=str(tmp_path / "cache"))
    assert list(found) == ["train"] and found["train"]["input_ids"][1] == ROWS[1]["input_ids"]


def test_a_folder_has_the_card_of_its_own_format(exported):
    store, result, _ = exported
    texts = {name: store.read_bytes(result.outputs[f"{name}.card"][0]).decode() for name in FORMATS}
    assert "in the format of Megatron" in texts["megatron"] and "the files hold 21 ids" in texts["megatron"]
    assert "IndexedDataset" not in texts["mds"]
    for name, text in texts.items():
        assert store.read_text(f"{store.list(f'exports/{name}')[0]}/{file_name(name)}") == text
