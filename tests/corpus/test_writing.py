"""What is due before the next character, and white space."""

import numpy as np
import pytest

from corpus.writing import BREAK, CELL, GAP, HEAD, POS, SLOTS, begin_block, broken, flowing, write_due

EMPTY = np.zeros(0, np.uint8)


def state(**slots):
    made = np.zeros(SLOTS, np.int64)
    made[CELL] = -1
    for name, value in slots.items():
        made[globals()[name]] = value
    return made


def written(act, st):
    out = np.full(200, ord("~"), np.uint8)
    act(out, st)
    return out[: st[POS]].tobytes().decode()


@pytest.mark.parametrize(
    ("slots", "expected"),
    [
        ({}, ""),
        ({"HEAD": 2}, "## "),
        ({"POS": 3, "BREAK": 2}, "~~~\n\n"),
        ({"POS": 3, "BREAK": 1, "HEAD": 1}, "~~~\n# "),
        ({"POS": 3, "GAP": 1}, "~~~ "),
        ({"POS": 3, "GAP": 1, "CELL": 3}, "~~~"),
        ({"POS": 4, "GAP": 1, "CELL": 3}, "~~~~ "),
    ],
)
def test_what_is_due_is_written_once(slots, expected):
    st = state(**slots)
    assert written(lambda out, st: write_due(out, st, EMPTY, EMPTY), st) == expected
    assert not st[BREAK] and not st[GAP] and not st[HEAD]


def test_a_block_begins_after_an_empty_line_and_breaks_do_not_add_up():
    st = state(POS=3)
    broken(st, 1)
    broken(st, 2)
    broken(st, 1)
    assert st[BREAK] == 2
    assert written(begin_block, state(POS=3)) == "~~~\n\n" and written(begin_block, state()) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a  b\n\tc", "a b c"), ("a &amp;  &lt;", "a & <"), ("  a ", "a"), ("", "")],
)
def test_white_space_is_made_one_and_references_are_read(text, expected):
    data = np.frombuffer(text.encode() + b" ", np.uint8)
    st = state()
    assert written(lambda out, st: flowing(data, 0, len(data) - 1, out, st, EMPTY, EMPTY), st) == expected
