"""Test the rate of the busiest window."""

from probe.session.pacing import WINDOW, ReceivedRate


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_rate_is_that_of_the_busiest_window() -> None:
    clock = Clock()
    rate = ReceivedRate(clock)
    assert rate.bytes_per_second == 0
    for second, size in enumerate([100, 100, 100, 100, 100, 900, 900, 900, 900, 900, 5]):
        clock.now = 100.0 + second
        rate.add(size)
    assert rate.bytes_per_second == 900


def test_bytes_that_a_busy_computer_reads_at_once_are_spread_over_the_window() -> None:
    clock = Clock()
    rate = ReceivedRate(clock)
    rate.add(1)
    clock.now += WINDOW
    rate.add(64_000)
    assert rate.bytes_per_second == 64_000 / WINDOW


def test_first_window_may_be_short() -> None:
    clock = Clock()
    rate = ReceivedRate(clock)
    rate.add(30_000)
    assert rate.bytes_per_second == 60_000
    clock.now += 1.0
    assert rate.bytes_per_second == 30_000
    clock.now += 100.0
    assert rate.bytes_per_second == 6_000
