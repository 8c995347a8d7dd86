import re

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.minhash import MinHashConfig, signatures
from corpus.shingles import containment, jaccard, list_buffers, shared, shingle_sets

TEXTS = st.lists(st.text(alphabet="ab c-é", max_size=40), min_size=1, max_size=6)


def plain(text, n):
    words = re.findall(rb"[A-Za-z0-9_\x80-\xff]+", text.encode())
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)} or ({tuple(words)} if words else set())


@settings(deadline=None)
@given(texts=TEXTS, n=st.integers(1, 4), skip=st.integers(0, 2))
def test_sizes_and_intersections_are_those_of_sets_of_words(texts, n, skip):
    column = pa.array(texts, pa.large_string()).slice(min(skip, len(texts) - 1))
    sets = shingle_sets(MinHashConfig(n=n), column)
    twin = [plain(text, n) for text in column.to_pylist()]
    assert [len(values) for values in sets.to_pylist()] == [len(values) for values in twin]
    one = list_buffers(sets)
    rows = np.arange(len(column))
    common = shared(one, rows, one, rows[::-1].copy())
    assert common.tolist() == [len(a & b) for a, b in zip(twin, twin[::-1], strict=True)]


def test_jaccard_and_containment_of_empty_sets_are_nothing():
    common, left, right = np.array([0, 0, 3, 2]), np.array([0, 0, 3, 2]), np.array([0, 5, 6, 2])
    assert jaccard(common, left, right).tolist() == [0, 0, 0.5, 1]
    assert containment(common, left, right).tolist() == [0, 0, 1, 1]


def test_a_long_text_has_the_shingles_that_its_signature_counts():
    text = " ".join(f"w{i % 30_000}" for i in range(90_000))
    column = pa.array([text], pa.large_string())
    (values,) = shingle_sets(MinHashConfig(), column).to_pylist()
    assert len(values) == signatures(MinHashConfig(), column)[0][0] == 30_000
