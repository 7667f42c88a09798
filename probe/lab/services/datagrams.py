"""What the lab's servers answer to datagrams, by dialect; resolvers aside. A new one is a line in the table."""

import asyncio
from collections.abc import Callable

from probe.lab.services import sip, stun
from probe.lab.services.quic import quic
from probe.lab.world.world import Host, World

DATAGRAMS: dict[str, Callable[[World, Host], asyncio.DatagramProtocol]] = {
    "stun/udp": stun.Datagrams,
    "turn/udp": stun.Datagrams,
    "sip/udp": sip.Datagrams,
    "quic": quic.server,
}
