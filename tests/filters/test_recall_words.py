"""Words are folded out of pieces, weighted by rarity, and learnt: each held to a plain twin."""

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.recall_words import Words, WordsConfig, pieces_of, train_words, word_logits

RAW = [
    b"The",
    b" The",
    b"orem",
    b"OREM",
    b" 12",
    b"(",
    "數".encode(),
    " ∑".encode(),
    b"\n",
    b" x",
    b"theorem",
    b" proof",
]
PIECES = pieces_of(RAW)
CFG = WordsConfig(buckets=1 << 20, min_count=1, penalty=10.0)  # so many that no two words of these meet


def plain_words(ids):
    """Lower-cased runs of letter pieces, a space beginning a new one; pieces beyond ASCII for themselves."""
    found, word = [], ""
    for i in [*ids, None]:
        piece = RAW[i].decode() if i is not None and i < len(RAW) else None
        letters = piece is not None and piece.strip(" ").isascii() and piece.strip(" ").isalpha()
        if word and not (letters and not piece.startswith(" ")):
            found, word = [*found, word], ""
        if letters:
            word += piece.strip(" ").lower()
        elif piece is not None and not piece.isascii():
            found.append(piece)
    return found


def column(rows):
    return pa.array([list(row) for row in rows], pa.large_list(pa.int32()))


def batch(rows, positive):
    ids = column(rows)
    return ids.offsets.to_numpy(), ids.values.to_numpy(), np.array(positive)


def trained(rows, positive, cfg=CFG):
    return train_words(cfg, PIECES, lambda: [batch(rows, positive)])


ROWS = [[1, 2, 11], [10, 11, 7], [4, 9, 9], [9, 5, 6], [1, 9], [10, 8, 11]]
MATH = [True, True, False, False, False, True]
MODEL = trained(ROWS, MATH)


def test_one_word_is_the_same_however_it_is_cut_and_cased():
    model = trained(ROWS, MATH)
    scores = word_logits(model, PIECES, column([[1, 2], [1, 3], [0, 3], [10], [1, 5, 2]]))
    assert len(set(scores[:4].tolist())) == 1 and scores[4] != scores[0]


@given(st.lists(st.lists(st.integers(0, 13), max_size=8), min_size=1, max_size=6))
def test_a_logit_is_the_sum_over_words_that_its_definition_says(rows):
    model = MODEL
    ids_of = {"the": 1, "theorem": 10, "orem": 2, "x": 9, "proof": 11, "數": 6, " ∑": 7}
    one = {word: word_logits(model, PIECES, column([[i]])) - model.bias for word, i in ids_of.items()}
    having = Counter(w for row in ROWS for w in set(plain_words(row)))
    for row, found in zip(rows, word_logits(model, PIECES, column(rows)), strict=True):
        counts = {w: n for w, n in Counter(plain_words(row)).items() if having[w]}
        values = {w: (1 + math.log(n)) * math.log(len(ROWS) / having[w]) for w, n in counts.items()}
        length = math.sqrt(sum(v * v for v in values.values())) or 1.0
        assert found == pytest.approx(model.bias + sum(v / length * one[w][0] for w, v in values.items()), abs=1e-4)


def test_training_ends_where_the_loss_is_least():
    model = trained(ROWS, MATH, WordsConfig(buckets=1 << 12, min_count=1, penalty=1.0, epochs=200))

    def loss(weights, bias):
        found = word_logits(Words(model.rarity, weights, bias), PIECES, column(ROWS)).astype(float)
        signs = np.where(MATH, 1, -1)
        return 0.5 * (np.sum(weights.astype(float) ** 2) + bias**2) + np.log1p(np.exp(-signs * found)).sum()

    least = loss(model.weights, model.bias)
    for bucket in np.flatnonzero(model.weights):
        for step in (-0.02, 0.02):
            moved = model.weights.copy()
            moved[bucket] += step
            assert loss(moved, model.bias) > least
    assert min(loss(model.weights, model.bias + 0.02), loss(model.weights, model.bias - 0.02)) > least


def test_the_cut_into_batches_changes_nothing():
    parts = [batch(ROWS[:2], MATH[:2]), batch(ROWS[2:], MATH[2:])]
    assert train_words(CFG, PIECES, lambda: parts).encode() == trained(ROWS, MATH).encode()


def test_a_model_is_what_it_was_after_being_written():
    model = trained(ROWS, MATH)
    again = Words.decode(model.encode())
    assert again.bias == model.bias and np.array_equal(again.weights, model.weights)
    assert np.array_equal(again.rarity, model.rarity)


def test_a_rare_word_and_an_unknown_id_say_nothing():
    model = trained(ROWS, MATH, WordsConfig(buckets=1 << 12, min_count=2))
    assert word_logits(model, PIECES, column([[], [7], [99]])).tolist() == pytest.approx([model.bias] * 3)


def test_settings_and_examples_of_one_class_are_refused():
    for wrong in ({"penalty": 0.0}, {"epochs": 0}, {"buckets": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            WordsConfig(**wrong)
    with pytest.raises(ValueError, match="6 positive and 0 negative"):
        trained(ROWS, [True] * 6)
