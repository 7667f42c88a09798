"""Define when our own burst of flows may be the cause of a failure, for probe and analysis alike.

Services, content networks and providers ban clients that open many connections in a short time, to slow down scans
and floods. A browser opens up to six connections to one host at once, so that a limit for browsers is higher.
"""

LEAST_FLOWS = 6
"""Flows of the run in a scope before a failure, from which a limit may have been exceeded."""

COUNTED_SECONDS = 60.0
"""Seconds before a failure in which flows count."""

SOON = 1.0
"""Seconds after a failed flow in which an answered one in the scope shows that there was no ban."""

IN_FLIGHT = 1.0
"""Seconds for which a datagram and its answer are under way. A ban that begins meanwhile drops the answer too."""

LEAST_HOSTS = 2
"""Hosts that fail in a scope. A ban holds for all hosts, and a censor may block one alone."""

NARROW = frozenset({"address", "network"})
"""Scopes that say nothing about flows to neutral hosts, since those get many blocked names one after the other."""

LEAST_TURNED = 2
"""Addresses that accepted a connection and later none, from which a ban in the middle of handshakes is possible."""

BAN_REST = 20.0
"""Seconds after a failure, after which one attempt shows whether a ban has ended."""

RATES_NETWORKS, RATES_OWNERS = 2, 2
"""Fewer networks or owners of addresses may have a device or a server that cuts off connections."""


def may_be_ban(flows: int, passed: int, turned: int, hosts: int) -> bool:
    """Return whether these numbers of a scope may come from a ban of a client that sent too much."""
    return flows >= LEAST_FLOWS and (passed > 0 or turned >= LEAST_TURNED) and hosts >= LEAST_HOSTS
