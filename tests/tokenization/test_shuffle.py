import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenization.shuffle import gather, permuted


@settings(deadline=None)
@given(n=st.integers(1, 300), key=st.integers(0, 2**40))
def test_every_row_comes_once_an_epoch(n, key):
    assert sorted(permuted(np.arange(n), n, key).tolist()) == list(range(n))


def test_the_order_never_changes():
    assert permuted(np.arange(6), 1000, 3).tolist() == GOLDEN


def test_an_order_has_no_trace_of_the_rows_order():
    found = permuted(np.arange(100_000), 100_000, 0)
    assert abs(np.corrcoef(found, np.arange(100_000))[0, 1]) < 0.02
    assert abs(np.diff(found).mean()) < 5


def test_rows_go_to_their_places():
    source, out = np.arange(12, dtype=np.int32).reshape(4, 3), np.zeros((2, 3), np.int64)
    source.flags.writeable = False
    gather(source, np.array([3, 1]), np.array([1, 0]), out)
    assert out.tolist() == [[3, 4, 5], [9, 10, 11]]


GOLDEN = [409, 861, 237, 722, 590, 112]
