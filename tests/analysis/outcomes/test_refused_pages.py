"""Test who is said to refuse web requests with 403, 451 or 503: the service, a device on the way, or no one."""

from typing import Any

import pytest

from tests.analysis.outcomes.test_connections import judged
from tests.support.measurements.lines import GENUINE, SECOND, Lines

HOST = "www.service.example"
CLEAR, SECURE = f"http://{HOST}:80/", f"https://{HOST}:443/"
STATUSES = [403, 451, 503]
OK = ("ok", [], "http_answers")


def refused(url: str, *here: dict[str, Any], control: dict[str, Any] | None) -> Lines:
    """Return an endpoint with these answers here, and another one at the helper."""
    lines = Lines({"web": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.innocuous(url, GENUINE, page="44")
    for add, answer in zip((lines.first, lines.confirm), here, strict=False):
        add(url, GENUINE, **answer)
    if control is not None:
        lines.control(url, GENUINE, **control)
    return lines


def verdict(lines: Lines) -> tuple[str, list[str], str]:
    record = judged(lines)
    return record["state"], record["mechanisms"], record["rule_id"]


def status(code: int, digest: str = "") -> dict[str, Any]:
    return {"status": code, "page": digest}


PAGE = status(200, "aa")


@pytest.mark.parametrize("code", STATUSES)
def test_refusal_inside_tls_is_the_services(code: int) -> None:
    record = judged(refused(SECURE, status(code, "f0"), status(code, "f0"), control=PAGE))
    found = (record["state"], record["mechanisms"], record["rule_id"], record["cause_place"])
    assert found == ("impaired", [], "service_refuses_here", "service")


def test_refusal_that_the_control_gets_too_is_ok() -> None:
    for url in (SECURE, CLEAR):
        for control in (status(403), status(404)):
            assert verdict(refused(url, status(403), status(403), control=control)) == OK
        assert verdict(refused(url, status(403), status(403), control=None)) == OK


def test_single_refusal_is_ok() -> None:
    for url in (SECURE, CLEAR):
        assert verdict(refused(url, status(503), PAGE, control=PAGE)) == OK
        assert verdict(refused(url, status(503), control=PAGE)) == OK


def test_other_errors_are_ok() -> None:
    for url in (SECURE, CLEAR):
        assert verdict(refused(url, status(404), status(404), control=PAGE)) == OK


def at_neutral(code: int, neutral: dict[str, Any], unknown: dict[str, Any] | None, page: str = "") -> Lines:
    """Return a refusal in the clear with what a neutral host gives to the name, and to one that does not exist."""
    lines = refused(CLEAR, status(code, page), status(code, page), control=PAGE)
    lines.neutral(CLEAR, **neutral)
    if unknown is not None:
        lines.nonexistent(CLEAR, lines.preflight["neutral"][0]["address"], neutral=True, **unknown)
    return lines


UNCLEAR = ("impaired", [], "http_refused_here")


@pytest.mark.parametrize("code", STATUSES)
def test_bare_refusal_of_the_name_at_a_neutral_host_is_likely_blocked(code: int) -> None:
    bare = status(code)
    likely = ("likely_blocked", ["http.error"], "http_refusal_is_elsewhere_too")
    assert verdict(at_neutral(code, bare, status(404))) == likely
    assert verdict(at_neutral(code, bare, bare)) == UNCLEAR  # it refuses every name that it does not know
    assert verdict(at_neutral(code, bare, None)) == UNCLEAR
    assert verdict(at_neutral(code, status(404), status(404))) == UNCLEAR
    assert verdict(at_neutral(code, PAGE, PAGE)) == UNCLEAR


def test_bare_refusal_of_an_innocuous_name_too_is_unclear() -> None:
    lines = at_neutral(403, status(403), status(404))
    lines.other_name(CLEAR, GENUINE, **status(403))
    assert verdict(lines) == UNCLEAR


def test_page_of_a_refusal_that_unknown_names_get_too_is_unclear() -> None:
    """Check that two servers with the same program, which send the same page of an error, accuse nothing."""
    stock = status(403, "f0")
    assert verdict(at_neutral(403, stock, stock, "f0")) == UNCLEAR
    blocked = ("blocked", ["http.blockpage"], "http_page_is_elsewhere_too")
    assert verdict(at_neutral(403, stock, status(404, "e0"), "f0")) == blocked
    assert verdict(at_neutral(403, stock, None, "f0")) == blocked


def test_address_that_gives_the_page_is_ok() -> None:
    lines = refused(SECURE, status(403), status(403), control=PAGE)
    lines.target["services"]["web"]["works_if"] = "any"
    lines.first(SECURE, SECOND, **PAGE)
    assert judged(lines)["state"] in {"ok", "impaired"}
