from dataclasses import replace

import pytest

from pipelines.crawl import CrawlConfig
from pipelines.identity import canonical
from pipelines.recipes import demo
from pipelines.variants import VARIANTS


@pytest.mark.parametrize("name", list(VARIANTS))
def test_every_variant_is_a_valid_recipe_that_differs_from_the_base(name):
    base = demo()
    made = VARIANTS[name](base)
    same_as_default = {"repository_dedup", "fim_50"}
    assert (canonical(made) == canonical(base)) == (name in same_as_default)


def test_a_control_needs_a_batch_of_source_files():
    base = demo()
    prose = tuple(batch for batch in base.crawl.batches if batch.name == "news")
    with pytest.raises(ValueError, match="would change nothing"):
        VARIANTS["shuffled_lines"](replace(base, crawl=CrawlConfig(batches=prose)))


def test_a_control_leaves_pages_and_prose_as_they_are():
    base, made = demo(), VARIANTS["without_comments"](demo())
    changed = {a.name for a, b in zip(base.crawl.batches, made.crawl.batches, strict=True) if a != b}
    assert changed == {"archives", "repositories"}
