"""`python -m pipelines.takedown LIST [--near]`: take documents out of all a root holds; no stage runs again.

LIST is a file, one entry a line: an id (32 hex digits), a repository (owner/name), REPO/PATH, a URL, or an origin. With
`--near` the clusters of deduplication around them and what is near them by signature go as well. In order: the list is
written to the store, where crawls and dedup read it; every shard that holds something of the documents is written again
with the same rows in the same order, under a new name; the forwards old -> new are recorded; old files, caches and
fetched answers are deleted; exports are made again from the rows; a scan over every stored file proves that nothing is
left. Stopped at any point, the same command goes on.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from corpus.shards import FORWARDS, Store
from corpus.takedown import FOLDER
from pipelines import export
from pipelines.build import plan
from pipelines.chosen import Plan, aligned, aligned_rows, resolve
from pipelines.cluster import ClusterError, connect
from pipelines.console import UsageError, end, usage_error
from pipelines.fetched import caches, entries, pattern, purge_entry
from pipelines.hub_cache import held_in_hub, hub_names
from pipelines.identity import digest
from pipelines.manifest import Found, survey
from pipelines.manifest import resolve as inputs_of
from pipelines.place import store_at
from pipelines.progress import RunProgress
from pipelines.purge import CACHES, COUNTS, GATHERED, left_in, purge, scan
from pipelines.recipes import RECIPES, load
from pipelines.stage import Work
from pipelines.taken import chosen_rows, record_near

_SHOWN = 20  # entries that name nothing
_PENDING = "takedown/pending.json"  # shards that changed and whose exports may not have been seen to yet
_MODELS = (("recall", "models"), ("recall_source", "models"), ("probe", "results"))


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0: done, and proved. 1: nothing was found, or something is left. 2: wrong usage."""
    args = _parser().parse_args(argv)
    try:
        loaded = load(args.recipe, None)
        with open(args.list, encoding="utf-8") as file:
            wanted = [line.strip() for line in file if line.strip() and not line.startswith("#")]
        store = store_at(args.root)
    except UsageError as error:
        return usage_error(error)
    except (OSError, UnicodeDecodeError) as error:
        return usage_error(f"the list {args.list} cannot be read ({error}): name a text file with an entry a line")
    if not wanted:
        return usage_error(f"{args.list} names no document: one id, owner/name, REPO/PATH or URL a line")
    manifests = list(read_manifests(store))
    if not manifests:
        return usage_error(f"{args.root} holds no finished stage: give the --root of a build")
    found = survey(store, plan(loaded.recipe), accept_code=True)
    asked = (frozenset(wanted), args.near)
    fetched = Fetched((*args.cache, *caches(loaded.recipe.crawl)), tuple(hub_names(loaded.recipe)))
    if args.scheduler is None:
        return take_down(store, Here(), (manifests, found), asked, fetched)
    try:
        with connect(args.scheduler, None, loaded.user_file) as cluster:
            return take_down(store, cluster, (manifests, found), asked, fetched)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


@dataclass(frozen=True)
class Fetched:
    """What lies outside of the root: fetch caches, which are purged, and names of the hub, whose cache is searched."""

    caches: tuple[str, ...] = ()
    hub: tuple[str, ...] = ()


class Here:
    """Runs every task in this process: a takedown touches few shards."""

    n_workers = 1

    def run(self, function: Callable[..., Any], calls: Any) -> Iterator[tuple[int, Any]]:
        for index, arguments in enumerate(calls):
            yield index, function(*arguments)


def read_manifests(store: Store) -> Iterator[dict[str, Any]]:
    """Every finished stage of every build of the root."""
    for path, _ in store.walk(["manifests"]):
        if path.endswith(".json"):
            yield {**json.loads(store.read_text(path) or "{}"), "path": path}


