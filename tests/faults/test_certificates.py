"""Test rare faults of certificates: each has its failure, none causes a bug, and no invalid one is accepted.

Dates, names and missing issuers are tested in tests/steps/tls/test_certificate_checks.py.
"""

import asyncio
import os
import ssl
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from probe.formats import failures as f
from probe.session.trace import TransactionFacts
from probe.steps.tls.certificate_checks import Roots, judge_chain, load_roots
from tests.support.faults.attempts import Attempt, attempt, leaking_nothing
from tests.support.faults.broken_certificates import CA, END, craft, rsa_key
from tests.support.faults.dialogues import Place, over_endpoint
from tests.support.servers.authority import Issued
from tests.support.servers.loopback import serving, tls_with

NAME, IPV4, IPV6 = "chat.example", "192.0.2.7", "2001:db8::7"
KEY = rsa_key(2048)
ROOT = craft("A root", basic=CA, key=KEY)
CONSTRAINED = craft(
    "Only for shop.example", ROOT, basic=CA, more=[(x509.NameConstraints([x509.DNSName("shop.example")], None), True)]
)
SHORT = craft("May sign leaves only", ROOT, basic=x509.BasicConstraints(True, 0))
NO_CA = craft("A leaf that signs", ROOT, basic=END)
NO_BASIC = craft("No basic constraints", ROOT, basic=None, usual=False)
NO_SIGNING = craft("May not sign", ROOT, basic=CA, more=[(x509.KeyUsage(*[True] + [False] * 8), True)])
WEAK_CA = craft("Signed with SHA-1", ROOT, basic=CA, digest="sha1")
# the enterprise number of RFC 5612
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.1"), b"\5\0")
REVOKING = x509.CRLDistributionPoints(
    [x509.DistributionPoint([x509.UniformResourceIdentifier("http://crl.invalid/")], None, None, None)]
)
INVALID, UNKNOWN_ISSUER, NOT_ITS_NAME = f.SSL_INVALID_CERTIFICATE, f.SSL_UNKNOWN_AUTHORITY, f.SSL_INVALID_HOSTNAME

