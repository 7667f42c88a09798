"""Lengthen or shorten a TLS client hello, or change one extension. Suites, groups and algorithms stay unchanged.

The changed hello no longer fits the transcript that OpenSSL hashes (RFC 8446 4.4.1). The server answers it like any
other hello, but the handshake cannot be completed.
"""

import secrets

RECORD, CLIENT_HELLO = 22, 1
PADDING, KEY_SHARE = 21, 51  # RFC 7685, RFC 8446 4.2.8
ECH = 0xFE0D  # encrypted_client_hello, RFC 9849 section 5
ECH_LENGTHS = (186, 218, 250, 282)  # bytes of the extension that Chrome sends without a key, one of them at random
LONGEST = 16384  # bytes of a record's content, RFC 8446 5.1
SMALL_SHARE = 133  # bytes of secp521r1's share. ML-KEM's shares have 1184 and more

Extensions = list[tuple[int, bytes]]


def longer(record: bytes, size: int) -> bytes:
    """Return the hello in one record of `size` bytes with padding (RFC 7685), or unchanged if it is longer.

    Raise ValueError for bytes that are no client hello in one record.
    """
    head, extensions = _taken_apart(record)
    kept = [(kind, body) for kind, body in extensions if kind != PADDING]
    missing = size - len(_together(head, [*kept, (PADDING, b"")]))
    return record if missing < 0 else _together(head, [*kept, (PADDING, bytes(missing))])


def shorter(record: bytes) -> bytes:
    """Return the hello without padding and key shares over 133 bytes. The server may then request a share.

    Raise ValueError for bytes that are no client hello in one record.
    """
    head, extensions = _taken_apart(record)
    kept = [(kind, _small_shares(body) if kind == KEY_SHARE else body) for kind, body in extensions]
    return _together(head, [(kind, body) for kind, body in kept if kind != PADDING])


def carries_ech(record: bytes) -> bool:
    """Return whether the record is a client hello with the extension for Encrypted ClientHello."""
    try:
        return any(kind == ECH for kind, _ in _taken_apart(record)[1])
    except ValueError:
        return False


def with_ech(record: bytes) -> bytes:
    """Return the hello with random bytes in the extension for Encrypted ClientHello (GREASE, RFC 9849 section 6.2).

    Raise ValueError for bytes that are no client hello in one record.
    """
    head, extensions = _taken_apart(record)
    suite = bytes([0, 0, 1, 0, 1])  # of an outer hello, with HKDF-SHA256 and AES-128-GCM
    key, payload = _counted(secrets.token_bytes(32), 2), _counted(secrets.token_bytes(144), 2)
    return _together(head, [*extensions, (ECH, suite + secrets.token_bytes(1) + key + payload)])


def without_ech(record: bytes) -> bytes:
    """Return the hello with padding in place of that extension, as long as with the longest one a browser sends.

    So the length excludes nothing in its favour. Raise ValueError for bytes that are no client hello in one record.
    """
    head, extensions = _taken_apart(record)
    removed = sum(len(body) for kind, body in extensions if kind == ECH)
    kept = _together(head, [(kind, body) for kind, body in extensions if kind != ECH])
    return longer(kept, len(record) + max(0, max(ECH_LENGTHS) - removed))


def _taken_apart(record: bytes) -> tuple[bytes, Extensions]:
    """Return the hello's fields before its extensions, and the extensions (RFC 8446 4.1.2)."""
    body = record[9:]
    length, inside = int.from_bytes(record[3:5], "big"), int.from_bytes(record[6:9], "big")
    whole = (length, inside) == (len(body) + 4, len(body))
    if len(record) < 44 or (record[0], record[5]) != (RECORD, CLIENT_HELLO) or not whole:
        raise ValueError("no client hello in one record")
    at = 2 + 32  # version, random
    for size in (1, 2, 1):  # session id, cipher suites, compression methods
        at += size + int.from_bytes(body[at : at + size], "big")
    if at + 2 + int.from_bytes(body[at : at + 2], "big") != len(body):
        raise ValueError("the hello's fields do not fill it")
    return record[:3] + body[:at], list(_items(body[at + 2 :]))


def _items(data: bytes) -> Extensions:
    """Parse a sequence of type, length and body, the form of extensions and key shares."""
    found, at = [], 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            raise ValueError("a field ends behind its list")
        found.append((int.from_bytes(data[at : at + 2], "big"), data[at + 4 : end]))
        at = end
    return found


def _small_shares(body: bytes) -> bytes:
    shares = [(group, key) for group, key in _items(body[2:]) if len(key) <= SMALL_SHARE]
    return _counted(_written(shares), 2)


def _written(items: Extensions) -> bytes:
    return b"".join(kind.to_bytes(2, "big") + _counted(body, 2) for kind, body in items)


def _counted(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data


def _together(head: bytes, extensions: Extensions) -> bytes:
    message = head[3:] + _counted(_written(extensions), 2)
    if len(message) + 4 > LONGEST:
        raise ValueError("too long for one record")
    return head[:3] + _counted(bytes([CLIENT_HELLO]) + _counted(message, 3), 2)
