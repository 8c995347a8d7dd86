"""Group `cleaning`: the kernel against a plain reading, and against datatrove's C4QualityFilter itself."""

import re

import pyarrow as pa
import pytest
from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter
from hypothesis import given
from hypothesis import strategies as st

from filters.cleaning import CLEANING, PHRASES
from filters.group import measured
from filters.rule import evaluate
from filters.text import C4

PIECES = [
    "word", "a", " ", " ", "\n", "\r\n", "\r", "\x85", "\u2029", ".", "...", "?", "!", '"', "'", "[1]", "[]", "[edit]",
    "[", "]", "[citation needed]", "é", "×", "{", "Lorem ipsum", "JavaScript", "use cookies", "x" * 1001, "٣", "\u3000",
    "one two three.",
]  # fmt: skip
TEXT = st.one_of(st.lists(st.sampled_from(PIECES)).map("".join), st.text())
CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")


def column(texts, kind="page"):
    return pa.record_batch({"kind": [kind] * len(texts), "text": pa.array(texts, pa.large_string())})


def plain(text):
    lines, words, lost, kept, sentences, lorem, curly = text.splitlines(), 0, 0, 0, 0, 0, 0
    for line in lines:
        parts = line.split()
        words, lost = words + len(parts), lost + len(parts)
        line = CITATION.sub("", line.strip())
        if any(len(part) > 1000 for part in parts) or len(parts) < 3:
            continue
        if not line.endswith((".", "?", "!", '"', "'")) or line.endswith("..."):
            continue
        small = line.translate({code: code + 32 for code in range(65, 91)})
        said = [phrase in small for phrase in PHRASES]
        if said[0]:
            lorem = 1
        elif said[1]:
            continue
        elif "{" in line:
            curly = 1
        elif any(said):
            continue
        kept, lost = kept + 1, lost - len(parts)
        pieces = re.split(r"""[.?!][.?!"')\]]*(?:(?=[\x00-\x20])|$)""", small)
        sentences += len(pieces) - 1 + bool(re.search(r"[^\x00-\x20]", pieces[-1]))
    accents = sum(0xC0 <= ord(char) < 0x250 and char not in "×÷" for char in text)
    return {
        "has_cleaning": True,
        "clean_lines": kept / max(1, len(lines)),
        "cleaned_words": lost / max(1, words),
        "clean_sentences": sentences,
        "lorem_ipsum": lorem,
        "curly_bracket": curly,
        "accented_fraction": accents / max(1, len(text)),
    }


@given(texts=st.lists(TEXT, min_size=1), skip=st.integers(0, 3))
def test_the_kernel_agrees_with_its_plain_definition(texts, skip):
    batch = column(texts).slice(min(skip, len(texts) - 1))
    for row, text in zip(measured(CLEANING, batch, batch).to_pylist(), batch["text"].to_pylist(), strict=True):
        assert row == pytest.approx(plain(text))


@given(texts=st.lists(TEXT, min_size=1))
def test_the_rule_set_decides_as_datatrove_does_but_for_sentences(texts):
    """Its own sentences need spaCy: the fewest are set to none on both sides."""
    peer = C4QualityFilter(min_num_sentences=-1)
    theirs = [peer.filter(Document(text=text, id="")) is True for text in texts]
    batch = column(texts)
    rules = [rule for rule in C4[0].rules if rule.measure != "clean_sentences"]
    first, _ = evaluate(rules, measured(CLEANING, batch, batch))
    assert [name is None for name in first.to_pylist()] == theirs


@pytest.mark.parametrize(
    ("line", "sentences"),
    [("One is here. Two is here.", 2), ("Version 1.2 is out now.", 1), ('He said "no!" and left.', 2), ("a b c'", 1),
     ("One... two? three!", 3), ("(It is so.) It is.", 2)],
)  # fmt: skip
def test_sentences_end_in_marks_before_space(line, sentences):
    batch = column([line])
    assert measured(CLEANING, batch, batch)["clean_sentences"].to_pylist() == [sentences]


def test_other_kinds_are_not_looked_at():
    batch = column(["One two three."], "file")
    row = measured(CLEANING, batch, batch).to_pylist()[0]
    assert row["has_cleaning"] is False and row["clean_lines"] is None


@pytest.mark.parametrize(
    "line", ["[" * 300_000 + ".", "[1" * 200_000 + ".", "use cookie" * 50_000 + " a b.", "a b c" + "." * 300_000]
)
def test_one_long_line_is_read_to_its_end(line):
    batch = column([line + "\nfour good words here."])
    assert measured(CLEANING, batch, batch)["clean_lines"][0].as_py() >= 0.5
