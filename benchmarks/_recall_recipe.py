"""The recipe that the benchmark `recall` builds: its pool, crawled and deduplicated, and the loop from parts of three
sites.

The folder of the pool is RECALL_POOL, written by `_recall_pool`.
"""

import os
from dataclasses import replace
from pathlib import Path

from benchmarks._recall_sites import SEEDS
from corpus.extract import page_text
from corpus.mixture import MixConfig
from corpus.sources.commoncrawl import CommonCrawl
from filters.recall import Label, RecallConfig
from filters.recall_model import ClassifierConfig
from filters.recall_words import WordsConfig
from pipelines.crawl import Batch, CrawlConfig
from pipelines.recall_sites import edited_patterns
from pipelines.recipes import Recipe

# 122 seed pages are no 500,000: at the published pace fastText says 0.5 to everything (see docs/recall.md).
CLASSIFIER = ClassifierConfig(dim=16, learning_rate=1.0, word_ngrams=2, min_steps=10_000, max_negatives=1_500)
WORDS = ClassifierConfig(max_negatives=3_000, words=WordsConfig())
# The mathematics of the pool is 2.75M tokens; the first rounds look wider, for sites that may be related.
CUTS = (4_000_000, 3_500_000, 3_000_000)
CODE_SEEDS = ("flask.palletsprojects.com", "docs.aiohttp.org", "docs.djangoproject.com")
CODE_CUTS = (6_000_000, 8_000_000, 8_000_000)
PATTERNS = str(Path(__file__).with_name("recall_patterns"))
READ = 200  # pages a round that are listed to be read


def automatic() -> Recipe:
    """Three rounds, and nobody looks in between: prefixes join as proposed."""
    return _recipe(RecallConfig(labels=(_math(),), rounds=3, classifier=WORDS, read=READ, join_collected=True))


def folders() -> Recipe:
    """Between rounds a reader decides on folders of the related sites; not blind to the labels (docs/recall.md)."""
    return _annotated("folders")


def pages() -> Recipe:
    """And on the pages around the cut, as far as they were read."""
    return _annotated("pages")


def fasttext() -> Recipe:
    """The published learner, with the decisions of `pages`."""
    recipe = _annotated("pages")
    return replace(recipe, recall=replace(recipe.recall, classifier=CLASSIFIER))


def code() -> Recipe:
    """Pages with code, from three sites of Python libraries; nobody looks in between."""
    label = Label(name="code", domains=CODE_SEEDS, cut_tokens=CODE_CUTS)
    return _recipe(RecallConfig(labels=(label,), rounds=3, classifier=WORDS))


def _annotated(folder: str) -> Recipe:
    recipe = automatic()
    return replace(recipe, recall=replace(recipe.recall, edited=edited_patterns(f"{PATTERNS}/{folder}")))


def _math() -> Label:
    return Label(name="math", url_patterns=SEEDS, cut_tokens=CUTS)


def _recipe(recall: RecallConfig) -> Recipe:
    pages = CommonCrawl(folder=os.environ["RECALL_POOL"], dump="labelled")
    batch = Batch(name="pages", source=pages, extract=page_text, output="pool", shard_bytes=16 << 20)
    return Recipe(crawl=CrawlConfig(batches=(batch,)), recall=recall, mix=MixConfig())
