"""`python -m pipelines.list_cluster ID|REPO/PATH|URL|REPO`: the documents that dedup takes for near-duplicates.

Reads the cluster map and narrow columns of a build. A unit is named by the document that stands for it: of a
repository its first that passed `filter`. The kept unit is marked.
"""

import argparse
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from corpus.schema import CLUSTERS, ID
from corpus.shards import Shard, Store
from pipelines.console import end, usage_error
from pipelines.explain import matches
from pipelines.manifest import resolve
from pipelines.opened import add_options, opened
from pipelines.recipes import RecipeError

_SHOWN = 1_000


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 when a cluster was found, 1 when none was, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.list_cluster", description="A document's duplicates.")
    parser.add_argument("what", metavar="ID|REPO/PATH|URL|REPO")
    add_options(parser)
    args = parser.parse_args(argv)
    try:
        build = opened(args)
    except RecipeError as error:
        return usage_error(error)
    dedup = build.found["dedup"]
    result, inputs = dedup.result, resolve(dedup.stage, build.found)
    if result is None or inputs is None:
        return usage_error(f"{args.root} has no clusters of {args.recipe} yet: run --stage dedup")
    lines = list(listed(build.store, inputs["documents"], result.outputs["clusters"], args.what))
    print("\n".join(lines) or f"nothing in {args.root} is a near-duplicate of {args.what}")
    return 0 if lines else 1


def listed(store: Store, documents: Sequence[Shard], clusters: Sequence[Shard], what: str) -> Iterator[str]:
    """A line per cluster that holds what is named, and one per unit in it."""
    ids, repos = _named(store, documents, what)
    map_ = pa.concat_tables([CLUSTERS.empty_table(), *(store.table(shard) for shard in clusters)])
    names = _names(store, documents, map_["id"])
    mine = pa.array([one in ids or names[one][0] in repos for one in map_["id"].to_pylist()], pa.bool_())
    for kept_node in pc.unique(map_["kept_node"].filter(mine)).to_pylist():
        cluster = map_.filter(pc.equal(map_["kept_node"], kept_node)).to_pylist()
        yield f"cluster of {len(cluster)} units; the one marked * is kept"
        for row in cluster[:_SHOWN]:
            yield f"{'*' if row['node'] == kept_node else ' '} {row['id'].hex()} {names[row['id']][1]}"
        if len(cluster) > _SHOWN:
            yield f"  and {len(cluster) - _SHOWN:,} more"


def _named(store: Store, documents: Sequence[Shard], what: str) -> tuple[set[bytes], set[str]]:
    """Ids of the documents that `what` names, and the repositories they are in, or that it is."""
    ids, repos = set(), set()
    for shard in documents:
        for _, row in matches(store, shard, what):
            ids.add(row["id"])
            if row["repo"] is not None and row["kind"] in ("file", "notebook"):
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
