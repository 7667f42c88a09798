"""Check certificate chains against two stores of roots, in the order dates, name, chain."""

import base64
import os
import re
import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING

from probe.files import read_regular
from probe.formats import failures as f
from probe.platforms.trust_store import machine_certificates
from probe.targets.target import is_address

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from OpenSSL.crypto import X509, X509Store

LARGEST_ROOTS = 8 * 1024 * 1024  # bytes. Mozilla's list has 300 kB
NOISE_ROOT = "NOISE ROOT"
_PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s([^-]*+)-----END \1-----")  # base64 has no hyphen

# X509_V_ERR numbers that mean an untrusted chain. A bad signature (7) is one of them, because Go, and so OONI, reports
# it as an unknown authority.
_UNTRUSTED = frozenset({2, 7, 18, 19, 20, 21, 24})


class RootsError(ValueError):
    """Report that the PEM file of the public roots cannot be used. The text is one sentence for the user."""


@dataclass(frozen=True)
class ChainVerdict:
    """Hold the result of a check. `trusted_by_machine` is set only if no public root signs the chain."""

    failure: str | None
    trusted_by_machine: bool | None = None


@dataclass(frozen=True)
class Roots:
    """Hold the two stores. Public roots decide. The machine's roots only tell which authorities are trusted locally.

    `public` is a PEM file, or None for the bundled Mozilla list. Files are read once, at first use.
    """

    public: str | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    also: str = ""  # PEM text of additional authorities for one target's names

    def trusting(self, also: str) -> "Roots":
        """Return the same stores with a target's own authorities."""
        return replace(self, also=also) if also else self

    def check(self) -> None:
        """Read the public roots now. Raises RootsError."""
        _ = self._public_anchors, self.noise_root

    @cached_property
    def _blocks(self) -> list[tuple[str, bytes]]:
        import certifi

        path = Path(self.public or certifi.where())
        try:
            pem = read_regular(path, LARGEST_ROOTS)
        except OSError as error:
            raise RootsError(f"{path.name}: the public roots cannot be read ({error.strerror}).") from error
        own = self.also.encode()
        return [(match[1].decode(), match[0]) for pem in (pem, own) for match in _PEM_BLOCK.finditer(pem)]

    @cached_property
    def public_pem(self) -> str:
        """Return the public roots as PEM text."""
        return "\n".join(block.decode("ascii", "replace") for label, block in self._blocks if label == "CERTIFICATE")

    @cached_property
    def noise_root(self) -> bytes | None:
        """Return the 32 bytes of a `NOISE ROOT` block, which replaces WhatsApp's root key, or None."""
        for label, block in self._blocks:
            if label == NOISE_ROOT:
                return _noise_key(block)
        return None

    @cached_property
    def _public_anchors(self) -> "list[X509]":
        from cryptography import x509
        from OpenSSL.crypto import X509

        try:
            with _parsing_quietly():
                found = [X509.from_cryptography(c) for c in x509.load_pem_x509_certificates(self.public_pem.encode())]
        except ValueError as error:
            raise RootsError(f"{Path(self.public or '').name}: no usable certificate inside.") from error
        return found

    def public_store(self, when: datetime) -> "X509Store":
        """Return a store of the public roots for the time `when`.

        It is built for each check (0.3 ms), because a store's time can be set only once.
        """
        store = _empty_store(when)
        for anchor in self._public_anchors:
            store.add_cert(anchor)
        return store

    def machine_store(self, when: datetime) -> "X509Store":
        """Return the machine's roots (SSL_CERT_FILE, SSL_CERT_DIR, else the system's), or an empty store."""
        from OpenSSL import crypto

        store = _empty_store(when)
        paths = ssl.get_default_verify_paths()  # None for missing files
        for cafile, capath in ((paths.cafile, None), (None, paths.capath)):
            if cafile or capath:
                with suppress(crypto.Error):  # an unreadable file adds no roots
                    store.load_locations(cafile, capath)
        for pem in self._machine_certificates:
            with suppress(crypto.Error):
                store.add_cert(crypto.load_certificate(crypto.FILETYPE_PEM, pem.encode()))
        return store

    @cached_property
    def _machine_certificates(self) -> list[str]:
        return list(machine_certificates())

    def client_context(self) -> ssl.SSLContext:
        """Return a TLS context that trusts the public roots, for connections that are not measured (test helper).

        It behaves the same on every Python. From 3.13 on, Python also refuses authorities without the extensions of RFC
        5280, which every other client accepts.
        """
        context = ssl.create_default_context(cadata=self.public_pem)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def load_roots(public: str | None = None) -> Roots:
    """Return the stores. `public` is a PEM file, by default that of PROBE_PUBLIC_ROOTS, else Mozilla's list."""
    return Roots(public or os.environ.get("PROBE_PUBLIC_ROOTS") or None)


@lru_cache(maxsize=64)
def parse_certificate(der: bytes) -> "Certificate | None":
    """Parse one certificate. Return None for bytes that are no certificate."""
    from cryptography import x509

    with _parsing_quietly():
        try:
            certificate = x509.load_der_x509_certificate(der)
            _ = certificate.not_valid_after_utc, certificate.extensions  # both are parsed at first access
        except Exception:  # a hostile certificate may raise anything
            return None
    return certificate


