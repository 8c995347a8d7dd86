"""Training: labels from folders and lines, folds without near-duplicates, and the closed form of cross-validation."""

import json

import numpy as np
import pytest
from scipy import sparse

from corpus.language_model import COARSE, MIX, ODDS_STEP, SHORT, bag, load, scores
from pipelines.train_languages import (
    FOLDS,
    RIDGE,
    SMOOTHING,
    Samples,
    add_odds,
    calibrate,
    coarse,
    compress,
    fit,
    fold_of,
    main,
    odds,
    read,
    vectors,
)

PROGRAMS = {
    "python": ["import os\nprint(os.name)\n", "def f(x):\n    return x\n", "for i in range(3):\n    print(i)\n"],
    "c": ["int main(void) { return 0; }\n", "#include <a.h>\nint x;\n", "static void f(int *p) { *p = 1; }\n"],
    "unheard-of": ["@@ one @@\n", "@@ two @@\n", "@@ three @@ four\n"],
}


@pytest.fixture
def folder(tmp_path):
    for label, texts in PROGRAMS.items():
        (tmp_path / label).mkdir()
        for index, text in enumerate(texts):
            (tmp_path / label / f"{index}.x").write_text(text)
        (tmp_path / label / "0.x.output").write_text("tokens, not a sample")
    return tmp_path


def test_a_folders_names_are_resolved_by_the_table(folder):
    samples = read([folder])
    assert sorted(set(samples.labels)) == ["C", "Python", "~unheard-of"]
    assert len(samples.texts) == 9


def test_lines_carry_label_or_outside_language_and_each_content_counts_once(tmp_path):
    rows = [
        {"path": "a.jsx", "label": "JSX", "outside_language": None, "source": "x", "content": "let a;"},
        {"path": "b.js", "label": "JavaScript", "outside_language": None, "source": "x", "content": "let a;"},
        {"label": None, "outside_language": "Prolog", "content": "a :- b."},
        {"label": "C", "content": " \n"},
        {"label": "C", "content": "\x00"},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    samples = read([path])
    assert samples.labels == ["JavaScript", "~Prolog"], "variants are merged; blank and binary contents are no samples"
    assert samples.sources == ["x", "rows.jsonl"]


def test_vectors_are_unit_length_and_count_as_the_model_does():
    matrix, idf = vectors([b"a b a\n", b"c\n"])
    assert np.asarray(matrix.multiply(matrix).sum(1)).ravel() == pytest.approx([1, 1])
    buckets, counts = bag(b"a b a\n")
    expected = np.log1p(counts.astype(np.float32)) * idf[buckets]
    assert matrix[0, buckets].toarray().ravel() == pytest.approx(expected / np.linalg.norm(expected), rel=1e-5)


def test_near_duplicates_and_siblings_share_a_fold():
    similar = np.eye(40, dtype=np.float32)
    similar[0, 1] = similar[1, 0] = 0.9
    paths = [f"file{i}.c" for i in range(38)] + ["sort-1.c", "sort-2.c"]
    folds = fold_of(similar, Samples([b""] * 40, ["C"] * 40, ["x"] * 40, paths, [True] * 40))
    assert folds[0] == folds[1]
    assert folds[38] == folds[39]
    assert len(set(folds.tolist())) > 1
    assert folds.max() < FOLDS


def test_a_file_that_only_trains_is_held_out_with_the_scored_files_it_resembles_and_else_never():
    similar = np.eye(3, dtype=np.float32)
    similar[0, 1] = similar[1, 0] = 0.9
    scored = [True, False, False]
    folds = fold_of(similar, Samples([b""] * 3, ["C"] * 3, ["x"] * 3, ["a.c", "b.c", "c.c"], scored))
    assert folds[0] == folds[1] >= 0
    assert folds[2] == -1


def test_unseen_scores_are_those_of_training_without_the_fold():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(12, 30))
    inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
    similar = inputs @ inputs.T
    target, folds = np.arange(12) % 3, np.arange(12) % 4
    _, unseen = fit(similar.astype(np.float32), target, 3, folds)  # a copy: it is used up
    counts = np.bincount(target)[target]
    ridge = np.diag(RIDGE * counts * (1 / counts).mean())
    for fold in range(4):
        rows, rest = folds == fold, folds != fold
        dual = np.linalg.solve((similar + ridge)[np.ix_(rest, rest)], np.eye(3)[target[rest]])
        assert unseen[rows] == pytest.approx(similar[np.ix_(rows, rest)] @ dual, abs=1e-4)


