"""List the forms in which a server may write the user's address or name."""

import base64
import ipaddress
from collections.abc import Iterator

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAGIC_COOKIE = 0x2112A442  # RFC 8489 section 5, with which STUN masks addresses
SHORTEST = 7  # characters of "1.2.3.4". Shorter numbers occur by chance
SHORTEST_NAME = 4  # characters of a host or user name


def texts_of(address: Address) -> set[str]:
    """Return the texts for `address` in lower case, without base64."""
    forms = set(_v4_texts(address) if isinstance(address, ipaddress.IPv4Address) else _v6_texts(address))
    return {form for form in forms if len(form) >= SHORTEST}


def bytes_of(address: Address) -> set[bytes]:
    """Return the packed forms of `address`: both byte orders, and for IPv4 also with STUN's mask.

    STUN masks twelve bytes of an IPv6 address with a transaction id that only its parser knows. The part that is masked
    with the cookie alone is too short to identify a user.
    """
    forms = {address.packed, address.packed[::-1]}
    if isinstance(address, ipaddress.IPv4Address):
        masked = _masked(address)
        forms |= {masked.packed, masked.packed[::-1]}
    return forms


def base64_of(raw: bytes) -> set[str]:
    """Return texts that base64 of any bytes around `raw` must contain, for three alignments and both alphabets."""
    found = set()
    for before in range(3):
        coded = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        first = -(-before * 8 // 6)  # characters that depend on the bytes before
        certain = coded[first : (before + len(raw)) * 8 // 6]
        found |= {certain, certain.translate(str.maketrans("+/", "-_"))}
    return {form for form in found if len(form) > SHORTEST}


def _v4_texts(address: ipaddress.IPv4Address) -> Iterator[str]:
    masked = _masked(address)
    for one in (address, masked):
        yield from _numbers(one.packed)
        yield from (str(int(one)), str(int.from_bytes(one.packed, "little")))
    for octets in (str(address).split("."), str(address).split(".")[::-1], str(masked).split(".")):
        padded = [octet.zfill(3) for octet in octets]
        for digits in (octets, padded):
            yield from (joint.join(digits) for joint in (".", "-", "_", "%2e", "%252e"))
            yield _percent(".".join(digits))
        yield _labels(octets)
        yield "\0".join(".".join(octets))  # UTF-16, as in a certificate's BMPString
    high, low = address.packed[:2].hex(), address.packed[2:].hex()
    yield from (f"{high}:{low}", f"{high}-{low}")
    yield from (f"{marker}{int(high, 16):x}:{int(low, 16):x}" for marker in ("ffff:", "ff9b::"))  # mapped, NAT64


def _v6_texts(address: ipaddress.IPv6Address) -> Iterator[str]:
    groups = address.exploded.split(":")
    short = [f"{int(group, 16):x}" for group in groups]
    tail = ipaddress.IPv4Address(address.packed[12:])
    spellings = {str(address), ":".join(groups), ":".join(short), ":".join(short[:6]) + f":{tail}"}
    for spelling in spellings:
        yield from (spelling, spelling.replace(":", "-"), spelling.replace(":", "_"), spelling.replace(":", "%3a"))
        yield from (spelling.replace(":", "%253a"), _percent(spelling), "\0".join(spelling))
    nibbles = list(address.packed.hex())
    for order in (nibbles, nibbles[::-1]):
        yield from (".".join(order), "-".join(order), _labels(order))
    yield from _numbers(address.packed)
    yield from (str(int(address)), str(int.from_bytes(address.packed, "little")))


def prefix_texts(network: ipaddress.IPv6Network) -> Iterator[str]:
    """Yield the texts for a /64 in lower case, for any host part after it (before it in reversed forms)."""
    packed = network.network_address.packed[:8]
    groups = [packed[i : i + 2].hex() for i in range(0, 8, 2)]
    short = [f"{int(group, 16):x}" for group in groups]
    for spelling in (groups, short):
        yield from (joint.join(spelling) + joint for joint in (":", "-", "_", "%3a", "%253a"))
    for order in (list(packed.hex()), list(packed.hex())[::-1]):
        yield from (".".join(order), _labels(order))
    yield packed.hex()


def hardware_texts(mac: bytes) -> set[str]:
    """Return the texts in lower case for a MAC address, and for the host parts of IPv6 addresses that contain it."""
    pairs, quads = _pairs(mac), [mac[at : at + 2].hex() for at in (0, 2, 4)]
    found = {*_numbers(mac), str(int.from_bytes(mac, "big")), ":".join(f"{byte:x}" for byte in mac)}
    found |= {joint.join(quads) for joint in (".", "-", ":")}  # aabb.ccdd.eeff, as Cisco's devices write it
    for host_part in host_parts(mac):
        found |= set(_numbers(host_part))
        groups = [host_part[at : at + 2].hex() for at in (0, 2, 4, 6)]
        for spelling in (groups, [f"{int(group, 16):x}" for group in groups]):
            found |= {joint.join(spelling) for joint in (":", "-", "_", "%3a", "%253a")}
            found.add("\0".join(":".join(spelling)))
        nibbles = list(host_part.hex())
        found |= {".".join(nibbles[::-1]), _labels(nibbles[::-1])}
    for spelled in (":".join(pairs), "-".join(pairs), ".".join(quads)):
        found |= {_percent(spelled), "\0".join(spelled)}
    return found | {joint.join(pairs) for joint in ("_", ".", "%3a", "%253a")}


def host_parts(mac: bytes) -> tuple[bytes, bytes]:
    """Return the EUI-64 of a MAC address, with the changed bit of IPv6 and without (RFC 4291, appendix A)."""
    plain = mac[:3] + b"\xff\xfe" + mac[3:]
    return bytes([plain[0] ^ 2]) + plain[1:], plain


def mac_of(address: Address) -> bytes | None:
    """Return the MAC address in the host part of an IPv6 address, None if it has none."""
    if address.version == 4 or address.packed[11:13] != b"\xff\xfe":
        return None
    return bytes([address.packed[8] ^ 2]) + address.packed[9:11] + address.packed[13:]


def _pairs(packed: bytes) -> list[str]:
    return [f"{byte:02x}" for byte in packed]


def _numbers(packed: bytes) -> Iterator[str]:
    """Yield hexadecimal forms in both orders: bare, with colons, dashes or blanks, percent-encoded, `\\x` escapes."""
    for order in (packed, packed[::-1]):
        pairs = _pairs(order)
        yield from ("".join(pairs), ":".join(pairs), "-".join(pairs), " ".join(pairs))
        yield from ("".join(f"%{pair}" for pair in pairs), "".join(f"\\x{pair}" for pair in pairs))


def _labels(parts: list[str]) -> str:
    """Return the parts as DNS labels on the wire, with a length byte before each (RFC 1035 section 3.1)."""
    return "".join(chr(len(part)) + part for part in parts)


def _percent(text: str) -> str:
    return "".join(f"%{ord(character):02x}" for character in text)


def _masked(address: ipaddress.IPv4Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(address) ^ MAGIC_COOKIE)
