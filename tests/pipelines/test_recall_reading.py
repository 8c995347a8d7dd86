"""The proposal's reading: samples of listed folders, and undecided pages around the cut, whatever shard they are in."""

import json

from corpus.schema import DOCUMENTS, RECALL_SCORES, TOKENS
from filters.recall import SEEDS
from pipelines.recall_reading import find_reading
from tests.pipelines.aligned import write
from tests.pipelines.corpora import OneAfterTheOther, work

FOUND = {"math": {"folders": [{"folder": "a.org/q"}], "cut": 0.0, "decided": []}}


def row(number, **more):
    url = f"https://{'a.org/q' if number < 8 else 'b.org/r' if number < 16 else 'c.org/s'}/{number}"
    score = 0.3 + 0.4 * (number % 8) / 7
    label = "math" if score > 0.5 and number < 16 else None
    return {"id": number.to_bytes(16, "big"), "origin": url.split("/")[2], "url": url, "ids": [1], "n_tokens": 1,
            "text": f"Home\n# Page {number}\nwith words", "score": score, "label": label, **more}  # fmt: skip


ROWS = [row(number) for number in range(24)]


def read(tmp_path, pages, rows=ROWS, cut=12, odd=0, decided=()):
    stage = work(tmp_path, OneAfterTheOther(), "recall")
    shards = [rows[:cut], rows[cut:]]
    seeded = [[{"seed": r.get("seed", False), "label": r.get("seed_label")} for r in part] for part in shards]
    made = [write(stage, name, schema, part, "pages") for name, schema, part in
            (("pool", DOCUMENTS, shards), ("ids", TOKENS, shards), ("scores", RECALL_SCORES, shards),
             ("seeds", SEEDS, seeded))]  # fmt: skip
    (shard,) = find_reading(stage, 1, (pages, odd), tuple(made), {"math": {**FOUND["math"], "decided": decided}})
    return json.loads(stage.store.read_bytes(shard))["math"]


def test_a_listed_folder_shows_three_pages_from_their_heading(tmp_path):
    shown = read(tmp_path, 0)["folders"]["a.org/q"]
    assert len(shown) == 3 and all("a.org/q" in page["where"] for page in shown)
    assert shown[0]["text"].startswith("# Page ")


def test_pages_to_decide_are_of_listed_folders_and_of_domains_of_which_some_was_collected(tmp_path):
    where = [page["where"].split("/")[2] for page in read(tmp_path, 100)["pages"]]
    assert where == ["a.org"] * 8 + ["b.org"] * 8


def test_the_pages_to_decide_do_not_depend_on_how_the_pool_is_cut(tmp_path):
    assert read(tmp_path / "a", 6, cut=3) == read(tmp_path / "b", 6, cut=20)


def test_what_is_in_the_seed_or_rejected_is_not_asked_again(tmp_path):
    rows = [row(0, seed=True, seed_label="math"), row(1, seed_label="-math"), *ROWS[2:]]
    where = [page["where"] for page in read(tmp_path, 100, rows)["pages"]]
    assert len(where) == 14 and not {"https://a.org/q/0", "https://a.org/q/1"} & set(where)


def test_pages_of_the_seed_that_read_otherwise_come_least_alike_first_unless_decided_themselves(tmp_path):
    rows = [row(n, seed=n < 6, seed_label="math" if n < 6 else "-math" if n == 6 else None) for n in range(24)]
    for at, cut in enumerate((2, 12)):
        found = read(tmp_path / str(at), 0, rows, cut, odd=3, decided=["a.org/q/1", "a.org/q"])["odd"]
        assert [page["where"] for page in found] == [f"https://a.org/q/{n}" for n in (0, 2, 3)]
    assert not read(tmp_path / "none", 0, rows)["odd"]
