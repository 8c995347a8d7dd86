"""Benchmark `crawl_warc`: the demo's WARC files to text, and the share of it that is extraction.

"List" freezes what there is, "read" fetches each page by offset and length, "extract" makes text; MB of HTML a second
of processor time. The peer of "all" is extraction alone on the same pages in memory: what is lost is the crawl's own.
"""

import time
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from benchmarks._figures import figure
from corpus.extract import page_text
from corpus.schema import LISTING
from corpus.sources.commoncrawl import CommonCrawl, listing, read, roots
from pipelines.recipes import demo


def rows() -> Iterator[dict[str, Any]]:
    """One dictionary per figure, with the keys that `python -m benchmarks` prints."""
    yield from measured(next(batch.source for batch in demo().crawl.batches if batch.output == "pool"))


def measured(source: CommonCrawl) -> Iterator[dict[str, Any]]:
    """The rows for the WARC files of one source."""
    started = time.process_time()
    tables = [pa.Table.from_batches(list(listing(source, root)), LISTING) for root in roots(source)]
    listed = time.process_time()
    taken = [table.filter(pc.is_null(table["refused"])) for table in tables]
    raws = [raw for table in taken for raw in read(source, table) if not raw.refused]
    was_read = time.process_time()
    page_text(raws[0])  # compiled, or read from the cache
    compiled = time.process_time()
    for raw in raws:
        page_text(raw)
    seconds = {"list": listed - started, "read": was_read - listed, "extract": time.process_time() - compiled}
    size = sum(len(raw.data) for raw in raws) / 1e6
    for what, spent in seconds.items():
        yield figure("crawl_warc", what, "MB/s", size / spent)
    whole, alone = size / sum(seconds.values()), size / seconds["extract"]
    yield figure("crawl_warc", f"all, {len(raws):,} pages", "MB/s", whole, "extraction alone", alone)
