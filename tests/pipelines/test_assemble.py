"""The stage: survivors of a group become samples whose positions are those of the group."""

import pyarrow as pa
import pytest

from corpus.schema import DOCUMENTS, LANGUAGES, SURVIVORS, VERDICTS
from filters.assembly import AssemblyConfig
from pipelines.assemble import run
from tests.pipelines.aligned import write
from tests.pipelines.corpora import OneAfterTheOther, work

IMPORTS = pa.schema([("n_imports", pa.int64()), ("imports", pa.list_(pa.string()))])
BASIC = pa.schema([("n_chars", pa.int64()), ("n_bytes", pa.int64())])


def file(n, path, *imports, repo="o/r", **more):
    common = {"kind": "file", "domain": "code", "subdomain": "source", "language": "Python", "survives": True}
    return {"id": bytes([n]) * 16, "repo": repo, "path": path, "imports": list(imports), "n_bytes": n, "n_chars": n,
            "text": "x" * 100, **common, **more}  # fmt: skip


FIRST = [file(1, "a.py", "import b"), file(2, "dropped.py", survives=False), file(3, "c.py", survives=None)]
SECOND = [file(4, "b.py", "import d"), {**file(5, None, repo=None), "kind": "page", "domain": "math", "language": None}]
OTHER = [file(6, "a.py", repo="other/r"), file(7, "d.py", repo="other/r")]
SCHEMAS = {"documents": DOCUMENTS, "survivors": SURVIVORS, "verdicts": VERDICTS, "languages": LANGUAGES,
           "imports": IMPORTS, "basic": BASIC}  # fmt: skip


def assembled(tmp_path, cfg):
    stage = work(tmp_path, OneAfterTheOther(), "assemble")
    inputs = {
        name: write(stage, name, schema, [FIRST, SECOND], "one", continues=1)
        + write(stage, name, schema, [OTHER], "two")
        for name, schema in SCHEMAS.items()
    }
    result = run(stage, cfg, **inputs)
    shards = result.outputs["samples"]
    return result, [stage.store.table(shard).to_pylist() for shard in shards], shards


def test_a_repository_over_two_shards_is_assembled_in_its_group(tmp_path):
    result, samples, shards = assembled(tmp_path, AssemblyConfig(mode="repository"))
    places = [[[(d["shard"], d["row"], d["comment"]) for d in s["documents"]] for s in shard] for shard in samples]
    assert places == [
        [[(1, 0, "# b.py\n"), (0, 0, "# a.py\n")], [(1, 1, "")]],
        [[(0, 0, "# a.py\n")], [(0, 1, "# d.py\n")]],
    ]
    assert [shard.batch for shard in shards] == ["one", "two"]
    assert result.counts == {"documents": 5, "samples": 4, "joined": 1}


def test_per_file_every_survivor_is_a_sample(tmp_path):
    result, samples, _ = assembled(tmp_path, AssemblyConfig())
    assert [[s["documents"][0]["document"][0] for s in shard] for shard in samples] == [[1, 4, 5], [6, 7]]
    assert result.counts == {"documents": 5, "samples": 5, "joined": 0}


def test_samples_of_a_batch_do_not_change_when_another_joins(tmp_path):
    _, _, shards = assembled(tmp_path / "both", AssemblyConfig(mode="repository"))
    stage = work(tmp_path / "one", OneAfterTheOther(), "assemble")
    inputs = {name: write(stage, name, schema, [FIRST, SECOND], continues=1) for name, schema in SCHEMAS.items()}
    alone = run(stage, AssemblyConfig(mode="repository"), **inputs).outputs["samples"]
    assert [shard.path for shard in alone] == [shards[0].path]


@pytest.mark.parametrize("mode", ["file", "repository"])
def test_no_documents_give_no_samples(tmp_path, mode):
    stage = work(tmp_path, OneAfterTheOther(), "assemble")
    result = run(stage, AssemblyConfig(mode=mode), [], [], [], [], [], [])
    assert result.outputs == {"samples": []} and result.counts == {}
