"""Say which ports are compared at unrelated servers, after connects to a service failed at the same port."""

from collections.abc import Iterable

WEB_PORT = 443
MAIL_PORTS = frozenset({25, 110, 143, 465, 587, 993, 995})
"""Ports of mail programs and servers (RFC 5321, RFC 8314). Providers close some of them for customers against spam."""

UNASSIGNED = 61003
"""A dynamic port (RFC 6335, section 6), which no service has. If it is closed, few ports are open in this network."""

NOT_COMPARED = frozenset({WEB_PORT, 53, 80, 853, 5060, 5061})
"""Ports of pages, DNS, encrypted DNS and SIP. A censor closes them for all servers, so that nothing would be excluded.
"""


def is_compared(port: int) -> bool:
    """Return whether a failure at a port may be a rule of the network for the port."""
    return port not in NOT_COMPARED


def closed_ports(connects: Iterable[tuple[str, int, bool]]) -> set[int]:
    """Return the ports at which no server accepted a connect, though one of these accepted one at port 443.

    A connect has the name of the server, the port, and whether it was accepted.
    """
    tried = list(connects)
    reached = {host for host, port, accepted in tried if port == WEB_PORT and accepted}
    failed = {port for host, port, accepted in tried if not accepted and host in reached}
    return failed - {port for _, port, accepted in tried if accepted}
