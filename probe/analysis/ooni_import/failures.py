"""What OONI's probes and helpers wrote over ten years as a failure → the closed list (reference: ooni/spec df-007)."""

import re
from typing import Any

from probe.analysis.observations.lenient_json import text
from probe.formats import failures as f

NETWORK_DOWN = "network_down"

# Old probes, and the test helper to this day (ooni/probe-cli 7cb22410, oohelperd).
_OLD = {
    "connection_refused_error": f.REFUSED,
    "connection_lost_error": f.EOF,
    "connection_done": f.EOF,
    "connection_already_closed": f.EOF,
    "tcp_timed_out_error": f.TIMEOUT,
    "task_timed_out": f.TIMEOUT,
    "deferred_timeout_error": f.TIMEOUT,
    "response_never_received": f.TIMEOUT,
    "dns_name_error": f.DNS_NXDOMAIN,
    "dns_name_failure": f.DNS_NXDOMAIN,
    "dns_lookup_error": f.DNS_MISBEHAVING,
    "dns_server_failure": f.DNS_SERVFAIL,
    "address_family_not_supported_error": "address_family_not_supported",
    # No preflight told whether this machine had a network at all: so it counts as this machine's.
    f.NETWORK_UNREACHABLE: NETWORK_DOWN,
}
# What Go said in its own words, by a piece of it; the first that is found counts.
_IN_WORDS = (
    ("certificate has expired or is not yet valid", f.SSL_INVALID_CERTIFICATE),
    ("network is unreachable", NETWORK_DOWN),
    ("unreachable network", NETWORK_DOWN),
    ("can't assign requested address", "address_not_available"),
    ("actively refused it", f.REFUSED),
    ("connection refused", f.REFUSED),
    ("connection reset by peer", f.RESET),
    ("operation timed out", f.TIMED_OUT),
    ("timeout awaiting response headers", f.TIMEOUT),
    ("server misbehaving", f.DNS_MISBEHAVING),
    ("broken pipe", "unknown_failure: broken pipe"),
    ("context canceled", f.INTERRUPTED),
)
_PROXIED = "socks_"
_SHAPE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+(?=:|$)")


def failure_in(value: Any) -> str | None:
    """The failure, None for success. Old lines say `false` for none; what is no failure string accuses nobody."""
    if value is None or value is False:
        return None
    said = text(value)
    if said.startswith(_PROXIED) or not _SHAPE.match(said):
        return f.INTERRUPTED  # a proxy's word, or garbage, and not this network's
    if said.startswith(f.UNKNOWN):
        return next((known for words, known in _IN_WORDS if words in said), said)
    return _OLD.get(said, said)
