"""List the addresses that a helper must not contact: of every special block, and inside every IPv6 form."""

import ipaddress
import tomllib
from collections.abc import Iterator

from probe.targets.address_guard import DATA

LISTED = tomllib.loads(DATA.read_text(encoding="utf-8"))
SPECIAL_BLOCKS = [
    *(row["block"] for row in LISTED["special"] if not row.get("embeds")),
    *(*LISTED["multicast"], *LISTED["hostless"]),
]
METADATA = [row["address"] for row in LISTED["metadata"]]
PUBLIC_V4 = "93.184.216.34"
PUBLIC_PREFIX = "2606:2800:220:1:"  # of 64 bits


def in_block(block: str) -> list[str]:
    """Return the first, the middle and the last address of a block."""
    network = ipaddress.ip_network(block)
    middle = network[network.num_addresses // 2]
    return list(dict.fromkeys(map(str, (network[0], middle, network[-1]))))


def embeddings(v4: str) -> dict[str, str]:
    """Return the IPv6 addresses that lead to an IPv4 address, by the name of the form. Written from the RFCs."""
    octets = ipaddress.IPv4Address(v4).packed
    a, b, c, d = (f"{octet:02x}" for octet in octets)
    flipped = bytes(octet ^ 0xFF for octet in octets).hex()
    public = ipaddress.IPv4Address(PUBLIC_V4).packed
    hidden = bytes(octet ^ 0xFF for octet in public).hex()
    forms = {
        "mapped": f"::ffff:{a}{b}:{c}{d}",
        "compatible": f"::{a}{b}:{c}{d}",
        "translated": f"::ffff:0:{a}{b}:{c}{d}",
        "nat64": f"64:ff9b::{a}{b}:{c}{d}",
        "nat64 local, 48": f"64:ff9b:1:{a}{b}:00{c}:{d}00:0:0",
        "nat64 local, 56": f"64:ff9b:1:00{a}:00{b}:{c}{d}:0:0",
        "nat64 local, 64": f"64:ff9b:1:0:00{a}:{b}{c}:{d}00:0",
        "nat64 local, 96": f"64:ff9b:1::{a}{b}:{c}{d}",
        "6to4": f"2002:{a}{b}:{c}{d}::1",
        "teredo server": f"2001:0:{a}{b}:{c}{d}:0:0:{hidden[:4]}:{hidden[4:]}",
        "teredo client": f"2001:0:{public.hex()[:4]}:{public.hex()[4:]}:0:0:{flipped[:4]}:{flipped[4:]}",
        "isatap": f"{PUBLIC_PREFIX}0:5efe:{a}{b}:{c}{d}",
        "isatap, global": f"{PUBLIC_PREFIX}200:5efe:{a}{b}:{c}{d}",
    }
    return {form: str(ipaddress.IPv6Address(address)) for form, address in forms.items()}


def any_prefix(v4: str) -> list[str]:
    """Return a public address for every length of a translator's own prefix (RFC 6052, 2.2)."""
    a, b, c, d = (f"{octet:02x}" for octet in ipaddress.IPv4Address(v4).packed)
    return [
        f"2606:2800:{a}{b}:{c}{d}::",
        f"2606:2800:02{a}:{b}{c}:00{d}::",
        f"2606:2800:220:{a}{b}:00{c}:{d}00::",
        f"2606:2800:220:01{a}:00{b}:{c}{d}::",
        f"2606:2800:220:1:00{a}:{b}{c}:{d}00:0",
        f"2606:2800:220:1:0:0:{a}{b}:{c}{d}",
    ]


def all_refused() -> list[str]:
    """Return every address of this module once: special blocks, metadata services, and both inside IPv6."""
    plain = [ip for block in SPECIAL_BLOCKS for ip in in_block(block)] + METADATA
    return list(dict.fromkeys([*plain, *(wrapped for ip in plain if ":" not in ip for wrapped in _wrapped(ip))]))


def _wrapped(v4: str) -> Iterator[str]:
    yield from embeddings(v4).values()
    if v4 in METADATA:
        yield from any_prefix(v4)
