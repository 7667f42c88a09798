"""Test verdicts about mail servers, and look-alikes that accuse nothing."""

from typing import Any

import pytest

from probe.analysis.measurement_reader import read_measurement
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.transactions import StreamEnd
from tests.analysis.outcomes.test_connections import RESET, TIMEOUT, conclusion, judged
from tests.support.measurements.ablation import labels_swapped, without_transactions
from tests.support.measurements.lines import GENUINE, SECOND
from tests.support.measurements.mail_dialogues import MailLines
from tests.support.measurements.pipeline_tables import rows_after

HOST = "mail.telegram.org"
PROTOCOLS = ("smtp", "imap")
PORTS = {"smtps": 465, "smtp+starttls": 587, "imaps": 993, "imap+starttls": 143}


def url_of(scheme: str) -> str:
    return f"{scheme}://{HOST}:{PORTS[scheme]}"


def mail(scheme: str, outcome: str = "ok", *, control: str | None = "ok", proven: bool = True) -> MailLines:
    """Return one endpoint with two attempts of this outcome here, and the helper's result."""
    lines = MailLines({"mail": [url_of(scheme)]})
    lines.lookup(HOST, GENUINE)
    if proven:
        lines.encrypted(HOST, GENUINE)
    lines.twice(url_of(scheme), GENUINE, outcome)
    if control is not None:
        lines.control(url_of(scheme), GENUINE, control)
    return lines


def rule_of(lines: MailLines) -> str:
    return str(judged(lines)["rule_id"])


@pytest.mark.parametrize("scheme", PORTS)
def test_answer_is_ok_and_names_its_proof(scheme: str) -> None:
    record = judged(mail(scheme))
    assert (record["state"], record["proof"], record["anomalies"]) == ("ok", scheme[:4], [])
    assert record["rule_id"] == ("tls_completes" if "+" in scheme else "mail_answered")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("outcome", ["missing", "masked", "accepted"])
def test_missing_starttls_is_blocked_with_control_and_impaired_without(protocol: str, outcome: str) -> None:
    scheme, mechanism = f"{protocol}+starttls", f"{protocol}.starttls_stripped"
    assert conclusion(mail(scheme, outcome)) == ("blocked", [mechanism])
    assert conclusion(mail(scheme, outcome, control=None)) == ("impaired", [])
    assert rule_of(mail(scheme, outcome, control=None)) == "mail_starttls_not_offered"
    assert judged(mail(scheme, outcome))["proof"] == "tcp"


def test_missing_starttls_counts_beside_another_port_that_is_reset_by_name() -> None:
    """Show that no residual censorship makes a server offer less. It resets connections, or lets them fall silent."""
    clear, sealed = url_of("smtp+starttls"), url_of("smtps")
    for outcome, state in (("missing", "blocked"), (f"greeting:{RESET}", "insufficient")):
        lines = MailLines({"mail": [clear, sealed]})
        lines.lookup(HOST, GENUINE)
        lines.encrypted(HOST, GENUINE)
        lines.twice(sealed, GENUINE, f"tls:{RESET}")
        lines.twice(clear, GENUINE, outcome, in_residual=True, sent_name="")
        lines.control(sealed, GENUINE)
        lines.control(clear, GENUINE)
        endpoints = {each["endpoint"]: each["state"] for each in judged(lines)["endpoints"]}
        assert endpoints[clear] == state


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_missing_starttls_here_and_at_the_control_is_down(protocol: str) -> None:
    for here, there in (("missing", "missing"), ("masked", "masked"), ("accepted", "accepted"), ("masked", "missing")):
        lines = mail(f"{protocol}+starttls", here, control=there)
        assert conclusion(lines) == ("down", [])
        assert rule_of(lines) == "mail_starttls_offered_to_nobody"


def test_missing_starttls_with_mixed_control_is_impaired() -> None:
    """Let the helper reach two servers of one name, of which one has no STARTTLS."""
    lines = mail("smtp+starttls", "missing", control=None)
    lines.control(url_of("smtp+starttls"), SECOND, "missing")
    lines.control(url_of("smtp+starttls"), SECOND)
    assert conclusion(lines) == ("impaired", [])


