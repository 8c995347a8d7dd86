"""Whole builds of the small recipe on real input: the same bytes whatever the workers, cuts, kills and engine."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.builds import build, contents, counts, events, forget, kill, start, wait_for

GLOBAL = ["dedup", "assemble", "encode", "mix", "pack", "export", "probe"]


def copy(base, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(base, root, copy_function=os.link)  # files are never changed in place
    return root


def test_counts_add_up_at_every_stage(base):
    made = counts(base)
    for stage, numbers in made.items():
        if "seen" in numbers:
            refused = sum(n for name, n in numbers.items() if name.startswith("refused."))
            assert numbers["seen"] == numbers["kept"] + refused, stage
    documents = made["crawl"]["kept"]
    assert made["classify"]["rows"] == made["filter"]["seen"] == made["dedup"]["seen"]
    assert documents > 100


def test_one_worker_makes_the_same_bytes_as_two(base, tmp_path):
    build(tmp_path, "--workers", "1")
    one, two = contents(tmp_path), contents(base)
    assert {name for name in two if one[name] != two[name]} <= {"probe/results"}  # floating point: its own golden test


def test_the_second_run_does_nothing(base):
    printed = build(base, "--workers", "1")
    assert "crawl: done before" in printed
    assert "Dask dashboard" not in printed


@pytest.mark.parametrize("stage", ["dedup", "pack"])
def test_a_client_killed_in_the_middle_resumes_to_the_same_bytes(base, tmp_path, stage):
    root = copy(base, tmp_path)
    forget(root, GLOBAL[GLOBAL.index(stage) :])
    process = start(root, "--workers", "2")
    wait_for(root, f"objects/{stage}/*/*.arrow", process)
    kill(process)
    finished = {path: path.stat().st_mtime_ns for path in Path(root, "objects", stage).rglob("*.arrow")}
    assert finished
    assert not list(Path(root).glob(f"manifests/{stage}/*.json"))
    build(root, "--workers", "2", "--stage", ",".join(GLOBAL[: GLOBAL.index("export")]))
    assert contents(root, upto="pack") == contents(base, upto="pack")
    assert {path: path.stat().st_mtime_ns for path in finished} == finished  # not redone


def test_a_killed_worker_costs_only_its_task(base, tmp_path):
    root = copy(base, tmp_path)
    forget(root, GLOBAL)
    process = start(root, "--workers", "2", "--stage", "dedup")
    wait_for(root, "objects/dedup/*/*.arrow", process)
    workers = subprocess.run(["pgrep", "-g", str(process.pid), "-f", "spawn_main"], capture_output=True, text=True)
    victims = [int(line) for line in workers.stdout.split()]
    assert victims
    os.kill(victims[-1], signal.SIGKILL)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    assert contents(root, upto="dedup") == contents(base, upto="dedup")


def test_one_added_repository_touches_its_own_shards_and_the_global_stages(base, tmp_path):
    root = copy(base, tmp_path)
    recipe = tmp_path / "wider.py"
    recipe.write_text(WIDER)
    build(root, "--workers", "2", recipe=f"{recipe}:wider")
    per_shard = ("crawl", "classify", "measure", "scrub/spans", "decontaminate/scan", "minhash", "pool", "recall/")
    for event in events(root):
        if "step" in event and event["step"].startswith(per_shard):
            assert len(event["ran"]) <= 1, event
            assert event["reused"] == event["tasks"] - len(event["ran"])


WIDER = """
from dataclasses import replace

from pipelines.recipes import small, small_extra_batch


def wider():
    recipe = small()
    return replace(recipe, crawl=replace(recipe.crawl, batches=(*recipe.crawl.batches, small_extra_batch())))
"""


def test_a_running_cluster_and_a_users_rule_give_the_same_bytes(base, tmp_path):
    recipe = tmp_path / "mine.py"
    recipe.write_text(MINE)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    file = tmp_path / "scheduler.json"
    dask = str(Path(sys.executable).parent / "dask")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": elsewhere, "start_new_session": True}
    arguments = [
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--dashboard-address",
        "127.0.0.1:0",
        "--scheduler-file",
        str(file),
    ]
    processes = [subprocess.Popen([dask, "scheduler", *arguments], **quiet)]
    try:
        wait_for(tmp_path, "scheduler.json", processes[0])
        worker = [
            dask,
            "worker",
            "--scheduler-file",
            str(file),
            "--nthreads",
            "1",
            "--host",
            "127.0.0.1",
            "--no-dashboard",
        ]
        processes += [subprocess.Popen([*worker, "--local-directory", str(elsewhere)], **quiet) for _ in range(2)]
        address = json.loads(file.read_text())["address"]
        time.sleep(3)  # the client asks for workers once
        stages = ",".join(STAGES)
        build(tmp_path / "remote", "--scheduler", address, "--stage", stages, recipe=f"{recipe}:mine")
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    build(tmp_path / "local", "--workers", "2", "--stage", stages, recipe=f"{recipe}:mine")
    spec = f"{recipe}:mine"
    assert contents(tmp_path / "remote", spec, "filter") == contents(tmp_path / "local", spec, "filter")
    mine = counts(tmp_path / "local", spec)["filter"]
    assert mine["refused.n_semicolons"] > 0


STAGES = ["crawl", "pool_minhash", "pool_dedup", "recall", "classify", "measure", "scrub", "decontaminate"]
STAGES += ["recall_source", "filter"]
TO_PACK = [*STAGES, "minhash", "dedup", "assemble", "encode", "mix", "pack"]
MINE = """
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from filters.group import Group
from filters.rule import Rule
from pipelines.recipes import small

LIMIT = 40


def semicolons(documents, languages):
    return pa.record_batch({"n_semicolons": pc.count_substring(documents["text"], ";").cast(pa.int64())})


def mine():
    recipe = small()
    group = Group(name="semicolons", kernel=semicolons, columns=(("n_semicolons", "int64"),))
    rule = Rule("n_semicolons", high=LIMIT, why="a user's own rule")
    sets = tuple(replace(s, rules=(*s.rules, rule)) for s in recipe.filter.rules)
    measure = replace(recipe.measure, groups=(*recipe.measure.groups, group))
    return replace(recipe, measure=measure, filter=replace(recipe.filter, rules=sets))
"""


def test_an_object_store_gives_the_same_rows(base, s3_url, tmp_path):
    recipe = tmp_path / "whole.py"
    recipe.write_text(CUT.replace("200_000", "64 << 20"))  # few files: the test's server answers in some 20 ms
    spec = f"{recipe}:cut"
    build(s3_url, "--workers", "2", "--stage", ",".join(TO_PACK), recipe=spec)
    assert contents(s3_url, spec, "pack")["pack/rows"] == contents(base)["pack/rows"]


def test_the_same_rows_for_another_cut_of_the_input_into_shards(base, tmp_path):
    recipe = tmp_path / "cut.py"
    recipe.write_text(CUT)
    root, spec = tmp_path / "cut", f"{recipe}:cut"
    build(root, "--workers", "2", "--stage", ",".join(TO_PACK), recipe=spec)
    assert len(contents(root, spec, "crawl")["crawl/documents"]) > len(contents(base)["crawl/documents"])
    assert contents(root, spec, "pack")["pack/rows"] == contents(base)["pack/rows"]


CUT = """
from dataclasses import replace

from pipelines.recipes import small


def cut():
    recipe = small()
    batches = tuple(replace(batch, shard_bytes=200_000) for batch in recipe.crawl.batches)
    return replace(recipe, crawl=replace(recipe.crawl, batches=batches))
"""
