"""Verdicts: reasons in their order, counts that add up, edits, held-out, and settings that are refused."""

from typing import Any

import pyarrow as pa
import pytest

from corpus.schema import CONTAMINATION, LANGUAGES, LICENSES, RECALL_SCORES, SCRUB, VERDICTS
from filters.measures import MeasureConfig
from filters.rule import Rule, RuleSet
from filters.rules import RULES, FilterConfig, is_held_out, verdicts

DOCUMENT = {"source": "a", "kind": "file", "origin": "o/r", "label": None}
DOCUMENTS = pa.schema([(name, pa.string()) for name in DOCUMENT])
MEASURES = pa.schema([("n_chars", pa.int64()), ("n_bytes", pa.int64()), ("odd", pa.float64())])
KEEP_ALL = RuleSet(kinds=("file", "notebook", "issue", "page", "prose"), rules=())
GOLDEN = [370, 493, 500, 544, 551, 638, 700, 773, 868]  # origins held out at 1 % and seed 0
ODD = RuleSet(kinds=("file",), rules=(Rule("n_chars", 10, 99), Rule("odd", high=1), Rule("generated", high=0)))


def annotations(*rows: dict[str, Any]) -> list[pa.RecordBatch]:
    """Documents and their annotations in the order of the stage; a row says what differs from a clean source file."""
    clean = {
        **DOCUMENT,
        **dict.fromkeys(LANGUAGES.names),
        "how": "name",
        "language": "C",
        "generated": False,
        "n_spans": 0,
        "spans": [],
        "header": [],
        "license_from": "none",
        "n_hits": 0,
        "hits": [],
        "score": 0.0,
        "n_chars": 50,
        "n_bytes": 50,
        "odd": 0.0,
    }
    made = []
    for schema in (DOCUMENTS, LANGUAGES, SCRUB, LICENSES, CONTAMINATION, RECALL_SCORES, MEASURES):
        label = "source_label" if schema is RECALL_SCORES else "label"
        full = [{**clean, **row} for row in rows]
        made.append(pa.RecordBatch.from_pylist([{**row, "label": row.get(label)} for row in full], schema))
    return made


def judged(*rows: dict[str, Any], **settings: Any) -> list[dict[str, Any]]:
    cfg = FilterConfig(**{"rules": (ODD, KEEP_ALL), **settings})
    batch, counts = verdicts(cfg, *annotations(*rows))
    assert batch.schema.equals(VERDICTS)
    refused = sum(n for name, n in counts.items() if name.startswith("refused."))
    assert counts["seen"] == len(rows) == counts["kept"] + refused
    return batch.to_pylist()


def span(start: int, end: int, kind: str) -> dict[str, Any]:
    return {"start": start, "end": end, "kind": kind}


def hit(start: int, end: int) -> dict[str, Any]:
    return {"n_hits": 1, "hits": [{"benchmark": "b", "item": "i", "start": start, "end": end, "grams": 10}]}


def test_a_clean_file_is_kept_without_edits() -> None:
    row = judged({})[0]
    assert (row["kept"], row["reason"], row["failed"], row["edits"]) == (True, None, [], [])
    assert (row["domain"], row["subdomain"]) == ("code", "source")


def test_the_first_reason_and_all_of_them_are_kept_in_order() -> None:
    row = judged({"language": None, **hit(0, 9), "n_chars": 9, "odd": 2.0, "generated": True})[0]
    assert row["reason"] == "no_domain"
    assert row["failed"] == ["no_domain", "contaminated", "n_chars", "odd", "generated"]
    assert not row["kept"] and row["domain"] is None


def test_counts_name_every_rule_that_would_have_dropped() -> None:
    rows = [{}, {"n_chars": 9, "odd": 2.0}, {"odd": 2.0}]
    counts = verdicts(FilterConfig(rules=(ODD, KEEP_ALL), held_out=0), *annotations(*rows))[1]
    assert counts == {
        "seen": 3,
        "kept": 1,
        "refused.n_chars": 1,
        "refused.odd": 1,
        "dropped.n_chars": 1,
        "dropped.odd": 2,
        "held_out": 0,
    }


def test_a_row_that_any_stage_quarantined_is_dropped_as_such() -> None:
    for index in range(1, 7):
        made = annotations({}, {})
        nulls = [pa.nulls(1, field.type) for field in made[index].schema]
        made[index] = pa.concat_batches([made[index].slice(0, 1), pa.record_batch(nulls, schema=made[index].schema)])
        batch, counts = verdicts(FilterConfig(rules=(ODD, KEEP_ALL)), *made)
        assert batch.column("reason").to_pylist() == [None, "quarantined"]
        assert batch.column("failed").to_pylist() == [[], ["quarantined"]]
        assert counts["refused.quarantined"] == 1


def test_the_rules_of_one_kind_are_not_asked_of_another() -> None:
    rows = judged({"n_chars": 9}, {"kind": "issue", "n_chars": 9})
    assert [row["reason"] for row in rows] == ["n_chars", None]


