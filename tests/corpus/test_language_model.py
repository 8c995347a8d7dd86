"""The content model: features against a plain twin, scores that depend on the text alone."""

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.language_model import BITS, HEAD, bag, confidence, load, save, scores

MODEL = load()


def score(*texts):
    data = np.frombuffer(b"".join(texts) or b"", np.uint8)
    ends = np.cumsum([len(text) for text in texts])
    return scores(MODEL, data, np.concatenate([[0], ends[:-1]]).astype(np.int64), ends.astype(np.int64))


score(b"compiled before hypothesis counts the time")
MASK = 2**64 - 1
PATTERN = re.compile(
    rb"(?P<blank>[ \t\r\f\v]+)|(?P<line>\n)|(?P<word>[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)"
    rb"|(?P<number>[0-9][A-Za-z0-9_.\x80-\xff]*)|(?P<mark>.)",
    re.DOTALL,
)


def mix(left, right):
    mixed = ((left ^ (right * 0x9E3779B97F4A7C15 & MASK)) * 0xBF58476D1CE4E5B9) & MASK
    return mixed ^ (mixed >> 29)


def plain_token(kind, text):
    if kind == "word":
        key = 14695981039346656037
        for byte in text[:32]:
            key = ((key ^ byte) * 1099511628211) & MASK
        return key
    if kind == "number":
        return 14 if text[:2].lower() == b"0x" else 13
    return 10 if kind == "line" else 1000 + text[0]


def plain_bag(text):
    """The features as their docstring says, one regular expression and a counter."""
    found = Counter()
    before = previous = 10
    shape_before = shape = 10
    previous_kind = "line"
    for match in PATTERN.finditer(text):
        kind, token = match.lastgroup, match[0]
        if kind == "blank":
            if previous_kind == "line":
                previous = shape = 12 if token[:1] == b"\t" else 11
            continue
        key = plain_token(kind, token)
        if kind == "line" and previous == before == key:
            continue
        if kind != "line":
            found[mix(key, 1)] += 1
        found[mix(mix(previous, key), 2)] += 1
        own = 777 if kind == "word" else key
        if "word" in (kind, previous_kind):
            found[mix(mix(shape, own), 3)] += 1
        if kind != "line":
            found[mix(mix(mix(shape_before, shape), own), 6)] += 1
        run = re.compile(rb"[!-/:-@\[-^`{-~\x00-\x08\x0e-\x1f\x7f]{2,6}").match(text, match.start())
        first = match.start() == 0 or PATTERN.match(text, match.start() - 1).lastgroup != "mark"
        if kind == "mark" and first and run:
            key_of_run = 7
            for byte in run[0]:
                key_of_run = mix(key_of_run, byte)
            found[mix(key_of_run, 5)] += 1
        before, previous, previous_kind = previous, key, kind
        shape_before, shape = shape, own
    buckets = Counter()
    for feature, count in found.items():
        buckets[feature >> (64 - BITS)] += count
    return sorted(buckets.items())


@given(st.one_of(st.binary(max_size=200), st.text("ab_0x1.(){}<>=+ \t\n\xe9", max_size=200).map(str.encode)))
def test_features_agree_with_their_plain_definition(text):
    buckets, counts = bag(text)
    assert list(zip(buckets.tolist(), counts.tolist(), strict=True)) == plain_bag(text)


def test_blanks_inside_a_line_do_not_count_and_indentation_does():
    same, other, indented = bag(b"a  = b;\n"), bag(b"a = b;\n"), bag(b"  a = b;\n")
    assert same[0].tolist() == other[0].tolist()
    assert indented[0].tolist() != other[0].tolist()


def test_numbers_count_as_numbers():
    assert bag(b"x = 12345\n")[0].tolist() == bag(b"x = 9.75e3\n")[0].tolist()
    assert bag(b"x = 12345\n")[0].tolist() != bag(b"x = 0xff\n")[0].tolist()


def test_buckets_never_change():
    buckets, counts = bag(b"def f(x):\n    return x\n")
    assert buckets.max() < 1 << BITS
    assert list(zip(buckets.tolist(), counts.tolist(), strict=True))[:4] == GOLDEN


GOLDEN: list[tuple[int, int]] = [(4100, 1), (11509, 1), (12351, 2), (13349, 1)]


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_a_score_does_not_depend_on_the_batch(texts):
    together = score(*texts)
    for text, line in zip(texts, together, strict=True):
        assert (score(text)[0] == line).all()


def test_only_the_head_counts():
    text = b"int main(void) { return 0; }\n" * 1_000
    assert (score(text)[0] == score(text[:HEAD])[0]).all()


def test_an_empty_text_scores_nothing():
    assert not score(b"").any()
    assert not score(b"   ").any()


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("Python", b"import os\n\ndef main(argv):\n    for name in argv:\n        print(os.path.join('a', name))\n"),
        ("C", b'#include <stdio.h>\n\nint main(int argc, char **argv)\n{\n\tprintf("%d\\n", argc);\n\treturn 0;\n}\n'),
        ("Haskell", b"module Main where\nimport Data.List (sort)\n\nmain :: IO ()\nmain = print . sort $ [3, 2, 1]\n"),
        ("CSS", b"body {\n  margin: 0;\n  font-family: sans-serif;\n}\n.a:hover { color: #fff; }\n"),
    ],
)
def test_plain_programs_are_named(language, text):
    assert MODEL.classes[int(score(text)[0].argmax())] == language


def test_confidence_grows_with_the_lead():
    sure = [confidence(MODEL, 0.5, second) for second in (0.5, 0.4, 0.2, 0.0)]
    assert sure == sorted(sure)
    assert 0 < sure[0] < 0.5 < sure[-1] < 1


def test_a_model_is_read_as_it_was_saved(tmp_path):
    path = str(tmp_path / "model.npz")
    save(MODEL, path)
    again = load(path)
    assert again.classes == MODEL.classes
    assert (again.weights == MODEL.weights).all()
    assert (again.columns == MODEL.columns).all()
    assert (again.pointers == MODEL.pointers).all()
    assert again.idf.tolist() == MODEL.idf.tolist()
    assert again.prior.tolist() == MODEL.prior.tolist()
    assert (again.odds == MODEL.odds).all()
    assert (again.odds_columns == MODEL.odds_columns).all()
    assert (again.odds_pointers == MODEL.odds_pointers).all()
    assert again.calibration == MODEL.calibration
