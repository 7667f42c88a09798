"""Raw packets: whose were the resets, and what is said of it."""

from typing import Any

import pytest

from probe.analysis.observations.forged_resets import count_forged_resets
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.packets import PacketRecord
from tests.support.measurements.lines import GENUINE, Lines

HOST, RESET = "web.telegram.org", "connection_reset"
URL = f"https://{HOST}:443/"


def packet(
    transaction: int, kind: str, ttl: int = 58, sequence: int = 1, flags: str = "RA", **more: Any
) -> dict[str, Any]:
    about: dict[str, Any] = {"t": 1.0, "direction": "in", "address": GENUINE, "port": 443, "acknowledgment": 7} | more
    record = PacketRecord(transaction_id=transaction, kind=kind, ttl=ttl, sequence=sequence, flags=flags, **about)  # type: ignore[arg-type]
    return record.model_dump(mode="json")


def greeted(transaction: int, *resets: dict[str, Any]) -> list[dict[str, Any]]:
    return [packet(transaction, "synack", flags="SA"), *resets]


@pytest.mark.parametrize(
    ("resets", "unlike"),
    [
        ([packet(1, "rst")], 0),  # the server's own
        ([packet(1, "rst", ttl=97)], 1),
        ([packet(1, "rst", sequence=s) for s in (1, 1461, 4381)], 3),  # the server's TTL, copied
        ([packet(1, "rst", sequence=s, flags="R") for s in (1, 900)], 0),  # to late segments, RFC 9293 3.10.7.1
        ([packet(1, "rst", sequence=1), packet(1, "rst", sequence=900, acknowledgment=9)], 0),
        ([packet(1, "rst", ttl=97, direction="out")], 0),  # ours
        ([packet(2, "rst", ttl=97)], 0),  # of another flow
        ([packet(1, "icmp", ttl=97)], 0),
    ],
)
def test_which_resets_are_not_the_greeters(resets: list[dict[str, Any]], unlike: int) -> None:
    assert count_forged_resets(greeted(1, *resets))[1] == unlike


def test_who_never_greeted_cannot_be_compared() -> None:
    assert count_forged_resets([packet(1, "rst", ttl=97)]) == {1: 0}
    assert count_forged_resets(None) == count_forged_resets([None, 3, {}]) == {}


def reset_at_its_address() -> tuple[Lines, list[int]]:
    """Name and address together, and no helper: nothing but the packets tells who did it."""
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
    harmless = lines.innocuous(URL, GENUINE)
    return lines, harmless, lines.first(URL, GENUINE)


def judged(lines: Lines) -> dict[str, Any]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record


def test_a_reset_by_another_follows_the_name() -> None:
    lines, both = reset_at_its_address()
    assert judged(lines)["state"] == "impaired"  # without packets nobody knows
    lines.packets = [p for t in both for p in greeted(t, packet(t, "rst", ttl=97))]
    found = judged(lines)
    assert (found["state"], found["mechanisms"]) == ("likely_blocked", ["tls.reset.sni"])
    assert found["rule_id"] == "tls_reset_by_another"
    lines.packets = [p for t in both for p in greeted(t, packet(t, "rst"))]
    assert judged(lines)["state"] == "impaired"  # the server itself hangs up


def test_a_late_reset_by_another_did_no_harm() -> None:
    lines, harmless, own = worked()
    assert judged(lines)["anomalies"] == []
    lines.packets = [*greeted(harmless), *greeted(own, packet(own, "rst", ttl=97))]
    found = judged(lines)
    assert (found["state"], found["mechanisms"], found["anomalies"]) == ("ok", [], ["tls.reset.sni"])
    lines.packets += greeted(harmless, packet(harmless, "rst", ttl=97))
    assert judged(lines)["anomalies"] == []  # whoever that is, it is not for the name
