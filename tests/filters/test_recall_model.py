import math
import tempfile
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import recall_model
from filters.recall_model import (
    ClassifierConfig,
    Examples,
    Linear,
    buckets_for,
    calibration,
    card,
    epochs_for,
    logits,
    probability,
    train,
)

MATH, PROSE = [(7, 8, 9), (8, 7, 5), (9, 9, 8)], [(1, 2, 3), (3, 1, 6), (2, 2, 1)]


def column(rows):
    return pa.array([list(row) for row in rows], pa.large_list(pa.int32()))


def examples(n=40):
    """Rows of a subject's own words and of common ones, alternating."""
    rows = [[*(MATH if i % 2 else PROSE)[i % 3] * 4, 4, 1000 + i % 5, 4] for i in range(n)]
    ids = column(rows)
    return rows, Examples(ids.offsets.to_numpy(), ids.values.to_numpy(), np.arange(n) % 2 == 1)


SMALL = ClassifierConfig(dim=16, epochs=20, min_steps=0, learning_rate=0.5, buckets=64, min_count=2)


def library(cfg, rows, positive, threads):
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "lines"
        path.write_text(
            "".join(f"__label__{int(p)} {' '.join(map(str, r))}\n" for p, r in zip(positive, rows, strict=True))
        )
        return fasttext.train_supervised(
            input=str(path), dim=cfg.dim, lr=cfg.learning_rate, wordNgrams=cfg.word_ngrams, minCount=cfg.min_count,
            epoch=cfg.epochs, bucket=cfg.buckets, loss="softmax", thread=threads, verbose=0,
        )  # fmt: skip


def library_scores(model, rows):
    labels, found = model.predict([" ".join(map(str, row)) for row in rows], k=2)
    return np.array([dict(zip(a, b, strict=True))["__label__1"] for a, b in zip(labels, found, strict=True)])


def as_linear(model, order):
    """What this project keeps of a model that the library has trained."""
    labels, output = model.get_labels(), model.get_output_matrix()
    numbers = model.get_input_matrix() @ (output[labels.index("__label__1")] - output[labels.index("__label__0")])
    listed = model.get_words()
    words, end = np.full(2000, np.nan, np.float32), np.nan
    for word, number in zip(listed, numbers, strict=False):
        if word == "</s>":
            end = float(number)
        else:
            words[int(word)] = number
    return Linear(words, end, numbers[len(listed) :].astype(np.float32), order)


def test_our_scores_of_a_library_model_are_the_librarys():
    rows, batch = examples()
    model = library(SMALL, rows, batch.positive, threads=12)
    rows += [[], [1999], [1999, 3, 1999]]
    ours = probability(logits(as_linear(model, SMALL.word_ngrams), column(rows)))
    assert ours == pytest.approx(library_scores(model, rows), abs=2e-5)  # the library adds 1e-5 to every probability


def test_our_training_ends_where_the_librarys_does():
    rows, batch = examples()
    # Twelve threads: with fewer than eleven the library reads uninitialised memory. They race, so this is near only.
    theirs = library_scores(library(SMALL, rows, batch.positive, threads=12), rows)
    ours = probability(logits(train(SMALL, lambda: [batch]), column(rows)))
    assert ours == pytest.approx(theirs, abs=0.1)
    assert ((ours > 0.9) == batch.positive).all()


def test_training_is_the_same_every_time():
    _, batch = examples()
    assert train(SMALL, lambda: [batch]).encode() == train(SMALL, lambda: [batch]).encode()


def test_batches_do_not_change_the_model():
    rows, batch = examples()
    parts = []
    for start in (0, 15):
        ids = column(rows[start : 15 if start == 0 else 40])
        positive = batch.positive[start : 15 if start == 0 else 40]
        parts.append(Examples(ids.offsets.to_numpy(), ids.values.to_numpy(), positive))
    assert train(SMALL, lambda: parts).encode() == train(SMALL, lambda: [batch]).encode()


def test_a_models_numbers_never_change():
    _, batch = examples()
    found = logits(train(SMALL, lambda: [batch]), column([(7, 8, 9), (1, 2, 3), ()]))
    assert found.tolist() == pytest.approx([6.422985, -6.081277, 0.345594], abs=1e-4)


def plain_logit(model, row):
    """fastText's dictionary and hashes, as its source has them."""

    def fnv(word):
        h = 2166136261
        for byte in word.encode():
            h = (h ^ byte) * 16777619 % 2**32
        return h - 2**32 if h >= 2**31 else h

    names = [*map(str, row), "</s>"]
    numbers = [model.words[t] for t in row if t < len(model.words) and not np.isnan(model.words[t])]
    numbers += [] if np.isnan(model.end) else [model.end]
    for i, name in enumerate(names):
        h = fnv(name) % 2**64
        for other in names[i + 1 : i + model.order]:
            h = (h * 116049371 + fnv(other)) % 2**64
            numbers.append(model.buckets[h % len(model.buckets)])
    return sum(map(float, numbers)) / len(numbers) if numbers else 0.0


