"""The stage: one annotation shard per document shard, and counts that add up."""

import pyarrow as pa

from corpus.languages import ClassifyConfig
from corpus.schema import DOCUMENTS, LANGUAGES
from corpus.shards import Record
from pipelines.classify import run
from tests.pipelines.corpora import OneAfterTheOther, work

FILES = {
    "a.py": "import os\n",
    "b.toml": "a = 1\n",
    "README.md": "# A title\n",
    "vendor/c.h": "namespace a {}\n",
    "tests/d.js": "// @generated\n",
    "e": "",
    "f.c": "int table[] = {" + "12345, " * 300 + "};\n",
}


def test_every_document_is_classified_and_counted(tmp_path):
    stage = work(tmp_path, OneAfterTheOther(), "classify")
    rows = [{"id": bytes(16), "kind": "file", "path": path, "text": text} for path, text in FILES.items()]
    batches = [pa.RecordBatch.from_pylist(rows[:4], DOCUMENTS), pa.RecordBatch.from_pylist(rows[4:], DOCUMENTS)]
    shard = stage.store.write_shard("objects/crawl/0", DOCUMENTS, batches, Record("one", {}))
    result = run(stage, ClassifyConfig(), [shard])
    (annotation,) = result.outputs["languages"]
    found = list(stage.store.batches(annotation))
    assert [batch.num_rows for batch in found] == [4, 3]
    table = pa.Table.from_batches(found)
    assert table.schema.names == LANGUAGES.names
    assert table["language"].to_pylist() == ["Python", None, None, "C++", "JavaScript", None, "C"]
    assert result.counts == {
        "rows": 7, "language": 4, "text_format": 1, "outside": 1,
        "generated": 1, "vendored": 1, "minified": 0, "test": 1, "data_heavy": 1,
        "how.name": 4, "how.heuristic": 2, "how.none": 1,
    }  # fmt: skip
