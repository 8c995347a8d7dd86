"""What dedup asks of takedown's lists, on documents signed by the real stage."""

from dataclasses import replace

import pyarrow as pa

from corpus.minhash import MinHashConfig
from corpus.takedown import FOLDER, Taken
from filters.survivors import DedupConfig
from pipelines import dedup
from pipelines.taken import near_index, not_comparable, record_near
from tests.pipelines.corpora import Corpus, OneAfterTheOther, document, words

MINHASH = MinHashConfig(group_bytes=9_000)
CFG = DedupConfig(unit="file", minhash=MINHASH)


def text(seed, changed=0):
    return " ".join([*words(seed)[: 300 - changed], *(f"new{i}" for i in range(changed))])


def reasons(corpus, cfg=CFG):
    return corpus.reasons(dedup.run(corpus.work, cfg, **corpus.inputs()).outputs["survivors"])


def corpus_of(tmp_path, *rows, cfg=MINHASH):
    return Corpus(tmp_path, OneAfterTheOther(), [list(rows)], cfg)


def listed(corpus, **lists):
    corpus.work.store.write_text(f"{FOLDER}/one.json", Taken(**lists).encode())


def near(corpus, row):
    """Keep the signature of one of the corpus's rows, as `--near` does."""
    batch = corpus.work.store.table(corpus.signatures[0]).combine_chunks().to_batches()[0]
    return record_near(corpus.work.store, "one", iter([batch.slice(row, 1)]))


def test_a_listed_document_never_survives_by_id_or_by_equal_text(tmp_path):
    rows = (
        document("a", text("a")),
        document("b", text("b")),
        document("b again", text("b")),
        document("c", text("c")),
    )
    corpus = corpus_of(tmp_path, *rows)
    exact = corpus.work.store.table(corpus.signatures[0])["exact"].to_pylist()[1]
    listed(corpus, ids=frozenset({rows[0]["id"]}), exact=frozenset({exact}))
    assert reasons(corpus) == {"a": "taken_down", "b": "taken_down", "b again": "taken_down", "c": None}


def test_what_a_filter_dropped_is_told_as_taken_down_too(tmp_path):
    rows = (document("a", text("a"), kept=False, reason="too_long"), document("b", text("b")))
    corpus = corpus_of(tmp_path, *rows)
    listed(corpus, ids=frozenset({rows[0]["id"]}))
    assert reasons(corpus) == {"a": "taken_down", "b": None}


def test_a_near_copy_under_another_id_does_not_come_back(tmp_path):
    corpus = corpus_of(tmp_path, document("a", text("a")), document("b", text("b")))
    assert near(corpus, 0) == 1
    later = corpus_of(
        tmp_path, document("new", text("a", 8)), document("other", text("a", 200)), document("b", text("b"))
    )
    assert reasons(later) == {"new": "taken_down", "other": None, "b": None}


def test_without_lists_everything_may_survive(tmp_path):
    assert reasons(corpus_of(tmp_path, document("a", text("a")))) == {"a": None}


def test_documents_without_words_are_near_nothing(tmp_path):
    corpus = corpus_of(tmp_path, document("a", "+ -"), document("b", "- +"))
    assert near_index(corpus.work.store.batches(corpus.signatures[0])) is None
    near(corpus, 0)
    assert reasons(corpus)["b"] is None


def test_signatures_of_other_settings_are_said_and_not_compared(tmp_path, capsys):
    corpus = corpus_of(tmp_path, document("a", text("a")), document("b", text("b")))
    near(corpus, 0)
    other = replace(MINHASH, n=4)
    assert (
        not_comparable(corpus.work.store, MINHASH.definition()),
        not_comparable(corpus.work.store, other.definition()),
    ) == (0, 1)
    later = corpus_of(tmp_path, document("new", text("a", 8)), cfg=other)
    assert reasons(later, replace(CFG, minhash=other)) == {"new": None}
    assert "1 documents were taken down with --near" in capsys.readouterr().err


def test_no_signatures_leave_no_file(tmp_path):
    corpus = corpus_of(tmp_path, document("a", text("a")))
    empty = pa.RecordBatch.from_pylist([], corpus.work.store.schema(corpus.signatures[0].path))
    assert record_near(corpus.work.store, "none", iter([empty])) == 0
    assert not (tmp_path / "takedown/near").exists()
