"""A repository on disk, as a folder's and as a server's."""

import pytest

from corpus.sources.git import Git
from tests.corpus.sources.repositories import Bare
from tests.corpus.sources.servers import Server


@pytest.fixture
def source(tmp_path):
    return Git(folder=str(tmp_path))


@pytest.fixture
def bare(tmp_path):
    return Bare(tmp_path / "owner" / "name.git")


@pytest.fixture
def server(tmp_path):
    """Serves the repositories of `bare`'s folder."""
    with Server(git=tmp_path) as running:
        yield running
