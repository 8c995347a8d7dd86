"""Issues and discussions with their comments, from GH Archive's events of one closed period.

Comes in: hours. Goes out: one document of kind issue for each issue or discussion that was opened in the period, with
what was written up to the period's end; so no later batch opens it again. An hour's events are sorted by (bucket,
repository, section, number, comment) and kept, one row group a bucket; a bucket's row groups of all hours are then
joined (`pipelines/gathering.py`): an external sort whose memory is one hour's events, or one bucket. A bucket is a
share of the repositories, by hash; choose `buckets` so that a bucket of the period's text fits a worker (a year of
GitHub: 4,096).
GitHub publishes no event for comments of discussions, and `DiscussionEvent` only since spring 2026 (docs/crawl.md):
of a discussion its opening is all that the archive knows.
This file refuses to know the rules for conversations (`conversations.py`) and files (`gharchive.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import groupby
from typing import Any, Final

import pyarrow as pa

from corpus.schema import LISTING
from corpus.sources.conversations import Comment, Conversation, Rules, conversation
from corpus.sources.gharchive import Hours, events, seconds
from corpus.sources.raw import Raw

_KINDS: Final = ("IssuesEvent", "IssueCommentEvent", "DiscussionEvent")
_OPENING: Final = 0  # in the column `comment`; an event that writes nothing has its own id there, negative
_ROWS: Final = 10_000  # of one listing batch
Parts = Callable[[str], Iterable[pa.RecordBatch]]  # a bucket's row groups, in the order of the hours

GATHERED: Final = pa.schema(
    [
        ("root", pa.string()),  # bucket
        ("repo", pa.string()),
        ("section", pa.string()),  # issues, discussions: as in the URL
        ("number", pa.int64()),
        ("comment", pa.int64()),  # 0: the opening; below 0: it was closed or opened again
        ("written", pa.int64()),  # Unix seconds
        ("author", pa.string()),
        ("bot", pa.bool_()),
        ("title", pa.large_string()),  # with the opening only
        ("text", pa.large_string()),
    ]
)
_ORDER: Final = [(name, "ascending") for name in ("root", "repo", "section", "number", "comment")]


@dataclass(frozen=True, kw_only=True)
class Issues:
    """Issues and discussions opened in `hours`."""

    hours: Hours
    rules: Rules = field(default_factory=Rules)
    buckets: int = 64

    def __post_init__(self) -> None:
        if not 1 <= self.buckets <= 99_999:
            raise ValueError(f"Issues.buckets must be 1 to 99,999, not {self.buckets}")


@dataclass(frozen=True, slots=True)
class _Issue:
    repo: str
    section: str
    number: int
    opened: int
    last: int
    made: Conversation


def parts(source: Issues) -> list[str]:
    """What is gathered before anything is listed: the hours."""
    return source.hours.names()


def gathering(source: Issues) -> Issues:
    """The settings that gathering depends on: other rules for conversations read no hour again."""
    return replace(source, rules=Rules())


def gather(source: Issues, part: str, counts: dict[str, int]) -> Iterator[pa.RecordBatch]:
    """One hour's issue events, sorted; a row group for each bucket."""
    rows: dict[tuple[str, str, int, int], dict[str, Any]] = {}  # the latest wording of a comment stays
    for event in events(source.hours, part, _KINDS, counts):
        try:
            for row in _event_rows(source, event):
                rows[row["repo"], row["section"], row["number"], row["comment"]] = row
        except (KeyError, TypeError, ValueError, AttributeError):
            counts["events.malformed"] = counts.get("events.malformed", 0) + 1
    table = pa.Table.from_pylist(list(rows.values()), GATHERED).sort_by(_ORDER).combine_chunks()
    start = 0
    for _, group in groupby(table["root"].to_pylist()):
        n = len(list(group))
        yield from table.slice(start, n).to_batches()
        start += n


