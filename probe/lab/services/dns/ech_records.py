"""Make HTTPS records with a key for Encrypted ClientHello (RFC 9460, RFC 9848, RFC 9849 section 4).

No server of the lab has the private key. So a hello with it is refused, as by a server that lost its key.
"""

import hashlib

import dns.name
import dns.rdataclass
import dns.rdatatype
from dns.rdtypes.IN.HTTPS import HTTPS
from dns.rdtypes.svcbbase import ECHParam, ParamKey

ECH_VERSION, X25519, SHA256, AES_128 = 0xFE0D, 0x20, 1, 1  # RFC 9849 section 4, RFC 9180 section 7
HTTPS_TYPE = int(dns.rdatatype.HTTPS)
LONGEST_NAME = 64  # bytes to which names are padded


def config_list(public_name: str, key: bytes | None = None) -> bytes:
    """Return a list with one configuration. Without `key` (X25519, 32 bytes) the name gives one."""
    public_key = key or hashlib.sha256(public_name.encode()).digest()
    suite = SHA256.to_bytes(2, "big") + AES_128.to_bytes(2, "big")
    contents = bytes([1]) + X25519.to_bytes(2, "big") + _counted(public_key, 2) + _counted(suite, 2)
    contents += bytes([LONGEST_NAME]) + _counted(public_name.encode("ascii"), 1) + _counted(b"", 2)
    return _counted(ECH_VERSION.to_bytes(2, "big") + _counted(contents, 2), 2)


def https_record(public_name: str) -> HTTPS:
    params = {ParamKey.ECH: ECHParam(config_list(public_name))}  # type: ignore[no-untyped-call]
    return HTTPS(dns.rdataclass.IN, dns.rdatatype.HTTPS, 1, dns.name.root, params)  # type: ignore[no-untyped-call]


def _counted(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data
