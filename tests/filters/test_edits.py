"""Merging and applying edits: unions, priorities, boundaries, and the column form against the plain one."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.schema import SPANS
from filters.edits import PLACEHOLDERS, Edit, apply_edits, edited, edited_bytes, merge_edits, merged, span_column

KINDS = st.sampled_from(list(PLACEHOLDERS))


def texts_of(*texts: str | None) -> pa.LargeStringArray:
    return pa.array(texts, pa.large_string())


@st.composite
def text_with_spans(draw: st.DrawFn) -> tuple[str, list[tuple[int, int, str]]]:
    text = draw(st.text(st.sampled_from("ab é中😀\n"), max_size=20))
    at = [len(text[:i].encode()) for i in range(len(text) + 1)]
    cut = st.integers(0, len(text)).map(at.__getitem__)
    return text, [(min(a, b), max(a, b), kind) for a, b, kind in draw(st.lists(st.tuples(cut, cut, KINDS), max_size=6))]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], []),
        ([(3, 3, "key")], []),
        ([(0, 2, "email"), (2, 4, "email")], [(0, 2, "email"), (2, 4, "email")]),
        ([(0, 3, "email"), (2, 4, "user")], [(0, 4, "email")]),
        ([(2, 4, "user"), (0, 3, "key")], [(0, 4, "key")]),
        ([(0, 9, "email"), (2, 3, "key"), (4, 5, "licence_header")], [(0, 9, "licence_header")]),
        ([(0, 3, "user"), (2, 6, "user"), (5, 8, "user")], [(0, 8, "user")]),
    ],
    ids=["none", "empty", "touching", "overlap", "order", "inside", "chain"],
)
def test_overlapping_spans_become_one_of_the_strongest_kind(spans, expected):
    assert merge_edits(spans) == expected


def test_each_kind_has_its_placeholder_and_removals_leave_nothing():
    text = b"a bb ccc"
    assert apply_edits(text, [(2, 4, "email"), (5, 8, "key")]) == b"a <email> <key>"
    assert apply_edits(text, [(0, 2, "licence_header"), (2, 4, "contaminated"), (4, 5, "repeat")]) == b"ccc"


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="unknown kind of edit 'mail': one of contaminated"):
        merge_edits([(0, 1, "mail")])


@pytest.mark.parametrize(
    "spans", [[(0, 99, "key")], [(-1, 2, "key")], [(2, 2, "key")], [(3, 5, "key"), (0, 2, "key")]],
    ids=["beyond", "negative", "empty", "descending"],
)  # fmt: skip
def test_edits_outside_the_text_or_out_of_order_are_refused(spans):
    with pytest.raises(ValueError, match="out of order or beyond"):
        apply_edits(b"hello world", spans)
    with pytest.raises(ValueError, match="out of order or beyond"):
        edited(texts_of("hello world"), pa.array([spans], SPANS))


@pytest.mark.parametrize("span", [(0, 2, "key"), (2, 3, "key")], ids=["end", "start"])
def test_an_edit_that_cuts_a_character_is_refused(span):
    with pytest.raises(ValueError, match="cuts a UTF-8 character"):
        apply_edits("aé中".encode(), [span])
    with pytest.raises(ValueError, match="cuts a UTF-8 character"):
        edited(texts_of("x", "aé中"), pa.array([[], [span]], SPANS))


def test_a_column_without_edits_is_the_very_same_column():
    texts = texts_of("a", None, "b")
    assert edited(texts, pa.array([[], None, []], SPANS)) is texts


@settings(deadline=None)  # the first example compiles
@given(documents=st.lists(text_with_spans(), min_size=1, max_size=6), skip=st.integers(0, 5))
def test_the_column_form_agrees_with_one_document_at_a_time(documents, skip):
    skip = min(skip, len(documents) - 1)
    texts = pa.array([text for text, _ in documents], pa.large_string()).slice(skip)
    spans = merged(pa.array([spans for _, spans in documents], SPANS).slice(skip))
    assert spans.type == SPANS
    plain = [apply_edits(text.encode(), merge_edits(spans)).decode() for text, spans in documents[skip:]]
    column = edited(texts, spans)
    column.validate(full=True)
    assert column.to_pylist() == plain
    assert edited_bytes(texts, spans).tolist() == [len(text.encode()) for text in plain]


@settings(deadline=None)  # the first example compiles
@given(text_with_spans())
def test_merged_spans_cover_the_same_bytes_and_are_disjoint(document):
    text, spans = document
    covered = np.zeros(len(text.encode()) + 1, bool)
    for start, end, _ in spans:
        covered[start:end] = True
    again = np.zeros_like(covered)
    for start, end, _ in merge_edits(spans):
        assert not again[start:end].any()
        again[start:end] = True
    assert (covered == again).all()


def test_columns_of_several_stages_unite_row_by_row_and_null_counts_as_none():
    scrub = pa.array([[(0, 4, "email")], None, [(5, 6, "user")]], SPANS)
    hits = pa.array([[(2, 8, "contaminated")], [], [(0, 1, "contaminated")]], SPANS)
    found = [[tuple(span.values()) for span in row] for row in merged(scrub, hits).to_pylist()]
    assert found == [[(0, 8, "contaminated")], [], [(0, 1, "contaminated"), (5, 6, "user")]]


def test_a_null_text_stays_null_beside_an_edited_one():
    texts = texts_of("zz", "mail me", None, "éa")[1:]
    assert edited(texts, span_column([[Edit(0, 4, "email")], [], [Edit(0, 2, "user")]])).to_pylist() == [
        "<email> me",
        None,
        "<user>a",
    ]


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="differ in length"):
        merged(pa.array([[]], SPANS), pa.array([[], []], SPANS))
    with pytest.raises(ValueError, match="2 texts but 1 edit"):
        edited(texts_of("a", "b"), pa.array([[]], SPANS))
