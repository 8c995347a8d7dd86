"""Stage: documents and languages -> measures; one annotation shard per document shard and group of measures."""

from filters.group import measured
from filters.measures import MeasureConfig
from pipelines.stage import Result, Shards, Work, tally


def run(work: Work, cfg: MeasureConfig, documents: Shards, languages: Shards) -> Result:
    """One output per group, each with an identity of its own: a new group computes only itself."""
    outputs = {
        group.name: work.annotate(measured, group, documents, languages, step=group.name, schema=group.schema())
        for group in cfg.groups
    }
    totals = [tally(shards) for shards in outputs.values()]
    return Result(outputs, {"rows": max((total.get("rows", 0) for total in totals), default=0)})
