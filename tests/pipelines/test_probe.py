"""The rows of a run: what two builds share, a seed reads alike in both."""

import json
from hashlib import blake2b

import pyarrow as pa
import pytest

from corpus.schema import rows as rows_schema
from pipelines import probe
from tests.pipelines.aligned import write
from tests.pipelines.corpora import OneAfterTheOther, work
from validate.probes.config import ProbeConfig
from validate.probes.train import TrainConfig

LENGTH = 8
DOCUMENTS = [blake2b(bytes([i]), digest_size=16).digest() for i in range(40)]


def row(document, first):
    """One document that fills its row; its ids say which it is and where in it."""
    at = DOCUMENTS.index(document)
    segment = {"sample": document, "document": document, "start": 0, "length": LENGTH, "document_start": first}
    rest = {"repeat": 0, "layout": 0, "cut_1": -1, "cut_2": -1, "domain": 0}
    return {"input_ids": [1000 * at + first + i for i in range(LENGTH)], "segments": [{**segment, **rest}]}


def built(folder, documents, shards=2):
    """Rows of these documents, two each, in the order of their ids, as pack lays them in the order of draws."""
    made = [row(document, first) for document in sorted(documents) for first in (0, LENGTH)]
    cut = len(made) // shards
    stage = work(folder, OneAfterTheOther(), "pack")
    return stage.store, write(stage, "rows", rows_schema(LENGTH), [made[:cut], made[cut:]])


def read(store, rows, seed, windows=10):
    cfg = ProbeConfig(vocabulary=None, train=TrainConfig(steps=windows, batch=1, length=4, seed=seed))
    pieces = probe._drawn_pieces(store, rows, cfg)
    return [tuple(piece.tolist()) for piece in pieces]


def test_every_stretch_is_read_once(tmp_path):
    found = read(*built(tmp_path, DOCUMENTS), seed=0)
    assert len(found) == len(set(found)) == 40 * 4
    assert sorted(token for piece in found for token in piece) == sorted(
        1000 * at + i for at in range(40) for i in range(2 * LENGTH)
    )


def test_another_seed_reads_in_another_order(tmp_path):
    store, rows = built(tmp_path, DOCUMENTS)
    assert read(store, rows, 0)[:10] != read(store, rows, 1)[:10]
    assert read(store, rows, 0) == read(store, rows, 0)


def test_the_cut_into_shards_changes_nothing(tmp_path):
    assert read(*built(tmp_path / "a", DOCUMENTS), 3) == read(*built(tmp_path / "b", DOCUMENTS, shards=5), 3)


def test_two_builds_read_the_documents_they_share_alike_and_in_the_same_order(tmp_path):
    whole = read(*built(tmp_path / "a", DOCUMENTS), 3)
    fewer = read(*built(tmp_path / "b", DOCUMENTS[5:]), 3)
    gone = set(range(5))
    assert fewer == [piece for piece in whole if piece[0] // 1000 not in gone]


def test_a_checkpoint_that_is_nowhere_is_named_before_a_run(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(FileNotFoundError, match=r"hub:owner/nowhere is not in .* the hub was not asked"):
        probe.check_start(ProbeConfig(start="hub:owner/nowhere"))
    probe.check_start(ProbeConfig())


def test_the_rows_own_vocabulary_knows_the_bytes_of_its_tokens():
    words = probe.load_vocabulary(None, ProbeConfig(vocabulary=None), None)
    text = "def é():  # 你好 \U0001f600\n" * 3
    assert words.sizes[words.encode(text)].sum() == len(text.encode())


def test_comments_of_an_excerpt_are_told_by_the_whole_document(tmp_path):
    text = 'def f():\n    """' + "a word\n" * 200 + '"""\n    return "more"\n' * 3
    stage = work(tmp_path, OneAfterTheOther(), "dedup")
    one = {"id": DOCUMENTS[0], "domain": "code", "language": "Python", "text": text}
    schema = pa.schema({"id": pa.binary(16), "domain": pa.string(), "language": pa.string(), "text": pa.large_string()})
    cfg = ProbeConfig(document_bytes=100)
    (found,) = probe.scored(stage.store, cfg, write(stage, "scoring", schema, [[one]]))
    assert found.text in text and len(found.text) == 100 == len(found.comments)
    assert found.text.startswith("a word")
    assert found.comments.all()


@pytest.mark.parametrize(("kernels", "counted"), [("auto", 0), ("named", 0), ("measured", 5)])
def test_kernels_are_measured_where_asked_and_named_otherwise(tmp_path, kernels, counted):
    pytest.importorskip("torch")
    cfg = ProbeConfig(kernels=kernels, train=TrainConfig(batch=1, length=16, attention="eager"))
    if kernels == "auto" and probe.fastest.on_gpu():
        pytest.skip("this machine has a GPU, where auto measures")
    counts = {}
    store = work(tmp_path, OneAfterTheOther(), "probe").store
    (made,) = probe.choose_kernels(store, cfg, None, counts)
    assert json.loads(made).keys() == {"experts", "attention"}
    assert counts.get("measured", 0) == counted
    if counted:
        (name,) = store.list(probe.KERNEL_LOGS)
        assert len(json.loads(store.read_text(name))["measured"]) == counted
    else:
        assert json.loads(made) == {"experts": "grouped_mm", "attention": "eager"}
