"""Write an address in the ways in which servers and middleboxes may: in many spellings, encoded up to three times.

Independent of `probe.privacy`: nothing here is imported from it.
"""

import base64
import bz2
import codecs
import gzip
import html
import ipaddress
import lzma
import quopri
import random
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

Encoding = Callable[[str], str]

MOST_ENCODINGS, LONGEST = 3, 1500


def _bytes_to_text(raw: bytes, base: str) -> str:
    return {
        "hex": raw.hex,
        "base32": lambda: base64.b32encode(raw).decode(),
        "base64": lambda: base64.b64encode(raw).decode(),
        "base85": lambda: base64.b85encode(raw).decode(),
    }[base]()


def spellings(address: str) -> dict[str, str]:
    """Return ways to write an address without an encoding of text."""
    ip = ipaddress.ip_address(address)
    packed, number = ip.packed, int(ip)
    mark = "." if ip.version == 4 else ":"
    said = {
        "plain": address,
        "exploded": ip.exploded,
        "arpa": ip.reverse_pointer,
        "decimal": str(number),
        "octal": oct(number)[2:],
        "hex": packed.hex(),
        "0x": hex(number),
        "hex, reversed": packed[::-1].hex(),
        "hex with colons": packed.hex(":"),
        "hex with dashes": packed.hex("-"),
        "hex in pairs": packed.hex(" ", 2),
        "dashed": address.replace(mark, "-"),
        "underscores": address.replace(mark, "_"),
        "blanks": address.replace(mark, " "),
        "name": f"cpe-{address.replace(mark, '-')}.isp.example",
        "decimal, reversed": str(int.from_bytes(packed, "little")),
        "packed, base64": _bytes_to_text(packed, "base64"),
        "packed, base64 without padding": _bytes_to_text(packed, "base64").rstrip("="),
        "packed, base32": _bytes_to_text(packed, "base32"),
        "packed, base32 lower": _bytes_to_text(packed, "base32").rstrip("=").lower(),
        "packed, base85": _bytes_to_text(packed, "base85"),
        "packed, percent": "".join(f"%{byte:02X}" for byte in packed),
        "packed, escapes": "".join(f"\\x{byte:02x}" for byte in packed),
    }
    if ip.version == 4:
        a, b, c, d = packed
        said |= {
            "padded": ".".join(f"{octet:03d}" for octet in packed),
            "octal dotted": ".".join(f"{octet:#o}".replace("0o", "0") for octet in packed),
            "hex dotted": ".".join(f"{octet:#x}" for octet in packed),
            "three parts": f"{a}.{b}.{c << 8 | d}",
            "two parts": f"{a}.{b << 16 | c << 8 | d}",
            "mapped": f"::ffff:{address}",
            "mapped, hex": f"::ffff:{packed[:2].hex()}:{packed[2:].hex()}",
            "defanged": address.replace(".", "[.]"),
            "dots in words": address.replace(".", " dot "),
            "octets reversed": ".".join(reversed(address.split("."))),
        }
    else:
        iid = packed[8:]
        said |= {"literal": f"{address.replace(':', '-')}.ipv6-literal.net", "interface id": iid.hex(":", 2)}
    return said


