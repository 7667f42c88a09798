"""Test that a computer without access keys is not asked for them at 169.254.169.254."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers.object_storage import Server

pytestmark = pytest.mark.timeout(900)  # the server's start takes minutes on a busy disk

CODE = "from probe.analysis.object_storage import open_bucket; open_bucket('s3://{}').entries()"


@pytest.mark.parametrize("asked", [False, True])
def test_metadata_service_is_contacted_only_if_asked(asked: bool, server: Server, bucket: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as service:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= {"AWS_ENDPOINT_URL": server.url, "HOME": str(tmp_path)}
        environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = f"http://127.0.0.1:{service.getsockname()[1]}"
        if asked:
            environment["AWS_EC2_METADATA_DISABLED"] = "false"
        done = subprocess.run(
            ["timeout", "60", sys.executable, "-c", CODE.format(bucket)],
            env=environment,
            capture_output=True,
            text=True,
        )
        service.settimeout(0.1)
        try:
            service.accept()[0].close()
            contacted = True
        except TimeoutError:
            contacted = False
    assert contacted == asked
    if not asked:
        assert "refuses access" in done.stderr
