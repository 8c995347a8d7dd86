"""Stage: all annotations, and documents without text -> verdicts; one annotation shard per document shard."""

from corpus.schema import VERDICTS
from filters.rules import FilterConfig, verdicts
from pipelines.stage import Result, Shards, Work, tally

_DOCUMENTS = ("id", "source", "kind", "origin", "label")


def run(
    work: Work,
    cfg: FilterConfig,
    documents: Shards,
    languages: Shards,
    spans: Shards,
    licenses: Shards,
    contamination: Shards,
    source_scores: Shards,
    **measures: Shards,
) -> Result:
    """`measures`: the outputs of `measure`, by group; a user's own groups are among them."""
    aligned = (documents, languages, spans, licenses, contamination, source_scores, *measures.values())
    columns = (_DOCUMENTS, *(None for _ in aligned[1:]))
    shards = work.annotate(verdicts, cfg, *aligned, step="verdicts", schema=VERDICTS, columns=columns)
    return Result({"verdicts": shards}, tally(shards))
