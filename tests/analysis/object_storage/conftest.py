"""Collect the tests with object storage if the server is installed. With CI set they fail without it."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from probe.analysis.object_storage import Bucket
from probe.analysis.store.maintenance.copy import upload
from tests.real.packages import COMMAND, OBJECT_STORAGE, missing
from tests.support.not_run import NOT_RUN
from tests.support.servers.object_storage import KEY, SECRET, Server, object_storage
from tests.support.servers.range_proxy import RangeProxy, range_proxy

LACKING = OBJECT_STORAGE in missing()
NEED_SERVER = sorted(path.name for path in Path(__file__).parent.glob("test_*.py"))
collect_ignore = NEED_SERVER if LACKING and not os.environ.get("CI") else []
_numbers = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    """Print the tests that did not run, after the last line of pytest."""
    if collect_ignore:
        names = ", ".join(f"tests/analysis/object_storage/{name}" for name in collect_ignore)
        sentence = f"DID NOT RUN: {names} (not installed: {OBJECT_STORAGE}). To run them: {COMMAND}."
        config.stash.setdefault(NOT_RUN, []).append(sentence)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if LACKING:
        pytest.fail(f"not installed: {OBJECT_STORAGE}; to run this: {COMMAND}", pytrace=False)
    with object_storage(tmp_path_factory.mktemp("object-storage")) as server:
        yield server


@pytest.fixture
def server(running: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """Return the server, which the environment names with its key."""
    values = {"AWS_ENDPOINT_URL": running.url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    for name, value in (values | {"AWS_REGION": "us-east-1", "HOME": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    return running


@pytest.fixture
def bucket(server: Server) -> str:
    name = f"bucket-{os.getpid()}-{next(_numbers)}"
    server.files().create_dir(name)
    return name


@pytest.fixture
def proxy(server: Server, tmp_path: Path) -> Iterator[RangeProxy]:
    """Start a proxy that answers requests for ranges as S3 does. `in_bucket` makes the program use it."""
    with range_proxy(server, tmp_path) as running:
        yield running


@pytest.fixture
def in_bucket(server: Server, bucket: str, proxy: RangeProxy, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], str]:
    """Return a function that copies a store to a bucket, and returns its address. Requests then go to the proxy."""

    def copied(store: Path) -> str:
        upload(store, Bucket(f"{bucket}/store", server.files()))
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        return f"s3://{bucket}/store"

    return copied
