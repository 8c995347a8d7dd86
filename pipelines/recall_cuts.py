"""What a recall round selects: each label's best pages up to a budget of tokens, and which pages lie around the cut.

Comes in: every page's logits and number of tokens. Goes out: the last rank inside each budget, an annotation of scores
and labels, and for each label the pages just above and just below its cut. The cut holds no more than histograms and,
where the pool is small, one narrow column of it: a pool of any size is cut in four passes, each of them a task per
group of shards.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.cuts import ALL_INSIDE, NONE_INSIDE, Window, histogram_within, is_inside, narrowed
from corpus.schema import RECALL_SCORES
from corpus.shards import Store
from filters.recall import NEVER, rank_keys, selected
from filters.recall_model import probability
from pipelines.stage import Job, Shards, Work, tally

_EXCERPT = 240  # characters of each
_LOOKED_AT = 4_000  # characters in which a heading is looked for
_HEADING = re.compile(r"^#{1,6} ", re.MULTILINE)
_GROUP = 256  # shards whose histograms one task adds
NEAR = pa.schema(
    [
        ("label", pa.string()),
        ("above", pa.bool_()),  # inside the cut
        ("key", pa.uint64()),  # of the order by descending score
        ("logit", pa.float32()),
        ("n_tokens", pa.int32()),
        ("row", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Selection:
    """Aligned shards that a selection is made from."""

    documents: Shards
    ids: Shards
    scored: Shards
    before: Shards | None  # the selection of the round before


@dataclass(frozen=True)
class Selected:
    """What a cut selects."""

    scores: Shards  # RECALL_SCORES
    table: dict[str, dict[str, Any]]  # by label


def cut_and_select(work: Work, given: Selection, budgets: dict[str, int], samples: int) -> Selected:
    """Cut each label's ranking, label the pages inside, and look at `samples` pages on both sides of each cut."""
    cuts = _cuts(work, given.scored, given.ids, budgets)
    lasts = work.map(write_cuts, None, [Job((), params=cuts)], step="cut", schema=None)
    jobs = [
        Job(([s], [i], lasts, [given.before[n]] if given.before else []), batch=s.batch)
        for n, (s, i) in enumerate(zip(given.scored, given.ids, strict=True))
    ]
    scores = work.map(select, None, jobs, step="select", schema=RECALL_SCORES)
    jobs = [Job(([s], [i], lasts), batch=s.batch) for s, i in zip(given.scored, given.ids, strict=True)]
    near = work.map(find_near, samples, jobs, step="near", schema=NEAR)
    written = work.map(write_samples, samples, [Job((near, given.documents))], step="samples", schema=None)
    shown = json.loads(work.store.read_bytes(written[0]))
    counts = tally(scores)
    table = {}
    for label, last in cuts.items():
        pages, new = counts.get(f"selected.{label}", 0), counts.get(f"new.{label}", 0)
        table[label] = {
            "pages": pages,
            "tokens": counts.get(f"tokens.{label}", 0),
            "new_pages": new,
            "pages_of_before": pages - new,
            "lost_pages": counts.get(f"before.{label}", 0) - (pages - new),
            "lowest_logit": _lowest(last, shown.get(label, [])),
            "samples": shown.get(label, []),
        }
    return Selected(scores, table)


def _cuts(work: Work, scored: Shards, ids: Shards, budgets: dict[str, int]) -> dict[str, int]:
    """Per label the last key inside its budget."""
    found: dict[str, Window | int] = {label: Window(room=budget) for label, budget in budgets.items()}
    while True:
        windows = tuple((label, w.low, w.bits, w.room) for label, w in found.items() if isinstance(w, Window))
        if not windows:
            return {label: last for label, last in found.items() if isinstance(last, int)}
        jobs = [
            Job((scored[at : at + _GROUP], ids[at : at + _GROUP]), params=windows)
            for at in range(0, len(scored), _GROUP)
        ]
        parts = work.map(add_histograms, None, jobs, step="histogram", schema=None)
        sums = sum(np.frombuffer(work.store.read_bytes(part), "<i8").reshape(len(windows), -1) for part in parts)
        for row, (label, *window) in zip(np.asarray(sums), windows, strict=True):
            found[label] = narrowed(Window(*window), row)


