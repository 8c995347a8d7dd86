"""Related sites do not depend on how domains are parted; edited files are read by the round in their name."""

import pytest

from corpus.schema import DOCUMENTS, RECALL_SCORES, TOKENS
from filters.recall import Label, RecallConfig
from pipelines import recall_sites
from pipelines.recall_sites import edited_patterns, find_close
from tests.pipelines.aligned import write
from tests.pipelines.corpora import OneAfterTheOther, work

CFG = RecallConfig(labels=(Label(name="math", domains=("a.org",), cut_tokens=(1,)),), min_pages=4)
ROWS = [
    {"origin": f"{site}.org", "url": f"https://{site}.org/q/{n}", "label": "math" if n < kept else None, "n_tokens": 1,
     "ids": [1], "score": 0.5}
    for site, kept in (("a", 4), ("b", 1), ("c", 0))
    for n in range(5)
]  # fmt: skip


SHOWN = {"where": "https://www.a.org/q/4", "score": 0.25, "text": "On matrices"}


def close(tmp_path):
    stage = work(tmp_path, OneAfterTheOther(), "recall")
    made = [write(stage, name, schema, [ROWS[:8], ROWS[8:]], "pages") for name, schema in
            (("pool", DOCUMENTS), ("ids", TOKENS), ("scores", RECALL_SCORES))]  # fmt: skip
    found = find_close(stage, CFG, tuple(made), 1, {"math": [SHOWN]})
    return found.found, stage.store.read_bytes(found.proposals[0]).decode()


@pytest.mark.parametrize("rows", [1, 100])
def test_parts_of_the_domains_give_what_one_part_gives(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(recall_sites, "_PART_ROWS", rows)
    found, text = close(tmp_path)
    assert [row["domain"] for row in found["math"]["domains"]] == ["a.org", "b.org"]
    assert found["math"]["prefixes"] == [{"prefix": "a.org/q", "pages": 5, "collected": 4}]
    assert found["math"]["collected_domains"] == 2
    assert text.endswith("math\ta.org/q\t4/5\n#?math\ta.org/q/4\t0.250\tOn matrices\n")


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
