"""Test what is said of transfers with the helper that stop under a service's name, in both directions."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.transfers import TOTAL, entry, measured

Entry = dict[str, Any]
USUAL, SMALL = 1448, 524
UPLOAD: Entry = {"upload": True}


def stopped(amount: int, *, pair: int = 0, segment: int = USUAL, acknowledged: bool | None = False) -> Entry:
    """Return a transfer that gets nothing more after these bytes."""
    seconds = amount / 64_000
    told = {} if acknowledged is None else {"acknowledged": acknowledged}
    made = entry(lambda at: 64_000.0 if at < seconds else 0.0, pair=pair)
    return made | {"segment_size": segment} | told


def whole(*, pair: int = 0, segment: int = USUAL) -> Entry:
    return entry(pair=pair) | {"segment_size": segment}


def pairs(first: int, second: int, direction: Entry = {}, **changed: Any) -> list[tuple[Entry, Entry]]:  # noqa: B006
    """Return two pairs, the second one in small segments, whose names stop after these bytes."""
    again = {"pair": 1, "segment": SMALL}
    made = [(stopped(first, **changed), whole()), (stopped(second, **again, **changed), whole(**again))]
    # An upload's bytes are those that were acknowledged, with TLS.
    return [tuple(each | direction | _acked(each, direction) for each in pair) for pair in made]  # type: ignore[misc]


def _acked(made: Entry, direction: Entry) -> Entry:
    return {"acked": sum(made["received"]) + 400} if direction else {}


def judged(*made: tuple[Entry, Entry]) -> tuple[str, list[str], str]:
    (record,) = judge_measurement(measured(*made, pages=[200_000.0]), file="a", number=1)
    assert record["mechanisms"] == []
    return record["state"], record.get("anomalies") or [], record["rule_id"]


@pytest.mark.parametrize(("direction", "rule"), [({}, "service_downloads"), (UPLOAD, "service_uploads")])
def test_stops_at_one_place_in_two_sizes_are_noted(direction: Entry, rule: str) -> None:
    by_bytes, by_packets = pairs(64_000, 62_000, direction), pairs(64_000, 28_000, direction)
    assert judged(*by_bytes) == ("ok", ["flow.freeze.bytes"], f"{rule}_stop")
    assert judged(*by_packets) == ("ok", ["flow.freeze.packets"], f"{rule}_stop")


def without_repetition() -> list[tuple[Entry, Entry]]:
    return pairs(64_000, 62_000)[:1]


def in_one_size() -> list[tuple[Entry, Entry]]:
    (first, _), (second, _) = pairs(64_000, 62_000)
    return [(first, whole()), (second | {"segment_size": USUAL}, whole(pair=1))]


def after_few_packets_in_one_size() -> list[tuple[Entry, Entry]]:
    (first, _), (second, _) = pairs(13_000, 8_000)
    return [(first, whole()), (second | {"segment_size": USUAL}, whole(pair=1))]


def both_stop() -> list[tuple[Entry, Entry]]:
    return [(one, one) for one, _ in pairs(64_000, 62_000)]


def innocuous_stops_later() -> list[tuple[Entry, Entry]]:
    return [(one, stopped(66_000, pair=one["pair"], segment=one["segment_size"])) for one, _ in pairs(64_000, 62_000)]


def small_is_whole() -> list[tuple[Entry, Entry]]:
    return [*pairs(64_000, 62_000)[:1], (whole(pair=1, segment=SMALL), whole(pair=1, segment=SMALL))]


def spoiled() -> list[tuple[Entry, Entry]]:
    return [(one | {"failure": "unknown_failure: helper busy"}, other) for one, other in pairs(64_000, 62_000)]


@pytest.mark.parametrize(
    "made",
    [
        without_repetition(),
        in_one_size(),
        after_few_packets_in_one_size(),
        both_stop(),  # a firewall or a tariff that bears no long connections
        innocuous_stops_later(),
        small_is_whole(),  # only large packets are lost
        pairs(64_000, 45_000),  # neither the same bytes nor the same packets: packets lost at random
        pairs(64_000, 62_000, acknowledged=True),  # the helper has stopped by itself
        pairs(64_000, 62_000, acknowledged=None),  # this system tells no acknowledgements
        pairs(64_000, 62_000, UPLOAD, acknowledged=True),
        pairs(300_000, 298_000),  # no silence of 2.5 seconds at the end
        pairs(0, 0),  # no transfer began
    ],
)
def test_other_stops_are_not_noted(made: list[tuple[Entry, Entry]]) -> None:
    state, anomalies, _ = judged(*made)
    assert (state, [one for one in anomalies if one.startswith("flow.")]) == ("ok", [])


def test_stop_of_one_direction_and_that_of_the_other_are_no_repetition() -> None:
    download, upload = pairs(64_000, 62_000)[0], pairs(64_000, 62_000, UPLOAD)[1]
    assert judged(download, upload)[:2] == ("ok", [])
    assert sum(download[1]["received"]) == TOTAL
