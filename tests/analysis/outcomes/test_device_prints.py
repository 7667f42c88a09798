"""Test that families of devices are named beside a verdict, and that no verdict depends on them."""

from typing import Any

import pytest

from probe.analysis.observations.reset_packets import prints_of
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.signatures.device_prints import HENAN, TSG
from tests.analysis.outcomes.test_forged_resets import HOST, URL, packet, reset_at_its_address, with_handshake
from tests.support.measurements.lines import GENUINE, Lines


def seeded(transaction: int, window: int, **more: Any) -> dict[str, Any]:
    return packet(transaction, "rst", window=window, device_print=TSG.name) | more


def verdict(lines: Lines) -> dict[str, Any]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record


@pytest.mark.parametrize(
    ("packets", "found"),
    [
        ([seeded(1, 1980), seeded(1, 1981), seeded(1, 1982)], {1: TSG.name}),  # three resets after one trigger
        ([seeded(1, 1980), seeded(2, 3000), seeded(3, 700)], dict.fromkeys((1, 2, 3), TSG.name)),  # one reset each
        ([seeded(1, 1980), seeded(2, 1980), seeded(3, 1981)], {}),  # two windows: chance is not excluded
        ([seeded(1, 1980), seeded(1, 1981), seeded(1, 1982, direction="out")], {}),
        ([seeded(1, 1980), seeded(1, 1981), seeded(1, 1982, kind="synack")], {}),
        ([packet(n, "rst", device_print=HENAN.name) for n in (1, 2)], dict.fromkeys((1, 2), HENAN.name)),
        ([packet(1, "rst", device_print=HENAN.name)] * 2, {}),  # one flow
        ([packet(n, "rst", device_print="print.unknown") for n in range(9)], {}),  # a later release's family
        ([packet(n, "rst") for n in range(9)], {}),
        (None, {}),
        ([None, 3, {}, {"kind": "rst", "direction": "in", "device_print": []}], {}),
    ],
)
def test_family_needs_enough_resets(packets: Any, found: dict[int, str]) -> None:
    assert prints_of(packets) == found


def test_flows_without_a_matching_reset_have_no_family() -> None:
    resets = [seeded(1, 1980), seeded(1, 1981), seeded(1, 1982), packet(2, "rst")]
    assert prints_of(resets) == {1: TSG.name}


@pytest.mark.parametrize("ttl", [58, 97])
def test_print_is_an_anomaly_and_changes_no_verdict(ttl: int) -> None:
    lines, both = reset_at_its_address()
    windows = iter(range(1980, 1990))
    plain = [packet(t, "rst", ttl=ttl, window=next(windows)) for t in both for _ in range(3)]
    lines.packets = [packet(t, "synack", flags="SA") for t in both] + plain
    before = verdict(lines)
    lines.packets = [p | ({"device_print": TSG.name} if p["kind"] == "rst" else {}) for p in lines.packets]
    after = verdict(lines)
    assert (before["anomalies"], after["anomalies"]) == ([], [TSG.name])
    assert before["state"] == ("impaired" if ttl == 58 else "likely_blocked")
    assert after | {"anomalies": []} == before


def test_print_beside_a_working_service_changes_no_state() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    innocuous, own = lines.innocuous(URL, GENUINE), lines.first(URL, GENUINE)
    resets = [seeded(own, window) for window in (1980, 1981, 1982)]
    lines.packets = [*with_handshake(innocuous), *with_handshake(own, *resets)]
    found = verdict(lines)
    assert (found["state"], found["mechanisms"], found["anomalies"]) == ("ok", [], [TSG.name])
