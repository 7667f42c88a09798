"""Verify the certificate chain in WhatsApp's server hello: root key, intermediate, leaf, the server's static key.

Source: tulir/whatsmeow, handshake.go `verifyServerCert` and proto/waCert/WACert.proto, commit 33cfac51 of
2026-08-21, read 2026-11-24. Dates are seconds since 1970.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

from probe.wire.whatsapp import xeddsa
from probe.wire.whatsapp.noise import new_key, public_of
from probe.wire.whatsapp.protobuf import bytes_field, int_field, read_fields, write_field

_LEAF, _INTERMEDIATE = 1, 2  # fields of CertChain
_DETAILS, _SIGNATURE = 1, 2  # fields of a certificate
_SERIAL, _ISSUER_SERIAL, _KEY, _NOT_BEFORE, _NOT_AFTER = 1, 2, 3, 4, 5  # fields of its details
_ROOT_SERIAL = 0


class ChainError(ValueError):
    """Report that the chain does not authenticate the server. `by_date`: only the dates are wrong, by our clock."""

    def __init__(self, what: str, *, by_date: bool = False) -> None:
        super().__init__(what)
        self.by_date = by_date


class _Certificate(NamedTuple):
    serial: int
    issuer_serial: int
    key: bytes
    not_before: int
    not_after: int
    signed: bytes
    signature: bytes


def check_chain(payload: bytes, root_public: bytes, static_public: bytes, now: int | None = None) -> None:
    """Raise ChainError unless the chain in `payload` leads from `root_public` to `static_public` at `now`.

    Signatures are checked first and dates last, so that a wrong clock does not look like a wrong authority.
    """
    try:
        chain = read_fields(payload)
        intermediate = _read(bytes_field(chain, _INTERMEDIATE))
        leaf = _read(bytes_field(chain, _LEAF))
    except ValueError as error:
        raise ChainError("noise: the payload is no certificate chain") from error
    if intermediate.issuer_serial != _ROOT_SERIAL or not _signed_by(root_public, intermediate):
        raise ChainError("noise: the intermediate certificate is not the root's")
    if leaf.issuer_serial != intermediate.serial or not _signed_by(intermediate.key, leaf):
        raise ChainError("noise: the leaf certificate is not the intermediate's")
    if leaf.key != static_public:
        raise ChainError("noise: the leaf certificate is another server's")
    if now is not None and not all(c.not_before <= now <= c.not_after for c in (intermediate, leaf)):
        raise ChainError("noise: a certificate is not valid now", by_date=True)


def make_chain(
    root_private: bytes,
    static_public: bytes,
    *,
    not_before: int,
    not_after: int,
    rng: Callable[[int], bytes] = os.urandom,
) -> bytes:
    """Build a chain from an own root to a server's static key, for the lab's servers."""
    between = new_key(rng)
    intermediate = _details(1, _ROOT_SERIAL, public_of(between), not_before, not_after)
    leaf = _details(2, 1, static_public, not_before, not_after)
    return write_field(_LEAF, _certify(leaf, between, rng)) + write_field(
        _INTERMEDIATE, _certify(intermediate, root_private, rng)
    )


def _details(*values: int | bytes) -> bytes:
    return b"".join(write_field(number, value) for number, value in enumerate(values, start=_SERIAL))


def _certify(details: bytes, private: bytes, rng: Callable[[int], bytes]) -> bytes:
    return write_field(_DETAILS, details) + write_field(_SIGNATURE, xeddsa.sign(private, details, rng))


def _signed_by(public: bytes, certificate: _Certificate) -> bool:
    return xeddsa.verify(public, certificate.signed, certificate.signature)


def _read(certificate: bytes) -> _Certificate:
    fields = read_fields(certificate)
    signed = bytes_field(fields, _DETAILS)
    details = read_fields(signed)
    return _Certificate(
        int_field(details, _SERIAL),
        int_field(details, _ISSUER_SERIAL),
        bytes_field(details, _KEY),
        int_field(details, _NOT_BEFORE),
        int_field(details, _NOT_AFTER),
        signed,
        bytes_field(fields, _SIGNATURE),
    )
