"""Test the configuration of nginx in docs/helper.md, with nginx before the real command on loopback."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.attack.helper_process import ROOT, HelperProcess, helper_process, question

LIMIT = 120  # requests a minute
AROUND = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {server}
}}
"""


def documented_server(port: int, helper: HelperProcess) -> str:
    """Return nginx's server block of the documentation without TLS, at a free port and before this helper."""
    (block,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs/helper.md").read_text(), re.DOTALL)
    kept = [line for line in block.splitlines() if not re.match(r"\s+(listen|ssl_certificate)", line)]
    return "\n".join([kept[0], f"    listen 127.0.0.1:{port};", *kept[1:]]).replace(":8080", f":{helper.port}")


@contextmanager
def nginx(folder: Path, helper: HelperProcess) -> Iterator[int]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    path = folder / "nginx.conf"
    path.write_text(AROUND.format(folder=folder, server=documented_server(port, helper)))
    with subprocess.Popen(["/usr/sbin/nginx", "-p", str(folder), "-e", "stderr", "-c", str(path)]) as process:
        try:
            for _ in range(200):
                with socket.socket() as sock:
                    if sock.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()


def statuses(port: int, source: str, count: int, headers: str = "") -> list[int]:
    """Ask `count` times from a source address. A question that is no URL is counted and refused with 400."""
    found = []
    for _ in range(count):
        with socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0)) as sock:
            sock.sendall(question({"http_request": ""}, path="/", headers="Connection: close\r\n" + headers))
            found.append(int(sock.makefile("rb").readline().split()[1]))
    return found


def test_limits_follow_the_clients_of_nginx_and_not_what_they_claim(tmp_path: Path) -> None:
    with helper_process("--trusted-proxy", "127.0.0.1") as helper, nginx(tmp_path, helper) as port:
        assert statuses(port, "127.0.0.5", LIMIT + 1) == [400] * LIMIT + [429]
        assert statuses(port, "127.0.0.6", 1) == [400]
        for claim in ("X-Forwarded-For: 8.8.8.8\r\n", "Forwarded: for=8.8.8.8\r\n"):
            assert statuses(port, "127.0.0.5", 1, claim) == [429]
        assert statuses(helper.port, "127.0.0.7", 1, "X-Forwarded-For: 127.0.0.5\r\n") == [400]
        assert helper.written() == b""
    with helper_process() as helper, nginx(tmp_path, helper) as port:  # without the option all clients are the proxy
        assert statuses(port, "127.0.0.5", LIMIT + 1) == [400] * LIMIT + [429]
        assert statuses(port, "127.0.0.6", 1) == [429]
