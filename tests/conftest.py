"""One local cluster per test session: two would fight over a port, and warnings are errors."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings

# Numba and BLAS in two worker processes on two cores: one thread each, set before either is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from pipelines.cluster import Cluster, connect
from tests.builds import INPUT, build

# Tests assert no time: the first example of a kernel compiles it. Where changes are accepted, the examples are the same
# ones each time; a new one is found, and then fixed, where people work.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with connect(None, 2, None) as connected:
        yield connected


@pytest.fixture(scope="session")
def _s3_bucket() -> Iterator[str]:
    """One S3-compatible server per session, on loopback: fsspec keeps one file system per set of arguments."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:  # processes that a test starts find the server through the environment
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket="corpus")
        yield "s3://corpus"
    server.stop()


@pytest.fixture
def s3_url(_s3_bucket: str) -> str:
    """A fresh root on it."""
    return f"{_s3_bucket}/{uuid4().hex}"


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One undisturbed build of the small recipe with two workers; tests copy it and never write into it."""
    assert (INPUT / "complete").exists(), "no demo-input: run python -m pipelines.demo_input, or make test"
    root = tmp_path_factory.mktemp("base")
    build(root, "--workers", "2")
    return root
