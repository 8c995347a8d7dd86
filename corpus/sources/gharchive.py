"""GH Archive: GitHub's public events, one file of JSON lines an hour, from its server or a folder of the same files.

Comes in: a closed period and where the files are. Goes out: events of the kinds that are asked for, from 2015 on
(earlier files have another form), or candidates: the repositories that an hour's events name, with what they say of
them. An hour that is missing, ends badly, or holds lines that are no event is counted, never fatal: the archive has
such hours. One that a server failed to give in every attempt is counted too, and the next run asks for it again.
This file refuses to know what issues and crawls make of events.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import IO, Any, Final

from corpus.http import HttpConfig, RefusedError, fetcher
from corpus.shards import UNANSWERED
from corpus.sources.raw import LOCATION

_FORM: Final = "%Y-%m-%d-%H"
_LINE_LIMIT: Final = 64 << 20  # bytes; an event's own limit is far below
SERVER: Final = "https://data.gharchive.org"


@dataclass(frozen=True, kw_only=True)
class Hours:
    """Files from `first` to `last`, both inside, such as "2023-10-01-0"; `place` is a URL or a folder."""

    first: str
    last: str
    place: str = field(default=SERVER, metadata=LOCATION)
    http: HttpConfig = field(default_factory=HttpConfig, metadata=LOCATION)

    def __post_init__(self) -> None:
        if _time(self.first) > _time(self.last):
            raise ValueError(f"Hours: the first, {self.first}, comes after the last, {self.last}")
        if self.first < "2015":
            raise ValueError(f"Hours.first={self.first}: events before 2015 have another form, which is not read")

    def names(self) -> list[str]:
        """Every hour, named as its file is: without a zero before a one-digit hour."""
        first, last = _time(self.first), _time(self.last)
        n = int((last - first) / timedelta(hours=1)) + 1
        return [_name(first + timedelta(hours=hour)) for hour in range(n)]

    def seconds(self) -> tuple[int, int]:
        """The period as Unix seconds, [start, end)."""
        return int(_time(self.first).timestamp()), int(_time(self.last).timestamp()) + 3600


def _time(name: str) -> datetime:
    try:
        return datetime.strptime(name, _FORM).replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"an hour is written '2023-10-01-0', not {name!r}") from error


def _name(hour: datetime) -> str:
    return f"{hour:%Y-%m-%d}-{hour.hour}"


def events(source: Hours, hour: str, kinds: Sequence[str], counts: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Events of these kinds in one hour. Lines are searched before they are parsed: four of five are of other kinds."""
    wanted = tuple(kind.encode() for kind in kinds)
    for line in _lines(source, hour, counts):
        if not any(kind in line for kind in wanted):
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            counts["events.malformed"] = counts.get("events.malformed", 0) + 1
            continue
        if isinstance(event, dict) and event.get("type") in kinds:
            yield event


def _lines(source: Hours, hour: str, counts: dict[str, int]) -> Iterator[bytes]:
    try:
        with _opened(source, hour) as packed, gzip.GzipFile(fileobj=packed) as file:
            while line := file.readline(_LINE_LIMIT):
                yield line
    except FileNotFoundError:
        counts["hours.gone"] = counts.get("hours.gone", 0) + 1
    except RefusedError as error:
        counts[f"hours.{error.reason}"] = counts.get(f"hours.{error.reason}", 0) + 1
        if error.passing:
            counts[UNANSWERED] = counts.get(UNANSWERED, 0) + 1
    except (EOFError, gzip.BadGzipFile, zlib.error):
        counts["hours.damaged"] = counts.get("hours.damaged", 0) + 1


def _opened(source: Hours, hour: str) -> AbstractContextManager[IO[bytes]]:
    name = f"{hour}.json.gz"
    if "://" in source.place:
        return fetcher(source.http).open(f"{source.place.rstrip('/')}/{name}")
    if not os.path.isdir(source.place):
        raise NotADirectoryError(f"Hours.place={source.place!r} is neither a URL nor a folder")
    return open(os.path.join(source.place, name), "rb")


# --- candidates

_KINDS: Final = ("CreateEvent", "WatchEvent", "ForkEvent", "PullRequestEvent")


@dataclass(slots=True)
class Seen:
    """What the events of a period say of one repository."""

    created: int | None = None  # Unix seconds
    stars: int | None = None  # as the repository itself said, in a pull request's event
    forks: int | None = None
    new_stars: int = 0  # events
    new_forks: int = 0
    fork: bool = False


def candidates(source: Hours, hour: str, counts: dict[str, int]) -> dict[str, Seen]:
    """Repositories named by the hour's events of creation, stars, forks and pull requests."""
    found: dict[str, Seen] = {}
    for event in events(source, hour, _KINDS, counts):
        try:
            _note(found, event)
        except (KeyError, TypeError, ValueError, AttributeError):
            counts["events.malformed"] = counts.get("events.malformed", 0) + 1
    return found


def _note(found: dict[str, Seen], event: dict[str, Any]) -> None:
    payload = event["payload"]
    here = found.setdefault(str(event["repo"]["name"]), Seen())
    match event["type"]:
        case "CreateEvent":
            if payload["ref_type"] == "repository":
                here.created = seconds(event["created_at"])
        case "WatchEvent":
            here.new_stars += 1
        case "ForkEvent":
            here.new_forks += 1
            made = found.setdefault(str(payload["forkee"]["full_name"]), Seen())
            made.fork, made.created = True, seconds(payload["forkee"]["created_at"])
        case "PullRequestEvent":
            base = payload["pull_request"]["base"]["repo"]
            if "stargazers_count" in base:
                here.created = seconds(base["created_at"])
                here.stars, here.forks, here.fork = base["stargazers_count"], base["forks_count"], base["fork"]


def seconds(time: str) -> int:
    """An event's time as Unix seconds."""
    return int(datetime.fromisoformat(time).timestamp())
