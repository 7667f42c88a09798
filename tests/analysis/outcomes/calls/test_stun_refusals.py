"""Test who is said to refuse STUN and TURN by an error: a device on the path, the server, or no one."""

import pytest

from tests.analysis.outcomes.calls.test_calls import url_of
from tests.analysis.outcomes.test_connections import judged
from tests.support.measurements.lines import GENUINE, Lines

PROTOCOLS = ["stun", "turn"]
UNCLEAR = ("impaired", [], "call_answers_otherwise")
REFUSED = "payload:unknown_failure: stun: error {code}"


def refused(protocol: str, code: int = 403, *, control: str | None = "ok", contradicted: bool | None = False) -> Lines:
    """Return an endpoint over UDP that is answered by an error twice here, and the helper's result."""
    url = url_of(protocol)
    lines = Lines({"calls": [url]})
    lines.twice(url, GENUINE, REFUSED.format(code=code), code=code, contradicted=contradicted)
    if control is not None:
        lines.control(url, GENUINE, control, **({} if control == "ok" else {"code": code}))
    return lines


def verdict(lines: Lines) -> tuple[str, list[str], str]:
    record = judged(lines)
    return record["state"], record["mechanisms"], record["rule_id"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("code", [400, 403, 500])
def test_error_before_the_servers_own_answer_is_blocked(protocol: str, code: int) -> None:
    blocked = ("blocked", [f"{protocol}.injection"], "call_refusal_contradicted")
    assert verdict(refused(protocol, code, contradicted=True)) == blocked
    assert verdict(refused(protocol, code)) == UNCLEAR
    assert verdict(refused(protocol, code, contradicted=True, control=None)) == UNCLEAR
    assert verdict(refused(protocol, code, contradicted=True, control=REFUSED.format(code=code)))[0] == "down"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_error_at_the_echo_too_is_blocked(protocol: str) -> None:
    def at_echo(
        answered: int | None, *, control: str | None = "ok", changed: bool = False
    ) -> tuple[str, list[str], str]:
        lines = refused(protocol, control=control)
        lines.echo(url_of(protocol), changed=changed)
        lines.echo(url_of(protocol), payload="stun", answered=answered)
        return verdict(lines)

    assert at_echo(403) == ("blocked", [f"{protocol}.injection"], "call_refused_at_echo_too")
    assert at_echo(None) == UNCLEAR
    assert at_echo(403, control=None) == UNCLEAR
    assert at_echo(403, changed=True) == UNCLEAR  # the line damages datagrams


def test_single_error_is_unclear() -> None:
    url = url_of("stun")
    lines = Lines({"calls": [url]})
    lines.first(url, GENUINE, REFUSED.format(code=403), code=403, contradicted=True)
    lines.control(url, GENUINE)
    assert verdict(lines) == UNCLEAR


def test_error_inside_tls_is_the_services() -> None:
    url = "turn://turn.example:443;transport=tls"
    for control, expected in (("ok", ("impaired", "call_service_refuses_here", "service")), ("", None)):
        lines = Lines({"calls": [url]})
        lines.lookup("turn.example", GENUINE)
        lines.encrypted("turn.example", GENUINE)
        lines.twice(url, GENUINE, REFUSED.format(code=403), code=403)
        if control:
            lines.control(url, GENUINE)
        record = judged(lines)
        found = (record["state"], record["rule_id"], record["cause_place"])
        assert found == (expected or ("impaired", "call_answers_otherwise", "unknown"))
