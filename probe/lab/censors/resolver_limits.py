"""Define a resolver that limits the queries of one client."""

from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.dns_censors import DNS
from probe.lab.censors.kit.middlebox import DROP, Deployment, Middlebox
from probe.lab.censors.kit.name_patterns import matches
from probe.lab.censors.kit.wire_test import RESOLVER, Exchange, WireTest
from probe.lab.net.address_matching import Covers
from probe.lab.net.dns_packets import RCODES, question_of_answer, reply
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, udp_packet


class QueryLimit(Middlebox):
    """Let the provider's resolver answer so many queries in some seconds, and refuse the others with any name."""

    WIRE = (
        WireTest(
            {"most": 0, "seconds": 5.0, "how": "refused", "names": ["cdn2.signal.org"]},
            (
                Exchange("dns", RESOLVER, 53, "cdn2.signal.org", contains="rcode 5"),
                Exchange("dns", RESOLVER, 53, "cdn3.signal.org", contains="rcode 0"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the answer")
    most: int = Field(ge=0, description="queries that are answered in this time")
    seconds: float = Field(gt=0, description="seconds for which a query counts")
    how: Literal["refused", "servfail", "silent"] = Field(
        default="refused", description="what the others get: an answer with this rcode, or none"
    )
    names: list[str] = Field(default=["*"], description="names whose queries count, * is a wildcard")

    _resolvers: Covers = PrivateAttr(default_factory=lambda: Covers(()))
    _answered: list[float] = PrivateAttr(default_factory=list)

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        self._resolvers = Covers(deployment.resolvers)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is not Direction.IN or not packet.is_udp or packet.sport != DNS:
            return None
        question = question_of_answer(packet.payload) if packet.source in self._resolvers else None
        if question is None or not matches(question.name, self.names):
            return None
        self._answered = [when for when in self._answered if when > now - self.seconds]
        if len(self._answered) < self.most:
            self._answered.append(now)
            return None
        if self.how == "silent":
            return DROP
        refusal = reply(question, rcode=RCODES[self.how])
        return Actions(replace=udp_packet(packet.src, packet.dst, DNS, packet.dport, refusal, ttl=packet.ttl))
