"""Part of `pipelines.takedown`: which documents of a root its entries name, and which stored rows are of them.

Comes in: a store, the manifests of its finished stages, and entries: ids, repositories, REPO/PATH, URLs, origins. Goes
out: rows per stored shard. Equal texts under other ids are chosen too, and with `near` the clusters around them and
what is near by signature. Nothing is changed here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpus.shards import Shard, Store
from corpus.takedown import Taken, member
from pipelines.purge import has_lists
from pipelines.taken import chosen_rows, near, near_index

_NARROW = ("id", "origin", "repo", "path", "url")


@dataclass
class Plan:
    """What is to be done: documents, and per stored shard what it holds of them."""

    taken: Taken
    rows: dict[str, np.ndarray] = field(default_factory=dict)  # shard of documents or annotation -> rows
    found: Counter[str] = field(default_factory=Counter)
    places: set[str] = field(default_factory=set)  # repositories and addresses by which they were fetched
    absent: list[str] = field(default_factory=list)  # entries that name nothing here


def resolve(store: Store, manifests: list[dict[str, Any]], wanted: frozenset[str], near: bool) -> Plan:
    """The documents that the entries name, equal texts under other ids, and with `near` their clusters."""
    folders = _documents(manifests)
    ids = _ids(wanted)
    chosen = {path: _named(store.table(Shard(path, "", 0, 0), _NARROW), wanted, ids) for path in folders}
    for manifest in manifests if near else ():
        if manifest["stage"] in ("dedup", "pool_dedup"):
            _add_clusters(store, manifest, chosen)
    for manifest in manifests if near else ():
        if manifest["stage"] in ("minhash", "pool_minhash"):
            _add_near(store, manifest, chosen)
    exact: set[bytes] = set()
    for manifest in manifests:  # equal texts: other dumps, and pages that recall made documents
        if manifest["stage"] in ("minhash", "pool_minhash"):
            exact.update(_exact(store, manifest, chosen, None))
    exact.discard(_EMPTY)
    for manifest in manifests:
        if manifest["stage"] in ("minhash", "pool_minhash"):
            _exact(store, manifest, chosen, frozenset(exact))
    rows = {path: mask for path, mask in chosen.items() if mask.any()}
    for path, mask in rows.items():
        table = store.table(Shard(path, "", 0, 0), ["id"])
        ids |= frozenset(table["id"].filter(pa.array(mask)).to_pylist())
    todo = Plan(Taken(ids, frozenset(exact), wanted, near), rows, absent=sorted(wanted))
    for path, mask in rows.items():
        table = store.table(Shard(path, "", 0, 0), _NARROW).filter(pa.array(mask))
        todo.places.update(name for column in ("repo", "url") for name in table[column].to_pylist() if name)
        todo.absent = sorted(set(todo.absent).difference(_names(table)))
    todo.found["documents"] = sum(int(mask.sum()) for mask in rows.values())
    return todo


_EMPTY = bytes.fromhex("cae66941d9efbd404e4d88758ea67670")  # the exact key of no text: equal to every emptied document


def _ids(names: Iterable[str]) -> frozenset[bytes]:
    return frozenset(bytes.fromhex(n) for n in names if len(n) == 32 and all(c in "0123456789abcdef" for c in n))


def _documents(manifests: list[dict[str, Any]]) -> dict[str, None]:
    """Every shard of documents or pool pages that some stage has read or written, once, in order."""
    found: dict[str, None] = {}
    for manifest in manifests:
        for name in ("documents", "pool"):
            found.update(dict.fromkeys(shard["path"] for shard in manifest["outputs"].get(name, ())))
            if manifest["stage"] in ("classify", "minhash", "pool_minhash"):
                found.update(dict.fromkeys(manifest.get("reads", {}).get(name, ())))
    return found


def _named(table: pa.Table, wanted: frozenset[str], ids: frozenset[bytes]) -> np.ndarray:
    names = pa.array(sorted(wanted))
    whole = pc.binary_join_element_wise(table["repo"], table["path"], "/")
    mask = member(table["id"].combine_chunks(), ids)
    for column in (table["repo"], table["url"], table["origin"], whole):
        mask = mask | np.asarray(pc.fill_null(pc.is_in(column, value_set=names), False))
    return mask


def _names(table: pa.Table) -> Iterator[str]:
    """Every entry that would name one of these documents."""
    whole = pc.binary_join_element_wise(table["repo"], table["path"], "/")
    for column in (table["repo"], table["url"], table["origin"], whole):
        yield from (name for name in column.to_pylist() if name)
    yield from (name.hex() for name in table["id"].to_pylist())


def aligned(manifest: dict[str, Any], output: str) -> list[tuple[str, str]]:
    """(shard of documents, shard of this output) where a stage has written one per shard it read."""
    shards = [shard["path"] for shard in manifest["outputs"].get(output, ())]
    reads = manifest.get("reads", {}).get("documents", [])
    return list(zip(reads, shards, strict=True)) if len(reads) == len(shards) else []


def _add_clusters(store: Store, manifest: dict[str, Any], chosen: dict[str, np.ndarray]) -> None:
    """All documents of the clusters that hold a chosen one: those in whose place the same document was kept."""
    kept: set[bytes] = set()
    pairs = aligned(manifest, "survivors") or aligned(manifest, "pool_survivors")
    columns = {pair: store.table(Shard(pair[1], "", 0, 0), ["kept_id"])["kept_id"].combine_chunks() for pair in pairs}
    for (path, _), column in columns.items():
        kept.update(key for key in column.filter(pa.array(chosen[path])).to_pylist() if key is not None)
    for (path, _), column in columns.items():
        chosen[path] = chosen[path] | member(column, frozenset(kept))


def _add_near(store: Store, manifest: dict[str, Any], chosen: dict[str, np.ndarray]) -> None:
    """Documents whose signatures are near a chosen one's, by one step: clusters of repositories do not tell files."""
    pairs = aligned(manifest, "signatures")
    index = near_index(batch for path, shard in pairs for batch in chosen_rows(store, shard, chosen[path]))
    for path, shard in pairs if index is not None else ():
        assert index is not None
        batches = store.batches(Shard(shard, "", 0, 0))
        chosen[path] = chosen[path] | np.concatenate([np.zeros(0, bool), *(near(index, batch) for batch in batches)])


def _exact(
    store: Store, manifest: dict[str, Any], chosen: dict[str, np.ndarray], keys: frozenset[bytes] | None
) -> list[bytes]:
    """Exact keys of the chosen rows; with `keys`, choose the rows that have one of them."""
    found: list[bytes] = []
    for path, shard in aligned(manifest, "signatures"):
        column = store.table(Shard(shard, "", 0, 0), ["exact"])["exact"].combine_chunks()
        if keys is None:
            found += [key for key in column.filter(pa.array(chosen[path])).to_pylist() if key is not None]
        else:
            chosen[path] = chosen[path] | member(column, keys)
    return found


def aligned_rows(
    store: Store, manifests: list[dict[str, Any]], rows: dict[str, np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    """(shard, rows) of every annotation of the chosen documents that has lists: ids, spans, import strings."""
    for manifest in manifests:
        for output in manifest["outputs"]:
            for path, shard in aligned(manifest, output):
                if path in rows and shard.endswith(".arrow") and has_lists(store.schema(shard)):
                    yield shard, rows[path]
