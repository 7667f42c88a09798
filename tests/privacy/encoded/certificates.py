"""Make certificates that contain a text where a middlebox may put its client's address."""

import datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

BEGIN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate_with(place: str, text: str) -> bytes:
    """Return a certificate in DER. Raises ValueError if the text does not fit the place."""
    plain = {"subject": "notice.example", "organization": "Notice", "issuer": "Local authority"}
    said = plain | ({place: text[:64]} if place in plain else {})
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, said["organization"]),
            x509.NameAttribute(NameOID.COMMON_NAME, said["subject"]),
        ]
    )
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, said["issuer"])])
    others: list[x509.GeneralName] = [x509.DNSName("notice.example")]
    if place in {"name", "uri", "mail"}:
        if not text.isascii():
            raise ValueError("not in ASCII")
        made = {"name": x509.DNSName, "uri": x509.UniformResourceIdentifier, "mail": x509.RFC822Name}[place]
        others.append(made._init_without_validation(text))  # a forger does not validate
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(_key().public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(BEGIN)
    builder = builder.not_valid_after(BEGIN + datetime.timedelta(days=365))
    builder = builder.add_extension(x509.SubjectAlternativeName(others), critical=False)
    return builder.sign(_key(), hashes.SHA256()).public_bytes(Encoding.DER)
