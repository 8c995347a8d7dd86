from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.minhash import MinHashConfig, estimated_jaccard
from corpus.schema import CLUSTERS
from filters.survivors import (
    Clustered,
    DedupConfig,
    ScoringIndex,
    best_members,
    sensitive_rows,
    survivors,
    unit_rows,
)


def some_id(n):
    return n.to_bytes(16, "big")


def test_a_repository_is_its_files_and_notebooks_and_its_first_that_passed_stands_for_it():
    kinds = pa.array(["file", "page", "notebook", "file", "issue", "file", "file"])
    repos = pa.array(["a/b", None, "a/b", "c/d", "a/b", None, "c/d"])
    kept = np.array([False, True, True, False, True, True, False])
    units, inside = unit_rows(kinds, repos, kept)
    assert units.tolist() == [2, 1, 2, 3, 4, 5, 3]
    assert inside.tolist() == [True, False, True, True, False, False, True]


def test_no_documents_have_no_units():
    units, inside = unit_rows(pa.array([], pa.string()), pa.array([], pa.string()), np.zeros(0, bool))
    assert len(units) == len(inside) == 0


def members(**columns):
    n = len(next(iter(columns.values())))
    table = {
        "id": pa.array([some_id(i) for i in range(n)], pa.binary(16)),
        "stars": [None] * n,
        "committed": [None] * n,
    }
    types = {"stars": pa.int32(), "committed": pa.int64()}
    return pa.table({k: pa.array(v, types.get(k, pa.binary(16))) for k, v in {**table, **columns}.items()})


def best(table, prefer, held_out=None):
    n = table.num_rows
    held = np.zeros(n, bool) if held_out is None else np.array(held_out)
    return best_members(np.zeros(n, np.int64), held, table, prefer).tolist()


@pytest.mark.parametrize(
    ("columns", "prefer", "kept"),
    [
        ({"stars": [1, 3, 2]}, [("stars", "high")], 1),
        ({"stars": [1, 3, 0]}, [("stars", "low")], 2),
        ({"stars": [None, 0, None]}, [("stars", "high")], 1),
        ({"stars": [None, 9, None]}, [("stars", "low")], 1),
        ({"stars": [3, 3, 2], "committed": [5, 9, 99]}, [("stars", "high"), ("committed", "high")], 1),
        ({"stars": [3, 3, 3]}, [("stars", "high")], 0),
        ({"id": [some_id(2**100), some_id(7), some_id(9)]}, [], 1),
    ],
    ids=["high", "low", "null below zero", "null above", "second column", "least id", "whole id"],
)
def test_the_preferred_member_is_kept(columns, prefer, kept):
    assert best(members(**columns), prefer) == [kept] * 3


def test_a_held_out_member_comes_before_any_preference():
    assert best(members(stars=[9, 1, 2]), [("stars", "high")], [False, True, True]) == [2, 2, 2]


def test_each_cluster_keeps_its_own():
    table = members(stars=[1, 2, 3, 4])
    kept = best_members(np.array([7, 3, 7, 3]), np.zeros(4, bool), table, [("stars", "high")])
    assert kept.tolist() == [2, 3, 2, 3]


def clusters(rows):
    names = ("node", "kept_node", "size", "id", "kept_id", "kept_key", "held_out")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], CLUSTERS)


def test_units_without_a_cluster_are_kept():
    table = clusters([(4, 4, 2, some_id(4), some_id(4), 44, False), (6, 4, 2, some_id(6), some_id(4), 44, False)])
    found = Clustered.of(np.array([3, 4, 5, 6, 7]), table, "near_duplicate")
    assert found.lost.tolist() == [False, False, False, True, False]
    assert not Clustered.of(np.array([3]), CLUSTERS.empty_table(), "x").lost.any()


def verdicts(kept, reason, held_out):
    return pa.record_batch({"kept": kept, "reason": pa.array(reason, pa.string()), "held_out": held_out})


def decide(verdict, passes=(), near=None, keys=None):
    n = verdict.num_rows
    ids = pa.array([some_id(i) for i in range(n)], pa.binary(16))
    keys = np.arange(n, dtype=np.uint64) if keys is None else np.array(keys, np.uint64)
    batch, counts = survivors(ids, keys, verdict, passes, np.zeros(n, bool) if near is None else np.array(near))
    return batch.to_pylist(), counts


def clustered(reason, lost, key=0, held_out=None):
    n = len(lost)
    ids = np.full(n, some_id(99), object)
    return Clustered(reason, np.array(lost), ids, np.full(n, key, np.uint64), np.array(held_out or [False] * n))


