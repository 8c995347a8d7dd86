"""README is true: its commands run, its stage table is the plan's, its recipe loads."""

import re
import shlex
import subprocess
import sys

import pytest

from pipelines.build import plan
from pipelines.recipes import demo, load
from tests.builds import ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = [line.split("#")[0].strip() for line in README.splitlines() if line.startswith(("python -m ", "make "))]


def test_there_are_commands():
    assert {command.split()[0] for command in COMMANDS} == {"python", "make"}


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("python -m pipelines")])
def test_a_command_of_the_readme_runs(command, base, tmp_path):
    """On the small recipe's finished build, so that each takes seconds."""
    (tmp_path / "my_recipes.py").write_text(recipe())
    words = shlex.split(command.replace("--recipe demo", "--recipe small"))
    words[words.index("-m") + 1 :] = [*words[words.index("-m") + 1 :], "--root", str(base)]
    if "pipelines.explain" in words:
        words += ["--recipe", "small"]
    done = subprocess.run([sys.executable, *words[1:]], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout + done.stderr


def recipe():
    return re.search(r"```python\n(.*?)```", README, re.DOTALL).group(1)


def test_the_readmes_recipe_replaces_what_it_says(tmp_path):
    path = tmp_path / "my_recipes.py"
    path.write_text(recipe())
    made = load(f"{path}:strict", None).recipe
    assert (made.minhash.bands, made.dedup.unit) == (9, "file")


@pytest.mark.parametrize("target", [c.split()[1] for c in COMMANDS if c.startswith("make ")])
def test_a_make_target_of_the_readme_exists_and_needs_nothing_before_it(target):
    if target.startswith("TORCH_INDEX"):
        pytest.skip("names an index that tests must not reach")
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_stage_table_is_the_plans():
    rows = re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)
    assert rows == [stage.name for stage in plan(demo())]


@pytest.mark.parametrize("name", ["repositories", "own"])
def test_a_recipe_for_own_data_can_be_made_and_planned(name, monkeypatch, tmp_path):
    for variable in ("CLONES", "WARCS", "PROSE"):
        monkeypatch.setenv(variable, str(tmp_path))
    made = load(f"{ROOT}/docs/recipes_own.py:{name}", None).recipe
    assert {batch.source.folder for batch in made.crawl.batches} == {str(tmp_path)}
    assert [stage.name for stage in plan(made)] == [stage.name for stage in plan(demo())]
