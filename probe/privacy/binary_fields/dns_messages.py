"""Keep of a raw DNS message the records whose contents can be no address, except addresses that answer the query."""

import base64
import struct
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from probe.privacy.host_names import kept_name
from probe.privacy.scrub import exact_base64

HEADER = 12
LARGEST_NUMBER = 2**24  # the smallest number that is an address of the public Internet
_UNREADABLE = (dns.exception.DNSException, ValueError, LookupError, ArithmeticError, struct.error)
_NAMED = {dns.rdatatype.CNAME: "target", dns.rdatatype.NS: "target", dns.rdatatype.PTR: "target"}
_DATES = range(1990_01_01_00, 2100_00_00_00)  # serial numbers in the usual form YYYYMMDDnn (RFC 1912, 2.2)


def load_types() -> None:
    """Import dnspython's classes of the usual records, which it else does when it meets one."""
    for kind in ("A", "AAAA", "CNAME", "NS", "SOA", "PTR", "TXT"):
        dns.rdata.get_rdata_class(dns.rdataclass.IN, dns.rdatatype.from_text(kind))  # type: ignore[no-untyped-call]


def kept_message(coded: str, known: Collection[str]) -> str:
    """Return the message in base64, without records that may contain an encoded address.

    Records of other types than A, AAAA, CNAME, NS, PTR and SOA are removed. So are records with a name that is not
    kept. Of a message that cannot be parsed only the header remains.
    """
    return base64.b64encode(_kept(exact_base64(coded) or b"", frozenset(known))).decode()


@lru_cache(maxsize=4096)  # the same bytes stand in the query and in its list of datagrams
def _kept(raw: bytes, known: frozenset[str]) -> bytes:
    try:
        message = dns.message.from_wire(raw, ignore_trailing=True, one_rr_per_rrset=True)
        sections = message.question, message.answer, message.authority, message.additional
        kept = [[rrset for rrset in section if _is_kept(rrset, known)] for section in sections]
        if list(map(len, kept)) == list(map(len, sections)):
            return raw
        for section, found in zip(sections, kept, strict=True):
            section[:] = found
        return message.to_wire(max_size=65535, want_shuffle=False)
    except _UNREADABLE:
        return raw[:HEADER]


def _is_kept(rrset: Any, known: frozenset[str]) -> bool:
    if not _is_kept_name(rrset.name, known) or rrset.ttl >= LARGEST_NUMBER:
        return False
    return all(_is_kept_record(record, known) for record in rrset)


def _is_kept_record(record: Any, known: frozenset[str]) -> bool:
    if record.rdtype in {dns.rdatatype.A, dns.rdatatype.AAAA}:
        return True
    if record.rdtype in _NAMED:
        return _is_kept_name(getattr(record, _NAMED[record.rdtype]), known)
    if record.rdtype != dns.rdatatype.SOA:
        return False
    numbers = (record.refresh, record.retry, record.expire, record.minimum)
    is_date = record.serial < LARGEST_NUMBER or record.serial in _DATES
    return (
        is_date and max(numbers) < LARGEST_NUMBER and all(_is_kept_name(n, known) for n in (record.mname, record.rname))
    )


def _is_kept_name(name: Any, known: frozenset[str]) -> bool:
    text = name.to_text(omit_final_dot=True).lower()
    return bool(text in {"", "."} or kept_name(text, known) == text)
