"""Test verdicts where a part of the Internet is not reachable, and where a family is not proven."""

from typing import Any

import pytest

from probe.analysis.ruleset.address_rules import OUTAGE
from probe.analysis.store.flatten import facts_from, flatten
from probe.analysis.verdicts.verdicts import flat_measurement_of, judge_measurement
from probe.formats.followups import FollowUp
from tests.support.measurements.lines import GENUINE, Lines

HOST, TIMEOUT = "web.telegram.org", "generic_timeout_error"
URL, STUN, V6 = f"https://{HOST}:443/", "stun://149.154.167.51:3478", "2001:67c:4e8:f002::a"
FAR, OTHER = "https://far.example:443/", "https://other.example:443/"


def neutral(url: str = FAR, family: int = 4, failure: str | None = TIMEOUT, at: str = "connect") -> dict[str, Any]:
    address = f"2001:db8::{len(url)}" if family == 6 else f"192.0.2.{len(url)}"
    host = {"endpoint": url, "address": address, "family": family, "failure": failure, "trusted_by_machine": None}
    return host | ({"failed_operation": at} if failure else {})


def silent(*neutral_hosts: dict[str, Any], url: str = URL, ip: str = GENUINE, failure: str = f"tcp:{TIMEOUT}") -> Lines:
    """Return an endpoint that the helper reaches and that is silent here, and more neutral hosts of the preflight."""
    lines = Lines({"web": [url]})
    if HOST in url:
        lines.lookup(HOST, ip)
        lines.encrypted(HOST, ip)
    lines.twice(url, ip, failure)
    lines.control(url, ip)
    if HOST in url:
        lines.control_lookup(HOST, ip)
    lines.preflight["neutral"] += [neutral(OTHER, failure=None), neutral(OTHER, 6, failure=None), *neutral_hosts]
    return lines


def judged(lines: Lines, line: dict[str, Any] | None = None) -> tuple[str, str]:
    (record,) = judge_measurement(line or lines.line(), file="a.jsonl", number=1)
    return record["state"], record["rule_id"]


@pytest.mark.parametrize("failure", [TIMEOUT, "host_unreachable"])
@pytest.mark.parametrize(
    ("url", "ip", "layer"), [(URL, GENUINE, "tcp"), (STUN, "149.154.167.51", "payload")], ids=["tcp", "udp"]
)
def test_silent_address_is_impaired_if_a_neutral_host_is_not_reached(
    url: str, ip: str, layer: str, failure: str
) -> None:
    lines = silent(neutral(failure=failure), url=url, ip=ip, failure=f"{layer}:{TIMEOUT}")
    assert judged(lines) == ("impaired", OUTAGE)
    assert judged(silent(url=url, ip=ip, failure=f"{layer}:{TIMEOUT}"))[0] == "likely_blocked"


@pytest.mark.parametrize(
    "host",
    [
        neutral(failure="connection_refused"),
        neutral(at="tls_handshake"),
        {key: value for key, value in neutral().items() if key != "failed_operation"},
    ],
    ids=["refused", "silent in TLS", "before the key existed"],
)
def test_neutral_host_that_answered_is_no_outage(host: dict[str, Any]) -> None:
    assert judged(silent(host)) == ("likely_blocked", "tcp_fails_alike_here")


def test_refused_connect_is_accused_in_an_outage() -> None:
    assert judged(silent(neutral(), failure="tcp:connection_refused")) == ("likely_blocked", "tcp_fails_alike_here")


def test_address_that_answers_in_another_way_is_accused_in_an_outage() -> None:
    lines = silent(neutral())
    lines.first(f"http://{HOST}:80/", GENUINE)
    assert judged(lines) == ("likely_blocked", "tcp_fails_alike_here")


@pytest.mark.parametrize("followup", ["path_sweep", "near_reaction"])
def test_router_on_the_path_is_no_answer_of_the_address(followup: FollowUp) -> None:
    lines = silent(neutral())
    lines.probe.open(kind="followup", followup=followup, address=GENUINE, port=443, family=4, endpoint=URL)
    assert judged(lines) == ("impaired", OUTAGE)


