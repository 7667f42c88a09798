"""List every kind of follow-up: what it changes, what it costs, when it is tried, and what its absence means.

The measuring packages execute these kinds (`probe/followups/registry.py`). The analysis explains verdicts with their
words. The order in which they are tried is the policy table in `probe/connectivity/policy.py`.
"""

from dataclasses import dataclass
from typing import Literal

from probe.formats.transactions import FollowUp
from probe.messages import mark

Change = Literal[
    "name", "address", "name and address", "payload", "payload and address", "resolver", "hello", "TTL", ""
]
"""The property in which a follow-up differs from the failed flow, "" for a repetition."""


@dataclass(frozen=True)
class FollowUpKind:
    """Describe one kind of follow-up."""

    name: FollowUp
    """The id in records."""
    sends: str
    """What is sent to which address."""
    changes: Change
    triggers: int
    """Triggers that one flow costs (P7)."""
    tried: str
    """When it is tried, in one sentence."""
    absence: str
    """What it means if a measurement with the failure has no such flow."""
    sentence: str
    """What `--why` prints for one such flow, with {name} and {address}."""
    evidence: str = ""
    """What `--why` calls all such flows as evidence. Kinds with equal words are one piece of evidence, "" for none."""


_AFTER_FAILURE = "After the endpoint failed past the connect"
_NOT_COMPARED = "The failure was not past the connect, follow-ups were off, or the run was stopping."
_NO_NEUTRAL = "No neutral host of this family passed the preflight, or no trigger was left for it."
_UNVERIFIED = "The address was not verified."
_RESOLVERS = "When the answer for a name is suspect, or an address of it is unverified and the attempt there failed."
_NO_ECH_SUSPECT = (
    "No innocuous name failed in a browser's hello, or no neutral host of this family passed the preflight."
)
_NOT_SUSPECT = "Nothing contradicted the answer for the name, or follow-ups were off."

