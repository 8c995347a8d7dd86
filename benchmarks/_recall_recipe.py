"""The recipe that the benchmark `recall` builds: its pool, crawled and deduplicated, and the loop from parts of three
sites.

The folder of the pool is RECALL_POOL, written by `_recall_pool`.
"""

import os
from pathlib import Path

from benchmarks._recall_sites import SEEDS
from corpus.extract import page_text
from corpus.mixture import MixConfig
from corpus.sources.commoncrawl import CommonCrawl
from filters.recall import Label, RecallConfig
from filters.recall_model import ClassifierConfig
from pipelines.crawl import Batch, CrawlConfig
from pipelines.recall_sites import edited_patterns
from pipelines.recipes import Recipe

# 111 seed pages are no 500,000: at the published pace the model says 0.5 to everything (see docs/recall.md).
CLASSIFIER = ClassifierConfig(dim=16, learning_rate=1.0, word_ngrams=2, min_steps=10_000, max_negatives=1_500)
CUTS = (2_400_000, 2_750_000)  # the mathematics of the pool is 2.75M tokens
PATTERNS = str(Path(__file__).with_name("recall_patterns"))


def loop() -> Recipe:
    """Three rounds."""
    pages = CommonCrawl(folder=os.environ["RECALL_POOL"], dump="labelled")
    batch = Batch(name="pages", source=pages, extract=page_text, output="pool", shard_bytes=16 << 20)
    math = Label(name="math", url_patterns=SEEDS, cut_tokens=CUTS)
    edited = edited_patterns(PATTERNS)
    recall = RecallConfig(labels=(math,), rounds=3, classifier=CLASSIFIER, edited=edited)
    return Recipe(crawl=CrawlConfig(batches=(batch,)), recall=recall, mix=MixConfig())
