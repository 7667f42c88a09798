"""State what is done once in a measurement, although several attempts may need it."""

from collections.abc import Callable

from probe.connectivity.attempt_facts import AttemptFacts
from probe.followups.planned_flow import Claim


def innocuous_claim(facts: AttemptFacts) -> Claim:
    """Return what one innocuous flow is for: service, host, port, transport and family (P8)."""
    endpoint = facts.endpoint
    return ("innocuous", facts.service, endpoint.host, str(endpoint.port), endpoint.carrier, str(facts.family))


def name_at_neutral_claim(facts: AttemptFacts) -> Claim:
    """Return the key under which flows with the name to neutral hosts are made only once: endpoint, service and
    family.
    """
    return ("name_at_neutral", facts.endpoint.url, facts.service, str(facts.family))


def nonexistent_claim(facts: AttemptFacts) -> Claim:
    """Return the key under which the nonexistent name is sent only once: endpoint and family."""
    return ("nonexistent_name", facts.endpoint.url, str(facts.family))


def hellos_claim(facts: AttemptFacts) -> Claim:
    """Return what other hellos are for: endpoint, service and family."""
    return ("hellos", facts.endpoint.url, facts.service, str(facts.family))


def browser_claim(facts: AttemptFacts) -> Claim:
    """Return the key under which a browser's hello after a success is sent only once: endpoint, service and family."""
    return ("browser_hello", facts.endpoint.url, facts.service, str(facts.family))


def ech_key_claim(facts: AttemptFacts) -> Claim:
    """Return the key under which a hello with a published key is sent only once: endpoint, service and family."""
    return ("ech_key", facts.endpoint.url, facts.service, str(facts.family))


def _of_family(what: str) -> Callable[[AttemptFacts], Claim]:
    return lambda facts: (what, str(facts.family))


random_bytes_claim = _of_family("random_bytes")
ech_claim = _of_family("ech")  # hellos with Encrypted ClientHello to a neutral host
other_host_claim = _of_family("neutral_transfer")
quic_host_claim = _of_family("neutral_quic_transfer")
first_host_claim = _of_family("first_neutral_transfer")  # from another neutral host
home_claim = _of_family("home_transfer")  # from a host in the country
beside_working_claim = _of_family("beside_working")  # an innocuous name beside a working one


def sizes_claim(facts: AttemptFacts) -> Claim:
    """Return the key under which sizes of datagrams are tried only once: the family over which the echo is reached."""
    return ("datagram_sizes", str(facts.echo.family) if facts.echo else "")


def echo_claim(facts: AttemptFacts) -> Claim:
    """Return what an echo pair is for: payload, port and family."""
    place = (str(facts.echo.port), str(facts.echo.family)) if facts.echo else ()
    return ("echo", facts.endpoint.facts.echo_payload or "", *place)


ONCE_PER: dict[Callable[[AttemptFacts], Claim], str] = {
    name_at_neutral_claim: "endpoint, service and family",
    nonexistent_claim: "endpoint and family",
    random_bytes_claim: "family",
    hellos_claim: "endpoint, service and family",
    browser_claim: "endpoint, service and family",
    ech_claim: "family",
    ech_key_claim: "endpoint, service and family",
    other_host_claim: "family",
    quic_host_claim: "family",
    first_host_claim: "family",
    home_claim: "family",
    beside_working_claim: "family",
    sizes_claim: "family",
    echo_claim: "payload, port and family",
}
"""What each claim is for, in words."""
