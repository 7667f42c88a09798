"""Test which captures accuse: only those in which packets, or comparison flows, show interference."""

from pathlib import Path

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.captures.capture_measurements import measurements_of
from probe.captures.captured_set import read_captures
from probe.captures.datagram_reading import LONGEST_LOOKUP
from tests.support.made_captures import (
    FOREIGN,
    OTHER,
    RESOLVER,
    SERVER,
    TTL,
    MadeCapture,
    accusations,
    verdicts,
)

NAME, PASSING, ELSEWHERE = "blocked.example.com", "passing.example.net", "www.debian.org"


def compared(fate: str, reset_ttl: int = FOREIGN) -> MadeCapture:
    """Return a capture in which a name fails twice, and another name passes at the same server."""
    made = MadeCapture()
    for _ in range(2):
        made.tls(PASSING)
        made.tls(NAME, fate, reset_ttl=reset_ttl)
    made.tls(PASSING)
    return made


def add_unrelated_server(made: MadeCapture, fate: str, reset_ttl: int = FOREIGN) -> MadeCapture:
    made.tls(ELSEWHERE, server=OTHER)
    made.tls(NAME, fate, server=OTHER, reset_ttl=reset_ttl)
    made.tls(ELSEWHERE, server=OTHER)
    made.wait()
    return made


def test_name_that_is_reset_by_another_sender_is_probably_blocked(tmp_path: Path) -> None:
    found = accusations(compared("reset").write(tmp_path / "a.pcap"))
    assert found == {f"tls://{NAME}:443": ("likely_blocked", ["tls.reset.sni"])}


def test_same_name_at_an_unrelated_server_makes_it_certain(tmp_path: Path) -> None:
    made = add_unrelated_server(compared("reset"), "reset")
    assert accusations(made.write(tmp_path / "a.pcap")) == {f"tls://{NAME}:443": ("blocked", ["tls.reset.sni"])}


def test_two_files_may_hold_test_and_control(tmp_path: Path) -> None:
    test, control = MadeCapture(), MadeCapture()
    for _ in range(2):
        test.tls(NAME, "reset")
        control.tls(PASSING)
    one, other = test.write(tmp_path / "test.pcap"), control.write(tmp_path / "control.pcap")
    assert accusations(one) == {}
    assert accusations(one, other) == {f"tls://{NAME}:443": ("likely_blocked", ["tls.reset.sni"])}


def test_dropped_hellos_at_two_servers_are_blocked(tmp_path: Path) -> None:
    made = add_unrelated_server(compared("silent"), "silent")
    assert accusations(made.write(tmp_path / "a.pcap")) == {f"tls://{NAME}:443": ("blocked", ["tls.timeout.sni"])}


@pytest.mark.parametrize("fate", ["reset", "closed", "acknowledged"])
def test_servers_that_refuse_a_name_themselves_accuse_nothing(tmp_path: Path, fate: str) -> None:
    """Test resets with the server's own TTL, a FIN, and silence after an acknowledgment, at two unrelated servers."""
    made = add_unrelated_server(compared(fate, reset_ttl=TTL), fate, reset_ttl=TTL)
    assert accusations(made.write(tmp_path / "a.pcap")) == {}


def test_reset_of_another_sender_without_comparison_is_named_and_accuses_nothing(tmp_path: Path) -> None:
    made = MadeCapture()
    made.tls(ELSEWHERE, server=OTHER)
    made.tls(NAME, "reset")
    made.tls(ELSEWHERE, server=OTHER)
    path = made.write(tmp_path / "a.pcap")
    (record,) = [each for each in verdicts(path) if each["endpoints"][0]["endpoint"] == f"tls://{NAME}:443"]
    assert (record["state"], record["rule_id"]) == ("impaired", "capture_reset_by_another")


def test_name_that_passed_at_times_is_not_accused(tmp_path: Path) -> None:
    made = compared("reset")
    made.tls(NAME)
    assert accusations(made.write(tmp_path / "a.pcap")) == {}


def test_server_that_resets_any_name_is_not_accused(tmp_path: Path) -> None:
    made = compared("reset")
    made.tls(PASSING, "reset")
    assert accusations(made.write(tmp_path / "a.pcap")) == {}


def test_names_that_fail_after_another_one_are_residual(tmp_path: Path) -> None:
    """Test a device that drops everything to the server for minutes after one name."""
    made, second = MadeCapture(), "second.example.com"
    made.tls(PASSING)
    for name in (NAME, second, second):
        made.tls(name, "silent")
    made.tls(ELSEWHERE, server=OTHER)
    for name in (NAME, second):
        made.tls(name, "silent", server=OTHER)
    made.wait(5)
    made.tls(ELSEWHERE, server=OTHER)
    made.wait()
    assert f"tls://{second}:443" not in accusations(made.write(tmp_path / "a.pcap"))


