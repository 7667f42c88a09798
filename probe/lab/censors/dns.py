"""Censors of DNS: answers that race the true ones, a provider's resolver that lies, a box that stands in for all.

What they do is what was measured of real ones: answers in the name of whoever was asked, private or other companies'
addresses, TTLs copied from the question, IPv6 as well, right answers too (reference: peers.md 2.1, 2.3).
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.middlebox import DROP, Ground, Middlebox
from probe.lab.censors.kit.names import matches
from probe.lab.net.addresses import Covers
from probe.lab.net.dns_packets import RCODES, Question, question_of_answer, read_question, reply
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import Packet, udp_packet

DNS = 53
# Where forged answers have been seen to point: addresses of other companies (China), a private page (Iran).
FOREIGN = ("31.13.94.37", "104.244.46.85", "108.160.165.53", "162.125.32.12", "199.59.149.231", "199.16.158.190")
FOREIGN_V6 = ("2001::1f0d:5e25", "2001::68f4:2e55", "2001::a27d:200c")
BOGON = ("10.10.34.34", "10.10.34.35", "10.10.34.36")
BOGON_V6 = ("fd00:10:34::34", "fd00:10:34::35")
POOLS = {"foreign": (FOREIGN, FOREIGN_V6), "bogon": (BOGON, BOGON_V6)}


class Forging(Middlebox):
    """A censor that writes DNS answers of its own."""

    names: list[str] = Field(min_length=1, description="names asked for, * as a wildcard")
    kinds: list[Literal["A", "AAAA"]] = Field(default=["A", "AAAA"], description="questions that are meant")
    answers: list[str] | Literal["bogon", "foreign", "true"] = Field(
        default="bogon",
        description="addresses to answer with, or host names that have some (none: the name has no address); or "
        '"bogon" (private), "foreign" (other companies\') or "true" (its own)',
    )
    rcode: Literal["noerror", "nxdomain", "servfail", "refused"] = Field(
        default="noerror", description="any other than noerror: answer with that and no address"
    )
    record_ttl: int = Field(default=300, ge=0, description="seconds that the forged record may be cached")
    authoritative: bool = Field(default=False, description="claim authority (AA), and offer no recursion (RA)")

    def _means(self, question: Question | None) -> bool:
        return question is not None and question.family in self._families() and matches(question.name, self.names)

    def _families(self) -> set[int]:
        return {{"A": 4, "AAAA": 6}[kind] for kind in self.kinds}

    def _lie(self, question: Question, number: int = 0) -> bytes:
        """The forged answer; of several to one question each holds another address, while there are any."""
        return reply(
            question,
            self._addresses(question, number),
            rcode=RCODES[self.rcode],
            ttl=self.record_ttl,
            authoritative=self.authoritative,
            recursive=not self.authoritative,
        )

    def _addresses(self, question: Question, number: int) -> Sequence[str]:
        """One forged address per name, family and place in the row, the same at every asking; or all the true ones."""
        if self.rcode != "noerror":
            return ()
        if self.answers == "true":
            return self._ground.zone.get(question.name, ())
        if isinstance(self.answers, list):
            pool: Sequence[str] = [ip for said in self.answers for ip in self._ground.zone.get(said, (said,))]
        else:
            pool = POOLS[self.answers][question.family == 6]
        usable = [address for address in pool if (6 if ":" in address else 4) == question.family]
        drawn = self._random(question.name, question.kind).sample(usable, len(usable))
        return drawn[number % len(drawn) :][:1] if drawn else ()


class DNSInjection(Forging):
    """Sees a question pass and answers first, in the name of whoever was asked."""

    on_path: bool = Field(default=True, description="true: the true answer comes too; false: the question is dropped")
    ttl: int = Field(default=0, ge=0, le=255, description="TTL of the forged packets where sent; 0: drawn by seed")
    copies_ttl: bool = Field(
        default=False, description="send them with the TTL with which the question arrived instead"
    )
    count: int = Field(default=1, ge=1, le=10, description="how many forged answers, each with another address")
    delay: float = Field(default=0.0, ge=0, description="seconds until the first is sent")
    asked: list[str] = Field(default=[], description="only questions to these addresses and prefixes; empty: to any")

    _asked: Covers = PrivateAttr(default_factory=lambda: Covers(()))

    def arm(self, ground: Ground) -> None:
        super().arm(ground)
        self._asked = Covers(self.asked)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if direction is not Direction.OUT or not packet.is_udp or packet.dport != DNS:
            return None
        if self.asked and packet.destination not in self._asked:
            return None
        question = read_question(packet.payload)
        if question is None or not self._means(question):
            return None
        ttl = packet.ttl if self.copies_ttl else self.ttl or self._random("ttl").randint(48, 128)
        answers = [
            (self.delay + 0.002 * number, _answer_to(packet, self._lie(question, number), ttl))
            for number in range(self.count)
        ]
        return Actions(forward=self.on_path, to_client=answers)


class DNSIntercept(Forging):
    """Holds every question over UDP, to whatever address, and answers it itself: truly, or for the names with a lie."""

    on_path: Literal[False] = Field(default=False, description="always false: no question gets through")
    names: list[str] = Field(default=[], description="names that are lied about, * as a wildcard; empty: none")
    ttl: int = Field(default=0, ge=0, le=255, description="TTL of the answers where sent; 0: drawn by seed")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if direction is not Direction.OUT or not packet.is_udp or packet.dport != DNS:
            return None
        question = read_question(packet.payload)
        if question is None:
            return None
        ttl = self.ttl or self._random("ttl").randint(48, 128)
        said = self._lie(question) if self._means(question) else self._truth(question)
        return Actions(forward=False, to_client=[(0.0, _answer_to(packet, said, ttl))])

    def _truth(self, question: Question) -> bytes:
        known = self._ground.zone.get(question.name)
        return reply(question, known or (), rcode=RCODES["nxdomain" if known is None else "noerror"])


def _answer_to(asked: Packet, said: bytes, ttl: int) -> bytes:
    return udp_packet(asked.dst, asked.src, DNS, asked.sport, said, ttl=ttl)


class DNSLie(Forging):
    """Rewrites the answers of the provider's resolver: the resolver lies, and nothing races."""

    on_path: Literal[False] = Field(default=False, description="always false: the true answer must not get through")
    silent: bool = Field(default=False, description="drop the answers instead")
    everybody: bool = Field(
        default=False, description="rewrite every resolver's answers over UDP, not only the provider's"
    )

    _resolvers: Covers = PrivateAttr(default_factory=lambda: Covers(()))

    def arm(self, ground: Ground) -> None:
        super().arm(ground)
        self._resolvers = Covers(ground.resolvers)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """What to do about `packet`; None: nothing."""
        if direction is not Direction.IN or not packet.is_udp or packet.sport != DNS:
            return None
        if not self.everybody and packet.source not in self._resolvers:
            return None
        question = question_of_answer(packet.payload)
        if question is None or not self._means(question):
            return None
        if self.silent:
            return DROP
        lie = udp_packet(packet.src, packet.dst, DNS, packet.dport, self._lie(question), ttl=packet.ttl)
        return Actions(replace=lie)
