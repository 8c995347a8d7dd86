"""Between two recall rounds: which folders and pages a person gets to read, with what they hold.

Comes in: pages, what the round collected, the seed. Goes out: per label the listed folders' sample pages, pages spread
over folders around the cut that nobody has decided, and pages of the seed that read otherwise. Each shard offers its
few best; one small task chooses, and reads the beginnings of what it chose: memory holds what the shards offer,
`_OFFERED` pages of each at most.
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from corpus.shards import Store
from filters.recall import Joining, addresses, ties
from filters.recall_reading import FAR, allotted, doubt, spread
from pipelines.recall_cuts import read_beginnings
from pipelines.stage import Job, Shards, Work

SAMPLE, PAGE, ODD = "sample", "page", "odd"  # of a listed folder; to decide; of the seed, and reads otherwise
_SAMPLES = 3  # pages shown of a folder
_OFFERED = 2_000  # pages that one shard offers of each label, beside samples of folders
OFFERS = pa.schema(
    [
        ("label", pa.string()),
        ("group", pa.string()),  # a listed folder, or a domain
        ("listed", pa.bool_()),
        ("what", pa.string()),  # SAMPLE, PAGE or ODD
        ("above", pa.bool_()),
        ("logit", pa.float64()),
        ("doubt", pa.float64()),  # 1 at the cut
        ("tie", pa.uint32()),
        ("row", pa.int64()),
    ]
)


def find_reading(
    work: Work,
    depth: int,
    pages: tuple[int, int],
    aligned: tuple[Shards, Shards, Shards, Shards],
    found: dict[str, Any],
) -> Shards:
    """One artefact: per label `folders` (name -> sample pages), `pages` to decide and `odd` pages of the seed.

    `pages`: how many of both at most. `found` has by label the folders, the cut, and the addresses `decided` by a line
    of their own, which are not odd however they read.
    """
    params = {
        label: ([row["folder"] for row in told["folders"]], told["cut"], tuple(told["decided"]))
        for label, told in sorted(found.items())
    }
    jobs = [Job(([p], [i], [s], [m]), params=params, batch=p.batch) for p, i, s, m in zip(*aligned, strict=True)]
    offers = work.map(offer, (depth, pages), jobs, step="offers", schema=OFFERS)
    return work.map(choose, pages, [Job((offers, aligned[0]))], step="reading", schema=None)


def offer(store: Store, cfg: tuple[int, tuple[int, int]], job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """The shard's samples of listed folders, its undecided pages in doubt, and its lowest pages of the seed."""
    (pages,), (tokens,), (scores,), (seeds,) = job.inputs
    depth, (most, most_odd) = cfg
    params: Any = job.params
    table = store.table(pages, ["id", "origin", "url"])
    where, domains = addresses(table["url"].combine_chunks()), table["origin"].to_pylist()
    tied = ties(table["id"].to_pylist())
    has_text = store.table(tokens, ["n_tokens"])["n_tokens"].to_numpy() > 0
    selected = store.table(scores)
    collected = np.array(selected["label"].to_pylist(), object)
    chance = np.clip(selected["score"].to_numpy().astype(np.float64), 1e-7, 1 - 1e-7)
    logits = np.log(chance) - np.log1p(-chance)
    seed_labels = store.table(seeds, ["label"])["label"]
    seeded, decided_on = np.array(seed_labels.to_pylist(), object), seed_labels.is_valid().to_numpy()
    rows: list[tuple[Any, ...]] = []
    for label, (names, cut, decided) in params.items():
        listed = Joining([(label, name) for name in names], depth)
        matches = [listed.match(address) if has else None for address, has in zip(where, has_text, strict=True)]
        groups = [m[1] if m else (d or a.partition("/")[0]) for m, d, a in zip(matches, domains, where, strict=True)]
        shown: dict[str, int] = {}
        for row in np.argsort(tied, kind="stable").tolist():
            if matches[row] and shown.setdefault(groups[row], 0) < _SAMPLES:
                shown[groups[row]] += 1
                above = collected[row] == label
                rows.append((label, groups[row], True, SAMPLE, above, logits[row], 0.0, int(tied[row]), row))
        own = set(decided)
        inside = [row for row in np.flatnonzero(has_text & (seeded == label)).tolist() if where[row] not in own]
        for row in sorted(inside, key=lambda row: (logits[row], tied[row]))[:most_odd]:
            above = collected[row] == label
            rows.append((label, groups[row], False, ODD, above, logits[row], 0.0, int(tied[row]), row))
        if cut is None or not most:
            continue
        doubts = doubt(logits, cut)
        open_ = has_text & ~decided_on & (doubts >= FAR) & np.array([c is None or c == label for c in collected], bool)
        taken: dict[str, int] = {}
        candidates = np.flatnonzero(open_)
        for row in candidates[np.lexsort((tied[candidates], -doubts[candidates]))][:_OFFERED].tolist():
            if taken.setdefault(groups[row], 0) < most:
                taken[groups[row]] += 1
                is_listed, above = matches[row] is not None, collected[row] == label
                rows.append((label, groups[row], is_listed, PAGE, above, logits[row], doubts[row], int(tied[row]), row))
    columns = zip(*rows, strict=True) if rows else [()] * len(OFFERS)
    made = [pa.array(list(c), f.type) for c, f in zip(columns, OFFERS, strict=True)]
    yield pa.RecordBatch.from_arrays(made, schema=OFFERS)


