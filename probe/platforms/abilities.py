"""Name what this system lets a measurement see.

A missing ability stands in the record. Otherwise the absence of such evidence would look like a fact about the network.
"""

import socket

from probe.platforms.configured_resolvers import system_resolvers
from probe.platforms.interfaces import names_interfaces
from probe.platforms.own_addresses import gateways, interface_addresses
from probe.platforms.raw_packets import may_capture
from probe.platforms.sockets.datagram_sockets import tells_ttl
from probe.platforms.sockets.tcp_state import tells_tcp_state
from probe.platforms.sockets.ttl import tells_icmp_errors


def abilities() -> dict[str, bool]:
    """Return each ability with whether this system has it, for this user and at this moment. Sends nothing."""
    return {
        "icmp_errors": tells_icmp_errors(),
        "received_ttl": tells_ttl(),
        "tcp_state": tells_tcp_state(),
        "segment_size": hasattr(socket, "TCP_MAXSEG"),
        "raw_packets": may_capture(),
        "resolver_list": bool(system_resolvers()),
        "interface_names": names_interfaces(),
        "own_addresses": bool(interface_addresses()),
        "gateways": bool(gateways()),
    }
