"""Read the authorities that this machine trusts where no file holds them.

- Linux, Android: files, which OpenSSL finds itself.
- Windows: its certificate store.
- macOS: the keychain of the system, in which administrators put authorities of their own. OpenSSL does not read it.
"""

import ssl
import sys
from collections.abc import Iterator
from typing import Any

from probe.platforms.systems import output_of

_STORES = ("ROOT", "CA")
_KEYCHAIN = "/Library/Keychains/System.keychain"


def machine_certificates() -> Iterator[str]:
    """Yield certificates as PEM text. There are none where OpenSSL finds the files itself."""
    listed: Any = getattr(ssl, "enum_certificates", None)
    for store in _STORES if listed is not None else ():
        for certificate, encoding, _ in listed(store):
            if encoding == "x509_asn":
                yield ssl.DER_cert_to_PEM_cert(certificate)
    if sys.platform == "darwin":
        yield from _in_pem(output_of("/usr/bin/security", "find-certificate", "-a", "-p", _KEYCHAIN))


def _in_pem(text: str) -> Iterator[str]:
    for block in text.split(ssl.PEM_FOOTER)[:-1]:
        yield block[block.index(ssl.PEM_HEADER) :] + ssl.PEM_FOOTER + "\n"
