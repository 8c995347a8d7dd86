"""The stage: token counts by position in the group become repeats, under one plan over all samples."""

import json

import pytest

from corpus.mixture import Infeasible, MixConfig, Share
from corpus.schema import DOCUMENTS, MIX, SAMPLES, TOKENS
from pipelines.mix import run
from tests.pipelines.aligned import write
from tests.pipelines.corpora import OneAfterTheOther, work

SHARES = (Share(domain="code", share=0.5, max_repeats=3), Share(domain="math", share=0.5))


def sample(n, domain, *places):
    documents = [{"document": bytes(16), "shard": s, "row": r, "comment": ""} for s, r in places]
    language = "Python" if n == 1 else None
    named = {"sample": bytes([n]) * 16, "domain": domain, "subdomain": "source", "language": language}
    return {**named, "documents": documents}


def mixed(tmp_path, cfg, tokens, samples):
    """`tokens` and `samples`: per crawl batch, their shards and the one shard of samples."""
    stage = work(tmp_path, OneAfterTheOther(), "mix")
    found = {"documents": [], "tokens": [], "samples": []}
    for i, (shards, made) in enumerate(zip(tokens, samples, strict=True)):
        rows = [[{"n_tokens": n, "ids": []} for n in shard] for shard in shards]
        found["documents"] += write(stage, "documents", DOCUMENTS, rows, f"b{i}")
        found["tokens"] += write(stage, "tokens", TOKENS, rows, f"b{i}")
        found["samples"] += write(stage, "samples", SAMPLES, [made], f"b{i}")
    result = run(stage, cfg, **found)
    return result, stage


CODE = [sample(1, "code", (0, 0), (1, 1)), sample(2, "code", (0, 1)), sample(3, "code", (1, 0))]
MATH = [sample(4, "math", (0, 0)), sample(5, "math", (0, 1)), sample(6, None, (0, 2))]
TOKEN_COUNTS = [[[10, 20], [30, 5]], [[40, 50, 9]]]


def test_a_samples_tokens_are_those_of_its_documents(tmp_path):
    result, stage = mixed(tmp_path, MixConfig(shares=SHARES, total_tokens=130), TOKEN_COUNTS, [CODE, MATH])
    tables = [stage.store.table(shard) for shard in result.outputs["mix"]]
    assert [t["n_tokens"].to_pylist() for t in tables] == [[15, 20, 30], [40, 50, 9]]
    assert tables[0]["repeats"].to_pylist() == [1, 1, 1]
    assert tables[1]["repeats"].to_pylist()[2] == 0
    assert all(t.schema.equals(MIX) for t in tables)


def test_mix_shards_keep_rows_and_row_groups_of_the_samples(tmp_path):
    result, stage = mixed(tmp_path, MixConfig(shares=SHARES), TOKEN_COUNTS, [CODE, MATH])
    assert [[b.num_rows for b in stage.store.batches(s)] for s in result.outputs["mix"]] == [[2, 1], [2, 1]]
    assert [shard.batch for shard in result.outputs["mix"]] == ["b0", "b1"]


def test_the_plan_is_an_artefact_and_the_counts_are_its_numbers(tmp_path):
    result, stage = mixed(tmp_path, MixConfig(shares=SHARES), TOKEN_COUNTS, [CODE, MATH])
    plan = json.loads(stage.store.read_bytes(result.outputs["plan"][0]))
    assert [(li["domain"], li["available"], li["samples"], li["budget"], li["got"]) for li in plan["lines"]] == [
        ("code", 65, 3, 195, 195), ("math", 90, 2, 195, plan["lines"][1]["got"])
    ]  # fmt: skip
    assert result.counts["got.math"] == plan["lines"][1]["got"] and abs(plan["lines"][1]["got"] - 195) <= 25
    assert (result.counts["samples"], result.counts["in_mix"], result.counts["left_out"]) == (6, 5, 1)


