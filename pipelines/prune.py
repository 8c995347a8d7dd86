"""What no recorded build of a root needs any more: listed with its bytes, deleted after a yes."""

import json

from corpus.shards import Store
from pipelines.manifest import Found


def needed(store: Store, found: dict[str, Found]) -> set[str]:
    """Paths of every manifest and shard that a recorded build, or the build at hand, stands on."""
    manifests = {here.path for here in found.values() if here.result is not None and here.path}
    for path in store.list("builds"):
        manifests.update(json.loads(store.read_text(path) or "{}").values())
    keep = set(manifests)
    for path in manifests:
        text = store.read_text(path)
        if text is None:
            continue
        keep.update(json.loads(text)["files"])
    forwards = store.forwards()
    keep.update(forwards[path] for path in tuple(keep) if path in forwards)
    return {*keep, *(f"{path}.json" for path in keep if not path.endswith((".arrow", ".json")))}


def unneeded(store: Store, keep: set[str]) -> list[tuple[str, int]]:
    """(path, bytes) of stored files that are not in `keep`."""
    return [(path, size) for path, size in store.walk(("objects", "manifests")) if path not in keep]


def prune(store: Store, build: str, found: dict[str, Found]) -> int:
    """List, ask on a terminal, delete. Exit status 0."""
    doomed = unneeded(store, needed(store, found))
    for path, size in doomed:
        print(f"{size:>14,}  {path}")
    total = sum(size for _, size in doomed)
    print(f"{len(doomed):,} files, {total:,} bytes that no recorded build of {store.root} needs")
    if not doomed:
        return 0
    try:
        answer = input("delete them? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() != "y":
        print("nothing deleted")
        return 0
    for path, _ in doomed:
        store.delete(path)
    print(f"deleted {len(doomed):,} files")
    return 0
