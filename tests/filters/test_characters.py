"""Group `basic`: the kernel against `str`'s own methods, on any text and any slice."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.characters import ALNUM, ALPHA, BREAK, SPACE, basic, classes
from filters.group import measured
from filters.measures import BASIC

BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
TEXT = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("ab1² \t<?\ufffd" + BREAKS)))


def documents(texts: list[str]) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def plain(text: str) -> dict[str, float]:
    lines = [len(line) for line in text.splitlines()]
    chars = max(len(text), 1)
    return {
        "n_chars": len(text),
        "n_bytes": len(text.encode()),
        "n_lines": len(lines),
        "mean_line_chars": sum(lines) / max(len(lines), 1),
        "max_line_chars": max(lines, default=0),
        "alphabetic_fraction": sum(map(str.isalpha, text)) / chars,
        "alphanumeric_fraction": sum(map(str.isalnum, text)) / chars,
        "xml_header": int("<?xml version=" in text[:100]),
        "digit_fraction": sum(map(str.isdigit, text)) / chars,
        "space_fraction": sum(map(str.isspace, text)) / chars,
        "visible_alphabetic_fraction": sum(map(str.isalpha, text)) / max(sum(not c.isspace() for c in text), 1),
        "replacement_fraction": text.count("\ufffd") / chars,
    }


@settings(deadline=None)  # the first example compiles
@given(texts=st.lists(TEXT, min_size=1), skip=st.integers(0, 3))
def test_the_kernel_agrees_with_its_plain_definition(texts: list[str], skip: int) -> None:
    batch = documents(texts).slice(min(skip, len(texts) - 1))
    assert basic(batch, batch).to_pylist() == [plain(text) for text in batch.column("text").to_pylist()]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", 0), ("\n", 1), ("a", 1), ("a\n", 1), ("a\nb", 2), ("a\r\nb", 2), ("a\n\rb", 3), ("\r\r\n", 2),
        ("é\r\nb", 2), ("é\n\rb", 3), ("é\u2028b\x85c", 3), ("a\r", 1), ("é\r\n\n", 2),
    ],
)  # fmt: skip
def test_a_line_ends_where_str_splitlines_ends_it(text: str, lines: int) -> None:
    batch = documents([text])
    assert basic(batch, batch).column("n_lines").to_pylist() == [lines] == [len(text.splitlines())]


@pytest.mark.parametrize("pad", ["x", "é"], ids=["ascii", "two bytes"])
@pytest.mark.parametrize(("before", "found"), [(0, 1), (86, 1), (87, 0), (200, 0)])
def test_an_xml_header_counts_when_it_lies_within_100_characters(pad: str, before: int, found: int) -> None:
    batch = documents([pad * before + '<?xml version="1.0"?>'])
    assert basic(batch, batch).column("xml_header").to_pylist() == [found]


def test_a_cut_xml_header_is_none() -> None:
    batch = documents(["<?xml version", "=1"])
    assert basic(batch, batch).column("xml_header").to_pylist() == [0, 0]


def test_every_code_point_is_classed_as_str_classes_it() -> None:
    table = classes()
    for code in [*range(0x3000), *range(0x1F000, 0x1F700), 0x10FFFF]:
        char = chr(code)
        assert bool(table[code] & ALPHA) == char.isalpha()
        assert bool(table[code] & ALNUM) == char.isalnum()
        assert bool(table[code] & SPACE) == char.isspace()
        assert bool(table[code] & BREAK) == (char in BREAKS)


def test_the_measures_of_a_known_text_never_change() -> None:
    batch = documents(['def f(x):\n    return "Größe 42" * x\n'])
    assert measured(BASIC, batch, batch).to_pylist() == [
        {
            "n_chars": 36,
            "n_bytes": 38,
            "n_lines": 2,
            "mean_line_chars": 17.0,
            "max_line_chars": 25,
            "alphabetic_fraction": 17 / 36,
            "alphanumeric_fraction": 19 / 36,
            "xml_header": 0,
            "digit_fraction": 2 / 36,
            "space_fraction": 11 / 36,
            "visible_alphabetic_fraction": 17 / 25,
            "replacement_fraction": 0.0,
        }
    ]


def test_no_rows_give_no_rows() -> None:
    batch = documents([])
    assert measured(BASIC, batch, batch).num_rows == 0


def test_a_null_text_counts_as_empty() -> None:
    batch = pa.record_batch({"text": pa.array([None, "a"], pa.large_string())})
    assert basic(batch, batch).column("n_chars").to_pylist() == [0, 1]
