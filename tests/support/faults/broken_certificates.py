"""Issue certificates with the faults that `support/servers/authority.py` does not make.

These are faults of keys, digests, extensions and sizes.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from tests.support.servers.authority import DAY, Issued, alternative

Extensions = Iterable[tuple[x509.ExtensionType, bool]]
CA = x509.BasicConstraints(True, None)
_SHA256_RSA = bytes.fromhex("2a864886f70d01010b")  # sha256WithRSAEncryption (RFC 8017 A.2.4)
_WEAK: dict[str, tuple[bytes, Any]] = {"sha1": (b"\5", hashes.SHA1()), "md5": (b"\4", hashes.MD5())}
END = x509.BasicConstraints(False, None)


def craft(
    name: str,
    by: Issued | None = None,
    *,
    names: tuple[str, ...] | None = None,
    basic: x509.BasicConstraints | None = END,
    more: Extensions = (),
    key: Any = None,
    digest: str = "sha256",
    usual: bool = True,
) -> Issued:
    """Issue a certificate, self-signed if `by` is None.

    `more` has pairs (extension, critical). Without `usual` there is no SAN.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=by.certificate.subject if by else subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - DAY,
        not_valid_after=now + 30 * DAY,
    )
    if basic is not None:
        builder = builder.add_extension(basic, critical=True)
    if usual and basic is not CA:
        listed = [alternative(entry) for entry in (names if names is not None else (name,))]
        builder = builder.add_extension(x509.SubjectAlternativeName(listed), critical=False)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical=critical)
    signer = by.key if by else key
    return Issued(_signed(builder, signer, digest), key)


def _signed(builder: x509.CertificateBuilder, key: Any, digest: str) -> x509.Certificate:
    certificate = builder.sign(key, hashes.SHA256())
    if digest == "sha256":
        return certificate
    last, weak = _WEAK[digest]  # cryptography writes no broken digest, so rename the algorithm and sign again
    whole = certificate.public_bytes(serialization.Encoding.DER).replace(_SHA256_RSA, _SHA256_RSA[:-1] + last)
    signed = certificate.tbs_certificate_bytes.replace(_SHA256_RSA, _SHA256_RSA[:-1] + last)
    return x509.load_der_x509_certificate(
        whole[: -len(certificate.signature)] + key.sign(signed, padding.PKCS1v15(), weak)
    )


def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)
