"""Define the feature rows that rules read, one per name, address, endpoint and service.

No column is ever NULL except `*_failure`. The published digests of rules contain the names of columns, so that a
column is never renamed.
"""

from dataclasses import dataclass

from probe.analysis.features.address_row import AddressRow
from probe.analysis.features.column import column

__all__ = ["AddressRow", "EndpointRow", "NameRow", "ServiceRow", "WideRow"]


@dataclass
class NameRow:
    """Hold what is known about the resolution of an endpoint's host name."""

    dns_needed: bool = column(False, "The host is a name and not an address.")
    dns_attempts: int = column(0, "Queries to the system resolver.")
    dns_local_faults: int = column(0, "Queries to the system resolver that failed because of this computer.")
    interrupted: bool = column(False, "The run was interrupted.")
    network_unchecked: bool = column(False, "The lookup failed, and no check of the network is near in time to it.")
    network_lost: bool = column(False, "No neutral host answered a check near in time to the lookup.")
    line_drops: bool = column(
        False, "The access line loses so many packets, or is so slow, that silence proves nothing."
    )
    dns_failure: str | None = column(None, "Failure of the system resolver, NULL if it gave an address.")
    dns_failure_kind: str = column("", "Kind of that failure: nxdomain, no_answer, refused, servfail, timeout, other.")
    dns_answers: int = column(0, "Addresses from the system resolver, of families that work here.")
    dns_family_absent: bool = column(False, "The system resolver gave only addresses of a family that fails here.")
    dns_genuine: int = column(0, "Answers that are verified by a certificate or given by a trusted source too.")
    dns_contested: int = column(
        0, "Answers that only the control supports, while addresses in other networks are proven here."
    )
    dns_bogon: int = column(0, "Answers that no public service can have.")
    dns_blockpage: int = column(0, "Answers whose server showed a known block page.")
    dns_foreign: int = column(0, "Answers whose server showed a certificate that is not valid for the name.")
    dns_elsewhere: int = column(0, "Answers that were tried and are in no network (AS) of a trusted answer.")
    dns_refuted_at_control: int = column(
        0, "Answers that the control could not verify either and that are in no network of a trusted answer."
    )
    dns_neighbours: int = column(0, "Answers in the network (AS) of a trusted answer.")
    dns_reached: int = column(0, "Answers at which an endpoint of the name was answered, by any server.")
    dns_trusted_reached: int = column(0, "Addresses from trusted sources only at which an endpoint was answered.")
    dns_authenticated: int = column(0, "Addresses from encrypted resolvers (DoT, DoH).")
    dns_from_control: int = column(0, "Addresses from the control's resolver, near in time to the lookups here.")
    dns_proven_here: int = column(0, "Addresses from other sources only that a certificate proves here.")
    dns_proven_authenticated: int = column(
        0, "Addresses from encrypted resolvers only that a certificate proves at the control."
    )
    dns_forged_first: int = column(0, "Queries to the system resolver whose first datagram is contradicted and forged.")
    dns_forged_public: int = column(0, "Queries to public resolvers whose first datagram is contradicted and forged.")
    dns_forged_late: int = column(0, "Queries whose forged datagram came too late to do harm.")
    dns_doubled: int = column(0, "Queries whose answer came twice with different TTLs, so that it was copied.")
    dns_forged_bogon: bool = column(False, "All addresses in forged datagrams are bogons.")
    dns_forged_denial: bool = column(False, "The forged datagrams deny the name.")
    dns_family_spared: bool = column(False, "The system resolver's answers of another family are verified here.")
    dns_public_genuine: int = column(0, "Queries to public resolvers over UDP that got a verified address.")
    dns_public_forged: int = column(0, "Queries to public resolvers over UDP that got a forged answer.")
    dns_unlike: int = column(0, "Answers of the system resolver with another TTL or other flags than its usual ones.")
    dns_too_fast: int = column(0, "Answers of public resolvers in less than half the time of a TCP connect to them.")
    dns_intercepted: bool = column(False, "A non-resolver answers queries for innocuous names too.")
    dns_dark_silent: bool = column(False, "A non-resolver was silent when asked for an innocuous name.")
    dns_dark_forged: int = column(0, "Forged answers from non-resolvers that are silent about innocuous names.")
    dns_dark_genuine: int = column(0, "Verified answers from non-resolvers.")
    dns_other_names_resolved: int = column(
        0, "Other names for which the system resolver answered at about the time when it failed for this one."
    )
    dns_others_lost: int = column(0, "Other names for which the system resolver answered one query and not another.")
    dns_compared: bool = column(
        False, "The system resolver gave usual addresses for another name then, or the measurement is OONI's."
    )
    dns_others_denied: int = column(0, "Answers of encrypted resolvers and the control that deny the name.")
    control_attempts: int = column(0, "Queries for the name at the control.")
    control_successes: int = column(0, "Queries for the name at the control that got an address.")


@dataclass
class EndpointRow:
    """Hold the conclusions about an endpoint's name and its verified addresses."""

    name_accused: bool = column(False, "The name's state is accusing.")
    name_fine: bool = column(False, "The name resolved, or its resolution is unknown and its addresses are usable.")
    working: int = column(0, "Addresses at which everything works.")
    blocked: int = column(0, "Name and addresses with the state blocked.")
    likely_blocked: int = column(0, "Name and addresses with the state likely_blocked.")
    degraded: int = column(0, "Name and addresses with the state degraded.")
    impaired: int = column(0, "Name and addresses with the state impaired.")
    down: int = column(0, "Name and addresses with the state down.")
    insufficient: int = column(0, "Name and addresses with the state insufficient.")


@dataclass
class ServiceRow:
    """Count the states of a service's endpoints."""

    any_suffices: bool = column(False, 'One working endpoint is enough (`works_if = "any"`).')
    endpoints: int = column(0, "Endpoints whose family and transport work here.")
    absent: int = column(0, "Endpoints that are left out, because their family or UDP does not work here.")
    absent_datagrams: int = column(0, "Endpoints that are left out because UDP does not work here.")
    bugs: int = column(0, "Bugs of the probe that touched this service.")
    retired: bool = column(False, "The target file says that the product is retired.")
    unread: bool = column(False, "The measurement is of an OONI nettest that no rule covers.")
    control_successes: int = column(0, "The control's attempts that succeeded at the topmost layer.")
    blocked: int = column(0, "Endpoints with the state blocked.")
    likely_blocked: int = column(0, "Endpoints with the state likely_blocked.")
    degraded: int = column(0, "Endpoints with the state degraded.")
    impaired: int = column(0, "Endpoints with the state impaired.")
    down: int = column(0, "Endpoints with the state down.")
    insufficient: int = column(0, "Endpoints with the state insufficient.")
    ok: int = column(0, "Endpoints with the state ok.")
    untested: int = column(0, "Endpoints that were not tested to their end when the time limit of the run was over.")


WideRow = NameRow | AddressRow | EndpointRow | ServiceRow
