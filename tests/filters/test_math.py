"""Pages of mathematics: their own minimum, before that of other pages."""

import pyarrow as pa
import pytest

from filters.math import OPENWEBMATH, PAGES
from filters.rule import evaluate


@pytest.mark.parametrize(("n_chars", "failed"), [(99, ["n_chars"]), (100, [])])
def test_a_page_of_mathematics_has_a_minimum_length(n_chars: int, failed: list[str]) -> None:
    assert evaluate(PAGES[0].rules, pa.record_batch({"n_chars": [n_chars]}))[1].to_pylist() == [failed]


def test_the_set_is_for_mathematics_alone() -> None:
    rows = pa.record_batch(
        {"kind": ["page", "page"], "domain": ["math", "code"], "subdomain": ["web"] * 2, "language": ["", ""]}
    )
    assert PAGES[0].takes(rows).tolist() == [True, False]


@pytest.mark.parametrize(
    ("row", "failed"),
    [
        ({"math_evidence": 0.1}, []),
        ({"math_evidence": 0.09}, ["math_evidence"]),
        ({"math_evidence": 0.2, "bare_evidence": 0.2}, ["bare_evidence"]),
        ({"math_evidence": 0.3, "bare_evidence": 0.3}, []),
        ({"math_evidence": 0.5, "accented_fraction": 0.02, "listing_url": 1}, ["accented_fraction", "listing_url"]),
    ],
)
def test_a_page_without_formulas_needs_more_evidence(row: dict[str, float], failed: list[str]) -> None:
    whole = {"n_chars": 200, "bare_evidence": None, "accented_fraction": 0.0, "listing_url": 0} | row
    batch = pa.RecordBatch.from_pylist([whole], pa.schema([(name, pa.float64()) for name in whole]))
    assert evaluate(OPENWEBMATH[0].rules, batch)[1].to_pylist() == [failed]