@given(
    rows=st.lists(st.lists(st.integers(0, 200_000), max_size=6), min_size=1, max_size=4),
    order=st.integers(1, 4),
    skip=st.integers(0, 2),
)
def test_scoring_agrees_with_its_plain_definition(rows, order, skip):
    words = np.linspace(-1, 1, 50, dtype=np.float32)
    words[::7] = np.nan
    model = Linear(words, 0.25, np.linspace(-2, 2, 37, dtype=np.float32), order)
    sliced = column([[1, 2]] * skip + rows).slice(skip)
    assert logits(model, sliced).tolist() == pytest.approx([plain_logit(model, row) for row in rows], abs=1e-5)


@given(st.integers(0, 5), st.integers(1, 5), st.integers(1, 4))
def test_a_model_survives_its_bytes(n_words, n_buckets, order):
    model = Linear(np.arange(n_words, dtype=np.float32), float("nan"), np.arange(n_buckets, dtype=np.float32), order)
    again = Linear.decode(model.encode())
    assert again.words.tolist() == model.words.tolist() and again.buckets.tolist() == model.buckets.tolist()
    assert again.order == order and np.isnan(again.end)


@pytest.mark.parametrize(
    ("tokens", "buckets"),
    [(0, 4096), (32 * 4096, 4096), (32 * 8191, 4096), (32 * 8192, 8192), (10**12, 2_000_000)],
)
def test_buckets_follow_the_training_tokens(tokens, buckets):
    assert buckets_for(ClassifierConfig(), tokens) == buckets
    assert buckets_for(ClassifierConfig(buckets=9), tokens) == 9


@pytest.mark.parametrize(("n", "epochs"), [(10**6, 3), (10_000, 3), (6_667, 3), (6_666, 4), (100, 200)])
def test_few_examples_are_gone_through_more_often(n, epochs):
    assert epochs_for(ClassifierConfig(), n) == epochs


def test_a_card_counts_at_one_half_at_the_cut_and_by_rank():
    found, positive = np.array([3.0, 2.0, 1.0, -1.0], np.float32), np.array([True, False, True, True])
    made = card(found, positive, 3.0)
    assert made.pop("calibration")["bins"]
    assert made == {
        "positives": 3, "negatives": 1, "precision": 2 / 3, "recall": 2 / 3, "precision_at_cut": 1.0,
        "recall_at_cut": 1 / 3, "average_precision": pytest.approx((1 + 2 / 3 + 3 / 4) / 3),
    }  # fmt: skip


def test_calibration_is_the_distance_between_what_is_said_and_what_is():
    made = calibration(np.array([0.05, 0.95, 0.95, 1.0]), np.array([False, True, True, False]))
    assert [(b["from"], b["examples"]) for b in made["bins"]] == [(0.0, 1), (0.9, 3)]
    assert made["bins"][1]["positive"] == pytest.approx(2 / 3)
    assert made["error"] == pytest.approx(0.25 * 0.05 + 0.75 * (2.9 / 3 - 2 / 3))


def test_a_card_of_nothing_has_no_figures():
    empty = np.zeros(0, np.float32)
    assert card(empty, empty.astype(bool)) == {
        "positives": 0, "negatives": 0, "precision": None, "recall": None, "average_precision": None,
        "calibration": {"error": 0, "bins": []},
    }  # fmt: skip


def test_equal_scores_are_no_ranking():
    assert card(np.zeros(10, np.float32), np.arange(10) == 0)["average_precision"] == pytest.approx(0.1)


def test_one_kind_of_example_is_refused():
    _, batch = examples()
    only = batch._replace(positive=np.ones(40, bool))
    with pytest.raises(ValueError, match="40 positive and 0 negative examples"):
        train(SMALL, lambda: [only])


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"folds": 0}, "folds must be at least 1"), ({"folds": 2.5}, "folds is a whole number from 1 to 20, not 2.5"),
     ({"folds": 21}, "folds is a whole number"), ({"folds": 2, "seed_logit": math.nan}, "seed_logit must be a finite"),
     ({"seed_logit": 1.0}, "seed_logit=1 does nothing with folds=1"),
     ({"dim": 0}, "dim must be at least 1"), ({"buckets": 0}, "buckets must be at least 1"),
     ({"learning_rate": 0.0}, "learning_rate must be above 0"), ({"held_out": 1.0}, "held_out must be in")],
)  # fmt: skip
def test_a_wrong_setting_is_named(setting, message):
    with pytest.raises(ValueError, match=message):
        ClassifierConfig(**setting)


def test_every_id_has_the_librarys_hash():
    made, _ = recall_model._hashes()
    for token in (0, 9, 10, 99, 100, 12_345, 99_999, 100_000, 262_143):
        h = 2166136261
        for byte in str(token).encode():
            h = (h ^ byte) * 16777619 % 2**32
        assert int(made[token]) == (h - 2**32 if h >= 2**31 else h) % 2**64
