"""Link flows to an endpoint's address by their role, as the statement `link` does."""

from dataclasses import dataclass

OTHER_NAMES = "s.host NOT IN (f.sent_name, f.tls_name, f.http_host)"
NAME_ALONE = " AND ".join(f"f.{column} IN ('', s.host)" for column in ("sent_name", "tls_name", "http_host"))
HAS_NAME = "s.host IN (f.sent_name, f.tls_name)"
TRIED_NAME_LAYER = (
    "CASE s.name_layer WHEN 'tls' THEN f.tls_attempts > 0 WHEN 'quic' THEN f.quic_attempts > 0"
    " WHEN 'http' THEN f.http_attempts > 0 ELSE FALSE END"
)

AT_ADDRESS = "f.address = s.address"
OF_ENDPOINT = "f.endpoint = s.endpoint"
OF_FAMILY = "f.endpoint = s.endpoint AND f.family = s.address_family"
AT_ENDPOINT = f"{OF_ENDPOINT} AND {AT_ADDRESS} AND f.port = s.endpoint_port"


@dataclass(frozen=True)
class LinkedRole:
    """Select the flows that count for an endpoint's address in one role: (m, endpoint, address, role, n).

    `decides`: a verdict on the endpoint rests on these flows, so that they are among its transactions.
    """

    role: str
    select: str
    decides: bool = False


def linked(role: str, joined: str, *conditions: str, decides: bool = False) -> LinkedRole:
    """Return the role of flows `f` of the probe that count for an address `s`.

    `joined` are the columns by which flows are found, and `conditions` what their entries must confirm.
    """
    confirmed = " AND ".join(("f.origin = 'probe'", *conditions))
    select = (
        f"SELECT s.m, s.endpoint, s.address, '{role}' AS role, f.n FROM subject s JOIN flow f ON f.m = s.m AND {joined}"
        f" WHERE {confirmed}"
    )
    return LinkedRole(role, select, decides)


def followed(role: str, joined: str, followup: str, *conditions: str, decides: bool = False) -> LinkedRole:
    """Return the role of the flows of one kind of follow-up."""
    return linked(role, joined, f"f.followup = '{followup}'", *conditions, decides=decides)
