"""Test an invented world: its shutdown is found, and a faulty software version gives no event."""

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from probe.analysis.compare.axes import parse_question
from probe.analysis.compare.cells import compare
from probe.analysis.compare.over_time.event import SHUTDOWN
from probe.analysis.compare.over_time.events import events
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.verdicts.verdict_row import VerdictRow
from probe.lab.synth.plan import days, draw_plan
from tests.support.measurements.synthetic_world import KEYS, Templates, madeup_rows, templates

MEASUREMENTS = 30_000


@pytest.fixture(scope="module")
def known() -> Templates:
    return templates()


@pytest.mark.parametrize("seed", [0, 1, 2, 4])
def test_shutdown_of_invented_world_is_found(known: Templates, seed: int) -> None:
    """Find the shutdown as `possible_shutdown`, since users who stop at the same time look alike."""
    plan = draw_plan(seed, KEYS)
    all_events = events(VerdictTable.of_rows(madeup_rows(MEASUREMENTS, seed, plan, known)), parse_question())
    shutdowns = [event for event in all_events if event.kind == SHUTDOWN]
    ((country, dark),) = plan.shutdowns.items()
    networks = {network.asn: network for network in plan.networks}
    (found,) = [event for event in shutdowns if (event.cc, event.onset) == (country, min(dark).isoformat())]
    assert set(found.networks) == {asn for asn, network in networks.items() if network.country == country}
    assert found.end == (max(dark) + timedelta(days=1)).isoformat()
    for event in shutdowns:
        most = max((networks[asn] for asn in event.networks), key=lambda network: network.weight)
        inside = [day for day in days() if (event.onset or "") <= day.isoformat() < (event.end or "9")]
        assert any(most not in plan.measured(day) for day in inside)


def test_faulty_version_gives_no_event(known: Templates) -> None:
    """Let a faulty version make one measurement in ten from the middle on. It finds X's API blocked everywhere."""
    dice, plan = Random(1), draw_plan(3, KEYS)

    def spoiled(row: VerdictRow) -> VerdictRow:
        if row.service != "x/api" or row.day < "2026-07-15" or dice.random() > 0.1:
            return row
        return replace(row, state="blocked", mechanisms="tls.reset.sni", valid=True, software_version="0.0.7")

    rows = list(madeup_rows(MEASUREMENTS, 3, plan, known))
    tables = VerdictTable.of_rows(rows), VerdictTable.of_rows(map(spoiled, rows))
    right, wrong = (compare(table, parse_question("cc")) for table in tables)
    assert (right.instrument, wrong.instrument) == ([], [("x/api", "censorprobe 0.0.7")])
    assert {key: cell.state for key, cell in wrong.cells.items()} == {k: cell.state for k, cell in right.cells.items()}
    found = [{(event.service, event.cc, event.kind) for event in events(table, parse_question())} for table in tables]
    assert found[0] == found[1]
