"""guesslang's network without TensorFlow: what it says of plain snippets, and its hash."""

import numpy as np
import pytest

from corpus.guesslang import fingerprint, guess, load, probabilities

SNIPPETS = {
    "Python": b"def f(x):\n    return [i for i in range(x)]\n\nimport os\nprint(f(3))\n",
    "C": b'#include <stdio.h>\nint main(void) {\n  printf("hi\\n");\n  return 0;\n}\n',
    "HTML": b"<!DOCTYPE html>\n<html><head><title>x</title></head><body><p>hi</p></body></html>",
    "SQL": b"SELECT a, b FROM t WHERE x = 1;\nINSERT INTO t VALUES (1,2);",
    "Go": b'package main\nimport "fmt"\nfunc main() {\n\tfmt.Println(1)\n}\n',
    "Rust": b'fn main() { let x: Vec<u32> = Vec::new(); println!("{}", x.len()); }',
}


@pytest.mark.parametrize("language", SNIPPETS)
def test_plain_snippets_are_named(language):
    found = guess(SNIPPETS[language])
    assert found is not None
    assert found[0] == language


def test_probabilities_sum_to_one_over_54_languages():
    found = probabilities(SNIPPETS["C"])
    assert len(found) == len(load().languages) == 54
    assert found.sum() == pytest.approx(1, abs=1e-5)


def test_white_space_is_no_language():
    assert guess(b"") is None
    assert guess(b" \n\t ") is None


def test_one_byte_has_no_bigram_and_still_an_answer_or_none():
    assert guess(b"a") is None or 0 < guess(b"a")[1] < 1


def test_bytes_after_the_first_ten_thousand_bigrams_do_not_count():
    head = (SNIPPETS["C"] * 200)[:10_001]
    tail = SNIPPETS["Go"] * 2_000
    assert guess(tail)[0] == "Go"
    assert guess(head + tail) == guess(head)
    assert guess(head)[0] == "C"


def test_the_hash_is_farmhash_of_three_bytes():
    def plain(text):  # FarmHash's HashLen0to16 for 1 to 3 bytes, in Python's integers
        k0, k2, mask = 0xC3A5C85C97CB3127, 0x9AE16A3B2F90404F, 2**64 - 1
        y, z = text[0] + (text[1] << 8), len(text) + (text[2] << 2)
        mixed = (y * k2 & mask) ^ (z * k0 & mask)
        return (mixed ^ (mixed >> 47)) * k2 & mask

    first, last = np.array([ord("a"), 0, 255], np.uint64), np.array([ord("b"), 10, 255], np.uint64)
    expected = [plain(bytes((int(a), 32, int(b)))) for a, b in zip(first, last, strict=True)]
    assert fingerprint(first, last).tolist() == expected