def _fullwidth(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def _bold_digits(text: str) -> str:
    return "".join(chr(0x1D7CE + int(c)) if c.isdigit() and c.isascii() else c for c in text)


def _arabic_digits(text: str) -> str:
    return "".join(chr(0x660 + int(c)) if c.isdigit() and c.isascii() else c for c in text)


def _compressed(compress: Callable[[bytes], bytes], base: str) -> Encoding:
    return lambda text: _bytes_to_text(compress(text.encode()), base)


def _raw_deflate(raw: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(raw) + packer.flush()


ENCODINGS: dict[str, Encoding] = {
    "entities, decimal": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "entities, hex": lambda text: "".join(f"&#x{ord(c):x};" for c in text),
    "entities of marks": lambda text: html.escape(text).replace(".", "&period;").replace(":", "&colon;"),
    "escapes x": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "escapes u": lambda text: "".join(f"\\u{ord(c) & 0xFFFF:04x}" for c in text),
    "escapes octal": lambda text: "".join(f"\\{byte:03o}" for byte in text.encode()),
    "escapes u{}": lambda text: "".join(f"\\u{{{ord(c):x}}}" for c in text),
    "quoted-printable": lambda text: "".join(f"={byte:02X}" for byte in text.encode()),
    "quoted-printable, sparse": lambda text: quopri.encodestring(text.encode(), quotetabs=True).decode(),
    "percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "percent, sparse": lambda text: quote(text, safe="").replace(".", "%2E").replace("-", "%2D"),
    "percent u": lambda text: "".join(f"%u{ord(c) & 0xFFFF:04x}" for c in text),
    "base16": lambda text: text.encode().hex(),
    "base16, upper": lambda text: text.encode().hex().upper(),
    "base32": lambda text: _bytes_to_text(text.encode(), "base32"),
    "base32, lower": lambda text: _bytes_to_text(text.encode(), "base32").rstrip("=").lower(),
    "base32hex": lambda text: base64.b32hexencode(text.encode()).decode(),
    "base64": lambda text: _bytes_to_text(text.encode(), "base64"),
    "base64, for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64, in a sentence": lambda text: base64.b64encode(f"your address is {text} today".encode()).decode(),
    "base64, grouped": lambda text: " ".join(_groups(_bytes_to_text(text.encode(), "base64"), 4)),
    "base85": lambda text: _bytes_to_text(text.encode(), "base85"),
    "ascii85": lambda text: base64.a85encode(text.encode()).decode(),
    "ascii85, Adobe": lambda text: base64.a85encode(text.encode(), adobe=True).decode(),
    "utf-16": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "utf-16, base64": lambda text: base64.b64encode(text.encode("utf-16")).decode(),
    "utf-16, hex": lambda text: text.encode("utf-16-be").hex(),
    "fullwidth": _fullwidth,
    "bold digits": _bold_digits,
    "arabic digits": _arabic_digits,
    "zero width": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "blanks between": " ".join,
    "dashes between": "-".join,
    "zlib, base64": _compressed(zlib.compress, "base64"),
    "zlib, hex": _compressed(zlib.compress, "hex"),
    "gzip, base64": _compressed(gzip.compress, "base64"),
    "deflate, base85": _compressed(_raw_deflate, "base85"),
    "bz2, base64": _compressed(bz2.compress, "base64"),
    "xz, base32": _compressed(lzma.compress, "base32"),
    "rot13 of base32": lambda text: codecs.encode(_bytes_to_text(text.encode(), "base32"), "rot13"),
    "quoted": lambda text: f'"{text}"',
}


def _groups(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@dataclass(frozen=True)
class Disguise:
    """Hold one way in which an address is written: its spelling, then encodings, and the text after each step."""

    address: str
    kinds: tuple[str, ...]
    forms: tuple[str, ...]

    @property
    def text(self) -> str:
        return self.forms[-1]


def public_address(chance: random.Random) -> str:
    """Draw an address whose spellings do not occur by chance."""
    if chance.random() < 0.25:
        return str(
            ipaddress.IPv6Address((0x2A0E_97C0_0101_0101 + chance.getrandbits(20)) << 64 | chance.getrandbits(63))
        )
    return ".".join(str(octet) for octet in (chance.randint(1, 223), *(chance.randint(16, 255) for _ in range(3))))


def disguised(address: str, spelling: str, encodings: Sequence[str]) -> Disguise:
    """Write an address in a spelling, encoded once for each name. Texts over 1500 characters are not encoded again."""
    kinds, forms = [spelling], [spellings(address)[spelling]]
    for name in encodings:
        after = ENCODINGS[name](forms[-1])
        if len(after) > LONGEST:
            break
        kinds.append(name)
        forms.append(after)
    return Disguise(address, tuple(kinds), tuple(forms))


def draw(chance: random.Random, address: str) -> Disguise:
    """Draw a spelling and up to three encodings, one of the result of the other."""
    names = sorted(ENCODINGS)
    encodings = [chance.choice(names) for _ in range(chance.randint(0, MOST_ENCODINGS))]
    return disguised(address, chance.choice(sorted(spellings(address))), encodings)
