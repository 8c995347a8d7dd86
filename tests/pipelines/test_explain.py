import pyarrow as pa

from corpus.schema import DOCUMENTS, RECALL_SCORES, SURVIVORS
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


def test_what_was_measured_and_asked_is_told_of_a_dropped_document(base, capsys):
    assert explain.main(["pallets/jinja/artwork/jinjalogo.svg", "--recipe", "small", "--root", str(base)]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "failed: mean_line_chars is" in line]
    assert told[0].endswith("asked is at most 100 (C1: average line length above 100 characters)")


def test_a_file_that_the_crawl_refused_has_its_reason(base, capsys):
    assert explain.main(["pallets/jinja/src/jinja2/py.typed", "--recipe", "small", "--root", str(base)]) == 0
    assert "refused by the listing: empty 1" in capsys.readouterr().out


def test_of_a_repository_the_fates_are_counted(base, capsys):
    assert explain.main(["pallets/jinja", "--recipe", "small", "--root", str(base)]) == 0
    first, *fates = capsys.readouterr().out.splitlines()
    assert first == f"repository pallets/jinja: {sum(int(line.split()[-1]) for line in fates)} documents"
    assert "  dropped: no_domain" in {line.rsplit(" ", 1)[0] for line in fates}


def test_a_page_that_was_not_selected_says_why(tmp_path):
    store = Store(str(tmp_path))
    page = {
        "id": b"p" * 16,
        "source": "pages",
        "kind": "page",
        "origin": "a.org",
        "url": "https://a.org/x",
        "text": "x",
    }
    outputs = {
        ("crawl", "pool"): (DOCUMENTS, [page]),
        ("pool_dedup", "pool_survivors"): (SURVIVORS, [{"survives": False, "reason": "url_duplicate"}]),
        ("recall", "scores"): (RECALL_SCORES, [{"score": 0.0}]),
    }
    results = {name: Result({}, {}) for name in ("crawl", "pool_dedup", "recall")}
    for (stage, output), (schema, rows) in outputs.items():
        batch = pa.RecordBatch.from_pylist(rows, schema)
        shard = store.write_shard(f"objects/{stage}/{output}", schema, [batch], Record("", {}))
        results[stage].outputs[output] = [shard]
    found = {name: Found(Stage(name=name, run=len, config=None), "done", "", made) for name, made in results.items()}
    told = list(explain.pages(store, found, "https://a.org/x"))
    assert told[2:] == ["  pool_dedup: survives=False reason=url_duplicate", "  recall: score=0"]
