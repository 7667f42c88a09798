"""Issue certificates for the tests: our own authorities, and leaves with any fault."""

import ipaddress
import ssl
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from probe.lab.world.authority import key_usage

DAY = timedelta(days=1)


@dataclass
class Issued:
    """Hold a certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def server_context(self, *above: "Issued", alpn: tuple[str, ...] = (), tls12: bool = False) -> ssl.SSLContext:
        """Return a server's context that sends this certificate and those `above`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if tls12:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if alpn:
            context.set_alpn_protocols(list(alpn))
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "chain.pem"
            path.write_bytes(key + self.pem + b"".join(issued.pem for issued in above))
            context.load_cert_chain(path)
        return context


def issue(
    name: str,
    by: Issued | None = None,
    *,
    names: tuple[str, ...] | None = None,
    authority: bool = False,
    begins: timedelta = -DAY,
    ends: timedelta = 30 * DAY,
    usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
) -> Issued:
    """Issue a certificate. `by` None means self-signed. `names` are the alternative names (default: `name`)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if by:  # Python 3.13 and later demand it (RFC 5280, section 4.2.1.1)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.certificate.public_key())  # type: ignore[arg-type]
        builder = builder.add_extension(issuer, critical=False)
    if authority:
        builder = builder.add_extension(key_usage(signs=True), critical=True)
    else:
        listed = [alternative(entry) for entry in (names if names is not None else (name,))]
        if listed:
            builder = builder.add_extension(x509.SubjectAlternativeName(listed), critical=False)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return Issued(builder.sign(by.key if by else key, hashes.SHA256()), key)


def alternative(entry: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(entry))
    except ValueError:
        return x509.DNSName(entry)
