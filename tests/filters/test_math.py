"""Pages of mathematics: their own minimum, before that of other pages."""

import pyarrow as pa
import pytest

from filters.math import PAGES
from filters.rule import evaluate


@pytest.mark.parametrize(("n_chars", "failed"), [(99, ["n_chars"]), (100, [])])
def test_a_page_of_mathematics_has_a_minimum_length(n_chars: int, failed: list[str]) -> None:
    assert evaluate(PAGES[0].rules, pa.record_batch({"n_chars": [n_chars]}))[1].to_pylist() == [failed]


def test_the_set_is_for_mathematics_alone() -> None:
    rows = pa.record_batch(
        {"kind": ["page", "page"], "domain": ["math", "code"], "subdomain": ["web"] * 2, "language": ["", ""]}
    )
    assert PAGES[0].takes(rows).tolist() == [True, False]
