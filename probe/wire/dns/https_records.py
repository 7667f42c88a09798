"""Read the configuration for Encrypted ClientHello from an answer with HTTPS records (RFC 9460, RFC 9848)."""

import struct

import dns.exception
import dns.message
from dns.rdtypes.IN.HTTPS import HTTPS
from dns.rdtypes.svcbbase import ECHParam, ParamKey

_UNREADABLE = (dns.exception.DNSException, ValueError, LookupError, ArithmeticError, struct.error)


def ech_configs(raw: bytes) -> bytes | None:
    """Return the list of the record with the best priority that has one, None without one. Never raises."""
    try:
        answer = dns.message.from_wire(raw, ignore_trailing=True)
        records = [record for rrset in answer.answer for record in rrset if isinstance(record, HTTPS)]
        found = [(record.priority, record.params.get(ParamKey.ECH)) for record in records if record.priority > 0]
    except _UNREADABLE:
        return None
    lists = [(priority, param.ech) for priority, param in found if isinstance(param, ECHParam)]
    return min(lists)[1] if lists else None
