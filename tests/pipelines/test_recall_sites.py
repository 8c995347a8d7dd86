"""Related sites do not depend on how domains are parted; edited files are read by the round in their name."""

import pytest

from corpus.schema import DOCUMENTS, RECALL_SCORES, TOKENS
from filters.recall import SEEDS, Label, RecallConfig
from pipelines import recall_sites
from pipelines.recall_sites import edited_patterns, find_close
from tests.pipelines.aligned import write
from tests.pipelines.corpora import OneAfterTheOther, work

CFG = RecallConfig(labels=(Label(name="math", domains=("a.org",), cut_tokens=(1,)),), min_pages=4)
ROWS = [
    {"origin": f"{site}.org", "url": f"https://{site}.org/q/{n}", "label": "math" if n < kept else None, "n_tokens": 1,
     "ids": [1], "score": 0.5, "seed": False, "text": f"# On matrices, {n}", "id": f"{site}{n}".encode().rjust(16)}
    for site, kept in (("a", 4), ("b", 1), ("c", 0))
    for n in range(5)
]  # fmt: skip


def close(tmp_path):
    stage = work(tmp_path, OneAfterTheOther(), "recall")
    schemas = (("pool", DOCUMENTS), ("ids", TOKENS), ("scores", RECALL_SCORES))
    made = [write(stage, name, schema, [ROWS[:8], ROWS[8:]], "pages") for name, schema in schemas]
    undecided = [[{"seed": False, "label": None} for _ in part] for part in (ROWS[:8], ROWS[8:])]
    seeds = write(stage, "seeds", SEEDS, undecided, "pages")
    found = find_close(stage, CFG, (*made, seeds), 1, {"math": 0.0})
    return found.found, stage.store.read_bytes(found.proposals[0]).decode()


@pytest.mark.parametrize("rows", [1, 100])
def test_parts_of_the_domains_give_what_one_part_gives(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(recall_sites, "_PART_ROWS", rows)
    found, text = close(tmp_path)
    assert [row["domain"] for row in found["math"]["domains"]] == ["a.org", "b.org"]
    assert found["math"]["prefixes"] == [{"prefix": "a.org/q", "pages": 5, "collected": 4}]
    assert found["math"]["collected_domains"] == 2
    assert [row["folder"] for row in found["math"]["folders"]] == ["a.org/q", "b.org/q"]
    lines = text.splitlines()
    (accepted,) = [line for line in lines if line.startswith("math\t")]
    (listed,) = [line for line in lines if line.startswith("#+math\t")]
    assert accepted.startswith("math\ta.org/q\t4/5\t") and accepted.count(": # On matrices, ") == 3
    assert listed.startswith("#+math\tb.org/q\t1/5\t")
    assert "#?math\ta.org/q/4\t0.500\t# On matrices, 4" in lines


def test_edited_files_are_read_by_their_round(tmp_path):
    (tmp_path / "round-2.tsv").write_text("math\ta.org/q\n")
    (tmp_path / "round-1.tsv").write_text("# nothing joins\n")
    assert [(e.round, e.patterns) for e in edited_patterns(str(tmp_path))] == [(1, ()), (2, (("math", "a.org/q"),))]


def test_a_file_or_folder_of_another_name_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no folder"):
        edited_patterns(str(tmp_path / "none"))
    (tmp_path / "first.tsv").write_text("")
    with pytest.raises(ValueError, match=r"round-1\.tsv is for what follows round 1"):
        edited_patterns(str(tmp_path))
