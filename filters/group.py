"""What a group of measures is: a kernel over documents and languages, and the columns it gives, one row a document.

Comes in: a row group of documents and its annotation of languages. Goes out: an annotation of the same rows. Each group
is computed and stored by itself, so that a new measure reads the text for its own group only; a group of a user's
own is a kernel in the recipe's file. Refuses to know thresholds (`filters.rules`) and which documents are kept.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

Kernel = Callable[[pa.RecordBatch, pa.RecordBatch], pa.RecordBatch]

_TYPES: Final = {
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "string": pa.string(),
    "list<string>": pa.list_(pa.string()),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Measures computed together; the first column is never null, the others are where they do not apply."""

    name: str
    kernel: Kernel
    columns: tuple[tuple[str, str], ...]  # name and type, one of bool, int64, float64, string, list<string>

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"group {self.name!r}: its name becomes a keyword argument, so it must be an identifier")
        if not self.columns:
            raise ValueError(f"group {self.name!r} has no columns: name at least one, such as ('n_words', 'int64')")
        for column, kind in self.columns:
            if kind not in _TYPES:
                raise ValueError(f"group {self.name!r}: {column} is {kind!r}, but a type is one of {', '.join(_TYPES)}")
        refuse_twins(f"group {self.name!r}", (column for column, _ in self.columns))

    def schema(self) -> pa.Schema:
        """The annotation's schema."""
        return pa.schema([(column, _TYPES[kind]) for column, kind in self.columns])


def measured(group: Group, documents: pa.RecordBatch, languages: pa.RecordBatch) -> pa.RecordBatch:
    """The group's annotation of one row group, checked against what the group promises."""
    batch = group.kernel(documents, languages)
    schema = group.schema()
    if batch.schema.names != schema.names or batch.schema.types != schema.types:
        raise TypeError(f"group {group.name!r} promises\n{schema}\nbut its kernel gave\n{batch.schema}")
    if batch.num_rows != documents.num_rows:
        raise ValueError(f"group {group.name!r} gave {batch.num_rows} rows for {documents.num_rows} documents")
    if batch.column(0).null_count:
        first = schema.names[0]
        raise ValueError(
            f"group {group.name!r}: {first} holds null, which says 'quarantined' in a first column; give 0"
        )
    return batch


def refuse_twins(what: str, names: Iterable[str]) -> None:
    """Raise where a name occurs twice."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what}: {name!r} occurs twice; rename one")
        seen.add(name)
