"""Make the certificate of the transfer port. A probe accepts it by its digest, so no authority signs it."""

import hashlib
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NAME = "localhost"  # as many servers have it. The certificate is visible in TLS 1.2, and equal for all names.
BEFORE, AFTER = timedelta(days=1), timedelta(days=365)  # around the start of the helper


def server_context() -> tuple[ssl.SSLContext, str]:
    """Return a context with a new key and a self-signed certificate, and the certificate's SHA-256 in hexadecimal."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _self_signed(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "transfer.pem")
        file.touch(mode=0o600)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(pem + certificate.public_bytes(Encoding.PEM))
        context.load_cert_chain(file)
    return context, hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)]), datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BEFORE)
        .not_valid_after(now + AFTER)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
