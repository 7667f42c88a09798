"""Remove from a raw DNS message everything that may identify the user and everything that cannot be parsed.

Client subnet (RFC 7871), cookies (RFC 7873) and NSID (RFC 5001) contain or reveal the client's address or a resolver
near it. Unknown options may do so too. Of all EDNS options only the number of an Extended DNS Error (RFC 8914) is
kept, with which a resolver reports "Censored". Bytes after the last record, or after the first malformed one, are
dropped.
"""

import struct

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
