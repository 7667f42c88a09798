"""Test that every spelling of a measurement has one identity, and that different measurements have different ones."""

import json
import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.analysis.observations.measurement_identity import SIZE, claim, identity
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
    return measurement | {"test_keys": measurement["test_keys"] | keys}


@pytest.mark.parametrize("measurement", [OURS, OONI, WITHOUT_UID], ids=["ours", "OONI's", "without uid"])
def test_other_spellings_have_one_identity(measurement: dict[str, Any]) -> None:
    wanted = identity(measurement)
    assert len(wanted) == SIZE
    spellings = [
        json.dumps(measurement, sort_keys=True, indent=1),
        re.sub(r"(?<=[:,[])443(?=[],}])", "4.43e2", json.dumps(measurement, separators=(",", ":"))),
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
        OURS | {"probe_network_name": "renamed"},
        changed(OURS, x_run={"run_id": "another"}),
        changed(OURS, x_target={"name": "other"}),
        changed(OURS, tcp_connect=[]),
        changed(OONI, accessible=False),
        changed(WITHOUT_UID, tcp_connect=[{"port": 443, "t": 1.5}]),
        changed(WITHOUT_UID, tcp_connect=[{"port": 443, "t": 1.0000001}]),
        changed(WITHOUT_UID, tcp_connect=[{"port": 443, "t": -1}]),
        changed(WITHOUT_UID, accessible=1),
    ],
)
def test_other_measurements_have_other_identities(other: dict[str, Any]) -> None:
    assert identity(other) not in {identity(one) for one in (OURS, OONI, WITHOUT_UID)}


def test_measurement_uid_is_added_later_and_does_not_matter() -> None:
    assert identity(WITHOUT_UID) == identity(OONI) == identity(OONI | {"measurement_uid": "another"})


@pytest.mark.parametrize("measurement", [OURS, OONI], ids=["ours", "OONI's"])
def test_false_copy_makes_the_same_claim_with_another_identity(measurement: dict[str, Any]) -> None:
    false = changed(measurement, network_events=[])
    assert claim(false) == claim(measurement)
    assert identity(false) != identity(measurement)


def test_parts_of_a_claim_are_not_joined() -> None:
    one, other = (OURS | {"test_name": name, "input": where} for name, where in (("a", "bc"), ("ab", "c")))
    assert claim(one) != claim(other)


def test_claim_is_the_identity_of_earlier_releases() -> None:
    assert claim(OURS | {"probe_network_name": "renamed"}) == claim(OURS)
    assert claim(WITHOUT_UID | {"measurement_start_time": ""}).hex() == "50308dac1c335bd22900f227"


NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(st.dictionaries(st.text(), VALUES))
def test_identity_needs_no_library(document: dict[str, Any]) -> None:
    """Compare with a computer that lacks orjson, and with one whose parser is orjson."""
    found = identity(document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("probe.analysis.observations.measurement_identity.orjson", lambda: None)
        assert identity(document) == found
        try:
            parsed = orjson.loads(json.dumps(document))
        except orjson.JSONDecodeError:  # a lone surrogate
            return
        assert identity(parsed) == found


@pytest.mark.parametrize(
    "spellings",
    [
        ("1", "1.0", "1e0", "10e-1", "1.000"),
        ("0", "0.0", "-0.0", "0e5"),
        ("0.00005", "5e-5", "5E-05", "0.000050"),
        ("1e22", "1e+22", "10000000000000000000000", "1.0E22"),
        ("9007199254740992", "9007199254740992.0", "9.007199254740992e15"),
        ("-1.5e-7", "-0.00000015"),
    ],
)
def test_number_has_one_spelling(spellings: tuple[str, ...]) -> None:
    texts = [f'{{"test_keys": {{"n": {number}, "l": [{number},{number}]}}}}' for number in spellings]
    assert len({identity(json.loads(text)) for text in texts} | {identity(orjson.loads(text)) for text in texts}) == 1


@pytest.mark.parametrize("odd", [7, None, [], {"a": "\udfff"}, 10**400, -0.0, 2**53 + 1, "\0"])
def test_invalid_values_have_an_identity(odd: Any) -> None:
    for key in ("test_name", "measurement_start_time", "measurement_uid", "test_keys", "input", "other"):
        assert len(identity(OONI | {key: odd})) == SIZE


def test_large_numbers_are_equal_in_both_parsers() -> None:
    """Compare an integer of more than 64 bits with the fraction that orjson reads in its place."""
    assert identity(WITHOUT_UID | {"n": 10**30}) == identity(WITHOUT_UID | {"n": 1e30})
