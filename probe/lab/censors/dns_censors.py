"""Define censors of DNS: an injector, an interceptor of all queries, and a provider's resolver with false answers.

They do what was measured of real censors. The answers are in the name of any resolver, for A and AAAA. They have
private or other companies' addresses, or the right ones. Some copy the TTL of the query.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.middlebox import DROP, Deployment, Middlebox
from probe.lab.censors.kit.name_patterns import matches
from probe.lab.censors.kit.wire_test import RESOLVER, Exchange, WireTest
from probe.lab.net.address_matching import Covers
from probe.lab.net.dns_packets import RCODES, Question, question_of_answer, read_question, reply
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, udp_packet
from probe.targets.target import family_of

DNS = 53
ADDITIONAL = slice(10, 12)  # bytes of the header that count the additional records, of which EDNS is the only one here
# Addresses in forged answers: other companies' in China, private ones of a block page in Iran.
FOREIGN = ("31.13.94.37", "104.244.46.85", "108.160.165.53", "162.125.32.12", "199.59.149.231", "199.16.158.190")
FOREIGN_V6 = ("2001::1f0d:5e25", "2001::68f4:2e55", "2001::a27d:200c")
BOGON = ("10.10.34.34", "10.10.34.35", "10.10.34.36")
BOGON_V6 = ("fd00:10:34::34", "fd00:10:34::35")
POOLS = {"foreign": (FOREIGN, FOREIGN_V6), "bogon": (BOGON, BOGON_V6)}


class QueryFilter(Middlebox):
    """Represent a censor of queries over UDP, to all resolvers or to some."""

    asked: list[str] = Field(default=[], description="only queries to these addresses and prefixes, empty: to all")

    _asked: Covers = PrivateAttr(default_factory=lambda: Covers(()))

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        self._asked = Covers(self.asked)

    def _question(self, packet: Packet, direction: Direction) -> Question | None:
        """Return the question of a query to such a resolver, None for other packets."""
        if direction is not Direction.OUT or not packet.is_udp or packet.dport != DNS:
            return None
        if self.asked and packet.destination not in self._asked:
            return None
        return read_question(packet.payload)


class DNSForger(Middlebox):
    """Represent a censor that forges DNS answers."""

    names: list[str] = Field(min_length=1, description="names in queries, * is a wildcard")
    spare: list[str] = Field(default=[], description="names with true answers, * is a wildcard")
    kinds: list[Literal["A", "AAAA"]] = Field(default=["A", "AAAA"], description="query types that are censored")
    answers: list[str] | Literal["bogon", "foreign", "true"] = Field(
        default="bogon",
        description="addresses, or host names for their addresses (an empty list: no address), or "
        '"bogon" (private), "foreign" (other companies\') or "true" (the name\'s own)',
    )
    rcode: Literal["noerror", "nxdomain", "servfail", "refused"] = Field(
        default="noerror", description="rcode of the answer, other than noerror without addresses"
    )
    record_ttl: int = Field(default=300, ge=0, description="TTL of the forged record in seconds")
    authoritative: bool = Field(default=False, description="true: flag AA is set and RA is not")

    def _matches(self, question: Question | None) -> bool:
        if question is None or question.family not in self._families():
            return False
        return matches(question.name, self.names) and not matches(question.name, self.spare)

    def _families(self) -> set[int]:
        return {{"A": 4, "AAAA": 6}[kind] for kind in self.kinds}

    def _forged_answer(self, question: Question, number: int = 0) -> bytes:
        """Return a forged answer. Each `number` has another address, as long as there are more."""
        return reply(
            question,
            self._addresses(question, number),
            rcode=RCODES[self.rcode],
            ttl=self.record_ttl,
            authoritative=self.authoritative,
            recursive=not self.authoritative,
        )

    def _addresses(self, question: Question, number: int) -> Sequence[str]:
        """Return one forged address for a name, family and `number`, equal for every query, or all real ones."""
        if self.rcode != "noerror":
            return ()
        if self.answers == "true":
            return self._deployment.zone.get(question.name, ())
        if isinstance(self.answers, list):
            pool: Sequence[str] = [ip for item in self.answers for ip in self._deployment.zone.get(item, (item,))]
        else:
            pool = POOLS[self.answers][question.family == 6]
        usable = [address for address in pool if family_of(address) == question.family]
        drawn = self._random(question.name, question.kind).sample(usable, len(usable))
        return drawn[number % len(drawn) :][:1] if drawn else ()


class DNSInjection(QueryFilter, DNSForger):
    """Answer a query before the resolver does, in the resolver's name."""

    WIRE = (
        WireTest(
            {"hop": 3, "names": ["t.co"], "answers": ["203.0.113.7"], "on_path": False},
            (
                Exchange("dns", "8.8.8.8", 53, "t.co", contains="203.0.113.7"),
                Exchange("dns", "8.8.8.8", 53, "web.telegram.org", contains="rcode 0", lacks="203.0.113.7"),
            ),
        ),
    )

    on_path: bool = Field(default=True, description="true: the real answer comes too. false: the query is dropped")
    ttl: int = Field(
        default=0, ge=0, le=255, description="TTL with which the forged packets are sent, 0: drawn by seed"
    )
    copies_ttl: bool = Field(default=False, description="true: they are sent with the TTL of the query as it arrived")
    count: int = Field(default=1, ge=1, le=10, description="number of forged answers, each with another address")
    delay: float = Field(default=0.0, ge=0, description="seconds until the first is sent")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        question = self._question(packet, direction)
        if question is None or not self._matches(question):
            return None
        ttl = packet.ttl if self.copies_ttl else self.ttl or self._random("ttl").randint(48, 128)
        answers = [
            (self.delay + 0.002 * number, _answer_to(packet, self._forged_answer(question, number), ttl))
            for number in range(self.count)
        ]
        return Actions(forward=self.on_path, to_client=answers)


