"""Addresses are found where they stand, in any row of any slice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.addresses import address_spans

PARTS = st.sampled_from(
    [
        "jo@firm.de",
        "93.184.216.34",
        "2a00:1450:4001:81b::200e",
        " ",
        "\n",
        ".",
        "@",
        "é",
        "1",
        "x",
        ":",
        "10.0.0.1",
        ",",
    ]
)


def found(*texts: str) -> list[tuple[int, str, str]]:
    raw = [text.encode() for text in texts]
    offsets = np.concatenate(([0], np.cumsum([len(text) for text in raw]))).astype(np.int64)
    data = np.frombuffer(b"".join(raw), np.uint8)
    return sorted((row, kind, raw[row][start:end].decode()) for row, start, end, kind in address_spans(data, offsets))


def test_rows_are_told_apart_although_their_bytes_touch():
    assert found("jo@firm.de", "al@firm.de", "", "93.184.216.34", "1.2") == [
        (0, "email", "jo@firm.de"), (1, "email", "al@firm.de"), (3, "ip_address", "93.184.216.34"),
    ]  # fmt: skip
    assert found("jo@", "firm.de", "93.184.", "216.34") == []
    assert found("93.184.216.34.", "9.9") == [(0, "ip_address", "93.184.216.34")]
    assert found("9.9", ".93.184.216.34") == []


@settings(deadline=None)  # the first example compiles
@given(st.lists(PARTS, max_size=12).map("".join), st.lists(PARTS, max_size=12).map("".join))
def test_a_row_is_read_as_if_it_stood_alone(one, two):
    assert found(one, two) == [*found(one), *((row + 1, kind, what) for row, kind, what in found(two))]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("..jo@firm.de", "jo@firm.de"), ("<jo@firm.de>", "jo@firm.de"), ("jo@firm.de.", "jo@firm.de"),
        ("a=93.184.216.34,4", "93.184.216.34"), ("93.184.216.34-93", "93.184.216.34"), ("JO@FIRM.DE", "JO@FIRM.DE"),
    ],
)  # fmt: skip
def test_what_stands_around_an_address_stays(text, what):
    assert [case[2] for case in found(text)] == [what]


@pytest.mark.parametrize(
    "text",
    ["93.184.216.34.5", "1.93.184.216.34", "x93.184.216.34", "93.184.216.340", "93.184.216.34a", "93.184..216.34"],
)
def test_longer_numbers_are_no_address(text):
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "#### 34.5.1.1. Issuing Queries", "text\n## 22.1.4.2", "== 34.5.1.3 Mode ==", "  34.5.1.2. Processing Results",
        "x\n* [34.5.1.4. Error Handling](#e)", "22.1.4.2\xa0Return Types", r"\subsection{31.4.1.12} Dates",
    ],
)  # fmt: skip
def test_the_number_of_a_section_is_no_address(text):
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "34.5.1.1 - - [10/Oct/2000:13:55:36]",
        "34.5.1.1 db.internal",
        "at 34.5.1.1. Then",
        "## 34.5.1.61",
        "34.5.1.61 Db",
    ],
)
def test_an_address_at_the_start_of_a_line_is_found(text):
    assert [case[1] for case in found(text)] == ["ip_address"]
