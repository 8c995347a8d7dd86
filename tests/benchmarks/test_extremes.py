import pytest

from benchmarks.extremes import identical, line, repositories


@pytest.mark.parametrize("case", [repositories, identical, line])
def test_what_survives_an_extreme_is_what_must(tmp_path, case):
    """Each case asserts its own counts."""
    assert case(str(tmp_path), 0.001)[1] > 0
