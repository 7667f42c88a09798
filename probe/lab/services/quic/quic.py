"""Choose the QUIC server of a host. Without aioquic, an optional dependency, no server answers."""

import asyncio

from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import Host, InterceptingServer


def server(world: World, host: Host, interceptor: InterceptingServer | None = None) -> asyncio.DatagramProtocol:
    """Return the server of a QUIC port of the host, or of its intercepting server."""
    if host.no_quic:
        return asyncio.DatagramProtocol()
    try:
        from probe.lab.services.quic.quic_server import Server
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("aioquic"):
            raise
        return asyncio.DatagramProtocol()
    return Server(world, host, interceptor)
