"""The proof at a small scale: what the benchmark `proof` shows at a larger one."""

from benchmarks.proof import _bands, planted_pairs, precision, real_files, recall, shingles, true_jaccard
from corpus.minhash import MinHashConfig

CFG = MinHashConfig()


def test_pairs_are_found_as_often_as_bands_and_rows_promise():
    pairs = planted_pairs(real_files(300), 6)
    assert len(pairs.truth) > 1_000 and pairs.truth.min() >= 0.4
    for index in (0, 700):
        assert pairs.truth[index] == true_jaccard(shingles(pairs.left[index]), shingles(pairs.right[index]))
    *_, inside = recall(CFG, pairs, pairs.share(_bands(CFG)))
    assert inside["ours"] == inside["theirs"] == 12


def test_a_wrong_number_of_rows_is_noticed():
    pairs = planted_pairs(real_files(150), 6)
    *_, inside = recall(MinHashConfig(rows=9), pairs, pairs.share(_bands(CFG)))
    assert inside["ours"] < 12


def test_with_verification_every_joined_pair_is_a_true_one():
    without, verified = precision(CFG, real_files(120), 1)
    assert without["ours"] < 1 and verified["ours"] == 1