def choose(store: Store, cfg: tuple[int, int], job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """The samples of each folder, and the pages spread over groups; with address and beginning."""
    offers, documents = job.inputs
    by_label: dict[str, list[dict[str, Any]]] = {}
    for number, shard in enumerate(offers):
        for row in store.table(shard).to_pylist():
            by_label.setdefault(row["label"], []).append({**row, "shard": number})
    samples = {label: _samples(rows) for label, rows in by_label.items()}
    pages = {label: _pages(rows, cfg[0]) for label, rows in by_label.items()}
    odd = {label: _odd(rows, cfg[1]) for label, rows in by_label.items()}
    wanted: dict[int, list[dict[str, Any]]] = {}
    for chosen in (*samples.values(), *pages.values(), *odd.values()):
        for row in chosen:
            wanted.setdefault(row["shard"], []).append(row)
    for number, rows in wanted.items():
        read_beginnings(store, documents[number], rows)
    made: dict[str, Any] = {label: {"folders": {}, "pages": [], "odd": []} for label in by_label}
    for label, chosen in samples.items():
        for row in chosen:
            made[label]["folders"].setdefault(row["group"], []).append(_shown(row))
    for label, chosen in pages.items():
        made[label]["pages"] += [_shown(row) for row in chosen]
    for label, chosen in odd.items():
        made[label]["odd"] += [_shown(row) for row in chosen]
    yield json.dumps(made, indent=1).encode()


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    score = float(1 / (1 + np.exp(-row["logit"])))
    return {"where": row["where"], "score": score, "above": row["above"], "text": row["text"]}


def _samples(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for row in sorted((r for r in rows if r["what"] == SAMPLE), key=lambda r: (r["tie"], r["shard"], r["row"])):
        found.setdefault(row["group"], []).append(row)
    return [row for group in found.values() for row in group[:_SAMPLES]]


def _odd(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Pages of the seed that read least like it, the least first."""
    return sorted((r for r in rows if r["what"] == ODD), key=lambda r: (r["logit"], r["tie"], r["shard"]))[:most]


def _pages(rows: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Pages of listed folders and of domains of which something was collected, group by group, best first."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in sorted((r for r in rows if r["what"] == PAGE), key=lambda r: (-r["doubt"], r["tie"], r["shard"])):
        groups.setdefault(row["group"], []).append(row)
    groups = {
        name: sorted(found[:most], key=lambda r: (-r["logit"], r["tie"], r["shard"])) for name, found in groups.items()
    }
    close = {name: found for name, found in groups.items() if any(r["listed"] or r["above"] for r in found)}
    cuts = {name: np.array([r["doubt"] for r in found]) for name, found in close.items()}
    numbers = allotted(cuts, most)
    return [close[name][at] for name in sorted(numbers) for at in spread(cuts[name], numbers[name])]
