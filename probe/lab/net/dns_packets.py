"""Read DNS queries and write DNS answers for the lab's servers and censors (RFC 1035 section 4.1), with dnspython.

A censor reads each query that passes its hop, and the same questions are repeated often. Questions and answers are
therefore cached, with the identifier set to zero. Only header and question are read. Reading whole messages with
`dns.message.from_wire` would cost the fabric 11 percent of its packets per second, this way costs 8 percent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.rrset

from probe.targets.target import family_of

A, AAAA = int(dns.rdatatype.A), int(dns.rdatatype.AAAA)
NOERROR, FORMERR, NXDOMAIN = int(dns.rcode.NOERROR), int(dns.rcode.FORMERR), int(dns.rcode.NXDOMAIN)
RECORDS: dict[int, Callable[..., dns.rdata.Rdata]] = {A: dns.rdtypes.IN.A.A, AAAA: dns.rdtypes.IN.AAAA.AAAA}
RCODES = {name: int(dns.rcode.from_text(name)) for name in ("noerror", "servfail", "nxdomain", "refused")}
RESPONSE_BIT = 0x80  # QR, in the third byte
HEADER = 12  # bytes
SHORTEST = HEADER + 5  # bytes: root name, type and class
OUR_PAYLOAD = 1232  # bytes that we accept over UDP, announced with EDNS
REFERRAL_TTL = 172800  # seconds
MOST_CACHED = 1024


@dataclass(frozen=True)
class Question:
    """Hold the only question of a message. `name` is lower-case without the last dot.

    `query`: header and question in wire format, with the identifier and the response bit set to zero.
    """

    ident: int
    name: str
    kind: int
    query: bytes

    @property
    def family(self) -> int:
        """Return 4 or 6 for a question about addresses, else 0."""
        return {A: 4, AAAA: 6}.get(self.kind, 0)


def read_question(data: bytes) -> Question | None:
    """Return the question of a query. None for answers, for several questions and for malformed bytes."""
    has_records = data[6:10] != bytes(4)
    return None if len(data) < SHORTEST or data[2] & RESPONSE_BIT or has_records else _identified(data)


def question_of_answer(data: bytes) -> Question | None:
    """Return the question that an answer repeats. None when these bytes are no answer."""
    return _identified(data) if len(data) >= SHORTEST and data[2] & RESPONSE_BIT else None


def _identified(data: bytes) -> Question | None:
    question = _question(bytes((0, 0, data[2] & ~RESPONSE_BIT)) + data[3:])
    return question and replace(question, ident=int.from_bytes(data[:2], "big"))


@lru_cache(MOST_CACHED)
def _question(query: bytes) -> Question | None:
    opcode, questions = query[2] >> 3 & 15, int.from_bytes(query[4:6], "big")
    try:
        owner, length = dns.name.from_wire(query, HEADER)
    except dns.exception.DNSException:
        return None
    end = HEADER + length + 4  # behind type and class
    if opcode != dns.opcode.QUERY or questions != 1 or len(query) < end:
        return None
    kind = int.from_bytes(query[end - 4 : end - 2], "big")
    return Question(0, owner.to_text().lower().removesuffix("."), kind, query[:end])


def reply(
    question: Question,
    addresses: Sequence[str] = (),
    *,
    rcode: int = NOERROR,
    ttl: int = 300,
    authoritative: bool = False,
    recursive: bool = True,
) -> bytes:
    """Return the answer with those of `addresses` that have the family of the question. `ttl` is in seconds."""
    wanted = tuple(ip for ip in addresses if family_of(ip) == question.family)
    answer = _reply(question.query, wanted, rcode, ttl, authoritative, recursive)
    return question.ident.to_bytes(2, "big") + answer[2:]


@lru_cache(MOST_CACHED)
def _reply(
    query: bytes, addresses: tuple[str, ...], rcode: int, ttl: int, authoritative: bool, recursive: bool
) -> bytes:
    message = _response(query, recursive=recursive)
    message.flags |= dns.flags.AA if authoritative else 0
    message.set_rcode(dns.rcode.Rcode(rcode))
    asked = message.question[0]
    if addresses:
        records = [RECORDS[asked.rdtype](dns.rdataclass.IN, asked.rdtype, address) for address in addresses]
        message.answer.append(dns.rrset.from_rdata_list(asked.name, ttl, records))
    return _written(message)


def record_reply(question: Question, record: dns.rdata.Rdata, *, ttl: int = 300) -> bytes:
    """Return the answer with one record of the question's type. `ttl` is in seconds."""
    message = _response(question.query, recursive=True)
    message.answer.append(dns.rrset.from_rdata_list(message.question[0].name, ttl, [record]))
    return question.ident.to_bytes(2, "big") + _written(message)[2:]


def _response(query: bytes, *, recursive: bool) -> dns.message.Message:
    """Return an answer without records. It has EDNS if the query has additional records."""
    owner, length = dns.name.from_wire(query, HEADER)
    kind = int.from_bytes(query[HEADER + length :][:2], "big")
    message = dns.message.QueryMessage(0)
    message.flags = dns.flags.QR | (dns.flags.RA if recursive else 0) | (query[2] << 8 & dns.flags.RD)
    message.question = [dns.rrset.RRset(owner, dns.rdataclass.IN, dns.rdatatype.RdataType.make(kind))]
    if query[10:12] != bytes(2):
        message.use_edns(payload=OUR_PAYLOAD)
    return message


def _written(message: dns.message.Message) -> bytes:
    """Write a message. The order of its addresses must not change between runs."""
    return message.to_wire(max_size=65535, want_shuffle=False)


def referral(question: Question) -> bytes:
    """Return what a root server answers to each question: no address, but a server of the zone (RFC 1034 4.3.2)."""
    message = _response(question.query, recursive=False)
    zone = dns.name.Name(message.question[0].name.labels[-2:])
    server = dns.name.from_text("a.servers", zone)
    message.authority.append(dns.rrset.from_text(zone, REFERRAL_TTL, "IN", "NS", server.to_text()))
    return question.ident.to_bytes(2, "big") + _written(message)[2:]
