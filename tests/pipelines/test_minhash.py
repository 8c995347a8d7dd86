from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from corpus import exact, minhash
from corpus.minhash import MinHashConfig
from pipelines.minhash import signature_matrix
from tests.pipelines.corpora import Corpus, OneAfterTheOther, document, words

CFG = MinHashConfig(bands=4, rows=2, group_bytes=7_000)
ROWS = [
    [
        document("a", " ".join(words("a"))),
        document("empty", ""),
        document("signs", "+-"),
        document("b", " ".join(words("b"))),
    ],
    [document("c", " ".join(words("c")))],
    [document("d", " ".join(words("d")), source="second")],
]


def test_signatures_stand_beside_their_documents(tmp_path):
    corpus = Corpus(tmp_path, OneAfterTheOther(), ROWS, CFG)
    assert [shard.rows for shard in corpus.signatures] == [4, 1, 1]
    assert [shard.batch for shard in corpus.signatures] == ["first", "first", "second"]
    table = corpus.work.store.table(corpus.signatures[0])
    texts = pa.array([row["text"] for row in ROWS[0]], pa.large_string())
    counts, values = minhash.signatures(CFG, texts)
    assert table["n_shingles"].to_pylist() == counts.tolist() == [296, 0, 0, 296]
    assert (signature_matrix(table["signature"].combine_chunks()) == values).all()
    assert table["normalized"].to_pylist() == exact.exact_keys(texts)[1].to_pylist()


@pytest.mark.parametrize(("drop", "path", "equal"), [(True, "a.py", True), (False, "a.py", False), (True, "a", False)])
def test_texts_that_differ_in_comments_are_equal_where_their_path_tells_the_syntax(tmp_path, drop, path, equal):
    rows = [[document("a", "x = 1  # one", path=path), document("b", "# two\nx = 1", path=path)]]
    corpus = Corpus(tmp_path, OneAfterTheOther(), rows, replace(CFG, drop_comments=drop))
    table = corpus.work.store.table(corpus.signatures[0])
    one, two = table["normalized"].to_pylist()
    assert (one == two) == equal and len(set(table["exact"].to_pylist())) == 2


def test_bands_hold_every_key_of_a_group_sorted(tmp_path):
    corpus = Corpus(tmp_path, OneAfterTheOther(), ROWS, CFG)
    assert [shard.counts["shards"] for shard in corpus.bands] == [2, 1]
    rows = [tuple(row.values()) for row in corpus.work.store.table(corpus.bands[0]).to_pylist()]
    assert rows == sorted(rows)
    values = minhash.signatures(CFG, pa.array([ROWS[0][3]["text"]], pa.large_string()))[1]
    keys = minhash.band_keys(CFG, values)[0].tolist()
    assert [row[1] for row in rows if row[2:] == (0, 3)][: CFG.bands] == keys
    assert [row[0] for row in rows if row[2:] == (0, 1)] == [CFG.bands]  # the empty text: its exact key alone
    assert sum(row[0] == CFG.bands for row in rows) == 5


def test_a_slice_of_signatures_keeps_its_place():
    column = pa.FixedSizeListArray.from_arrays(pa.array(np.arange(12, dtype=np.uint32)), 3)
    assert signature_matrix(column.slice(1, 2)).tolist() == [[3, 4, 5], [6, 7, 8]]


def test_another_group_size_signs_nothing_again(tmp_path):
    one = Corpus(tmp_path, OneAfterTheOther(), ROWS, CFG)
    two = Corpus(tmp_path, OneAfterTheOther(), ROWS, MinHashConfig(bands=4, rows=2))
    assert one.signatures == two.signatures and len(two.bands) == 2
