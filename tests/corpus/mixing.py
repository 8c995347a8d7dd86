"""Samples as (domain, sub-domain, language, tokens), and a mixture of them; language may be left out."""

import numpy as np
import pyarrow as pa

from corpus.mix_plan import plan, repeats
from corpus.mixture import Share, budgets, narrow
from corpus.schema import SAMPLES

TWO = (Share(domain="code", share=0.7, max_repeats=3), Share(domain="math", share=0.3, max_repeats=2))


def samples(rows):
    """A samples batch, and the function that counts its tokens."""
    made = [
        {
            "sample": i.to_bytes(16, "big"),
            "domain": row[0],
            "subdomain": row[1],
            "language": row[2] if len(row) == 4 else None,
            "documents": [],
        }
        for i, row in enumerate(rows)
    ]
    return pa.RecordBatch.from_pylist(made, SAMPLES), lambda batch: np.array([row[-1] for row in rows], np.int64)


def mixed(cfg, rows, seed=0, at=None):
    """Lines, repeats, counts; the rows come in two batches cut at `at`."""
    batch, counts = narrow(*samples(rows), seed)
    parts = [batch] if at is None else [batch[:at], batch[at:]]
    lengths = {share.domain: share.lengths for share in cfg.shares if share.lengths}
    lines = plan(budgets(cfg, counts), lengths, lambda: parts, cfg.tolerance)
    made, counted = repeats(lines, batch)
    return lines, made["repeats"].to_pylist(), counted