def test_failure_at_the_control_too_is_down_in_an_outage() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.twice(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.control(URL, GENUINE, f"tcp:{TIMEOUT}")
    lines.preflight["neutral"].append(neutral())
    assert judged(lines) == ("down", "fails_everywhere")


def test_neutral_host_that_is_down_for_the_control_too_is_no_outage() -> None:
    lines = silent(neutral())
    line = lines.line()
    there = line["test_keys"]["x_control"]["test_keys"]
    there["x_run"] = {"preflight": {"neutral": [neutral()]}}
    assert judged(lines, line) == ("likely_blocked", "tcp_fails_alike_here")
    kept = flatten(flat_measurement_of(line), line, line_hash="ab" * 32, size=7, file="a.jsonl", number=1)
    assert facts_from(kept.measurement, kept.observations) == flat_measurement_of(line)
    there["x_run"] = {"preflight": {"neutral": [neutral(failure=None)]}}
    assert judged(lines, line) == ("impaired", OUTAGE)


def both_families(*neutral_hosts: dict[str, Any], ip: str = GENUINE) -> Lines:
    lines = silent(*neutral_hosts, ip=ip)
    lines.run["families"]["ipv6"] = True
    return lines


@pytest.mark.parametrize("ip", [GENUINE, V6])
def test_outage_holds_for_its_family(ip: str) -> None:
    own, other = (6, 4) if ip == V6 else (4, 6)
    assert judged(both_families(neutral(family=own), neutral(family=other, failure=None), ip=ip))[0] == "impaired"
    fine = both_families(neutral(family=other), neutral(family=own, failure=None), ip=ip)
    assert judged(fine) == ("likely_blocked", "tcp_fails_alike_here")
    assert judged(both_families(neutral(family=other), ip=ip))[0] == "impaired"  # over its own it was not tried


@pytest.mark.parametrize(
    ("failure", "state"), [(f"tls:{TIMEOUT}", "impaired"), ("tls:connection_reset", "likely_blocked")]
)
def test_silence_accuses_nothing_in_a_family_without_a_proven_host(failure: str, state: str) -> None:
    lines = silent(ip=V6, failure=failure)
    lines.run["families"]["ipv6"] = True
    assert judged(lines)[0] == "likely_blocked"  # as in measurements that do not say what is proven
    lines.preflight |= {"ipv4_proven": True, "ipv6_proven": False}
    assert judged(lines)[0] == state


def test_one_silent_neutral_host_of_several_is_no_packet_loss() -> None:
    hosts = [neutral(), neutral(f"{FAR}a", failure=None), neutral(f"{FAR}ab", failure=None)]
    for lost, state in (([], "blocked"), ([neutral(f"{FAR}abc")], "likely_blocked")):
        lines = Lines({"web": [URL]})
        lines.lookup(HOST, GENUINE)
        lines.encrypted(HOST, GENUINE)
        lines.innocuous(URL, GENUINE)
        lines.twice(URL, GENUINE, f"tls:{TIMEOUT}")
        lines.control(URL, GENUINE)
        lines.preflight["neutral"] += [*hosts, *lost]
        assert judged(lines)[0] == state


@pytest.mark.parametrize(
    ("mtu", "state"),
    [
        ({"ipv4": None, "ipv6": None, "refused": [4]}, "impaired"),
        ({"ipv4": None, "ipv6": None, "refused": [6]}, "likely_blocked"),
        ({"ipv4": 1200, "ipv6": 1200, "refused": []}, "likely_blocked"),
        (None, "likely_blocked"),
        ("lost", "likely_blocked"),
        ({"refused": 4}, "likely_blocked"),
    ],
    ids=["refused", "refused over the other family", "lowered", "null", "no object", "no list"],
)
def test_silence_after_a_connect_accuses_nothing_if_segments_could_not_be_lowered(mtu: Any, state: str) -> None:
    lines = silent(failure=f"tls:{TIMEOUT}")
    lines.preflight |= {"ipv4_proven": True, "mtu": mtu}
    assert judged(lines)[0] == state


def test_reset_is_accused_though_segments_could_not_be_lowered() -> None:
    lines = silent(failure="tls:connection_reset")
    lines.preflight |= {"ipv4_proven": True, "mtu": {"ipv4": None, "ipv6": None, "refused": [4]}}
    assert judged(lines)[0] == "likely_blocked"
