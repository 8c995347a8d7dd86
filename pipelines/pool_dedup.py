"""Stage: web pages, signatures -> which pages recall may read: one of each URL, then one of each cluster of texts.

The keys, clusters and decisions are dedup's own; here every page has passed, and none is held out.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from corpus import exact
from corpus.bands import slices_for, sorted_bands
from corpus.schema import BANDS
from corpus.shards import Store
from filters.survivors import DedupConfig
from pipelines.clustering import Keys, Layout, Pass, cluster, scopes_of
from pipelines.dedup import file_keys, gather, preferred, survive
from pipelines.stage import Job, Result, Shards, Work, tally


def run(work: Work, cfg: DedupConfig, documents: Shards, signatures: Shards, bands: Shards) -> Result:
    """Pages of one URL first, so that a page that changed between dumps is still one page."""
    cfg = replace(cfg, minhash=replace(cfg.minhash, group_bytes=1))
    layout = Layout.of(bands, signatures)
    none: Shards = []
    aligned = (documents, signatures, none, none, *preferred(cfg, None, None))
    pages = gather(work, cfg, layout, aligned, by_repository=False)
    jobs = [Job((documents[group],), batch=documents[group.start].batch) for group in layout.shards]
    urls = work.map(write_url_keys, None, jobs, step="urls", schema=BANDS)
    passes: list[Pass] = []
    if cfg.unit != "none":
        scopes = scopes_of(work, cfg, layout, documents)
        by_url = Keys(urls, exact=(0,), near=(), behind=layout.behind(signatures, ("signature",)), scopes=scopes)
        passes.append(cluster(work, cfg, layout, by_url, pages, passes, "url_duplicate"))
        by_text = file_keys(cfg, layout, bands, signatures, documents, scopes)
        passes.append(cluster(work, cfg, layout, by_text, pages, passes, "near_duplicate"))
    made = survive(work, cfg, layout, (signatures, none, none, pages), passes, none)
    return Result({"pool_survivors": made}, tally(made))


def write_url_keys(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """The group's keys of normalized URLs, sorted, as a band of their own; a page without a URL has none."""
    keys, shards, rows = [np.zeros(0, np.uint64)], [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for position, shard in enumerate(job.inputs[0]):
        column = store.table(shard, ["url"])["url"].combine_chunks()
        known = np.flatnonzero(column.is_valid())
        keys.append(exact.url_keys(column)[known])
        shards.append(np.full(len(known), position, np.int32))
        rows.append(known.astype(np.int32))
    columns = (np.concatenate(keys), np.concatenate(shards), np.concatenate(rows))
    counts["shards"], counts["slices"] = len(job.inputs[0]), slices_for(len(columns[0]))
    yield from sorted_bands([(0, *columns)], counts["slices"])
