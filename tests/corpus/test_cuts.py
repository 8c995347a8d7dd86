import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.cuts import (
    ALL_INSIDE,
    NONE_INSIDE,
    Cut,
    Window,
    add,
    bucket_of,
    cuts,
    histogram_within,
    histograms,
    inside,
    is_inside,
    narrowed,
)

KEYS = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 5), st.integers(0, 5).map(lambda k: k << 48))
ROWS = st.lists(st.tuples(KEYS, st.integers(0, 50)), min_size=1, max_size=60)


def arrays(rows):
    return np.array([k for k, _ in rows], np.uint64), np.array([n for _, n in rows], np.int64)


def two_passes(shards, budget, orders=1):
    """The cut of one order among many, whose histograms have fewer buckets."""
    parts = [arrays(rows) for rows in shards]
    sums = histograms(orders)
    for k, n in parts:
        add(sums, np.full(len(k), orders - 1), k, n)
    bucket = bucket_of(sums[-1], budget)
    if bucket is None:
        return Cut(ALL_INSIDE, sum(int(n.sum()) for _, n in parts))
    near = [inside([bucket], np.zeros(len(k), np.int64), k) for k, _ in parts]
    two = cuts(bucket, [(k[chosen], n[chosen]) for (k, n), chosen in zip(parts, near, strict=True)], budget)
    return min(two, key=lambda found: abs(found.tokens - budget))


def plain(rows, budget):
    """Sort, add groups of equal keys while they fit, and the next one where that comes nearer."""
    got, last = 0, NONE_INSIDE
    for key in sorted({k for k, _ in rows}):
        more = sum(n for k, n in rows if k == key)
        if got + more > budget and got + more - budget >= budget - got:
            break
        over = got + more > budget
        got, last = got + more, key
        if over:
            break
    return got, last


@given(rows=ROWS, budget=st.integers(0, 400), at=st.integers(0, 60))
def test_two_passes_agree_with_one_sort(rows, budget, at):
    found = two_passes([rows[:at], rows[at:]], budget)
    keys, tokens = arrays(rows)
    assert int(tokens[is_inside(keys, found.last)].sum()) == found.tokens
    assert found.tokens == plain(rows, budget)[0]


@given(rows=ROWS, budget=st.integers(0, 400))
def test_coarser_histograms_find_the_same_cut(rows, budget):
    keys, _ = arrays(rows)
    found = [two_passes([rows], budget, orders) for orders in (1, 70, 1000)]
    assert len({one.tokens for one in found}) == 1
    assert len({is_inside(keys, one.last).tobytes() for one in found}) == 1


def test_histograms_together_stay_below_32_mib():
    assert all(histograms(n).nbytes <= 32 << 20 for n in (1, 64, 65, 4056, 200_000))


@given(rows=ROWS, budget=st.integers(0, 400), at=st.integers(0, 60))
def test_shards_do_not_change_the_cut(rows, budget, at):
    assert two_passes([rows], budget) == two_passes([rows[at:], rows[:at]], budget)


@given(rows=st.lists(st.tuples(KEYS, st.integers(0, 50)), min_size=1, max_size=60, unique_by=lambda r: r[0]))
def test_the_miss_is_at_most_half_the_boundary_row(rows):
    budget = sum(n for _, n in rows) // 2
    found = two_passes([rows], budget)
    assert 2 * abs(found.tokens - budget) <= max(n for _, n in rows)


@pytest.mark.parametrize(
    ("budget", "last", "tokens"),
    [(0, NONE_INSIDE, 0), (4, NONE_INSIDE, 0), (6, 7, 10), (10, 7, 10), (15, 7, 10), (16, 9, 20), (20, ALL_INSIDE, 20)],
    ids=["none", "below half a row", "above half", "exact", "tie goes down", "second", "all"],
)
def test_the_row_on_the_boundary_goes_where_it_is_nearer(budget, last, tokens):
    assert two_passes([[(7, 10), (9, 10)]], budget) == Cut(last, tokens)


def test_a_budget_that_ends_between_buckets_keeps_the_earlier_ones():
    found = two_passes([[(1, 10), (3 << 48, 100)]], 12)
    assert found.tokens == 10
    assert is_inside(np.array([1, 3 << 48], np.uint64), found.last).tolist() == [True, False]


def four_passes(shards, budget):
    found = Window(room=budget)
    while isinstance(found, Window):
        found = narrowed(found, sum(histogram_within(found, k, n) for k, n in map(arrays, shards)))
    return found


@given(rows=ROWS, budget=st.integers(0, 400), at=st.integers(0, 60))
def test_four_passes_put_the_same_rows_inside_as_one_sort(rows, budget, at):
    keys, tokens = arrays(rows)
    got, _ = plain(rows, budget)
    last = four_passes([rows[:at], rows[at:]], budget)
    if tokens.sum() <= budget:
        assert last == ALL_INSIDE
    else:
        assert int(tokens[is_inside(keys, last)].sum()) == got


@given(rows=ROWS, budget=st.integers(0, 400), at=st.integers(0, 60))
def test_shards_do_not_change_the_cut_of_four_passes(rows, budget, at):
    assert four_passes([rows], budget) == four_passes([rows[:at], [], rows[at:]], budget)
