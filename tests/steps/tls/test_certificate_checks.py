"""Test that a chain is checked by dates, name and roots in this order, and that no bytes break the check."""

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from probe.formats import failures as f
from probe.steps.tls.certificate_checks import (
    ChainVerdict,
    Roots,
    RootsError,
    judge_chain,
    load_roots,
    parse_certificate,
)
from tests.support.servers.authority import DAY, Issued, issue

NAME = "chat.example"
ROOT = issue("A root", authority=True, begins=-90 * DAY)
MIDDLE = issue("An intermediate", ROOT, authority=True)
OTHER_ROOT = issue("Another root", authority=True, begins=-90 * DAY)


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Roots:
    """Return roots: public is ROOT, the machine's is OTHER_ROOT."""
    (tmp_path / "public.pem").write_bytes(ROOT.pem)
    (tmp_path / "machine.pem").write_bytes(OTHER_ROOT.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "machine.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "nothing"))
    return load_roots(str(tmp_path / "public.pem"))


def check(roots: Roots, *chain: Issued, name: str = NAME, now: datetime | None = None) -> ChainVerdict:
    return judge_chain([issued.der for issued in chain], name, roots, now)


def test_valid_chain_is_accepted(roots: Roots) -> None:
    assert check(roots, issue(NAME, MIDDLE), MIDDLE) == ChainVerdict(None, None)
    assert check(roots, issue(NAME, ROOT)) == ChainVerdict(None, None)


def test_unordered_chain_with_unrelated_certificate_is_accepted(roots: Roots) -> None:
    assert check(roots, issue(NAME, MIDDLE), OTHER_ROOT, MIDDLE).failure is None


FAULTS = {
    "expired": ({"begins": -9 * DAY, "ends": -DAY}, f.SSL_INVALID_CERTIFICATE, None),
    "not yet valid": ({"begins": DAY}, f.SSL_INVALID_CERTIFICATE, None),
    "wrong name": ({"names": ("other.example",)}, f.SSL_INVALID_HOSTNAME, None),
    "no names at all": ({"names": ()}, f.SSL_INVALID_HOSTNAME, None),
    "for clients only": ({"usage": ExtendedKeyUsageOID.CLIENT_AUTH}, f.SSL_INVALID_CERTIFICATE, None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_leaf_has_its_failure(fault: str, roots: Roots) -> None:
    how, failure, by_machine = FAULTS[fault]
    assert check(roots, issue(NAME, ROOT, **how)) == ChainVerdict(failure, by_machine)  # type: ignore[arg-type]


def test_unknown_authority_is_failure(roots: Roots) -> None:
    unknown = issue("Somebody", authority=True)
    assert check(roots, issue(NAME, unknown), unknown) == ChainVerdict(f.SSL_UNKNOWN_AUTHORITY, False)
    assert check(roots, issue(NAME)) == ChainVerdict(f.SSL_UNKNOWN_AUTHORITY, False)
    assert check(roots, issue(NAME, MIDDLE)) == ChainVerdict(f.SSL_UNKNOWN_AUTHORITY, False)  # the middle is missing


def test_authority_of_machine_is_unknown_authority(roots: Roots) -> None:
    assert check(roots, issue(NAME, OTHER_ROOT)) == ChainVerdict(f.SSL_UNKNOWN_AUTHORITY, True)


def test_self_signed_certificate_of_machine_is_unknown_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = issue(NAME)
    (tmp_path / "own.pem").write_bytes(own.pem)
    (tmp_path / "public.pem").write_bytes(ROOT.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "own.pem"))
    assert check(load_roots(str(tmp_path / "public.pem")), own) == ChainVerdict(f.SSL_UNKNOWN_AUTHORITY, True)


def test_forged_signature_is_unknown_authority(roots: Roots) -> None:
    impostor = issue("A root", authority=True)  # the same name, another key
    assert check(roots, issue(NAME, impostor)).failure == f.SSL_UNKNOWN_AUTHORITY


def test_dates_are_checked_before_name_and_name_before_chain(roots: Roots) -> None:
    everything = issue(NAME, OTHER_ROOT, names=("other.example",), begins=-9 * DAY, ends=-DAY)
    assert check(roots, everything).failure == f.SSL_INVALID_CERTIFICATE
    assert check(roots, issue(NAME, OTHER_ROOT, names=("other.example",))).failure == f.SSL_INVALID_HOSTNAME


def test_trust_by_machine_is_recorded_for_expired_chain(roots: Roots) -> None:
    root = issue("Old root", authority=True, begins=-90 * DAY)
    leaf = issue(NAME, root, begins=-9 * DAY, ends=-DAY)
    assert check(roots, leaf, root) == ChainVerdict(f.SSL_INVALID_CERTIFICATE, False)
    forged = issue(NAME, OTHER_ROOT, begins=-9 * DAY, ends=-DAY)
    assert check(roots, forged) == ChainVerdict(f.SSL_INVALID_CERTIFICATE, True)


def test_wrong_clock_makes_every_certificate_invalid(roots: Roots) -> None:
    leaf = issue(NAME, ROOT)
    for off in (timedelta(days=365), timedelta(days=-365)):
        now = datetime.now(UTC) + off
        assert check(roots, leaf, now=now).failure == f.SSL_INVALID_CERTIFICATE
        assert check(Roots(roots.public, clock=lambda now=now: now), leaf).failure == f.SSL_INVALID_CERTIFICATE  # type: ignore[misc]
    assert check(roots, leaf).failure is None  # an earlier check does not change the time


def test_names_with_wildcards_and_addresses_are_matched(roots: Roots) -> None:
    star = issue("star", ROOT, names=("*.shop.example",))
    assert check(roots, star, name="a.shop.example").failure is None
    assert check(roots, star, name="a.b.shop.example").failure == f.SSL_INVALID_HOSTNAME
    assert check(roots, star, name="A.Shop.example").failure is None
    assert check(roots, star, name="").failure is None  # no name to check
    literal = issue("literal", ROOT, names=("192.0.2.1", "2001:db8::1"))
    assert check(roots, literal, name="192.0.2.1").failure is None
    assert check(roots, literal, name="2001:db8:0::1").failure is None
    assert check(roots, literal, name="192.0.2.2").failure == f.SSL_INVALID_HOSTNAME


def test_malformed_alternative_name_does_not_affect_others(roots: Roots) -> None:
    assert check(roots, issue("odd", ROOT, names=("a.*.b.*", NAME))).failure is None


def test_empty_or_unreadable_chain_is_invalid(roots: Roots) -> None:
    assert judge_chain([], NAME, roots).failure == f.SSL_INVALID_CERTIFICATE
    assert judge_chain([b"garbage"], NAME, roots).failure == f.SSL_INVALID_CERTIFICATE
    assert judge_chain([issue(NAME, ROOT).der, b"\x30\x03abc"], NAME, roots).failure == f.SSL_INVALID_CERTIFICATE


def test_equal_certificates_are_parsed_once() -> None:
    """Parse the same bytes twice. Each flow to a host receives its chain, for the record and for the verdict."""
    leaf = issue(NAME, MIDDLE)
    assert parse_certificate(leaf.der) is parse_certificate(bytes(bytearray(leaf.der)))
    assert parse_certificate(leaf.der) != parse_certificate(MIDDLE.der) and parse_certificate(leaf.der[:-1]) is None


FLIPPED = issue(NAME, ROOT).der


@given(st.integers(0, len(FLIPPED) - 1), st.integers(1, 255))
def test_changed_byte_is_certificate_failure(at: int, mask: int) -> None:
    der = bytearray(FLIPPED)
    der[at] ^= mask
    verdict = judge_chain([bytes(der)], NAME, _only_root())
    assert verdict.failure in f.CERTIFICATE_FAILURES


def _only_root(cache: list[Roots] = []) -> Roots:  # noqa: B006
    if not cache:
        from tempfile import NamedTemporaryFile

        with NamedTemporaryFile(suffix=".pem") as file:
            file.write(ROOT.pem)
            file.flush()
            cache.append(Roots(file.name))
            cache[0].check()
    return cache[0]


def noise_block(key: bytes) -> bytes:
    return b"-----BEGIN NOISE ROOT-----\n" + base64.b64encode(key) + b"\n-----END NOISE ROOT-----\n"


def test_noise_root_is_read_beside_certificates(tmp_path: Path) -> None:
    path = tmp_path / "lab.pem"
    path.write_bytes(ROOT.pem + noise_block(bytes(range(32))) + OTHER_ROOT.pem)
    roots = Roots(str(path))
    assert roots.noise_root == bytes(range(32))
    assert check(roots, issue(NAME, OTHER_ROOT)).failure is None
    assert "NOISE" not in roots.public_pem
    assert len(roots.client_context().get_ca_certs()) == 2


def test_missing_noise_root_is_none(roots: Roots) -> None:
    assert roots.noise_root is None


@pytest.mark.parametrize(
    "content", [None, b"", b"nothing here", ROOT.pem + noise_block(b"short"), ROOT.pem[:60] + b"!" + ROOT.pem[60:]]
)
def test_unusable_roots_are_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "roots.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RootsError, match=r"\.$"):
        Roots(str(path)).check()


def test_variable_replaces_bundled_roots(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PROBE_PUBLIC_ROOTS", raising=False)
    bundled = load_roots()
    bundled.check()
    assert bundled.public_pem.count("BEGIN CERTIFICATE") > 80
    assert check(bundled, issue(NAME, ROOT)).failure == f.SSL_UNKNOWN_AUTHORITY
    (tmp_path / "own.pem").write_bytes(ROOT.pem)
    monkeypatch.setenv("PROBE_PUBLIC_ROOTS", str(tmp_path / "own.pem"))
    assert check(load_roots(), issue(NAME, ROOT)).failure is None


def test_roots_are_loaded_once_at_first_use(tmp_path: Path) -> None:
    path = tmp_path / "late.pem"
    roots = load_roots(str(path))
    path.write_bytes(ROOT.pem)
    roots.check()
    path.unlink()
    assert check(roots, issue(NAME, ROOT)).failure is None
