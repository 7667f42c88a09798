"""Test that every spelling of a measurement has one identity, and that different measurements have different ones."""

import json
from typing import Any

import pytest

from probe.analysis.observations.identity import SIZE, identity
from tests.support.store.stores import some_lines

OURS: dict[str, Any] = some_lines(1)[0] | {"test_name": "telegram", "input": None}
OONI: dict[str, Any] = {
    "test_name": "telegram",
    "measurement_uid": "20260111130000.1_DE_telegram_0123456789abcdef",
    "measurement_start_time": "2026-01-11 13:00:00",
    "report_id": "20260111T130000Z_telegram_DE_3320_n1_x",
    "test_keys": {"tcp_connect": [{"port": 443, "t": 1.0}], "accessible": True},
}
WITHOUT_UID = {key: value for key, value in OONI.items() if key != "measurement_uid"}


def changed(measurement: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """Return a copy with other test keys."""
    return measurement | {"test_keys": measurement["test_keys"] | keys}


@pytest.mark.parametrize("measurement", [OURS, OONI, WITHOUT_UID], ids=["ours", "OONI's", "without uid"])
def test_other_spellings_have_one_identity(measurement: dict[str, Any]) -> None:
    wanted = identity(measurement)
    assert len(wanted) == SIZE
    spellings = [
        json.dumps(measurement, sort_keys=True, indent=1),
        json.dumps(measurement, separators=(",", ":")).replace("1.0", "1.00").replace("443", "4.43e2"),
        json.dumps(measurement | {"report_id": "another"}),
        json.dumps({key: value for key, value in reversed(measurement.items()) if key != "report_id"}),
    ]
    assert {identity(json.loads(text)) for text in spellings} == {wanted}


@pytest.mark.parametrize(
    "other",
    [
        OURS | {"measurement_start_time": "2026-01-11 13:00:01"},
        OURS | {"input": "https://a.example/"},
        OURS | {"test_name": "whatsapp"},
        changed(OURS, x_run={"run_id": "another"}),
        changed(OURS, x_target={"name": "other"}),
        OONI | {"measurement_uid": "20260111130000.1_DE_telegram_0"},
        WITHOUT_UID,
        changed(WITHOUT_UID, tcp_connect=[{"port": 443, "t": 1.5}]),
        changed(WITHOUT_UID, accessible=1),
    ],
)
def test_other_measurements_have_other_identities(other: dict[str, Any]) -> None:
    assert identity(other) not in {identity(one) for one in (OURS, OONI, WITHOUT_UID) if one is not other}


def test_parts_of_an_identity_are_not_joined() -> None:
    one, other = (OURS | {"test_name": name, "input": where} for name, where in (("a", "bc"), ("ab", "c")))
    assert identity(one) != identity(other)


def test_our_measurement_is_known_by_run_and_not_by_content() -> None:
    """Change what another redaction or another judge would change."""
    assert identity(OURS | {"probe_network_name": "renamed"}) == identity(OURS)


@pytest.mark.parametrize("odd", [7, None, [], {"a": "\udfff"}, 10**400, -0.0, 2**53 + 1, "\0"])
def test_invalid_values_have_an_identity(odd: Any) -> None:
    for key in ("test_name", "measurement_start_time", "measurement_uid", "test_keys", "input", "other"):
        assert len(identity(OONI | {key: odd})) == SIZE


def test_large_numbers_are_equal_in_both_parsers() -> None:
    """Compare an integer of more than 64 bits with the fraction that orjson reads in its place."""
    assert identity(WITHOUT_UID | {"n": 10**30}) == identity(WITHOUT_UID | {"n": 1e30})
