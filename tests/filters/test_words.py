"""Group `words`: the kernels against a plain reading of Gopher's definitions."""

import pyarrow as pa
import pytest
from datatrove.utils.text import PUNCTUATION_SET
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.group import measured
from filters.words import STOP_WORDS, WORDS, words

PIECES = st.sampled_from(
    [
        "the",
        "of",
        "And",
        "to,",
        "word",
        "x",
        "#",
        "...",
        "..",
        "…",
        "•",
        "-",
        " ",
        "\t",
        "\n",
        "\r\n",
        "\u2029",
        "4",
        "é",
        "µ",
    ]
)
TEXT = st.one_of(st.lists(PIECES).map("".join), st.lists(PIECES).map(" ".join), st.text())


def documents(texts: list[str], kind: str = "prose") -> pa.RecordBatch:
    return pa.record_batch({"kind": [kind] * len(texts), "text": pa.array(texts, pa.large_string())})


def is_symbol(char: str) -> bool:
    return char in PUNCTUATION_SET


def plain(text: str) -> dict[str, float | bool]:
    every, lines = text.split(), text.splitlines()
    real = [word for word in every if not all(map(is_symbol, word))]
    symbols = max(text.count("#"), text.count("...") + text.count("…"))
    return {
        "has_words": True,
        "n_words": len(real),
        "mean_word_chars": sum(map(len, real)) / max(len(real), 1),
        "symbol_word_ratio": symbols / max(len(every), 1),
        "bullet_lines": sum(line.lstrip().startswith(("•", "-")) for line in lines) / max(len(lines), 1),
        "ellipsis_lines": sum(line.rstrip().endswith(("...", "…")) for line in lines) / max(len(lines), 1),
        "alpha_word_fraction": sum(any(map(str.isalpha, word)) for word in every) / max(len(every), 1),
        "stop_words": len(set(STOP_WORDS) & set(every)),
        "newlines_per_word": text.count("\n") / max(len(every), 1),
    }


@settings(deadline=None)  # the first example compiles
@given(texts=st.lists(TEXT, min_size=1), skip=st.integers(0, 3))
def test_the_kernels_agree_with_their_plain_definitions(texts: list[str], skip: int) -> None:
    batch = documents(texts).slice(min(skip, len(texts) - 1))
    assert words(batch, batch).to_pylist() == [plain(text) for text in batch.column("text").to_pylist()]


@pytest.mark.parametrize(
    ("text", "share"),
    [("a...", 1), ("a..", 0), ("a....", 1), ("... \t", 1), ("a. ..", 0), ("a…\nb", 0.5), (".\n..", 0), ("...a", 0)],
)
def test_a_line_trails_off_in_three_dots_that_touch(text: str, share: float) -> None:
    batch = documents([text])
    assert words(batch, batch).column("ellipsis_lines").to_pylist() == [share]


def test_a_stop_word_is_the_whole_word_and_counted_once() -> None:
    batch = documents(["the the then bathe The to"])
    assert words(batch, batch).column("stop_words").to_pylist() == [2]


@pytest.mark.parametrize(("kind", "counted"), [("page", True), ("prose", True), ("file", False), ("issue", False)])
def test_words_are_counted_in_pages_and_prose_alone(kind: str, counted: bool) -> None:
    batch = documents(["two words"], kind)
    row = measured(WORDS, batch, batch).to_pylist()[0]
    assert row["has_words"] is counted
    assert row["n_words"] == (2 if counted else None)
