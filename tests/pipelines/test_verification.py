from dataclasses import replace

import pytest

from corpus.minhash import MinHashConfig
from filters.survivors import DedupConfig
from pipelines import dedup
from tests.pipelines.corpora import Corpus, OneAfterTheOther, document, words

LOOSE = MinHashConfig(bands=60, rows=2, group_bytes=4_000)


def shifted(i):
    return " ".join(words("a", 600)[20 * i : 20 * i + 200])


def truth(least):
    """Pairs of windows over one text: 196 shingles each, of which 20 fewer are common with each step."""
    return {(j, i) for j in range(12) for i in range(j) if (n := 196 - 20 * (j - i)) > 0 and n / (392 - n) >= least}


@pytest.mark.parametrize("range_bytes", [1 << 10, 1 << 15, 1 << 28])
@pytest.mark.parametrize("least", [0.5, 0.8])
def test_verified_pairs_are_those_of_brute_force_however_memory_is_cut(tmp_path, range_bytes, least):
    rows = [[document(f"{i}", shifted(i)), document(f"alone {i}", " ".join(words(f"b{i}")))] for i in range(12)]
    corpus = Corpus(tmp_path, OneAfterTheOther(), rows, LOOSE)
    cfg = DedupConfig(unit="file", minhash=LOOSE, verify=least, verify_by="jaccard", range_bytes=range_bytes)
    dedup.run(corpus.work, replace(cfg, all_pairs_below=100), **corpus.inputs())
    store = corpus.work.store
    shards = [store.describe(path) for path in store.list("objects/dedup/near_verify")]
    found = {(row["node"] // 2, row["to"] // 2) for shard in shards for row in store.table(shard).to_pylist()}
    assert found <= truth(least) and len(truth(least) - found) <= 1
    assert sum(shard.counts["verified"] for shard in shards) == len(found)
    assert len(shards) > 3 or range_bytes > 1 << 20
