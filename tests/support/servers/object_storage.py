"""Run Ceph's S3 server (radosgw) on loopback. It keeps buckets in SQLite files, without the rest of Ceph.

With these files Ceph 18 returns wrong bytes for a range that does not begin at 0. It also refuses some uploads of more
than nine parts. The content of objects below 8 MB is right, because pyarrow reads them in one request.
"""

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyarrow import fs

KEY, SECRET = "probe-test-key", "probe-test-secret"
LONGEST = 3600  # seconds after which the server ends by itself
UPLOADS = 3  # attempts to write an object
PATIENCE = 200  # seconds for its database on a busy disk
END = 10  # seconds after which a process is killed that does not end
CONFIGURATION = """
[global]
log_file = {folder}/log
run_dir = {folder}
admin_socket =
debug_rgw = 1/1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
[client]
rgw_backend_store = dbstore
rgw_config_store = dbstore
rgw_frontends = beast endpoint=127.0.0.1:{port}
rgw_data = {folder}/data
dbstore_db_dir = {folder}/data
dbstore_config_uri = file:{folder}/data/config.db
"""
_REQUEST = re.compile(r'"(GET|HEAD|PUT|POST|DELETE) (/\S*) HTTP')


@dataclass(frozen=True)
class Server:
    """Represent a running server."""

    url: str
    log: Path

    def files(self, secret: str = SECRET) -> Any:
        return fs.S3FileSystem(
            access_key=KEY,
            secret_key=secret,
            endpoint_override=self.url,
            allow_bucket_creation=True,
            region="us-east-1",
        )

    def put(self, path: str, content: bytes) -> None:
        """Write an object. The server sometimes loses a part of a large one, which is then written again."""
        for left in reversed(range(UPLOADS)):
            try:
                with self.files().open_output_stream(path) as stream:
                    stream.write(content)
            except OSError as error:
                if "InvalidPart" not in str(error) or not left:
                    raise
            else:
                return

    def requests(self, method: str) -> list[str]:
        """Return the paths of all requests with this method so far."""
        return [path for kind, path in _REQUEST.findall(self.log.read_text()) if kind == method]


@contextmanager
def object_storage(folder: Path) -> Iterator[Server]:
    """Start the server with one user, and end it with the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "data").mkdir()
    configuration = folder / "ceph.conf"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port))
    common = ["--conf", str(configuration), "--no-mon-config"]
    user = ["user", "create", "--uid", "probe", "--display-name", "probe", "--access-key", KEY, "--secret", SECRET]
    carry_out(["radosgw-admin", *common, *user], folder / "user.json", PATIENCE)
    command = ["timeout", f"--kill-after={END}", str(LONGEST), "radosgw", *common, "-n", "client.admin", "-f"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ)
    try:
        _wait(port, process, folder / "log")
        yield Server(f"http://127.0.0.1:{port}", folder / "log")
    finally:
        process.terminate()  # `timeout` passes it on, and kills the server if it hangs
        process.wait(3 * END)


def carry_out(command: list[str], answer: Path, patience: float) -> None:
    """Run a command until it has ended, or has written a whole JSON object to `answer`. Then it may be killed.

    Ceph 18.2.7 sometimes waits for ever while it ends: the thread that collects its garbage misses the signal to stop.
    By then all is written.
    """
    with answer.open("wb") as output, answer.with_suffix(".errors").open("wb") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
    try:
        deadline = time.monotonic() + patience
        while process.poll() is None and not _is_whole(answer):
            assert time.monotonic() < deadline, f"{command[0]} gave no answer within {patience} s"
            time.sleep(0.05)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END)
    finally:
        process.kill()
        process.wait()
    assert _is_whole(answer), f"{command[0]} failed: {answer.with_suffix('.errors').read_text()[-1000:]}"


def _is_whole(answer: Path) -> bool:
    try:
        return isinstance(json.loads(answer.read_bytes()), dict)
    except ValueError:
        return False


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        assert process.poll() is None, f"the server ended: {log.read_text()[-1000:] if log.exists() else ''}"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")
