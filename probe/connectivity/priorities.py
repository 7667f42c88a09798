"""Order the endpoints of a service by how much they say about its verdict, for access lines that cannot carry all.

A service that needs all of its endpoints has them all before the alternatives of other services. Of a service that
needs one endpoint, one comes first. The leading endpoint needs the deepest proof.
"""

from collections.abc import Sequence

from probe.session.flow_slots import Priority
from probe.targets.dialects import PROOF_DEPTH
from probe.targets.target import Endpoint, Service

Place = tuple[str, str]  # role of the service, URL of the endpoint


def endpoint_priorities(endpoints: Sequence[tuple[Service, Endpoint]]) -> dict[Place, Priority]:
    """Return the priority of each endpoint at its first address. Equal endpoints keep their order."""
    leading: dict[str, Endpoint] = {}
    for service, endpoint in endpoints:
        before = leading.get(service.role)
        if before is None or _depth(endpoint) > _depth(before):
            leading[service.role] = endpoint
    return {
        (service.role, endpoint.url): _priority(service, endpoint is leading[service.role])
        for service, endpoint in endpoints
    }


def _priority(service: Service, leads: bool) -> Priority:
    if leads:
        return Priority.LEADING
    return Priority.NEEDED if service.works_if == "all" else Priority.FURTHER


def _depth(endpoint: Endpoint) -> int:
    return PROOF_DEPTH.index(endpoint.facts.proof)


def address_priority(endpoint: Priority, number: int) -> Priority:
    """Return the priority of an endpoint's address, where `number` addresses come before it."""
    return endpoint if number == 0 else Priority.FURTHER


def confirmation_priority(first: Priority) -> Priority:
    """Return the priority of a confirmation, without which a failure says nothing."""
    return max(first, Priority.NEEDED)
