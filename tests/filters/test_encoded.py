"""Encoded runs: the automata against the published patterns, which `re` runs."""

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.encoded import ENCODED, encoded
from filters.group import measured

PATTERNS = (
    r"[a-zA-Z0-9+/\n=]{64,}",
    r"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}",
    r"(?:\\u[0-9a-fA-F]{4}){8,}",
)
PIECES = st.sampled_from(
    ["ab", "0x", "0xff", "\\x", "\\xff", "12,", "12 ", " ", "\n", ",", "é", "\\u00e9", "\\u", "g", "=", "A" * 40, "_"]
)
REPEATED = st.builds(
    lambda piece, n: piece * n, st.lists(PIECES, min_size=1, max_size=3).map("".join), st.integers(1, 12)
)
TEXT = st.lists(REPEATED, max_size=6).map("".join)


def documents(texts: list[str]) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def plain(text: str) -> dict[str, float]:
    found = [match.group() for pattern in PATTERNS for match in re.finditer(pattern, text, re.ASCII)]
    return {
        "longest_encoded": max(map(len, found), default=0),
        "encoded_fraction": min(sum(map(len, found)) / max(len(text), 1), 1.0),
    }


@settings(deadline=None, max_examples=300)  # the first example compiles
@given(texts=st.lists(TEXT, min_size=1, max_size=4), skip=st.integers(0, 3))
def test_the_automata_match_what_the_published_patterns_match(texts: list[str], skip: int) -> None:
    batch = documents(texts).slice(min(skip, len(texts) - 1))
    assert measured(ENCODED, batch, batch).to_pylist() == [plain(text) for text in batch.column("text").to_pylist()]


@pytest.mark.parametrize(
    ("text", "longest"),
    [
        ("A" * 63, 0),
        ("A" * 64, 64),
        ("é" + "A" * 64, 64),
        ("ab " * 7, 0),
        ("ab " * 8, 24),
        ("0xab, " * 8, 0),
        ("0xab," * 8, 40),
        ("\\u00e9" * 7, 0),
        ("\\u00e9" * 8, 48),
        ("41" + "\\x42" * 7, 30),
        ("\\x42" * 9, 32),
        ("\\x42" * 8, 0),
    ],
)
def test_a_run_begins_at_the_published_length(text: str, longest: int) -> None:
    assert encoded(documents([text]), documents([text])).column(0).to_pylist() == [longest]


@pytest.mark.parametrize("text", ["ab " * 7 + "g ", "\\u00e", "0x ", "\\x4", "A" * 63 + " ", "ab,zz,"])
def test_runs_that_almost_match_cost_no_more_than_the_text_is_long(text: str) -> None:
    long = documents([text * (4_000_000 // len(text))])  # quadratic would take a day
    assert encoded(long, long).to_pylist() == [{"longest_encoded": 0, "encoded_fraction": 0.0}]
