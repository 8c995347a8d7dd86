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
    assert vars(arguments()) == {"recipe": "demo", "root": "build", "sample": None}


def test_an_empty_root_is_opened_as_nothing_done_yet(tmp_path):
    build = opened(arguments("--root", str(tmp_path)))
    stages = plan(load("demo", None).recipe)
    assert build.found == survey(Store(str(tmp_path)), stages, accept_code=True)
    assert {found.state for found in build.found.values()} == {"todo"}


def test_an_unknown_recipe_is_refused_by_name():
    with pytest.raises(RecipeError, match="no recipe 'nothing'"):
        opened(arguments("--recipe", "nothing"))


def test_a_sample_is_opened_as_the_build_that_it_is(tmp_path):
    whole, part = (opened(arguments("--root", str(tmp_path), *more)) for more in ((), ("--sample", "0.5")))
    assert (part.loaded.name, part.loaded.recipe.crawl.sample) == ("demo-0.5", 0.5)
    assert part.found["crawl"].stage.config != whole.found["crawl"].stage.config


def test_a_sample_that_is_no_share_is_wrong_usage(capsys):
    with pytest.raises(SystemExit):
        arguments("--sample", "2")
    assert "--sample" in capsys.readouterr().err
