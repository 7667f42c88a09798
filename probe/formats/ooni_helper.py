"""The words of OONI's web_connectivity test helper: its own, older failure strings, made from ours and read back.

Source: reference/ooni.md 4.2, and internal/oohelperd of https://github.com/ooni/probe-cli (opened 2026-11-24). They
stand for fewer things than ours do: what reads back as nothing may be the helper's own trouble, and is no control.
"""

from typing import Final

from probe.formats import failures as f

GREETING: Final = "Hello OONItarian!"  # what GET / answers
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
    """How the helper tells what came of a lookup; no answer is no failure there."""
    return None if failure is None else _DNS.get(failure, UNKNOWN_ERROR)


def said_of_tcp(failure: str | None) -> str | None:
    """How the helper tells what came of a TCP connect."""
    if failure is None:
        return None
    if failure in _TIMEOUTS:
        return f.TIMEOUT
    return CONNECTION_REFUSED if failure == f.REFUSED else CONNECT_ERROR


def said_of_http(failure: str | None) -> str | None:
    """How the helper tells what came of a page; `failure` begins with `dns_` where its name did not resolve."""
    if failure is None:
        return None
    if failure.startswith("dns_"):
        return LOOKUP_ERROR
    if failure in _TIMEOUTS:
        return f.TIMEOUT
    return CONNECTION_REFUSED if failure == f.REFUSED else UNKNOWN_ERROR


def meant_by_tcp(said: str) -> str:
    """Our name for a failure of a TCP connect."""
    return {f.TIMEOUT: f.TIMEOUT, CONNECTION_REFUSED: f.REFUSED}.get(said, f"{f.UNKNOWN}: {CONNECT_ERROR}")
