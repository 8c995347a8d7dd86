"""The stage `filter`: verdicts aligned with the documents, a user's own measure among the rules, counts that add up."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pyarrow as pa

from corpus.schema import CONTAMINATION, DOCUMENTS, LANGUAGES, LICENSES, RECALL_SCORES, SCRUB
from corpus.shards import Record, Shard, Store
from filters.group import Group
from filters.measures import GROUPS
from filters.rule import Rule, RuleSet
from filters.rules import RULES, FilterConfig
from pipelines import filter as filter_stage
from pipelines.progress import RunProgress
from pipelines.stage import Result, Work

N_ROWS = 5
MARKED = pa.schema([("shouts", pa.int64())])


def empty(group: Group) -> list[dict[str, Any]]:
    """Rows of a group that no rule of the test reads: its first column is never null."""
    name, kind = group.columns[0]
    return [{name: False if kind == "bool" else 0}] * N_ROWS


def filtered(tmp_path: Any, cluster: Any, cfg: FilterConfig) -> tuple[Store, Result]:
    store = Store(str(tmp_path))
    progress = RunProgress(store, "logs/run.jsonl")
    progress.manifest = "manifests/test/x"

    def one(name: str, schema: pa.Schema, rows: list[dict[str, Any]]) -> list[Shard]:
        batches = [pa.RecordBatch.from_pylist(part, schema) for part in (rows[:3], rows[3:])]
        return [store.write_shard(f"objects/{name}", schema, batches, Record("batch", Counter()))]

    document = {"id": b"0" * 16, "source": "a", "kind": "file", "origin": "o", "text": "never read"}
    basic = {
        "n_chars": 60,
        "n_bytes": 60,
        "mean_line_chars": 9.0,
        "max_line_chars": 9,
        "alphabetic_fraction": 0.5,
        "xml_header": 0,
    }
    measures = {
        "basic": [{**basic, **({"max_line_chars": 1001} if n == 1 else {})} for n in range(N_ROWS)],
        "html": [{"is_html": False}] * N_ROWS,
        "words": [{"has_words": False}] * N_ROWS,
        "formulas": [{"n_formulas": 0}] * N_ROWS,
        "imports": [{"n_imports": 0, "imports": []}] * N_ROWS,
    }
    result = filter_stage.run(
        Work(store, cluster, "filter", progress),
        cfg,
        documents=one("documents", DOCUMENTS, [document] * N_ROWS),
        languages=one("languages", LANGUAGES, [{"how": "name", "language": "C"}] * 4 + [{"how": "none"}]),
        spans=one("spans", SCRUB, [{"n_spans": 0, "spans": [], "header": []}] * N_ROWS),
        licenses=one("licenses", LICENSES, [{"license_from": "none"}] * N_ROWS),
        contamination=one("hits", CONTAMINATION, [{"n_hits": 0, "hits": []}] * N_ROWS),
        source_scores=one("scores", RECALL_SCORES, [{"score": 0.0}] * N_ROWS),
        **{group.name: one(group.name, group.schema(), measures.get(group.name, empty(group))) for group in GROUPS},
        shouts=one("shouts", MARKED, [{"shouts": n} for n in range(N_ROWS)]),
    )
    return store, result


def test_verdicts_are_aligned_and_the_counts_add_up(tmp_path: Any, cluster: Any) -> None:
    store, result = filtered(tmp_path, cluster, FilterConfig(held_out=0))
    assert [batch.num_rows for batch in store.batches(result.outputs["verdicts"][0])] == [3, 2]
    reasons = store.table(result.outputs["verdicts"][0])["reason"].to_pylist()
    assert reasons == [None, "max_line_chars", None, None, "no_domain"]
    assert result.counts == {
        "seen": 5, "kept": 3, "refused.max_line_chars": 1, "refused.no_domain": 1, "dropped.max_line_chars": 1,
        "dropped.no_domain": 1, "held_out": 0, "rows": 5,
    }  # fmt: skip


def test_a_rule_may_name_a_users_own_measure(tmp_path: Any, cluster: Any) -> None:
    calm = RuleSet(kinds=("file",), languages=("C",), rules=(Rule("shouts", high=2, why="calm files only"),))
    store, result = filtered(tmp_path, cluster, replace(FilterConfig(), rules=(calm, *RULES)))
    assert store.table(result.outputs["verdicts"][0])["reason"].to_pylist() == [None, None, None, "shouts", "no_domain"]