def test_calibration_tells_sure_from_unsure():
    rng = np.random.default_rng(0)
    lead = rng.uniform(0, 1, 400)
    right = rng.uniform(0, 1, 400) < 0.2 + 0.8 * lead
    intercept, first, margin = calibrate(np.stack([lead, np.zeros(400)], 1), np.where(right, 0, 1))
    chance = 1 / (1 + np.exp(-(intercept + (first + margin) * lead)))
    assert chance[lead > 0.8].mean() == pytest.approx(right[lead > 0.8].mean(), abs=0.1)
    assert chance[lead < 0.2].mean() == pytest.approx(right[lead < 0.2].mean(), abs=0.1)


TEXTS = [text.encode() for group in PROGRAMS.values() for text in group]
TARGET = np.arange(9) // 3


def plain_odds(texts, target, n_classes):
    """Naive Bayes as its docstring says, in dictionaries: (what a bucket adds to a class, each class's prior)."""
    found = {}
    for text, label in zip(texts, target, strict=True):
        buckets = bag(text)[0]
        for bucket in buckets.tolist():
            key = (bucket >> COARSE, int(label))
            found[key] = found.get(key, 0) + 1 / len(buckets) ** 0.5
    every = {b: sum(n for (other, _), n in found.items() if other == b) + 1e-3 for b, _ in found}
    background = sum(every.values()) + 1e-3 * ((1 << 16 - COARSE) - len(every))
    ratio = {(b, c): np.log1p(n / (SMOOTHING * every[b] / background)) for (b, c), n in found.items()}
    totals = [sum(n for (_, c), n in found.items() if c == label) for label in range(n_classes)]
    return ratio, [np.log(SMOOTHING / (total + SMOOTHING)) for total in totals]


def test_odds_agree_with_their_plain_definition():
    table, prior = odds(coarse(vectors(TEXTS)[0]), TARGET, 3)
    expected, expected_prior = plain_odds(TEXTS, TARGET, 3)
    assert prior == pytest.approx(expected_prior, rel=1e-4)
    assert table.nnz == len(expected)
    for (bucket, label), value in expected.items():
        assert abs(table[bucket, label] * ODDS_STEP - value) <= ODDS_STEP * 0.51


def test_odds_of_a_held_out_file_come_from_the_other_folds():
    matrix, _ = vectors(TEXTS)
    folds = np.arange(9) % 3
    unseen = np.zeros((9, 3), np.float32)
    add_odds(unseen, matrix, TARGET, folds)
    rest = folds != folds[4]
    table, prior = odds(coarse(matrix[rest]), TARGET[rest], 3)
    buckets = bag(TEXTS[4])[0] >> COARSE
    expected = table[buckets].toarray().mean(axis=0) * ODDS_STEP + prior
    assert unseen[4] == pytest.approx(MIX * expected, rel=1e-3)


LONG = [b" ".join(b"%s%d" % (word, n) for n in range(200)) for word in (b"v", b"w")]  # too long for odds


@pytest.mark.parametrize("texts", [TEXTS, LONG])
def test_a_compressed_model_scores_as_its_weights_and_odds_do(texts):
    matrix, idf = vectors(texts)
    target = np.arange(len(texts)) % 3
    weights = np.random.default_rng(0).normal(size=(matrix.shape[1], 3)).astype(np.float32)
    table, prior = odds(coarse(matrix), target, 3)
    model = compress(weights, idf, ["a", "b", "c"], table, prior)
    data = np.frombuffer(b"".join(texts), np.uint8)
    ends = np.cumsum([len(text) for text in texts]).astype(np.int64)
    found = scores(model, data, np.concatenate([[0], ends[:-1]]), ends)
    expected = np.asarray(sparse.csr_matrix(matrix) @ weights)
    for row, size in enumerate(np.diff(matrix.indptr)):
        if size < SHORT:
            mean = (coarse(matrix)[row] @ table).toarray()[0] / size * ODDS_STEP
            expected[row] += MIX * (mean + prior)
    assert found == pytest.approx(expected, abs=0.02)


def test_the_command_writes_a_model_that_names_its_samples(folder, tmp_path, capsys):
    out = tmp_path / "model.npz"
    assert main([str(folder), "--out", str(out)]) == 0
    model = load(str(out))
    assert model.classes == ("C", "Python", "~unheard-of")
    text = PROGRAMS["c"][2].encode()
    (line,) = scores(model, np.frombuffer(text, np.uint8), np.array([0]), np.array([len(text)]))
    assert model.classes[int(line.argmax())] == "C"
    assert "3 classes from 9 files" in capsys.readouterr().out


def test_a_missing_input_is_named(tmp_path, capsys):
    assert main([str(tmp_path / "nothing.jsonl")]) == 2
    assert "nothing.jsonl" in capsys.readouterr().err
