"""What the hub's cache holds of what is taken down."""

import gzip
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.fetched import pattern
from pipelines.hub_cache import held_in_hub, hub_names


@dataclass(frozen=True)
class Sets:
    sets: tuple[str, ...]
    by_name: dict[str, str]


@pytest.fixture
def cache(tmp_path):
    """A data set as the hub's client keeps it: blobs, and links to them; and a model that is none of the recipe's."""
    blobs = tmp_path / "datasets--o--set" / "blobs"
    blobs.mkdir(parents=True)
    snapshot = tmp_path / "datasets--o--set" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    rows = pa.table({"meta": [{"repo": ["x/y", "pallets/jinja"]}], "text": ["a"]})
    pq.write_table(rows, blobs / "1", compression="zstd")
    (blobs / "2").write_bytes(gzip.compress(b'{"repo": "pallets/jinja"}\n'))
    (blobs / "3").write_bytes(b'{"repo": "pallets/jinja2"}\n')
    (blobs / "4").write_bytes(b"PAR1 cut off pallets/jinja")
    (snapshot / "a.parquet").symlink_to(blobs / "1")
    other = tmp_path / "models--o--other" / "blobs"
    other.mkdir(parents=True)
    (other / "5").write_bytes(b"pallets/jinja")
    return tmp_path


def test_names_of_the_hub_are_found_however_deep():
    settings = (Sets(("hub:o/set@v1", "/a/path"), {"x": "hub:o/model"}), [None, {"hub:o/set@v1"}])
    assert hub_names(settings) == ["hub:o/model", "hub:o/set@v1"]


def test_files_that_hold_a_name_are_told_once_whatever_their_form(cache):
    found = list(held_in_hub(["hub:o/set@v1", "hub:o/absent"], pattern(["pallets/jinja"]), str(cache)))
    assert [(name, path.rsplit("/", 1)[1]) for name, path in found] == [("hub:o/set@v1", n) for n in "124"]


def test_nothing_is_deleted_and_another_name_is_not_found(cache):
    assert list(held_in_hub(["hub:o/set"], pattern(["pallets/flask"]), str(cache))) == []
    assert len(list((cache / "datasets--o--set" / "blobs").iterdir())) == 4
