import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenization.bestfit import best_fit


def plain_best_fit(sizes, capacity):
    """Every piece, from the largest, into the fullest row that holds it; the row used last among equally full ones."""
    free, used, rows = [], [], [None] * len(sizes)
    for clock, piece in enumerate(sorted(range(len(sizes)), key=lambda i: (-sizes[i], i))):
        open_rows = [row for row in range(len(free)) if free[row] >= sizes[piece]]
        if open_rows:
            row = min(open_rows, key=lambda row: (free[row], -used[row]))
        else:
            row = len(free)
            free.append(capacity)
            used.append(0)
        free[row] -= sizes[piece]
        used[row] = clock
        rows[piece] = row
    return rows


@settings(deadline=None)
@given(st.integers(1, 200).flatmap(lambda c: st.tuples(st.just(c), st.lists(st.integers(1, c), max_size=60))))
def test_rows_are_those_of_a_search_through_all_of_them(drawn):
    capacity, sizes = drawn
    assert best_fit(np.array(sizes, np.int64), capacity).tolist() == plain_best_fit(sizes, capacity)


@pytest.mark.parametrize("sizes", [[0], [5]])
def test_a_size_that_no_row_holds_is_refused(sizes):
    with pytest.raises(ValueError, match=r"1\.\.4"):
        best_fit(np.array(sizes), 4)
