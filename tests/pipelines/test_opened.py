import argparse

import pytest

from corpus.shards import Store
from pipelines.build import plan
from pipelines.manifest import survey
from pipelines.opened import add_options, opened
from pipelines.recipes import RecipeError, load


def arguments(*argv):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(argv)


def test_the_options_are_those_of_a_build_without_any():
    assert vars(arguments()) == {"recipe": "demo", "root": "build"}


def test_an_empty_root_is_opened_as_nothing_done_yet(tmp_path):
    build = opened(arguments("--root", str(tmp_path)))
    stages = plan(load("demo", None).recipe)
    assert build.found == survey(Store(str(tmp_path)), stages, accept_code=True)
    assert {found.state for found in build.found.values()} == {"todo"}


def test_an_unknown_recipe_is_refused_by_name():
    with pytest.raises(RecipeError, match="no recipe 'nothing'"):
        opened(arguments("--recipe", "nothing"))
