"""Which groups a build may have."""

from dataclasses import replace

import pytest

from filters.measures import BASIC, GROUPS, MeasureConfig


def test_the_default_groups_name_every_measure_once() -> None:
    columns = MeasureConfig().columns()
    names = [
        "basic",
        "html",
        "words",
        "lines",
        "repetition",
        "cleaning",
        "source",
        "encoded",
        "metadata",
        "formulas",
        "imports",
    ]
    assert [group.name for group in GROUPS] == names
    assert len(columns) == len(set(columns))
    assert {"n_chars", "visible_fraction", "stop_words", "imports"} <= set(columns)


def test_two_groups_may_not_share_a_name_or_a_column() -> None:
    with pytest.raises(ValueError, match="'basic' occurs twice"):
        MeasureConfig(groups=(*GROUPS, replace(BASIC, columns=(("other", "int64"),))))
    with pytest.raises(ValueError, match="'n_chars' occurs twice"):
        MeasureConfig(groups=(*GROUPS, replace(BASIC, name="again")))


def test_a_group_that_later_stages_read_may_not_be_left_out() -> None:
    with pytest.raises(ValueError, match="'imports' is missing"):
        MeasureConfig(groups=(BASIC,))
