"""Recipes of docs/tokens.md: another mixture, and rows for extending a model's context. Copy and change them."""

from dataclasses import replace

from corpus.mixture import Share
from pipelines.recipes import Recipe, demo, long_context


def rows_32k() -> Recipe:
    """The first of the two published steps."""
    return long_context(demo(), 32_768)


def rows_128k() -> Recipe:
    """The second."""
    return long_context(demo(), 131_072)


def languages() -> Recipe:
    """No language of code above a quarter of it, and small languages nearer to large ones than they are."""
    recipe = demo()
    shares = (
        Share(domain="code", share=0.6, caps=(("Python", 0.25), ("Jupyter Notebook", 0.25)), temperature=2.0),
        Share(domain="math", share=0.1),
        Share(domain="natural", share=0.3),
    )
    return replace(recipe, mix=replace(recipe.mix, shares=shares))
