"""Where connects have to be begun again all over a line, silence accuses nobody; resets and lies still do."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.features.access_network import drops_packets
from probe.analysis.observations.rows import PROBE, FlatMeasurement, Observation
from probe.analysis.rules.rule import ACCUSING
from probe.analysis.verdicts.verdicts import flat_measurement_of, judge_flat
from probe.lab.run import recording_of

SILENCE = ("sni-drop", "ip-blackhole", "dns-silence", "quic-drop", "sip-drop", "protocol-allowlist")


def lines_of(scenario: str) -> list[dict[str, Any]]:
    path = recording_of(scenario)
    assert path is not None
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def every_third_later(line: FlatMeasurement) -> FlatMeasurement:
    """A line on which every third connect that was made took a second longer: its SYN was lost once."""
    made = [row for row in line.rows if _is_made(row)]
    late = {id(row) for row in made[::3]}
    return replace(
        line, rows=[row._replace(tcp_seconds=row.tcp_seconds + 1.0) if id(row) in late else row for row in line.rows]
    )


def _is_made(row: Observation) -> bool:
    return row.origin == PROBE and row.tcp_attempts > 0 and row.tcp_failure is None


def accused(scenario: str, change: Callable[[FlatMeasurement], FlatMeasurement]) -> set[str]:
    """The mechanisms that are named where somebody is accused."""
    with SQLiteEngine() as engine:
        records = [
            record
            for line in lines_of(scenario)
            for record in judge_flat(change(flat_measurement_of(line)), line, file="a", number=1, engine=engine)
        ]
    return {name for record in records if record["state"] in ACCUSING for name in record["mechanisms"]}


@pytest.mark.parametrize("scenario", SILENCE)
def test_silence_on_a_line_that_loses_packets_is_nobodys_doing(scenario: str) -> None:
    silent = {name for name in accused(scenario, lambda line: line) if "timeout" in name or "drop" in name}
    assert silent
    assert not silent & accused(scenario, every_third_later)


@pytest.mark.parametrize(("scenario", "mechanism"), [("sni-reset", "tls.reset.sni"), ("dns-nxdomain", "dns.nxdomain")])
def test_who_speaks_is_still_heard(scenario: str, mechanism: str) -> None:
    assert mechanism in accused(scenario, every_third_later)


def test_what_is_late_at_one_place_alone_is_no_loss() -> None:
    (line,) = (
        flat_measurement_of(one) for one in lines_of("sni-drop") if one["test_keys"]["x_target"]["name"] == "telegram"
    )
    assert drops_packets(every_third_later(line)) and not drops_packets(line)
    place = next(row.address for row in line.rows if _is_made(row))
    alone = [row._replace(tcp_seconds=9.0) if row.address == place else row for row in line.rows]
    assert not drops_packets(replace(line, rows=alone))
