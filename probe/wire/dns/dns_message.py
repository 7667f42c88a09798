"""Build DNS queries and parse answers into our formats, without options that may identify the user.

dnspython is the codec (RFC 1035, EDNS RFC 6891, padding RFC 7830 and 8467).

Remove from a raw DNS message everything that may identify the user and everything that cannot be parsed.

Client subnet (RFC 7871), cookies (RFC 7873) and NSID (RFC 5001) contain or reveal the client's address or a resolver
near it. Unknown options may do so too. Of all EDNS options only the number of an Extended DNS Error (RFC 8914) is
kept, with which a resolver reports "Censored". Bytes after the last record, or after the first malformed one, are
dropped.

Read the configuration for Encrypted ClientHello from an answer with HTTPS records (RFC 9460, RFC 9848).
"""

import base64
import struct
from functools import lru_cache
from typing import Any, NamedTuple

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.IN.HTTPS import HTTPS
from dns.rdtypes.svcbbase import ECHParam, ParamKey

from probe.formats import failures as f
from probe.formats.entries import DNSAnswer, DNSResponse

_UNREADABLE = (dns.exception.DNSException, ValueError, LookupError, ArithmeticError, struct.error)


def ech_configs(raw: bytes) -> bytes | None:
    """Return the configurations in the HTTPS record with the best priority, of those that have some. Never raises.

    None if no record has any.
    """
    try:
        answer = dns.message.from_wire(raw, ignore_trailing=True)
        records = [record for rrset in answer.answer for record in rrset if isinstance(record, HTTPS)]
        found = [(record.priority, record.params.get(ParamKey.ECH)) for record in records if record.priority > 0]
    except _UNREADABLE:
        return None
    lists = [(priority, param.ech) for priority, param in found if isinstance(param, ECHParam)]
    return min(lists)[1] if lists else None


_HEADER = 12
_OPT = 41
_EXTENDED_ERROR = 15
_MOST_KEPT = 4096  # bytes


def cut_options(raw: bytes, *, keep_ttls: bool = True) -> bytes:
    """Return the well-formed part of the message without EDNS options, at most 4096 bytes.

    Without `keep_ttls` the TTLs of its records become zero. They show when a cache learned a name.
    """
    kept = bytearray(raw[:_HEADER])
    if len(raw) < _HEADER:
        return bytes(kept)
    questions, *records = struct.unpack("!4H", raw[4:_HEADER])
    at = _HEADER
    try:
        for _ in range(questions):
            end = _skip_name(raw, at) + 4
            kept += _piece(raw, at, end)
            at = end
        for _ in range(sum(records)):
            at = _keep_record(raw, at, kept, keep_ttls)
    except ValueError:
        return bytes(kept[:_MOST_KEPT])  # the part before the error
    return bytes(kept[:_MOST_KEPT])


def _keep_record(raw: bytes, at: int, kept: bytearray, keep_ttls: bool) -> int:
    fixed = _skip_name(raw, at)
    kind, length = struct.unpack("!H6xH", _piece(raw, fixed, fixed + 10))
    data = _piece(raw, fixed + 10, fixed + 10 + length)
    if kind == _OPT:
        data = _error_numbers(data)
    ttl = raw[fixed + 4 : fixed + 8] if keep_ttls or kind == _OPT else bytes(4)  # OPT has flags there (RFC 6891)
    kept += raw[at : fixed + 4] + ttl + struct.pack("!H", len(data)) + data
    return fixed + 10 + int(length)


def _error_numbers(options: bytes) -> bytes:
    kept = b""
    at = 0
    while at + 4 <= len(options):
        code, length = struct.unpack("!HH", options[at : at + 4])
        if code == _EXTENDED_ERROR and length >= 2 and at + 6 <= len(options):
            kept += struct.pack("!HH", code, 2) + options[at + 4 : at + 6]
        at += 4 + length
    return kept


def _skip_name(raw: bytes, at: int) -> int:
    """Return the position after a name. Pointers are not followed, so that a loop of them is kept as evidence."""
    while at < len(raw):
        length = raw[at]
        if length == 0:
            return at + 1
        if length >= 0xC0:
            return at + 2
        if length >= 0x40:
            break
        at += 1 + length
    raise ValueError("dns: name cut short")


def _piece(raw: bytes, start: int, end: int) -> bytes:
    if end > len(raw):
        raise ValueError("dns: message cut short")
    return raw[start:end]


_FAILURES = {dns.rcode.NXDOMAIN: f.DNS_NXDOMAIN, dns.rcode.REFUSED: f.DNS_REFUSED, dns.rcode.SERVFAIL: f.DNS_SERVFAIL}
_NAMES = {dns.rdatatype.CNAME: "target", dns.rdatatype.NS: "target", dns.rdatatype.PTR: "target"}
_NAMES[dns.rdatatype.SOA] = "mname"
_UDP_PAYLOAD = 1232  # bytes, so that no path fragments it (DNS Flag Day 2020)
_KEPT = 1024  # questions
_FLAGS = ("QR", "AA", "TC", "RD", "RA", "AD", "CD")
TRUNCATED = f"{f.UNKNOWN}: dns: answer truncated"


