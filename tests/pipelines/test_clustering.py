from collections import Counter

import pytest

from corpus.minhash import MinHashConfig
from filters.survivors import DedupConfig
from pipelines.clustering import Layout, edges, find_runs, living, runs
from pipelines.components import Buckets
from pipelines.dedup import file_keys, gather
from pipelines.stage import Job
from tests.pipelines.corpora import Corpus, OneAfterTheOther, document, words

CFG = MinHashConfig(bands=6, rows=2, group_bytes=6_000)
TEXTS = [" ".join(words(name)) for name in "abcab"]
ROWS = [[document(f"{i}", text), document(f"{i} too", text)] for i, text in enumerate(TEXTS)]


def layout_of(corpus):
    return Layout.of(corpus.bands, corpus.signatures)


def keys_of(corpus, cfg):
    return file_keys(cfg, layout_of(corpus), corpus.bands, corpus.signatures, corpus.documents, [])


def test_a_layout_says_where_the_rows_of_each_group_begin(tmp_path):
    corpus = Corpus(tmp_path, OneAfterTheOther(), ROWS, CFG)
    layout = layout_of(corpus)
    assert sum(layout.sizes) == 10 and [o for group in layout.offsets for o in group] == [0, 2, 4, 6, 8]
    with pytest.raises(ValueError, match="bands cover"):
        Layout.of(corpus.bands[:1], corpus.signatures)


@pytest.mark.parametrize(("range_bytes", "files"), [(1 << 10, 28), (1 << 12, 7), (1 << 28, 1)])
def test_runs_are_the_same_however_bands_are_cut(tmp_path, range_bytes, files):
    corpus = Corpus(tmp_path, OneAfterTheOther(), ROWS * 4, CFG)
    cfg = DedupConfig(minhash=CFG, range_bytes=range_bytes)
    made = runs(corpus.work, cfg, layout_of(corpus), keys_of(corpus, cfg), range(7), "runs")
    found = {tuple(row.values()) for shard in made for row in corpus.work.store.table(shard).to_pylist()}
    assert len(found) == 40 * 7
    assert {n for _, n in found} == set(range(40))
    assert len(made) == files


def test_edges_join_only_members_that_passed(tmp_path):
    rows = [[document("a", TEXTS[0]), document("b", TEXTS[0], kept=False), document("c", TEXTS[0])]]
    corpus = Corpus(tmp_path, OneAfterTheOther(), rows, CFG)
    cfg, layout = DedupConfig(minhash=CFG), layout_of(corpus)
    aligned = (corpus.documents, corpus.signatures, corpus.verdicts, corpus.languages, [], [])
    members = gather(corpus.work, cfg, layout, aligned, by_repository=False)
    buckets = Buckets.of(layout.sizes, 100)
    alive = living(corpus.work, buckets, members, [], "alive")
    shared = runs(corpus.work, cfg, layout, keys_of(corpus, cfg), (0, 6), "equal")
    (made,) = edges(corpus.work, buckets, shared, alive, "near")
    assert corpus.work.store.table(made).to_pylist() == [{"node": 2, "to": 0}]


def test_a_range_without_keys_is_empty(tmp_path):
    corpus = Corpus(tmp_path, OneAfterTheOther(), ROWS[:1], CFG)
    job = Job((corpus.bands, []), params=((0,), 0, 1 << 20, ((0,),)))
    (batch,) = find_runs(corpus.work.store, None, job, Counter())
    assert batch.num_rows == 0
