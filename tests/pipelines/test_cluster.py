import itertools
import sys

import pytest

from pipelines.cluster import IN_FLIGHT_PER_WORKER, ClusterError, UserFile, _Setup, connect


def square(n):
    return n * n


def fails_at_three(n):
    if n == 3:
        raise ZeroDivisionError("three")
    return n


def test_every_call_comes_back_with_its_index(cluster):
    assert sorted(cluster.run(square, ((n,) for n in range(50)))) == [(n, n * n) for n in range(50)]


def test_calls_are_drawn_as_workers_need_them_never_all_at_once(cluster):
    drawn = itertools.count()
    calls = ((next(drawn),) for _ in range(10_000))
    results = cluster.run(square, calls)
    next(results)
    results.close()
    assert next(drawn) <= IN_FLIGHT_PER_WORKER * cluster.n_workers + 1


def test_the_first_error_is_raised_and_the_cluster_goes_on_working(cluster):
    with pytest.raises(ZeroDivisionError, match="three"):
        list(cluster.run(fails_at_three, ((n,) for n in range(30))))
    assert list(cluster.run(square, [(4,)])) == [(0, 16)]


def test_no_calls_are_no_results(cluster):
    assert list(cluster.run(square, [])) == []


def test_a_worker_with_other_code_is_refused_by_name():
    class Worker:  # what the plug-in reads of Dask's own
        address = "tcp://10.0.0.7:4000"
        periodic_callbacks = {}

    with pytest.raises(ClusterError, match=r"worker tcp://10\.0\.0\.7:4000 runs other code"):
        _Setup("0" * 32, None).setup(Worker())


def test_an_address_where_nobody_listens_is_named_with_the_way_out():
    with (
        pytest.raises(ClusterError, match=r"no Dask scheduler answers at nonsense://nowhere"),
        connect("nonsense://nowhere", None, None),
    ):
        pass


def test_a_users_file_is_importable_from_the_source_that_was_read(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def limit():\n    return 40\n")
    file = UserFile.read(str(path))
    path.write_text("def limit():\n    return 41\n")  # edited after the client read it
    module = file.install()
    assert module.limit() == 40
    assert sys.modules[file.module] is module


def test_local_workers_that_end_while_they_start_are_told_with_the_way_out(monkeypatch):
    monkeypatch.setattr("multiprocessing.spawn._python_exe", "/bin/false")
    with (
        pytest.raises(ClusterError, match=r"1 local workers did not start .* run the same command"),
        connect(None, 1, None),
    ):
        pass
