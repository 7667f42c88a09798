"""Declare the columns of an address row about differentials by name, and about the control."""

from dataclasses import dataclass

from probe.analysis.features.column import column
from probe.analysis.features.link_counts import (
    ADDRESS_FLOW,
    INNOCUOUS,
    NAME_CLOSED,
    NAME_FLOW,
    NAMED,
    NEUTRAL,
    RANDOM,
    SUCCEEDED,
    TARGET,
    WITH_NAME,
    count,
    or_zero,
)


@dataclass
class NameColumns:
    """Count the flows with the target's name, with other names, and those of the control."""

    # differentials by name
    name_attempts: int = column(
        0, "Attempts with the target's name at any verified address of the endpoint.", count(NAMED)
    )
    name_failures: int = column(
        0,
        "Attempts with the name that were tried to their end and did not get what the endpoint needs.",
        count(NAMED, f"NOT ({SUCCEEDED})", "NOT local_fault", "NOT unfinished"),
    )
    name_resets: int = column(
        0, "Flows with the name that were reset, at neutral hosts too.", count(WITH_NAME, "name_failure_kind = 'reset'")
    )
    name_timeouts: int = column(
        0,
        "Flows with the name that timed out, at neutral hosts too.",
        count(WITH_NAME, "name_failure_kind = 'timeout'"),
    )
    name_closes: int = column(
        0, "Flows with the name that were closed, at neutral hosts too.", count(WITH_NAME, NAME_CLOSED)
    )
    innocuous_passed: int = column(
        0, "Flows with an innocuous name to this address that were answered.", count(INNOCUOUS, "name_answered")
    )
    innocuous_failed: int = column(
        0,
        "Flows with an innocuous name that failed outside a residual window.",
        count(INNOCUOUS, "name_layer <> ''", "NOT name_answered", "NOT in_residual", "NOT local_fault"),
    )
    name_flows_reset: int = column(
        0,
        "Flows with the name that were reset, at any address and with any hello.",
        count(NAME_FLOW, "name_failure_kind = 'reset'"),
    )
    name_flows_passed: int = column(
        0,
        "Flows with the name that were not reset, at any address and with any hello.",
        count(NAME_FLOW, "name_failure_kind <> 'reset'"),
    )
    address_flows_reset: int = column(
        0, "Flows to this address that were reset, with any name.", count(ADDRESS_FLOW, "name_failure_kind = 'reset'")
    )
    address_flows_passed: int = column(
        0,
        "Flows to this address that were not reset, with any name.",
        count(ADDRESS_FLOW, "name_failure_kind <> 'reset'"),
    )
    resets_unlike: int = column(
        0,
        "Reset attempts whose raw packets show another sender than the server.",
        count(TARGET, "resets_unlike > 0", "failure_kind = 'reset'"),
    )
    resets_outlived: int = column(
        0,
        "Successful attempts in which a reset of another sender arrived too late.",
        count(TARGET, "resets_unlike > 0", "failure IS NULL"),
    )
    harmless_resets: int = column(
        0, "Flows with an innocuous name that got a reset of another sender.", count(INNOCUOUS, "resets_unlike > 0")
    )
    neutral_proven: bool = column(
        False, "A neutral host that got the name works under its own name.", f"{count(NEUTRAL)} > 0"
    )
    neutral_passed: int = column(
        0, "Flows with the name to working neutral hosts that were answered.", count(NEUTRAL, "name_answered")
    )
    neutral_unreachable: int = column(
        0,
        "Flows with the name to neutral hosts whose TCP connect failed.",
        count("role = 'neutral'", "name_layer <> ''", "tcp_tested", "tcp_failure IS NOT NULL"),
    )
    neutral_resets: int = column(
        0,
        "Flows with the name to working neutral hosts that were reset.",
        count(NEUTRAL, "name_failure_kind = 'reset'"),
    )
    neutral_timeouts: int = column(
        0,
        "Flows with the name to working neutral hosts that timed out.",
        count(NEUTRAL, "name_failure_kind = 'timeout'"),
    )
    neutral_closes: int = column(
        0,
        "Flows with the name to working neutral hosts that were closed without an alert.",
        count(NEUTRAL, NAME_CLOSED),
    )
    nonexistent_failed: int = column(
        0, "Flows with a non-existent name that failed before an innocuous name passed.", or_zero("n.here")
    )
    nonexistent_neutral_failed: int = column(
        0,
        "Flows with a non-existent name to neutral hosts that failed before the host's own name passed.",
        or_zero("n.at_neutral"),
    )
    same_hello_passed: int = column(
        0,
        "Repetitions of our hello to an address of this family, after it had failed there, that were answered.",
        count("role = 'again'", "tls_answered", "tls_failure IS NULL"),
    )
    other_hello_passed: int = column(
        0,
        "Hellos of a browser or of another length with the name that were answered there, after ours had failed.",
        count("role IN ('browser', 'other_size')", "tls_answered", "tls_failure IS NULL"),
    )
    browser_passed: int = column(
        0, "Browser hellos that got a valid certificate before our hello failed again.", "h.browser_passed"
    )
    browser_resets: int = column(
        0, "Browser hellos that were reset before one with an innocuous name was answered.", "h.browser_resets"
    )
    browser_timeouts: int = column(
        0, "Browser hellos that timed out before one with an innocuous name was answered.", "h.browser_timeouts"
    )
    other_size_passed: int = column(
        0, "Hellos of another length that were answered before our hello failed again.", "h.other_size_passed"
    )
    ech_resets: int = column(
        0,
        "Hellos with ECH and any name that were reset, at a neutral host too. The same without ECH were answered.",
        "h.ech_resets",
    )
    ech_timeouts: int = column(
        0,
        "Hellos with ECH and any name that timed out, at a neutral host too. The same without ECH were answered.",
        "h.ech_timeouts",
    )
    ech_name_resets: int = column(
        0,
        "Hellos with ECH and the name that were reset, at a neutral host too. Either of the two alone was answered.",
        "h.ech_name_resets",
    )
    ech_name_timeouts: int = column(
        0,
        "Hellos with ECH and the name that timed out, at a neutral host too. Either of the two alone was answered.",
        "h.ech_name_timeouts",
    )
    random_silent: int = column(
        0,
        "Random bytes to neutral hosts at the same port that got no answer.",
        count(RANDOM, "random_failure_kind = 'timeout'", "NOT in_residual"),
    )
    random_answered: int = column(
        0,
        "Random bytes to neutral hosts at the same port that got an answer or an end.",
        count(RANDOM, "random_failure_kind <> 'timeout'"),
    )
    # control
    control_attempts: int = column(
        0,
        "The control's attempts that reached the topmost layer or failed, without outdated successes.",
        count("role = 'control_top'"),
    )
    control_successes: int = column(
        0,
        "The control's attempts at the topmost layer that succeeded, near in time to the attempts here.",
        count("role = 'control_top'", "works"),
    )
    control_tcp_attempts: int = column(
        0, "The control's attempts that say something about TCP.", count("role = 'control_tcp'")
    )
    control_tcp_successes: int = column(
        0, "The control's attempts that say something about TCP and succeeded.", count("role = 'control_tcp'", "works")
    )
    control_tls_attempts: int = column(
        0, "The control's attempts that say something about TLS.", count("role = 'control_tls'")
    )
    control_tls_successes: int = column(
        0, "The control's attempts that say something about TLS and succeeded.", count("role = 'control_tls'", "works")
    )
