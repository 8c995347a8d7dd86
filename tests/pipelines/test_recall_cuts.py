"""The cut in passes over groups of shards is the cut of one sort; what lies around it is found whatever the shards."""

import pyarrow as pa
import pytest

from corpus.schema import DOCUMENTS, TOKENS
from pipelines import recall_cuts
from pipelines.recall_cuts import Selection, cut_and_select
from tests.pipelines.aligned import write
from tests.pipelines.corpora import OneAfterTheOther, work

ROWS = [
    {
        "id": n.to_bytes(16, "big"), "url": f"https://a.org/{n}", "text": f"page {n}", "tie": n,
        "math": float((n * 7) % 20), "n_tokens": 10, "ids": [1] * 10,
    }
    for n in range(20)
]  # fmt: skip
SCORED = pa.schema([("tie", pa.uint32()), ("math", pa.float32())])


def selected(tmp_path, shards, budget):
    stage = work(tmp_path, OneAfterTheOther(), "recall")
    made = [write(stage, name, schema, shards, "pages") for name, schema in
            (("pool", DOCUMENTS), ("ids", TOKENS), ("scored", SCORED))]  # fmt: skip
    found = cut_and_select(stage, Selection(*made, None), {"math": budget}, 5)
    labels = [x for shard in found.scores for x in stage.store.table(shard)["label"].to_pylist()]
    return found.table["math"], {
        row["math"] for row, x in zip([r for s in shards for r in s], labels, strict=True) if x
    }


@pytest.mark.parametrize("group", [1, 256])
@pytest.mark.parametrize("cuts", [(20,), (7, 20), (1, 2, 3, 20)])
def test_the_best_tokens_are_selected_however_pages_lie_in_shards(tmp_path, monkeypatch, cuts, group):
    monkeypatch.setattr(recall_cuts, "_GROUP", group)
    shards = [ROWS[a:b] for a, b in zip((0, *cuts), cuts, strict=False)]
    table, inside = selected(tmp_path, shards, 70)
    assert inside == set(range(13, 20)) and (table["pages"], table["tokens"], table["lowest_logit"]) == (7, 70, 13.0)
    assert [s["where"] for s in table["samples"]] == [
        f"https://a.org/{next(r['tie'] for r in ROWS if r['math'] == m)}"
        for m in (17, 16, 15, 14, 13, 12, 11, 10, 9, 8)
    ]


def test_where_everything_fits_nothing_is_below(tmp_path):
    table, inside = selected(tmp_path, [ROWS], 1000)
    assert len(inside) == 20 and table["lowest_logit"] is None
    assert {s["above"] for s in table["samples"]} == {True}
