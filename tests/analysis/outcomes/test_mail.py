"""From what happens to mail to what is said (design 7); with the look-alikes that accuse nobody."""

from typing import Any

import pytest

from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.rows import read_measurement
from probe.analysis.verdicts.verdicts import judge_measurement
from tests.analysis.outcomes.test_connections import RESET, TIMEOUT, judged, said
from tests.support.measurements.ablation import labels_swapped, without_transactions
from tests.support.measurements.lines import GENUINE, SECOND
from tests.support.measurements.mail_dialogues import MailLines

HOST = "mail.telegram.org"
PROTOCOLS = ("smtp", "imap")
PORTS = {"smtps": 465, "smtp+starttls": 587, "imaps": 993, "imap+starttls": 143}


def url_of(scheme: str) -> str:
    return f"{scheme}://{HOST}:{PORTS[scheme]}"


def mail(scheme: str, outcome: str = "ok", *, control: str | None = "ok", proven: bool = True) -> MailLines:
    """One endpoint, an address, that ends twice in the same way here; and what the helper saw of it."""
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
def test_an_answer_is_ok_and_names_its_proof(scheme: str) -> None:
    record = judged(mail(scheme))
    assert (record["state"], record["proof"], record["anomalies"]) == ("ok", scheme[:4], [])
    assert record["rule_id"] == ("tls_completes" if "+" in scheme else "mail_answered")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("outcome", ["missing", "masked", "accepted"])
def test_stripped_here_and_offered_outside(protocol: str, outcome: str) -> None:
    scheme, mechanism = f"{protocol}+starttls", f"{protocol}.starttls_stripped"
    assert said(mail(scheme, outcome)) == ("blocked", [mechanism])
    assert said(mail(scheme, outcome, control=None)) == ("impaired", [])
    assert rule_of(mail(scheme, outcome, control=None)) == "mail_starttls_not_offered"
    assert judged(mail(scheme, outcome))["proof"] == "tcp"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_offered_to_nobody_is_the_servers_way(protocol: str) -> None:
    for here, there in (("missing", "missing"), ("masked", "masked"), ("accepted", "accepted"), ("masked", "missing")):
        lines = mail(f"{protocol}+starttls", here, control=there)
        assert said(lines) == ("down", [])
        assert rule_of(lines) == "mail_starttls_offered_to_nobody"


def test_a_server_that_offers_it_to_some_accuses_nobody() -> None:
    """Two machines behind one name, of which one has no STARTTLS: the helper met both."""
    lines = mail("smtp+starttls", "missing", control=None)
    lines.control(url_of("smtp+starttls"), SECOND, "missing")
    lines.control(url_of("smtp+starttls"), SECOND)
    assert said(lines) == ("impaired", [])


