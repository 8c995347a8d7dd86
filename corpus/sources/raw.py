"""What a source hands over: one file, page or row as bytes, with what the source knows about it.

Comes in: nothing. Goes out: `Raw`, and the shape that every module of this folder has:

    @dataclass(frozen=True, kw_only=True)
    class Git: ...                                                # settings; where the data lies is marked LOCATION
    def roots(source: Git) -> list[str]                           # on the client, sorted; names, free of the location
    def listing(source: Git, root: str) -> Iterator[RecordBatch]  # schema LISTING; refusals in column `refused`
    def read(source: Git, rows: pa.Table) -> Iterator[Raw]        # a slice of one or more listings, in its order

A source whose roots lie across many files (an issue's comments, in the hours they were written in) has four more, and
its `listing` and `read` get one more argument, a function from a root to its row groups, in the order of the parts:

    GATHERED: pa.Schema                                           # its first column is `root`
    def parts(source: Issues) -> list[str]
    def gathering(source: Issues) -> Issues                       # with defaults for what `gather` does not use
    def gather(source: Issues, part: str, counts) -> Iterator[RecordBatch]   # a row group for each root, by name

`RELATED = True` says that roots are repositories, which may be copies of one another (`pipelines/relatives.py`).
`listing` fetches no content. A root that cannot be listed at all (gone, empty, corrupt) is one row with a reason.
`read` gets only rows that the listing did not refuse and yields at least one `Raw` for each: where the bytes turn out
to be unreadable, one with `refused` set. Nothing is left out silently, so that what was seen can be added up.
This file refuses to know encodings, limits and languages: `corpus/decode.py` and `corpus/extract.py` see to them.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

# For dataclasses.field(metadata=LOCATION): where the data lies is no part of what it is, so moving it re-keys nothing.
LOCATION: Final = {"identity": False, "place": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """One document before decoding; the columns of DOCUMENTS that the source can fill."""

    row: int  # position in the table that `read` was given
    root: str  # archive, repository or WARC file, as in the listing
    path: str  # member, file or URL, as in the listing; bytes that are not UTF-8 as \xNN
    data: bytes  # empty where refused
    kind: str  # file, notebook, issue, page or prose
    origin: str  # unit of held-out and of --sample: repository, registrable domain, project
    repo: str | None = None  # owner/name
    url: str | None = None
    snapshot: str | None = None  # dump, commit or release
    created: int | None = None  # unix seconds, of the repository or page
    committed: int | None = None  # unix seconds, of the commit or archive member
    stars: int | None = None
    forks: int | None = None
    blob: str | None = None  # git object id, or the digest the source gives
    declared: str | None = None  # language named by the source
    people: tuple[str, ...] = ()  # user names that the source names, for `scrub`
    charset: str | None = None  # encoding that the transport declares, such as HTTP's Content-Type
    refused: str | None = None  # why the bytes could not be read


def readable(path: bytes) -> str:
    r"""A file name as text: what is not UTF-8, NUL and the backslash become \xNN, so that two names never meet."""
    return path.replace(b"\\", rb"\x5c").replace(b"\0", rb"\x00").decode("utf-8", "backslashreplace")


def text_names(roots: list[str]) -> list[str]:
    """The roots, each of whose names can be stored. Raises ValueError: a file name on a disk may be any bytes."""
    for root in roots:
        try:
            root.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"the name {root!r} is not UTF-8: rename it (or, where other names of the folder are shown "
                "wrongly too, set LC_ALL=C.UTF-8)"
            ) from error
    return roots


def document_id(source: str, origin: str, place: str, text: bytes) -> bytes:
    """Sixteen bytes of blake2b over source, origin, path or URL, and text; each with its length before it.

    The lengths keep ("ab", "c") and ("a", "bc") apart. The text is the stored one, so a row's id can be checked.
    """
    digest = blake2b(digest_size=16)
    for part in (source.encode(), origin.encode(), place.encode(), text):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()
