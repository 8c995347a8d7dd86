"""Recipes of docs/own_data.md: a corpus of one's own repositories, pages and prose. Copy this file and change it.

Folders come from the environment, so that workers elsewhere can be told other places; the defaults are the demo's.
"""

import os
from dataclasses import replace

from corpus.decode import plain_text
from corpus.extract import page_text
from corpus.mixture import MixConfig, Share
from corpus.notebooks import source_text
from corpus.sources.commoncrawl import CommonCrawl
from corpus.sources.documents import Documents, File
from corpus.sources.git import Git
from filters import code, math, text
from filters.assembly import AssemblyConfig
from filters.recall import Label, RecallConfig, RecallSourceConfig
from filters.recall_model import ClassifierConfig
from filters.rule import Rule, RuleSet
from filters.rules import FilterConfig
from filters.survivors import DedupConfig
from pipelines.crawl import Batch, CrawlConfig
from pipelines.recipes import Recipe
from tokenization.exporters import ExportConfig

CUTOFF = "2023-11-01"  # what is younger is refused as `after_cutoff`


def repositories() -> Recipe:
    """The least that makes rows: clones in a folder, all of the mixture code, published rules, nothing recalled."""
    return Recipe(
        crawl=CrawlConfig(batches=(_clones(),)),
        recall=RecallConfig(),  # no labels: no pages are looked for
        recall_source=RecallSourceConfig(rounds=0),
        mix=MixConfig(shares=(Share(domain="code", share=1.0, max_repeats=1),)),  # the default repeats up to four times
        filter=FilterConfig(held_out=0.05),  # of few repositories a larger share, so that some are held out
    )


def own() -> Recipe:
    """Repositories, web pages and prose, with rules, a mixture and exports of one's own."""
    small_pool = ClassifierConfig(dim=32, learning_rate=0.5, buckets=1 << 14, max_positives=300, max_negatives=300)
    return replace(
        repositories(),
        crawl=CrawlConfig(batches=(_clones(), _pages(), _prose())),
        # Pages of these sites are the seed; pages like them are kept, so many tokens in each round.
        recall=RecallConfig(
            labels=(
                Label(name="code", domains=("docs.sqlalchemy.org",), cut_tokens=(400_000,)),
                Label(name="math", domains=("docs.sympy.org",), cut_tokens=(300_000,)),
            ),
            rounds=1,
            min_pages=5,
            classifier=small_pool,
        ),
        # The first set that takes a document judges it. `generated`, `vendored`, `minified` and `test` are marks of
        # `classify`; the published rules do not ask for them.
        filter=FilterConfig(
            rules=(
                RuleSet(
                    kinds=("file",),
                    languages=("C", "Go", "Shell"),
                    rules=(
                        Rule("generated", high=0, why="configure scripts and lock files teach nothing"),
                        Rule("vendored", high=0, why="other people's code, met in its own repository"),
                        Rule("n_chars", low=100, why="a stub"),
                        *code.DEEPSEEK[0].rules,  # lines and letters
                    ),
                ),
                *code.DEEPSEEK,
                *code.ISSUES,
                *math.PAGES,
                *code.PAGES,
                *text.GOPHER,  # English; other languages fail its stop words
            ),
            held_out=0.05,
            split_seed=3,
            licenses="permissive",  # of repositories; "record" keeps all and says which
        ),
        # Repositories, then files: vendored copies go too. `verify` compares each pair that shares a band again.
        dedup=DedupConfig(unit="both", verify=0.85),
        assemble=AssemblyConfig(mode="repository"),  # dependencies first
        mix=MixConfig(
            shares=(
                Share(domain="code", share=0.7, temperature=1.5),
                Share(domain="math", share=0.05),
                Share(domain="natural", share=0.25),
            )
        ),
        export=ExportConfig(formats=("huggingface", "megatron")),
    )


def _clones() -> Batch:
    return Batch(name="repositories", source=Git(folder=_folder("CLONES", "demo-input/git")), extract=source_text)


def _pages() -> Batch:
    """WARC files; `output="pool"`: recall selects from them."""
    source = CommonCrawl(folder=_folder("WARCS", "demo-input/warc"), cutoff=CUTOFF)
    return Batch(name="pages", source=source, extract=page_text, output="pool")


def _prose() -> Batch:
    """JSON lines with these columns."""
    source = Documents(
        folder=_folder("PROSE", "demo-input/prose"),
        form="jsonl",
        files=(File(file="wikipedia.jsonl"),),  # none named: every file below the folder
        text="text",
        id="id",
        date="date",
        cutoff=CUTOFF,
    )
    return Batch(name="prose", source=source, extract=plain_text)


def _folder(variable: str, default: str) -> str:
    """Absolute, because workers may run elsewhere; where a folder lies is no part of any identity."""
    return os.path.abspath(os.environ.get(variable, default))