def test_another_share_counts_no_tokens_again(tmp_path):
    first, _ = mixed(tmp_path, MixConfig(shares=SHARES, total_tokens=100), TOKEN_COUNTS, [CODE, MATH])
    before = sorted(p.name for p in (tmp_path / "objects/mix/narrow").iterdir())
    other = (Share(domain="code", share=0.6), Share(domain="math", share=0.4))
    second, _ = mixed(tmp_path, MixConfig(shares=other, total_tokens=100), TOKEN_COUNTS, [CODE, MATH])
    assert sorted(p.name for p in (tmp_path / "objects/mix/narrow").iterdir()) == before
    assert first.counts["got.code"] != second.counts["got.code"]


def test_a_mixture_that_cannot_be_met_is_refused_before_anything_is_planned(tmp_path):
    with pytest.raises(Infeasible, match=r"math: 50\.0% of the mixture asked, 0 tokens available in 0 samples"):
        mixed(tmp_path, MixConfig(shares=SHARES), TOKEN_COUNTS[:1], [CODE])
    assert not (tmp_path / "objects/mix/plan").exists()


def test_groups_that_are_not_the_assemblys_are_refused(tmp_path):
    stage = work(tmp_path, OneAfterTheOther(), "mix")
    rows = [{"n_tokens": 1, "ids": [], "text": "xxxx"}]
    documents, tokens = write(stage, "d", DOCUMENTS, [rows, rows]), write(stage, "t", TOKENS, [rows, rows])
    samples = write(stage, "samples", SAMPLES, [CODE])
    with pytest.raises(ValueError, match="mix makes 2 groups of 5 bytes but assemble made 1"):
        run(stage, MixConfig(shares=SHARES, group_bytes=5), samples, tokens, documents)


def test_a_quarantined_token_count_is_no_token(tmp_path):
    result, stage = mixed(tmp_path, MixConfig(shares=SHARES, total_tokens=60), [[[10, 20], [30, None]], [[40, 50, 9]]],
                          [CODE, MATH])  # fmt: skip
    assert stage.store.table(result.outputs["mix"][0])["n_tokens"].to_pylist() == [10, 20, 30]


def test_the_plan_is_printed_before_anything_is_packed(tmp_path, capsys):
    code = Share(domain="code", share=0.5, max_repeats=3, lengths=((20, 2.0),), caps=(("Python", 0.5),))
    mixed(tmp_path, MixConfig(shares=(code, SHARES[1]), total_tokens=130), TOKEN_COUNTS, [CODE, MATH])
    told = capsys.readouterr().err.splitlines()
    names = [line.strip().split("  ")[0] for line in told if not line.strip().startswith("mix/")]
    assert names[:2] == ["mixture", "code"] and "math" in names[2:]
    assert "code Python, 0 to 19 tokens" in names and "code (no language), 20 tokens and more" in names


def test_long_samples_are_repeated_more_often_where_the_recipe_says_so(tmp_path):
    code = Share(domain="code", share=0.5, max_repeats=3, lengths=((30, 3.0),))
    result, stage = mixed(tmp_path, MixConfig(shares=(code, SHARES[1]), total_tokens=180), TOKEN_COUNTS, [CODE, MATH])
    table = stage.store.table(result.outputs["mix"][0])
    assert dict(zip(table["n_tokens"].to_pylist(), table["repeats"].to_pylist(), strict=True))[30] == 2


def test_another_weight_counts_no_tokens_again(tmp_path):
    mixed(tmp_path, MixConfig(shares=SHARES, total_tokens=100), TOKEN_COUNTS, [CODE, MATH])
    before = sorted(p.name for p in (tmp_path / "objects/mix/narrow").iterdir())
    shares = (Share(domain="code", share=0.5, temperature=3.0, lengths=((20, 2.0),)), SHARES[1])
    mixed(tmp_path, MixConfig(shares=shares, total_tokens=100), TOKEN_COUNTS, [CODE, MATH])
    assert sorted(p.name for p in (tmp_path / "objects/mix/narrow").iterdir()) == before


def test_a_corpus_without_samples_cannot_be_mixed_and_is_told_like_one_without_tokens(tmp_path):
    with pytest.raises(Infeasible, match=r"code: 50\.0% of the mixture asked, 0 tokens available in 0 samples"):
        mixed(tmp_path, MixConfig(shares=SHARES), [], [])
