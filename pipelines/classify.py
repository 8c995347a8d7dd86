"""Stage: documents -> language, how each was decided, and marks; one annotation shard per document shard."""

from collections import Counter

import pyarrow as pa

from corpus.languages import ClassifyConfig, classify
from corpus.schema import LANGUAGES
from pipelines.stage import Result, Shards, Work, tally

COLUMNS = ("kind", "path", "declared", "text")
MARKS = ("generated", "vendored", "minified", "test", "data_heavy")


def counted(cfg: ClassifyConfig, documents: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
    """`classify`, with how many rows each step decided, what they are, and how many carry each mark."""
    languages = classify(cfg, documents)
    counts: Counter[str] = Counter()
    counts.update(f"how.{how}" for how in languages.column("how").to_pylist())
    for name in ("language", "text_format", "outside"):
        counts[name] = languages.num_rows - languages.column(name).null_count
    for name in MARKS:
        counts[name] = languages.column(name).true_count
    return languages, dict(counts)


def run(work: Work, cfg: ClassifyConfig, documents: Shards) -> Result:
    """Classify every document; a global count by step."""
    languages = work.annotate(counted, cfg, documents, step="annotate", schema=LANGUAGES, columns=[COLUMNS])
    return Result({"languages": languages}, tally(languages))
