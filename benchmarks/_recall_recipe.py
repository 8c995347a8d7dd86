"""The recipe that the benchmark `recall` builds: its pool, crawled and deduplicated, and the loop from three sites' parts.

The folder of the pool is RECALL_POOL, written by `_recall_pool`.
"""

import os

from benchmarks._recall_sites import SEEDS
from corpus.extract import page_text
from corpus.mixture import MixConfig
from corpus.sources.commoncrawl import CommonCrawl
from filters.recall import Label, RecallConfig
from filters.recall_model import ClassifierConfig
from pipelines.crawl import Batch, CrawlConfig
from pipelines.recipes import Recipe

CLASSIFIER = ClassifierConfig(dim=64, max_negatives=3_000, min_steps=2_000)
CUTS = (500_000, 1_000_000, 1_800_000)


def loop() -> Recipe:
    """Three rounds."""
    pages = CommonCrawl(folder=os.environ["RECALL_POOL"], dump="labelled")
    batch = Batch(name="pages", source=pages, extract=page_text, output="pool", shard_bytes=16 << 20)
    math = Label(name="math", url_patterns=SEEDS, cut_tokens=CUTS)
    recall = RecallConfig(labels=(math,), rounds=3, classifier=CLASSIFIER)
    return Recipe(crawl=CrawlConfig(batches=(batch,)), recall=recall, mix=MixConfig())
