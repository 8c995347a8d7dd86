"""Which bytes are comments: known files by hand, and as many characters as the measure counts."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters.group import measured
from filters.source import SOURCE
from filters.source_scan import comment_bytes
from tests.filters.test_source import PIECES


def marked(text: str, language: str | None) -> str:
    """The text with every byte outside of comments as a dot."""
    pairs = zip(text.encode(), comment_bytes(text, language), strict=True)
    return bytes(byte if comment else ord(".") for byte, comment in pairs).decode(errors="replace")


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("Python", "x = 1  # one\ny = '#'\n", ".......# one........."),
        ("Python", 'def f():\n    r"""Doc.\n    more"""\n    return """no"""\n', None),
        ("C", 'a(); /* é\n b */ c("//"); // d', "...../* é\n b */..........// d"),
        ("Ruby", "a\n=begin\nb\n=end\nc", "..=begin\nb\n=end.."),
        ("Lua", "--[[ a\n]] b -- c", "--[[ a\n]]...-- c"),
        ("JSON", '{"a": "// no"}', "." * 14),
        (None, "# what is it", "." * 12),
        ("Python", "", ""),
    ],
    ids=["python", "docstring", "c", "ruby", "lua", "no comments", "no language", "empty"],
)
def test_bytes_of_comments_are_told_from_code_and_strings(language, text, expected):
    if expected is None:
        start, end = text.index('r"""'), text.index("return") - 5
        expected = "." * start + text[start:end] + "." * (len(text) - end)
    assert marked(text, language) == expected


@given(
    st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
    st.sampled_from(["Python", "C", "Ruby", "Lua", "Rust", "HTML"]),
)
def test_as_many_characters_are_marked_as_the_measure_counts(text, language):
    found = sum(
        byte & 0xC0 != 0x80
        for byte, comment in zip(text.encode(), comment_bytes(text, language), strict=True)
        if comment
    )
    documents = pa.record_batch({"text": pa.array([text], pa.large_string())})
    languages = pa.record_batch({"language": pa.array([language], pa.string())})
    share = measured(SOURCE, documents, languages).to_pylist()[0]["comment_fraction"]
    assert found == round(share * max(len(text), 1))
