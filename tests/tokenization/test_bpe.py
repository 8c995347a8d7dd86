from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenization.bpe import EMPTY, _merge_by_heap, _merge_by_scan, _rate, slot_of
from tokenization.fast import _merges

LETTERS = {c: i for i, c in enumerate("abc")}
PAIRS = [["a", "b"], ["b", "c"], ["ab", "ab"], ["a", "a"], ["ab", "c"], ["a", "bc"], ["aa", "aa"], ["c", "c"]]
VOCABULARY = LETTERS | {w: 3 + i for i, w in enumerate(dict.fromkeys(a + b for a, b in PAIRS))}
MERGES = _merges(VOCABULARY, PAIRS)


def plain(word):
    """The definition: merge the pair of lowest rank, leftmost first, until no pair has one."""
    ranks = {tuple(pair): rank for rank, pair in enumerate(PAIRS)}
    while True:
        rated = [(ranks[pair], at) for at, pair in enumerate(pairwise(word)) if pair in ranks]
        if not rated:
            return [VOCABULARY[part] for part in word]
        at = min(rated)[1]
        word = [*word[:at], word[at] + word[at + 1], *word[at + 2 :]]


def merged(word, kernel):
    n = len(word)
    symbols = np.array([LETTERS[c] for c in word], np.int32)
    before, after = np.arange(-1, n - 1, dtype=np.int32), np.arange(1, n + 1, dtype=np.int32)
    ranks, made = np.empty(n, np.int32), np.empty(n, np.int32)
    for at in range(n):
        _rate(MERGES, symbols, after, at, ranks, made)
    kernel(MERGES, symbols, before, after, ranks, made)
    found, at = [], 0
    while at < n:
        found.append(int(symbols[at]))
        at = after[at]
    return found


@settings(deadline=None)  # the first call compiles
@given(word=st.lists(st.sampled_from("abc"), min_size=1, max_size=40))
def test_both_ways_of_merging_agree_with_the_definition(word):
    assert merged(word, _merge_by_scan) == merged(word, _merge_by_heap) == plain(word)


def test_the_table_of_merges_holds_its_pairs_and_no_others():
    ranks = {}
    for left, a in VOCABULARY.items():
        for right, b in VOCABULARY.items():
            slot = slot_of(MERGES, a, b)
            if MERGES.pairs[slot] != EMPTY:
                ranks[left, right] = int(MERGES.ranks[slot])
    assert ranks == {tuple(pair): rank for rank, pair in enumerate(PAIRS)}
