"""Define the failures that the probe's own burst of flows may have caused, and those that innocuous flows have too.

Services, content networks and providers ban clients that open many connections in a short time. Nothing that the
client sends passes during the ban, whatever it carries. So a failure is no sign of blocking if flows to the same
servers, or over the same line, passed before a burst of our own, and none passed since. A failure of the first flow, or
beside another one that passes, has another cause.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probe.analysis.observations.failure_kinds import CLOSED, REFUSED, RESET, TIMEOUT
from probe.analysis.observations.lenient_json import number, table, tables, text
from probe.analysis.phenomena.neutral_failures import LIKE_NEUTRAL_HOSTS
from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Kind, State
from probe.analysis.sql.column import column
from probe.analysis.sql.expressions import quoted
from probe.analysis.sql.link_counts import NAME_FLOW, NEUTRAL, TARGET, count, first_is
from probe.analysis.statistics.contingency_tables import fisher_greater
from probe.messages import mark
from probe.signatures.own_load import LEAST_FLOWS, NARROW, RATES_NETWORKS, RATES_OWNERS, may_be_ban

UNLIKELY = 0.001  # one in a thousand addresses, since a run tests dozens of them
MOST = 40  # failures in a row, which no run makes


def burst_columns(record: dict[str, Any], entries: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return the column of a failed transaction about the flows before it. Older measurements do not say it."""
    skipped = NARROW if "neutral_host" in text(record.get("followup")) else frozenset()
    scopes = (load for load in tables(record.get("load")) if text(load.get("scope")) not in skipped)
    return {"after_burst": True} if any(map(_may_be_ban, scopes)) else {}


def _may_be_ban(load: dict[str, Any]) -> bool:
    return may_be_ban(*(number(load.get(key)) for key in ("flows", "passed", "turned", "hosts")))


def failures_needed(run: Mapping[str, Any], kind: str) -> int:
    """Return from how many failures in a row chance is no explanation, 0 if innocuous flows do not fail at times.

    `run` is the key `x_run`.
    """
    facts = next((each for each in tables(run.get("innocuous_failures")) if text(each.get("kind")) == kind), {})
    flows, failures, networks, owners = (
        number(table(facts).get(key)) for key in ("flows", "failures", "networks", "owners")
    )
    if networks < RATES_NETWORKS or owners < RATES_OWNERS or not 0 < failures <= flows:
        return 0
    enough = (row for row in range(2, MOST) if fisher_greater(row, 0, failures, flows - failures) < UNLIKELY)
    return next(enough, MOST)


_AT_ADDRESS = "role IN ('target', 'innocuous', 'nonexistent_here') AND flow_address = k.address"
_CUT_OFF = quoted((REFUSED, RESET, CLOSED))


def _may_be_chance(needed: str, failed: str, name_failed: str, name_passed: str) -> str:
    """Return the condition that neither the address nor the name failed each time and often enough."""
    return (
        f"w.{needed} > 0 AND c.{failed} > 0 AND NOT (c.flows_passed = 0 AND c.{failed} >= w.{needed})"
        f" AND NOT (c.{name_passed} = 0 AND c.{name_failed} >= w.{needed})"
    )


_BY_NAME = ("name_flows_silent", "name_flows_not_silent")


