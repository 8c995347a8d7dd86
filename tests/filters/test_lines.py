"""Line measures: prose against datatrove's own functions, source against a plain reading of OpenCoder's."""

import re
from collections import Counter

import pyarrow as pa
import pytest
from datatrove.pipeline.filters.gopher_repetition_filter import find_duplicates
from datatrove.utils.text import TERMINAL_PUNCTUATION
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.group import measured
from filters.lines import LINES, lines

PIECES = st.sampled_from(
    ["a", "b", "word.", "?", "\n", "\n\n", "\n\n\n", " ", "\t", "é", "。", "}", ",", "x" * 30, "\r", "\u2028"]
)
TEXT = st.one_of(st.lists(PIECES, max_size=30).map("".join), st.text())


def documents(texts: list[str], kind: str = "prose") -> pa.RecordBatch:
    return pa.record_batch({"kind": [kind] * len(texts), "text": pa.array(texts, pa.large_string())})


def plain_prose(text: str) -> dict[str, float | None]:
    full = [line for line in text.split("\n") if line.strip()]
    runs, parts = re.split(r"\n+", text), re.split(r"\n{2,}", text.strip())
    count, chars = max(len(full), 1), max(len(text), 1)
    run_copies, part_copies = find_duplicates(runs), find_duplicates(parts)
    return {
        "n_newlines": text.count("\n"),
        "copied_lines": None,
        "n_full_lines": len(full),
        "ended_lines": sum(line.endswith(tuple(TERMINAL_PUNCTUATION)) for line in full) / count,
        "short_lines": sum(len(line) <= 30 for line in full) / count,
        "copied_line_chars": find_duplicates(full)[1] / max(len(text.replace("\n", "")), 1),
        "duplicate_lines": run_copies[0] / len(runs),
        "duplicate_line_chars": run_copies[1] / chars,
        "duplicate_paragraphs": part_copies[0] / len(parts),
        "duplicate_paragraph_chars": part_copies[1] / chars,
    }


def plain_copies(text: str) -> float:
    found = Counter(line for line in ("".join(line.split()) for line in text.split("\n")) if line)
    copies = sum(n for line, n in found.items() if n > 1 and len(line) > 1 and line != "},")
    return copies / max(found.total(), 1)


@settings(deadline=None, max_examples=200)  # the first example compiles
@given(texts=st.lists(TEXT, min_size=1, max_size=4), skip=st.integers(0, 3))
def test_prose_is_measured_as_datatrove_measures_it(texts: list[str], skip: int) -> None:
    batch = documents(texts).slice(min(skip, len(texts) - 1))
    assert measured(LINES, batch, batch).to_pylist() == [plain_prose(text) for text in batch["text"].to_pylist()]


@settings(deadline=None, max_examples=200)
@given(TEXT)
def test_copied_lines_of_source_are_counted_without_white_space(text: str) -> None:
    batch = documents([text], "file")
    assert lines(batch, batch).column("copied_lines").to_pylist() == [plain_copies(text)]


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("ab\n a b\nc", 2 / 3),
        ("}\n}\n},\n},", 0),
        ("ab\nab\nab\ncd", 3 / 4),
        ("", 0),
        ("\n\n", 0),
        ("é\né", 0),
        ("éa\néa", 1),
    ],
)
def test_the_first_copy_counts_and_brackets_alone_do_not(text: str, share: float) -> None:
    batch = documents([text], "notebook")
    row = lines(batch, batch).to_pylist()[0]
    assert row["copied_lines"] == share
    assert row["duplicate_lines"] is None


def test_a_text_of_newlines_alone_is_measured() -> None:
    batch = documents(["\n" * 1_000_000])
    assert lines(batch, batch).to_pylist() == [plain_prose("\n" * 1_000_000)]
