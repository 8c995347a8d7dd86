"""What takedowns list, as dedup asks for it: by id, by equal text and, where `--near` was given, by signature.

A list names ids, exact keys and names (`corpus.takedown`); beside it lie the signatures of what `--near` took down,
because their texts are gone. So a copy that a later crawl brings under another id, changed a little, does not survive.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpus import exact
from corpus.shards import Record, Shard, Store
from corpus.takedown import Taken, member, taken_down
from filters.survivors import DedupConfig, ScoringIndex
from pipelines.minhash import signature_matrix

NEAR = "takedown/near"  # folder of signatures, one file per takedown and MinHash settings
Bool = npt.NDArray[np.bool_]


def record_near(store: Store, name: str, signed: Iterator[pa.RecordBatch]) -> int:
    """Keep signatures of documents that are taken down; `signed` are rows of one stage's signatures, with metadata."""
    batches = [batch for batch in signed if batch.num_rows]
    if batches:
        store.write_shard(f"{NEAR}/{name}", batches[0].schema, iter(batches), Record("", {}))
    return sum(batch.num_rows for batch in batches)


@dataclass(frozen=True)
class Listed:
    """All lists of a store, for documents signed with one setting of MinHash."""

    taken: Taken
    near: ScoringIndex | None

    @staticmethod
    def read(store: Store, definition: str, threshold: float) -> "Listed":
        """Holds some 3 kB per document that `--near` took down."""
        found = [shard for made_with, shard in _files(store) if made_with == definition]
        return Listed(taken_down(store), near_index((b for shard in found for b in store.batches(shard)), threshold))

    def rows(self, ids: pa.Array, signed: pa.RecordBatch, keys: np.ndarray) -> Bool:
        """Which documents are listed. `signed`: their exact keys and signatures; `keys`: short normalized keys."""
        found = member(ids, self.taken.ids) | member(signed["exact"], self.taken.exact)
        return np.asarray(found if self.near is None else found | near(self.near, signed, keys), bool)

    def judge(self, ids: pa.Array, signed: pa.RecordBatch, keys: np.ndarray, verdict: pa.RecordBatch) -> pa.RecordBatch:
        """Verdicts in which nothing that is listed survives, whatever else is said of it."""
        if not self.taken and self.near is None:
            return verdict
        gone = pa.array(self.rows(ids, signed, keys))
        kept = pc.if_else(gone, False, verdict["kept"])
        reason = pc.if_else(gone, "taken_down", verdict["reason"])
        return pa.RecordBatch.from_arrays([kept, reason, verdict["held_out"]], names=["kept", "reason", "held_out"])


def near_index(
    signed: Iterable[pa.RecordBatch], threshold: float = DedupConfig.held_out_threshold
) -> ScoringIndex | None:
    """What tells documents near these ones. Those without words are near none, not even to each other."""
    worded = [batch.filter(pc.greater(pc.fill_null(batch["n_shingles"], 0), 0)) for batch in signed]
    if not sum(batch.num_rows for batch in worded):
        return None
    table = pa.Table.from_batches(worded).combine_chunks()
    matrix = signature_matrix(table["signature"].combine_chunks())
    return ScoringIndex(matrix, exact.short_keys(table["normalized"].combine_chunks()), threshold)


def near(index: ScoringIndex, signed: pa.RecordBatch, keys: np.ndarray | None = None) -> Bool:
    """Which of the signed documents are; `keys`, where known, are the short keys of their normalized texts."""
    n_shingles = signed["n_shingles"].fill_null(0).to_numpy()
    known = exact.short_keys(signed["normalized"]) if keys is None else keys
    return index.near(signature_matrix(signed["signature"]), n_shingles, known)


def chosen_rows(store: Store, path: str, rows: Bool) -> Iterator[pa.RecordBatch]:
    """The rows of a shard that a mask names."""
    first = 0
    for batch in store.batches(Shard(path, "", 0, 0)) if rows.any() else ():
        yield batch.filter(pa.array(rows[first : first + batch.num_rows]))
        first += batch.num_rows


def not_comparable(store: Store, definition: str) -> int:
    """Documents that `--near` took down and that were never signed with these settings; their texts are gone."""
    rows: dict[str, int] = {}
    for made_with, shard in _files(store):
        rows[made_with] = rows.get(made_with, 0) + store.describe(shard.path).rows
    return max(rows.values(), default=0) if definition not in rows else 0


def _files(store: Store) -> Iterator[tuple[str, Shard]]:
    for path in store.list(NEAR):
        if path.endswith(".arrow"):
            yield (store.schema(path).metadata or {}).get(b"minhash", b"").decode(), Shard(path, "", 0, 0)
