import pyarrow as pa
import pytest

from corpus.schema import DOCUMENTS, SPANS, TOKENS
from corpus.shards import Record, Store
from pipelines import encode
from pipelines.progress import RunProgress
from pipelines.stage import Work
from tokenization.tokenizer import EncodeConfig, Tokenizer, load

CFG = EncodeConfig(verify=1.0)
TEXTS = ["mail a@b.c now\n", "dropped", "", "日本 x = 1\r\n"]
KEPT = [True, False, True, True]
EDITS = [[{"start": 5, "end": 10, "kind": "email"}], [], [], []]
EDITED = ["mail <email> now\n", "dropped", "", "日本 x = 1\r\n"]
EDIT_COLUMNS = pa.schema([("kept", pa.bool_()), ("edits", SPANS)])


def documents(texts=TEXTS):
    rows = [{"id": bytes([i]) * 16, "text": text} for i, text in enumerate(texts)]
    return pa.RecordBatch.from_pylist(rows, DOCUMENTS)


def edits(kept=KEPT, spans=EDITS):
    return pa.RecordBatch.from_pylist([{"kept": k, "edits": e} for k, e in zip(kept, spans, strict=True)], EDIT_COLUMNS)


def test_kept_documents_have_the_ids_of_their_edited_text_and_others_none():
    made, counts = encode.encode(CFG, documents(), edits())
    tokenizer = load(CFG.tokenizer)
    expected = [tokenizer.encode(t).tolist() if k else [] for t, k in zip(EDITED, KEPT, strict=True)]
    assert made.schema.equals(TOKENS)
    assert made["ids"].to_pylist() == expected
    assert made["n_tokens"].to_pylist() == [len(ids) for ids in expected]
    assert counts == {"documents": 3, "tokens": sum(map(len, expected)), "text_bytes": 31, "verified": 3}


def test_quarantined_rows_are_not_encoded():
    made, _ = encode.encode(CFG, documents(), edits([None] * 4, [None] * 4))
    assert made["n_tokens"].to_pylist() == [0] * 4


def test_an_id_that_the_library_does_not_give_stops_the_stage(monkeypatch):
    right = Tokenizer.encode_column
    monkeypatch.setattr(Tokenizer, "encode_column", lambda self, texts: right(self, pc_lower(texts)))
    with pytest.raises(AssertionError, match="030303"):
        encode.encode(CFG, documents(["a", "b", "c", "UPPER"]), edits([True] * 4, [[]] * 4))


def pc_lower(texts):
    return pa.array([t.lower() for t in texts.to_pylist()], pa.large_string())


def test_tokens_are_aligned_with_documents(tmp_path, cluster):
    store = Store(str(tmp_path))
    progress = RunProgress(store, "logs/run.jsonl")
    progress.manifest = "manifests/test/x"
    batches = [documents(), documents(["only one"])]
    texts = store.write_shard("in/documents", DOCUMENTS, batches, Record("b", {}))
    spans = store.write_shard("in/edits", EDIT_COLUMNS, [edits(), edits([True], [[]])], Record("b", {}))
    result = encode.run(Work(store, cluster, "encode", progress), CFG, [texts], [spans])
    [shard] = result.outputs["tokens"]
    assert [batch.num_rows for batch in store.batches(shard)] == [4, 1]
    assert result.counts["documents"] == result.counts["verified"] == 4
