"""What the benchmark promises of `scrub` on the labelled set; its own figures are in docs/scrub.md."""

import pytest

from benchmarks.scrub import PUBLISHED, find
from validate.labelled.scrub import HALVES, cases, scores


@pytest.mark.parametrize("half", HALVES)
def test_recall_and_precision_are_above_what_bigcode_published(half):
    made = scores([case for case in cases() if case.half == half], find)
    for kind, (recall, precision) in PUBLISHED.items():
        assert made[kind].recall >= recall, kind
        assert made[kind].precision >= precision, kind
    assert made["user"].recall == made["user"].precision == 1
