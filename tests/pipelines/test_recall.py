"""The stage: from one seed site a label, the other sites about its subject are found; the rest is counted by why."""

import json
from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pytest

from corpus.schema import DOCUMENTS, RECALL_SCORES, SURVIVORS
from filters.recall import Edited, Label, RecallConfig
from filters.recall_model import SEED_LOGIT, ClassifierConfig
from filters.recall_words import WordsConfig
from pipelines.recall import run
from pipelines.stage import StageError
from tests.pipelines.aligned import write
from tests.pipelines.corpora import OneAfterTheOther, work
from tokenization.tokenizer import TokenizerConfig, load

WORDS = {
    "math": [
        "theorem",
        "proof",
        "lemma",
        "integral",
        "polynomial",
        "matrix",
        "eigenvalue",
        "convergent",
        "sequence",
        "bound",
    ],
    "code": ["function", "return", "import", "class", "argument", "module", "install", "package", "version", "release"],
    "prose": ["garden", "weather", "dinner", "horse", "village", "market", "holiday", "music", "river", "football"],
}
CLASSIFIER = ClassifierConfig(dim=16, epochs=20, min_steps=0, learning_rate=0.5, buckets=1 << 10, held_out=0.2)
MATH = Label(name="math", domains=("seed.org",), cut_tokens=(300, 700))
CODE = Label(name="code", url_patterns=("docs.seed.dev/api/*",), cut_tokens=(600,))
CFG = RecallConfig(labels=(MATH, CODE), rounds=2, classifier=CLASSIFIER, min_pages=4)


def page(subject, site, n):
    words = WORDS[subject]
    text = " ".join(words[(n * 7 + i * (3 + n % 4)) % 10] for i in range(24)) + f" page {n}"
    return {"id": f"{site}{n}".encode()[-16:].rjust(16), "kind": "page", "origin": site.partition("/")[0],
            "url": f"https://{site}/{n}.html", "source": "pages", "text": text, "survives": True}  # fmt: skip


SITES = (("math", "seed.org"), ("math", "hidden.org/wiki"), ("code", "docs.seed.dev/api"), ("code", "lib.dev/guide"),
         ("prose", "a.net"), ("prose", "b.net"), ("prose", "c.net"))  # fmt: skip
PAGES = [page(subject, site, n) for n in range(12) for subject, site in SITES]
LOST = [{**page("math", "seed.org", 90), "survives": False, "reason": "near_duplicate"},
        {**page("math", "x.org", 91), "text": ""},
        {**page("math", "y.org", 92), "survives": None, "url": None}]  # fmt: skip
SHARDS = [PAGES[:40], PAGES[40:] + LOST]


def recalled(tmp_path, cfg=CFG, shards=SHARDS):
    stage = work(tmp_path, OneAfterTheOther(), "recall")
    pool = write(stage, "pool", DOCUMENTS, shards, "pages")
    return run(stage, cfg, pool, write(stage, "survivors", SURVIVORS, shards, "pages")), stage


def test_a_loop_finds_the_other_sites_of_its_subjects(tmp_path):
    result, stage = recalled(tmp_path)
    (documents,) = result.outputs["documents"]
    table = stage.store.table(documents)
    found = Counter(
        (o, label) for o, label in zip(table["origin"].to_pylist(), table["label"].to_pylist(), strict=True)
    )
    assert found[("hidden.org", "math")] >= 10 and found[("lib.dev", "code")] >= 9
    assert sum(n for (site, _), n in found.items() if site.endswith(".net")) <= 2
    assert table.schema.equals(DOCUMENTS) and documents.batch == "pages"
    assert set(table["source"].to_pylist()) == {"pages"}


def test_every_page_is_counted_once_and_by_why(tmp_path):
    result, _ = recalled(tmp_path)
    counts = result.counts
    assert counts["seen"] == len(PAGES) + 3 == counts["kept"] + counts["refused.not_selected"] + 2
    assert counts["refused.near_duplicate"] == counts["refused.quarantined"] == 1
    assert counts["rounds"] == 2


def test_scores_are_an_annotation_of_the_pool(tmp_path):
    result, stage = recalled(tmp_path)
    tables = [stage.store.table(shard) for shard in result.outputs["scores"]]
    assert [t.num_rows for t in tables] == [40, len(SHARDS[1])]
    assert all(t.schema.equals(RECALL_SCORES) for t in tables)
    assert tables[1].slice(len(SHARDS[1]) - 3).to_pylist() == [{"score": 0.0, "label": None}] * 3