def test_closed_ports_scans_and_silent_addresses_accuse_nothing(tmp_path: Path) -> None:
    made = MadeCapture(pause=0.1)
    made.tls(ELSEWHERE, server=OTHER)
    for port in range(1, 400):
        made.refused(SERVER, port)
    for last in range(1, 40):
        made.silent_connect(f"149.154.167.{last}")
        made.unreachable(f"149.154.160.{last}")
    made.wait()
    path = made.write(tmp_path / "a.pcap")
    assert accusations(path) == {}
    assert len(verdicts(path)) > 50


def test_answer_before_the_true_one_is_forged(tmp_path: Path) -> None:
    made = MadeCapture()
    made.lookup(PASSING, [("93.184.215.14", TTL)])
    made.lookup(NAME, [("31.13.80.54", FOREIGN), ("149.154.167.99", TTL)])
    found = accusations(made.write(tmp_path / "a.pcap"))
    assert found == {f"dns+udp://{RESOLVER}:53": ("blocked", ["dns.injection.other"])}
    assert "capture_answer_raced" in {record["rule_id"] for record in verdicts(tmp_path / "a.pcap")}


def test_contradiction_of_like_answers_accuses_nothing(tmp_path: Path) -> None:
    """Test a query that the network doubled on its way, after which the resolver answers twice."""
    made = MadeCapture()
    made.lookup(NAME, [("31.13.80.54", TTL), ("149.154.167.99", TTL)])
    path = made.write(tmp_path / "a.pcap")
    assert accusations(path) == {}
    assert {record["rule_id"] for record in verdicts(path)} == {"capture_answers_contradict"}


def test_answer_with_an_impossible_address_before_another_one_is_forged(tmp_path: Path) -> None:
    made = MadeCapture()
    made.lookup(NAME, [("10.10.34.34", TTL), ("149.154.167.99", TTL)])
    found = accusations(made.write(tmp_path / "a.pcap"))
    assert found == {f"dns+udp://{RESOLVER}:53": ("blocked", ["dns.injection.bogon"])}


@pytest.mark.parametrize(
    ("answers", "sent"),
    [
        ([("31.13.80.54", TTL)], 1),  # nothing contradicts it
        ([("10.10.34.34", TTL)], 1),  # it may be a zone of the user's own network
        ([("31.13.80.54", TTL), ("31.13.80.54", TTL)], 1),  # the same twice
        ([("31.13.80.54", TTL), ("149.154.167.99", TTL)], 2),  # a repeated query is answered again
    ],
)
def test_answers_of_one_resolver_accuse_nothing(tmp_path: Path, answers: list[tuple[str, int]], sent: int) -> None:
    made = MadeCapture()
    made.lookup(NAME, answers, sent=sent)
    assert accusations(made.write(tmp_path / "a.pcap")) == {}


def asked_again(made: MadeCapture, times: int, *, pause: float = 5.0, answered: int = -1) -> None:
    """Ask for NAME with a new id from a new port each time. One of the queries may be answered."""
    for number in range(times):
        made.lookup(NAME, [("149.154.167.99", TTL)] if number == answered else [])
        made.advance(pause)


def states_of_lookup(path: Path) -> set[str]:
    """Return the states of the verdicts on NAME."""
    found = [each.document for each in measurements_of(read_captures([path])) if each.document["input"] == NAME]
    return {record["state"] for document in found for record in judge_measurement(document, file="x", number=1)}


@pytest.mark.parametrize(("times", "states"), [(1, set()), (2, {"impaired"}), (3, {"impaired"})])
def test_query_repeated_from_another_port_is_one_lookup(tmp_path: Path, times: int, states: set[str]) -> None:
    made = MadeCapture()
    made.lookup(PASSING, [("93.184.215.14", TTL)])
    asked_again(made, times)
    made.lookup(PASSING, [("93.184.215.14", TTL)])
    made.wait()
    path = made.write(tmp_path / "a.pcap")
    assert states_of_lookup(path) == states
    assert accusations(path) == {}


@pytest.mark.parametrize("answered", range(3))
def test_lookup_answered_when_repeated_from_another_port_did_not_fail(tmp_path: Path, answered: int) -> None:
    """Test a line that loses datagrams: one of three queries was answered."""
    made = MadeCapture()
    asked_again(made, 3, answered=answered)
    made.wait()
    states = states_of_lookup(made.write(tmp_path / "a.pcap"))
    assert states == {"insufficient"}


def test_two_lost_queries_far_from_each_other_are_two_lookups(tmp_path: Path) -> None:
    made = MadeCapture()
    asked_again(made, 2, pause=LONGEST_LOOKUP)
    made.wait()
    assert states_of_lookup(made.write(tmp_path / "a.pcap")) == set()


def test_records_name_the_server_and_the_part_of_the_hello(tmp_path: Path) -> None:
    path = compared("reset").write(tmp_path / "a.pcap")
    seen = [each["capture"] for record in verdicts(path) for each in record["endpoints"]]
    assert {"addresses": [SERVER], "hello": "name", "decides": None} in seen


def test_nothing_is_ok_without_proof(tmp_path: Path) -> None:
    path = compared("passes").write(tmp_path / "a.pcap")
    assert {record["state"] for record in verdicts(path)} == {"insufficient"}
