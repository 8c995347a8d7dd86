"""Variants that `pipelines.ablate` knows by name: functions from a base recipe to a recipe.

A user's own stand in the recipe file, as recipes of their own. The last four are controls: corpora made worse on
purpose, to see that the probe would have noticed.
"""

from collections.abc import Callable
from dataclasses import replace

from corpus.mixture import Share
from corpus.notebooks import source_text
from filters.domains import KINDS
from filters.rule import RuleSet
from pipelines.crawl import Extractor
from pipelines.recipes import Recipe
from validate import controls

Variant = Callable[[Recipe], Recipe]


def no_dedup(base: Recipe) -> Recipe:
    """Nothing is dropped as a near-duplicate, but what is near the scoring set."""
    return replace(base, dedup=replace(base.dedup, unit="none"))


def file_dedup(base: Recipe) -> Recipe:
    """Files are compared, not repositories."""
    return replace(base, dedup=replace(base.dedup, unit="file"))


def repository_dedup(base: Recipe) -> Recipe:
    """Repositories are compared, not files."""
    return replace(base, dedup=replace(base.dedup, unit="repository"))


def no_rules(base: Recipe) -> Recipe:
    """No document is dropped by a rule."""
    everything = tuple(RuleSet(kinds=(kind,), rules=()) for kind in KINDS)
    return replace(base, filter=replace(base.filter, rules=everything))


def half_code(base: Recipe) -> Recipe:
    """Another mixture: 50 % code, 15 % math, 35 % natural language."""
    shares = (
        Share(domain="code", share=0.5),
        Share(domain="math", share=0.15),
        Share(domain="natural", share=0.35),
    )
    return replace(base, mix=replace(base.mix, shares=shares))


def fim_0(base: Recipe) -> Recipe:
    """No fill-in-the-middle."""
    return _fim(base, 0.0)


def fim_50(base: Recipe) -> Recipe:
    """The published rate."""
    return _fim(base, 0.5)


def fim_100(base: Recipe) -> Recipe:
    """Every document of code is cut."""
    return _fim(base, 1.0)


def _fim(base: Recipe, rate: float) -> Recipe:
    return replace(base, pack=replace(base.pack, fim=replace(base.pack.fim, rate=rate)))


def shuffled_lines(base: Recipe) -> Recipe:
    """Control: half of the source files with their lines shuffled."""
    return _read_by(base, controls.shuffled_lines)


def near_copies(base: Recipe) -> Recipe:
    """Control: a fifth of the source files are near-duplicates of two, and nothing is deduplicated."""
    return no_dedup(_read_by(base, controls.near_copies()))


def without_comments(base: Recipe) -> Recipe:
    """Control: source files without their comments and docstrings."""
    return _read_by(base, controls.without_comments)


def foreign_words(base: Recipe) -> Recipe:
    """Control: 30 % of the source files in the words of another language."""
    return _read_by(base, controls.foreign_words)


def _read_by(base: Recipe, extract: Extractor) -> Recipe:
    """Batches of source files read by another extractor; the rest are shared with the base."""
    batches = tuple(
        replace(batch, extract=extract) if batch.extract is source_text else batch for batch in base.crawl.batches
    )
    if batches == base.crawl.batches:
        raise ValueError("no batch reads source files with source_text, so this control would change nothing")
    return replace(base, crawl=replace(base.crawl, batches=batches))


VARIANTS: dict[str, Variant] = {
    function.__name__: function
    for function in (
        *(no_dedup, file_dedup, repository_dedup, no_rules, half_code, fim_0, fim_50, fim_100),
        *(shuffled_lines, near_copies, without_comments, foreign_words),
    )
}