def take_down(
    store: Store,
    cluster: Any,
    builds: tuple[list[dict[str, Any]], dict[str, Found]],
    asked: tuple[frozenset[str], bool],
    fetched: Fetched = Fetched(),
) -> int:
    """The whole of it, for (entries, near); prints the report."""
    manifests = builds[0]
    todo = resolve(store, manifests, *asked)
    _record(store, manifests, todo)
    if not todo.rows:
        print(f"no document of {len(asked[0])} entries is in {store.root}; the list is recorded for later crawls")
        return 1
    todo.rows.update(list(aligned_rows(store, manifests, todo.rows)))
    before = store.forwards()
    asked_for = {new: old for old, new in before.items()}  # a shard rewritten before is known by its first name
    rows = {before.get(path, path): mask for path, mask in todo.rows.items()}
    calls = [(store, path, rows.get(path), todo.taken) for path in _shards(store)]
    forwards: dict[str, str] = {}
    for index, (new, counts) in cluster.run(purge, calls):
        todo.found.update(counts)
        if new is not None:
            forwards[calls[index][1]] = new
    # What a takedown that was stopped here had changed is known to nothing else: its exports still hold the tokens.
    changed = {asked_for.get(path, path) for path in forwards} | set(json.loads(store.read_text(_PENDING) or "[]"))
    store.write_text(_PENDING, json.dumps(sorted(changed)))
    _forward(store, forwards)
    _delete(store, todo, forwards)
    _exports(store, cluster, todo, builds, changed)
    store.delete(_PENDING)
    left = Counter[str]()
    for keep in (False, True):
        for cache in fetched.caches:
            for entry, n in _of_cache(cluster, cache, todo, keep):
                if keep:
                    left[entry] += n
                else:
                    todo.found["fetched answers deleted"] += n
    for _, counts in cluster.run(scan, [(store, path, todo.taken) for path in _shards(store)]):
        left.update(counts)
    for path, mask in todo.rows.items():
        left[path] += left_in(store, path, mask)
    _report(todo, manifests, changed, left)
    _tell_hub(todo, fetched.hub)
    return 1 if +left else 0


def _shards(store: Store) -> list[str]:
    return [path for path, _ in store.walk(["objects"]) if path.endswith(".arrow")]


def _record(store: Store, manifests: list[dict[str, Any]], todo: Plan) -> None:
    """The list and, for `--near`, what tells near-duplicates once the texts are gone."""
    text = todo.taken.encode()
    name = digest(text)
    store.write_text(f"{FOLDER}/{name}.json", text)
    for number, manifest in enumerate(manifests if todo.taken.near else ()):
        if manifest["stage"] in ("minhash", "pool_minhash"):
            pairs = [(path, shard) for path, shard in aligned(manifest, "signatures") if path in todo.rows]
            signed = (batch for path, shard in pairs for batch in chosen_rows(store, shard, todo.rows[path]))
            todo.found["signatures kept"] += record_near(store, f"{name}-{number}", signed)


def _forward(store: Store, forwards: dict[str, str]) -> None:
    """Old -> new for every reader; an older forward goes to the newest file at once."""
    known = {old: forwards.get(new, new) for old, new in store.forwards().items()}
    store.write_text(FORWARDS, json.dumps({**known, **forwards}, indent=1, sort_keys=True))


def _delete(store: Store, todo: Plan, forwards: dict[str, str]) -> None:
    batches = {store.describe(store.present(path)).batch for path in todo.rows}
    gathered = [path for path, _ in store.walk([f"objects/{cache}" for cache in GATHERED])]
    for path in forwards:
        store.delete(path)
        todo.found["shards rewritten"] += 1
    for path in gathered:
        if store.describe(path).batch in batches:
            store.delete(path)
            todo.found["gathered files deleted"] += 1
    for path, _ in list(store.walk([f"objects/{cache}" for cache in (*CACHES, COUNTS)])):
        store.delete(path)
        todo.found["cache files deleted"] += 1


def _of_cache(cluster: Any, cache: str, todo: Plan, keep: bool) -> Iterator[tuple[str, int]]:
    """(entry, 1) where it names a repository or an address of what is taken down; it is deleted, or kept and told."""
    calls = [(cache, path, tuple(sorted(todo.places)), keep) for path in entries(cache)] if todo.places else []
    for index, n in cluster.run(purge_entry, calls):
        yield calls[index][1], n


def _exports(
    store: Store,
    cluster: Any,
    todo: Plan,
    builds: tuple[list[dict[str, Any]], dict[str, Found]],
    changed: set[str],
) -> None:
    """Exports of rows that changed: deleted, and those of this recipe made again and read back."""
    manifests, found = builds
    for manifest in manifests:
        rows = manifest.get("reads", {}).get("rows", [])
        if manifest["stage"] == "export" and changed & set(rows):
            _delete_exports(store, todo, manifest, rows, changed)
            if found["export"].path != manifest["path"]:
                store.delete(manifest["path"])  # else the stage would count as done
                print(f"deleted and not made again: the exports of {_builds_of(store, manifest['path'])}")
    ours = found["export"].result
    inputs = inputs_of(found["export"].stage, found) if ours is not None else None
    if ours is None or inputs is None or not changed & {shard.path for shard in inputs["rows"]}:
        return
    progress = RunProgress(store, "logs/takedown.jsonl")
    progress.manifest = found["export"].path or ""
    config: Any = found["export"].stage.config
    work = Work(store, cluster, "export", progress)
    made = export.run(work, config, **inputs)
    both = [(ours.outputs[name], made.outputs[name]) for name in ours.outputs if name in made.outputs]
    pairs = [(old.path, new.path) for was, now in both for old, new in zip(was, now, strict=True)]
    moved = {old: new for old, new in pairs if old != new}
    _forward(store, {**moved, **{f"{old}.json": f"{new}.json" for old, new in moved.items()}})
    todo.found["export files made again"] += len(moved)


