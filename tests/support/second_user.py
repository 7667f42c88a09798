"""Try what another user of the system can read: as `nobody`, files, what /proc shows of a process, and a port."""

import json
import os
import socket
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.support.lab.unprivileged import UNPRIVILEGED

OF_A_PROCESS = ("environ", "maps", "mem", "fd", "cwd", "root", "io", "auxv")


def as_second_user(function: Callable[[], Any]) -> Any:
    """Return what a function returns in a child process of another user. Call as root."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(UNPRIVILEGED)
            os.setuid(UNPRIVILEGED)
            os.write(writer, json.dumps(function()).encode())
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        answer = pipe.read()
    assert os.waitpid(child, 0)[1] == 0
    return json.loads(answer)


def everything_below(*folders: Path) -> list[str]:
    """Return every folder and file below the folders, without these folders themselves."""
    return [str(path) for folder in folders for path in folder.rglob("*")]


def readable(paths: list[str]) -> list[str]:
    """Return the paths that this process can list or read."""
    return [path for path in paths if _is_readable(path)]


def shown_of_process(number: int) -> dict[str, str]:
    """Return what this process can read of another one: its command line, and files that only its owner may read."""
    found = {name: path for name in OF_A_PROCESS if _is_readable(path := f"/proc/{number}/{name}")}
    return {"cmdline": Path(f"/proc/{number}/cmdline").read_bytes().decode(), **found}


def answers(port: int, addresses: list[str]) -> list[tuple[int, str]]:
    """Return status and head with body of the answer to each address, without a secret."""
    return [_answer(port, address) for address in addresses]


def _answer(port: int, address: str) -> tuple[int, str]:
    """Ask with a bare socket. The other user may not be able to read this Python, so nothing can be imported."""
    with closing(socket.socket()) as connection:
        connection.settimeout(60)
        connection.connect(("127.0.0.1", port))
        connection.sendall(f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return int(answer.split(b" ", 2)[1]), answer.decode()


def _is_readable(path: str) -> bool:
    try:
        if os.path.isdir(path):
            os.listdir(path)
        else:
            os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True
