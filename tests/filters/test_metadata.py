"""Who wrote a document, and how a file of text is named."""

import pyarrow as pa
import pytest

from filters.group import measured
from filters.metadata import METADATA, has_text_name, is_bot


@pytest.mark.parametrize(
    ("name", "bot"),
    [
        ("renovate[bot]", True),
        ("k8s-ci-robot", True),
        ("rustbot", True),
        ("acme-ci", True),
        ("Travis", True),
        ("botany", False),
        ("abbott", False),
    ],
)
def test_a_bot_is_told_by_its_name(name: str, bot: bool) -> None:
    assert is_bot(name) is bot


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("a/README.txt", True),
        ("dev-requirements.txt", True),
        ("CMakeLists.txt", True),
        ("a/readme/words.txt", False),
        ("todos.txt", False),
    ],
)
def test_a_text_files_name_is_its_stem(path: str, kept: bool) -> None:
    assert has_text_name(path) is kept


def test_users_are_counted_once_and_only_where_the_source_names_them() -> None:
    people = [["a", "b", "a"], ["a"], ["x[bot]"], None]
    batch = pa.record_batch(
        {
            "people": pa.array(people, pa.list_(pa.string())),
            "path": pa.array([None, "README", None, "x.txt"], pa.string()),
            "text": pa.array(["é", "éa", "", "b"], pa.large_string()),
        }
    )
    assert measured(METADATA, batch, batch).to_pydict() == {
        "n_people": [2, 1, 1, 0],
        "n_humans": [2, 1, 0, None],
        "lone_chars": [None, 2, 0, None],
        "text_name": [None, 1, None, 0],
    }
