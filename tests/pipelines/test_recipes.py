from dataclasses import replace

import pytest

from corpus.minhash import MinHashConfig
from corpus.mixture import Share
from filters.rule import Rule
from pipelines.recipes import RECIPES, RecipeError, load, long_context, small, small_extra_batch


@pytest.mark.parametrize("name", RECIPES)
def test_a_named_recipe_loads_under_its_name(name):
    loaded = load(name, None)
    assert (loaded.name, loaded.user_file) == (name, None)


def test_a_sample_is_a_build_of_its_own_whose_seeds_may_be_left_out():
    loaded = load("small", 0.25)
    assert loaded.name == "small-0.25"
    assert loaded.recipe.crawl.sample == 0.25
    assert loaded.recipe.recall.unmatched_seeds
    assert loaded.recipe.recall_source.unmatched_seeds


def test_a_rule_on_a_measure_that_nothing_gives_is_refused_by_name():
    recipe = small()
    rule = Rule("n_unheard_of", low=1, why="a test")
    sets = tuple(replace(s, rules=(*s.rules, rule)) for s in recipe.filter.rules)
    with pytest.raises(ValueError, match="filter has rules on n_unheard_of, which no group of measure gives"):
        replace(recipe, filter=replace(recipe.filter, rules=sets))


def test_dedup_refuses_other_settings_than_its_signatures_are_made_with():
    with pytest.raises(ValueError, match=r"dedup\.minhash must be the settings its signatures are made with"):
        replace(small(), minhash=MinHashConfig(bands=9, rows=13))


def test_dedup_refuses_a_quality_that_is_not_measured():
    with pytest.raises(ValueError, match=r"dedup\.quality='stars': group `basic` gives n_chars"):
        prefer = (("quality", "high"),)
        replace(small(), dedup=replace(small().dedup, prefer=prefer, quality="stars"))


def test_assemble_mix_and_pack_must_read_the_same_groups():
    recipe = small()
    with pytest.raises(ValueError, match="give them one group_bytes"):
        replace(recipe, mix=replace(recipe.mix, group_bytes=recipe.mix.group_bytes * 2))


def test_encode_and_pack_must_have_one_vocabulary():
    recipe = small()
    special = replace(recipe.pack.tokenizer.special, fim_hole="<hole>")
    other = replace(recipe.encode.tokenizer, special=special)
    with pytest.raises(ValueError, match=r"encode\.tokenizer and pack\.tokenizer must be one vocabulary"):
        replace(recipe, encode=replace(recipe.encode, tokenizer=other))


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"unit": "repository"}, r"pool_dedup\.unit='repository'"), ({"prefer": (("license", "high"),)}, "license")],
)
def test_what_the_pool_cannot_be_compared_by_is_refused(wrong, named):
    with pytest.raises(ValueError, match=named):
        replace(small(), pool_dedup=replace(small().pool_dedup, **wrong))


@pytest.mark.parametrize(
    ("share", "named"),
    [
        (Share(domain="cod", share=1), "mix.shares names cod, into which filter puts no document: choose from code, "),
        (Share(domain="code", share=1, subdomains=(("sorce", 1.0),)), "mix.shares names code/sorce, into"),
    ],
)
def test_a_share_of_what_filter_does_not_give_is_refused_by_name(share, named):
    with pytest.raises(ValueError, match=named):
        replace(small(), mix=replace(small().mix, shares=(share,)))


def test_an_added_batch_leaves_the_others_as_they_are():
    assert small_extra_batch().name not in {batch.name for batch in small().crawl.batches}


def test_a_file_whose_name_holds_no_function_lists_what_it_defines(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def first():\n    pass\n\n\ndef second():\n    pass\n")
    with pytest.raises(RecipeError, match="has no function ''; it defines: first, second"):
        load(str(path), None)


def test_a_long_context_keeps_the_shares_of_domains_and_weighs_long_samples_and_repositories():
    recipe, base = long_context(small(), 32_768), small()
    assert [(share.domain, share.share) for share in recipe.mix.shares] == [
        (share.domain, share.share) for share in base.mix.shares
    ]
    assert {share.lengths for share in recipe.mix.shares} == {((4096, 2.0), (16_384, 4.0))}
    assert (recipe.assemble.mode, recipe.pack.length, recipe.pack.method) == ("repository", 32_768, "best_fit")


def test_a_field_of_another_type_is_refused_by_name():
    with pytest.raises(ValueError, match=r"Recipe\.mix must be MixConfig, not int"):
        replace(small(), mix=3)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return {}['x']", r"KeyError: 'x' \(line 5\)"),
        ("return small().nothing", r"AttributeError: .*nothing.* \(line 5\)"),
        ("return replace(small(), mix=None)", r"Recipe\.mix must be MixConfig, not NoneType \(line 5\)"),
        ("return with_extract(lambda raw: None)", "has no importable name: move it to the top level"),
    ],
)
def test_whatever_a_users_function_does_wrong_is_one_line(tmp_path, body, says):
    path = tmp_path / "mine.py"
    path.write_text(
        f"from dataclasses import replace\nfrom pipelines.recipes import small\n\ndef mine():\n    {body}\n{WITH}"
    )
    with pytest.raises(RecipeError, match=f"mine.py:mine is not valid: .*{says}"):
        load(f"{path}:mine", None)


WITH = """
def with_extract(extract):
    recipe = small()
    batch = replace(recipe.crawl.batches[0], extract=extract)
    return replace(recipe, crawl=replace(recipe.crawl, batches=(batch,)))
"""


def test_functions_of_one_name_in_two_files_name_two_builds(tmp_path):
    for stem in ("a", "b"):
        (tmp_path / f"{stem}.py").write_text("from pipelines.recipes import small\n\ndef mine():\n    return small()\n")
    assert [load(f"{tmp_path}/{stem}.py:mine", None).name for stem in ("a", "b")] == ["a.mine", "b.mine"]
