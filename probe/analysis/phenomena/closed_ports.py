"""Define the ports that this network closes for every server, whatever the service is.

Providers close ports of mail programs for all customers against spam, and networks in hotels let only web pages pass. A
connect to the same port of an unrelated server fails there in the same way, and port 443 of that server accepts one. A
censor of one mail provider leaves the port of the others open.
"""

from dataclasses import dataclass

from probe.analysis.observations.failure_kinds import LOCAL, TIMEOUT, kind_of
from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.link_counts import or_zero
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import SUBJECT
from probe.messages import mark
from probe.signatures.compared_ports import MAIL_PORTS, UNASSIGNED, WEB_PORT


def way_of(failed: str | None) -> str | None:
    """Return how a connect ended: accepted, silent or rejected. None if this computer made it fail."""
    if failed is None:
        return "accepted"
    kind = kind_of(failed)
    return None if kind == LOCAL else "silent" if kind == TIMEOUT else "rejected"


_AT_HOSTS = Statement(
    "port_at_hosts",
    "How connects to a port of unrelated servers ended. Failures count at servers whose port 443 accepted one.",
    ("m", "port", "family"),
    "SELECT p.m, p.port, p.family, count(*) FILTER (WHERE p.way = 'accepted') AS accepted,"
    " count(*) FILTER (WHERE p.way = 'silent' AND w.m IS NOT NULL) AS silent,"
    " count(*) FILTER (WHERE p.way = 'rejected' AND w.m IS NOT NULL) AS rejected"
    " FROM port_connect p LEFT JOIN (SELECT DISTINCT m, host, family FROM port_connect"
    f" WHERE port = {WEB_PORT} AND way = 'accepted') w ON w.m = p.m AND w.host = p.host AND w.family = p.family"
    f" WHERE p.port <> {WEB_PORT} GROUP BY p.m, p.port, p.family",
)


def _for(port: str, prefix: str) -> str:
    """Return the columns about a port: of the address's family, or of the other one if no server has this family."""
    return (
        f" COALESCE(sum(CASE WHEN h.port = {port} AND h.accepted = 0 THEN h.silent END), 0) AS {prefix}silent,"
        f" COALESCE(sum(CASE WHEN h.port = {port} AND h.accepted = 0 THEN h.rejected END), 0) AS {prefix}rejected"
    )


_OF_ADDRESSES = Statement(
    "address_port",
    "How connects to the port of an endpoint, and to a port of no service, ended at unrelated servers.",
    SUBJECT,
    f"SELECT s.m, s.endpoint, s.address,{_for('s.endpoint_port', '')},{_for(str(UNASSIGNED), 'other_')}"
    " FROM subject s JOIN port_at_hosts h ON h.m = s.m"
    " LEFT JOIN (SELECT DISTINCT m, family FROM port_at_hosts) o ON o.m = s.m AND o.family = s.address_family"
    " WHERE h.family = s.address_family OR o.m IS NULL GROUP BY s.m, s.endpoint, s.address",
)


@dataclass
class ClosedPortColumns:
    """Count the connects to the same port of unrelated servers, and to a port of no service, that failed."""

    port_silent_elsewhere: int = column(
        0,
        "Connects to this port of unrelated servers that got no answer. 0 if one was accepted. Port 443 of the servers"
        " accepts one.",
        or_zero("o.silent"),
    )
    port_rejected_elsewhere: int = column(
        0, "The same for connects that were refused, reset or reported unreachable.", or_zero("o.rejected")
    )
    other_ports_closed: int = column(
        0,
        "Connects to a port of no service at unrelated servers that failed. 0 if one was accepted.",
        f"{or_zero('o.other_silent')} + {or_zero('o.other_rejected')}",
    )
    mail_port: bool = column(
        False, "The port is one of mail programs.", f"s.endpoint_port IN ({', '.join(map(str, sorted(MAIL_PORTS)))})"
    )


_CLOSED = (
    "tcp_successes = 0 AND tcp_attempts >= 2 AND ((tcp_timeouts > 0 AND port_silent_elsewhere > 0)"
    " OR (tcp_timeouts = 0 AND port_rejected_elsewhere > 0))"
)

CLOSED_PORT_RULES = (
    Rule(
        "few_ports_pass",
        f"{_CLOSED} AND other_ports_closed > 0",
        State.IMPAIRED,
        because=(
            "The connection fails here, twice. Connects to the same port of unrelated servers fail in the same way, "
            "and so do those to a port that no service has. Their port 443 accepts connections."
        ),
        plain=mark(
            "This network lets few kinds of connections pass. Connections to {host} fail, and so do connections of "
            "this kind to unrelated servers, of which web pages can be reached. Hotels, trains and companies often do "
            "so. Nothing shows that {service} itself is blocked. Try another network."
        ),
    ),
    Rule(
        "mail_port_closed",
        f"{_CLOSED} AND mail_port",
        State.IMPAIRED,
        because=(
            "The connection fails here, twice. Connects to the same port of unrelated mail servers fail in the same "
            "way, and their port 443 accepts connections."
        ),
        plain=mark(
            "This network closes a port of mail programs for every server. Connections to {host} fail, and so do those "
            "to unrelated mail servers, of which web pages can be reached. Providers do so against spam. Nothing shows "
            "that {service} itself is blocked. Use mail in a browser, or try another network."
        ),
    ),
)
"""These rules need no control: that other servers are reached at another port shows that they are there.

A port of one app that is closed for every server is no rule of the network against spam. So only ports of mail count
alone.
"""

CLOSED_PORTS = Phenomenon(
    "closed_ports",
    "This network closes the port for every server.",
    address=RowPart(ClosedPortColumns, {"o": "address_port"}, (_AT_HOSTS, _OF_ADDRESSES)),
)
