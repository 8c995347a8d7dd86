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


def test_rows_are_gathered_from_wherever_they_lie_and_widened():
    one, other = np.arange(12, dtype=np.int32).reshape(4, 3), np.full((1, 3), -7, np.int32)
    one.flags.writeable = False
    addresses = np.array([one[3].ctypes.data, other.ctypes.data, one[1].ctypes.data], np.uint64)
    out = np.zeros((3, 3), np.int64)
    gather(addresses, np.uint64(3), out)
    assert out.tolist() == [[9, 10, 11], [-7, -7, -7], [3, 4, 5]]


GOLDEN = [409, 861, 237, 722, 590, 112]
