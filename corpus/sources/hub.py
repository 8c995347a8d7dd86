"""Data sets and vocabularies of the Hugging Face hub as local ones: `hub:OWNER/NAME[@REVISION]` -> a folder here.

Comes in: such a name and patterns of files. Goes out: the folder of one snapshot in the hub's own cache, downloaded if
the hub can be reached and already there otherwise. Called before a stage starts, in the process of the command, so no
worker ever needs the hub. A revision that is a commit is the same files for ever; a branch is whatever it is today.
"""

import os
import re
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Final, Literal

PREFIX: Final = "hub:"
_SPEC: Final = re.compile(r"hub:(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")


def is_hub(path: str) -> bool:
    """Whether a path names a data set or a model of the hub."""
    return path.startswith(PREFIX)


def local_file(spec: str, file: str, cache: str | None = None, offline: bool | None = None) -> Path:
    """One file of a model, such as its `tokenizer.json`."""
    return Path(local_folder(spec, [file], cache, offline, kind="model"), file)


def model_folder(name: str, offline: bool | None = None) -> str:
    """The folder of a model by path or by name; of weights safetensors only, so that nothing is unpickled."""
    if is_hub(name):
        return local_folder(name, ("*.json", "*.safetensors"), offline=offline, kind="model")
    if not os.path.isdir(name):
        raise FileNotFoundError(f"no model in {name}: give a folder of save_pretrained, or hub:OWNER/NAME[@REVISION]")
    return name


def local_folder(
    spec: str,
    patterns: Sequence[str] = ("*",),
    cache: str | None = None,
    offline: bool | None = None,
    kind: Literal["dataset", "model"] = "dataset",
) -> str:
    """The snapshot's folder, with at least one file that a pattern matches.

    `offline` looks into the cache only; unset, the hub's own HF_HUB_OFFLINE decides, and an unreachable hub is as if
    set. `cache` is the hub's folder unless given (HF_HOME, HF_HUB_CACHE).
    """
    found = _SPEC.fullmatch(spec)
    if not found:
        raise ValueError(f"{spec!r} is no name of the hub: write hub:OWNER/NAME or hub:OWNER/NAME@REVISION")
    name, revision = found["name"], found["revision"] or "main"
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    where = cache or constants.HF_HUB_CACHE
    only_here = constants.HF_HUB_OFFLINE if offline is None else offline
    try:
        folder = str(
            snapshot_download(
                name,
                repo_type=kind,
                revision=revision,
                cache_dir=where,
                allow_patterns=list(patterns),
                local_files_only=only_here,
                endpoint=os.environ.get("HF_ENDPOINT"),  # a mirror; the client itself reads it once, when imported
            )
        )
    except GatedRepoError as error:
        raise FileNotFoundError(
            f"{spec} is gated: accept its terms on the hub, log in (`hf auth login`), and run again"
        ) from error
    except RevisionNotFoundError as error:
        raise FileNotFoundError(f"{spec}: the {kind} has no revision {revision!r}") from error
    except RepositoryNotFoundError as error:
        raise FileNotFoundError(f"{spec}: the hub has no {kind} {name} (or it is private: `hf auth login`)") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        why = "the hub was not asked (offline)" if only_here else f"the hub cannot be reached ({type(error).__name__})"
        raise FileNotFoundError(
            f"{spec} is not in {where} and {why}: where there is a network run `hf download --repo-type {kind} {name}"
            f" --revision {revision}`, bring that folder here (HF_HUB_CACHE names it), or give the files by path"
        ) from error
    if not _matches(folder, patterns):
        raise FileNotFoundError(f"{spec} has no file like {' or '.join(patterns)}; it has {_some(folder)}")
    return folder


def _matches(folder: str, patterns: Sequence[str]) -> list[str]:
    return [name for name in _files(folder) if any(fnmatch(name, pattern) for pattern in patterns)]


def _files(folder: str) -> list[str]:
    found = [os.path.join(base, name) for base, _, names in os.walk(folder) for name in names]
    return sorted(os.path.relpath(path, folder).replace(os.sep, "/") for path in found)


def _some(folder: str) -> str:
    names = _files(folder)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "no files"
