from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.division import capped, divide, exact, largest_total, rounded, tempered

PARTS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 200)), min_size=1, max_size=8)


def plain_division(total, weights, most):
    """Give every part its proportion; hold those at their most that would get more; again, until none would."""
    held = {i for i, weight in enumerate(weights) if not weight}
    given = dict.fromkeys(held, Fraction(0))
    while True:
        left = total - sum(given.values())
        free = [i for i in range(len(weights)) if i not in given]
        if not free:
            return [given[i] for i in range(len(weights))]
        proportion = {i: Fraction(left) * weights[i] / sum(weights[j] for j in free) for i in free}
        over = [i for i in free if proportion[i] >= most[i]]
        if not over:
            given |= proportion
            return [given[i] for i in range(len(weights))]
        given |= {i: Fraction(most[i]) for i in over}


@given(parts=PARTS, total=st.integers(0, 1000))
def test_a_division_is_the_plain_one_rounded_and_whole(parts, total):
    weights, most = [Fraction(w) for w, _ in parts], [m for _, m in parts]
    if total > sum(m for w, m in parts if w):
        with pytest.raises(ValueError, match="cannot be divided"):
            divide(total, weights, most)
        return
    found = divide(total, weights, most)
    assert sum(found) == total
    assert all(0 <= n <= limit for n, limit in zip(found, most, strict=True))
    assert all(abs(n - x) < 1 for n, x in zip(found, plain_division(total, weights, most), strict=True))


def test_a_part_at_its_most_leaves_the_rest_to_the_others_in_proportion():
    assert divide(100, [Fraction(8), Fraction(1), Fraction(1)], [20, 100, 100]) == [20, 40, 40]
    assert divide(100, [Fraction(8), Fraction(3), Fraction(1)], [20, 50, 100]) == [20, 50, 30]


def test_a_remainder_goes_to_the_largest_and_to_the_earlier_of_equals():
    assert rounded(10, [Fraction(1, 3)] * 3) == [4, 3, 3]
    assert rounded(1, [Fraction(1, 4), Fraction(3, 4)]) == [0, 1]


CAPS = st.lists(
    st.tuples(st.none() | st.fractions(0, 1, max_denominator=20), st.integers(0, 100)), min_size=1, max_size=6
)


@given(parts=CAPS)
def test_the_largest_total_can_be_given_and_no_larger_one(parts):
    def can_give(total):
        return sum(most if cap is None else min(cap * total, most) for cap, most in parts) >= total

    found = largest_total(parts)
    assert can_give(found)
    assert not can_give(found + Fraction(1, 1000))
    assert sum(capped(int(found), cap, most) for cap, most in parts) >= int(found)


def test_a_cap_is_a_share_rounded_up_to_a_whole_token():
    assert [capped(10, Fraction(1, 3), 99), capped(9, Fraction(1, 3), 99), capped(10, None, 7)] == [4, 3, 7]


@pytest.mark.parametrize(("temperature", "expected"), [(1, 10_000), (2, 100), (4, 10)])
def test_a_temperature_is_a_root_of_the_tokens(temperature, expected):
    assert abs(tempered(10_000, temperature) - expected) < Fraction(1, 10**30)


def test_nothing_weighs_nothing():
    assert tempered(0, 2) == 0


def test_a_tempered_weight_never_changes():
    assert int(tempered(123_456_789, 3.3) * 10**30) == 283122402862096594532450763698837


def test_a_share_is_as_it_was_written():
    assert exact(0.1) == Fraction(1, 10)
