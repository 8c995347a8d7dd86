"""Words against their plain definition: isalnum runs in lower case, CJK one by one."""

# ruff: noqa: E501  # tables of cases

import re
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.word_hashes import folding, next_word, words

CJK = re.compile(
    "[\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af]"
)


def plain_words(text: str) -> list[str]:
    found = []
    for is_word, run in groupby(text, str.isalnum):
        if is_word:
            lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in run)
            found += [part for part in re.split(f"({CJK.pattern})", lower) if part]
    return found


@settings(deadline=None)  # the first example compiles
@given(st.text() | st.text(st.sampled_from("aB1_ é中あ\n漢Ωİ٣²")))
def test_words_agree_with_their_plain_definition(text):
    assert words(text) == plain_words(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []), ("_ -\n", []), ("has_close_elements(x)", ["has", "close", "elements", "x"]), ("A1b", ["a1b"]),
        ("Größe ÄÖ", ["größe", "äö"]), ("求三角形abc的", ["求", "三", "角", "形", "abc", "的"]), ("x²+1.5", ["x²", "1", "5"]),
        ("a\u0301b", ["a", "b"]), ("𝐀𝟏", ["𝐀𝟏"]),
    ],
)  # fmt: skip
def test_words_of_code_and_of_other_scripts(text, expected):
    assert words(text) == expected


def test_broken_utf8_ends_and_costs_one_separator_a_byte():
    for raw in (b"\xff\xff", b"ab\xe4\xb8", b"\x80\x80a", b"\xf0\x9f", b"\xc3"):
        data, at, seen = np.frombuffer(raw, np.uint8), 0, 0
        while at < len(raw):
            start, at, _ = next_word(data, at, len(raw), folding())
            seen += start >= 0
        assert seen == (1 if b"a" in raw else 0)


def test_hashes_never_change():
    data = np.frombuffer("Return x中".encode(), np.uint8)
    hashes, at = [], 0
    for _ in range(3):
        _, at, value = next_word(data, at, len(data), folding())
        hashes.append(int(value))
    assert hashes == [8668089549854890240, 3948672518614238280, 161875305757251782]
