"""Data sets of the hub: found in its cache without a network, and what is said when they are not there."""

import pytest

from corpus.sources.hub import is_hub, local_folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path):
    """As the hub's own client leaves it: blobs, a snapshot of links to them, and which commit a branch is."""
    home = tmp_path / "datasets--owner--maths"
    for folder in ("blobs", "refs", f"snapshots/{COMMIT}/main"):
        (home / folder).mkdir(parents=True)
    (home / "refs" / "main").write_text(COMMIT)
    (home / "blobs" / "b1").write_text('{"question": "q"}\n')
    (home / "snapshots" / COMMIT / "main" / "test.jsonl").symlink_to("../../../blobs/b1")
    return tmp_path


@pytest.mark.parametrize("revision", ["", "@main", f"@{COMMIT}"])
def test_what_is_in_the_cache_needs_no_network(cache, revision):
    folder = local_folder(f"hub:owner/maths{revision}", ["*test*"], str(cache), offline=True)
    assert folder == str(cache / "datasets--owner--maths" / "snapshots" / COMMIT)


def test_a_set_that_is_not_there_says_how_to_bring_it(cache):
    with pytest.raises(
        FileNotFoundError, match=r"hub:owner/other is not in .*offline.*hf download --repo-type dataset owner/other"
    ):
        local_folder("hub:owner/other", cache=str(cache), offline=True)


def test_a_snapshot_without_such_files_says_what_it_has(cache):
    with pytest.raises(FileNotFoundError, match=r"no file like \*\.parquet; it has main/test\.jsonl"):
        local_folder("hub:owner/maths", ["*.parquet"], str(cache), offline=True)


@pytest.mark.parametrize("spec", ["hub:maths", "hub:a/b/c", "hub:a/b@", "hub:../b@x y"])
def test_a_name_that_is_none_is_refused(spec):
    assert is_hub(spec)
    with pytest.raises(ValueError, match="hub:OWNER/NAME"):
        local_folder(spec, offline=True)