def test_once_is_not_enough() -> None:
    url = url_of("smtp+starttls")
    lines = MailLines({"mail": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(url, GENUINE, "missing")
    lines.control(url, GENUINE)
    assert (judged(lines)["state"], rule_of(lines)) == ("impaired", "mail_unconfirmed")
    lines.confirm(url, GENUINE, f"starttls:{RESET}")  # and another kind is no confirmation
    assert said(lines) == ("impaired", [])
    lines.confirm(url, GENUINE)
    assert said(lines) == ("ok", [])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_offered_and_refused(protocol: str) -> None:
    lines = mail(f"{protocol}+starttls", "refused")
    assert said(lines) == ("likely_blocked", [f"{protocol}.starttls_stripped"])
    assert said(mail(f"{protocol}+starttls", "refused", control=None)) == ("impaired", [])
    assert said(mail(f"{protocol}+starttls", "refused", control="refused")) == ("down", [])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_that_turns_us_away_is_nobodys_censor(protocol: str) -> None:
    lines = mail(f"{protocol}+starttls", "turned away")
    assert (judged(lines)["state"], rule_of(lines)) == ("impaired", "mail_turned_away")


@pytest.mark.parametrize("scheme", PORTS)
@pytest.mark.parametrize("failure", [RESET, TIMEOUT, "eof_error"])
def test_a_dialogue_that_dies_here(scheme: str, failure: str) -> None:
    step = "greeting" if "+" in scheme else "inside"
    assert said(mail(scheme, f"{step}:{failure}")) == ("likely_blocked", [scheme[:4]])
    assert said(mail(scheme, f"{step}:{failure}", control=None)) == ("impaired", [])
    assert said(mail(scheme, f"{step}:{failure}", control=f"{step}:{failure}")) == ("down", [])


def test_the_rules_about_tls_hold_behind_starttls() -> None:
    lines = mail("smtp+starttls", f"tls:{RESET}")
    assert said(lines) == ("likely_blocked", ["tls.reset"])
    assert judged(lines)["proof"] == "mail"
    forged = MailLines({"mail": [url_of("smtp+starttls")]})
    forged.lookup(HOST, GENUINE)
    forged.encrypted(HOST, GENUINE)
    forged.twice(url_of("smtp+starttls"), GENUINE, "tls:ssl_unknown_authority", cert=b"forged")
    forged.control(url_of("smtp+starttls"), GENUINE)
    assert judged(forged)["mechanisms"] == ["tls.mitm"]


def test_a_name_that_is_reset_at_993() -> None:
    url = url_of("imaps")
    lines = mail("imaps", f"tls:{RESET}")
    lines.innocuous(url, GENUINE)
    assert said(lines) == ("blocked", ["tls.reset.sni"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_plaintext_behind_the_go_ahead_is_an_anomaly(protocol: str) -> None:
    scheme = f"{protocol}+starttls"
    record = judged(mail(scheme, "injected"))
    assert (record["state"], record["mechanisms"], record["anomalies"]) == ("ok", [], [protocol])
    assert judged(mail(scheme, "injected", control="injected"))["anomalies"] == []


def test_a_certificate_behind_starttls_proves_the_address() -> None:
    """Also where STARTTLS was masked and accepted: nothing else may vouch for the address."""
    lines = mail("smtp+starttls", "accepted", proven=False, control=None)
    assert Verified(read_measurement(lines.line())).verified(HOST) == {GENUINE}
    refused = mail("smtp+starttls", "masked", proven=False, control=None)
    assert Verified(read_measurement(refused.line())).verified(HOST) == frozenset()
    assert said(refused) == ("impaired", [])


def test_an_address_that_nothing_proves_accuses_nobody() -> None:
    lines = mail("smtp+starttls", "missing", proven=False, control=None)
    lines.control(url_of("smtp+starttls"), SECOND)
    assert said(lines) == ("impaired", [])


@pytest.mark.parametrize("outcome", ["missing", "masked", "accepted"])
def test_ablation(outcome: str) -> None:
    line = mail("smtp+starttls", outcome).line()
    (record,) = judge_measurement(line, file="x", number=1)
    assert record["state"] == "blocked"
    ids = record["endpoints"][0]["transactions"]
    for spoiled in (without_transactions(line, ids), labels_swapped(line), labels_swapped(line, wire_too=True)):
        (again,) = judge_measurement(spoiled, file="x", number=1)
        assert again["state"] != "blocked"


def test_what_was_accepted_though_not_offered_is_no_success_whatever_the_entry_says() -> None:
    line = mail("smtp+starttls", "accepted").line()
    for entry in line["test_keys"]["x_endpoints"]["mail"]:
        entry["failure"] = None
    (record,) = judge_measurement(line, file="x", number=1)
    assert (record["state"], record["rule_id"]) == ("blocked", "smtp_starttls_stripped")


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
def test_junk_reads_as_absent(junk: dict[str, Any]) -> None:
    line = mail("smtp+starttls").line()
    for entry in line["test_keys"]["x_endpoints"]["mail"]:
        identity = entry["transaction_id"]
        entry.clear()
        entry.update(junk, transaction_id=identity)
    (record,) = judge_measurement(line, file="x", number=1)
    assert record["state"] in {"impaired", "insufficient"}
