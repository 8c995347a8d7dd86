"""Names to values by hash, compiled and plain."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.names import Table, hashed, look_up


def ask(table, name, seed):
    data = np.frombuffer(name.encode() + b" ", np.uint8)
    return look_up(table.keys, table.values, np.uint64(hashed(data, 0, len(data) - 1, seed)))


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.text("abcXYZ-_é", min_size=1), unique_by=str.lower, max_size=30))
def test_a_name_gives_its_value_in_any_case_of_ascii(names):
    table = Table.of([("class", (name,), 1 << index) for index, name in enumerate(names)])
    for index, name in enumerate(names):
        assert ask(table, name, 2) == 1 << index
    assert ask(table, "none of them", 2) == 0


def test_values_of_one_name_are_united_and_kinds_are_apart():
    table = Table.of([("class", ("a", "b"), 1), ("class", ("a",), 2), ("id", ("a",), 4)])
    assert (ask(table, "a", 2), ask(table, "b", 2), ask(table, "a", 3), ask(table, "b", 3)) == (3, 1, 4, 0)
