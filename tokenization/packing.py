"""Samples to what they emit, shuffled into buckets: the first half of packing. The second, rows, is in `rows`.

Comes in: one group's samples, their repeats, the ids of their documents. Goes out: `EMITTED` batches, one per bucket.
Knows no stores.

Shuffle: order key = draw(sample id, seed, "order", repeat), bucket = key * buckets. Rows of a bucket are made of its
samples in order of (key, sample, repeat, place).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from corpus import schema
from corpus.draws import uniform_draws
from tokenization.fim import (
    LAYOUTS,
    NOT_CUT,
    Draft,
    Emission,
    FimConfig,
    Place,
    draft,
    draw_cut,
    encoded,
)
from tokenization.lines import count_characters
from tokenization.tokenizer import Tokenizer, TokenizerConfig, load, refuse_without_fim

DOMAINS: Final = ("code", "math", "natural", "padding")  # codes of the column `domain`
PADDING: Final = DOMAINS.index("padding")
NO_ID: Final = bytes(16)  # sample and document of a padding segment
METHODS: Final = ("concatenate", "best_fit")

EMITTED: Final = pa.schema(
    [
        ("bucket", pa.int32()),
        ("key", pa.float64()),
        ("sample", schema.ID),
        ("repeat", pa.int16()),
        ("place", pa.int32()),  # in the sample; -1 in the row that opens a bucket, so that no bucket is without rows
        ("document", schema.ID),
        ("layout", pa.int8()),
        ("cut_1", pa.int32()),
        ("cut_2", pa.int32()),
        ("domain", pa.int8()),
        ("input_ids", schema.IDS),
    ]
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PackConfig:
    """Settings of the stage `pack`."""

    length: int = 2048  # tokens per row; V2 trains at 4096, then 32K and 128K
    seed: int = 0
    group_bytes: int = 1 << 30  # documents per first-step task, the same as in `assemble`
    bucket_bytes: int = 256 << 20  # ids per second-step task, held in memory
    method: str = "concatenate"  # published; "best_fit" keeps samples whole where a row can hold them (`rows`)
    merge_groups: int = 2000  # more groups than this are merged first, so that a task reads at most so many files
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    fim: FimConfig = field(default_factory=FimConfig)

    def __post_init__(self) -> None:
        for name, least in (("length", 1), ("group_bytes", 1), ("bucket_bytes", 1), ("merge_groups", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(METHODS)}, not {self.method!r}")
        unknown = set(self.fim.domains) - set(DOMAINS[:PADDING])
        if unknown:
            raise ValueError(f"fim.domains names {sorted(unknown)}: the domains are {', '.join(DOMAINS[:PADDING])}")
        if self.fim.rate:
            layouts = ("psm", "spm") if self.fim.layout == "joint" else (self.fim.layout,)
            if not set(layouts) <= set(self.tokenizer.special.layouts):
                raise ValueError(
                    f"FIM layout {self.fim.layout!r} is asked, but the family of {self.tokenizer.special.fim_begin} "
                    f"has {', '.join(self.tokenizer.special.layouts)} only"
                )
            refuse_without_fim(self.tokenizer)

    def buckets(self, tokens: int) -> int:
        """How many, for this many planned tokens of four bytes: fixed by the data, whatever the workers."""
        return max(1, -(-4 * tokens // self.bucket_bytes))


class Order(NamedTuple):
    """One repeat of one sample, at its place in the shuffle."""

    bucket: int
    key: float
    sample: bytes
    repeat: int
    row: int  # in the group's samples


def row_schema(cfg: PackConfig) -> pa.Schema:
    """Schema of packed rows, with the names behind the codes and the tokens a reader needs."""
    loaded = load(cfg.tokenizer)
    tokens = {"name": cfg.tokenizer.name, "sha256": cfg.tokenizer.sha256, "n_ids": loaded.n_ids, "end": loaded.end}
    tokens["begin"] = loaded.begin
    facts = {"layouts": LAYOUTS, "domains": DOMAINS, "length": cfg.length, "tokenizer": tokens}
    return schema.rows(cfg.length).with_metadata({name: json.dumps(value) for name, value in facts.items()})


def order_samples(seed: int, samples: Sequence[bytes], repeats: Sequence[int], buckets: int) -> list[Order]:
    """Every repeat of every sample, in the order of the shuffle."""
    orders = []
    for row, (sample, times) in enumerate(zip(samples, repeats, strict=True)):
        for repeat in range(times):
            [key] = uniform_draws(sample, seed, "order", repeat, 1)
            orders.append(Order(int(key * buckets), key, sample, repeat, row))
    return sorted(orders)


def emit_group(
    cfg: PackConfig,
    samples: pa.Table,
    mix: pa.Table,
    tokens: Sequence[pa.LargeListArray],
    buckets: int,
    counts: dict[str, int],
) -> Iterator[pa.RecordBatch]:
    """One batch per bucket. `tokens[shard]` holds the ids of one of the group's shards; adds to `counts`."""
    orders = order_samples(cfg.seed, samples["sample"].to_pylist(), mix["repeats"].to_pylist(), buckets)
    members, domains = _Members.of(samples, tokens), mix["domain"].to_pylist()
    tokenizer = load(cfg.tokenizer)
    at = 0
    for bucket in range(buckets):
        first = at
        while at < len(orders) and orders[at].bucket == bucket:
            at += 1
        drafts = [made for order in orders[first:at] for made in _drafts(cfg, tokenizer, members, order, domains)]
        rows: list[tuple[Any, ...]] = [(0.0, NO_ID, 0, -1, NO_ID, 0, -1, -1, PADDING)]
        ids = [np.zeros(0, np.int32)]
        for (order, place, document, _), emission in zip(
            drafts, encoded(tokenizer, [made for *_, made in drafts]), strict=True
        ):
            domain = domains[order.row]
            key = (order.key, order.sample, order.repeat, place, document)
            rows.append((*key, *emission.cut, DOMAINS.index(domain)))
            ids.append(emission.ids)
            _count(counts, domain, emission)
        counts["samples"] = counts.get("samples", 0) + at - first
        yield _batch(bucket, rows, ids)


