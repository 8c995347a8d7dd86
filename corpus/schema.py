"""One Arrow schema per grain, with the meaning of each column; nothing here reads or writes.

Documents carry the text and are written once. Everything else is an annotation: the same rows in the same order,
in the same row groups, without the text. The first column of every annotation is never null, except in a row group
that `--keep-going` quarantined: there every column is null, and `filter` drops the row as `quarantined`.
"""

from typing import Final

import pyarrow as pa

ID: Final = pa.binary(16)
IDS: Final = pa.large_list(pa.int32())

_SPAN: Final = pa.struct(
    [
        pa.field("start", pa.int64(), nullable=False),  # byte offset into the UTF-8 text, inclusive
        pa.field("end", pa.int64(), nullable=False),  # byte offset, exclusive
        pa.field("kind", pa.string(), nullable=False),  # what stands there, such as "email"
    ]
)

# Metadata of a schema whose readers find row groups by place: one for each of some ranges, empty ones too.
RANGES: Final = {b"row_groups": b"one per range, empty ones too"}

DOCUMENTS: Final = pa.schema(
    [
        ("id", ID),  # blake2b-128 of source, origin, path or url, content
        ("source", pa.string()),  # name of the crawl batch, or "recall" for selected pages
        ("kind", pa.string()),  # file, notebook, issue, page or prose
        ("origin", pa.string()),  # unit of held-out and of --sample: repository, registrable domain, project
        ("repo", pa.string()),  # owner/name; null outside repositories
        ("path", pa.string()),  # inside the repository or archive, "/"-separated; invalid bytes as \xNN
        ("url", pa.string()),  # of a web page or the archive
        ("snapshot", pa.string()),  # dump, commit or release
        ("created", pa.timestamp("s", "UTC")),  # of the repository or page, where known
        ("committed", pa.timestamp("s", "UTC")),  # of the commit or archive member
        ("stars", pa.int32()),
        ("forks", pa.int32()),
        ("encoding", pa.string()),  # the bytes were decoded from this
        ("blob", pa.string()),  # git object id, or the digest the source gives
        ("people", pa.list_(pa.string())),  # user names that the source names, for `scrub`
        ("declared", pa.string()),  # language named by the source, such as a notebook's kernel
        ("label", pa.string()),  # what recall selected the page for: math or code
        ("text", pa.large_string()),
    ]
)

LISTING: Final = pa.schema(
    [
        ("root", pa.string()),  # archive, repository or WARC file, as the source names it
        ("path", pa.string()),  # member, file or URL
        ("size", pa.int64()),  # bytes before decoding; null where only reading tells
        ("locator", pa.string()),  # where the bytes are: member index, blob id, or "offset:length"
        ("refused", pa.string()),  # why it will not be read, or null
        ("snapshot", pa.string()),
        ("created", pa.timestamp("s", "UTC")),
        ("committed", pa.timestamp("s", "UTC")),
    ]
)

LISTED: Final = pa.schema(  # as crawl stores it; what a source does not know is null
    [
        *LISTING,
        ("tree", pa.string()),  # git's id of the root folder: equal where two repositories hold the same files
        ("family", pa.string()),  # id of the oldest commit without parents: equal among forks
        ("stars", pa.int32()),
        ("forks", pa.int32()),
    ]
)

LANGUAGES: Final = pa.schema(
    [
        ("how", pa.string()),  # name, shebang, heuristic, model, declared, kind, none
        ("language", pa.string()),  # one of the 338, or null
        ("text_format", pa.string()),  # Markdown, reStructuredText, Text, ... or null
        ("outside", pa.string()),  # a language outside the list (YAML, Prolog, ...), or null
        ("confidence", pa.float32()),  # 1 where a name or shebang decides
        ("runner_up", pa.string()),
        ("natural", pa.string()),  # ISO code of the prose, or null
        ("generated", pa.bool_()),
        ("vendored", pa.bool_()),
        ("minified", pa.bool_()),
        ("test", pa.bool_()),
        ("data_heavy", pa.bool_()),  # more in numbers and encoded words than in words
    ]
)

SPANS: Final = pa.list_(_SPAN)

SCRUB: Final = pa.schema(
    [
        ("n_spans", pa.int32()),
        ("spans", SPANS),  # secrets and personal data
        ("header", SPANS),  # the licence header at the top of the file, kind "licence_header"; at most one
        ("header_license", pa.string()),  # SPDX expression found in the header, or that a licence file's text is
        ("manifest_license", pa.string()),  # SPDX expression that a manifest declares (package.json, METADATA, ...)
    ]
)

LICENSES: Final = pa.schema(
    [
        ("license_from", pa.string()),  # header, file, manifest or none
        ("license", pa.string()),  # SPDX expression, or null
    ]
)

HITS: Final = pa.list_(
    pa.struct(
        [
            pa.field("benchmark", pa.string(), nullable=False),
            pa.field("item", pa.string(), nullable=False),
            pa.field("start", pa.int64(), nullable=False),  # bytes, as in spans
            pa.field("end", pa.int64(), nullable=False),
            pa.field("grams", pa.int32(), nullable=False),  # length of the n-gram that matched
        ]
    )
)

