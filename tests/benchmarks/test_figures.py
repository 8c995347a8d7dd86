import pytest

from benchmarks._figures import figure, installed_texts, rate


@pytest.mark.parametrize(
    ("ours", "theirs", "ratio"), [(6.0, 2.0, 3.0), (6.0, None, None), (None, 2.0, None), (6.0, 0, None)]
)
def test_a_ratio_is_ours_to_theirs_where_both_are_there(ours, theirs, ratio):
    assert figure("b", "what", "MB/s", ours, "peer", theirs)["ratio"] == ratio


def test_a_rate_is_of_as_many_runs_as_asked_for():
    runs = []
    assert rate(1_000_000, lambda: runs.append(sum(range(10_000))), runs=2) > 0
    assert len(runs) == 2


def test_texts_end_with_the_one_that_passes_the_limit():
    texts = list(installed_texts("*.py", 50_000))
    assert sum(map(len, texts[:-1])) <= 50_000 < sum(map(len, texts))