FOLLOWUP_KINDS: dict[FollowUp, FollowUpKind] = {
    kind.name: kind
    for kind in (
        FollowUpKind(
            "other_name_same_address",
            "an innocuous name to the address that failed",
            "name",
            0,
            f"{_AFTER_FAILURE}, at a verified address, as the last name there.",
            f"{_UNVERIFIED} {_NOT_COMPARED}",
            mark("sent the innocuous name {name} to {address} afterwards"),
        ),
        FollowUpKind(
            "same_name_neutral_host",
            "the target's name to a neutral host",
            "address",
            1,
            f"{_AFTER_FAILURE}, or a page in the clear was answered. Once per endpoint, service and family.",
            _NO_NEUTRAL,
            mark("sent {name} to the neutral host {address}"),
            mark("the name at a neutral host"),
        ),
        FollowUpKind(
            "nonexistent_name_same_address",
            "a name that does not exist to the address that failed",
            "name",
            0,
            f"{_AFTER_FAILURE}, at a verified address, except after a bad certificate. Once per endpoint and family.",
            f"{_UNVERIFIED} {_NOT_COMPARED}",
            mark("sent {name}, which does not exist, to {address}"),
            mark("the names that do not exist"),
        ),
        FollowUpKind(
            "nonexistent_name_neutral_host",
            "a name that does not exist to another neutral host than the target's name, if there are two",
            "name and address",
            0,
            "After the target's name failed past the connect at a neutral host.",
            "The target's name passed at the neutral host, or was not sent there.",
            mark("sent {name}, which does not exist, to the neutral host {address}"),
            mark("the names that do not exist"),
        ),
        FollowUpKind(
            "neutral_name_neutral_host",
            "a neutral host's own name to that host",
            "name and address",
            0,
            "After a name that does not exist failed at a neutral host. Over QUIC also before any other name there.",
            "The name that does not exist passed at the neutral host, or was not sent there.",
            mark("sent the neutral host's own name {name} to {address}"),
            mark("the neutral host's own name"),
        ),
        FollowUpKind(
            "browser_hello",
            "the target's name in a browser's hello, to a neutral host or to the endpoint's address",
            "hello",
            1,
            "After two hellos to an https endpoint were reset, ended or met silence. Deep: also after a success.",
            "The failures were not both in the TLS handshake, or the name passed in no hello at a neutral host.",
            mark("sent {name} to {address} in a browser's client hello"),
            mark("the name in a browser's client hello"),
        ),
        FollowUpKind(
            "harmless_browser_hello",
            "an innocuous name in a browser's hello to the endpoint's address",
            "name",
            0,
            "In a deep run, after two browser's hellos with the target's name failed where the probe's own passed.",
            "No browser's hello failed twice, or the run was not deep.",
            mark("sent the innocuous name {name} to {address} in a browser's client hello"),
            mark("the name in a browser's client hello"),
        ),
        FollowUpKind(
            "other_size_hello",
            "the target's name in the probe's hello at another length",
            "hello",
            1,
            "After two hellos were reset, ended or met silence, beside or after the browser's hello.",
            "The failures were not both in the TLS handshake, or the name passed in no hello at a neutral host.",
            mark("sent {name} to {address} in a client hello of another size"),
            mark("the name in a client hello of another size"),
        ),
        FollowUpKind(
            "same_hello_again",
            "the target's name in the same hello that failed",
            "",
            1,
            "After another hello passed at the endpoint's address, to exclude that an outage has ended.",
            "No other hello passed at the endpoint's address.",
            mark("sent {name} to {address} in the first client hello again"),
            mark("the name in a client hello of another size"),
        ),
        FollowUpKind(
            "browser_hello_without_ech",
            "the target's name in a browser's hello with padding in place of Encrypted ClientHello",
            "hello",
            1,
            "In a deep run, after a browser's hello failed at an endpoint where the probe's own passed.",
            "No browser's hello failed, or the run was not deep.",
            mark("sent {name} to {address} in a browser's client hello without Encrypted ClientHello"),
            mark("the hellos without Encrypted ClientHello"),
        ),
        FollowUpKind(
            "neutral_browser_hello",
            "a neutral host's own name to that host in a browser's hello, which carries Encrypted ClientHello",
            "name and address",
            0,
            "In a deep run, after browser's hellos failed with any name, and passed without ECH. Once per family.",
            _NO_ECH_SUSPECT,
            mark("sent the neutral host's own name {name} to {address} in a browser's client hello"),
            mark("a neutral host's name with Encrypted ClientHello"),
        ),
        FollowUpKind(
            "neutral_browser_hello_without_ech",
            "a neutral host's own name to that host in a browser's hello without Encrypted ClientHello",
            "hello",
            0,
            "After the same hello with the extension failed there.",
            "The hello with the extension passed at the neutral host, or was not sent there.",
            mark("sent the neutral host's own name {name} to {address} without Encrypted ClientHello"),
            mark("the hellos without Encrypted ClientHello"),
        ),
        FollowUpKind(
            "neutral_hello_with_ech",
            "a neutral host's own name to that host in the probe's hello with Encrypted ClientHello",
            "hello",
            0,
            "After a browser's hello passed there without the extension, to exclude a list of programs.",
            "No browser's hello without the extension passed at the neutral host.",
            mark("sent the neutral host's own name {name} to {address} in our client hello with Encrypted ClientHello"),
            mark("a neutral host's name with Encrypted ClientHello"),
        ),
        FollowUpKind(
            "hello_with_ech_neutral_host",
            "the target's name in the probe's hello with Encrypted ClientHello to a neutral host",
            "hello",
            1,
            "In a deep run, after the name failed in browser's hellos with ECH only, and another name passed.",
            "The name passed with the extension, or failed without it, or another name failed too.",
            mark("sent {name} to the neutral host {address} in our client hello with Encrypted ClientHello"),
            mark("the name with Encrypted ClientHello at a neutral host"),
        ),
        FollowUpKind(
            "random_bytes_neutral_host",
            "bytes of no protocol to a neutral host at the same port",
            "payload and address",
            0,
            f"{_AFTER_FAILURE} with a payload that is on no list of usual protocols. Once per family.",
            "No neutral host has this port.",
            mark("sent random bytes to the neutral host {address}, to compare with {name}"),
            mark("the random bytes over TCP"),
        ),
        FollowUpKind(
            "innocuous_name_system_resolver",
            "a query for an innocuous name to the system resolver",
            "name",
            0,
            "While the answer for a name is due, and after the system resolver refused or failed. After a denial or a "
            "private address the innocuous name is a neutral host's.",
            "The answer for the name came in time and was a usual one.",
            mark("looked up the innocuous name {name} with the system resolver"),
            mark("the innocuous names at the system resolver"),
        ),
        FollowUpKind(
            "resolver_udp",
            "the same query to a public resolver over UDP",
            "resolver",
            1,
            _RESOLVERS,
            _NOT_SUSPECT,
            mark("looked up {name} with the public resolver {address} over UDP"),
            mark("the public resolvers over UDP"),
        ),
        FollowUpKind(
            "resolver_dot",
            "the same query to a public resolver over TLS",
            "resolver",
            0,
            _RESOLVERS,
            _NOT_SUSPECT,
            mark("looked up {name} with the public resolver {address} over TLS"),
        ),
        FollowUpKind(
            "resolver_doh",
            "the same query to a public resolver over HTTPS",
            "resolver",
            0,
            _RESOLVERS,
            _NOT_SUSPECT,
            mark("looked up {name} with the public resolver {address} over HTTPS"),
        ),
        FollowUpKind(
            "dark_resolver",
            "the same query to an address that runs no resolver, or to the helper's closed port",
            "resolver",
            1,
            _RESOLVERS,
            _NOT_SUSPECT,
            mark("looked up {name} at {address}, which runs no resolver"),
            mark("the queries to non-resolvers"),
        ),
        FollowUpKind(
            "dark_innocuous",
            "a query for an innocuous name to the helper's closed port",
            "name and address",
            0,
            f"{_RESOLVERS} Only if the helper's address was given.",
            "The user gave no helper, or gave it by name.",
            mark("looked up the innocuous name {name} at {address}, which runs no resolver"),
            mark("the queries to non-resolvers"),
        ),
        FollowUpKind(
            "same_payload_echo",
            "the endpoint's own datagram to the helper's echo at the same port",
            "address",
            1,
            "After the random datagram of the echo pair.",
            "The helper offers no echo, or its token was too old.",
            mark("sent the service's own datagram to the test helper, to compare with {name}"),
            mark("the echo pair at the test helper"),
        ),
        FollowUpKind(
            "other_payload_echo",
            "a random datagram of equal size to the helper's echo at the same port",
            "payload and address",
            0,
            "After a call's datagrams met silence twice. Once per payload, port and family.",
            "The helper offers no echo, or no trigger was left for it.",
            mark("sent a random datagram to the test helper, to compare with {name}"),
            mark("the echo pair at the test helper"),
        ),
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
            "At the end of a measurement, for interference that the evidence shows, up to 3 flows (6 in a deep run).",
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
}
"""Each kind by its id."""


def pieces_of_evidence() -> dict[str, tuple[FollowUp, ...]]:
    """Return the words of each piece of evidence, with the kinds of follow-up that it consists of."""
    words = dict.fromkeys(kind.evidence for kind in FOLLOWUP_KINDS.values() if kind.evidence)
    return {each: tuple(kind.name for kind in FOLLOWUP_KINDS.values() if kind.evidence == each) for each in words}
