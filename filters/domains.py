"""Domain and sub-domain of a document, by one table: (kind, source, language class, recall label) -> where it belongs.

Comes in: narrow columns. Goes out: domain and sub-domain, null where no row of the table matches. Refuses to know text
and rules. The parts are CV2 section 2's: source 821B, code-related text 185B, code pages 70B and recalled source 94B
make the code corpus (1,170B); math pages are the math corpus, not code.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filters.rule import is_one_of

DOMAINS: Final = ("code", "math", "natural")
KINDS: Final = ("file", "notebook", "issue", "page", "prose")
LISTED, TEXT, DATA, OUTSIDE, NONE = "listed", "text", "data", "outside", "none"
CLASSES: Final = (LISTED, TEXT, DATA, OUTSIDE, NONE)
_DATA_OUTSIDE: Final = ("YAML",)  # has a rule of its own in C1 section 2.1, so it is part of the code corpus


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Documents that match all that is given belong to this domain and sub-domain; None matches everything."""

    domain: str
    subdomain: str
    kinds: tuple[str, ...]
    sources: tuple[str, ...] | None = None  # names of crawl batches
    classes: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None  # what recall selected it for

    def __post_init__(self) -> None:
        for what, names, known in (
            ("domain", (self.domain,), DOMAINS),
            ("kind", self.kinds, KINDS),
            ("language class", self.classes or (), CLASSES),
        ):
            for name in names:
                if name not in known:
                    raise ValueError(f"{what} {name!r} in the domain table: choose from {', '.join(known)}")


_FILES: Final = ("file", "notebook")
TABLE: Final = (
    Place(kinds=_FILES, classes=(LISTED, DATA), labels=("code",), domain="code", subdomain="recalled"),
    Place(kinds=_FILES, classes=(LISTED, DATA), domain="code", subdomain="source"),
    Place(kinds=_FILES, classes=(TEXT,), domain="code", subdomain="text"),
    Place(kinds=("issue",), domain="code", subdomain="text"),
    Place(kinds=("page",), labels=("code",), domain="code", subdomain="web"),
    Place(kinds=("page",), labels=("math",), domain="math", subdomain="web"),
    Place(kinds=("prose",), domain="natural", subdomain="prose"),
)


def language_names(languages: pa.RecordBatch) -> pa.Array:
    """The listed language, else the text format, else the language outside the list; null where none is known."""
    return pc.coalesce(languages.column("language"), languages.column("text_format"), languages.column("outside"))


def language_classes(languages: pa.RecordBatch) -> pa.Array:
    """listed: on the list of 338; text: a text format; data: YAML; outside: any other language; none: not known."""
    outside = languages.column("outside")
    kinds = (
        (languages.column("language").is_valid(), LISTED),
        (languages.column("text_format").is_valid(), TEXT),
        (pc.is_in(outside, value_set=pa.array(_DATA_OUTSIDE)), DATA),
        (outside.is_valid(), OUTSIDE),
    )
    conditions = pa.StructArray.from_arrays([mask for mask, _ in kinds], names=[name for _, name in kinds])
    return pc.case_when(conditions, *(pa.scalar(name) for _, name in kinds), pa.scalar(NONE))


def places(
    table: tuple[Place, ...], documents: pa.RecordBatch, classes: pa.Array, labels: pa.Array
) -> tuple[pa.Array, pa.Array]:
    """Domain and sub-domain of each document: the first row of the table that matches."""
    domains = np.full(documents.num_rows, None, object)
    subdomains = np.full(documents.num_rows, None, object)
    left = np.ones(documents.num_rows, np.bool_)
    for place in table:
        matched = left & is_one_of(documents.column("kind"), place.kinds)
        for column, names in (
            (documents.column("source"), place.sources),
            (classes, place.classes),
            (labels, place.labels),
        ):
            if names is not None:
                matched &= is_one_of(column, names)
        domains[matched], subdomains[matched] = place.domain, place.subdomain
        left &= ~matched
    return pa.array(domains, pa.string()), pa.array(subdomains, pa.string())
