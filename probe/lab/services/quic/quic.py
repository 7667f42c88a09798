"""QUIC at the lab's hosts. Without aioquic, which is an extra, nobody answers; the probe cannot ask then either."""

import asyncio

from probe.lab.world.world import Host, Impostor, World


def server(world: World, host: Host, impostor: Impostor | None = None) -> asyncio.DatagramProtocol:
    """Who takes the datagrams at a QUIC port of the host, or of who stands in its place."""
    if host.no_quic:
        return asyncio.DatagramProtocol()
    try:
        from probe.lab.services.quic.quic_server import Server
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("aioquic"):
            raise
        return asyncio.DatagramProtocol()
    return Server(world, host, impostor)
