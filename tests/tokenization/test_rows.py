"""Rows of both methods; what `emit_group` gives them is in test_packing."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tokenization.test_packing import CFG, SAMPLES_OF_TWO, group, pack
from tokenization.packing import NO_ID
from tokenization.rows import best_fit_pieces, fixed_pieces, segment_spans, with_padding

FIT = replace(CFG, length=16, method="best_fit")
samples = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=4), max_size=8)


@settings(deadline=None)
@given(drawn=samples, length=st.integers(1, 12), fit=st.booleans())
def test_every_token_stands_once_and_every_place_of_every_row_is_taken(drawn, length, fit):
    sizes = np.array([size for sample in drawn for size in sample], np.int64)
    ends = np.cumsum([len(sample) for sample in drawn], dtype=np.int64)
    pieces = best_fit_pieces(sizes, ends, length) if fit else fixed_pieces(int(sizes.sum()), length)
    spans = segment_spans(sizes, pieces)
    tokens = [(d, s + i) for d, s, n in zip(spans.document, spans.document_start, spans.length, strict=True)
              for i in range(n)]  # fmt: skip
    assert sorted(tokens) == [(d, i) for d, size in enumerate(sizes) for i in range(size)]
    n_rows = int(pieces.row.max()) + 1 if len(pieces.row) else 0
    filled = with_padding(spans, n_rows, length, len(sizes))
    places = [(r, s + i) for r, s, n in zip(filled.row, filled.start, filled.length, strict=True) for i in range(n)]
    assert places == [(row, at) for row in range(n_rows) for at in range(length)]


@settings(deadline=None)
@given(drawn=samples, length=st.integers(1, 40))
def test_best_fit_cuts_no_sample_that_a_row_could_hold(drawn, length):
    sizes = np.array([size for sample in drawn for size in sample], np.int64)
    ends = np.cumsum([len(sample) for sample in drawn], dtype=np.int64)
    pieces = best_fit_pieces(sizes, ends, length)
    wholes = [total for total in (sum(sample) for sample in drawn) if total]
    assert len(pieces.row) == sum(-(-total // length) for total in wholes)
    first = {}
    for at, row in enumerate(pieces.row.tolist()):
        first.setdefault(row, at)
    assert list(first) == sorted(first)  # rows stand in the order of the shuffle


def test_both_methods_pack_the_same_tokens_and_count_what_they_cut():
    fitted, fit = pack(FIT, [group(SAMPLES_OF_TWO)])
    cut, fixed = pack(replace(FIT, method="concatenate"), [group(SAMPLES_OF_TWO)])
    real = []
    for rows in (fitted, cut):
        spans = [(row["input_ids"], s) for row in rows for s in row["segments"] if s["document"] != NO_ID]
        real.append(sorted(t for ids, s in spans for t in ids[s["start"] : s["start"] + s["length"]]))
    assert real[0] == real[1]
    assert (fit["cut_short_samples"], fit["cut_samples"]) == (0, 0)
    assert fixed["cut_short_samples"] == fixed["cut_samples"] > 0
    assert fit["rows"] >= fixed["rows"]


def test_one_document_a_thousand_times_a_row_is_cut_and_nothing_of_it_is_lost():
    rows, counts = pack(replace(FIT, length=4), [group({"s": ("code", 1, [("d", "a b " * 2100, "")])})])
    assert counts["rows"] == len(rows) > 1000
    assert counts["tokens"] - counts["padding"] == counts["plain.code"] + counts["special"]
