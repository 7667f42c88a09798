"""Test verdicts from raw packets: which sender made the resets."""

from typing import Any

import pytest

from probe.analysis.observations.reset_packets import count_forged_resets
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.exchanges.recorded_packets import PacketRecord
from tests.support.measurements.lines import GENUINE, Lines

HOST, RESET = "web.telegram.org", "connection_reset"
URL = f"https://{HOST}:443/"


def packet(
    transaction: int, kind: str, ttl: int = 58, sequence: int = 1, flags: str = "RA", **more: Any
) -> dict[str, Any]:
    about: dict[str, Any] = {"t": 1.0, "direction": "in", "address": GENUINE, "port": 443, "acknowledgment": 7} | more
    record = PacketRecord(transaction_id=transaction, kind=kind, ttl=ttl, sequence=sequence, flags=flags, **about)  # type: ignore[arg-type]
    return record.model_dump(mode="json")


def with_handshake(transaction: int, *resets: dict[str, Any]) -> list[dict[str, Any]]:
    return [packet(transaction, "synack", flags="SA"), *resets]


@pytest.mark.parametrize(
    ("resets", "unlike"),
    [
        ([packet(1, "rst")], 0),  # the server's reset
        ([packet(1, "rst", ttl=97)], 1),
        ([packet(1, "rst", sequence=s) for s in (1, 1461, 4381)], 3),  # the server's TTL, copied
        ([packet(1, "rst", sequence=s, flags="R") for s in (1, 900)], 0),  # to late segments, RFC 9293 3.10.7.1
        ([packet(1, "rst", sequence=1), packet(1, "rst", sequence=900, acknowledgment=9)], 0),
        ([packet(1, "rst", ttl=97, direction="out")], 0),  # our own reset
        ([packet(2, "rst", ttl=97)], 0),  # of another flow
        ([packet(1, "icmp", ttl=97)], 0),
    ],
)
def test_resets_of_another_sender_are_counted(resets: list[dict[str, Any]], unlike: int) -> None:
    assert count_forged_resets(with_handshake(1, *resets))[1] == unlike


def test_flow_without_handshake_is_not_compared() -> None:
    assert count_forged_resets([packet(1, "rst", ttl=97)]) == {1: 0}
    assert count_forged_resets(None) == count_forged_resets([None, 3, {}]) == {}


def reset_at_its_address() -> tuple[Lines, list[int]]:
    """Return resets by name and address together, without a helper, so that only the packets show the sender."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.innocuous(URL, GENUINE)
    both = [lines.first(URL, GENUINE, f"tls:{RESET}"), lines.confirm(URL, GENUINE, f"tls:{RESET}")]
    lines.neutral(URL)
    return lines, both


def worked() -> tuple[Lines, int, int]:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    innocuous = lines.innocuous(URL, GENUINE)
    return lines, innocuous, lines.first(URL, GENUINE)


def judged(lines: Lines) -> dict[str, Any]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record


def test_reset_of_another_sender_by_name_is_likely_blocked() -> None:
    lines, both = reset_at_its_address()
    assert judged(lines)["state"] == "impaired"  # the sender is unknown without packets
    lines.packets = [p for t in both for p in with_handshake(t, packet(t, "rst", ttl=97))]
    found = judged(lines)
    assert (found["state"], found["mechanisms"]) == ("likely_blocked", ["tls.reset.sni"])
    assert found["rule_id"] == "tls_reset_by_another"
    lines.packets = [p for t in both for p in with_handshake(t, packet(t, "rst"))]
    assert judged(lines)["state"] == "impaired"  # the server itself resets


def test_late_reset_of_another_sender_is_an_anomaly() -> None:
    lines, innocuous, own = worked()
    assert judged(lines)["anomalies"] == []
    lines.packets = [*with_handshake(innocuous), *with_handshake(own, packet(own, "rst", ttl=97))]
    found = judged(lines)
    assert (found["state"], found["mechanisms"], found["anomalies"]) == ("ok", [], ["tls.reset.sni"])
    lines.packets += with_handshake(innocuous, packet(innocuous, "rst", ttl=97))
    assert judged(lines)["anomalies"] == []  # the reset does not depend on the name
