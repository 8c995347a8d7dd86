"""Between two recall rounds: which domains are about a subject, and which URL prefixes a person may edit join the
seed.

Comes in: pages and what the round collected. Goes out: related domains and prefixes as JSON, and the same as the file
that a person edits. Pages are counted per shard; domains are then joined in parts by a hash, so that a part holds some
`_PART_ROWS` counts at most (300 bytes each), whatever the size of the pool.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpus.shards import Store
from filters.recall import (
    SITES,
    Edited,
    RecallConfig,
    addresses,
    best_first,
    collected_domains,
    edit_file,
    parse_edits,
    related,
    sites,
)
from filters.recall_reading import DEEPEST, folders, shallow
from pipelines.recall_reading import find_reading
from pipelines.stage import Job, Shards, Work

_PART_ROWS = 2_000_000
FILE = "round-{}.tsv"


@dataclass(frozen=True)
class Close:
    """What is related after a round."""

    found: dict[str, Any]  # by label: domains, prefixes, and how many domains anything was collected of
    proposals: Shards  # one artefact: the file for a person


def edited_patterns(folder: str) -> tuple[Edited, ...]:
    """The files `round-N.tsv` in a folder, as the recipe's setting; their content is part of the build's identity."""
    if not Path(folder).is_dir():
        raise ValueError(f"no folder {folder!r} of edited patterns: create it, or leave edited=() out")
    names: dict[int, Path] = {}
    for path in Path(folder).glob("*.tsv"):
        number = path.stem.removeprefix("round-")
        if not number.isdigit() or int(number) < 1:
            raise ValueError(
                f"{path} is not named as a file of edited patterns is: round-1.tsv is for what follows round 1"
            )
        names[int(number)] = path
    return tuple(
        Edited(round=number, patterns=parse_edits(path.read_text(encoding="utf-8"), str(path)))
        for number, path in sorted(names.items())
    )


def find_close(
    work: Work,
    cfg: RecallConfig,
    aligned: tuple[Shards, Shards, Shards, Shards],
    number: int,
    lowest: dict[str, float | None],
) -> Close:
    """Count, join, and write the proposal that follows round `number`, counted from 1, with what is worth reading.

    `aligned`: pool, ids, selection, seeds; `lowest`: the lowest logit inside each label's cut.
    """
    pool, ids, scores, _ = aligned
    labels = tuple(label.name for label in cfg.labels)
    jobs = [Job(([p], [i], [s]), batch=p.batch) for p, i, s in zip(pool, ids, scores, strict=True)]
    counted = work.map(count_sites, labels, jobs, step="sites", schema=SITES)
    n_parts = max(1, -(-sum(shard.rows for shard in counted) // _PART_ROWS))
    jobs = [Job((counted,), params=(part, n_parts)) for part in range(n_parts)]
    settings = (labels, cfg.prefix_depth, (cfg.domain_share, cfg.prefix_share, cfg.min_pages))
    parts = work.map(find_related, settings, jobs, step="related", schema=None)
    found = _joined([json.loads(work.store.read_bytes(part)) for part in parts])
    decided = [pattern for edited in cfg.edited if edited.round < number for _, pattern in edited.patterns]
    cuts = {
        label: {"folders": row["folders"], "cut": lowest.get(label), "decided": decided} for label, row in found.items()
    }
    # Without folds a seed page's score is of the model that it trained, and says nothing about it.
    odd = cfg.read // 4 if cfg.classifier.folds > 1 else 0
    reading = find_reading(work, cfg.prefix_depth, (cfg.read, odd), aligned, cuts)
    jobs = [Job((reading,), params=(number, found))]
    proposals = work.map(write_proposals, None, jobs, step="proposals", schema=None)
    return Close(found, proposals)


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Related domains are few: a part of those of which a tenth was collected."""
    made: dict[str, Any] = {}
    for label in parts[0]:
        rows = {key: [row for part in parts for row in part[label][key]] for key in ("domains", "prefixes", "folders")}
        made[label] = {
            "domains": best_first(rows["domains"], "domain"),
            "prefixes": best_first(rows["prefixes"], "prefix"),
            "folders": sorted(rows["folders"], key=lambda row: row["folder"]),
            "collected_domains": sum(part[label]["collected_domains"] for part in parts),
        }
    return made


def count_sites(store: Store, cfg: tuple[str, ...], job: Job, counts: "Counter[str]") -> Iterator[pa.RecordBatch]:
    """Pages and collected pages of the shard by domain and folder; one row per label."""
    (pages,), (tokens,), (scores,) = job.inputs
    labels = cfg
    has_text = pc.greater(store.table(tokens, ["n_tokens"])["n_tokens"], 0)
    table = store.table(pages, ["origin", "url"]).filter(has_text)
    collected = store.table(scores, ["label"]).filter(has_text)["label"].to_pylist()
    urls = addresses(table["url"].combine_chunks())
    found = sites(labels, table["origin"].to_pylist(), urls, collected, DEEPEST)
    rows = [
        {"label": label, "domain": domain, "prefix": prefix, "pages": row[0], "collected": row[i]}
        for (domain, prefix), row in sorted(found.items())
        for i, label in enumerate(labels, 1)
    ]
    yield pa.RecordBatch.from_pylist(rows, SITES)


def find_related(store: Store, cfg: Any, job: Job, counts: "Counter[str]") -> Iterator[bytes]:
    """Related domains and proposed prefixes of one part of the domains."""
    labels, depth, (domain_share, prefix_share, min_pages) = cfg
    params: Any = job.params
    part, n_parts = params
    found: dict[tuple[str, str], list[int]] = {}
    for shard in job.inputs[0]:
        for batch in store.batches(shard):
            for row in batch.to_pylist():
                if n_parts > 1 and _part_of(row["domain"], n_parts) != part:
                    continue
                whole = found.setdefault((row["domain"], row["prefix"]), [0] * (1 + len(labels)))
                whole[1 + labels.index(row["label"])] += row["collected"]
                whole[0] += row["pages"] if row["label"] == labels[0] else 0
    settings = RecallConfig(domain_share=domain_share, prefix_share=prefix_share, min_pages=min_pages)
    close: Mapping[str, Any] = related(settings, labels, shallow(found, depth))
    domains = collected_domains(labels, found)
    made = {
        label: {
            **close[label],
            "folders": folders(found, i, depth, min_pages, domain_share),
            "collected_domains": domains[label],
        }
        for i, label in enumerate(labels, 1)
    }
    yield json.dumps(made, indent=1).encode()


def _part_of(domain: str, n_parts: int) -> int:
    digest = blake2b(domain.encode(), digest_size=8, person=b"recall").digest()
    return int.from_bytes(digest, "little") % n_parts


def write_proposals(store: Store, cfg: None, job: Job, counts: "Counter[str]") -> Iterator[bytes]:
    """The file that a person may edit."""
    params: Any = job.params
    (reading,) = job.inputs[0]
    number, found = params
    yield edit_file(number, found, json.loads(store.read_bytes(reading))).encode()
