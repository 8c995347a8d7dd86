"""`python -m pipelines.list_cluster ID|REPO/PATH|URL|REPO`: the documents that dedup takes for near-duplicates.

Reads the cluster map, narrow columns and signatures of a build. A unit is named by the document that stands for it: of
a repository its first that passed `filter`. The kept unit is marked; of documents it is said how alike they are to it,
as their signatures tell, or that they are equal but for what the exact key leaves out.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from corpus.minhash import U32, estimated_jaccard
from corpus.schema import CLUSTERS, ID
from corpus.shards import Shard, Store
from pipelines.console import UsageError, end, usage_error
from pipelines.explain import matches
from pipelines.manifest import resolve
from pipelines.minhash import signature_matrix
from pipelines.opened import add_options, opened

_SHOWN = 1_000


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 when a cluster was found, 1 when none was, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.list_cluster", description="A document's duplicates.")
    parser.add_argument("what", metavar="ID|REPO/PATH|URL|REPO")
    add_options(parser)
    args = parser.parse_args(argv)
    try:
        build = opened(args)
    except UsageError as error:
        return usage_error(error)
    dedup = build.found["dedup"]
    result, inputs = dedup.result, resolve(dedup.stage, build.found)
    if result is None or inputs is None:
        return usage_error(f"{args.root} has no clusters of {args.recipe} yet: run --stage dedup")
    by_file = build.loaded.recipe.dedup.unit == "file"
    asked = Asked(inputs["documents"], inputs["signatures"], result.outputs["clusters"], by_file)
    lines = list(listed(build.store, asked, args.what))
    print("\n".join(lines) or f"{args.root} has no cluster with {args.what}: it is alone, or not in the corpus")
    return 0 if lines else 1


@dataclass(frozen=True)
class Asked:
    """What dedup read and made; whether files are units of their own."""

    documents: Sequence[Shard]
    signatures: Sequence[Shard]
    clusters: Sequence[Shard]
    by_file: bool


def listed(store: Store, asked: Asked, what: str) -> Iterator[str]:
    """A line per cluster that holds what is named, and one per unit in it."""
    ids, repos = _named(store, asked, what)
    map_ = pa.concat_tables([CLUSTERS.empty_table(), *(store.table(shard) for shard in asked.clusters)])
    names = _names(store, asked.documents, map_["id"])
    members = map_["id"].to_pylist()
    if not ids.isdisjoint(members):  # a unit of its own, or it stands for its repository
        repos = set()
    mine = pa.array([one in ids or names[one][0] in repos for one in members], pa.bool_())
    for kept_node in pc.unique(map_["kept_node"].filter(mine)).to_pylist():
        cluster = map_.filter(pc.equal(map_["kept_node"], kept_node)).to_pylist()
        yield f"cluster of {len(cluster)} units; the one marked * is kept"
        cluster = cluster[:_SHOWN]
        documents = [row["node"] for row in cluster if asked.by_file or names[row["id"]][0] is None]
        alike = _alike(store, asked.signatures, documents, kept_node)
        for row in cluster:
            node, (_, name) = row["node"], names[row["id"]]
            how = "kept" if node == kept_node else alike.get(node, "unit")
            yield f"{'*' if node == kept_node else ' '} {row['id'].hex()} {how:5} {name}"
        if row["size"] > _SHOWN:
            yield f"  and {row['size'] - _SHOWN:,} more"


def _alike(store: Store, signatures: Sequence[Shard], nodes: list[int], kept: int) -> dict[int, str]:
    """Of documents, given by global rows, how alike each is to the one kept; nothing where that is a repository."""
    rows: dict[int, tuple[object, U32]] = {}
    start = 0
    for shard in signatures:
        here = [node for node in nodes if start <= node < start + shard.rows]
        if here:
            table = store.table(shard, ["normalized", "signature"]).take([node - start for node in here])
            matrix = signature_matrix(table["signature"].combine_chunks())
            rows |= dict(zip(here, zip(table["normalized"].to_pylist(), matrix, strict=True), strict=True))
        start += shard.rows
    if kept not in rows:
        return {}
    key, best = rows[kept]
    estimates = {node: float(estimated_jaccard(values, best)) for node, (_, values) in rows.items()}
    return {node: "equal" if rows[node][0] == key else f"{estimates[node]:.3f}" for node in rows}


def _named(store: Store, asked: Asked, what: str) -> tuple[set[bytes], set[str]]:
    """Ids of the documents that `what` names, and the repository that it is, or whose part they are compared as."""
    ids, repos = set(), set()
    for shard in asked.documents:
        for _, row in matches(store, shard, what):
            ids.add(row["id"])
            if not asked.by_file and row["repo"] is not None and row["kind"] in ("file", "notebook"):
                repos.add(row["repo"])
        if pc.any(pc.equal(store.table(shard, ["repo"])["repo"], what)).as_py():
            repos.add(what)
    return {one for one in ids if isinstance(one, bytes)}, {one for one in repos if isinstance(one, str)}


def _names(store: Store, documents: Sequence[Shard], ids: pa.ChunkedArray) -> dict[bytes, tuple[str | None, str]]:
    """Per id, its repository (of code) and a name to print."""
    out: dict[bytes, tuple[str | None, str]] = {}
    wanted = pa.array(ids.to_pylist(), ID)
    for shard in documents:
        table = store.table(shard, ["id", "kind", "repo", "path", "url", "origin"])
        for row in table.filter(pc.is_in(table["id"], wanted)).to_pylist():
            code = row["repo"] if row["kind"] in ("file", "notebook") else None
            shown = f"{row['repo']}/{row['path']}" if row["repo"] else row["url"] or row["path"] or row["origin"]
            out[row["id"]] = (code, shown)
    return out


if __name__ == "__main__":
    end(main)
