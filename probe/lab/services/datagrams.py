"""Find the lab's UDP servers by dialect, without DNS. The server of a protocol has the name of its payload."""

import asyncio
from collections.abc import Callable
from importlib import import_module
from types import ModuleType

from probe.lab.services.quic import quic
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import Host
from probe.targets.dialects import DIALECTS, Dialect


def server_module(dialect: Dialect) -> ModuleType:
    """Return the module with the class `Datagrams`, and with `claimed`, the entry of an attempt that passed."""
    return import_module(f"probe.lab.services.{dialect.payload_kind or dialect.scheme.partition('+')[0]}")


DATAGRAMS: dict[str, Callable[[World, Host], asyncio.DatagramProtocol]] = {
    name: server_module(dialect).Datagrams for name, dialect in DIALECTS.items() if dialect.echo_payload
} | {"quic": quic.server}
