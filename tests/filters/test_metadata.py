"""Who wrote a document, and how a file of text is named."""

import pyarrow as pa
import pytest

from filters.group import measured
from filters.metadata import METADATA, comments_of, has_text_name, is_bot, is_listing


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


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("https://x.org/search/2", True),
        ("https://x.org/a?query=1", True),
        ("https://x.org/proceedings", True),
        ("https://search.x.org/a", False),
        ("https://x.org/research/", False),
        ("https://x.org", False),
    ],
)
def test_a_page_that_lists_others_is_told_by_its_address(url: str, listed: bool) -> None:
    assert is_listing(url) is listed


def test_a_user_speaks_where_a_line_says_so() -> None:
    assert comments_of("# T\n\n@a:\nhi @a:\n\n@a:\nno\n\n@ab:\nx", "a") == 2


def test_users_are_counted_once_and_only_where_the_source_names_them() -> None:
    people = [["a", "b", "a"], ["a"], ["x[bot]"], None]
    batch = pa.record_batch(
        {
            "people": pa.array(people, pa.list_(pa.string())),
            "path": pa.array([None, "README", None, "x.txt"], pa.string()),
            "url": pa.array([None, "https://x.org/search?q=1", "https://x.org/a", None], pa.string()),
            "text": pa.array(["é", "@a:\né\n\n@a:\nb", "", "b"], pa.large_string()),
        }
    )
    assert measured(METADATA, batch, batch).to_pydict() == {
        "n_people": [2, 1, 1, 0],
        "n_humans": [2, 1, 0, None],
        "lone_chars": [None, 12, 0, None],
        "lone_comments": [None, 2, 0, None],
        "text_name": [None, 1, None, 0],
        "listing_url": [None, 1, 0, None],
    }
