"""Convert between our failure strings and those in answers from OONI's web_connectivity test helper.

Source: internal/oohelperd of https://github.com/ooni/probe-cli (read 2026-11-24). The helper has fewer failure strings
than we have. A string without an equivalent may be the helper's own fault, and is no control.
"""

from typing import Final

from probe.formats import failures as f

OONI_PREFIX: Final = "ooni+"  # prefix of the URL of a helper with OONI's protocol
OF_OONI: Final = f"{f.UNKNOWN}: this is a helper of OONI"
"""What a check says of a helper of OONI whose URL was named without the prefix."""
GREETING: Final = "Hello OONItarian!"  # answer to GET /
BY_PROBE, BY_HELPER, BOGON, VALID = 1, 2, 4, 8  # flags of ip_info

NAME_ERROR: Final = "dns_name_error"
SERVER_FAILURE: Final = "dns_server_failure"
LOOKUP_ERROR: Final = "dns_lookup_error"
CONNECTION_REFUSED: Final = "connection_refused_error"
CONNECT_ERROR: Final = "connect_error"
UNKNOWN_ERROR: Final = "unknown_error"

_TIMEOUTS = frozenset({f.TIMEOUT, f.TIMED_OUT})
_DNS = {
    f.DNS_NXDOMAIN: NAME_ERROR,
    f.DNS_NO_ANSWER: None,
    f.DNS_REFUSED: SERVER_FAILURE,
    f.DNS_MISBEHAVING: SERVER_FAILURE,
}


def said_of_dns(failure: str | None) -> str | None:
    """Return the helper's string for the failure of a lookup. It records no failure for an empty answer."""
    return None if failure is None else _DNS.get(failure, UNKNOWN_ERROR)


def said_of_tcp(failure: str | None) -> str | None:
    """Return the helper's string for the failure of a TCP connect."""
    if failure is None:
        return None
    if failure in _TIMEOUTS:
        return f.TIMEOUT
    return CONNECTION_REFUSED if failure == f.REFUSED else CONNECT_ERROR


def said_of_http(failure: str | None) -> str | None:
    """Return the helper's string for the failure of a page. `failure` begins with `dns_` if the lookup failed."""
    if failure is None:
        return None
    if failure.startswith("dns_"):
        return LOOKUP_ERROR
    if failure in _TIMEOUTS:
        return f.TIMEOUT
    return CONNECTION_REFUSED if failure == f.REFUSED else UNKNOWN_ERROR


def meant_by_tcp(failure: str) -> str:
    """Return our string for the helper's failure of a TCP connect."""
    return {f.TIMEOUT: f.TIMEOUT, CONNECTION_REFUSED: f.REFUSED}.get(failure, f"{f.UNKNOWN}: {CONNECT_ERROR}")