def test_the_history_says_what_each_round_did(tmp_path):
    result, stage = recalled(tmp_path)
    first, second = json.loads(stage.store.read_bytes(result.outputs["rounds"][0]))
    assert (first["round"], second["round"]) == (1, 2)
    assert first["labels"]["math"]["seed_pages"] == 12 and first["labels"]["math"]["asked_tokens"] == 300
    assert abs(first["labels"]["math"]["tokens"] - 300) < 60
    assert second["labels"]["math"]["new_pages"] > 0
    assert "hidden.org" in [d["domain"] for d in second["sites"]["math"]["domains"]]
    assert 0 <= first["labels"]["code"]["held_out"]["average_precision"] <= 1
    assert len(result.outputs["models"]) == len(result.outputs["cards"]) == 4
    assert len(result.outputs["selections"]) == 4 and result.outputs["selections"][2:] == result.outputs["scores"]
    row = second["labels"]["math"]
    assert row["pages"] == row["new_pages"] + row["pages_of_before"]
    assert row["lost_pages"] == first["labels"]["math"]["pages"] - row["pages_of_before"]
    sides = [page["above"] for page in row["samples"]]
    assert sides == [True] * 5 + [False] * 5 and row["samples"][0]["score"] >= row["samples"][-1]["score"]
    assert row["samples"][0]["where"].startswith("https://") and " page " in row["samples"][0]["text"]


def test_a_card_says_what_a_model_is_made_of_and_how_it_does(tmp_path):
    result, stage = recalled(tmp_path)
    card = json.loads(stage.store.read_bytes(result.outputs["cards"][0]))
    assert card["label"] == "math" and card["model"] == result.outputs["models"][0].content
    assert card["settings"]["dim"] == 16 and card["trained_on"]["epochs"] == 20
    assert card["trained_on"]["positives"] + card["held_out"]["positives"] == 12
    assert sum(b["examples"] for b in card["held_out"]["calibration"]["bins"]) == (
        card["held_out"]["positives"] + card["held_out"]["negatives"]
    )


def test_a_person_can_say_what_joins_instead_of_the_proposal(tmp_path):
    edited = Edited(round=1, patterns=(("math", "c.net/*"),))
    plain, one = recalled(tmp_path / "a")
    result, stage = recalled(tmp_path / "b", replace(CFG, edited=(edited,)))
    first, second = json.loads(stage.store.read_bytes(result.outputs["rounds"][0]))
    assert first["edited"] == [["math", "c.net/*"]] and second["edited"] is None
    collected = sum(p["collected"] for p in first["sites"]["math"]["prefixes"] if p["prefix"] == "c.net")
    assert second["labels"]["math"]["seed_pages"] == 24 - collected
    models = [r.outputs["models"] for r in (plain, result)]
    assert [m.content for m in models[0][:2]] == [m.content for m in models[1][:2]]  # round 1 is the same
    assert models[0][2].content != models[1][2].content
    assert one.store.read_text(f"recall/{plain.outputs['proposals'][-1].content[:12]}/round-1.tsv")


def test_an_edited_pattern_that_matches_nothing_is_named(tmp_path):
    edited = Edited(round=1, patterns=(("math", "c.nett/*"),))
    with pytest.raises(
        ValueError, match=r"math's edited pattern after round 1 'c\.nett/\*' matches none of the pool's 84"
    ):
        recalled(tmp_path, replace(CFG, edited=(edited,)))


def test_the_loop_stops_where_too_little_is_new_and_says_so(tmp_path):
    result, stage = recalled(tmp_path, replace(CFG, rounds=5, stop_share=1.0))
    history = json.loads(stage.store.read_bytes(result.outputs["rounds"][0]))
    assert len(history) == 2 and "less than stop_share=1" in history[1]["stopped"] and history[0]["stopped"] is None


def test_a_budget_can_follow_what_a_person_decided(tmp_path):
    edited = Edited(round=1, patterns=(("math", "hidden.org/*"), ("-math", "a.net/*")))
    labels = (replace(MATH, cut_tokens=(700, None)),)
    result, stage = recalled(tmp_path, replace(CFG, labels=labels, edited=(edited,)))
    _, second = json.loads(stage.store.read_bytes(result.outputs["rounds"][0]))
    rows = [r for s in result.outputs["selections"][:2] for r in stage.store.table(s)["label"].to_pylist()]
    load_ids = load(TokenizerConfig()).encode_column
    tokens = load_ids(pa.array([p["text"] for p in PAGES], pa.large_string())).value_lengths().to_pylist()
    seed = undecided = 0
    for at, page_ in enumerate(PAGES):
        if page_["origin"] == "seed.org" or (page_["origin"] == "hidden.org" and rows[at] is None):
            seed += tokens[at]
        elif rows[at] is not None and page_["origin"] != "a.net":
            undecided += tokens[at]
    assert undecided > 0 and second["labels"]["math"]["asked_tokens"] == seed + undecided // 2


