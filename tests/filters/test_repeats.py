"""Repeated spans against brute force: every window that stands in an earlier document goes, nothing else."""

# ruff: noqa: E501  # tables of cases

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filters.edits import apply_edits
from filters.repeats import RepeatsConfig, repeat_spans, repeated, windows
from filters.word_hashes import words

SIZE = 4
CFG = RepeatsConfig(min_words=SIZE)
TEXTS = st.lists(st.lists(st.sampled_from("abcdé中"), max_size=14).map(" ".join), min_size=1, max_size=5)


def column(texts):
    return pa.array(texts, pa.large_string())


def spans_of(texts, kind="prose", cfg=CFG):
    kinds = [kind] * len(texts)
    hashes, rows, numbers = windows(cfg, kinds, column(texts))
    later = repeated(hashes, rows, numbers)
    return repeat_spans(cfg, kinds, column(texts), rows[later], numbers[later])


def remaining(texts, kind="prose"):
    return [apply_edits(t.encode(), s).decode() for t, s in zip(texts, spans_of(texts, kind), strict=True)]


def plain_removed(texts):
    """Per text, which of its words lie in a window that an earlier text has."""
    seen, removed = set(), []
    for text in texts:
        have = words(text)
        starts = [i for i in range(len(have) - SIZE + 1) if tuple(have[i : i + SIZE]) in seen]
        removed.append([any(i <= at < i + SIZE for i in starts) for at in range(len(have))])
        seen |= {tuple(have[i : i + SIZE]) for i in range(len(have) - SIZE + 1)}
    return removed


@settings(deadline=None)  # the first example compiles
@given(TEXTS)
def test_what_goes_agrees_with_brute_force(texts):
    for text, spans, removed in zip(texts, spans_of(texts), plain_removed(texts), strict=True):
        inside, at = [], 0
        for word in words(text):
            at = text.lower().index(word, at)
            start = len(text[:at].encode())
            inside.append(any(low <= start < high for low, high, _ in spans))
            at += len(word)
        assert inside == removed


@settings(deadline=None)
@given(TEXTS, st.integers(0, 4))
def test_a_slice_has_the_windows_of_its_rows(texts, skip):
    skip = min(skip, len(texts) - 1)
    kinds = ["prose"] * len(texts)
    whole, rows, numbers = windows(CFG, kinds, column(texts))
    part, part_rows, part_numbers = windows(CFG, kinds[skip:], column(texts).slice(skip))
    kept = rows >= skip
    assert part.tolist() == whole[kept].tolist()
    assert (part_rows + skip).tolist() == rows[kept].tolist()
    assert part_numbers.tolist() == numbers[kept].tolist()


def test_the_first_copy_stays_and_the_others_go():
    assert remaining(["x a b c d y", "A, b!\nc d e", "a b c", "z a b c d"]) == ["x a b c d y", " e", "a b c", "z "]


def test_repeats_inside_one_document_stay():
    assert remaining(["a b c d a b c d", "e"]) == ["a b c d a b c d", "e"]


NOTICE = "# all of this may be\n# copied by anybody\n"


def test_in_source_only_comment_lines_count():
    code = "x = a + b + c + d + e\n"
    assert remaining([NOTICE + code, code + NOTICE], "file") == [NOTICE + code, code + "# \n"]


def test_a_line_of_the_program_ends_a_run_of_comments():
    split = "# all of this\ny = 1\n# may be copied by anybody\n"
    assert remaining([NOTICE, split], "file") == [NOTICE, "# all of this\ny = 1\n# \n"]
    two = "# one two three four\nx = 1\n# five six seven eight\n"
    assert remaining([two, two], "file") == [two, "# \nx = 1\n# \n"]


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("// a b c d", True), ("/* a b c d", True), (" * a b c d", True), ("\t# a b c d", True), ("-- a b c d", True),
        (";; a b c d", True), ("% a b c d", True), ("<!-- a b c d", True), ("## a b c d", True), ("#include a b c d", False),
        ("*a = b c d", False), ("-a b c d", False), ("a b c d e", False), ("'a b c d'", False), ("#", False), ("", False),
    ],
)  # fmt: skip
def test_lines_that_begin_as_comments_do(line, counts):
    hashes, _, _ = windows(CFG, ["file"], column([line]))
    assert (len(hashes) > 0) is counts


def test_any_cut_of_the_hashes_finds_the_same_windows():
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 9, 300).astype(np.uint64)
    documents, numbers = rng.integers(0, 40, 300), rng.integers(0, 99, 300)
    parts = np.zeros(300, bool)
    for value in range(9):
        here = hashes == value
        parts[here] = repeated(hashes[here], documents[here], numbers[here])
    assert parts.tolist() == repeated(hashes, documents, numbers).tolist()


def test_one_word_many_times_is_read_in_bounded_time():
    assert spans_of(["a " * 200_000, "a " * 200_000])[1] == [(0, 399_999, "repeat")]
    assert spans_of(["x" * 1_000_000, ""]) == [[], []]


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="min_words is 1"):
        RepeatsConfig(min_words=1)
    with pytest.raises(ValueError, match="at least 1"):
        RepeatsConfig(range_bytes=0)
