"""Group `metadata`: what is known of a document beside its text - who wrote an issue, how a text file is named.

Comes in: documents, of which the text is only measured. Goes out: counts, null where they do not apply. Refuses to know
thresholds. The definitions are StarCoder's and The Stack v2's for issues and for files of plain text.
"""

import re
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from filters.group import Group

# BigCode's kinds of bot, by what their names hold and how they end.
_BOT: Final = re.compile(
    r"\[bot\]|bors-|jenkins|k8s-|travis|dependabot|codecov|github-actions|(?:bot|-ci|-build|-test)$"
)
# The Stack v2 keeps of the files of plain text those whose stem is one of these, or speaks of requirements.
_STEMS: Final = ("readme", "notes", "todo", "description", "cmakelists")
# Pages that list others: OpenWebMath drops addresses that speak of search, proceedings, bibtex and the like.
_LISTING: Final = re.compile(
    r"[/?&=._-](?:search|find|query|proceedings|bibtex|citations?|references|login|signup|register|tags?|archive|feed)(?=[/?&=._-]|$)"
)


def is_bot(name: str) -> bool:
    """Whether a user name is one of a program."""
    return _BOT.search(name.lower()) is not None


def has_text_name(path: str) -> bool:
    """Whether a file of plain text is named as one worth keeping."""
    name = path.rsplit("/", 1)[-1].lower()
    return "requirement" in name or name.split(".")[0] in _STEMS


def is_listing(url: str) -> bool:
    """Whether an address is one of a page that lists others, by a word in its path or query."""
    rest = url.lower().split("://", 1)[-1]
    return _LISTING.search(rest, rest.find("/")) is not None if "/" in rest else False


def comments_of(text: str, name: str) -> int:
    """How often a conversation says that this user speaks, on a line of its own as `crawl` writes it."""
    return text.count(f"\n@{name}:\n") + text.startswith(f"@{name}:\n")


def metadata(documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """Counts over every document."""
    people = [None if names is None else set(names) for names in documents.column("people").to_pylist()]
    chars = pc.utf8_length(documents.column("text")).fill_null(0).to_pylist()
    humans = [None if names is None else sum(not is_bot(name) for name in names) for names in people]
    alone = [size if names is not None and len(names) == 1 else None for size, names in zip(chars, people, strict=True)]
    lone = [next(iter(names)) if names is not None and len(names) == 1 else None for names in people]
    told = [
        None if name is None else comments_of(text.as_py() or "", name)
        for name, text in zip(lone, documents.column("text"), strict=True)
    ]
    listed = [None if url is None else int(is_listing(url)) for url in documents.column("url").to_pylist()]
    named = [None if path is None else int(has_text_name(path)) for path in documents.column("path").to_pylist()]
    columns = [
        pa.array([0 if names is None else len(names) for names in people], pa.int64()),
        pa.array(humans, pa.int64()),
        pa.array(alone, pa.int64()),
        pa.array(told, pa.int64()),
        pa.array(named, pa.int64()),
        pa.array(listed, pa.int64()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=METADATA.schema())


METADATA: Final = Group(
    name="metadata",
    kernel=metadata,
    columns=(
        ("n_people", "int64"),  # that the source names; 0 where it names none
        ("n_humans", "int64"),  # of these, no bots; null where the source names none
        ("lone_chars", "int64"),  # characters of a text that one user wrote; null otherwise
        ("lone_comments", "int64"),  # of that user, the opening among them
        ("text_name", "int64"),  # 1 or 0: the name is one of a text worth keeping; null without a path
        ("listing_url", "int64"),  # 1 or 0: the address is one of a page that lists others; null without one
    ),
)