def test_a_pool_that_is_mostly_one_site_is_refused(tmp_path):
    shards = [[page("prose", "big.net", n) for n in range(90)] + PAGES[:7]]
    with pytest.raises(
        ValueError, match=r"big\.net is 90 of the pool's 97 pages \(93%\), more than max_domain_share=0\.5"
    ):
        recalled(tmp_path, replace(CFG, unmatched_seeds=True), shards=shards)


def test_a_pool_without_text_is_refused(tmp_path):
    shards = [[{**row, "text": ""} for row in PAGES[:5]]]
    with pytest.raises(ValueError, match="no page of the pool has text"):
        recalled(tmp_path, shards=shards)


def test_uncollected_pages_below_a_related_prefix_join_the_seed(tmp_path):
    labels = (replace(MATH, cut_tokens=(600,)), CODE)  # some, not all, of hidden.org
    result, stage = recalled(tmp_path, replace(CFG, labels=labels, prefix_share=0.2))
    first, second = json.loads(stage.store.read_bytes(result.outputs["rounds"][0]))
    site = next(p for p in first["sites"]["math"]["prefixes"] if p["prefix"] == "hidden.org/wiki")
    rest = sum(p["pages"] - p["collected"] for p in first["sites"]["math"]["prefixes"] if p["prefix"] != "seed.org")
    assert 0 < site["collected"] < site["pages"]
    assert second["labels"]["math"]["seed_pages"] == first["labels"]["math"]["seed_pages"] + rest


def test_the_same_pool_gives_the_same_bytes(tmp_path):
    first, _ = recalled(tmp_path / "a")
    second, _ = recalled(tmp_path / "b")
    assert [s.path for s in first.outputs["models"]] == [s.path for s in second.outputs["models"]]
    assert [s.path for s in first.outputs["documents"]] == [s.path for s in second.outputs["documents"]]


def test_the_cut_of_the_pool_into_shards_does_not_change_the_selection(tmp_path):
    first, one = recalled(tmp_path / "a")
    second, two = recalled(tmp_path / "b", shards=[PAGES[:7], PAGES[7:50], PAGES[50:] + LOST])
    rows = [
        s.store.table(r.outputs["documents"][0]).select(["id", "label"]).to_pylist()
        for r, s in ((first, one), (second, two))
    ]
    assert rows[0] == rows[1]


def test_seed_documents_need_no_page_in_the_pool(tmp_path):
    texts = tuple(page("math", "z.org", n)["text"] for n in range(20, 40))
    label = Label(name="math", documents=texts, cut_tokens=(900,))
    result, stage = recalled(tmp_path, replace(CFG, labels=(label,), rounds=1))
    table = stage.store.table(result.outputs["documents"][0])
    assert Counter(table["origin"].to_pylist()).most_common(2)[1][1] >= 10
    assert set(table["label"].to_pylist()) == {"math"}


def test_a_seed_that_matches_nothing_is_named(tmp_path):
    label = replace(MATH, domains=("seed.org", "no.such", *(f"no{n}.such" for n in range(6))))
    message = r"math's seed 'no\.such' matches none of the pool's 84 pages with text \(nor: 'no0\.such', .*, 2 more\)"
    with pytest.raises(ValueError, match=message):
        recalled(tmp_path, replace(CFG, labels=(label, CODE)))


def test_unmatched_seeds_can_be_allowed_and_then_select_nothing(tmp_path):
    label = replace(MATH, domains=("no.such",))
    result, _ = recalled(tmp_path, replace(CFG, labels=(label,), unmatched_seeds=True))
    assert result.counts["kept"] == 0 and result.counts["refused.not_selected"] == len(PAGES) + 1


def test_a_seed_of_most_of_the_pool_is_refused(tmp_path):
    label = replace(MATH, domains=(), url_patterns=("*",))
    with pytest.raises(ValueError, match=r"math's seed is 84 of the pool's 84 pages.*narrow \*"):
        recalled(tmp_path, replace(CFG, labels=(label,)))


