"""Run real servers, such as nginx or Postfix, in the lab at the addresses of hosts of the target files.

They replace the lab's own servers of these hosts.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from probe.lab.sandbox.namespaces import has_ipv6
from probe.lab.services.listeners import serve
from probe.lab.world.authority import key_pem, new_key
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import Host
from probe.messages import tr
from probe.targets.dialects import DIALECTS

FOLDER = Path("/run/real-servers")  # in the lab's own /run, which ends with the lab
LISTENS, BOUND = "0A", "07"  # states of a TCP and of a UDP socket in /proc/net
POLL = 0.02  # seconds
PATIENCE = 30.0  # seconds until all real servers must listen. Several large programs may start on one busy core

Socket = tuple[str, str, int]
"""Protocol (`udp` or `tcp`), address and port."""
Running = dict[int, tuple[str, subprocess.Popen[bytes]]]
"""Host and process of each real server, by process id."""


class RealServerError(Exception):
    """Report a real server without a host, one that does not listen, or one that ended. The text is one sentence."""


@dataclass(frozen=True)
class Setup:
    """Hold what a real server may use. `certificate` (PEM, issued by the lab's CA) and `key` are files in `folder`.

    `zone` maps each name of the lab to its addresses.
    """

    host: str
    folder: Path
    addresses: tuple[str, ...]
    certificate: Path
    key: Path
    zone: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class RealServer:
    """Describe a real server for `host`, a name or address of the target files, whose ports the lab leaves free.

    `command` writes the server's configuration to the folder of its setup and returns the command line. The server
    must run in the foreground and listen only at the addresses of its setup.
    """

    host: str
    command: Callable[[Setup], Sequence[str]]


def host_of(world: World, server: RealServer) -> Host:
    """Return the host that a real server replaces. Raises RealServerError."""
    for host in world.hosts:
        if server.host in host.names or server.host in host.addresses:
            return host
    raise RealServerError(tr("{host}: the target files name no such host with a server in the lab.", host=server.host))


def serve_with_real_servers(world: World, servers: Sequence[RealServer], ready: Callable[[], None]) -> None:
    """Start the real servers. When they listen, run all other servers of the lab. Never returns.

    The real servers end with the process group of the caller. Raises RealServerError when one does not listen or ends.
    """
    if not servers:
        serve(world, ready)
    taken = [host_of(world, server) for server in servers]
    others = replace(world, hosts=[host for host in world.hosts if not any(host is one for one in taken)])
    running: Running = {}
    for server, host in zip(servers, taken, strict=True):
        child = subprocess.Popen(server.command(_setup(world, server.host, host)), stdin=subprocess.DEVNULL)
        running[child.pid] = server.host, child
    _wait_for(running, {socket for host in taken for socket in sockets_of(host)})
    own = os.fork()
    if own == 0:
        serve(others, ready)
    _raise_if_ended(running, 0)


def _wait_for(running: Running, sockets: set[Socket]) -> None:
    deadline = time.monotonic() + PATIENCE
    while sockets := sockets - open_sockets():
        _raise_if_ended(running, os.WNOHANG)
        if time.monotonic() > deadline:
            missing = ", ".join(f"{kind} {address} port {port}" for kind, address, port in sorted(sockets))
            text = tr(
                "After {seconds} s no real server listens at {sockets}.", seconds=f"{PATIENCE:g}", sockets=missing
            )
            raise RealServerError(text)
        time.sleep(POLL)


def _setup(world: World, name: str, host: Host) -> Setup:
    folder = FOLDER / name.replace(":", "_")
    folder.mkdir(parents=True)
    certificate, key, pair = folder / "certificate.pem", folder / "key.pem", new_key()
    certificate.write_bytes(world.authority.issue(host.certified, pair))
    key.write_bytes(key_pem(pair))
    key.chmod(0o644)  # only the lab can read it, and some servers change their user before they do
    return Setup(name, folder, _usable(host), certificate, key, world.zone)


def _usable(host: Host) -> tuple[str, ...]:
    """Return the addresses of a host whose family this kernel supports."""
    return tuple(address for address in host.addresses if has_ipv6() or ":" not in address)


def _raise_if_ended(running: Running, options: int) -> None:
    pid, status = os.waitpid(-1, options)
    if pid:
        code = os.waitstatus_to_exitcode(status)
        if pid not in running:
            raise RealServerError(tr("The lab's own servers ended during the run, with code {code}.", code=code))
        host = running[pid][0]
        raise RealServerError(
            tr("The real server {host} ended during the run, with code {code}.", host=host, code=code)
        )


def sockets_of(host: Host) -> Iterator[Socket]:
    for port, dialects in host.ports.items():
        for kind in {DIALECTS[dialect].carrier for dialect in dialects}:
            yield from ((kind, address, port) for address in _usable(host))


def open_sockets() -> set[Socket]:
    """Return all sockets of this network namespace that accept connections or datagrams."""
    found = set()
    for kind, state in (("tcp", LISTENS), ("udp", BOUND)):
        for table in (Path(f"/proc/self/net/{kind}"), Path(f"/proc/self/net/{kind}6")):
            for row in table.read_text().splitlines()[1:] if table.exists() else ():
                columns = row.split()
                if columns[3] == state:
                    address, _, port = columns[1].partition(":")
                    found.add((kind, _readable(address), int(port, 16)))
    return found


def _readable(digits: str) -> str:
    """Return the address of hexadecimal digits of /proc/net: words of 32 bits in the machine's byte order."""
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    return str(ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words)))
