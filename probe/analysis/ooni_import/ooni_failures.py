"""Map the failures that OONI's probes and helpers have written since 2012 to our closed list.

Source: https://github.com/ooni/spec/blob/master/data-formats/df-007-errors.md, read 2026-11-24.
"""

import re
from typing import Any

from probe.analysis.observations.lenient_json import text
from probe.formats import failures as f

NETWORK_DOWN = "network_down"

# Names of old probes, and of today's test helper (https://github.com/ooni/probe-cli, commit 7cb22410, oohelperd).
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
    # OONI has no preflight that shows if the computer had a network, so this counts as a failure of the computer.
    f.NETWORK_UNREACHABLE: NETWORK_DOWN,
}
# Texts of Go's errors. The first text that the failure contains counts.
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
    """Return the failure, None for success (`false` in old measurements). An invalid value becomes `interrupted`."""
    if value is None or value is False:
        return None
    failure = text(value)
    if failure.startswith(_PROXIED) or not _SHAPE.match(failure):
        return f.INTERRUPTED  # from a proxy or invalid, so it is no evidence about this network
    if failure.startswith(f.UNKNOWN):
        return next((known for words, known in _IN_WORDS if words in failure), failure)
    return _OLD.get(failure, failure)
