"""The recipes that the benchmark `recall` builds: a labelled pool, crawled and deduplicated, and the loop from parts of
a few sites.

RECALL_POOL is the pool's folder, written by `_recall_pool`; its name says which pool it is, and so which sites are the
seed and which reader's decisions are read. Shares of the first two budgets were fixed on
pool 1 before pool 2 was there; folds and the last budget on both, before pool 3 was run.
"""

import os
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

from benchmarks import _recall_sites, _recall_sites2, _recall_sites3
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
WORDS = ClassifierConfig(max_negatives=3_000, words=WordsConfig(), folds=5)
# The mathematics of pool 1 is 2.75M of its 34.6M tokens; the first rounds look wider, for sites that may be related.
# Another pool's are the same shares of its tokens (0.1155, 0.1010), rounded to 10,000. The last follows the decisions.
CUTS = {
    "pool-1": (4_000_000, 3_500_000, None),
    "pool-2": (3_120_000, 2_730_000, None),
    "pool-3": (1_770_000, 1_550_000, None),
}
STARTS = {"pool-1": _recall_sites.SEEDS, "pool-2": _recall_sites2.SEEDS, "pool-3": _recall_sites3.SEEDS}
CODE_CUTS = (6_000_000, 8_000_000, 8_000_000)
PATTERNS = Path(__file__).with_name("recall_patterns")
CODE_SEEDS = tuple((PATTERNS / "code-seeds.txt").read_text().split())  # pages of three sites that show code
READ = 200  # undecided pages a round that a reader is shown


def automatic() -> Recipe:
    """Three rounds, and nobody looks in between: prefixes join as proposed."""
    return _recipe(
        RecallConfig(
            labels=(_math(),), rounds=3, classifier=WORDS, read=READ, join_collected=True, unmatched_seeds=True
        )
    )


def read() -> Recipe:
    """Between rounds a reader, blind to the labels, decides on what the proposal lists (docs/recall.md)."""
    recipe = automatic()
    edited = edited_patterns(str(PATTERNS / _pool()))
    # A reader's patterns also name pages that this pool, a sample of its sites, does not have.
    return replace(recipe, recall=replace(recipe.recall, edited=edited, unmatched_seeds=True))


def half() -> Recipe:
    """The decisions of `read` on half of the hosts, drawn by a hash; nobody looked at the others."""
    recipe = read()
    edited = tuple(
        replace(told, patterns=tuple(pattern for pattern in told.patterns if _is_looked_at(pattern[1])))
        for told in recipe.recall.edited
    )
    return replace(recipe, recall=replace(recipe.recall, edited=edited))


def _is_looked_at(pattern: str) -> bool:
    return blake2b(pattern.partition("/")[0].encode(), digest_size=1, person=b"recall-half").digest()[0] < 128


def fasttext() -> Recipe:
    """The published learner, with the decisions of `read`."""
    recipe = read()
    return replace(recipe, recall=replace(recipe.recall, classifier=CLASSIFIER))


def code() -> Recipe:
    """Pages with code, from such pages of three sites of Python libraries; nobody looks in between."""
    label = Label(name="code", url_patterns=CODE_SEEDS, cut_tokens=CODE_CUTS)
    return _recipe(RecallConfig(labels=(label,), rounds=3, classifier=WORDS))


def _pool() -> str:
    return Path(os.environ["RECALL_POOL"]).name


def _math() -> Label:
    return Label(name="math", url_patterns=STARTS[_pool()], cut_tokens=CUTS[_pool()])


def _recipe(recall: RecallConfig) -> Recipe:
    # Where a pool lies is no part of what it is, and both are built below one root: the dump's name tells them apart.
    pages = CommonCrawl(folder=os.environ["RECALL_POOL"], dump=f"labelled-{_pool()}")
    batch = Batch(name="pages", source=pages, extract=page_text, output="pool", shard_bytes=16 << 20)
    return Recipe(crawl=CrawlConfig(batches=(batch,)), recall=recall, mix=MixConfig())
