"""Take X.509 certificates apart without verifying them: elements in DER (X.690), and the names in them (RFC 5280)."""


def issuer_and_subject(der: bytes) -> tuple[bytes, bytes]:
    """Return issuer and subject as DER. Raises ValueError or IndexError.

    tbsCertificate is [0] version, serial, algorithm, issuer, validity, subject (RFC 5280, 4.1).
    """
    fields = elements(elements(der)[0])
    if fields[0][0] == 0xA0:
        fields = fields[1:]
    return fields[2], fields[4]


def elements(der: bytes) -> list[bytes]:
    """Return the elements of a constructed element, each with its tag and length."""
    start, end = content_of(der, 0)
    found = []
    while start < end:
        _, after = content_of(der, start)
        found.append(der[start:after])
        start = after
    return found


def content_of(der: bytes, offset: int) -> tuple[int, int]:
    """Return start and end of the content of the element at `offset`. Raises ValueError or IndexError."""
    length, start = der[offset + 1], offset + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[start : start + size], "big"), start + size
    if start + length > len(der):
        raise ValueError("the element is longer than its container")
    return start, start + length


def is_for(der: bytes, name: str) -> bool:
    """Return True if the certificate contains the name or its wildcard, as ASCII bytes (RFC 5280, 4.2.1.6)."""
    wildcard = "*." + name.partition(".")[2]
    return "." in name and any(text.encode("ascii", "replace") in der for text in (name, wildcard))