CHAINS: dict[str, tuple[list[Issued], str | None]] = {
    "good": ([craft(NAME, ROOT)], None),
    "revocation is not asked for": ([craft(NAME, ROOT, more=[(REVOKING, False)])], None),
    "an intermediate that is none": ([craft(NAME, NO_CA), NO_CA], INVALID),
    "an intermediate without basic constraints": ([craft(NAME, NO_BASIC), NO_BASIC], INVALID),
    "an intermediate that may not sign": ([craft(NAME, NO_SIGNING), NO_SIGNING], INVALID),
    "deeper than allowed": ([craft(NAME, deeper := craft("x", SHORT, basic=CA)), deeper, SHORT], INVALID),
    "outside the name constraints": ([craft(NAME, CONSTRAINED), CONSTRAINED], INVALID),
    "an unknown critical extension": ([craft(NAME, ROOT, more=[(UNKNOWN, True)])], INVALID),
    "the same, not critical": ([craft(NAME, ROOT, more=[(UNKNOWN, False)])], None),
    "no alternative names, the common name alone": ([craft(NAME, ROOT, usual=False)], NOT_ITS_NAME),
    "an empty list of alternative names": ([craft(NAME, ROOT, names=())], NOT_ITS_NAME),
    "signed with SHA-1": ([craft(NAME, ROOT, digest="sha1")], UNKNOWN_ISSUER),
    "signed with MD5": ([craft(NAME, ROOT, digest="md5")], UNKNOWN_ISSUER),
    "an intermediate signed with SHA-1": ([craft(NAME, WEAK_CA), WEAK_CA], UNKNOWN_ISSUER),
    "a weak intermediate that the chain does not need": ([craft(NAME, ROOT), WEAK_CA], None),
    "a key of 1024 bits": ([craft(NAME, ROOT, key=rsa_key(1024))], None),
    "an elliptic curve of 224 bits": ([craft(NAME, ROOT, key=ec.generate_private_key(ec.SECP224R1()))], None),
    "the intermediate is missing": ([craft(NAME, SHORT)], UNKNOWN_ISSUER),
    "the root in its place": ([craft(NAME, SHORT), ROOT], UNKNOWN_ISSUER),
    "the leaf a hundred times": ([craft(NAME, ROOT)] * 100, None),
}
NAMES = [  # names in the certificate, requested name, whether they match (RFC 9525 6.3)
    (("*.shop.example",), "a.shop.example", True),
    (("*.chat.example",), "chat.example", False),
    (("*.example",), "chat.example", False),  # a whole top-level domain has no owner
    (("*.example",), "a.chat.example", False),
    (("*",), "example", False),
    (("*.*.example",), "a.chat.example", False),
    (("ch*t.example",), "chat.example", False),
    (("*chat.example",), "chat.example", False),
    (("CHAT.Example",), "chat.EXAMPLE", True),
    (("chat.example.",), "chat.example", False),
    (("xn--bcher-kva.example",), "xn--bcher-kva.example", True),
    # stricter than RFC 9525, since no target has such a name
    (("*.shop.example",), "xn--bcher-kva.shop.example", False),
    ((IPV4,), IPV4, True),
    ((IPV6,), IPV6, True),
    ((IPV4,), "192.0.2.8", False),
    ((IPV4,), NAME, False),
    ((NAME,), IPV4, False),
    (("*.0.2.7",), IPV4, False),
]


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Roots:
    path = tmp_path / "roots.pem"
    path.write_bytes(ROOT.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nothing"))
    return load_roots(str(path))


@pytest.mark.parametrize("what", CHAINS)
def test_faulty_chain_has_its_failure(what: str, roots: Roots) -> None:
    chain, failure = CHAINS[what]
    assert judge_chain([issued.der for issued in chain], NAME, roots).failure == failure


@pytest.mark.parametrize(("names", "asked", "fits"), NAMES)
def test_names_wildcards_and_addresses_are_matched(
    names: tuple[str, ...], asked: str, fits: bool, roots: Roots
) -> None:
    verdict = judge_chain([craft("x", ROOT, names=names).der], asked, roots)
    assert verdict.failure == (None if fits else NOT_ITS_NAME)


def test_name_within_constraints_is_accepted(roots: Roots) -> None:
    chain = [craft("pay.shop.example", CONSTRAINED).der, CONSTRAINED.der]
    assert judge_chain(chain, "pay.shop.example", roots).failure is None


def test_chain_of_a_hundred_is_refused_quickly(roots: Roots) -> None:
    """Check a chain longer than OpenSSL's limit of 100, in which each certificate is signed by the next."""
    chain = [ROOT]
    for number in range(101):
        chain.append(craft(f"intermediate {number}", chain[-1], basic=CA))
    ders = [issued.der for issued in reversed([*chain[1:], craft(NAME, chain[-1])])]
    began = time.process_time()
    assert judge_chain(ders, NAME, roots).failure is not None
    assert judge_chain(ders[::-1], NAME, roots).failure is not None
    assert time.process_time() - began < 3.0


def test_many_authorities_of_one_name_are_refused_quickly(roots: Roots) -> None:
    """Check that the search for a path ends among many intermediates with one name and without key identifiers."""
    same_named = [craft("One of many", craft("One of many", basic=CA), basic=CA) for _ in range(50)]
    leaf = craft(NAME, same_named[0])
    began = time.process_time()
    assert judge_chain([leaf.der, *(issued.der for issued in same_named)], NAME, roots).failure is not None
    assert time.process_time() - began < 3.0


@pytest.mark.parametrize("cut", [0, 1, 2, 10, 100, -1])
def test_partial_certificate_is_invalid(cut: int, roots: Roots) -> None:
    whole = craft(NAME, ROOT).der
    piece = whole[:cut] if cut >= 0 else whole + b"\0"
    assert judge_chain([piece], NAME, roots).failure == INVALID
    assert judge_chain([whole, piece], NAME, roots).failure == INVALID


def test_unreadable_certificate_is_invalid(roots: Roots) -> None:
    for garbage in (b"", b"\x30\x80\0\0", b"\x30\x84\xff\xff\xff\xff", os.urandom(800), b"\x30" * 5000):
        assert judge_chain([garbage], NAME, roots).failure == INVALID
    assert judge_chain([], NAME, roots).failure == INVALID


async def visit(context: ssl.SSLContext, roots: Roots) -> Attempt:
    async with leaking_nothing(), serving(tls_with(context)) as server:
        async with attempt(5.0) as open_, open_.trace.transaction(TransactionFacts("first", address="127.0.0.1")) as tx:
            await over_endpoint(f"tls://{NAME}:PORT")(tx, Place(server.port, roots, open_.session))
        await asyncio.sleep(0)
    return open_.done()


SENT = [name for name in CHAINS if "224" not in name and "a hundred times" not in name and "1024" not in name]


@pytest.mark.parametrize("what", SENT)
async def test_faulty_chain_has_same_failure_in_handshake(what: str, roots: Roots) -> None:
    (leaf, *above), failure = CHAINS[what]
    context = leaf.server_context(*above)
    made = await visit(context, roots)
    assert made.failure == failure
    assert len(made.entries[-1].peer_certificates) == 1 + len(above)  # type: ignore[attr-defined]


async def test_too_many_certificates_are_failure(roots: Roots) -> None:
    """Check that the handshake ends with a failure of the server. OpenSSL accepts at most 100 kB of certificates."""
    leaf = craft(NAME, ROOT)
    context = leaf.server_context(*[craft(f"{n}" + "x" * 40, ROOT, basic=CA) for n in range(300)])

    made = await visit(context, roots)
    assert made.failure == f"{f.UNKNOWN}: tls: excessive message size"