class DNSDrop(QueryFilter):
    """Drop queries over UDP for the names."""

    WIRE = (
        WireTest(
            {"hop": 3, "names": ["web.wechat.com"]},
            (
                Exchange("dns", "8.8.8.8", 53, "web.wechat.com", end="silent"),
                Exchange("dns", "8.8.8.8", 53, "web.telegram.org", contains="rcode 0"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the query")
    names: list[str] = Field(min_length=1, description="names in queries, * is a wildcard")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        question = self._question(packet, direction)
        return DROP if question is not None and matches(question.name, self.names) else None


class DNSIntercept(DNSForger):
    """Drop every query over UDP, to any address, and answer it, with forged addresses for `names`."""

    # Behind the hop of the other censors, whose forged answers it then does not change.
    WIRE = (
        WireTest(
            {"hop": 5, "names": ["www.facebook.com"], "answers": ["203.0.113.8"]},
            (
                Exchange("dns", "mmg.whatsapp.net", 53, "www.facebook.com", contains="203.0.113.8"),
                Exchange("dns", "mmg.whatsapp.net", 53, "web.telegram.org", contains="rcode 0", lacks="203.0.113.8"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the query")
    names: list[str] = Field(default=[], description="names with forged answers, * is a wildcard, empty: none")
    ttl: int = Field(default=0, ge=0, le=255, description="TTL with which the answers are sent, 0: drawn by seed")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is not Direction.OUT or not packet.is_udp or packet.dport != DNS:
            return None
        question = read_question(packet.payload)
        if question is None:
            return None
        ttl = self.ttl or self._random("ttl").randint(48, 128)
        answer = self._forged_answer(question) if self._matches(question) else self._real_answer(question)
        return Actions(forward=False, to_client=[(0.0, _answer_to(packet, answer, ttl))])

    def _real_answer(self, question: Question) -> bytes:
        known = self._deployment.zone.get(question.name)
        return reply(question, known or (), rcode=RCODES["nxdomain" if known is None else "noerror"])


def _answer_to(query: Packet, answer: bytes, ttl: int) -> bytes:
    return udp_packet(query.dst, query.src, DNS, query.sport, answer, ttl=ttl)


class DNSLie(DNSForger):
    """Rewrite the answers of the provider's resolver. The real answer never arrives."""

    WIRE = (
        WireTest(
            {"names": ["www.snapchat.com"], "answers": ["203.0.113.5"]},
            (
                Exchange("dns", RESOLVER, 53, "www.snapchat.com", contains="203.0.113.5"),
                Exchange("dns", "8.8.8.8", 53, "www.snapchat.com", contains="rcode 0", lacks="203.0.113.5"),
            ),
        ),
        WireTest(
            {"names": ["abs.twimg.com"], "answers": ["203.0.113.5"], "begins": 60.0},
            (Exchange("dns", RESOLVER, 53, "abs.twimg.com", contains="rcode 0", lacks="203.0.113.5"),),
        ),
        WireTest(
            {"names": ["web.snapchat.com"], "everybody": True, "rcode": "nxdomain"},
            (Exchange("dns", "8.8.8.8", 53, "web.snapchat.com", contains="rcode 3"),),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the answer")
    silent: bool = Field(default=False, description="true: the answers are dropped instead")
    lasts: float = Field(
        default=0.0,
        ge=0,
        description="seconds from the first answer for one of the names on in which the answers for all names are "
        "false, and none later; 0: those for the names are false, always",
    )
    lasts_for: Literal["all", "names"] = Field(
        default="all",
        description="with `lasts`: whether the answers for all names are false then, or those for the names",
    )
    everybody: bool = Field(
        default=False, description="true: every resolver's answers over UDP, not only the provider's"
    )
    edns: bool | None = Field(
        default=None,
        description="false: only answers without EDNS (RFC 6891), such as the system's library gets. true: only others",
    )

    resolvers: list[str] = Field(default=[], description="addresses of these resolvers, empty: the provider's")

    _resolvers: Covers = PrivateAttr(default_factory=lambda: Covers(()))
    _began: float | None = PrivateAttr(default=None)

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        self._resolvers = Covers(self.resolvers or deployment.resolvers)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is not Direction.IN or not packet.is_udp or packet.sport != DNS:
            return None
        if not self.everybody and packet.source not in self._resolvers:
            return None
        question = question_of_answer(packet.payload)
        if question is None or not self._falsifies(question, now):
            return None
        if self.edns not in {None, packet.payload[ADDITIONAL] != bytes(2)}:
            return None
        if self.silent:
            return DROP
        forged = udp_packet(packet.src, packet.dst, DNS, packet.dport, self._forged_answer(question), ttl=packet.ttl)
        return Actions(replace=forged)

    def _falsifies(self, question: Question, now: float) -> bool:
        if not self.lasts:
            return self._matches(question)
        if self._began is None and self._matches(question):
            self._began = now
        concerns = self.lasts_for == "all" or self._matches(question)
        return concerns and self._began is not None and now < self._began + self.lasts
