from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from corpus.minhash import MinHashConfig
from corpus.shards import Record
from filters.survivors import DedupConfig
from pipelines.clustering import PAIRS, Layout, find_runs, join_clusters, runs
from pipelines.dedup import gather
from pipelines.stage import Job
from tests.pipelines.corpora import Corpus, OneAfterTheOther, document, words

CFG = MinHashConfig(bands=6, rows=2, group_bytes=6_000)
TEXTS = [" ".join(words(name)) for name in "abcab"]
ROWS = [[document(f"{i}", text), document(f"{i} too", text)] for i, text in enumerate(TEXTS)]


def layout_of(corpus):
    return Layout.of(corpus.bands, corpus.signatures)


def test_a_layout_says_where_the_rows_of_each_group_begin(tmp_path):
    corpus = Corpus(tmp_path, OneAfterTheOther(), ROWS, CFG)
    layout = layout_of(corpus)
    assert sum(layout.sizes) == 10 and [o for group in layout.offsets for o in group] == [0, 2, 4, 6, 8]
    with pytest.raises(ValueError, match="bands cover"):
        Layout.of(corpus.bands[:1], corpus.signatures)


@pytest.mark.parametrize("range_bytes", [1 << 10, 1 << 12, 1 << 28])
def test_runs_are_the_same_however_bands_are_cut(tmp_path, range_bytes):
    corpus = Corpus(tmp_path, OneAfterTheOther(), ROWS * 4, CFG)
    cfg = DedupConfig(minhash=CFG, range_bytes=range_bytes)
    made = runs(corpus.work, cfg, layout_of(corpus), corpus.bands, range(7), "runs")
    found = {tuple(row.values()) for shard in made for row in corpus.work.store.table(shard).to_pylist()}
    assert len(found) == 40 * 7
    assert {n for _, n in found} == set(range(40))
    assert len(made) == {1 << 10: 21, 1 << 12: 7, 1 << 28: 1}[range_bytes]


def test_a_run_skips_members_that_did_not_pass(tmp_path):
    rows = [[document("a", TEXTS[0]), document("b", TEXTS[0], kept=False), document("c", TEXTS[0])]]
    corpus = Corpus(tmp_path, OneAfterTheOther(), rows, CFG)
    layout = layout_of(corpus)
    aligned = (corpus.documents, corpus.signatures, corpus.verdicts, corpus.languages)
    members = gather(corpus.work, CFG, layout, aligned, by_repository=False)
    shared = runs(corpus.work, DedupConfig(minhash=CFG), layout, corpus.bands, (6,), "equal")
    (batch,) = join_clusters(corpus.work.store, (), Job((shared, [], members, [], [])), Counter())
    assert batch.column("node").to_pylist() == [0, 2] and batch.column("size").to_pylist() == [2, 2]


def test_pairs_join_like_runs(tmp_path):
    corpus = Corpus(tmp_path, OneAfterTheOther(), ROWS, CFG)
    aligned = (corpus.documents, corpus.signatures, corpus.verdicts, corpus.languages)
    members = gather(corpus.work, CFG, layout_of(corpus), aligned, by_repository=False)
    columns = [np.array([9, 4]), np.array([4, 1])]
    pairs = corpus.work.store.write_shard(
        "p", PAIRS, [pa.RecordBatch.from_arrays(columns, schema=PAIRS)], Record("", {})
    )
    (batch,) = join_clusters(corpus.work.store, (), Job(([], [pairs], members, [], [])), Counter())
    assert batch.column("node").to_pylist() == [1, 4, 9]


def test_a_range_without_keys_is_empty(tmp_path):
    corpus = Corpus(tmp_path, OneAfterTheOther(), ROWS[:1], CFG)
    job = Job((corpus.bands,), params=((99,), 0, 1, ((0,),)))
    assert list(find_runs(corpus.work.store, None, job, Counter())) == []
