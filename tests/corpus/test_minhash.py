import re

import datasketch
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus import minhash
from corpus.minhash import MinHashConfig, band_keys, estimated_jaccard, merge, permutations, row_keys, signatures

SMALL = MinHashConfig(bands=4, rows=2, n=3)
MASK = 2**64 - 1
M, P = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
C1, C2 = 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53


def column(*texts):
    return pa.array(texts, pa.large_string())


def plain_mix(x):
    x = (x ^ (x >> 33)) * C1 & MASK
    x = (x ^ (x >> 33)) * C2 & MASK
    return x ^ (x >> 33)


def plain_tokens(cfg, text):
    if cfg.shingle == "word":
        return re.findall(rb"[A-Za-z0-9_\x80-\xff]+", text.encode())
    return [char.encode() for char in text if char not in " \t\n\r\v\f"]


def plain_bases(cfg, text):
    """The distinct base values of a text, by the definition in the module's docstring."""
    hashes = []
    for token in plain_tokens(cfg, text):
        h = 0
        for byte in token:
            h = (h * M + byte + 1) & MASK
        hashes.append(plain_mix(h))
    windows = [hashes[i : i + cfg.n] for i in range(len(hashes) - cfg.n + 1)] or ([hashes] if hashes else [])
    bases = set()
    for window in windows:
        s = 0
        for h in window:
            s = (s * P + h) & MASK
        bases.add(plain_mix(s) >> 32)
    return bases


def datasketch_signature(cfg, bases):
    a, b = permutations(cfg.seed, cfg.n_hashes)
    oracle = datasketch.MinHash(num_perm=cfg.n_hashes, hashfunc=lambda x: x, permutations=(a, b), scheme="affine32")
    for base in bases:
        oracle.update(base)
    return oracle.hashvalues


TEXTS = st.text(alphabet=st.sampled_from("ab_9 \n\t.é漢😀"), max_size=60)


@settings(deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=6), skip=st.integers(0, 5), shingle=st.sampled_from(["word", "char"]))
def test_the_kernel_agrees_with_its_definition_and_with_datasketch(texts, skip, shingle):
    cfg = MinHashConfig(bands=4, rows=2, n=3, shingle=shingle)
    sliced = column(*texts).slice(min(skip, len(texts) - 1))
    counts, values = signatures(cfg, sliced)
    for text, count, signature in zip(sliced.to_pylist(), counts, values, strict=True):
        bases = plain_bases(cfg, text)
        assert count == len(bases)
        assert signature.tolist() == datasketch_signature(cfg, bases).tolist()


@pytest.mark.parametrize("n", [1, 5, 64])
def test_texts_of_many_chunks_agree_with_their_definition(n):
    cfg = MinHashConfig(bands=3, rows=3, n=n)
    long = " ".join(f"w{i * i % 5003}" for i in range(20_000))
    counts, values = signatures(cfg, column("x" * 70_000, long, long[:40_000] + "é" * 50_000))
    for text, count, signature in zip(["x" * 70_000, long, long[:40_000] + "é" * 50_000], counts, values, strict=True):
        bases = plain_bases(cfg, text)
        assert count == len(bases)
        assert signature.tolist() == datasketch_signature(cfg, bases).tolist()


def test_a_full_table_of_distinct_values_changes_no_signature(monkeypatch):
    text = column(" ".join(f"w{i}" for i in range(5_000)) + " " + " ".join(f"w{i}" for i in range(5_000)))
    counts, values = signatures(SMALL, text)
    monkeypatch.setattr(minhash, "_TABLE_LIMIT", 1 << 10)
    more, same = signatures(SMALL, text)
    assert counts[0] < more[0] <= 9_998
    assert (values == same).all()


@pytest.mark.parametrize("text", ["", " \n", "+-*/ ...", "\t"], ids=["empty", "white", "signs", "tab"])
def test_a_text_without_words_has_no_shingle_and_no_near_duplicate(text):
    counts, values = signatures(SMALL, column(text))
    assert counts.tolist() == [0] and (values == 2**32 - 1).all()


def test_a_text_shorter_than_a_shingle_is_one_shingle():
    counts, values = signatures(SMALL, column("one", "one two", "two one", "one  two!", "one two three"))
    assert counts.tolist() == [1] * 5
    assert (values[1] == values[3]).all()
    assert len({tuple(row) for row in values.tolist()}) == 4


def test_a_null_is_an_empty_text():
    counts, _ = signatures(SMALL, pa.array(["a b c d", None], pa.large_string()))
    assert counts.tolist() == [2, 0]


def test_no_texts_have_no_signatures():
    counts, values = signatures(SMALL, column())
    assert counts.shape == (0,) and values.shape == (0, 8)


def test_other_text_types_are_refused():
    with pytest.raises(TypeError, match="large_string"):
        signatures(SMALL, pa.array(["a"]))


