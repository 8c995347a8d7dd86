"""The labelled set: large enough, half of it hard negatives, no key in its file; and how a finding is counted."""

import re
from pathlib import Path

import pytest

from validate.labelled import scrub
from validate.labelled.scrub import HALVES, KINDS, Case, Score, cases, scores

EVERY = cases()


def test_there_are_four_hundred_cases_half_of_them_negatives_in_either_half():
    assert len(EVERY) >= 400
    for half in HALVES:
        chosen = [case for case in EVERY if case.half == half]
        negatives = [case for case in chosen if case.kind == "none"]
        assert len(chosen) >= 190
        assert 0.45 <= len(negatives) / len(chosen) <= 0.6
        assert {case.kind for case in chosen} == {*KINDS, "none"}


def test_marks_are_taken_out_and_only_positives_have_spans():
    for case in EVERY:
        assert not {"«", "»", "\0"} & set(case.text)
        assert bool(case.spans) == (case.kind != "none"), case
        assert all(0 <= start < end <= len(case.text.encode()) for start, end in case.spans)


def test_no_secret_stands_in_the_file_itself():
    """What a host's scanner looks for: a known prefix with random characters behind it."""
    text = Path(scrub.__file__).with_suffix(".tsv").read_text(encoding="utf-8")
    text = text.replace("AKIAIOSFODNN7EXAMPLE", "").replace("sk_test_4eC39HqLyjWDarjtT1zdp7dc", "")  # of public manuals
    assert not re.search(r"(?:AKIA|ghp_|xox[bp]-|sk_live_|SG\.|AIza|npm_|hf_|glpat-)(?!X{8})[A-Za-z0-9]{8}", text)


def test_drawing_gives_the_same_text_every_time():
    assert cases() == EVERY


CASE = Case("email", "", "a.py", "0123456789abcdefghij", (), ((0, 10),), "tuned")


@pytest.mark.parametrize(
    ("found", "score"),
    [
        ([], (0, 1, 0)),
        ([(0, 10, "email")], (1, 0, 0)),
        ([(0, 9, "email")], (1, 0, 0)),
        ([(0, 8, "email")], (0, 1, 0)),
        ([(0, 5, "email"), (5, 10, "email")], (1, 0, 0)),
        ([(12, 20, "email")], (0, 1, 1)),
    ],
)
def test_a_span_is_found_where_spans_of_its_kind_cover_nearly_all_of_it(found, score):
    assert scores([CASE], lambda case: found)["email"] == Score(*score)


def test_another_kind_on_the_same_place_is_wrong_and_does_not_count():
    made = scores([CASE], lambda case: [(0, 10, "key")])
    assert (made["email"], made["key"]) == (Score(0, 1, 0), Score(0, 0, 1))
    assert (made["key"].precision, made["email"].recall) == (0, 0)