CONTAMINATION: Final = pa.schema([("n_hits", pa.int32()), ("hits", HITS)])

VERDICTS: Final = pa.schema(
    [
        ("kept", pa.bool_()),
        ("domain", pa.string()),  # code, math or natural; null where no row of the table matches
        ("subdomain", pa.string()),  # such as source, text, web
        ("reason", pa.string()),  # the first rule that dropped it, or null
        ("failed", pa.list_(pa.string())),  # all that would have
        ("held_out", pa.bool_()),
        ("edits", SPANS),  # merged, disjoint, ascending
    ]
)

RECALL_SCORES: Final = pa.schema(
    [
        ("score", pa.float32()),  # of the best label
        ("label", pa.string()),  # math, code, or null where the page is not selected
    ]
)


def signatures(n_hashes: int) -> pa.Schema:
    """Per document: exact keys and the MinHash signature of the file unit."""
    return pa.schema(
        [
            ("n_shingles", pa.int32()),  # distinct; 0 where the text has no word characters
            ("exact", ID),  # blake2b-128 of the bytes
            ("normalized", ID),  # blake2b-128 without white space; without comments too, where the recipe says so
            ("signature", pa.list_(pa.uint32(), n_hashes)),
        ]
    )


# Of each band `slices` row groups, equal ranges of keys; `slices` is among the shard's counters.
BANDS: Final = pa.schema(
    [
        ("band", pa.int16()),
        ("key", pa.uint64()),
        ("shard", pa.int32()),  # position in the group
        ("row", pa.int32()),
    ],
    metadata=RANGES,
)

SURVIVORS: Final = pa.schema(
    [
        ("survives", pa.bool_()),
        ("reason", pa.string()),  # exact_, near_ or url_duplicate, near_held_out, held_out, or filter's reason
        ("kept_id", ID),  # id of the member kept in this document's place, or its own
    ]
)

EDGES: Final = pa.schema([("node", pa.int64()), ("to", pa.int64())], metadata=RANGES)  # global rows, node > to

CLUSTERS: Final = pa.schema(
    [
        ("node", pa.int64()),  # global row of the document that stands for the unit; ascending; clusters of two or more
        ("kept_node", pa.int64()),  # of the unit kept in the cluster
        ("size", pa.int32()),  # units in the cluster
        ("id", ID),  # of the document that stands for the unit
        ("kept_id", ID),
        ("kept_key", pa.uint64()),  # first 8 bytes of its normalized key
        ("held_out", pa.bool_()),  # the unit kept is held out
    ]
)

SCORING: Final = pa.schema(
    [
        ("id", ID),
        ("origin", pa.string()),
        ("domain", pa.string()),
        ("subdomain", pa.string()),
        ("language", pa.string()),
        ("text", pa.large_string()),  # edited
    ]
)

SAMPLES: Final = pa.schema(
    [
        ("sample", ID),  # blake2b-128 of its document ids in order
        ("domain", pa.string()),
        ("subdomain", pa.string()),
        ("language", pa.string()),  # of the sample's largest document; null for prose
        (
            "documents",
            pa.list_(
                pa.struct(
                    [
                        pa.field("document", ID, nullable=False),
                        pa.field("shard", pa.int32(), nullable=False),  # position in the group
                        pa.field("row", pa.int32(), nullable=False),
                        pa.field("comment", pa.string(), nullable=False),  # path comment with its newline, or ""
                    ]
                )
            ),
        ),
    ]
)

TOKENS: Final = pa.schema(
    [
        ("n_tokens", pa.int32()),  # 0 where filter dropped the document
        ("ids", IDS),  # of the edited text, plain: no begin, end, FIM or comment tokens
    ]
)

MIX: Final = pa.schema(
    [
        ("repeats", pa.int16()),  # 0: left out
        ("domain", pa.string()),
        ("n_tokens", pa.int64()),  # plain tokens of one repeat
    ]
)

SEGMENT: Final = pa.struct(
    [
        pa.field("sample", ID, nullable=False),
        pa.field("document", ID, nullable=False),
        pa.field("start", pa.int32(), nullable=False),  # in the row
        pa.field("length", pa.int32(), nullable=False),  # tokens
        pa.field("document_start", pa.int64(), nullable=False),  # token offset inside what the document emitted
        pa.field("repeat", pa.int16(), nullable=False),
        pa.field("layout", pa.int8(), nullable=False),  # code; names in the schema's metadata
        pa.field("cut_1", pa.int32(), nullable=False),  # character position in the edited text, -1 when plain
        pa.field("cut_2", pa.int32(), nullable=False),
        pa.field("domain", pa.int8(), nullable=False),  # code; names in the schema's metadata
    ]
)


def rows(length: int) -> pa.Schema:
    """Packed training rows. Codes are named in the metadata: a dictionary inside a list cannot go to an IPC file."""
    fields = [
        pa.field("input_ids", pa.list_(pa.int32(), length), nullable=False),
        pa.field("segments", pa.list_(SEGMENT), nullable=False),
    ]
    return pa.schema(fields)


INDEX: Final = pa.schema(
    [
        ("document", ID),
        ("sample", ID),
        ("shard", pa.int32()),  # position among the row shards
        ("row", pa.int32()),
    ]
)
