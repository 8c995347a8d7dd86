"""One local cluster per test session: two would fight over a port, and warnings are errors."""

import os
from collections.abc import Iterator

import pytest

# Numba and BLAS in two worker processes on two cores: one thread each, set before either is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pipelines.cluster import Cluster, connect


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with connect(None, 2, None) as connected:
        yield connected
