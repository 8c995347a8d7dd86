"""Lists of repositories."""

import pyarrow as pa
import pytest

from corpus.sources.candidates import CANDIDATES, Known, known, names


def test_a_repository_is_found_wherever_it_stands(tmp_path):
    path = str(tmp_path / "list.arrow")
    rows = [{"name": f"o/{n:02}", "stars": n, "forks": None} for n in range(0, 20, 2)]
    with pa.ipc.new_file(path, CANDIDATES) as file:
        file.write_table(pa.Table.from_pylist(rows, CANDIDATES), max_chunksize=3)
    assert [known(path, f"o/{n:02}").stars for n in range(21)] == [None if n % 2 or n > 18 else n for n in range(21)]
    assert names(path) == [row["name"] for row in rows]


def test_a_text_file_names_one_a_line(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("# mine\no/b # why\n\no/a\no/b\n")
    assert names(str(path)) == ["o/b", "o/a"] and known(str(path), "o/a") == Known()


def test_a_list_that_is_missing_says_how_one_is_made(tmp_path):
    with pytest.raises(FileNotFoundError, match="make one with python -m"):
        names(str(tmp_path / "none.arrow"))


def test_another_arrow_file_is_no_list(tmp_path):
    path = str(tmp_path / "other.arrow")
    with pa.ipc.new_file(path, pa.schema([("x", pa.int8())])):
        pass
    with pytest.raises(ValueError, match="is no list of candidates"):
        names(path)


@pytest.mark.parametrize("cut", [0, 5, 40, -9])
def test_a_broken_list_is_named_with_the_way_out(tmp_path, cut):
    path = tmp_path / "list.arrow"
    with pa.ipc.new_file(str(path), CANDIDATES) as file:
        file.write_table(pa.Table.from_pylist([{"name": "o/r"}], CANDIDATES))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(
        ValueError, match=r"list\.arrow is no Arrow file, or a cut one .*: make it again with python -m"
    ):
        names(str(path))
