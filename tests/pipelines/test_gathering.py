"""Hours that are merged before they are read."""

from collections import Counter
from dataclasses import replace

import pyarrow as pa
import pytest

from corpus.decode import plain_text
from corpus.http import HttpConfig
from corpus.sources import issues
from corpus.sources.gharchive import Hours
from corpus.sources.issues import Issues
from pipelines import crawl, gathering
from pipelines.crawl import Batch, CrawlConfig
from pipelines.stage import StageError, tally
from tests.corpus.sources.archive_hours import commented, issue, opened, user, write
from tests.corpus.sources.servers import Server
from tests.pipelines.corpora import OneAfterTheOther, work

LONG = "It does not work when I press the key twice in a row. " * 5
HOURS = 5


@pytest.fixture
def source(tmp_path):
    """Five hours: one is not there, one is empty, and a comment is worded anew in the last."""
    one, two = issue(7, user("ann"), "Keys", LONG), issue(8, user("ben"), "Locks", LONG)
    written = {
        0: [opened("o/r", one), opened("x/y", two)],
        1: [commented("o/r", one, 20, user("ben"), "Press it twice.")],
        2: [],
        4: [commented("o/r", one, 20, user("ben"), "Press it once."), b"no event: IssuesEvent"],
    }
    for hour, events in written.items():
        write(tmp_path / "hours", f"2023-10-01-{hour}", events)
    hours = Hours(first="2023-10-01-0", last=f"2023-10-01-{HOURS - 1}", place=str(tmp_path / "hours"))
    return Issues(hours=hours, buckets=64)


@pytest.fixture
def crawled(tmp_path, source, monkeypatch):
    """A function from `fan_in` to the documents, the counts and the files of a crawl."""

    def run(fan_in):
        monkeypatch.setattr(gathering, "FAN_IN", fan_in)
        stage = work(tmp_path / f"root-{fan_in}", OneAfterTheOther(), "crawl")
        batch = Batch(name="issues", source=source, extract=plain_text)
        result = crawl.run(stage, CrawlConfig(batches=(batch,)))
        documents = [stage.store.table(shard) for shard in result.outputs["documents"]]
        return pa.concat_tables(documents).to_pylist(), result.counts, stage

    return run


@pytest.mark.parametrize("fan_in", [2, 3, 4])
def test_a_merge_changes_no_document_and_no_count(crawled, fan_in):
    documents, counts, _ = crawled(HOURS)
    assert [row["text"].split("\n\n")[-1] for row in documents if row["repo"] == "o/r"] == ["@ben:\nPress it once.\n"]
    assert (counts["hours.gone"], counts["events.malformed"], counts["kept"]) == (1, 1, 2)
    assert crawled(fan_in)[:2] == (documents, counts)


def test_no_merge_where_a_job_may_carry_all_hours(crawled):
    _, _, stage = crawled(HOURS)
    assert stage.store.list("objects/crawl/merge") == []


class Counting(OneAfterTheOther):
    """Says how many shards each job of a merge reads."""

    def run(self, function, calls):
        held = list(calls)
        self.sizes = [len(job.inputs[0]) for _, step, jobs in held for job, _ in jobs if step.step == "merge"]
        yield from super().run(function, held)


def test_a_job_carries_no_more_names_than_the_fan_in(tmp_path, source):
    cluster = Counting()
    stage = work(tmp_path / "root", cluster, "crawl")
    assert len(gathering.gathered_by(stage, source, "issues", fan_in=3)[0]) == 2
    assert cluster.sizes == [3, 2]
    assert len(gathering.gathered_by(stage, source, "issues", fan_in=2)[0]) == 2  # of five hours three, of these two
    assert max(cluster.sizes) == 2


def test_a_merged_shard_has_a_row_group_for_each_root_in_order(tmp_path, source):
    stage = work(tmp_path / "root", OneAfterTheOther(), "crawl")
    hours = gathering.gathered_by(stage, source, "issues", fan_in=HOURS)[0]
    [merged] = gathering.gathered_by(stage, source, "issues", fan_in=HOURS - 1)[0][:1]
    groups = [batch["root"].unique().to_pylist() for batch in stage.store.batches(merged)]
    assert all(len(names) == 1 for names in groups) and groups == sorted(groups) and len(groups) > 1
    for root in issues.roots(source):
        parts = [batch for shard in hours[:-1] for batch in stage.store.part(shard, "root", root)]
        again = list(stage.store.part(merged, "root", root))
        assert pa.Table.from_batches(again, issues.GATHERED) == pa.Table.from_batches(parts, issues.GATHERED)
    assert merged.counts == dict(sum((Counter(shard.counts) for shard in hours[:-1]), Counter()))


def test_an_hour_that_its_server_did_not_give_is_asked_for_again(tmp_path, source):
    """Its shard serves one run; the hours that came, or are not there, are asked for once."""
    with Server(files=str(tmp_path / "hours")) as server:
        http = HttpConfig(networks=("127.0.0.0/8",), first_wait=0.01, attempts=2)
        away = replace(source, hours=replace(source.hours, place=server.url, http=http))

        def counted(fan_in):
            stage = work(tmp_path / "root", OneAfterTheOther(), "crawl")
            return Counter(tally(gathering.gathered_by(stage, away, "issues", fan_in)[0]))

        def asked(hour):
            return server.seen[f"/2023-10-01-{hour}.json.gz"]

        server.faults.extend([None, 500, 500])
        first = counted(HOURS)
        assert (first["hours.server_error"], first["hours.gone"], first["unanswered"]) == (1, 1, 1)
        server.faults.extend([500, 500])
        assert counted(2)["unanswered"] == 1
        assert [asked(hour) for hour in range(HOURS)] == [1, 4, 1, 1, 1]
        for fan_in in (HOURS, 2):
            last = counted(fan_in)
            assert (last["hours.server_error"], last["hours.gone"], last["unanswered"]) == (0, 1, 0)
        assert [asked(hour) for hour in range(HOURS)] == [1, 5, 1, 1, 1]


def test_an_error_names_the_hour_and_not_the_settings(tmp_path, source):
    gone = replace(source, hours=replace(source.hours, place=str(tmp_path / "none")))
    stage = work(tmp_path / "root", OneAfterTheOther(), "crawl")
    with pytest.raises(StageError, match=r"crawl \(gather\) failed on 2023-10-01-0: NotADirectoryError: Hours.place="):
        gathering.gathered_by(stage, gone, "issues")
