"""The stage: only survivors count, verdicts keep their columns, and no setting of size changes a span."""

import pyarrow as pa
import pytest

from corpus.schema import DOCUMENTS, SURVIVORS, VERDICTS
from corpus.shards import Record, Store
from filters.repeats import RepeatsConfig
from pipelines.progress import RunProgress
from pipelines.repeats import run
from pipelines.stage import Work

COMMON = "one two three four five six"
# text, survives, edits of the verdict; the second list is another shard of two row groups
SHARDS = [
    [[(f"{COMMON} first", True, []), (f"{COMMON} dropped", False, [(0, 3, "user")])]],
    [[(f"jo: {COMMON}", True, [(0, 2, "user")])], [("nothing", True, []), (f"- {COMMON}.", True, [])]],
]


@pytest.fixture
def work(tmp_path, cluster):
    store = Store(str(tmp_path))
    progress = RunProgress(store, "logs/run.jsonl")
    progress.manifest = "manifests/test/x"
    return Work(store, cluster, "repeats", progress)


def written(store, name, schema, row):
    made = []
    for index, shard in enumerate(SHARDS):
        batches = [pa.RecordBatch.from_pylist([row(*case) for case in group], schema) for group in shard]
        made.append(store.write_shard(f"objects/{name}/{index}", schema, batches, Record("one", {"bytes": 100})))
    return made


@pytest.fixture
def inputs(work):
    span = lambda edit: dict(zip(("start", "end", "kind"), edit, strict=True))  # noqa: E731
    return {
        "documents": written(
            work.store, "d", DOCUMENTS, lambda text, _, __: {"id": bytes(16), "kind": "prose", "text": text}
        ),
        "verdicts": written(
            work.store,
            "v",
            VERDICTS,
            lambda _, __, edits: {"kept": True, "domain": "code", "edits": [span(e) for e in edits]},
        ),
        "survivors": written(work.store, "s", SURVIVORS, lambda _, survives, __: {"survives": survives}),
    }


def edits_of(work, result):
    table = pa.concat_tables(map(work.store.table, result.outputs["edits"]))
    return [[tuple(edit.values()) for edit in row] for row in table["edits"].to_pylist()]


def test_later_survivors_lose_the_span_and_keep_their_other_edits(work, inputs):
    result = run(work, RepeatsConfig(min_words=5), **inputs)
    assert edits_of(work, result) == [
        [], [(0, 3, "user")], [(0, 2, "user"), (4, 31, "repeat")], [], [(2, 29, "repeat")],
    ]  # fmt: skip
    table = work.store.table(result.outputs["edits"][1])
    assert table.schema.equals(VERDICTS)
    assert table["domain"].to_pylist() == ["code"] * 3
    assert [b.num_rows for b in work.store.batches(result.outputs["edits"][1])] == [1, 2]
    assert result.counts["spans"] == 2
    assert result.counts["repeated_bytes"] == 54


def test_neither_groups_nor_ranges_change_a_span(work, inputs):
    whole = run(work, RepeatsConfig(min_words=5), **inputs)
    parted = run(work, RepeatsConfig(min_words=5, range_bytes=100, group_bytes=1), **inputs)
    assert len(work.store.list("objects/repeats/repeated")) > 3
    assert edits_of(work, parted) == edits_of(work, whole)
