import json
from collections import Counter

import pyarrow as pa
import pytest

from corpus.shards import Record, Shard, Store
from pipelines.progress import RunProgress
from pipelines.stage import Job, StageError, Work, groups, tally
from tests.pipelines.corpora import OneAfterTheOther

NUMBERS = pa.schema([("n", pa.int64())])


def count_up(store, cfg, job, counts):
    for start in range(0, cfg, 10):
        counts["seen"] += 10
        counts["kept"] += 10
        yield pa.record_batch([pa.array(range(start, start + 10), pa.int64())], schema=NUMBERS)


def loses_one(store, cfg, job, counts):
    counts["seen"] += 2
    counts["kept"] += 1
    yield from ()


def double(cfg, batch):
    if cfg is not None and batch["n"][0].as_py() == cfg:
        raise ZeroDivisionError("poisoned")
    return pa.record_batch([pa.array([2 * n for n in batch["n"].to_pylist()], pa.int64())], schema=NUMBERS), {
        "doubled": 10
    }


def work(tmp_path, cluster, keep_going=False):
    store = Store(str(tmp_path))
    progress = RunProgress(store, "logs/run.jsonl")
    progress.manifest = "manifests/test/x"
    return Work(store, cluster, "test", progress, keep_going)


def ran(tmp_path):
    return [len(json.loads(line)["ran"]) for line in (tmp_path / "logs/run.jsonl").read_text().splitlines()]


def test_a_job_whose_file_exists_is_not_run_again(tmp_path, cluster):
    jobs = [Job((), params=i) for i in range(3)]
    first = work(tmp_path, cluster).map(count_up, 20, jobs, step="up", schema=NUMBERS)
    again = work(tmp_path, cluster).map(count_up, 20, [*jobs, Job((), params=9)], step="up", schema=NUMBERS)
    assert again[:3] == first
    assert ran(tmp_path) == [1]


class Counting(OneAfterTheOther):
    """Says how many jobs came with each call."""

    def run(self, function, calls):
        held = list(calls)
        self.sizes = [len(arguments[-1]) for arguments in held]
        yield from super().run(function, held)


@pytest.mark.parametrize(
    ("jobs", "sizes"), [(7, [1] * 7), (16, [2] * 8), (30, [3] * 10), (33, [3] * 11), (41, [3] * 13 + [2])]
)
def test_small_jobs_go_together_where_there_are_plenty(tmp_path, jobs, sizes):
    counting, what = Counting(), [Job((), params=i) for i in range(jobs)]
    made = work(tmp_path / "a", counting).map(count_up, 20, what, step="up", schema=NUMBERS, together=3)
    assert counting.sizes == sizes
    assert made == work(tmp_path / "b", OneAfterTheOther()).map(count_up, 20, what, step="up", schema=NUMBERS)


def test_another_setting_is_another_file(tmp_path, cluster):
    one = work(tmp_path, cluster).map(count_up, 20, [Job(())], step="up", schema=NUMBERS)
    two = work(tmp_path, cluster).map(count_up, 30, [Job(())], step="up", schema=NUMBERS)
    assert (one[0].rows, two[0].rows) == (20, 30)
    assert one[0].path != two[0].path


def test_annotations_keep_rows_and_row_groups(tmp_path, cluster):
    here = work(tmp_path, cluster)
    source = here.map(count_up, 30, [Job(())], step="up", schema=NUMBERS)
    doubled = here.annotate(double, None, source, step="double", schema=NUMBERS)
    assert [b["n"].to_pylist() for b in here.store.batches(doubled[0])] == [
        [2 * n for n in b["n"].to_pylist()] for b in here.store.batches(source[0])
    ]
    assert tally(doubled) == {"doubled": 30, "rows": 30}


def test_a_failing_row_group_stops_the_stage_and_is_named(tmp_path, cluster):
    here = work(tmp_path, cluster)
    source = here.map(count_up, 30, [Job(())], step="up", schema=NUMBERS)
    with pytest.raises(StageError, match=r"double.*failed on objects/test/up/.*ZeroDivisionError: poisoned"):
        here.annotate(double, 10, source, step="double", schema=NUMBERS)


def test_keep_going_quarantines_only_the_failing_row_group(tmp_path, cluster):
    here = work(tmp_path, cluster, keep_going=True)
    source = here.map(count_up, 20_000, [Job(())], step="up", schema=NUMBERS)
    made = here.annotate(double, 10, source, step="double", schema=NUMBERS)
    values = here.store.table(made[0])["n"].to_pylist()
    assert values[10:20] == [None] * 10
    assert values[:10] == list(range(0, 20, 2))
    assert made[0].counts["quarantined"] == 10
    assert "row group 1 (10 rows): ZeroDivisionError" in made[0].notes[0]
    assert here.store.describe(made[0].path) == made[0]


def test_more_than_a_thousandth_in_quarantine_stops_the_stage(tmp_path, cluster):
    here = work(tmp_path, cluster, keep_going=True)
    source = here.map(count_up, 30, [Job(())], step="up", schema=NUMBERS)
    with pytest.raises(StageError, match="10 of 30 rows in quarantine"):
        here.annotate(double, 10, source, step="double", schema=NUMBERS)


def test_counts_that_do_not_add_up_are_an_error(tmp_path, cluster):
    with pytest.raises(AssertionError, match="lost documents"):
        work(tmp_path, cluster).map(loses_one, 0, [Job(())], step="lose", schema=NUMBERS)


def shard(batch, size, **counts):
    return Shard("p", "c", 1, size, batch, {"bytes": size, **counts})


def test_a_group_is_consecutive_within_a_batch_and_never_splits_a_repository():
    shards = [shard("a", 6), shard("a", 6, continues=1), shard("a", 6), shard("b", 1), shard("b", 1)]
    assert groups(shards, 10) == [slice(0, 2), slice(2, 3), slice(3, 5)]


def test_short_documents_fill_a_group_by_their_number():
    assert groups([shard("a", 1)] * 5, 10, document_bytes=5) == [slice(0, 2), slice(2, 4), slice(4, 5)]


def test_a_record_comes_back_from_the_file_alone(tmp_path):
    store = Store(str(tmp_path))
    record = Record("batch", Counter(seen=3, kept=3))
    written = store.write_shard("objects/a/b/key", NUMBERS, iter(()), record)
    assert store.describe(written.path) == written
    assert list(store.batches(written)) == []
