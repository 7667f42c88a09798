"""Test that silence accuses nothing on an access line that loses packets, while resets and false answers do."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest

from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.observation import PROBE, Observation
from probe.analysis.rules.rule import ACCUSING
from probe.analysis.verdicts.verdicts import Flattened, flat_measurement_of, judge_batch
from probe.lab.recordings import recording_of
from tests.support.measurements.pipeline_tables import rows_after, shared_engine

SILENCE = ("sni-drop", "ip-blackhole", "dns-silence", "quic-drop", "sip-drop", "protocol-allowlist")


def measurements_of(scenario: str) -> list[dict[str, Any]]:
    path = recording_of(scenario)
    assert path is not None
    return [json.loads(text) for text in gzip.decompress(path.read_bytes()).splitlines()]


def every_third_later(measurement: FlatMeasurement) -> FlatMeasurement:
    """Make every third successful connect a second longer, as if its SYN had been lost once."""
    connected = [row for row in measurement.rows if _is_connected(row)]
    late = {id(row) for row in connected[::3]}
    rows = [
        row._replace(tcp_seconds=row.tcp_seconds + 1.0, tcp_syn_repeats=1) if id(row) in late else row
        for row in measurement.rows
    ]
    return replace(measurement, rows=rows)


def _is_connected(row: Observation) -> bool:
    return row.origin == PROBE and row.tcp_attempts > 0 and row.tcp_failure is None


def accused(scenario: str, change: Callable[[FlatMeasurement], FlatMeasurement]) -> set[str]:
    flattened = [
        Flattened(change(flat_measurement_of(measurement)), measurement, "a", 1)
        for measurement in measurements_of(scenario)
    ]
    records = chain.from_iterable(judge_batch(flattened, shared_engine()))
    return {name for record in records if record["state"] in ACCUSING for name in record["mechanisms"]}


def drops_packets(measurement: FlatMeasurement) -> bool:
    return bool(rows_after([measurement], "SELECT m FROM access_line"))


@pytest.mark.parametrize("scenario", SILENCE)
def test_silence_on_a_lossy_access_line_accuses_nothing(scenario: str) -> None:
    named = accused(scenario, lambda unchanged: unchanged)
    silent = {name for name in named if "timeout" in name or "drop" in name}
    assert silent
    assert not silent & accused(scenario, every_third_later)


@pytest.mark.parametrize(("scenario", "mechanism"), [("stun-drop", "stun"), ("stun-drop", "turn")])
def test_repeated_requests_to_relays_on_a_lossy_access_line_are_silent(scenario: str, mechanism: str) -> None:
    """Check that the mechanism is silence. Each request is sent several times, so that loss alone does not explain it.

    No echo pair isolates the cause there, because a lost datagram is no proof.
    """
    named = accused(scenario, every_third_later)
    assert f"{mechanism}.timeout.other" in named
    assert mechanism not in named


@pytest.mark.parametrize("scenario", ["cutoff-name", "cutoff-name-reset"])
def test_connections_that_end_on_a_lossy_access_line_accuse_nothing(scenario: str) -> None:
    assert "flow.cutoff.time" in accused(scenario, lambda unchanged: unchanged)
    assert accused(scenario, every_third_later) == set()


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


def told(measurement: FlatMeasurement, repeats: Callable[[Observation], int]) -> FlatMeasurement:
    """Let the entry of every connect say how often its SYN was sent again."""
    rows = [row._replace(tcp_syn_repeats=repeats(row)) if _is_connected(row) else row for row in measurement.rows]
    return replace(measurement, rows=rows)


def test_slow_connects_without_a_repeated_syn_are_a_busy_computer() -> None:
    """Look alike: every third connect is a second late, and the kernel repeated no SYN."""
    busy = accused("sni-drop", lambda measurement: told(every_third_later(measurement), lambda row: 0))
    assert busy == accused("sni-drop", lambda unchanged: unchanged) and "tls.timeout.sni" in busy


def test_repeated_syns_are_packet_loss_however_quick_the_connects() -> None:
    of_telegram = [one for one in measurements_of("sni-drop") if one["test_keys"]["x_target"]["name"] == "telegram"]
    measurement = flat_measurement_of(of_telegram[0])
    assert drops_packets(told(measurement, lambda row: 1)) and not drops_packets(told(measurement, lambda row: 0))


def test_entry_says_how_often_a_syn_was_repeated() -> None:
    measurement = measurements_of("sni-drop")[0]
    for entry in measurement["test_keys"]["tcp_connect"]:
        entry["x_syn_repeats"] = 2
    rows = [row for row in flat_measurement_of(measurement).rows if row.tcp_attempts and row.origin == PROBE]
    assert {row.tcp_syn_repeats for row in rows} >= {2}
