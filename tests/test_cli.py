"""The command line's contract: what it says and its exit status, without a traceback."""

import json
import subprocess
import sys

import pytest

from pipelines.build import main, plan
from pipelines.recipes import RECIPES


def command(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "pipelines.build", *arguments], capture_output=True, text=True, cwd=cwd
    )


def test_a_stage_whose_input_is_missing_names_what_to_run_first(tmp_path):
    done = command("--stage", "dedup", "--root", str(tmp_path / "empty"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: dedup needs crawl: run --stage crawl first")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "empty").exists()


def test_an_unknown_stage_lists_the_stages(capsys, tmp_path):
    assert main(["--stage", "dedupe", "--root", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "no stage dedupe; the stages are: crawl, " in error
    assert ", dedup, " in error


def test_an_unknown_recipe_lists_the_recipes(capsys, tmp_path):
    assert main(["--recipe", "demoo", "--root", str(tmp_path)]) == 2
    assert "no recipe 'demoo'; the recipes are: demo" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "function", "says"),
    [
        ("", "mine", "has no function 'mine'"),
        ("def mine(:", "mine", "SyntaxError"),
        ("def mine():\n    return 3\n", "mine", "returns int, not a Recipe"),
        ("def mine():\n    raise ValueError('bands must be positive')\n", "mine", "bands must be positive"),
    ],
    ids=["no function", "syntax", "wrong type", "refused setting"],
)
def test_a_users_mistake_in_a_recipe_file_is_one_line(capsys, tmp_path, text, function, says):
    path = tmp_path / "mine.py"
    path.write_text(text)
    assert main(["--recipe", f"{path}:{function}", "--root", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert "Traceback" not in error


def test_a_missing_recipe_file_is_named(capsys, tmp_path):
    assert main(["--recipe", f"{tmp_path}/absent.py:mine"]) == 2
    assert "no recipe file" in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["", " ", "dedup,"])
def test_a_stage_without_a_name_is_no_stage_and_not_all_of_them(capsys, tmp_path, stage):
    assert main(["--stage", stage, "--root", str(tmp_path)]) == 2
    assert "no stage ''; the stages are: crawl, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--sample", "0"], "0 is not a share of origins"),
        (["--sample", "2"], "2 is not a share of origins"),
        (["--sample", "half"], "half is not a share of origins"),
        (["--workers", "0"], "0 workers cannot work"),
        (["--workers", "two"], "two workers cannot work"),
        (["--nonsense"], "--nonsense"),
        (["--json"], "--json says how --list prints"),
        (["--list", "--prune"], "give one"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2_and_says_what_is_wrong(capsys, arguments, says):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("root", ["nosuch://there", ""])
def test_a_root_that_is_no_place_is_said_in_one_line(capsys, root):
    assert main(["--list", "--root", root]) == 2
    assert capsys.readouterr().err.startswith("error: --root ")


def test_a_root_that_takes_no_files_is_said_before_any_work(capsys, tmp_path):
    (tmp_path / "logs").write_text("a file where a folder belongs")
    assert main(["--stage", "crawl", "--root", str(tmp_path)]) == 2
    assert f"error: --root {tmp_path} cannot be written" in capsys.readouterr().err


def test_list_of_an_empty_root_is_all_todo(capsys, tmp_path):
    assert main(["--list", "--json", "--root", str(tmp_path)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["stage"] for row in rows] == [stage.name for stage in plan(RECIPES["demo"]())]
    assert {row["state"] for row in rows} == {"todo"}
    assert set(rows[0]) == {"stage", "state", "folder", "counts"}


def test_no_scheduler_at_an_address_is_said_in_one_line(tmp_path):
    done = command("--root", str(tmp_path), "--scheduler", "tcp://127.0.0.1:9")
    assert done.returncode == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr
    assert "Traceback" not in done.stderr
