"""List the lab's UDP servers by dialect, without DNS."""

import asyncio
from collections.abc import Callable

from probe.lab.services import dtls, reflector, sip, stun
from probe.lab.services.quic import quic
from probe.lab.world.hosts import Host
from probe.lab.world.world import World

DATAGRAMS: dict[str, Callable[[World, Host], asyncio.DatagramProtocol]] = {
    "stun/udp": stun.Datagrams,
    "turn/udp": stun.Datagrams,
    "reflector": reflector.Datagrams,
    "dtls": dtls.Datagrams,
    "sip/udp": sip.Datagrams,
    "quic": quic.server,
}
