"""The stage `measure`: one annotation per group, rows and row groups as in the documents, groups of a user's own."""

from collections import Counter
from typing import Any

import pyarrow as pa

from corpus.schema import DOCUMENTS, LANGUAGES
from corpus.shards import Record, Shard, Store
from filters.group import Group
from filters.measures import GROUPS, MeasureConfig
from pipelines import measure
from pipelines.progress import RunProgress
from pipelines.stage import Work


def work(tmp_path: Any, cluster: Any) -> Work:
    store = Store(str(tmp_path))
    progress = RunProgress(store, "logs/run.jsonl")
    progress.manifest = "manifests/test/x"
    return Work(store, cluster, "measure", progress)


def written(store: Store, name: str, schema: pa.Schema, *groups: list[dict[str, Any]]) -> list[Shard]:
    batches = [pa.RecordBatch.from_pylist(rows, schema) for rows in groups]
    return [store.write_shard(f"objects/{name}", schema, batches, Record("batch", Counter()))]


def shouts(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch(
        {"shouts": pa.array([t.count("!") for t in documents.column("text").to_pylist()], pa.int64())}
    )


SHOUTS = Group(name="shouts", kernel=shouts, columns=(("shouts", "int64"),))


def inputs(store: Store) -> tuple[list[Shard], list[Shard]]:
    texts = (["import a\n", "<p>Hello!</p>"], ["a fair word!!"])
    documents = [[{"id": b"0" * 16, "kind": "file", "text": text} for text in group] for group in texts]
    languages = [[{"how": "name", "language": "Python"}, {"how": "name", "language": "HTML"}], [{"how": "none"}]]
    return written(store, "documents", DOCUMENTS, *documents), written(store, "languages", LANGUAGES, *languages)


def test_every_group_is_an_output_aligned_with_the_documents(tmp_path: Any, cluster: Any) -> None:
    here = work(tmp_path, cluster)
    result = measure.run(here, MeasureConfig(groups=(*GROUPS, SHOUTS)), *inputs(here.store))
    assert list(result.outputs) == ["basic", "html", "words", "formulas", "imports", "shouts"]
    assert result.counts == {"rows": 3}
    for shards in result.outputs.values():
        assert [batch.num_rows for batch in here.store.batches(shards[0])] == [2, 1]
    assert here.store.table(result.outputs["shouts"][0])["shouts"].to_pylist() == [0, 1, 2]
    assert here.store.table(result.outputs["html"][0])["visible_chars"].to_pylist() == [None, 6, None]
    assert here.store.table(result.outputs["imports"][0])["imports"].to_pylist() == [["import a"], [], []]


def test_a_new_group_leaves_the_others_as_they_are(tmp_path: Any, cluster: Any) -> None:
    here = work(tmp_path, cluster)
    before = measure.run(here, MeasureConfig(), *inputs(here.store)).outputs
    after = measure.run(here, MeasureConfig(groups=(SHOUTS, *GROUPS)), *inputs(here.store)).outputs
    assert {name: shards[0].path for name, shards in before.items()}.items() <= {
        name: shards[0].path for name, shards in after.items()
    }.items()
