"""Test the parts of media flows: punctual packets, and packets outside of a time span."""

import pytest

from probe.analysis.statistics.media_flow import LATE, loss, loss_between, punctual, without_span
from tests.analysis.statistics.flows import flow


def test_late_packets_are_lost_and_lost_ones_are_left_out() -> None:
    late = flow(lambda number: number < 100, lambda number: 0.05 + (LATE + 0.001 if number % 2 else 0.0))
    found = punctual(late)
    assert len(found.sent) == 400 and loss(found).value == 0.5
    assert loss(punctual(flow(delay=lambda number: 0.05 + (LATE - 0.001 if number % 2 else 0.0)))).value == 0.0
    assert len(punctual(flow(lambda number: True)).sent) == 0


def test_span_is_cut_out() -> None:
    found = without_span(flow(lambda number: 100 <= number < 300), 2.0, 6.0)
    assert len(found.sent) == 300 and loss(found).value == 0.0
    assert found.sent[100] == pytest.approx(2.0) and found.delay(200) == pytest.approx(0.05)


def test_loss_in_a_time_span() -> None:
    lossy = flow(lambda number: number >= 250)
    assert loss_between(lossy, 0.0, 4.99).value == 0.0 and loss_between(lossy, 5.0, 9.0).value == 1.0
    assert loss_between(lossy, 20.0, 30.0) == (0.0, 0.0, 1.0)
