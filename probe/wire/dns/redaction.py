"""Cuts out of a raw DNS message what may name the volunteer, and everything that cannot be understood.

Client subnet (RFC 7871), cookies (RFC 7873) and NSID (RFC 5001) carry or reveal the client's address or the resolver
near it, and any unknown option may. Of EDNS options only the number of an Extended DNS Error (RFC 8914) stays: it is
where a resolver says "Censored". Bytes after the last record, and after the first malformed one, are dropped.
"""

import struct

_HEADER = 12
_OPT = 41
_EXTENDED_ERROR = 15
_MOST_KEPT = 4096  # bytes


def cut_options(raw: bytes) -> bytes:
    """The message without EDNS options, as far as it is well-formed, at most 4096 bytes of it."""
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
            at = _keep_record(raw, at, kept)
    except ValueError:
        return bytes(kept[:_MOST_KEPT])  # what came before the malformed place
    return bytes(kept[:_MOST_KEPT])


def _keep_record(raw: bytes, at: int, kept: bytearray) -> int:
    fixed = _skip_name(raw, at)
    kind, length = struct.unpack("!H6xH", _piece(raw, fixed, fixed + 10))
    data = _piece(raw, fixed + 10, fixed + 10 + length)
    if kind == _OPT:
        data = _error_numbers(data)
    kept += raw[at : fixed + 8] + struct.pack("!H", len(data)) + data
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
    """The place after a name; pointers are not followed, so that a loop of them is kept as evidence."""
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