@dataclass
class OwnLoadColumns:
    """Count failures after a burst of our own flows, and compare failures with those of innocuous flows."""

    burst_failures: int = column(
        0,
        f"Attempts that failed after {LEAST_FLOWS} or more flows of the run in one scope. Some had passed, none since.",
        count(TARGET, "after_burst"),
    )
    burst_at_first: bool = column(
        False,
        "The first attempt is one of those that failed after a burst.",
        first_is("after_burst", TARGET),
    )
    burst_neutral_failures: int = column(
        0, "Flows with the name to working neutral hosts that failed in this way.", count(NEUTRAL, "after_burst")
    )
    flows_cut_off: int = column(
        0,
        "Flows to the address that were refused, reset or closed early, with any name.",
        count(_AT_ADDRESS, f"failure_kind IN {_CUT_OFF}"),
    )
    flows_silent: int = column(
        0,
        "Flows to the address that got no answer, with any name.",
        count(_AT_ADDRESS, f"failure_kind = '{TIMEOUT}'"),
    )
    flows_passed: int = column(
        0, "Flows to the address that succeeded, with any name.", count(_AT_ADDRESS, "failure_kind = ''")
    )
    name_flows_silent: int = column(
        0,
        "Flows with the name that got no answer, at any address and with any hello.",
        count(NAME_FLOW, f"name_failure_kind = '{TIMEOUT}'"),
    )
    name_flows_not_silent: int = column(
        0,
        "Flows with the name that were answered or cut off, at any address and with any hello.",
        count(NAME_FLOW, f"name_failure_kind <> '{TIMEOUT}'"),
    )
    cut_off_may_be_chance: bool = column(
        False,
        "Innocuous connects are refused or reset at times. Flows to the address were cut off, but too few in a row.",
        _may_be_chance("connect_cut_off_needed", "flows_cut_off", "name_flows_reset", "name_flows_passed"),
    )
    silence_may_be_chance: bool = column(
        False,
        "Innocuous flows get no answer at times. Flows to the address got none, but too few in a row.",
        f"({_may_be_chance('connect_silent_needed', 'flows_silent', *_BY_NAME)})"
        f" OR ({_may_be_chance('data_silent_needed', 'flows_silent', *_BY_NAME)})",
    )
    datagram_may_be_chance: bool = column(
        False,
        "Innocuous connects are refused or reset at times. Flows to the address got no answer, but too few in a row.",
        _may_be_chance("connect_cut_off_needed", "flows_silent", *_BY_NAME),
    )


_NO_ARTEFACT = (
    "NOT (same_silent > 0 AND other_echoed > 0) AND http_blockpages + tls_certificates + quic_certificates = 0"
)
_NOT_AT_CONTROL = "(control_attempts = 0 OR control_successes > 0)"

# The name may fail at a neutral host too. That is no sign of a ban, unless nothing passes there either. A copy of the
# datagram that is lost on the way to the helper, while a random one passes, is none.
OWN_LOAD = Kind(
    "own_load",
    State.IMPAIRED,
    because=(
        "The attempts failed after many flows of this run to the same servers or over the same line. Some of these "
        "flows had passed, and none passed since, whatever it carried. Protection against bursts of connections does "
        "that."
    ),
    plain=mark(
        "The test of {service} failed after this program had opened many connections, and nothing else passed from "
        "then on. Some services and networks shut out programs that connect too often, so this is no sign of "
        "blocking. Wait some minutes. Then test {service} alone."
    ),
).rule(
    # A datagram is repeated for seconds. A short ban may end meanwhile and let another flow pass, so that the first
    # failure seems to be without one. A later failure that seems so was in none: the probe waits for the end of bans.
    "burst_failures > 0 AND (burst_failures >= attempts - local_faults - unfinished OR (by_datagram AND "
    "NOT burst_at_first AND burst_failures + 1 >= attempts - local_faults - unfinished)) AND successes = 0 AND "
    "neutral_resets + neutral_timeouts + neutral_closes <= burst_neutral_failures AND "
    f"{_NO_ARTEFACT} AND {_NOT_AT_CONTROL} AND NOT {LIKE_NEUTRAL_HOSTS}"
)

AMONG_INNOCUOUS_FAILURES = Kind(
    "failure_among_innocuous_failures",
    State.IMPAIRED,
    because=(
        "The attempts here failed. Innocuous flows to other addresses fail in the same way in this run at times, and "
        "too few attempts were made to exclude chance."
    ),
    plain=mark(
        "The test of {service} failed. Connections to unrelated servers fail here in the same way, at times, so this "
        "may be chance. Run the test again, in another network if you can."
    ),
).rule(
    f"successes = 0 AND unfinished + local_faults < attempts AND {_NOT_AT_CONTROL} AND {_NO_ARTEFACT} AND "
    f"NOT {LIKE_NEUTRAL_HOSTS} AND "
    # What refuses a connection can only drop a datagram, which is then silent.
    "(cut_off_may_be_chance OR (silence_may_be_chance AND flows_cut_off = 0) OR (by_datagram AND "
    "datagram_may_be_chance AND flows_cut_off = 0))"
)

OWN_LOAD_PHENOMENON = Phenomenon(
    "own_load",
    "Our own burst of flows, or what happens to innocuous flows too, may be the cause.",
    entry_columns=burst_columns,
    address=RowPart(OwnLoadColumns),
)
