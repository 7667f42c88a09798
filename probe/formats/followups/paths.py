"""Describe the follow-ups that look at the path, or take another one."""

from probe.formats.followups.kind import FollowUpKind
from probe.messages import mark

PATHS = (
    FollowUpKind(
        "path_sweep",
        "innocuous packets with rising TTL to the address that failed",
        "TTL",
        0,
        "At the end of a measurement, before a hop search.",
        "Nothing was searched for, or the system lets the probe read no ICMP errors.",
        mark("sent packets with rising TTL towards {address}"),
    ),
    FollowUpKind(
        "limited_payload",
        "the failed name or payload with limited TTL to the same address",
        "TTL",
        1,
        "At the end of a measurement, for interference that the evidence shows, up to 3 flows (6 in a deep run). "
        "One more confirms the hop of a drop. After call packets to the helper disappeared.",
        "The evidence shows no interference, no trigger was left, or the time for searches was over.",
        mark("sent {name} to {address} with a limited TTL"),
    ),
    FollowUpKind(
        "alternative_address",
        "the endpoint's own name or payload to an address that another resolver or the control gave",
        "address",
        1,
        "When the answer for a name is suspect and the endpoint was reached at none of its addresses.",
        "No trusted source gave another address, or the endpoint was reached.",
        mark("tried {name} at {address}, an address from another resolver"),
        mark("the addresses from other resolvers"),
    ),
)
"""Follow-ups about the path and other addresses."""