def test_signatures_and_band_keys_never_change():
    counts, values = signatures(SMALL, column("for x in xs : total += x * 2", "für jedes x"))
    assert counts.tolist() == [5, 1]
    assert values.tolist() == GOLDEN_SIGNATURES
    assert band_keys(SMALL, values).tolist() == GOLDEN_KEYS


GOLDEN_SIGNATURES = [
    [905560211, 1180929229, 1709478389, 388900440, 865250571, 1950061398, 548113956, 148093212],
    [3656706103, 2595613201, 926007201, 695534034, 4042036831, 1172604986, 1342378622, 2391110458],
]
GOLDEN_KEYS = [
    [12452698223073615178, 12353709012184606154, 6130349566364876990, 4915301870903107220],
    [2598518439656937721, 11550189292597844027, 10562810841173000254, 4147709045383611446],
]


def test_estimates_lie_within_the_binomial_error_of_the_true_similarity():
    """2,000 pairs: the errors, in units of sqrt(s (1 - s) / n), have mean 0 and deviation 1."""
    cfg = MinHashConfig()
    rng = np.random.RandomState(0)
    texts, true = [], []
    for pair in range(2_000):
        words = [f"{pair}_{i}" for i in range(120)]
        cut = rng.randint(10, 110)
        other = [*words[:cut], *(f"other{pair}_{i}" for i in range(120 - cut))]
        texts += [" ".join(words), " ".join(other)]
        a, b = plain_shingles(words), plain_shingles(other)
        true.append(len(a & b) / len(a | b))
    _, values = signatures(cfg, column(*texts))
    s = np.array(true)
    error = (estimated_jaccard(values[::2], values[1::2]) - s) / np.sqrt(s * (1 - s) / cfg.n_hashes)
    assert abs(error.mean()) < 4 / np.sqrt(len(s))
    assert 0.93 < error.std() < 1.07


def plain_shingles(words):
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def test_pairs_are_proposed_as_often_as_the_formula_says():
    """400 pairs near Jaccard 0.8: the number that shares a band lies within 4 deviations of the sum of the chances."""
    cfg = MinHashConfig(bands=9, rows=13)
    words = [[f"{pair}_{i}" for i in range(200)] for pair in range(400)]
    others = [[*some[:178], *(f"x{i}" for i in range(22))] for some in words]
    _, values = signatures(cfg, column(*(" ".join(some) for pair in zip(words, others, strict=True) for some in pair)))
    keys = band_keys(cfg, values)
    found = (keys[::2] == keys[1::2]).any(axis=1).sum()
    a, b = plain_shingles(words[0]), plain_shingles(others[0])
    chance = cfg.recall_at(len(a & b) / len(a | b))
    assert 0.2 < chance < 0.8
    assert abs(found - 400 * chance) < 4 * np.sqrt(400 * chance * (1 - chance))


def test_the_merged_signature_is_that_of_the_union():
    texts = ["a b c d e f", "g h i j", "a b c d e f .", "k l m n"]
    _, values = signatures(SMALL, column(*texts))
    units, merged = merge(np.array([7, 3, 7, 3]), values)
    assert units.tolist() == [3, 7]
    united = datasketch_signature(SMALL, plain_bases(SMALL, texts[1]) | plain_bases(SMALL, texts[3]))
    assert merged[0].tolist() == united.tolist()
    assert merge(np.zeros(0, np.int64), values[:0])[1].shape == (0, 8)


def test_keys_depend_on_every_value_of_their_band_and_no_other():
    values = np.arange(8, dtype=np.uint32)[None, :]
    before = row_keys(values, 4, 2)
    for position in range(8):
        other = values.copy()
        other[0, position] += 1
        assert (row_keys(other, 4, 2) != before)[0].tolist() == [band == position // 2 for band in range(4)]


def test_seeds_and_positions_give_different_odd_multipliers():
    a, b = permutations(1, 250)
    assert (a & 1).all() and len(set(a.tolist())) == len(set(b.tolist())) == 250
    assert not (a == permutations(2, 250)[0]).any()
    assert (permutations(1, 10)[0] == a[:10]).all()


@pytest.mark.parametrize(
    "wrong",
    [{"bands": 0}, {"rows": 0}, {"n": 0}, {"n": 65}, {"shingle": "line"}, {"seed": -1}, {"group_bytes": 0}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_wrong_setting_is_named(wrong):
    name = next(iter(wrong))
    with pytest.raises(ValueError, match=name):
        MinHashConfig(**wrong)


def test_the_chance_to_be_found_follows_bands_and_rows():
    assert MinHashConfig().recall_at(1) == 1 and MinHashConfig().recall_at(0) == 0
    assert MinHashConfig(bands=2, rows=1).recall_at(0.5) == pytest.approx(0.75)


@pytest.mark.parametrize("setting", ["drop_comments", "drop_headers"])
def test_signatures_made_otherwise_are_told_apart(setting):
    assert MinHashConfig(**{setting: False}).definition() != MinHashConfig().definition()
