"""Which documents the entries of a takedown name."""

import pytest

from pipelines import takedown
from pipelines.chosen import resolve
from tests.pipelines.test_takedown import ROWS, small_root


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_root(tmp_path_factory.mktemp("chosen"))


def ids(store, *entries, near=False):
    return resolve(store, list(takedown.read_manifests(store)), frozenset(entries), near)


@pytest.mark.parametrize("at", range(len(ROWS)))
def test_an_id_names_its_document(store, at):
    assert ROWS[at]["id"] in ids(store, ROWS[at]["id"].hex()).taken.ids


def test_a_repository_a_path_in_it_an_address_and_an_origin_name_documents(store):
    for row in ROWS:
        names = [row["origin"], row["url"], row["repo"], row["repo"] and f"{row['repo']}/{row['path']}"]
        for name in filter(None, names):
            assert row["id"] in ids(store, name).taken.ids, name


def test_what_names_nothing_is_told_and_chooses_nothing(store):
    todo = ids(store, "nobody/nothing", "f" * 32)
    assert todo.rows == {} and todo.absent == ["f" * 32, "nobody/nothing"] and todo.places == set()


def test_places_are_repositories_and_addresses_of_all_that_is_chosen(store):
    chosen = [row for row in ROWS if row["id"] in ids(store, "o/a").taken.ids]
    assert ids(store, "o/a").places == {row[name] for row in chosen for name in ("repo", "url") if row[name]}


def test_with_near_no_less_is_chosen(store):
    assert ids(store, "o/a").taken.ids <= ids(store, "o/a", near=True).taken.ids
