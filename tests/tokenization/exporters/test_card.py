"""A card from facts with known answers, read as the Hub's own library and a Markdown parser read it."""

import copy

import pytest
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt

from tokenization.exporters import FORMATS, card

FACTS = {
    "recipe": "mine.all<b>",
    "identity": "0f" * 16,
    "stages": [
        {"stage": "crawl", "in": 1_000, "out": 900, "reasons": [["binary", 70], ["a|b", 30]]},
        {"stage": "filter", "in": 900, "out": 900, "reasons": []},
    ],
    "pool": 0,
    "later": {"scrub": {"spans.email": 12_345}, "repeats": {}},
    "hits": {"documents_hit.HumanEval": 3},
    "settings": {
        "dedup": {
            "unit": "repository",
            "scope": "all",
            "verify": None,
            "verify_by": "signature",
            "largest_cluster": None,
            "bands": 25,
            "rows": 10,
            "shingle": "word",
            "n": 5,
            "drop_headers": True,
        },
        "pack": {"length": 2_048, "method": "best_fit", "seed": 7},
        "fim": {"rate": 0.5, "layout": "psm", "domains": ["code"], "min_chars": 10},
        "decontaminate": {"gram": 10, "min_gram": 3},
    },
    "rows": {
        "rows": 2,
        "tokens": 4_096,
        "filling": 96,
        "domain.code": 3_000,
        "domain.natural": 1_000,
        "layout.code.plain": 6,
        "layout.code.psm": 2,
        "layout.natural.plain": 9,
        "special.end": 17,
    },
    "documents": {
        "domain": {"code": [8, 2_900, 2_900], "natural": [3, 300, 900]},
        "kind": {"file": [8, 2_900, 2_900], "prose": [3, 300, 900]},
        "source": {"git|hub\nx": [11, 3_200, 3_800]},
        "language": {f"L{i}": [1, i, i] for i in range(1, 41)},
        "natural": {"": [8, 2_900, 2_900], "en": [3, 300, 900], "unknown": [0, 0, 0]},
        "license": {"": [3, 300, 900], "MIT": [8, 2_900, 2_900]},
    },
    "checked": {"checked": {"HumanEval": {"hash": "ab" * 16, "strings": 328, "used": 300}}, "unchecked": ["MBPP"]},
    "read_back": [{"reader": "datasets", "version": "5.2.0", "read_back": n} for n in (2, 1)],
    "files": {"data-00000-of-00001.arrow": 4_000, "state.json": 96},
    "vocabulary": {
        "name": "v.json",
        "sha256": "cd" * 32,
        "n_ids": 100_005,
        "file_sha256": "ef" * 32,
        "special": {"end": ["<|end|>", 100_001]},
    },
}


def facts(**changed):
    made = copy.deepcopy(FACTS)
    for path, value in changed.items():
        *way, last = path.split("__")
        inner = made
        for key in way:
            inner = inner[key]
        inner[last] = value
    return made


def tables(text):
    """Cells of every table, as a reader of GitHub's Markdown sees them."""
    found, cells = [], []
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            cells = []
        elif token.type == "tr_close":
            found[-1].append(cells)
        elif token.type == "inline" and token.level >= 4:
            cells.append("".join(child.content for child in token.children))
    return {table[0][0]: table[1:] for table in found}


def test_the_hubs_library_reads_the_front_matter():
    made = DatasetCard(card.text("huggingface", facts()))
    about = made.data.to_dict()
    assert about["pretty_name"] == "mine.all<b>: packed pre-training rows"
    assert about["language"] == ["en", "code"]
    assert (about["license"], about["license_name"]) == ("other", "by-document")
    assert about["size_categories"] == ["n<1K"]
    assert about["tags"] == ["code", "natural", "pretraining", "fill-in-the-middle"]
    assert about["configs"][0]["data_files"] == [{"split": "train", "path": "data-*.arrow"}]
    assert made.text.lstrip().startswith("# mine.all&lt;b>: packed")
    assert "the recipe `mine.all<b>`" in made.text


@pytest.mark.parametrize(("rows", "size"), [(999, "n<1K"), (1_000, "1K<n<10K"), (10**11, "100B<n<1T")])
def test_the_size_is_the_hubs_name_for_it(rows, size):
    about = DatasetCard(card.text("huggingface", facts(rows__rows=rows))).data.to_dict()
    assert about["size_categories"] == [size]


@pytest.mark.parametrize("name", FORMATS)
def test_only_users_of_the_hub_get_front_matter_and_its_file_name(name):
    text = card.text(name, facts())
    assert text.startswith("---\n") is (card.file_name(name) == "README.md") is (name == "huggingface")
    assert "{" not in text.partition("# mine")[2]  # no place was left open


def test_tables_have_the_facts_and_their_sums():
    made = tables(card.text("megatron", facts()))
    assert made["domain"] == [
        ["code", "8", "2,900", "2,900", "76.32%"],
        ["natural", "3", "300", "900", "23.68%"],
        ["all", "11", "3,200", "3,800", "100.00%"],
    ]
    assert made["licence"][1] == ["none found", "3", "300", "900", "23.68%"]
    assert made["source"][0] == ["git|hub x", "11", "3,200", "3,800", "100.00%"]
    assert made["stage"] == [["crawl", "1,000", "900", "binary 70, a|b 30"], ["filter", "900", "900", ""]]
    assert made["benchmark"] == [["HumanEval", "ab" * 16, "328", "300", "3"]]
    assert made["role"] == [["end", "<|end|>", "100001", "17"]]


def test_a_long_table_ends_with_what_it_does_not_show():
    made = tables(card.text("mds", facts()))["language"]
    assert made[0][0] == "L40" and len(made) == 32
    assert made[-2:] == [["10 others", "10", "55", "55", "6.71%"], ["all", "40", "820", "820", "100.00%"]]


def test_rows_tell_what_bears_loss_and_what_is_cut():
    text = card.text("litdata", facts())
    assert "4,000 of 4,096 ids bear loss" in text
    assert "2 of 8 documents of code are cut (25.00%)" in text
    assert "taken down" not in text
    assert "the files hold 4,000 ids" in card.text("megatron", facts())
    assert "| taken down since (end tokens, masked) | 50 |" in card.text("litdata", facts(rows__taken_down=50))


def test_what_is_switched_off_is_said_to_be():
    text = card.text("huggingface", facts(settings__fim__rate=0, settings__dedup__unit="none", checked__checked={}))
    assert "No document is cut for fill-in-the-middle" in text
    assert "near-duplicates are not looked for" in text
    assert "**Not checked against:** MBPP" in text
    assert "fill-in-the-middle" not in DatasetCard(text).data.to_dict()["tags"]


def test_licences_are_said_to_come_from_wherever_scrub_takes_them():
    about = " ".join(card.text("mds", facts()).partition("## Licences")[2].split())
    places = [about.index(place) for place in ("header", "licence file", "manifest")]
    assert places == sorted(places)


@pytest.mark.parametrize("dropped", [True, False])
def test_near_duplicates_are_said_to_be_told_without_headers_where_they_are(dropped):
    text = card.text("mds", facts(settings__dedup__drop_headers=dropped))
    assert ("word 5-grams without files' licence headers, 25 bands" in text) is dropped
    assert ("word 5-grams, 25 bands" in text) is not dropped
