"""Who survives: among near-duplicates one, of the held-out none, and nothing close to the scoring set.

In: columns about documents (their unit, whether they passed, by what they are preferred), clusters of units,
signatures. Out: the unit kept in each cluster, and per document whether it survives and why not. Where the columns
come from, how candidates were found and where anything is stored are not known here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus.minhash import MinHashConfig, estimated_jaccard, row_keys
from corpus.schema import ID, SURVIVORS
from filters.drop_rates import DropRates

Bool = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

PREFERENCES = ("stars", "forks", "committed", "created", "n_shingles", "license", "quality", "vendored", "place")
_PAIR_BLOCK = 1 << 15  # signature pairs compared at once: 32 MB a side at 250 hashes
_RECALL = 0.999  # of documents exactly at the held-out threshold


@dataclass(frozen=True, kw_only=True)
class DedupConfig:
    """What is compared with what, and which of several is kept.

    `unit` is what DeepSeek-Coder leaves in the text: near-deduplication "at the repository level", of unpublished
    parameters. "both" runs a second, file-level pass over what the first leaves. `prefer` is The Stack v2's order:
    stars and forks, then the latest commit; the least id decides the rest. Before it, ours: of a file and a copy below
    a folder for other people's code the copy goes, or it would stay with the copying repository's licence.
    ("place", "low") first keeps what was there before a new crawl batch, so that a batch added at the end changes
    nothing that survived without it. "license" is 2 for one that only asks to keep its notice, 1 for any other, 0 for
    none. Of a repository what stands for it counts.
    """

    unit: Literal["repository", "file", "both", "none"] = "repository"
    # FineWeb: one dump at a time trained better than all together. "source": one crawl batch; "dump": one value of
    # the column `snapshot` among pages (the rest is compared as with "all").
    scope: Literal["all", "source", "dump"] = "all"
    minhash: MinHashConfig = field(default_factory=MinHashConfig)  # those of the signatures that are read
    # Least similarity of a candidate pair; None where a shared band key is enough, as in BigCode's pipelines. Estimated
    # from signatures; or of the sets of shingles, which reads the candidates' text again: Jaccard, or the share of the
    # smaller set that is in the larger one.
    verify: float | None = None
    verify_by: Literal["signature", "jaccard", "containment"] = "signature"
    # Of a cluster of more units than this only equal ones stay together: chains of boilerplate join what is not alike.
    largest_cluster: int | None = None
    prefer: tuple[tuple[str, Literal["high", "low"]], ...] = (
        ("vendored", "low"),
        ("stars", "high"),
        ("forks", "high"),
        ("committed", "high"),
    )
    quality: str | None = None  # the measure of group `basic` that ("quality", "high") or ("quality", "low") prefers by
    held_out_threshold: float = 0.7  # estimated Jaccard to the scoring set
    plausible: DropRates = field(default_factory=DropRates, metadata={"identity": False})  # others are told loudly
    all_pairs_below: int = 16  # documents of one key; of more, each is verified against two
    range_bytes: int = 1 << 28  # working memory of a task, beside some 200 MB of program and one group's narrow columns

    def __post_init__(self) -> None:
        if self.unit not in ("repository", "file", "both", "none"):
            raise ValueError(f'unit={self.unit!r}: choose "repository", "file", "both" or "none"')
        if self.scope not in ("all", "source", "dump"):
            raise ValueError(f'scope={self.scope!r}: choose "all", "source" or "dump"')
        for name, value in (("verify", self.verify), ("held_out_threshold", self.held_out_threshold)):
            if value is not None and not 0 < value <= 1:
                raise ValueError(f"{name}={value}: choose a Jaccard similarity above 0, at most 1")
        if self.verify_by not in ("signature", "jaccard", "containment"):
            raise ValueError(f'verify_by={self.verify_by!r}: choose "signature", "jaccard" or "containment"')
        if self.verify_by != "signature" and self.verify is None:
            raise ValueError(
                f"verify_by={self.verify_by!r} verifies nothing without verify: set it, such as verify=0.7"
            )
        if self.verify_by != "signature" and self.unit in ("repository", "both"):
            raise ValueError(f'verify_by={self.verify_by!r} compares files: repositories are verified by "signature"')
        if self.largest_cluster is not None and self.largest_cluster < 2:
            raise ValueError(f"largest_cluster={self.largest_cluster}: choose at least 2, or None for no limit")
        for column, direction in self.prefer:
            if column not in PREFERENCES or direction not in ("high", "low"):
                raise ValueError(f'prefer=({column!r}, {direction!r}): choose from {PREFERENCES}, and "high" or "low"')
        if ("quality" in dict(self.prefer)) != (self.quality is not None):
            raise ValueError(
                f"quality={self.quality!r}: name a measure and put ('quality', 'high') into prefer, or neither"
            )
        if self.all_pairs_below < 2 or self.range_bytes < 1 << 10:
            raise ValueError(f"all_pairs_below must be at least 2 and range_bytes at least 1,024: {self}")


def unit_rows(kinds: pa.Array, repos: pa.Array, kept: Bool) -> tuple[I64, Bool]:
    """Per document the row that stands for its unit, and whether the unit is a repository.

    A repository is its documents of kind file or notebook, and its first document that passed stands for it (its
    first, where none did); every other document is a unit of its own.
    """
    rows = np.arange(len(kinds), dtype=np.int64)
    code = pc.is_in(kinds, value_set=pa.array(["file", "notebook"], kinds.type))
    inside = np.asarray(pc.and_(code, repos.is_valid()))
    members = np.flatnonzero(inside)
    if len(members):
        names = repos.take(pa.array(members)).dictionary_encode().indices.to_numpy()
        passed_first = np.argsort(~kept[members], kind="stable")
        _, first = np.unique(names[passed_first], return_index=True)
        rows[members] = members[passed_first[first]][names]
    return rows, inside


def best_members(roots: I64, held_out: Bool, members: pa.Table, prefer: Sequence[tuple[str, str]]) -> I64:
    """Per row the row kept in its cluster: a held-out one before any other, then by `prefer`, then the least id.

    A null loses to every value. All rows given have passed.
    """
    columns: list[Any] = [*_by_bytes(members["id"])]
    columns += [_ranked(members[name], direction) for name, direction in reversed(prefer)]
    order = np.lexsort([*columns, ~held_out, roots])
    first = np.ones(len(order), bool)
    first[1:] = roots[order][1:] != roots[order][:-1]
    kept = np.empty(len(order), np.int64)
    kept[order] = order[first][np.cumsum(first) - 1]
    return kept


def _by_bytes(ids: pa.ChunkedArray) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """16-byte ids as two sort keys, the less important one first, as lexsort takes them."""
    whole = pa.concat_arrays(ids.chunks) if ids.num_chunks else pa.nulls(0, ID)
    payload = whole.buffers()[1]
    words = np.frombuffer(payload, ">u8")[2 * whole.offset : 2 * (whole.offset + len(whole))].reshape(-1, 2)
    return words[:, 1], words[:, 0]


def _ranked(column: pa.ChunkedArray, direction: str) -> npt.NDArray[Any]:
    """Values such that the preferred one is the smallest."""
    values = np.asarray(column.cast(pa.int64()).fill_null(-(2**62) if direction == "high" else 2**62))
    return -values if direction == "high" else values


@dataclass(frozen=True)
class Clustered:
    """One pass over a shard's documents: the place of each one's unit in its cluster. Units without a cluster are
    kept.
    """

    reason: str  # of those lost; exact_duplicate instead where the texts are equal
    lost: Bool  # another unit of the cluster is kept
    kept_id: npt.NDArray[np.object_]  # of the document that stands for the unit kept
    kept_key: U64  # its short normalized key
    held_out: Bool  # the unit kept is held out: the cluster has a held-out member

    @classmethod
    def of(cls, nodes: I64, clusters: pa.Table, reason: str) -> "Clustered":
        """Of documents whose units are `nodes`, from clusters (schema CLUSTERS, sorted by node)."""
        if not len(clusters):
            nothing = np.zeros(len(nodes), bool)
            return cls(reason, nothing, np.full(len(nodes), None, object), np.zeros(len(nodes), np.uint64), nothing)
        known = clusters["node"].to_numpy()
        place = np.minimum(np.searchsorted(known, nodes), len(known) - 1)
        inside = known[place] == nodes
        kept_ids = np.array(clusters["kept_id"].to_pylist(), object)[place]
        return cls(
            reason,
            inside & (clusters["kept_node"].to_numpy()[place] != nodes),
            kept_ids,
            clusters["kept_key"].to_numpy()[place],
            inside & clusters["held_out"].to_numpy()[place],
        )

    def rows(self, part: slice) -> "Clustered":
        """Of some of the documents."""
        return Clustered(self.reason, self.lost[part], self.kept_id[part], self.kept_key[part], self.held_out[part])


def survivors(
    ids: pa.Array, keys: U64, verdicts: pa.RecordBatch, passes: Sequence[Clustered], near: Bool
) -> tuple[pa.RecordBatch, dict[str, int]]:
    """One row of schema SURVIVORS per document, and the counts; `passes` are the clusters of each pass, in order.

    The first of these reasons holds: the filter's, held_out, near_held_out, then those of each pass.
    """
    kept = np.asarray(verdicts.column("kept").fill_null(False))
    reasons = np.array(verdicts.column("reason").fill_null("quarantined").to_pylist(), object)
    reasons[kept] = None
    kept_ids = np.array(ids.to_pylist(), object)
    held_out = kept & np.asarray(verdicts.column("held_out").fill_null(False))
    reasons[held_out] = "held_out"
    for clusters in passes:
        near = near | clusters.held_out
    reasons[kept & ~held_out & near] = "near_held_out"
    replaced = np.zeros(len(ids), bool)
    for clusters in passes:
        named = clusters.lost & _none(reasons)
        reasons[named] = np.where((keys == clusters.kept_key)[named], "exact_duplicate", clusters.reason)
        first = clusters.lost & kept & ~replaced
        kept_ids[first] = clusters.kept_id[first]
        replaced |= first
    survives = _none(reasons)
    batch = pa.RecordBatch.from_arrays(
        [pa.array(survives), pa.array(reasons, pa.string()), pa.array(kept_ids, ID)], schema=SURVIVORS
    )
    names, totals = np.unique(reasons[~survives].astype(str), return_counts=True)
    refused = {f"refused.{name}": int(total) for name, total in zip(names, totals, strict=True)}
    return batch, {"seen": len(ids), "kept": int(survives.sum()), **refused}


def _none(values: npt.NDArray[np.object_]) -> Bool:
    return np.fromiter((value is None for value in values), bool, len(values))


class ScoringIndex:
    """The scoring set's signatures, and which signatures are within a threshold of one of them.

    Its bands are its own: of as many rows as still find 99.9 % of the documents exactly at the threshold (5 rows for
    250 hashes and 0.7), where the bands made for deduplication would find half of them. Each hit is then compared
    value by value.
    """

    def __init__(self, signature: U32, normalized: U64, threshold: float) -> None:
        self.signature, self.threshold = signature, threshold
        self.normalized = np.unique(normalized)
        self.rows = sensitive_rows(signature.shape[1], threshold)
        keys = row_keys(signature, signature.shape[1] // self.rows, self.rows)
        self.orders = np.argsort(keys.T, axis=1, kind="stable")
        self.keys = np.take_along_axis(keys.T, self.orders, axis=1)

    def near(self, signature: U32, n_shingles: npt.NDArray[np.int32], normalized: U64) -> Bool:
        """Per document, whether it is equal to one of the set, or its estimated Jaccard to one is at the threshold."""
        found = np.isin(normalized, self.normalized)
        keys = row_keys(signature, len(self.keys), self.rows)
        for band, known in enumerate(self.keys):
            open_rows = np.flatnonzero(~found & (n_shingles > 0))
            first = np.searchsorted(known, keys[open_rows, band], "left")
            count = np.searchsorted(known, keys[open_rows, band], "right") - first
            hit = np.flatnonzero(count)
            found[open_rows[hit]] = self._confirmed(signature, open_rows[hit], first[hit], count[hit], band)
        return found

    def _confirmed(self, signature: U32, rows: I64, first: I64, count: I64, band: int) -> Bool:
        """Of each row with `count` neighbours in the band's order from `first` on, whether one is close enough."""
        ends = np.cumsum(count)
        out = np.zeros(len(rows), bool)
        for start in range(0, int(ends[-1]) if len(ends) else 0, _PAIR_BLOCK):
            pairs = np.arange(start, min(start + _PAIR_BLOCK, int(ends[-1])))
            owner = np.searchsorted(ends, pairs, "right")
            other = self.orders[band, first[owner] + pairs - (ends - count)[owner]]
            close = estimated_jaccard(signature[rows[owner]], self.signature[other]) >= self.threshold
            out[owner[close]] = True
        return out


def sensitive_rows(n_hashes: int, threshold: float) -> int:
    """The most rows a band may have so that documents at the threshold share one with 99.9 %; at least 1."""
    fits = [r for r in range(1, n_hashes + 1) if 1 - (1 - threshold**r) ** (n_hashes // r) >= _RECALL]
    return max(fits, default=1)