def add_histograms(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Tokens by 16 more bits of the keys, one histogram per label: int64, in the order of the windows."""
    scored, tokens = job.inputs
    windows: Any = job.params
    sums = [np.zeros(1 << 16, np.int64) for _ in windows]
    names = ["tie", *dict.fromkeys(label for label, *_ in windows)]
    for a, b in zip(scored, tokens, strict=True):
        for found, n in zip(store.batches(a, names), store.batches(b, ["n_tokens"]), strict=True):
            for total, (label, *window) in zip(sums, windows, strict=True):
                keys = rank_keys(found[label].to_numpy(), found["tie"].to_numpy())
                total += histogram_within(Window(*window), keys, n["n_tokens"].to_numpy())
    yield np.stack(sums).astype("<i8").tobytes()


def write_cuts(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Per label the last key inside."""
    yield json.dumps(job.params).encode()


def _lowest(last: int, samples: list[dict[str, Any]]) -> float | None:
    """The lowest logit inside; None where the cut takes all or nothing."""
    inside = [page["logit"] for page in samples if page["above"]]
    return inside[-1] if inside and last not in (ALL_INSIDE, NONE_INSIDE) else None


def select(store: Store, cfg: None, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """The selection: pages inside a label's cut, and what was not selected by the round before."""
    (scored,), (tokens,), (cuts,), before = job.inputs
    lasts = json.loads(store.read_bytes(cuts))
    earlier = store.table(before[0], ["label"])["label"].to_pylist() if before else None
    at = 0
    for found, batch in zip(store.batches(scored), store.batches(tokens, ["n_tokens"]), strict=True):
        numbers, labels = batch["n_tokens"].to_numpy(), list(lasts)
        tied, values = found["tie"].to_numpy(), [found[label].to_numpy() for label in labels]
        within = [
            is_inside(rank_keys(v, tied), last) & (v > NEVER) for v, last in zip(values, lasts.values(), strict=True)
        ]
        made = selected(labels, values, within, numbers > 0)
        was = earlier[at : at + len(numbers)] if earlier else [None] * len(numbers)
        at += len(numbers)
        for name, old, n in zip(made["label"].to_pylist(), was, numbers.tolist(), strict=True):
            more = {f"before.{old}": 1} if old is not None else {}
            if name is not None:
                more |= {f"selected.{name}": 1, f"tokens.{name}": n, f"new.{name}": int(name != old)}
            for counter, amount in more.items():
                counts[counter] = counts.get(counter, 0) + amount
        yield made


def find_near(store: Store, cfg: int, job: Job, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """The shard's pages nearest to each cut, on both sides."""
    (scored,), (tokens,), (cuts,) = job.inputs
    lasts = json.loads(store.read_bytes(cuts))
    table, numbers = store.table(scored), store.table(tokens, ["n_tokens"])["n_tokens"].to_numpy()
    rows = []
    for label, last in lasts.items():
        logits = table[label].to_numpy()
        keys = rank_keys(logits, table["tie"].to_numpy())
        inside = is_inside(keys, last)
        for above in (True, False):
            candidates = np.flatnonzero((inside == above) & (numbers > 0))
            order = candidates[np.argsort(keys[candidates], kind="stable")]
            for row in order[-cfg:].tolist() if above else order[:cfg].tolist():
                rows.append((label, above, int(keys[row]), float(logits[row]), int(numbers[row]), row))
    columns = zip(*rows, strict=True) if rows else [()] * len(NEAR)
    yield pa.RecordBatch.from_arrays([pa.array(c, f.type) for c, f in zip(columns, NEAR, strict=True)], schema=NEAR)


def write_samples(store: Store, cfg: int, job: Job, counts: dict[str, int]) -> Iterator[bytes]:
    """Per label the pages nearest to its cut, the best first, each with the beginning of its text."""
    near, documents = job.inputs
    best: dict[tuple[str, bool], list[dict[str, Any]]] = {}
    for number, shard in enumerate(near):
        for row in store.table(shard).to_pylist():
            side = best.setdefault((row["label"], row["above"]), [])
            side.append({**row, "shard": number})
            side.sort(key=lambda r: (r["key"], r["shard"], r["row"]))
            del side[: -cfg if row["above"] else 0]
            del side[cfg:]
    wanted: dict[int, list[dict[str, Any]]] = {}
    for rows in best.values():
        for row in rows:
            wanted.setdefault(row["shard"], []).append(row)
    for number, rows in wanted.items():
        read_beginnings(store, documents[number], rows)
    made: dict[str, list[dict[str, Any]]] = {}
    for (label, above), rows in sorted(best.items(), key=lambda item: (item[0][0], not item[0][1])):
        for row in rows:
            score = float(probability(np.array([row["logit"]]))[0])
            shown = {
                "above": above,
                "score": score,
                "logit": row["logit"],
                "tokens": row["n_tokens"],
                "where": row["where"],
            }
            made.setdefault(label, []).append({**shown, "text": row["text"]})
    yield json.dumps(made, indent=1).encode()


def read_beginnings(store: Store, documents: Any, rows: list[dict[str, Any]]) -> None:
    """Fill in where the pages are from and how they begin; one row group of text at a time."""
    start = 0
    for batch in store.batches(documents, ["repo", "path", "url", "text"]):
        for row in rows:
            at = row["row"] - start
            if 0 <= at < batch.num_rows:
                names = [batch[name][at].as_py() for name in ("url", "repo", "path")]
                row["where"] = names[0] or "/".join(name for name in names[1:] if name)
                text = pc.utf8_slice_codeunits(batch["text"].slice(at, 1), 0, _LOOKED_AT)[0].as_py() or ""
                row["text"] = beginning(text)
        start += batch.num_rows


def beginning(text: str) -> str:
    """How a page begins, for a person to read: from its first heading, which navigation often stands before."""
    heading = _HEADING.search(text)
    return " ".join(text[heading.start() if heading else 0 :].split())[:_EXCERPT]
