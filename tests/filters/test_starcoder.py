"""The Stack v2's rules: which language is asked what, at both sides of each bound."""

import pyarrow as pa
import pytest

from filters.measures import MeasureConfig
from filters.rule import evaluate
from filters.rules import MARKS
from filters.starcoder import STARCODER2

GOOD = {
    "n_lines": 512,
    "generated": 0,
    "longest_encoded": 1024,
    "encoded_fraction": 0.5,
    "mean_line_chars": 100.0,
    "max_line_chars": 1000,
    "alphabetic_fraction": 0.25,
    "alphanumeric_fraction": 0.25,
    "visible_fraction": 0.2,
    "visible_chars": 100,
    "text_name": 1,
}


def failed(language: str | None, **changes: float) -> list[str]:
    row = {"kind": ["file"], "domain": ["code"], "subdomain": ["source"], "language": [language]}
    where = pa.record_batch(row, schema=pa.schema(dict.fromkeys(row, pa.string())))
    chosen = next(one for one in STARCODER2 if one.takes(where).all())
    measures = pa.RecordBatch.from_pylist([GOOD | changes])
    names: list[str] = evaluate(chosen.rules, measures)[1].to_pylist()[0]
    return names


@pytest.mark.parametrize("language", ["Python", None, "Text", "JSON", "YAML", "HTML", "Markdown", "WebAssembly"])
def test_every_bound_is_kept(language: str | None) -> None:
    assert failed(language) == []


@pytest.mark.parametrize(
    ("language", "changes", "names"),
    [
        ("Python", {"max_line_chars": 1001}, ["max_line_chars"]),
        ("Markdown", {"max_line_chars": 1001}, []),
        ("Markdown", {"max_line_chars": 100_001}, ["max_line_chars"]),
        ("Python", {"n_lines": 513}, []),
        ("JSON", {"n_lines": 513, "mean_line_chars": 900}, ["n_lines"]),
        ("YAML", {"mean_line_chars": 101}, ["mean_line_chars"]),
        ("Text", {"text_name": 0}, ["text_name"]),
        ("WebAssembly", {"alphabetic_fraction": 0.1}, []),
        ("WebAssembly", {"alphanumeric_fraction": 0.2}, ["alphanumeric_fraction"]),
        ("Go", {"generated": 1}, ["generated"]),
        ("HTML", {"visible_chars": 99}, ["visible_chars"]),
        (None, {"encoded_fraction": 0.6}, ["encoded_fraction"]),
    ],
)
def test_each_fault_is_named(language: str | None, changes: dict[str, float], names: list[str]) -> None:
    assert failed(language, **changes) == names


def test_every_rule_has_its_measure() -> None:
    known = {*MeasureConfig().columns(), *MARKS}
    assert {rule.measure for one in STARCODER2 for rule in one.rules} <= known
