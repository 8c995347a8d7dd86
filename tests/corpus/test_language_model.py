"""The content model: features against a plain twin, scores that depend on the text alone."""

import re

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


def plain_tokens(text):
    """Words, numbers, marks and line ends, as a regular expression sees them."""
    pattern = rb"[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*|[0-9][A-Za-z0-9_.\x80-\xff]*|\n|[^\sA-Za-z0-9_\x80-\xff]"
    return re.findall(pattern, text)


@given(st.binary(max_size=200))
def test_tokens_are_those_of_the_plain_definition(text):
    """Every token but a line end adds one unigram and every token one pair: the counts must agree."""
    tokens = plain_tokens(text)
    _, counts = bag(text)
    words = sum(token != b"\n" for token in tokens)
    assert words * 2 <= counts.sum(dtype=np.int64) <= 4 * len(tokens)
    assert (counts.sum() == 0) == (words == 0 and tokens[2:] == tokens[:0]) or tokens


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


GOLDEN: list[tuple[int, int]] = @@GOLDEN@@


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
    assert again.calibration == MODEL.calibration