def judge_chain(ders: list[bytes], name: str, roots: Roots, now: datetime | None = None) -> ChainVerdict:
    """Check a chain as sent, leaf first, against `name` (a DNS name or IP literal, or "" for no name check).

    The leaf's dates come first, then the name, then the chain, as in Go's `x509.Certificate.Verify`. Failures are then
    comparable with OONI's. An empty or unparsable chain is an invalid certificate.
    """
    parsed = [parse_certificate(der) for der in ders]
    chain = [certificate for certificate in parsed if certificate is not None]
    if not chain or len(chain) < len(parsed):
        return ChainVerdict(f.SSL_INVALID_CERTIFICATE)
    now = now or roots.clock()
    when = _moment_inside(chain, now)
    refused = _refusal(chain, roots.public_store(when))
    unknown = refused == f.SSL_UNKNOWN_AUTHORITY
    by_machine = _refusal(chain, roots.machine_store(when)) is None if unknown else None
    return ChainVerdict(_first_fault(chain, name, now, refused), by_machine)


def _first_fault(chain: "list[Certificate]", name: str, now: datetime, refused: str | None) -> str | None:
    leaf = chain[0]
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        return f.SSL_INVALID_CERTIFICATE
    if name and not _is_for(leaf, name):
        return f.SSL_INVALID_HOSTNAME
    return refused or (None if _serves_tls(leaf) else f.SSL_INVALID_CERTIFICATE)


def _moment_inside(chain: "list[Certificate]", now: datetime) -> datetime:
    """Return a time at which the leaf is valid, so that trust can also be checked for an expired chain."""
    leaf = chain[0]
    if leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        return now
    begin = max(certificate.not_valid_before_utc for certificate in chain)
    end = min(certificate.not_valid_after_utc for certificate in chain)
    return begin + (end - begin) / 2 if begin <= end else now


def _refusal(chain: "list[Certificate]", store: "X509Store") -> str | None:
    from OpenSSL.crypto import X509, Error, X509StoreContext, X509StoreContextError

    try:
        leaf, *others = [X509.from_cryptography(certificate) for certificate in chain]
        *signed, _root = X509StoreContext(store, leaf, others).get_verified_chain()
    except X509StoreContextError as error:
        code = error.errors[0] if error.errors else 0
        return f.SSL_UNKNOWN_AUTHORITY if code in _UNTRUSTED else f.SSL_INVALID_CERTIFICATE
    except Error:  # OpenSSL cannot parse what cryptography could
        return f.SSL_INVALID_CERTIFICATE
    broken = any(_is_weakly_signed(certificate.to_cryptography()) for certificate in signed)
    return f.SSL_UNKNOWN_AUTHORITY if broken else None


def _is_weakly_signed(certificate: "Certificate") -> bool:
    """Tell whether the signature uses MD5 or SHA-1, which can be forged. Go, and so OONI, reports the same."""
    from cryptography.exceptions import UnsupportedAlgorithm

    with suppress(UnsupportedAlgorithm):
        digest = certificate.signature_hash_algorithm  # None if the signature needs no digest (Ed25519)
        return digest is not None and digest.name in {"md5", "sha1"}
    return False


def _is_for(leaf: "Certificate", name: str) -> bool:
    """Tell whether the leaf names `name` (RFC 9525: only alternative names, one wildcard as the whole first label)."""
    from cryptography import x509
    from service_identity import hazmat
    from service_identity.exceptions import CertificateError, VerificationError

    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    wanted: hazmat.ServiceID
    patterns: list[hazmat.CertificatePattern]
    if is_address(name):
        wanted = hazmat.IPAddress_ID(name)
        addresses = names.get_values_for_type(x509.IPAddress)  # networks occur only in name constraints
        patterns = [hazmat.IPAddressPattern(ip) for ip in addresses if isinstance(ip, IPv4Address | IPv6Address)]
    else:
        wanted = hazmat.DNS_ID(name)
        patterns = []
        for entry in names.get_values_for_type(x509.DNSName):
            with suppress(CertificateError):  # one malformed entry does not affect the others, as in Go
                patterns.append(hazmat.DNSPattern.from_bytes(entry.encode()))
    try:
        hazmat.verify_service_identity(patterns, [wanted], [])
    except (VerificationError, CertificateError):
        return False
    return True


def _serves_tls(leaf: "Certificate") -> bool:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return bool({ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(usage))


def _empty_store(when: datetime) -> "X509Store":
    from OpenSSL.crypto import X509Store, X509StoreFlags

    store = X509Store()
    store.set_flags(X509StoreFlags.PARTIAL_CHAIN)  # any certificate in the store ends a chain, as in Go
    store.set_time(when.astimezone(UTC))
    return store


def _noise_key(block: bytes) -> bytes:
    body = _PEM_BLOCK.fullmatch(block)
    try:
        key = base64.b64decode(b"".join(body[2].split()) if body else b"", validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise RootsError(f"The {NOISE_ROOT} block must hold 32 bytes in base64.")
    return key


@contextmanager
def _parsing_quietly() -> Iterator[None]:
    """Suppress warnings about unusual certificates, because they are evidence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
