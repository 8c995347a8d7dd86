"""Issues out of GH Archive's hours."""

import pytest

from corpus.decode import plain_text
from corpus.http import HttpConfig
from corpus.sources.conversations import Rules
from corpus.sources.gharchive import Hours
from corpus.sources.issues import Issues
from pipelines import crawl
from pipelines.crawl import Batch, CrawlConfig
from tests.corpus.sources.archive_hours import closed, commented, discussed, issue, opened, packed, user, write
from tests.corpus.sources.servers import Server
from tests.pipelines.corpora import OneAfterTheOther, work

LONG = "It does not work when I press the key twice in a row. " * 5
ANN, BEN, BOT = user("ann"), user("ben"), user("helper[bot]", "Bot")


def crawled(tmp_path, source, root="root"):
    stage = work(tmp_path / root, OneAfterTheOther(), "crawl")
    cfg = CrawlConfig(batches=(Batch(name="issues", source=source, extract=plain_text),))
    result = crawl.run(stage, cfg)
    rows = [row for shard in result.outputs["documents"] for row in stage.store.table(shard).to_pylist()]
    return sorted(rows, key=lambda row: row["path"]), result.counts


def source(tmp_path, last="2023-10-01-1", **more):
    hours = Hours(first="2023-10-01-0", last=last, place=str(tmp_path / "hours"))
    return Issues(**{"hours": hours, "buckets": 3, **more})


def test_an_issue_is_its_opening_and_its_comments_in_order(tmp_path):
    one = issue(7, ANN, "Keys", LONG)
    late = commented("o/r", one, 30, ANN, "Thank you.", "2023-10-01T01:30:00Z")
    write(tmp_path / "hours", "2023-10-01-0", [opened("o/r", one)])
    write(tmp_path / "hours", "2023-10-01-1", [late, commented("o/r", one, 20, BEN, "Press it once.")])
    [row], counts = crawled(tmp_path, source(tmp_path))
    assert row["text"] == f"# Keys\n\n@ann:\n{LONG.strip()}\n\n@ben:\nPress it once.\n\n@ann:\nThank you.\n"
    assert (row["people"], row["kind"], row["origin"], row["path"]) == (["ann", "ben"], "issue", "o/r", "o/r/issues/7")
    assert row["url"] == "https://github.com/o/r/issues/7"
    assert (row["created"].hour, row["committed"].hour) == (0, 1)
    assert (counts["seen"], counts["kept"]) == (1, 1)


def test_a_comment_without_its_opening_brings_it_along(tmp_path):
    one = issue(7, ANN, "Keys", LONG)
    write(tmp_path / "hours", "2023-10-01-0", [commented("o/r", one, 20, BEN, "Once.")])
    write(tmp_path / "hours", "2023-10-01-1", [])
    [row], _ = crawled(tmp_path, source(tmp_path))
    assert row["text"].startswith("# Keys\n\n@ann:\n")


def test_a_discussion_is_taken_beside_the_issue_of_its_number(tmp_path):
    asked = {**issue(7, ANN, "How?", LONG), "comments": 3, "category": {"name": "Q&A", "slug": "q-a"}}
    write(tmp_path / "hours", "2023-10-01-0", [discussed("o/r", asked), opened("o/r", issue(7, BEN, "Keys", LONG))])
    write(tmp_path / "hours", "2023-10-01-1", [discussed("o/r", {**asked, "title": "How so?"})])
    [question, keys], counts = crawled(tmp_path, source(tmp_path))
    assert question["text"] == f"# How so?\n\n@ann:\n{LONG.strip()}\n" and keys["text"].startswith("# Keys")
    assert (question["kind"], question["origin"], question["people"]) == ("issue", "o/r", ["ann"])
    assert question["url"] == "https://github.com/o/r/discussions/7" and keys["path"] == "o/r/issues/7"
    assert (counts["seen"], counts["kept"]) == (2, 2)


@pytest.mark.parametrize(("acts", "kept"), [(1, 1), (2, 0)])
def test_that_it_was_closed_counts_as_an_event_and_dates_nothing(tmp_path, acts, kept):
    one = issue(7, ANN, "Keys", LONG)
    events = [closed("o/r", one, n, action=a) for n, a in enumerate(("closed", "reopened")[:acts], 50)]
    write(tmp_path / "hours", "2023-10-01-0", [opened("o/r", one), *events, *events])
    rows, _ = crawled(tmp_path, source(tmp_path, rules=Rules(max_alone_events=2)))
    assert len(rows) == kept and all(row["created"] == row["committed"] for row in rows)