def test_starttls_missing_once_is_impaired() -> None:
    url = url_of("smtp+starttls")
    lines = MailLines({"mail": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(url, GENUINE, "missing")
    lines.control(url, GENUINE)
    assert (judged(lines)["state"], rule_of(lines)) == ("impaired", "unconfirmed")
    lines.confirm(url, GENUINE, f"starttls:{RESET}")  # and another kind is no confirmation
    assert conclusion(lines) == ("impaired", [])
    lines.confirm(url, GENUINE)
    assert conclusion(lines) == ("ok", [])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_refused_starttls_is_likely_blocked(protocol: str) -> None:
    lines = mail(f"{protocol}+starttls", "refused")
    assert conclusion(lines) == ("likely_blocked", [f"{protocol}.starttls_stripped"])
    assert conclusion(mail(f"{protocol}+starttls", "refused", control=None)) == ("impaired", [])
    assert conclusion(mail(f"{protocol}+starttls", "refused", control="refused")) == ("down", [])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_server_that_greets_with_a_refusal_is_impaired(protocol: str) -> None:
    lines = mail(f"{protocol}+starttls", "turned away")
    assert (judged(lines)["state"], rule_of(lines)) == ("impaired", "mail_turned_away")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_server_that_refuses_the_first_command_is_impaired(protocol: str) -> None:
    lines = mail(f"{protocol}+starttls", "ehlo refused")
    assert (judged(lines)["state"], rule_of(lines)) == ("impaired", "mail_turned_away")


def test_refusal_with_a_known_text_is_likely_blocked_if_the_control_is_accepted() -> None:
    assert conclusion(mail("smtp+starttls", "ehlo known")) == ("likely_blocked", ["smtp.injection"])
    assert conclusion(mail("smtp+starttls", "ehlo known", control=None)) == ("impaired", [])
    assert conclusion(mail("smtp+starttls", "ehlo known", control="ehlo known")) == ("down", [])


def test_refusal_before_an_acceptance_is_blocked_if_the_control_is_accepted() -> None:
    assert conclusion(mail("smtp+starttls", "ehlo contradicted")) == ("blocked", ["smtp.injection"])
    assert conclusion(mail("smtp+starttls", "ehlo contradicted", control=None)) == ("impaired", [])
    assert conclusion(mail("smtp+starttls", "ehlo contradicted", control="missing")) == ("down", [])


def test_two_greetings_on_one_connection_are_blocked_if_the_control_is_accepted() -> None:
    lines = mail("smtp+starttls", "two greetings")
    assert (conclusion(lines), rule_of(lines)) == (("blocked", ["smtp.injection"]), "smtp_greeting_contradicted")
    assert conclusion(mail("smtp+starttls", "two greetings", control=None)) == ("impaired", [])
    assert conclusion(mail("smtp+starttls", "two greetings", control="two greetings")) == ("down", [])
    assert rule_of(mail("smtp+starttls", "turned away")) == "mail_turned_away"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_refusal_inside_tls_is_the_services(protocol: str) -> None:
    record = judged(mail(f"{protocol}s", "turned away in tls"))
    assert (record["state"], record["rule_id"]) == ("impaired", "mail_service_refuses_here")
    assert (record["mechanisms"], record["cause_place"]) == ([], "service")
    assert conclusion(mail(f"{protocol}s", "turned away in tls", control="turned away in tls")) == ("down", [])


@pytest.mark.parametrize("outcome", ["ehlo known", "ehlo contradicted", "two greetings"])
def test_single_injected_refusal_accuses_nothing(outcome: str) -> None:
    url = url_of("smtp+starttls")
    lines = MailLines({"mail": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(url, GENUINE, outcome)
    lines.confirm(url, GENUINE, "ehlo refused")
    lines.control(url, GENUINE)
    assert (judged(lines)["state"], rule_of(lines)) == ("impaired", "mail_turned_away")


@pytest.mark.parametrize("scheme", PORTS)
@pytest.mark.parametrize("failure", [RESET, TIMEOUT, "eof_error"])
def test_failing_dialogue_is_likely_blocked_with_control(scheme: str, failure: str) -> None:
    step = "greeting" if "+" in scheme else "inside"
    assert conclusion(mail(scheme, f"{step}:{failure}")) == ("likely_blocked", [scheme[:4]])
    assert conclusion(mail(scheme, f"{step}:{failure}", control=None)) == ("impaired", [])
    assert conclusion(mail(scheme, f"{step}:{failure}", control=f"{step}:{failure}")) == ("down", [])


def test_tls_rules_decide_after_starttls() -> None:
    lines = mail("smtp+starttls", f"tls:{RESET}")
    assert conclusion(lines) == ("likely_blocked", ["tls.reset"])
    assert judged(lines)["proof"] == "mail"
    forged = MailLines({"mail": [url_of("smtp+starttls")]})
    forged.lookup(HOST, GENUINE)
    forged.encrypted(HOST, GENUINE)
    forged.twice(url_of("smtp+starttls"), GENUINE, "tls:ssl_unknown_authority", cert=b"forged")
    forged.control(url_of("smtp+starttls"), GENUINE)
    assert judged(forged)["mechanisms"] == ["tls.mitm"]


def test_reset_by_name_at_imaps_is_blocked() -> None:
    url = url_of("imaps")
    lines = mail("imaps", f"tls:{RESET}")
    lines.innocuous(url, GENUINE)
    assert conclusion(lines) == ("blocked", ["tls.reset.sni"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plaintext_after_granted_tls_is_an_anomaly(protocol: str) -> None:
    scheme = f"{protocol}+starttls"
    record = judged(mail(scheme, "injected"))
    assert (record["state"], record["mechanisms"], record["anomalies"]) == ("ok", [], [protocol])
    assert judged(mail(scheme, "injected", control="injected"))["anomalies"] == []


def verified(lines: MailLines) -> list[tuple[str]]:
    query = f"SELECT address FROM trust WHERE verified AND name = '{HOST}'"
    return rows_after([read_measurement(lines.line())], query)


def test_certificate_after_starttls_verifies_the_address() -> None:
    """Count the certificate also if STARTTLS was masked and accepted, because no other source may exist."""
    lines = mail("smtp+starttls", "accepted", proven=False, control=None)
    assert verified(lines) == [(GENUINE,)]
    refused = mail("smtp+starttls", "masked", proven=False, control=None)
    assert verified(refused) == []
    assert conclusion(refused) == ("impaired", [])


def test_unverified_address_is_impaired() -> None:
    lines = mail("smtp+starttls", "missing", proven=False, control=None)
    lines.control(url_of("smtp+starttls"), SECOND)
    assert conclusion(lines) == ("impaired", [])


@pytest.mark.parametrize("outcome", ["missing", "masked", "accepted"])
def test_without_its_evidence_no_mail_server_is_blocked(outcome: str) -> None:
    line = mail("smtp+starttls", outcome).line()
    (record,) = judge_measurement(line, file="x", number=1)
    assert record["state"] == "blocked"
    ids = record["endpoints"][0]["transactions"]
    for spoiled in (without_transactions(line, ids), labels_swapped(line), labels_swapped(line, wire_too=True)):
        (again,) = judge_measurement(spoiled, file="x", number=1)
        assert again["state"] != "blocked"


def test_accepted_but_not_offered_starttls_is_no_success() -> None:
    line = mail("smtp+starttls", "accepted").line()
    for entry in line["test_keys"]["x_endpoints"]["mail"]:
        entry["failure"] = None
    (record,) = judge_measurement(line, file="x", number=1)
    assert (record["state"], record["rule_id"]) == ("blocked", "starttls_stripped")


@pytest.mark.parametrize(
    "junk",
    [
        {"operation": 7, "starttls": ["missing"], "over_tls": "no"},
        {"operation": "greeting", "starttls": "missing"},
        {"operation": "greeting", "starttls": "missing", "protocol": "imap"},
        {"operation": "starttls", "accepted": "yes", "x_injected": "no table"},
        {},
    ],
)
def test_junk_in_mail_entries_is_ignored(junk: dict[str, Any]) -> None:
    line = mail("smtp+starttls").line()
    for entry in line["test_keys"]["x_endpoints"]["mail"]:
        identity = entry["transaction_id"]
        entry.clear()
        entry.update(junk, transaction_id=identity)
    (record,) = judge_measurement(line, file="x", number=1)
    assert record["state"] in {"impaired", "insufficient"}


@pytest.mark.parametrize(
    ("acked", "state"),
    [(1, "likely_blocked"), (3, "impaired"), (None, "likely_blocked")],
    ids=["lost", "got", "unknown"],
)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_server_that_acknowledges_after_its_silence_is_not_accused(
    protocol: str, acked: int | None, state: str
) -> None:
    """Show that a server which lets unknown clients wait (RFC 5321, 4.5.3.2.1) is no block."""
    url = url_of(f"{protocol}+starttls")
    lines = MailLines({"mail": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.twice(url, GENUINE, f"greeting:{TIMEOUT}", stream=StreamEnd(bytes_sent=2, silence=4.0, bytes_acked=acked))
    lines.control(url, GENUINE)
    assert judged(lines)["state"] == state
