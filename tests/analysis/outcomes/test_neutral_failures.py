"""Test verdicts where all neutral hosts failed in the preflight as the service does, and where only some did."""

from typing import Any

import pytest

from probe.analysis.observations.neutral_outcomes import way_of_all
from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.lines import GENUINE, Lines

HOST, REFUSED, TIMEOUT = "web.telegram.org", "connection_refused", "generic_timeout_error"
URL, OTHER = f"https://{HOST}:443/", "https://web2.telegram.org:443/"
OTHER_PORT = f"http://{HOST}:80/"
BAN = {"scope": "network", "flows": 20, "passed": 9, "turned": 0, "hosts": 4}
HOSTS = ("example.org", "www.debian.org", "fedoraproject.org")


def neutral(host: str, failure: str | None, at: str = "connect", **more: Any) -> dict[str, Any]:
    about = {"endpoint": f"https://{host}:443/", "address": "192.0.2.80", "family": 4, "failure": failure}
    return about | {"failed_operation": at if failure else None} | more


def reset_everywhere() -> list[dict[str, Any]]:
    return [neutral(host, REFUSED) for host in HOSTS]


def lines(outcome: str, *, attempts: int, hosts: list[dict[str, Any]], url: str = URL, **run: Any) -> Lines:
    made = Lines({"web": [url]})
    made.lookup(HOST, GENUINE)
    made.encrypted(HOST, GENUINE)
    made.run |= run
    made.preflight["neutral"] = hosts
    made.first(url, GENUINE, outcome)
    if attempts > 1:
        made.confirm(url, GENUINE, outcome)
    made.control(url, GENUINE)
    return made


def judged(made: Lines, *load: dict[str, Any]) -> tuple[str, str]:
    measurement = made.line()
    for record in measurement["test_keys"]["x_transactions"]:
        if record["failure"] is not None and load:
            record["load"] = list(load)
    (record,) = judge_measurement(measurement, file="a.jsonl", number=1)
    return record["state"], record["rule_id"]


def test_service_that_was_asked_once_is_explained_by_the_reset_of_port_443() -> None:
    made = lines(f"tcp:{REFUSED}", attempts=1, hosts=reset_everywhere(), interrupted=True)
    assert judged(made) == ("likely_blocked", "port_443_reset_for_all")


@pytest.mark.parametrize(
    ("hosts", "url", "run"),
    [
        (reset_everywhere()[:2], URL, {}),
        ([*reset_everywhere(), neutral("www.gnu.org", None)], URL, {}),
        ([*reset_everywhere(), neutral("www.gnu.org", TIMEOUT, at="tls_handshake")], URL, {}),
        ([neutral(host, REFUSED, home=True) for host in HOSTS], URL, {}),
        (reset_everywhere(), OTHER_PORT, {}),
        (reset_everywhere(), URL, {"checks": ["near_reaction"]}),
    ],
    ids=["two hosts", "one passes", "one is silent", "hosts at home", "another port", "no packets with TTL 1"],
)
def test_service_that_was_asked_once_stays_open_otherwise(
    hosts: list[dict[str, Any]], url: str, run: dict[str, Any]
) -> None:
    made = lines(f"tcp:{REFUSED}", attempts=1, hosts=hosts, url=url, interrupted=True, **run)
    assert judged(made)[0] in {"insufficient", "impaired"}


def test_service_that_fails_for_the_helper_too_is_not_explained() -> None:
    made = Lines({"web": [URL]})
    made.lookup(HOST, GENUINE)
    made.encrypted(HOST, GENUINE)
    made.run |= {"interrupted": True}
    made.preflight["neutral"] = reset_everywhere()
    made.first(URL, GENUINE, f"tcp:{REFUSED}")
    made.control(URL, GENUINE, f"tcp:{REFUSED}")
    assert judged(made)[0] not in {"likely_blocked", "blocked"}


CASES = [
    ("tcp:connection_refused", REFUSED, "connect"),
    ("tls:connection_reset", "connection_reset", "tls_handshake"),
    ("tls:generic_timeout_error", TIMEOUT, "tls_handshake"),
]


@pytest.mark.parametrize(("outcome", "failure", "at"), CASES, ids=["reset", "cut", "stopped"])
def test_what_neutral_hosts_showed_before_is_no_effect_of_our_burst(outcome: str, failure: str, at: str) -> None:
    alike = [neutral(host, failure, at) for host in HOSTS]
    assert judged(lines(outcome, attempts=2, hosts=alike), BAN)[0] == "likely_blocked"
    mixed = [*alike, neutral("www.gnu.org", None)]
    assert judged(lines(outcome, attempts=2, hosts=mixed), BAN) == ("impaired", "own_load")


@pytest.mark.parametrize(
    ("outcome", "failure", "at", "kind"),
    [(*CASES[0], "connect_cut_off"), (*CASES[2], "data_silent")],
    ids=["reset", "stopped"],
)
def test_neutral_hosts_that_pass_later_show_no_rule_of_the_network(
    outcome: str, failure: str, at: str, kind: str
) -> None:
    """Show that a line that limits connections accuses no service, though it refused all of them in the preflight."""
    alike = [neutral(host, failure, at) for host in HOSTS]
    rates = {"kind": kind, "flows": 325, "failures": 310, "networks": 4, "owners": 3}
    assert judged(lines(outcome, attempts=2, hosts=alike, innocuous_failures=[rates]), BAN)[0] == "impaired"
    assert judged(lines(outcome, attempts=2, hosts=alike, innocuous_failures=[rates]))[0] == "impaired"
    one_owner = rates | {"owners": 1}
    assert judged(lines(outcome, attempts=2, hosts=alike, innocuous_failures=[one_owner]), BAN)[0] == "likely_blocked"
    once = lines(outcome, attempts=1, hosts=alike, innocuous_failures=[rates], interrupted=True)
    assert judged(once)[0] in {"insufficient", "impaired"}


@pytest.mark.parametrize(("outcome", "failure", "at"), CASES, ids=["reset", "cut", "stopped"])
def test_failure_of_another_kind_may_still_be_an_effect_of_our_burst(outcome: str, failure: str, at: str) -> None:
    others = [(kind, place) for _, kind, place in CASES if (kind, place) != (failure, at)]
    for kind, place in others:
        hosts = [neutral(host, kind, place) for host in HOSTS]
        assert judged(lines(outcome, attempts=2, hosts=hosts), BAN) == ("impaired", "own_load")


@pytest.mark.parametrize("failure", ["connection_reset", TIMEOUT])
def test_accepted_connection_is_no_proof_where_all_servers_accept_connections(failure: str) -> None:
    hosts, url = [neutral(host, failure, "tls_handshake") for host in HOSTS], f"tcp://{HOST}:5222"
    assert judged(lines("ok", attempts=1, hosts=hosts, url=url)) == ("insufficient", "connection_accepted_for_all")
    passing = [*hosts, neutral("www.gnu.org", None)]
    assert judged(lines("ok", attempts=1, hosts=passing, url=url)) == ("ok", "tcp_connects")
    assert judged(lines("ok", attempts=1, hosts=hosts))[0] == "ok", "TLS proves the server"


def test_lost_large_packets_leave_handshakes_silent_too() -> None:
    hosts = [neutral(host, TIMEOUT, "tls_handshake") for host in HOSTS]
    assert way_of_all({"neutral": hosts}) == "stopped"
    assert way_of_all({"neutral": hosts, "mtu": {"ipv4": None, "ipv6": None, "refused": [4]}}) == ""
    assert way_of_all({"neutral": "damaged"}) == way_of_all({}) == ""
