"""One ablation of the small recipe as a user runs it: three builds, two seeds, a few steps."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from pipelines import ablate, evaluate
from tests.builds import INPUT, ROOT

RECIPE = """
from dataclasses import replace

from corpus.minhash import MinHashConfig
from pipelines import recipes
from validate.ablation import AblationConfig, Published
from validate.probes.config import ProbeConfig
from validate.probes.train import TrainConfig


def base():
    train = TrainConfig(steps=3, batch=2, length=64)
    sizes = dict(vocabulary=600, vocabulary_bytes=50_000, scoring_bytes=4_000, infilled=2)
    probe = ProbeConfig(train=train, keep=True, **sizes)
    figure = Published(variant="fine", what="pass@1", figure="1 to 2", source="a paper")
    small = recipes.small()
    # Copies across origins are few here: with three in ten origins held out, some have one of theirs in training.
    small = replace(small, filter=replace(small.filter, held_out=0.3))
    return replace(small, ablation=AblationConfig(probe=probe, published=(figure,)))


def fine():
    keys = MinHashConfig(bands=9, rows=13)
    return replace(base(), minhash=keys, dedup=replace(base().dedup, unit="file", minhash=keys))


def other_split():
    return replace(base(), filter=replace(base().filter, split_seed=99))
"""


def run(root, recipe, *arguments, **changed):
    command = [sys.executable, "-m", "pipelines.ablate", "--recipe", recipe, "--root", str(root), *arguments]
    environment = {**os.environ, "DEMO_INPUT": str(INPUT), **changed}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    path = tmp_path_factory.mktemp("recipe") / "mine.py"
    path.write_text(RECIPE)
    return f"{path}:base"


@pytest.fixture(scope="module")
def made(base, recipe, tmp_path_factory):
    root = tmp_path_factory.mktemp("ablation") / "root"
    shutil.copytree(base, root)
    shutil.rmtree(root / "manifests" / "dedup")  # of the copied build, which holds out another share
    done = run(root, recipe, "--variants", "no_dedup,fine", "--seeds", "2", "--workers", "2")
    assert done.returncode == 0, done.stderr
    return root, done


@pytest.fixture(scope="module")
def report(made):
    (path,) = made[0].glob("ablations/*/report.json")
    return json.loads(path.read_text()), path.with_suffix(".html").read_text()


@pytest.fixture(scope="module")
def pooled(made, recipe, report):
    """The first report has been read; then a pool of the base, and the first command again."""
    root = made[0]
    pool = run(root, recipe, "--pool", "--seeds", "6", "--workers", "1", "--judged", "code")
    again = run(root, recipe, "--variants", "no_dedup,fine", "--seeds", "2", "--workers", "1")
    assert (pool.returncode, again.returncode) == (0, 0), pool.stderr + again.stderr
    return root, pool, again


def test_builds_share_what_does_not_differ(made):
    variants = made[1].stderr.partition("+no_dedup")[2]
    assert "crawl/read" not in variants
    assert "encode" not in variants  # duplicates are encoded too, so that no variant of dedup encodes again


def test_every_build_is_scored_on_the_bases_held_out_set(made, report):
    root = made[0]
    manifests = [json.loads(path.read_text()) for path in (root / "manifests" / "dedup").iterdir()]
    sets = {json.dumps([shard["content"] for shard in m["outputs"]["scoring"]]) for m in manifests}
    assert len(manifests) == 3 and len(sets) == 1
    assert len(report[0]["scoring_set"]) == 32


def test_near_duplicates_of_the_scoring_set_are_dropped_where_dedup_is_off_too(report):
    counts = {name.rpartition("+")[2]: build["counts"] for name, build in report[0]["builds"].items()}
    assert counts["no_dedup"]["dropped as duplicates"] == 0
    base = next(build["counts"] for name, build in report[0]["builds"].items() if "+" not in name)
    assert counts["no_dedup"]["dropped as near held-out"] >= base["dropped as near held-out"] > 0


def test_each_judged_measure_of_each_variant_has_a_call(report):
    calls = {(call["variant"].rpartition("+")[2], call["measure"]) for call in report[0]["calls"]}
    assert calls == {(v, m) for v in ("no_dedup", "fine") for m in ("overall", "code", "math", "natural")}
    assert all(len(build["scores"]) == 2 for build in report[0]["builds"].values())


def test_the_page_shows_ranking_domains_curves_cost_differences_and_the_command(report):
    page = report[1]
    for title in ("Ranking", "By domain", "Loss while training", "What differed", "Cost", "To repeat it", "published"):
        assert f"{title}" in page
    assert page.count("<polyline") == 9  # two seeds and their mean, three builds
    assert "dedup.unit" in page and "minhash.bands" in page and "a single seed" in page
    assert "--variants no_dedup,fine --seeds 2" in page
    assert "<script" not in page


def test_list_shows_ablations_and_their_calls(made, capsys):
    assert ablate.main(["--list", "--json", "--root", str(made[0]), "--recipe", "small"]) == 0
    (row,) = (row for row in json.loads(capsys.readouterr().out) if row["kind"] == "report")
    assert "--variants no_dedup,fine" in row["command"] and len(row["calls"]) == 8


def test_a_pool_of_equal_runs_tells_how_often_they_are_called_different(pooled):
    root, pool, _ = pooled
    assert "ablate/run: 6 done (2 reused)" in pool.stderr
    (path,) = root.glob("ablations/*/pool.json")
    (measure,) = json.loads(path.read_text())["measures"]
    assert (measure["measure"], measure["runs"], measure["comparisons"]) == ("code", 6, 60)


def test_the_same_command_again_trains_and_builds_nothing(pooled):
    root, _, again = pooled
    assert "ablate/run: 6 done (6 reused)" in again.stderr
    assert not list((root / "checkpoints").glob("*"))


def test_a_report_shows_its_kernels_and_the_pool_that_its_root_holds(pooled, report):
    assert "No pool of equal runs in this root" in report[1]  # as it was when the first report was made
    (path,) = pooled[0].glob("ablations/*/report.json")
    again = json.loads(path.read_text())
    assert [one["measure"] for one in again["false_calls"]] == ["code"]
    assert again["kernels"] == {"experts": "grouped_mm", "attention": "sdpa"}


def test_other_measures_are_judged_without_training(made, recipe):
    root, variants = made[0], ("--variants", "no_dedup,fine", "--seeds", "2", "--workers", "1")
    wrong = run(root, recipe, *variants, "--judged", "code,taste")
    assert wrong.returncode == 1
    assert "judged names taste, which nothing scored; the measures are: overall" in wrong.stderr
    assert "ablate/run: 6 done (6 reused)" in wrong.stderr


def test_a_kept_model_can_be_asked(made, report, tmp_path, capsys):
    (first, _) = next(iter(report[0]["builds"].values()))["models"]
    (tmp_path / "q.jsonl").write_text('{"question": "?", "choices": ["a", "b"], "answer": 1}\n')
    assert evaluate.main([str(made[0] / first), "--tasks", str(tmp_path / "q.jsonl"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["results"][0]["items"] == 1


def test_rows_that_cannot_last_are_named_before_the_variants_are_built(made, recipe):
    path = recipe.partition(":")[0]
    with open(path, "a", encoding="utf-8") as file:
        file.write(
            "\n\ndef endless():\n    probe = replace(base().ablation.probe, train=TrainConfig(steps=10**7))\n"
            "    return replace(base(), ablation=replace(base().ablation, probe=probe))\n"
        )
    done = run(made[0], f"{path}:endless", "--variants", "fine", "--workers", "1")
    assert done.returncode == 1
    assert "10,000,000 steps of 4 need 40,000,000 windows of 256 tokens, and mine.endless packs" in done.stderr
    assert "build endless+fine" not in done.stderr


def test_a_checkpoint_that_cannot_be_had_is_named_before_anything_is_built(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(RECIPE.replace("keep=True", "start='hub:owner/nowhere'"))
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = run(tmp_path, f"{path}:base", "--variants", "no_dedup", "--seeds", "2", "--workers", "1", **environment)
    assert done.returncode == 2
    assert "hub:owner/nowhere is not in" in done.stderr


def test_what_each_plan_needs_is_printed(capsys):
    assert ablate.main(["--plans", "--recipe", "small"]) == 0
    assert "15,706,484,224 parameters" in capsys.readouterr().out


def test_a_variant_that_holds_out_other_documents_is_refused(recipe, tmp_path):
    done = run(tmp_path, recipe, "--variants", "other_split", "--seeds", "2", "--workers", "1")
    assert done.returncode == 2
    assert "filter.split_seed is 99, the base's is" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--variants", "nothing"], "no variant 'nothing'; the variants are: no_dedup"),
        ([], "--variants is missing"),
        (["--variants", "no_dedup,no_dedup"], "names one twice"),
        (["--variants", "no_dedup", "--seeds", "1"], "--seeds 1 says nothing of chance"),
        (["--pool", "--seeds", "5"], "give --seeds 6 or more"),
        (["--recipe", "none"], "no recipe 'none'"),
        (["--recipe", "small", "--variants", "no_dedup", "--judged", ","], "judged names no measure"),
    ],
)
def test_wrong_usage_is_told_with_the_way_out(arguments, told, capsys, tmp_path):
    assert ablate.main(["--root", str(tmp_path), *arguments]) == 2
    assert told in capsys.readouterr().err
