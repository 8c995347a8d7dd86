"""Secrets and personal data in documents, as byte spans; the licence header, which `filter` may remove; and licences.

Comes in: a batch of documents. Goes out: a SCRUB annotation. Kinds: `key` (`filters.keys`), `email` and `ip_address`
(`filters.addresses`), and `user`, a name that the source lists in `people`, in the kinds of document named in
the settings. Refuses to change the text: `filters.edits` does, where the recipe says so.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpus.headers import HEAD_BYTES, header_span
from corpus.licenses import is_licence_file, licence_of
from corpus.manifests import MANIFEST_BYTES, declared, is_manifest
from corpus.schema import SCRUB
from filters.addresses import address_spans
from filters.anchors import anchors
from filters.edits import merge_edits, span_column
from filters.keys import key_spans

COLUMNS: Final = ("kind", "path", "people", "text")  # of DOCUMENTS
KINDS: Final = ("key", "email", "ip_address", "user")


@dataclass(frozen=True, kw_only=True, slots=True)
class ScrubConfig:
    """What is looked for, and where the doubtful begins."""

    kinds: tuple[str, ...] = KINDS
    users_in: tuple[str, ...] = ("issue",)  # kinds of document whose `people` are replaced
    min_user_chars: int = 3  # a shorter name is replaced only behind an @
    base64_limit: float = 4.5  # bits a character: the library's limits, which BigCode kept
    hex_limit: float = 3.0
    max_key_chars: int = 256  # a longer random string is embedded data, not a key
    # Bytes around places where a key could be, of one document. A line made to have nothing else takes 5 s a MB; what
    # lies behind the limit is replaced as a whole, so that nothing is left unread.
    max_searched: int = 2 << 20
    # Documents whose repositories' licences are found together; it decides no output, only what a job reads.
    group_bytes: int = field(default=1 << 30, metadata={"identity": False})

    def __post_init__(self) -> None:
        unknown = sorted(set(self.kinds) - set(KINDS))
        if unknown:
            raise ValueError(f"ScrubConfig.kinds holds {unknown[0]!r}: choose from {', '.join(KINDS)}")
        if self.base64_limit < 4.5 or self.hex_limit < 3.0:
            raise ValueError(
                f"ScrubConfig limits {self.base64_limit} and {self.hex_limit} are below the detectors' own 4.5 and 3.0"
            )
        if min(self.min_user_chars, self.max_key_chars, self.max_searched, self.group_bytes) < 1:
            raise ValueError(f"ScrubConfig: sizes must be at least 1: {self}")


def scrub(cfg: ScrubConfig, documents: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
    """Spans of every document, merged and ascending; its licence header, and what that, or file or manifest, states."""
    text = documents["text"]
    offsets, data = _buffers(text)
    paths = documents["path"].to_pylist()
    spans: list[list[tuple[int, int, str]]] = [[] for _ in range(len(text))]
    cut: list[int] = []  # rows whose search for keys ended before the text did
    for row, start, end, kind in _found(cfg, documents, data, offsets, paths, cut):
        spans[row].append((start, end, kind))
    merged = [merge_edits(row) for row in spans]
    kinds = documents["kind"].to_pylist()
    headers, licences = _licences(kinds, paths, data, offsets)
    declarations, unread = _declarations(kinds, paths, data, offsets)
    counts = Counter(f"spans.{span.kind}" for row in merged for span in row)
    counts["headers"] = sum(map(len, headers))
    counts["cut_short"] = len(cut)
    counts["manifests_unread"] = unread
    annotation = pa.RecordBatch.from_arrays(
        [
            pa.array([len(row) for row in merged], pa.int32()),
            span_column(merged),
            span_column(headers),
            pa.array(licences, pa.string()),
            pa.array(declarations, pa.string()),
        ],
        schema=SCRUB,
    )
    return annotation, dict(counts)


def _found(
    cfg: ScrubConfig,
    documents: pa.RecordBatch,
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    paths: list[str],
    cut: list[int],
) -> Iterator[tuple[int, int, int, str]]:
    """Row, start, end and kind of everything found, in no order."""
    if "key" in cfg.kinds:
        positions = anchors(data, cfg.base64_limit, cfg.hex_limit)
        rows = np.searchsorted(offsets, positions, side="right") - 1
        for row in np.unique(rows).tolist():
            low, high = int(offsets[row]), int(offsets[row + 1])
            first, last = np.searchsorted(positions, (low, high))
            inside = positions[first:last] - low
            limits = (cfg.max_key_chars, cfg.max_searched)
            found, whole = key_spans(data[low:high].tobytes(), inside, paths[row] or "", limits)
            cut += [] if whole else [row]
            for start, end in found:
                yield row, start, end, "key"
    for row, start, end, kind in address_spans(data, offsets):
        if kind in cfg.kinds:
            yield row, start, end, kind
    if "user" in cfg.kinds:
        for row, (kind, people) in enumerate(
            zip(documents["kind"].to_pylist(), documents["people"].to_pylist(), strict=True)
        ):
            if kind in cfg.users_in and people:
                low, high = int(offsets[row]), int(offsets[row + 1])
                for start, end in user_spans(data[low:high].tobytes(), people, cfg.min_user_chars):
                    yield row, start, end, "user"


def user_spans(text: bytes, people: list[str], min_chars: int) -> list[tuple[int, int]]:
    """Where the names stand as whole words in any case, the @ before one included; the longest name wins."""
    names = sorted({name.encode() for name in people if name}, key=lambda name: (-len(name), name))
    if not names:
        return []
    long = b"|".join(re.escape(name) for name in names if len(name) >= min_chars)
    alternatives = [rb"@(?:" + b"|".join(map(re.escape, names)) + rb")"] + ([rb"(?:" + long + rb")"] if long else [])
    pattern = re.compile(rb"(?<![\w@/.-])(?:" + b"|".join(alternatives) + rb")(?![\w-])", re.I)
    return [match.span() for match in pattern.finditer(text)]


def _licences(
    kinds: list[str], paths: list[str], data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> tuple[list[list[tuple[int, int, str]]], list[str | None]]:
    """Per file its header's span and licence; a licence file has no header, and its licence is what its text is."""
    headers: list[list[tuple[int, int, str]]] = [[] for _ in kinds]
    licences: list[str | None] = [None] * len(kinds)
    for row, (kind, path) in enumerate(zip(kinds, paths, strict=True)):
        if kind != "file":
            continue
        text = data[offsets[row] : offsets[row + 1]].tobytes() if path and is_licence_file(path) else None
        if text is not None:
            licences[row] = licence_of(text)
            continue
        head = data[offsets[row] : min(offsets[row + 1], offsets[row] + HEAD_BYTES)].tobytes()
        span = header_span(head)
        if span:
            headers[row] = [(*span, "licence_header")]
            licences[row] = licence_of(head[slice(*span)])
    return headers, licences


def _declarations(
    kinds: list[str], paths: list[str], data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]
) -> tuple[list[str | None], int]:
    """The licence that each manifest declares, and how many manifests could not be read."""
    found: list[str | None] = [None] * len(kinds)
    unread = 0
    for row, (kind, path) in enumerate(zip(kinds, paths, strict=True)):
        if kind != "file" or not path or not is_manifest(path):
            continue
        end = min(offsets[row + 1], offsets[row] + MANIFEST_BYTES + 1)  # one byte more tells that it is too long
        try:
            found[row] = declared(path, data[offsets[row] : end].tobytes())
        except ValueError:
            unread += 1
    return found, unread


def _buffers(text: pa.LargeStringArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Offsets of the rows, and the column's bytes that they point into, from the first row on."""
    if not len(text):
        return np.zeros(1, np.int64), np.zeros(0, np.uint8)
    _, offsets, data = text.buffers()
    rows = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
    flat = np.frombuffer(data or b"", np.uint8)[rows[0] : rows[-1]]
    return rows - rows[0], flat