def _delete_exports(store: Store, todo: Plan, manifest: dict[str, Any], rows: list[str], changed: set[str]) -> None:
    """The artefacts made from changed rows or from all of them, and the folder in which they were published."""
    full = [at for at, shard in enumerate(rows) if "." in shard]
    before = store.forwards()
    for output, shards in manifest["outputs"].items():
        name = output.partition(".")[0]
        if name == "tokenizer":
            continue  # holds nothing of a document, and the exports of other recipes stand on it too
        per_shard = name != "card" and (len(shards) > 1 or len(full) == 1)
        for at, shard in enumerate(shards):
            path = before.get(shard["path"], shard["path"])
            if (not per_shard or len(shards) != len(rows) or rows[at] in changed) and store.fs.exists(store.url(path)):
                store.delete(path)
                store.delete(f"{path}.json")
                todo.found[f"{name} files deleted"] += 1
        contents = [path.rsplit("/", 1)[1].split(".")[1] for path in rows]
        for path, _ in list(store.walk([f"exports/{name}/{digest(contents)[:16]}"])):
            store.delete(path)


def _builds_of(store: Store, manifest: str) -> str:
    """The builds that stand on an export, and the command that makes it again."""
    named = [path for path in store.list("builds") if manifest in (store.read_text(path) or "")]
    names = [path.rsplit("/", 1)[1].removesuffix(".json") for path in named]
    if not names:
        return "a build that is recorded no more"
    # A build is recorded under its recipe's name; of a function in a user's file the file is not known here.
    specs = [name if name in RECIPES else f"FILE.py:{name}" for name in names]
    return ", ".join(
        f"{name} (python -m pipelines.build --recipe {spec} --stage export --root {store.root})"
        for name, spec in zip(names, specs, strict=True)
    )


def _report(todo: Plan, manifests: list[dict[str, Any]], changed: set[str], left: Counter[str]) -> None:
    for name in todo.absent[:_SHOWN]:
        print(f"names no document here, recorded for later crawls: {name}")
    if len(todo.absent) > _SHOWN:
        print(f"and {len(todo.absent) - _SHOWN:,} more entries that name no document here")
    for name, n in sorted(todo.found.items()):
        print(f"{name:>28} {n:>12,}")
    for manifest in manifests:
        touched = changed & {path for paths in manifest.get("reads", {}).values() for path in paths}
        for stage, output in _MODELS:
            if manifest["stage"] == stage and touched:
                for shard in manifest["outputs"].get(output, ()):
                    print(f"trained on some of them: {shard['path']}")
        for shard in manifest["outputs"].get("scoring", ()):
            if shard["path"] in changed:
                print(f"scoring set that held some: {shard['path']}")
    for name, n in sorted((+left).items()):
        print(f"LEFT: {n} in {name}", file=sys.stderr)
    if not +left:
        print("scan: nothing of them is left in any stored file")


def _tell_hub(todo: Plan, names: tuple[str, ...]) -> None:
    """What the hub's cache, which others use too, holds of the same repositories and addresses."""
    if not names or not todo.places:
        return
    held = list(held_in_hub(names, pattern(todo.places)))
    for name, path in held:
        print(f"not deleted, since it is the hub client's own: {path} of {name} names one of them")
    if held:
        print("look whether the text is in it; `hf cache rm` or deleting the folder takes it away")
    else:
        print(f"hub's cache: no file of {', '.join(names)} names their repositories or addresses")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.takedown", description="Take documents out of a root.")
    parser.add_argument("list", metavar="LIST", help="a file of ids, owner/name, REPO/PATH, URLs or origins")
    parser.add_argument("--near", action="store_true", help="also the near-duplicates that dedup put with them")
    parser.add_argument("--recipe", default="demo", help="whose exports are made again (default: demo)")
    parser.add_argument("--root", default="build")
    parser.add_argument(
        "--cache", action="append", default=[], metavar="URL", help="a fetch cache to purge beside those of the recipe"
    )
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a running Dask scheduler (default: in this process)")
    return parser


if __name__ == "__main__":
    end(main)
