"""The command on a copy of a whole build: what it takes out, what stays, and that no stage has to run again."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from corpus.shards import Shard, Store
from corpus.takedown import Taken, taken_down
from pipelines import takedown
from pipelines.build import main as build_main
from tests.builds import contents
from tokenization.dataset import row_files
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


def test_an_empty_list_holds_nothing():
    assert not Taken()
    assert not Taken().holds(b"id", b"", None, None, None)
