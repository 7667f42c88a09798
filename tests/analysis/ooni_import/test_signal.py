"""Test that OONI's measurements of Signal have the servers of their version, and outdated ones no result."""

from typing import Any

import pytest

from tests.analysis.ooni_import.test_measurements import states
from tests.support.ooni.cases.signal import OLD, TODAY, signal

OLD_STATES = dict.fromkeys(("chat", "storage", "directory", "cdn", "group_calls"), "ok")
BLOCKED = {"cdn.signal.org": "connection_reset"}
ROOT = dict.fromkeys(OLD, "ssl_unknown_authority")


def without(states: dict[str, str], role: str) -> dict[str, str]:
    return {name: state for name, state in states.items() if name != role}


@pytest.mark.parametrize(
    ("version", "start"), [("0.2.0", "2021-03-01"), ("0.2.0", "2022-10-18"), ("0.2.2", "2022-11-18")]
)
def test_old_servers_are_those_of_the_version(version: str, start: str) -> None:
    assert states(signal(version, start, OLD)) == OLD_STATES
    assert states(signal(version, start, OLD, BLOCKED)) == OLD_STATES | {"cdn": "impaired"}


@pytest.mark.parametrize("version", ["0.2.2", "0.2.3"])
def test_directory_that_signal_removed_is_no_service(version: str) -> None:
    asked = signal(version, "2023-05-30", OLD, {"api.directory.signal.org": "dns_nxdomain_error"})
    assert states(asked) == without(OLD_STATES, "directory")


@pytest.mark.parametrize("version", ["0.2.5", "0.3.0", "1.0.0", "new", None, 7])
def test_later_and_unknown_versions_have_the_servers_of_today(version: Any) -> None:
    assert states(signal(version, "2026-10-01", TODAY)) == without(OLD_STATES, "cdn")


@pytest.mark.parametrize(
    ("version", "start"),
    [("0.2.0", "2022-10-19"), ("0.2.1", "2022-10-27"), ("0.2.3", "2023-11-07"), ("0.2.4", "2023-11-25")],
)
def test_outdated_probe_accuses_nothing(version: str, start: str) -> None:
    for failures in (ROOT, BLOCKED, {}):
        assert set(states(signal(version, start, OLD + TODAY, failures)).values()) == {"insufficient"}


def test_wrong_certificate_counts_before_the_root_was_replaced() -> None:
    assert set(states(signal("0.2.0", "2022-10-18", OLD, ROOT)).values()) == {"impaired"}