def test_the_first_set_that_takes_a_document_is_the_only_one_asked() -> None:
    lenient = RuleSet(kinds=("file",), languages=("C",), rules=(Rule("n_chars", low=1),))
    rows = judged({"n_chars": 9}, {"n_chars": 9, "language": "Go"}, rules=(lenient, ODD, KEEP_ALL))
    assert [row["failed"] for row in rows] == [[], ["n_chars"]]


def test_a_label_comes_from_the_page_or_from_the_source_scores() -> None:
    rows = judged({"kind": "page", "label": "math"}, {"source_label": "code"}, {"kind": "page"})
    assert [(row["domain"], row["subdomain"]) for row in rows] == [("math", "web"), ("code", "recalled"), (None, None)]


def test_a_contaminated_document_goes_or_its_segment_or_neither() -> None:
    leak = hit(10, 20)
    assert judged(leak)[0]["reason"] == "contaminated"
    segment = judged({**leak, "n_bytes": 60}, contaminated="segment")[0]
    assert segment["kept"] and segment["edits"] == [span(10, 20, "contaminated")]
    recorded = judged(leak, contaminated="record")[0]
    assert recorded["kept"] and recorded["edits"] == []


def test_edits_of_all_stages_are_merged() -> None:
    row = {
        "n_bytes": 500,
        "spans": [span(5, 30, "email"), span(40, 44, "key")],
        "header": [span(0, 10, "licence_header")],
    }
    assert judged(row)[0]["edits"] == row["spans"]
    stripped = judged(row, strip_headers=True)[0]["edits"]
    assert [(edit["start"], edit["end"]) for edit in stripped] == [(0, 30), (40, 44)]


@pytest.mark.parametrize(
    ("cut", "reason"), [(0, None), (50, None), (51, "empty_after_edits")], ids=["none", "at", "below"]
)
def test_what_edits_leave_must_reach_the_minimum(cut: int, reason: str | None) -> None:
    edits = [span(0, cut, "key")] if cut else []
    assert judged({"n_bytes": 100, "spans": edits})[0]["reason"] == reason


def test_a_short_document_without_edits_is_no_matter_of_edits() -> None:
    assert judged({"n_bytes": 12})[0]["kept"]


def test_licences_are_recorded_alone_unless_a_policy_says_more() -> None:
    rows = [{"license": "MIT"}, {"license": "GPL-3.0-only"}, {}, {"kind": "page", "label": "code"}]
    assert [row["reason"] for row in judged(*rows)] == [None] * 4
    assert [row["reason"] for row in judged(*rows, licenses="permissive")] == [None, "license", "license", None]


def test_held_out_depends_on_the_origin_and_the_seed_alone() -> None:
    origins = [f"o/{n}" for n in range(2000)]
    marks = [row["held_out"] for row in judged(*({"origin": o} for o in origins), held_out=0.1)]
    assert marks == [is_held_out(o, 0.1, 0) for o in origins]
    assert 150 < sum(marks) < 250
    assert marks == [row["held_out"] for row in judged(*({"origin": o, "odd": 9.0} for o in origins), held_out=0.1)]
    assert marks != [is_held_out(o, 0.1, 1) for o in origins]
    more = [is_held_out(o, 0.2, 0) for o in origins]
    assert all(m for m, before in zip(more, marks, strict=True) if before)


def test_held_out_origins_never_change() -> None:
    assert [n for n in range(1000) if is_held_out(f"origin-{n}", 0.01, 0)] == GOLDEN


def test_a_document_without_an_origin_is_an_error() -> None:
    with pytest.raises(ValueError, match="have no origin"):
        judged({"origin": None})


def test_a_measure_may_not_take_the_name_of_a_mark() -> None:
    made = annotations({})
    made.append(pa.record_batch({"n_hits": [1]}))
    with pytest.raises(ValueError, match="'n_hits'"):
        verdicts(FilterConfig(), *made)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rules": (ODD,)}, "no rule set takes every notebook"),
        ({"rules": (KEEP_ALL, ODD)}, "never reached"),
        ({"rules": (RuleSet(kinds=("files",), rules=()), KEEP_ALL)}, "files"),
        ({"contaminated": "drop"}, "choose from document, segment, record"),
        ({"licenses": "free"}, "choose from"),
        ({"held_out": 1}, "below 1"),
        ({"minimum_left": -1}, "minimum_left"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_when_made(settings: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FilterConfig(**settings)


def test_the_default_rules_need_only_measures_that_are_made() -> None:
    assert FilterConfig().missing(MeasureConfig().columns()) == []
    mine = RuleSet(kinds=("file",), rules=(Rule("todo_share", high=0.1), Rule("generated", high=0)))
    assert FilterConfig(rules=(mine, *RULES[4:], KEEP_ALL)).missing(MeasureConfig().columns()) == ["todo_share"]
