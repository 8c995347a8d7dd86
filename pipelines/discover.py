"""Command: which repositories there are -> a list of candidates, which a recipe names (`Git(listed=…)`).

    python -m pipelines.discover --hours 2023-10-01-0 2023-10-31-23 --min-stars 10 --out candidates.arrow
    python -m pipelines.discover --organisation pallets --out pallets.arrow
    python -m pipelines.discover --search "stars:>=100 language:rust" 2023-10-01 2023-11-01 --out rust.arrow
    python -m pipelines.discover --names mine.txt --out mine.arrow

Events of GH Archive are read one hour a task; hours that were read are kept under --root, so a run that was killed goes
on. The list is a file of its own, so that what is crawled can be seen, cut and kept. Of stars and forks it says what
the repository itself said last in the period (pull requests' events do), else how many were given in the period.
"""

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NoReturn
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc

from corpus.http import HttpConfig, RefusedError, UnavailableError, fetcher
from corpus.shards import Store
from corpus.sources import github
from corpus.sources.candidates import CANDIDATES, names
from corpus.sources.gharchive import SERVER, Hours, candidates
from pipelines.cluster import ClusterError, connect
from pipelines.console import UsageError, add_cluster_options, end, usage_error
from pipelines.place import store_at
from pipelines.progress import RunProgress
from pipelines.stage import Job, StageError, Work, tally

SEEN = pa.schema(
    [
        ("name", pa.large_string()),
        ("created", pa.int64()),
        ("stars", pa.int64()),
        ("forks", pa.int64()),
        ("new_stars", pa.int64()),
        ("new_forks", pa.int64()),
        ("fork", pa.bool_()),
    ]
)
_MERGE_AT = 1 << 20  # rows held before they are merged


def see_hour(store: Store, source: Hours, job: Job, counts: Counter[str]) -> Iterator[pa.RecordBatch]:
    """Task: repositories that one hour's events name, sorted."""
    assert isinstance(job.params, str)
    found = candidates(source, job.params, counts)
    rows = [{"name": name, **{f: getattr(seen, f) for f in SEEN.names[1:]}} for name, seen in sorted(found.items())]
    counts["repositories"] = len(rows)
    yield pa.RecordBatch.from_pylist(rows, SEEN)


def merged(parts: Sequence[pa.Table]) -> pa.Table:
    """One row a repository; of what it said of itself, the last; hours come in order."""
    table = pa.concat_tables(parts)
    last = [("created", "last"), ("stars", "last"), ("forks", "last")]
    sums = [("new_stars", "sum"), ("new_forks", "sum"), ("fork", "max")]
    made = table.group_by("name", use_threads=False).aggregate([*last, *sums])
    return made.rename_columns([name.rsplit("_", 1)[0] if name != "name" else name for name in made.column_names])


def from_hours(args: argparse.Namespace, http: HttpConfig) -> tuple[pa.Table, dict[str, int]]:
    """Candidates named by events, and what was counted."""
    source = Hours(first=args.hours[0], last=args.hours[1], place=args.archive, http=http)
    store = store_at(args.root)
    progress = RunProgress(store, f"logs/discover-{time.strftime('%Y%m%dT%H%M%S')}-{uuid4().hex[:8]}.jsonl")
    progress.manifest = "manifests/discover"
    with connect(args.scheduler, args.workers, None) as cluster:
        work = Work(store, cluster, "discover", progress)
        shards = work.map(see_hour, source, [Job((), hour) for hour in source.names()], step="hours", schema=SEEN)
    held: list[pa.Table] = []
    for shard in shards:
        held.append(store.table(shard))
        if sum(table.num_rows for table in held) > _MERGE_AT:
            table = merged(held)
            held = [table.select(SEEN.names).cast(SEEN)]
    return _as_candidates(merged(held)), tally(shards)


def _as_candidates(seen: pa.Table) -> pa.Table:
    """What a repository said of itself, else what was given in the period."""
    columns = {
        "name": seen["name"],
        "created": seen["created"],
        "stars": pc.coalesce(seen["stars"], seen["new_stars"]),
        "forks": pc.coalesce(seen["forks"], seen["new_forks"]),
        "fork": seen["fork"],
    }
    return pa.table(columns).cast(CANDIDATES)


