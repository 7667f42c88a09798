"""Guests: servers that others wrote, run among the lab's own at the addresses of hosts of the target files."""

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
from probe.lab.world.hosts import Host
from probe.lab.world.world import World
from probe.targets.dialects import DIALECTS

FOLDER = Path("/run/guests")  # the lab's own /run: it goes with the lab
LISTENS, BOUND = "0A", "07"  # states of a TCP and of a UDP socket in /proc/net
LOOK_AGAIN = 0.02  # seconds
PATIENCE = 30.0  # seconds until all guests must listen; several large programs start on what may be one busy core

Socket = tuple[str, str, int]
"""udp or tcp, address, port."""
Running = dict[int, tuple[str, subprocess.Popen[bytes]]]
"""Process id → the guest's host, and the process."""


class GuestError(Exception):
    """A guest that has no host, does not listen, or ended before its time; its text is one sentence."""


@dataclass(frozen=True)
class Room:
    """What a guest finds. `folder` is its own; `certificate` (PEM, the lab's authority's) and `key` lie in it.

    `zone`: every name of the lab → its addresses.
    """

    host: str
    folder: Path
    addresses: tuple[str, ...]
    certificate: Path
    key: Path
    zone: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Guest:
    """A server that stands for `host` (a name or literal of the target files), whose ports the lab leaves to it.

    `command` writes what the server wants to read into its room and gives the command line: in the foreground, at the
    room's addresses only.
    """

    host: str
    command: Callable[[Room], Sequence[str]]


def host_of(world: World, guest: Guest) -> Host:
    """The host for which a guest stands. Raises GuestError."""
    for host in world.hosts:
        if guest.host in host.names or guest.host in host.addresses:
            return host
    raise GuestError(f"{guest.host}: the target files name no such host with a server in the lab")


def serve_with_guests(world: World, guests: Sequence[Guest], ready: Callable[[], None]) -> None:
    """Start the guests, and once they listen be all other servers; the guests end with their caller's process group.

    Raises GuestError when one of them does not listen, or ends.
    """
    if not guests:
        serve(world, ready)
    taken = [host_of(world, guest) for guest in guests]
    others = replace(world, hosts=[host for host in world.hosts if not any(host is one for one in taken)])
    running: Running = {}
    for guest, host in zip(guests, taken, strict=True):
        child = subprocess.Popen(guest.command(_furnish(world, guest.host, host)), stdin=subprocess.DEVNULL)
        running[child.pid] = guest.host, child
    _wait_for(running, {socket for host in taken for socket in sockets_of(host)})
    own = os.fork()
    if own == 0:
        serve(others, ready)
    _complain(running, 0)


def _wait_for(running: Running, sockets: set[Socket]) -> None:
    deadline = time.monotonic() + PATIENCE
    while sockets := sockets - sockets_here():
        _complain(running, os.WNOHANG)
        if time.monotonic() > deadline:
            missing = ", ".join(f"{kind} {address} port {port}" for kind, address, port in sorted(sockets))
            raise GuestError(f"after {PATIENCE:g} s no guest listens at {missing}")
        time.sleep(LOOK_AGAIN)


def _furnish(world: World, name: str, host: Host) -> Room:
    folder = FOLDER / name.replace(":", "_")
    folder.mkdir(parents=True)
    certificate, key, pair = folder / "certificate.pem", folder / "key.pem", new_key()
    certificate.write_bytes(world.authority.issue(host.certified, pair))
    key.write_bytes(key_pem(pair))
    key.chmod(0o644)  # nobody else is in the lab, and guests become other users before they read it
    return Room(name, folder, _usable(host), certificate, key, world.zone)


def _usable(host: Host) -> tuple[str, ...]:
    """Its addresses, without those of a family that this kernel has not."""
    return tuple(address for address in host.addresses if has_ipv6() or ":" not in address)


def _complain(running: Running, options: int) -> None:
    pid, status = os.waitpid(-1, options)
    if pid:
        name = f"the guest {running[pid][0]}" if pid in running else "the lab's own server"
        raise GuestError(f"{name} ended before its time, with {os.waitstatus_to_exitcode(status)}")


def sockets_of(host: Host) -> Iterator[Socket]:
    """Where a host is to listen."""
    for port, dialects in host.ports.items():
        for kind in {DIALECTS[dialect].carrier for dialect in dialects}:
            yield from ((kind, address, port) for address in _usable(host))


def sockets_here() -> set[Socket]:
    """Every socket that takes connections or datagrams in this network namespace."""
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
    """An address out of the kernel's digits: words of four bytes, each printed as a number of this machine."""
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    return str(ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words)))
