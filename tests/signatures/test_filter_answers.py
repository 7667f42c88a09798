"""Test the forms of answers about names."""

import pytest

from probe.signatures.filter_answers import FILTERED, form_of, hops_travelled


@pytest.mark.parametrize(
    ("failure", "addresses", "form"),
    [
        (None, ["0.0.0.0"], "null"),
        (None, ["::"], "null"),
        (None, ["127.0.0.1", "127.0.0.2"], "loopback"),
        (None, ["::1"], "loopback"),
        (None, ["192.168.1.2"], "private"),
        (None, ["fd00::1"], "private"),
        (None, ["8.8.8.8", "2001:4860:4860::8888"], "address"),
        (None, ["8.8.8.8", "0.0.0.0"], "other"),
        (None, ["[address-like, 9 characters]"], "other"),
        (None, [], "no_answer"),
        ("dns_no_answer", [], "no_answer"),
        ("dns_nxdomain_error", [], "nxdomain"),
        ("dns_refused_error", [], "refused"),
        ("dns_servfail_error", [], "other"),
        ("generic_timeout_error", [], "other"),
    ],
)
def test_form(failure: str | None, addresses: list[str], form: str) -> None:
    assert form_of(failure, addresses) == form
    assert (form in FILTERED) == (form not in {"address", "other"})


@pytest.mark.parametrize(("ttl", "hops"), [(64, 0), (63, 1), (58, 6), (128, 0), (127, 1), (255, 0), (250, 5), (1, 63)])
def test_hops(ttl: int, hops: int) -> None:
    assert hops_travelled(ttl) == hops
