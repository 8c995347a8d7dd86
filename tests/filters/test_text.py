"""Gopher's rules on prose: a fair text passes, and each fault is named."""

import pyarrow as pa
import pytest

from filters.rule import evaluate
from filters.text import GOPHER
from filters.words import words

FAIR = "The editor of the paper wrote to the council and asked that they have a word with him.\n" * 4


def failures(text: str) -> list[str]:
    batch = pa.record_batch({"kind": ["prose"], "text": pa.array([text], pa.large_string())})
    found: list[str] = evaluate(GOPHER[0].rules, words(batch, batch))[1].to_pylist()[0]
    return found


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        (FAIR, []),
        ("the of " * 25, ["mean_word_chars"]),
        ("then that of " * 16 + "then that", []),
        ("then that of " * 16 + "then", ["n_words"]),
        (FAIR * 1400, ["n_words"]),
        (FAIR + "# " * 9, ["symbol_word_ratio"]),
        (("- " + FAIR.replace("\n", " ") + "\n") * 10, ["bullet_lines"]),
        (FAIR.replace(".\n", " …\n"), ["ellipsis_lines"]),
        ("the paper of 1234 5678 " * 20, ["alpha_word_fraction"]),
        ("ein guter Satz aus Berlin " * 12, ["stop_words"]),
    ],
)
def test_each_fault_is_named(text: str, failed: list[str]) -> None:
    assert failures(text) == failed