def _event_rows(source: Issues, event: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The opening, which every event repeats, and what this event adds: a comment, or that somebody closed it."""
    payload, kind = event["payload"], event["type"]
    section = "discussions" if kind == "DiscussionEvent" else "issues"
    item = payload[section.removesuffix("s")]
    if "pull_request" in item:
        return
    repo = str(event["repo"]["name"])
    bucket = int.from_bytes(blake2b(repo.encode(), digest_size=8).digest(), "little") % source.buckets
    key = {"root": f"{bucket:05d}", "repo": repo, "section": section, "number": int(item["number"])}
    yield {**key, "comment": _OPENING, "title": str(item["title"]), **_written(item)}
    if kind == "IssueCommentEvent":
        yield {**key, "comment": int(payload["comment"]["id"]), "title": None, **_written(payload["comment"])}
    elif payload.get("action") in ("closed", "reopened"):
        act = {"author": str(event["actor"]["login"]), "bot": False, "title": None, "text": None}
        yield {**key, "comment": -int(event["id"]), "written": seconds(event["created_at"]), **act}


def _written(item: dict[str, Any]) -> dict[str, Any]:
    user = item["user"]
    return {
        "written": seconds(item["created_at"]),
        "author": str(user["login"]),
        "bot": user.get("type") == "Bot",
        "text": (item.get("body") or "").encode("utf-8", "replace").decode(),  # JSON may hold half a surrogate pair
    }


def roots(source: Issues) -> list[str]:
    """The buckets."""
    return [f"{bucket:05d}" for bucket in range(source.buckets)]


def listing(source: Issues, root: str, found: Parts) -> Iterator[pa.RecordBatch]:
    """Every issue of the bucket; its text is made twice, here for its size, which is cheaper than keeping it."""
    held: list[dict[str, Any]] = []
    for issue in _issues(source, found(root)):
        held.append(
            {
                "root": root,
                "path": _path(issue),
                "size": len(issue.made.text.encode()),
                "locator": str(issue.number),
                "refused": issue.made.refused,
                "snapshot": f"{source.hours.first}/{source.hours.last}",
                "created": issue.opened,
                "committed": issue.last,
            }
        )
        if len(held) == _ROWS:
            yield pa.RecordBatch.from_pylist(held, LISTING)
            held = []
    if held:
        yield pa.RecordBatch.from_pylist(held, LISTING)


def read(source: Issues, rows: pa.Table, found: Parts) -> Iterator[Raw]:
    """The issues that the rows name, in their order, which is the bucket's."""
    number = 0
    for root, group in groupby(rows.select(["root", "path"]).to_pylist(), key=lambda row: str(row["root"])):
        wanted = {row["path"] for row in group}
        for issue in _issues(source, found(root)):
            if _path(issue) not in wanted:
                continue
            yield Raw(
                row=number,
                root=root,
                path=_path(issue),
                data=issue.made.text.encode(),
                kind="issue",
                origin=issue.repo,
                repo=issue.repo,
                url=f"https://github.com/{_path(issue)}",
                snapshot=f"{source.hours.first}/{source.hours.last}",
                created=issue.opened,
                committed=issue.last,
                people=issue.made.people,
            )
            number += 1


def origin(source: Issues, root: str, path: str) -> str | None:
    """The repository, which the path names."""
    return path.rsplit("/", 2)[0] if path else None


def _path(issue: _Issue) -> str:
    return f"{issue.repo}/{issue.section}/{issue.number}"


def _issues(source: Issues, batches: Iterable[pa.RecordBatch]) -> Iterator[_Issue]:
    """The bucket's issues by repository and number. A comment seen twice counts once, as it was worded last."""
    table = pa.Table.from_batches(batches, GATHERED)
    if not table.num_rows:
        return
    position = pa.array(range(table.num_rows), pa.int64())  # hours in order: of equal keys the last is the latest
    table = table.append_column("position", position).sort_by([*_ORDER, ("position", "ascending")])
    start, end = source.hours.seconds()
    rows = (row for batch in table.to_batches(max_chunksize=1_000) for row in batch.to_pylist())
    for key, group in groupby(rows, key=lambda row: (row["repo"], row["section"], row["number"])):
        latest = {row["comment"]: row for row in group if row["written"] < end}
        if _OPENING not in latest:
            continue  # opened after the period: a clock was wrong, and the next batch has it
        opening = latest.pop(_OPENING)
        comments = [row for row in latest.values() if row["comment"] > _OPENING]
        told = [opening, *sorted(comments, key=lambda row: (row["written"], row["comment"]))]
        if opening["written"] < start:
            made = Conversation(refused="opened_before")
        else:
            said = [Comment(row["author"], row["text"], row["bot"]) for row in told]
            made = conversation(opening["title"], said, source.rules, acts=len(latest) - len(comments))
        yield _Issue(*key, opened=opening["written"], last=told[-1]["written"], made=made)