class _Members(NamedTuple):
    """The documents of all samples of a group: those of sample i stand at ends[i - 1]:ends[i]."""

    ends: np.ndarray
    documents: list[bytes]
    comments: list[str]
    shards: list[int]
    rows: list[int]
    views: list[tuple[np.ndarray, np.ndarray]]  # per shard: where each row's ids begin, and the ids

    @staticmethod
    def of(samples: pa.Table, tokens: Sequence[pa.LargeListArray]) -> "_Members":
        lists = samples["documents"].combine_chunks()
        flat = lists.flatten()
        document, comment, shard, row = (
            flat.field(name).to_pylist() for name in ("document", "comment", "shard", "row")
        )
        ends = np.cumsum(np.asarray(lists.value_lengths(), np.int64))
        return _Members(ends, document, comment, shard, row, [_view(part) for part in tokens])

    def ids(self, at: int) -> np.ndarray:
        starts, values = self.views[self.shards[at]]
        row = self.rows[at]
        return values[starts[row] : starts[row + 1]]


def _drafts(
    cfg: PackConfig, tokenizer: Tokenizer, members: _Members, order: Order, domains: Sequence[str]
) -> Iterator[tuple[Order, int, bytes, Draft]]:
    """What the documents of one repeat of a sample emit: (order, place in the sample, document, draft)."""
    stop = int(members.ends[order.row])
    start = int(members.ends[order.row - 1]) if order.row else 0
    for at in range(start, stop):
        ids, document = members.ids(at), members.documents[at]
        cut = NOT_CUT
        if domains[order.row] in cfg.fim.domains and cfg.fim.rate:
            characters = count_characters(ids, tokenizer.characters)
            cut = draw_cut(cfg.fim, document, domains[order.row], characters, (cfg.seed, order.repeat))
        place = Place(members.comments[at], at == start, at == stop - 1)
        yield order, at - start, document, draft(tokenizer, ids, cut, place)


def _count(counts: dict[str, int], domain: str, emission: Emission) -> None:
    """plain + replaced is what the mixture planned; plain + reencoded + special + comment is what was emitted."""
    for name, n in (
        ("documents", 1),
        (f"plain.{domain}", emission.plain),
        (f"replaced.{domain}", emission.replaced),
        (f"reencoded.{domain}", emission.reencoded),
        ("special", emission.special),
        ("comment", emission.comment),
        (f"layout.{LAYOUTS[emission.cut.layout]}", 1),
    ):
        counts[name] = counts.get(name, 0) + n


def _view(shard: pa.LargeListArray) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(shard.offsets), np.asarray(shard.values, np.int32)


def _batch(bucket: int, rows: list[tuple[Any, ...]], ids: list[np.ndarray]) -> pa.RecordBatch:
    offsets = np.zeros(len(ids) + 1, np.int64)
    np.cumsum([len(part) for part in ids], out=offsets[1:])
    values = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(np.concatenate(ids)))
    fields = [EMITTED.field(name) for name in EMITTED.names[1:-1]]
    columns = [pa.array(values, f.type) for f, values in zip(fields, zip(*rows, strict=True), strict=True)]
    first = pa.array(np.full(len(rows), bucket, np.int32))
    return pa.RecordBatch.from_arrays([first, *columns, values], schema=EMITTED)
