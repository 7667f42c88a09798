"""A TLS client hello made longer or shorter, and otherwise the same: suites, groups and algorithms stay as they are.

What is changed after OpenSSL wrote it no longer fits the transcript that both sides hash (RFC 8446 4.4.1): the server
answers it like any other, and the handshake cannot come to its end.
"""

RECORD, CLIENT_HELLO = 22, 1
PADDING, KEY_SHARE = 21, 51  # RFC 7685; RFC 8446 4.2.8
LONGEST = 16384  # bytes of a record's content, RFC 8446 5.1
SMALL_SHARE = 133  # bytes: that of secp521r1, the largest before those of ML-KEM with its 1184 and more

Extensions = list[tuple[int, bytes]]


def longer(record: bytes, size: int) -> bytes:
    """The hello in one record of `size` bytes, by RFC 7685's padding; unchanged where it is that long already.

    Raises ValueError for what is no client hello in one record.
    """
    head, extensions = _taken_apart(record)
    kept = [(kind, body) for kind, body in extensions if kind != PADDING]
    missing = size - len(_together(head, [*kept, (PADDING, b"")]))
    return record if missing < 0 else _together(head, [*kept, (PADDING, bytes(missing))])


def shorter(record: bytes) -> bytes:
    """The hello without key shares over 133 bytes and without padding; the server may ask for a share then.

    Raises ValueError for what is no client hello in one record.
    """
    head, extensions = _taken_apart(record)
    kept = [(kind, _small_shares(body) if kind == KEY_SHARE else body) for kind, body in extensions]
    return _together(head, [(kind, body) for kind, body in kept if kind != PADDING])


def _taken_apart(record: bytes) -> tuple[bytes, Extensions]:
    """The hello's fields up to its extensions, and those: RFC 8446 4.1.2."""
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
    """Type, length and body, one behind the other; extensions and key shares are written alike."""
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
