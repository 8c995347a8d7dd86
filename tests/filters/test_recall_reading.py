"""What a person reads: folders with enough collected, once each; pages where the classifier does not know."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from filters.recall_reading import allotted, doubt, folders, shallow, spread

NAMES = st.sampled_from(["a.org", "a.org/x", "a.org/x/y", "a.org/x/y/z", "a.org/x/w", "a.org/v"])
COUNTS = st.tuples(st.integers(1, 30), st.integers(0, 30)).map(lambda n: (n[0], min(n)))


def of(counts, **settings):
    counted = {("a.org", name): row for name, row in counts.items()}
    return {row["folder"]: (row["pages"], row["collected"]) for row in folders(counted, 1, 1, **settings)}


def test_a_folder_is_listed_as_deep_as_its_pages_allow():
    counts = {"a.org/x/y": (20, 5), "a.org/x/w": (20, 0), "a.org/x/z": (3, 3), "a.org": (50, 1)}
    assert of(counts, min_pages=10, share=0.1) == {"a.org/x": (23, 3), "a.org/x/y": (20, 5)}


def test_a_folder_without_pages_of_its_own_is_not_listed_beside_the_one_below():
    assert of({"a.org/x/y/z": (20, 5)}, min_pages=10, share=0.1) == {"a.org/x/y/z": (20, 5)}


@given(st.dictionaries(NAMES, COUNTS), st.integers(1, 20), st.floats(0, 1))
def test_listed_folders_have_each_page_once_and_reach_their_share(counts, min_pages, share):
    listed = of(counts, min_pages=min_pages, share=share)
    assert all(pages >= min_pages and collected >= share * pages for pages, collected in listed.values())
    assert sum(pages for pages, _ in listed.values()) <= sum(pages for pages, _ in counts.values())
    if counts and share == 0 and min_pages == 1:
        assert sum(pages for pages, _ in listed.values()) == sum(pages for pages, _ in counts.values())


def test_counts_by_folder_become_counts_by_prefix():
    counted = {("a.org", "a.org/x/y"): [3, 1], ("a.org", "a.org/x"): [2, 2], ("a.org", "a.org"): [1, 0]}
    assert shallow(counted, 1) == {("a.org", "a.org/x"): [5, 3], ("a.org", "a.org"): [1, 0]}


def test_doubt_is_one_at_the_cut_and_falls_to_nothing_below_and_to_a_half_above():
    found = doubt(np.array([0.5, 1.5, -0.5, 1e9, -1e9]), 0.5)
    assert found.round(3).tolist() == [1.0, 0.538, 0.538, 0.5, 0.0]


@given(st.dictionaries(st.text(max_size=2), st.integers(0, 9), max_size=5), st.integers(0, 40))
def test_all_pages_asked_for_are_allotted_as_far_as_there_are(sizes, pages):
    made = allotted({name: np.ones(n) for name, n in sizes.items()}, pages)
    assert sum(made.values()) == min(pages, sum(sizes.values()))
    assert all(n <= sizes[name] for name, n in made.items())


def test_a_group_in_doubt_gets_more_pages_and_none_gets_all():
    made = allotted({"near": np.full(50, 1.0), "far": np.full(50, 0.4)}, 20)
    assert made["near"] > made["far"] > 0


@given(st.lists(st.floats(0.4, 1), min_size=1, max_size=30), st.integers(0, 40))
def test_rows_to_read_are_in_order_and_each_once(doubts, pages):
    chosen = spread(np.array(doubts), pages)
    assert chosen == sorted(set(chosen)) and len(chosen) == min(pages, len(doubts))
    assert not chosen or chosen[-1] < len(doubts)
