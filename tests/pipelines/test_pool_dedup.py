from datetime import UTC, datetime

import pytest

from corpus.minhash import MinHashConfig
from filters.survivors import DedupConfig
from pipelines import pool_dedup
from tests.pipelines.corpora import Corpus, OneAfterTheOther, document, words

CFG = DedupConfig(minhash=MinHashConfig(group_bytes=9_000), prefer=(("created", "high"),))


def page(name, text, url, year=2020):
    return document(name, text, url=url, created=datetime(year, 1, 1, tzinfo=UTC))


def text(seed):
    return " ".join(words(seed))


PAGES = [
    [
        page("no url", text("d"), None),
        page("copy", text("c"), "http://y.org/c"),
        page("old", text("a"), "http://x.org/1"),
    ],
    [page("new", text("b"), "https://www.x.org/1/", 2022), page("mirror", text("c"), "http://z.org/c", 2021)],
    [page("near", text("b") + " more", "http://w.org/b"), page("no url either", text("e"), None)],
]


@pytest.mark.parametrize("unit", ["repository", "file"])
def test_one_page_of_each_url_and_then_of_each_text_is_left(tmp_path, unit):
    corpus = Corpus(tmp_path, OneAfterTheOther(), PAGES, CFG.minhash)
    cfg = DedupConfig(minhash=CFG.minhash, prefer=CFG.prefer, unit=unit)
    made = pool_dedup.run(corpus.work, cfg, corpus.documents, corpus.signatures, corpus.bands)
    assert corpus.reasons(made.outputs["pool_survivors"]) == {
        "old": "url_duplicate",
        "copy": "exact_duplicate",
        "no url": None,
        "new": None,
        "mirror": None,
        "near": "near_duplicate",
        "no url either": None,
    }
    assert made.counts["seen"] == 7 and made.counts["kept"] == 4


def test_unit_none_leaves_every_page(tmp_path):
    corpus = Corpus(tmp_path, OneAfterTheOther(), PAGES, CFG.minhash)
    cfg = DedupConfig(minhash=CFG.minhash, unit="none")
    made = pool_dedup.run(corpus.work, cfg, corpus.documents, corpus.signatures, corpus.bands)
    assert set(corpus.reasons(made.outputs["pool_survivors"]).values()) == {None}


def test_an_empty_pool_stays_empty(tmp_path):
    corpus = Corpus(tmp_path, OneAfterTheOther(), [], CFG.minhash)
    made = pool_dedup.run(corpus.work, CFG, [], [], [])
    assert made.outputs == {"pool_survivors": []}
