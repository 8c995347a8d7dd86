"""GH Archive's hours and what they say of repositories."""

import pytest

from corpus.sources.gharchive import Hours, Seen, candidates
from tests.corpus.sources.archive_hours import event, write


def test_hours_are_named_as_the_archive_names_its_files():
    assert Hours(first="2023-09-30-22", last="2023-10-01-1").names() == [
        "2023-09-30-22",
        "2023-09-30-23",
        "2023-10-01-0",
        "2023-10-01-1",
    ]


def test_the_period_ends_with_its_last_hour():
    assert Hours(first="2023-10-01-0", last="2023-10-01-1").seconds() == (1696118400, 1696118400 + 7200)


def test_events_say_what_is_known_of_a_repository(tmp_path):
    base = {"stargazers_count": 7, "forks_count": 2, "created_at": "2020-01-01T00:00:00Z", "fork": False}
    events = [
        event("CreateEvent", "o/new", {"ref_type": "repository"}),
        event("CreateEvent", "o/old", {"ref_type": "branch"}),
        event("WatchEvent", "o/old", {"action": "started"}),
        event("WatchEvent", "o/old", {"action": "started"}),
        event("ForkEvent", "o/old", {"forkee": {"full_name": "x/old", "created_at": "2023-10-01T00:00:00Z"}}),
        event("PullRequestEvent", "o/big", {"pull_request": {"base": {"repo": base}}}),
        event("PullRequestEvent", "o/short", {"pull_request": {"base": {"repo": {"name": "since 2025"}}}}),
        event("PushEvent", "o/pushed", {"WatchEvent": 1}),
        event("ForkEvent", "o/odd", {}),
    ]
    write(tmp_path, "2023-10-01-0", events)
    counts = {}
    found = candidates(Hours(first="2023-10-01-0", last="2023-10-01-0", place=str(tmp_path)), "2023-10-01-0", counts)
    assert found == {
        "o/new": Seen(created=1696118400),
        "o/old": Seen(new_stars=2, new_forks=1),
        "x/old": Seen(created=1696118400, fork=True),
        "o/big": Seen(created=1577836800, stars=7, forks=2),
        "o/short": Seen(),
        "o/odd": Seen(new_forks=1),
    }
    assert counts == {"events.malformed": 1}


def test_a_folder_that_is_none_is_an_error(tmp_path):
    source = Hours(first="2023-10-01-0", last="2023-10-01-0", place=str(tmp_path / "nowhere"))
    with pytest.raises(NotADirectoryError, match="neither a URL nor a folder"):
        candidates(source, "2023-10-01-0", {})


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2023-10-01-1", "2023-10-01-0", "comes after the last"),
        ("2014-12-31-23", "2015-01-01-0", "another form"),
        ("2023-10-01", "2023-10-02", "is written '2023-10-01-0'"),
    ],
)
def test_periods_are_checked_where_they_are_made(first, last, message):
    with pytest.raises(ValueError, match=message):
        Hours(first=first, last=last)