def from_rest(args: argparse.Namespace, http: HttpConfig) -> tuple[pa.Table, dict[str, int]]:
    """Candidates that GitHub's REST interface names."""
    counts: dict[str, int] = {}
    web = fetcher(http)
    if args.organisation:
        rows = list(github.of_organisation(web, args.api, args.organisation))
    elif args.names:
        rows = list(github.of_names(web, args.api, names(args.names), counts))
    else:
        first, last = (int(_day("--search", day).timestamp()) for day in args.search[1:])
        rows = list(github.created_between(web, args.api, args.search[0], first, last - 1, counts))
    return pa.Table.from_pylist(list({row["name"]: row for row in rows}.values()), CANDIDATES), counts


def _day(option: str, day: str) -> datetime:
    try:
        return datetime.fromisoformat(day).replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueError(f"{option} takes a day such as 2023-10-01, not {day!r}") from error


def chosen(args: argparse.Namespace, table: pa.Table) -> pa.Table:
    """Rows that the list will hold, sorted by name."""
    before = pa.scalar(_day("--created-before", args.created_before), CANDIDATES.field("created").type)
    taken = pc.greater_equal(pc.fill_null(table["stars"], 0), args.min_stars)
    taken = pc.and_(taken, pc.fill_null(pc.less(table["created"], before), True))
    if not args.with_forks:
        taken = pc.and_(taken, pc.invert(pc.fill_null(table["fork"], False)))
    return table.filter(taken).sort_by("name")


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0: done. 1: failed. 2: wrong usage."""
    args = _parser().parse_args(argv)
    try:
        http = HttpConfig(cache=args.cache, networks=tuple(args.allow_network))
        table, counts = from_hours(args, http) if args.hours else from_rest(args, http)
        rows = chosen(args, table)
    except (UsageError, ValueError, FileNotFoundError) as error:
        return usage_error(error)
    except (RefusedError, UnavailableError, StageError, ClusterError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    partial = f"{args.out}.{uuid4().hex}.partial"
    with pa.ipc.new_file(partial, CANDIDATES) as file:
        file.write_table(rows)
    os.replace(partial, args.out)
    told = "".join(f", {name} {n:,}" for name, n in sorted(counts.items()) if name != "repositories" and n)
    print(f"{args.out}: {rows.num_rows:,} of {table.num_rows:,} repositories{told}")
    return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n{self.format_usage()}")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m pipelines.discover", description="List repositories for a crawl.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--hours", nargs=2, metavar=("FIRST", "LAST"), help="GH Archive's hours, such as 2023-10-01-0")
    what.add_argument("--organisation", metavar="NAME", help="all public repositories of one organisation")
    what.add_argument("--search", nargs=3, metavar=("QUERY", "FROM", "TO"), help="GitHub's search, by day of creation")
    what.add_argument("--names", metavar="FILE", help="a text file, owner/name per line: asks for stars, forks, dates")
    parser.add_argument("--archive", default=SERVER, help=f"URL or folder of the hours' files (default: {SERVER})")
    parser.add_argument("--api", default=github.API, help=f"REST interface (default: {github.API})")
    parser.add_argument("--min-stars", type=int, default=0, metavar="N", help="leave out those with fewer (default: 0)")
    parser.add_argument("--with-forks", action="store_true", help="keep what was made as a fork")
    parser.add_argument(
        "--created-before", default="2023-11-01", metavar="DAY", help="leave out later ones (default: 2023-11-01)"
    )
    parser.add_argument("--out", required=True, metavar="FILE", help="the list, an Arrow file")
    parser.add_argument("--cache", metavar="URL", help="keep what was fetched here, and ask for it once")
    parser.add_argument(
        "--allow-network", action="append", default=[], metavar="CIDR", help="may be reached though it is not public"
    )
    parser.add_argument("--root", default="build", help="where hours that were read are kept (default: build)")
    add_cluster_options(parser)
    return parser


if __name__ == "__main__":
    end(main)