def test_what_is_not_taken_is_counted_by_reason(tmp_path):
    old = issue(1, ANN, body=LONG, created="2023-09-30T23:59:59Z")
    events = [
        opened("a/a", old),
        opened("a/a", issue(2, BOT, body=LONG)),
        opened("a/b", issue(3, ANN, body="short")),
        opened("a/c", issue(4, ANN, body=LONG * 30)),
        opened("a/c", issue(5, ANN, body=LONG)),
        opened("a/d", issue(6, ANN, body=LONG, pull_request={"url": "x"})),
        opened("a/d", issue(7, ANN, body=None)),
        {"type": "IssuesEvent", "payload": {}, "repo": {"name": "a/a"}},
        b'{"type":"IssuesEvent", broken',
        b'["IssuesEvent"]',
    ]
    write(tmp_path / "hours", "2023-10-01-0", events)
    rows, counts = crawled(tmp_path, source(tmp_path))
    assert [row["path"] for row in rows] == ["a/c/issues/5"]
    assert {name: n for name, n in counts.items() if "." in name} == {
        "refused.opened_before": 1,
        "refused.bot": 1,
        "refused.too_short": 2,
        "refused.one_sided": 1,
        "events.malformed": 2,
        "hours.gone": 1,
    }


def test_a_later_batch_opens_no_issue_again(tmp_path):
    one = issue(7, ANN, "Keys", LONG)
    write(tmp_path / "hours", "2023-10-01-0", [opened("o/r", one)])
    write(tmp_path / "hours", "2023-10-01-1", [commented("o/r", one, 20, BEN, "Once.")])
    first, _ = crawled(tmp_path, source(tmp_path, "2023-10-01-0"))
    hours = Hours(first="2023-10-01-1", last="2023-10-01-1", place=str(tmp_path / "hours"))
    later, counts = crawled(tmp_path, Issues(hours=hours, buckets=3))
    assert ([row["path"] for row in first], later, counts["refused.opened_before"]) == (["o/r/issues/7"], [], 1)


def test_a_repeated_comment_counts_once_as_it_was_worded_last(tmp_path):
    one = issue(7, ANN, "Keys", LONG)
    write(tmp_path / "hours", "2023-10-01-0", [commented("o/r", one, 20, BEN, w) for w in ("first", "second")])
    write(tmp_path / "hours", "2023-10-01-1", [commented("o/r", one, 20, BEN, "third")])
    [row], _ = crawled(tmp_path, source(tmp_path))
    assert row["text"].endswith("@ben:\nthird\n") and "first" not in row["text"]


@pytest.mark.parametrize("buckets", [1, 2, 50])
def test_the_number_of_buckets_changes_no_document(tmp_path, buckets):
    events = [opened(f"o/{n}", issue(n, ANN, body=f"{n} {LONG}")) for n in range(20)]
    write(tmp_path / "hours", "2023-10-01-0", events)
    rows, _ = crawled(tmp_path, source(tmp_path, buckets=buckets))
    assert rows == crawled(tmp_path, source(tmp_path, buckets=7))[0] and len(rows) == 20


def test_a_server_with_faults_gives_the_same_as_a_folder(tmp_path):
    one = issue(7, ANN, "Keys", LONG)
    write(tmp_path / "hours", "2023-10-01-0", [opened("o/r", one)])
    write(tmp_path / "hours", "2023-10-01-1", [commented("o/r", one, 20, BEN, "Once.")])
    http = HttpConfig(networks=("127.0.0.0/8",), first_wait=0.01, timeout=0.3)
    with Server(files=str(tmp_path / "hours")) as server:
        server.faults.extend(["cut", "reset", (429, {"Retry-After": "0"}), 500, "drip"])
        hours = Hours(first="2023-10-01-0", last="2023-10-01-1", place=server.url, http=http)
        assert crawled(tmp_path, Issues(hours=hours, buckets=3), "a") == crawled(tmp_path, source(tmp_path), "b")


def test_an_hour_that_ends_badly_costs_its_rest(tmp_path):
    folder = tmp_path / "hours"
    folder.mkdir()
    whole = packed([opened("o/r", issue(7, ANN, "Keys", LONG))])
    (folder / "2023-10-01-0.json.gz").write_bytes(whole[:-4])
    (folder / "2023-10-01-1.json.gz").write_bytes(b"no gzip")
    rows, counts = crawled(tmp_path, source(tmp_path))
    assert len(rows) == 1 and counts["hours.damaged"] == 2


def test_other_rules_read_no_hour_again(tmp_path):
    write(tmp_path / "hours", "2023-10-01-0", [opened("o/r", issue(7, ANN, "Keys", LONG))])
    assert len(crawled(tmp_path, source(tmp_path))[0]) == 1
    (tmp_path / "hours" / "2023-10-01-0.json.gz").unlink()
    rows, counts = crawled(tmp_path, source(tmp_path, rules=Rules(min_chars=10_000)))
    assert rows == [] and counts["refused.too_short"] == 1


@pytest.mark.parametrize("buckets", [0, 100_000])
def test_settings_are_checked_where_they_are_made(tmp_path, buckets):
    with pytest.raises(ValueError, match="buckets must be"):
        source(tmp_path, buckets=buckets)
