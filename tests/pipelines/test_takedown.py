"""The command on a copy of a whole build: what it takes out, what stays, and that no stage has to run again."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpus.decode import plain_text
from corpus.exact import exact_key
from corpus.minhash import MinHashConfig
from corpus.shards import Record, Shard, Store
from corpus.sources.git import Git
from corpus.sources.issues import GATHERED
from corpus.takedown import Taken, taken_down
from filters.survivors import DedupConfig
from pipelines import crawl, dedup, takedown
from pipelines.build import main as build_main
from pipelines.build import plan
from pipelines.crawl import Batch, CrawlConfig
from pipelines.manifest import Found, survey
from pipelines.prune import needed, unneeded
from pipelines.purge import scan
from pipelines.recipes import load
from tests.builds import contents
from tests.corpus.sources.repositories import OCTOBER, Bare
from tests.pipelines.corpora import Corpus, document, words, work
from tests.tokenization.exporters.test_card import tables
from tokenization.dataset import row_files
from tokenization.exporters import FORMATS
from tokenization.packing import NO_ID, PADDING

PATH = "pallets/jinja/src/jinja2/loaders.py"


def texts(root):
    """{id: text} of every stored document."""
    store, found = Store(str(root)), {}
    for path, _ in store.walk(["objects/crawl/read", "objects/recall/documents"]):
        if path.endswith(".arrow"):
            found |= {row["id"]: row for row in store.table(Shard(path, "", 0, 0), ["id", "path", "text"]).to_pylist()}
    return found


def rows(root):
    return pa.concat_tables([pa.ipc.open_file(path).read_all() for path in row_files(str(root), "small")])


def listed(folder, *entries):
    path = folder / "list.txt"
    path.write_text("# asked for\n" + "\n".join(entries), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def taken(tmp_path_factory, base):
    folder = tmp_path_factory.mktemp("takedown")
    root = folder / "root"
    shutil.copytree(base, root)
    before = {"texts": texts(root), "rows": rows(root), "contents": contents(root, upto="export")}
    status = takedown.main([listed(folder, PATH), "--recipe", "small", "--root", str(root)])
    return root, before, status


def test_the_scan_finds_nothing_left(taken):
    assert taken[2] == 0


def test_texts_go_and_all_others_stay(taken):
    root, before, _ = taken
    after = texts(root)
    gone = {key for key, row in before["texts"].items() if row["text"] and not after[key]["text"]}
    assert {before["texts"][key]["path"] for key in gone} == {"src/jinja2/loaders.py"}
    assert {k: r for k, r in after.items() if k not in gone} == {
        k: r for k, r in before["texts"].items() if k not in gone
    }


def test_its_tokens_become_masked_end_tokens_and_all_others_keep_their_places(taken):
    root, before, _ = taken
    old, new = before["rows"], rows(root)
    end = json.loads(new.schema.metadata[b"tokenizer"])["end"]
    [document] = [key for key, row in before["texts"].items() if row["path"] == "src/jinja2/loaders.py"]
    changed = 0
    for was, now in zip(old.to_pylist(), new.to_pylist(), strict=True):
        for a, b in zip(was["segments"], now["segments"], strict=True):
            here = slice(a["start"], a["start"] + a["length"])
            if a["document"] == document:
                changed += 1
                assert now["input_ids"][here] == [end] * a["length"]
                assert (b["document"], b["domain"], b["sample"]) == (NO_ID, PADDING, a["sample"])
            else:
                assert (a, was["input_ids"][here]) == (b, now["input_ids"][here])
    assert changed


def test_no_stage_runs_again(taken, capsys):
    root, before, _ = taken
    assert contents(root, upto="export") == before["contents"]
    assert build_main(["--recipe", "small", "--root", str(root), "--stage", "pack,export"]) == 0
    assert "done before" in capsys.readouterr().err


def test_exports_are_those_of_the_rows_that_stay(taken):
    root, _, _ = taken
    [folder] = Path(root, "exports/litdata").iterdir()
    tokens = np.concatenate([np.fromfile(path, "<i4") for path in sorted(folder.glob("chunk-*.bin"))])
    ids = np.asarray(rows(root)["input_ids"].combine_chunks().flatten())
    assert np.array_equal(tokens[-len(ids) :], ids)


def test_cards_and_sums_are_those_of_the_exports_that_stay(taken):
    root, before, _ = taken
    [document] = [key for key, row in before["texts"].items() if row["path"] == "src/jinja2/loaders.py"]
    segments = before["rows"]["segments"].combine_chunks().flatten()
    lost = sum(one["length"] for one in segments.to_pylist() if one["document"] == document)
    documents = len(set(segments.field("document").to_pylist()) - {NO_ID, document})
    folders = [path for name in FORMATS for path in Path(root, "exports", name).iterdir()]
    assert len(folders) == len(FORMATS) and lost
    for folder in folders:
        [card] = folder.glob("*.md")
        assert f"taken down since (end tokens, masked) | {lost:,} |" in card.read_text()
        assert tables(card.read_text())["domain"][-1][1] == f"{documents:,}"
        sums = [line.split("  ") for line in (folder / "B2SUMS").read_text().splitlines()]
        assert {name for _, name in sums} == {path.name for path in folder.iterdir()} - {"B2SUMS"}
        for found, name in sums:
            assert hashlib.blake2b((folder / name).read_bytes(), digest_size=16).hexdigest() == found


def test_nothing_that_the_exports_stand_on_is_pruned(taken):
    root, _, _ = taken
    store = Store(str(root))
    found = survey(store, plan(load("small", None).recipe), accept_code=False)
    assert [path for path, _ in unneeded(store, needed(store, found)) if path.startswith("objects/export/")] == []


def test_the_list_is_kept_for_crawls_and_dedup(taken):
    root, before, _ = taken
    [document] = [key for key, row in before["texts"].items() if row["path"] == "src/jinja2/loaders.py"]
    kept = taken_down(Store(str(root)))
    text = before["texts"][document]["text"].encode()
    assert document in kept.ids
    assert kept.holds(b"another id", text, None, None, None)
    assert kept.holds(b"another id", b"", "pallets/jinja", "src/jinja2/loaders.py", None)
    assert not kept.holds(b"another id", b"another text", "pallets/jinja", "setup.py", None)


def test_nothing_to_take_down_is_said(taken, tmp_path, capsys):
    root = taken[0]
    assert takedown.main([listed(tmp_path, "no/such"), "--recipe", "small", "--root", str(root)]) == 1
    assert "no document of 1 entries" in capsys.readouterr().out


@pytest.mark.parametrize(("entries", "root", "told"), [((), "x", "names no document"), (("a/b",), "x", "no finished")])
def test_wrong_usage_is_told_in_a_line(tmp_path, capsys, entries, root, told):
    arguments = [listed(tmp_path, *entries), "--recipe", "small", "--root", str(tmp_path / root)]
    assert takedown.main(arguments) == 2
    assert told in capsys.readouterr().err


def text(seed, changed=0):
    return " ".join([*words(seed)[: 300 - changed], *(f"new{i}" for i in range(changed))])


ROWS = [
    document("a", text("a"), repo="o/a", path="a.py", kind="file", stars=9),
    document("near a", text("a", 8), repo="o/b", path="b.py", kind="file"),
    document("b", text("b"), url="https://host.example/b"),
    document("a again", text("a"), repo="o/c", path="c.py", kind="file"),
]
NO_CACHES = takedown.Fetched()
NOTHING_MADE = {name: Found(None, "todo", None, None) for name in ("export", "pack", "decontaminate")}


def small_root(root, unit="file"):
    """Four documents through the real minhash and dedup, and manifests that say what was read and written."""
    corpus = Corpus(root, takedown.Here(), [ROWS[:2], ROWS[2:]], MinHashConfig(group_bytes=9_000))
    cfg = DedupConfig(unit=unit, minhash=MinHashConfig(group_bytes=9_000))
    made = dedup.run(corpus.work, cfg, **corpus.inputs()).outputs["survivors"]
    reads = {"documents": [shard.path for shard in corpus.documents]}
    for stage, output, shards in (("minhash", "signatures", corpus.signatures), ("dedup", "survivors", made)):
        manifest = {"stage": stage, "reads": reads, "outputs": {output: [{"path": shard.path} for shard in shards]}}
        corpus.work.store.write_text(f"manifests/{stage}/x.json", json.dumps(manifest))
    return corpus.work.store


def down(store, *entries, near=False, fetched=NO_CACHES):
    manifests = list(takedown.read_manifests(store))
    return takedown.take_down(store, takedown.Here(), (manifests, NOTHING_MADE), (frozenset(entries), near), fetched)


def left(store):
    """Origins of documents that still have a text."""
    shards = [Shard(path, "", 0, 0) for path, _ in store.walk(["objects/input/documents"])]
    return {row["origin"] for shard in shards for row in store.table(shard).to_pylist() if row["text"]}


def test_equal_texts_go_and_near_ones_stay_unless_asked_for(tmp_path):
    store = small_root(tmp_path)
    assert down(store, "o/a/a.py") == 0
    assert left(store) == {"near a", "b"}
    assert down(store, "o/a/a.py", near=True) == 0
    assert left(store) == {"b"}


def test_an_entry_that_names_nothing_is_told_though_others_do(tmp_path, capsys):
    store = small_root(tmp_path)
    entries = ("o/a/a.py", "o/c", exact_key(b"b").hex(), "no/such", "https://host.example/none")
    assert down(store, *entries) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "names no document" in line]
    assert [line.rsplit(" ", 1)[1] for line in told] == ["https://host.example/none", "no/such"]


@pytest.mark.parametrize("unit", ["file", "repository", "none"])
def test_near_takes_what_is_near_whatever_deduplication_compared(tmp_path, unit, capsys):
    store = small_root(tmp_path, unit)
    assert down(store, "o/a", near=True) == 0
    assert left(store) == {"b"}
    told = capsys.readouterr().out.split()
    assert told[told.index("kept") + 1] == "3"  # signatures
    assert "scan: nothing of them is left" in " ".join(told)


def test_a_takedown_that_was_stopped_is_finished_by_the_same_command(tmp_path, monkeypatch):
    store = small_root(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(takedown, "_forward", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            down(store, "o/a", near=True)
    assert down(store, "o/a", near=True) == 0
    assert left(store) == {"b"}


def test_the_scan_tells_what_is_left(tmp_path):
    store = small_root(tmp_path)
    [path, _] = [path for path, _ in store.walk(["objects/input/documents"])]
    assert scan(store, path, Taken(ids=frozenset({ROWS[0]["id"]}))) == {path: 1}
    assert scan(store, path, Taken(ids=frozenset({b"another" + bytes(9)}))) == {}


def test_a_fetched_answer_that_holds_it_goes_and_is_counted(tmp_path, capsys):
    store, cache = small_root(tmp_path / "root"), tmp_path / "fetched"
    for name in ("o/a", "o/z"):
        url = f"https://git.example/{name}.git/git-upload-pack"
        (cache / name).mkdir(parents=True)
        (cache / name / "answer").write_bytes(json.dumps({"url": url}).encode() + b"\npack")
    assert down(store, "o/a", fetched=takedown.Fetched(caches=(str(cache),))) == 0
    assert [path.parent.name for path in cache.rglob("answer")] == ["z"]
    assert "fetched answers deleted            1" in capsys.readouterr().out


def test_the_hubs_cache_is_searched_and_told_and_left_alone(tmp_path, capsys, monkeypatch):
    store, blobs = small_root(tmp_path / "root"), tmp_path / "hub" / "datasets--x--set" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "one").write_text('{"repo": "o/a"}')
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert down(store, "o/a", fetched=takedown.Fetched(hub=("hub:x/set",))) == 0
    out = capsys.readouterr().out
    assert f"{blobs / 'one'} of hub:x/set names one of them" in out and "hf cache rm" in out
    assert (blobs / "one").exists()


def with_exports(store):
    """An export of another recipe, over what will change in place of rows."""
    for path in ("objects/export/litdata/k.c.bin", "exports/litdata/xyz/chunk-0-0.bin"):
        store.write_text(path, "tokens")
    store.write_text("objects/export/litdata/k.c.bin.json", "{}")
    rows = next(path for path, _ in store.walk(["objects/input/documents"]))
    outputs = {"litdata.bin": [{"path": "objects/export/litdata/k.c.bin"}]}
    manifest = {"stage": "export", "reads": {"rows": [rows]}, "outputs": outputs}
    store.write_text("manifests/export/other.json", json.dumps(manifest))
    store.write_text("builds/other.json", json.dumps({"export": "manifests/export/other.json"}))


def test_exports_of_another_recipe_are_deleted_and_named_with_the_command_that_makes_them_again(tmp_path, capsys):
    store = small_root(tmp_path)
    with_exports(store)
    assert down(store, "o/a") == 0
    assert not list((tmp_path / "objects/export").rglob("*.bin"))
    assert store.read_text("manifests/export/other.json") is None
    told = capsys.readouterr().out
    assert (
        "not made again: the exports of other (python -m pipelines.build --recipe FILE.py:other --stage export" in told
    )


def test_counts_of_groups_go_whole_and_the_vocabulary_stays(tmp_path):
    """Groups are not aligned with rows, even where there are as many; a vocabulary holds nothing of a document."""
    store = small_root(tmp_path)
    with_exports(store)
    manifest = json.loads(store.read_text("manifests/export/other.json"))
    paths = [f"objects/export/{name}.c.bin" for name in ("of_rows/r", "of_groups/g", "tokenizer/t")]
    for path in paths:
        store.write_text(path, "{}")
        store.write_text(f"{path}.json", "{}")
    manifest["reads"]["rows"].append("objects/input/none.c.arrow")
    manifest["outputs"] |= {"card.tallies": [{"path": paths[0]}, {"path": paths[1]}]}
    manifest["outputs"]["tokenizer.json"] = [{"path": paths[2]}]
    store.write_text("manifests/export/other.json", json.dumps(manifest))
    assert down(store, "o/a") == 0
    assert [path.name for path in (tmp_path / "objects/export").rglob("*.bin")] == ["t.c.bin"]


@pytest.mark.parametrize("step", ["_forward", "_delete", "_exports"])
def test_exports_are_seen_to_by_the_same_command_wherever_it_was_stopped(tmp_path, monkeypatch, step):
    store = small_root(tmp_path)
    with_exports(store)
    with monkeypatch.context() as patch:
        patch.setattr(takedown, step, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            down(store, "o/a")
    assert list((tmp_path / "objects/export").rglob("*.bin"))
    assert down(store, "o/a") == 0
    assert not list((tmp_path / "objects/export").rglob("*.bin"))
    assert left(store) == {"near a", "b"}


def test_a_crawl_refuses_what_is_listed(tmp_path):
    source = tmp_path / "git"
    for name in ("o/a", "o/b"):
        bare = Bare(source / f"{name}.git")
        bare.commit(bare.files({b"same.py": b"equal text", b"own.py": name.encode()}), OCTOBER)
    stage = work(tmp_path / "root", takedown.Here(), "crawl")
    lists = Taken(exact=frozenset({exact_key(b"equal text")}), names=frozenset({"o/b/own.py"}))
    stage.store.write_text("takedown/lists/x.json", lists.encode())
    batches = (Batch(name="git", source=Git(folder=str(source)), extract=plain_text),)
    result = crawl.run(stage, CrawlConfig(batches=batches))
    found = [row["origin"] for shard in result.outputs["documents"] for row in stage.store.table(shard).to_pylist()]
    assert (found, result.counts["refused.taken_down"], result.counts["seen"]) == (["o/a"], 3, 4)


def test_what_a_source_gathered_for_a_batch_goes_and_that_of_others_stays(tmp_path, capsys):
    store = small_root(tmp_path)
    gathered = [
        store.write_shard(f"objects/crawl/{step}/{batch}", GATHERED, [], Record(batch, {}))
        for step in ("gather", "merge")
        for batch in ("first", "other")
    ]
    assert down(store, "o/a") == 0
    there = [path for path, _ in store.walk(["objects/crawl"])]
    assert sorted(there) == sorted(shard.path for shard in gathered if shard.batch == "other")
    assert "gathered files deleted            2" in capsys.readouterr().out


def test_an_empty_list_holds_nothing():
    assert not Taken()
    assert not Taken().holds(b"id", b"", None, None, None)