def test_without_a_pool_or_labels_there_is_nothing_to_do(tmp_path):
    stage = work(tmp_path, OneAfterTheOther(), "recall")
    assert run(stage, CFG, [], []).outputs["documents"] == []
    assert recalled(tmp_path, RecallConfig())[0].outputs["documents"] == []


def test_what_a_person_rejected_is_a_negative_and_is_not_selected_again(tmp_path):
    plain, stage = recalled(tmp_path)
    found = [row for shard in plain.outputs["scores"] for row in stage.store.table(shard)["label"].to_pylist()]
    edited = (Edited(round=1, patterns=(("-math", "hidden.org/*"), ("-math", "seed.org/3.html"))),)
    result, stage = recalled(tmp_path / "edited", replace(CFG, edited=edited))
    labels = [row for shard in result.outputs["scores"] for row in stage.store.table(shard)["label"].to_pylist()]
    where = [row["url"] or "" for shard in SHARDS for row in shard]
    assert any(label == "math" for label, url in zip(found, where, strict=True) if "hidden.org" in url)
    assert not any(label == "math" for label, url in zip(labels, where, strict=True) if "hidden.org" in url)
    _, second = json.loads(stage.store.read_bytes(result.outputs["rounds"][0]))
    assert second["labels"]["math"]["seed_pages"] == 11
    assert labels[where.index("https://seed.org/3.html")] != "math"


def test_approved_pages_join_though_collected_where_the_recipe_says_so(tmp_path):
    edited = (Edited(round=1, patterns=(("math", "hidden.org/*"), ("math", "a.net/1.html"))),)
    seeds = []
    for join in (False, True):
        result, stage = recalled(tmp_path / str(join), replace(CFG, edited=edited, join_collected=join))
        _, second = json.loads(stage.store.read_bytes(result.outputs["rounds"][0]))
        seeds.append(second["labels"]["math"]["seed_pages"])
    assert seeds[0] < seeds[1] == 12 + 12 + 1


def test_the_proposal_lists_the_pages_around_the_cut_to_be_read(tmp_path):
    result, stage = recalled(tmp_path, replace(CFG, read=6))
    text = stage.store.read_bytes(result.outputs["proposals"][0]).decode()
    lines = [line.split("\t") for line in text.splitlines() if line.startswith("#?math\t")]
    assert len(lines) == 6 and all(float(score) > 0 and excerpt for _, _, score, excerpt in lines)


def test_a_seed_page_that_is_not_about_it_falls_where_folds_score_it(tmp_path):
    """Two pages below the seed with words of their own: the model that they trained puts them first, and one of the
    other folds, one for each page of the seed, does not."""
    words = ("publisher imprint reprint isbn hardcover", "apache yacc gnu bison flex")
    strays = [{**page("prose", f"seed.org/about{n}", n), "text": f"{text} {text}"} for n, text in enumerate(words)]
    shards = [PAGES[:40] + strays, PAGES[40:] + LOST]
    config = replace(CLASSIFIER, words=WordsConfig(min_count=1), held_out=0.0)
    ranks = {}
    for folds in (1, 20):
        cfg = replace(
            CFG,
            labels=(MATH,),
            rounds=1,
            classifier=replace(config, folds=folds, seed_logit=1.0 if folds > 1 else SEED_LOGIT),
        )
        result, stage = recalled(tmp_path / str(folds), cfg, shards)
        scores = [s for shard in result.outputs["scores"] for s in stage.store.table(shard)["score"].to_pylist()]
        assert scores[40:42] != [0, 0]
        about = [scores[n] for n in range(40) if PAGES[n]["origin"] == "hidden.org"]
        ranks[folds] = sum(min(scores[40:42]) > other for other in about)
        seeds = [scores[n] for n in range(40) if PAGES[n]["origin"] == "seed.org"]
        assert min(seeds) > max(s for n, s in enumerate(scores[:40]) if PAGES[n]["origin"].endswith(".net"))
    assert ranks[1] > ranks[20] == 0


def test_a_fold_without_seed_pages_is_named(tmp_path):
    cfg = replace(CFG, labels=(replace(MATH, domains=(), url_patterns=("seed.org/0.html",)),), rounds=1)
    cfg = replace(cfg, classifier=replace(CLASSIFIER, folds=2, held_out=0.0))
    with pytest.raises(StageError, match=r"math: 0 positive .* outside fold . of 2.*folds=1"):
        recalled(tmp_path, cfg)
