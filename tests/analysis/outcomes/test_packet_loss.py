"""Test that silence accuses nothing on an access line that loses packets, while resets and false answers do."""

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


def measurements_of(scenario: str) -> list[dict[str, Any]]:
    path = recording_of(scenario)
    assert path is not None
    return [json.loads(text) for text in gzip.decompress(path.read_bytes()).splitlines()]


def every_third_later(measurement: FlatMeasurement) -> FlatMeasurement:
    """Make every third successful connect a second longer, as if its SYN had been lost once."""
    connected = [row for row in measurement.rows if _is_connected(row)]
    late = {id(row) for row in connected[::3]}
    rows = [row._replace(tcp_seconds=row.tcp_seconds + 1.0) if id(row) in late else row for row in measurement.rows]
    return replace(measurement, rows=rows)


def _is_connected(row: Observation) -> bool:
    return row.origin == PROBE and row.tcp_attempts > 0 and row.tcp_failure is None


def accused(scenario: str, change: Callable[[FlatMeasurement], FlatMeasurement]) -> set[str]:
    """Return the mechanisms of accusing states."""
    with SQLiteEngine() as engine:
        records = [
            record
            for measurement in measurements_of(scenario)
            for record in judge_flat(
                change(flat_measurement_of(measurement)), measurement, file="a", number=1, engine=engine
            )
        ]
    return {name for record in records if record["state"] in ACCUSING for name in record["mechanisms"]}


@pytest.mark.parametrize("scenario", SILENCE)
def test_silence_on_a_lossy_access_line_accuses_nothing(scenario: str) -> None:
    named = accused(scenario, lambda unchanged: unchanged)
    silent = {name for name in named if "timeout" in name or "drop" in name}
    assert silent
    assert not silent & accused(scenario, every_third_later)


@pytest.mark.parametrize(("scenario", "mechanism"), [("sni-reset", "tls.reset.sni"), ("dns-nxdomain", "dns.nxdomain")])
def test_resets_and_denials_on_a_lossy_access_line_are_accused(scenario: str, mechanism: str) -> None:
    assert mechanism in accused(scenario, every_third_later)


def test_slow_connects_to_one_address_are_no_packet_loss() -> None:
    of_telegram = [one for one in measurements_of("sni-drop") if one["test_keys"]["x_target"]["name"] == "telegram"]
    measurement = flat_measurement_of(of_telegram[0])
    assert drops_packets(every_third_later(measurement)) and not drops_packets(measurement)
    slow = next(row.address for row in measurement.rows if _is_connected(row))
    rows = [row._replace(tcp_seconds=9.0) if row.address == slow else row for row in measurement.rows]
    assert not drops_packets(replace(measurement, rows=rows))
