"""Files of the Hugging Face hub as local files: fetched once, then read from the hub's own cache."""

from pathlib import Path


def is_hub_id(name: str) -> bool:
    """`owner/name` or `owner/name@revision`, as opposed to a path."""
    parts = name.partition("@")[0].split("/")
    return len(parts) == 2 and all(parts) and not name.startswith(".") and not parts[1].endswith(".json")


def hub_file(name: str, file: str) -> Path:
    """One file of a repository; the revision is a branch, a tag or, to be exact, a commit."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repository, _, revision = name.partition("@")
    try:
        return Path(hf_hub_download(repository, file, revision=revision or None))
    except (HfHubHTTPError, LocalEntryNotFoundError) as error:
        raise FileNotFoundError(f"{file} of {name} is neither cached here nor found on the hub: {error}") from error
