"""Check which pairs of call packets count although our other flows moved bytes beside them."""

import pytest

from probe.formats.exchanges.media import LOST, NOT_KNOWN, MediaFlow
from probe.signatures.call_packets import QUIET, harmed_without_others

PACKETS, ZERO = 500, 1000.0
EVENLY = set(range(0, PACKETS, 10))
LATE_PACKET = 1001  # tenths of a millisecond


def flow(harmed: set[int], value: int = LOST, began: float = 0.5) -> MediaFlow:
    """Return a flow of 10 seconds, of which these packets were lost, late or not known."""
    back = [value if number in harmed else 3 for number in range(PACKETS)]
    sent = {"sent": PACKETS, "returned": sum(each >= 0 for each in back)}
    return MediaFlow(
        port=1, t0=began, shape="rtp", size=160, interval=0.02, established=True, forth=[0] * PACKETS, back=back, **sent
    )


def at(*seconds: float) -> list[float]:
    return [ZERO + each for each in seconds]


@pytest.mark.parametrize("value", [LOST, NOT_KNOWN, LATE_PACKET])
def test_line_that_harms_all_the_time_is_not_our_doing(value: int) -> None:
    assert harmed_without_others([flow(EVENLY, value), flow(EVENLY)], ZERO, at(0.5, 1.0))


@pytest.mark.parametrize(
    ("flows", "busy"),
    [
        ([], []),
        ([flow(set(range(150))), flow(set(range(150)))], at(0.5, 1.0)),  # harm in the three seconds after a burst
        ([flow(EVENLY), flow(set(range(0, 150, 10)))], at(0.5, 1.0)),  # one flow was harmed beside our flows alone
        ([flow(EVENLY), flow(EVENLY)], at(*(0.5 * number for number in range(24)))),  # never quiet
        ([flow(EVENLY), flow(EVENLY)], at(0.6, 7.5)),  # too short a time between two bursts
        ([flow({499}), flow({498})], at(0.5, 1.0)),  # no harm
    ],
)
def test_harm_beside_our_flows_alone_may_be_ours(flows: list[MediaFlow], busy: list[float]) -> None:
    assert not harmed_without_others(flows, ZERO, busy)


def test_few_quiet_packets_show_nothing() -> None:
    """Check the number of packets that a pair needs before bursts."""
    every = set(range(PACKETS))
    ends = 0.5 + 3.0 + 0.02 * (QUIET - 1)
    assert harmed_without_others([flow(every)], ZERO, at(ends + 0.001, 9.0))
    assert not harmed_without_others([flow(every)], ZERO, at(ends - 0.021, 9.0))
