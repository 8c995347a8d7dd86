import pyarrow as pa

from corpus.schema import DOCUMENTS, LISTED, RECALL_SCORES, SURVIVORS
from corpus.shards import Record, Store
from pipelines import explain
from pipelines.manifest import Found
from pipelines.stage import Result, Stage


def test_explain_follows_a_document_to_its_rows_by_path_and_by_id(base, capsys):
    arguments = ["--recipe", "small", "--root", str(base)]
    assert explain.main(["pallets/jinja/README.rst", *arguments]) == 0
    printed = capsys.readouterr().out
    assert "text_format=reStructuredText" in printed
    assert "filter: kept=" in printed
    document = printed.splitlines()[0].removeprefix("document ")
    assert explain.main([document, *arguments]) == 0
    assert capsys.readouterr().out == printed


def test_explain_of_what_is_not_there_is_status_1(base, capsys):
    assert explain.main(["pallets/jinja/absent.py", "--recipe", "small", "--root", str(base)]) == 1
    assert "no document" in capsys.readouterr().out


def test_a_refused_file_and_a_page_that_was_not_selected_say_why(tmp_path, capsys):
    store = Store(str(tmp_path))
    page = {
        "id": b"p" * 16,
        "source": "pages",
        "kind": "page",
        "origin": "a.org",
        "url": "https://a.org/x",
        "text": "x",
    }
    listed = [{"root": "o/r", "path": "link.py", "refused": "symlink"}, {"root": "o/r", "path": "bad.py"}]
    outputs = {
        ("crawl", "pool"): (DOCUMENTS, [page]),
        ("crawl", "listing"): (LISTED, listed),
        ("pool_dedup", "pool_survivors"): (SURVIVORS, [{"survives": False, "reason": "url_duplicate"}]),
        ("recall", "scores"): (RECALL_SCORES, [{"score": 0.0}]),
    }
    results = {name: Result({}, {}) for name in ("crawl", "pool_dedup", "recall")}
    for (stage, output), (schema, rows) in outputs.items():
        batch = pa.RecordBatch.from_pylist(rows, schema)
        shard = store.write_shard(f"objects/{stage}/{output}", schema, [batch], Record("", {}))
        results[stage].outputs[output] = [shard]
    found = {name: Found(Stage(name=name, run=len, config=None), "done", "", made) for name, made in results.items()}
    assert next(explain.refusals(store, found, "o/r/link.py")).endswith("crawl: refused=symlink")
    assert "not when it was listed" in next(explain.refusals(store, found, "o/r/bad.py"))
    assert list(explain.refusals(store, found, "o/r/absent.py")) == []
    told = list(explain.pages(store, found, "https://a.org/x"))
    assert told[2:] == ["  pool_dedup: survives=False reason=url_duplicate", "  recall: score=0.0"]
