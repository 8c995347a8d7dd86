import pytest

from corpus.shards import Store
from pipelines.place import PlaceError, check_writable, store_at


def test_a_folder_that_is_not_there_yet_is_a_place(tmp_path):
    assert store_at(f"{tmp_path}/new") == Store(f"{tmp_path}/new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("root", ["", " "])
def test_no_root_at_all_is_refused(root):
    with pytest.raises(PlaceError, match="--root is empty"):
        store_at(root)


def test_an_unknown_protocol_is_named():
    with pytest.raises(PlaceError, match=r"--root nosuch://there .*nosuch.* give a folder or an fsspec URL"):
        store_at("nosuch://there")


def test_a_root_that_is_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PlaceError, match=f"--root {tmp_path}/file cannot be"):
        check_writable(store_at(f"{tmp_path}/file"), "logs/a.jsonl")


def test_what_was_checked_can_be_written(tmp_path):
    check_writable(store_at(str(tmp_path)), "logs/a.jsonl")
    assert (tmp_path / "logs" / "a.jsonl").read_text() == ""
