"""Where a build lies: `--root` turned into a store that has answered, before anything is planned or run.

Comes in: a folder or an fsspec URL, as a user wrote it. Goes out: a `Store`, or one line that says why there is none.
"""

from corpus.shards import Store
from pipelines.console import UsageError


class PlaceError(UsageError):
    """The root cannot be used; the message names it and the way out."""


def store_at(root: str) -> Store:
    """The store at `root`, read once. Raises PlaceError."""
    if not root.strip():
        raise PlaceError(
            "--root is empty: give a folder or any fsspec URL, such as --root build or --root s3://bucket/corpus"
        )
    store = Store(root)
    try:
        store.list("manifests")
    except (
        Exception
    ) as error:  # each file system raises classes of its own: no such protocol, no driver, no credentials
        raise PlaceError(
            f"--root {root} cannot be read ({_told(error)}): give a folder or an fsspec URL that can"
        ) from error
    return store


def check_writable(store: Store, path: str) -> None:
    """Write an empty file at `path`, which the caller will fill. Raises PlaceError."""
    try:
        store.write_text(path, "")
    except Exception as error:  # as above
        raise PlaceError(
            f"--root {store.root} cannot be written ({_told(error)}): give one with room that you may write to"
        ) from error


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