def test_the_first_reason_holds_and_the_counts_add_up():
    verdict = verdicts(
        [False, None, True, True, True, True, True],
        ["too_long", None, None, None, None, None, None],
        [True, None, True, False, False, False, False],
    )
    lost = [True, True, True, True, True, True, False]
    rows, counts = decide(
        verdict, [clustered("near_duplicate", lost, key=4)], [True, True, True, True, False, False, False]
    )
    reasons = ["too_long", "quarantined", "held_out", "near_held_out", "exact_duplicate", "near_duplicate", None]
    assert [row["reason"] for row in rows] == reasons
    assert [row["survives"] for row in rows] == [False] * 6 + [True]
    assert counts["seen"] == counts["kept"] + sum(n for name, n in counts.items() if name.startswith("refused."))
    assert rows[5]["kept_id"] == some_id(99) and rows[6]["kept_id"] == some_id(6) and rows[0]["kept_id"] == some_id(0)


def test_the_earlier_pass_names_the_reason():
    verdict = verdicts([True, True], [None, None], [False, False])
    passes = [clustered("url_duplicate", [True, False], key=7), clustered("near_duplicate", [True, True], key=7)]
    assert [row["reason"] for row in decide(verdict, passes)[0]] == ["url_duplicate", "near_duplicate"]


def test_members_of_a_held_out_cluster_are_near_the_scoring_set():
    verdict = verdicts([True, True], [None, None], [False, False])
    rows, _ = decide(verdict, [clustered("near_duplicate", [True, False], held_out=[True, False])])
    assert [row["reason"] for row in rows] == ["near_held_out", None]


def test_no_rows_are_decided():
    assert decide(verdicts(pa.array([], pa.bool_()), [], pa.array([], pa.bool_()))) == ([], {"seen": 0, "kept": 0})


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 2), min_size=12, max_size=12), min_size=1, max_size=8),
    st.lists(st.lists(st.integers(0, 2), min_size=12, max_size=12), min_size=1, max_size=8),
    st.sampled_from([0.5, 0.75, 1.0]),
)
def test_what_is_near_the_scoring_set_is_what_comparing_all_pairs_finds(scored, documents, threshold):
    held, values = np.array(scored, np.uint32), np.array(documents, np.uint32)
    index = ScoringIndex(held, np.zeros(0, np.uint64), threshold)
    near = index.near(values, np.ones(len(values), np.int32), np.ones(len(values), np.uint64))
    plain = [
        any(estimated_jaccard(row, other) >= threshold and _shares(row, other, index.rows) for other in held)
        for row in values
    ]
    assert near.tolist() == plain


def _shares(a, b, rows):
    return any((a[i : i + rows] == b[i : i + rows]).all() for i in range(0, len(a) - rows + 1, rows))


def test_every_document_at_the_threshold_is_found():
    """1,000 documents that agree with one of 50 in 175 of 250 values at random: at 5 rows a band misses one in 10^4."""
    rng = np.random.RandomState(1)
    held = rng.randint(0, 2**32, (50, 250), dtype=np.uint32)
    values = held[rng.randint(0, 50, 1_000)].copy()
    for row in values:
        row[rng.permutation(250)[:75]] += 1
    index = ScoringIndex(held, np.zeros(0, np.uint64), 0.7)
    assert index.near(values, np.ones(1_000, np.int32), np.ones(1_000, np.uint64)).sum() >= 998
    values[:, 0] += 1 - (values[:, 0] != held[0, 0]).astype(np.uint32)
    below = ScoringIndex(held, np.zeros(0, np.uint64), 0.71)
    assert not below.near(values, np.ones(1_000, np.int32), np.ones(1_000, np.uint64)).any()


def test_equal_texts_without_words_are_near():
    ones = np.full((1, 250), 2**32 - 1, np.uint32)
    index = ScoringIndex(ones, np.array([5], np.uint64), 0.7)
    near = index.near(np.repeat(ones, 2, axis=0), np.zeros(2, np.int32), np.array([5, 6], np.uint64))
    assert near.tolist() == [True, False]


def test_bands_are_as_long_as_the_recall_allows():
    assert sensitive_rows(250, 0.7) == 5 and sensitive_rows(250, 1.0) == 250 and sensitive_rows(2, 0.1) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"unit": "directory"},
        {"scope": "release"},
        {"verify_by": "words"},
        {"verify_by": "jaccard"},
        {"unit": "both", "verify": 0.7, "verify_by": "jaccard"},
        {"largest_cluster": 1},
        {"verify": 0.0},
        {"held_out_threshold": 1.5},
        {"prefer": (("size", "high"),)},
        {"prefer": (("stars", "most"),)},
        {"quality": "n_words"},
        {"prefer": (("quality", "high"),), "quality": None},
        {"all_pairs_below": 1},
        {"range_bytes": 0},
    ],
)
def test_a_wrong_setting_is_named(wrong):
    with pytest.raises(ValueError, match=list(wrong)[-1]):
        DedupConfig(**wrong)


def test_the_default_is_the_reference_unit_at_bigcodes_bands():
    assert replace(DedupConfig(), unit="file").minhash == MinHashConfig(bands=25, rows=10, n=5)
    assert DedupConfig().unit == "repository"