class Reading(NamedTuple):
    """Hold a received message. `ours`: it is well-formed and has the query's id and question."""

    response: DNSResponse
    ours: bool


def build_query(hostname: str, query_type: str, query_id: int, *, padding: int = 0) -> bytes:
    """Build a recursive query with EDNS, padded to a multiple of `padding` bytes.

    Raise ValueError for a name or type that cannot be queried.
    """
    try:
        return query_id.to_bytes(2, "big") + _without_id(hostname, query_type, padding)
    except dns.exception.DNSException as error:
        raise ValueError(f"no DNS question: {type(error).__name__}") from error


@lru_cache(maxsize=_KEPT)
def _without_id(hostname: str, query_type: str, padding: int) -> bytes:
    """Return a query without its id. Several resolvers are asked each question."""
    return dns.message.make_query(hostname, query_type, use_edns=0, payload=_UDP_PAYLOAD, pad=padding).to_wire()[2:]


@lru_cache(maxsize=_KEPT)
def _question(without_id: bytes) -> dns.message.Message:
    """Return a query with the id 0."""
    return dns.message.from_wire(bytes(2) + without_id, question_only=True)


def read_response(raw: bytes, query: bytes, *, keep_ttls: bool = True) -> Reading:
    """Parse one answer to `query`. An error in it becomes the response's failure and raises no exception.

    The caller fills in `response.t` and `ip_ttl`. Without `keep_ttls` the TTLs of the records are left out.
    """
    response = DNSResponse(t=0.0, raw_response=base64.b64encode(cut_options(raw, keep_ttls=keep_ttls)).decode())
    if len(raw) >= 4:
        bits = int.from_bytes(raw[2:4], "big")
        response.flags = [flag for flag in _FLAGS if bits & dns.flags.Flag[flag]]
        response.rcode = bits & 0xF
    asked = _question(query[2:])
    try:
        answer = dns.message.from_wire(raw, ignore_trailing=True, one_rr_per_rrset=True)
        internet = [rrset for rrset in answer.answer if rrset.rdclass == dns.rdataclass.IN]  # the queried class
        answers = [_answer(rrset, record, keep_ttls) for rrset in internet for record in rrset]
    except _UNREADABLE:
        response.failure = f.DNS_MISBEHAVING
        return Reading(response, ours=False)
    response.answers, response.rcode = answers, int(answer.rcode())
    is_other, answer.id = raw[:2] != query[:2], asked.id
    if is_other:
        response.failure = f.DNS_WRONG_ID
    elif not asked.is_response(answer):
        response.failure = f.DNS_MISBEHAVING
    else:
        response.failure = _failure(answer, answers, dns.rdatatype.to_text(asked.question[0].rdtype))
        return Reading(response, ours=True)
    return Reading(response, ours=False)


def response_id(raw: bytes) -> int | None:
    """Return the id of a message that may be malformed, None if it is too short."""
    return int.from_bytes(raw[:2], "big") if len(raw) >= 2 else None


def _failure(answer: dns.message.Message, answers: list[DNSAnswer], query_type: str) -> str | None:
    if answer.rcode() != dns.rcode.NOERROR:
        return _FAILURES.get(answer.rcode(), f.DNS_MISBEHAVING)
    if any(record.answer_type == query_type for record in answers):
        return None
    return TRUNCATED if answer.flags & dns.flags.TC else f.DNS_NO_ANSWER


def _answer(rrset: Any, record: Any, keep_ttl: bool) -> DNSAnswer:
    ttl = rrset.ttl if keep_ttl else None
    answer = DNSAnswer(answer_type=dns.rdatatype.to_text(record.rdtype), ttl=ttl)
    if record.rdtype == dns.rdatatype.A:
        answer.ipv4 = record.address
    elif record.rdtype == dns.rdatatype.AAAA:
        answer.ipv6 = record.address
    elif record.rdtype in _NAMES:
        answer.hostname = getattr(record, _NAMES[record.rdtype]).to_text(omit_final_dot=True).lower()
    return answer


def question_of(raw: bytes) -> tuple[str, str] | None:
    """Return the name and the type that a query asks for, None for bytes that are no query of one question."""
    if len(raw) < _HEADER or raw[2] & 0x80:
        return None
    try:
        asked = dns.message.from_wire(raw, question_only=True).question
    except _UNREADABLE:
        return None
    if len(asked) != 1 or asked[0].rdclass != dns.rdataclass.IN:
        return None
    return asked[0].name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked[0].rdtype)
