"""Build the SQL expressions of the columns of an address row, over the flows that are linked to it."""

from probe.analysis.observations.failure_kinds import CLOSED, OTHER, REFUSED, RESET, TIMEOUT, UNREACHABLE

TARGET = "role = 'target'"
CONTROL = "role = 'control'"
INNOCUOUS = "role = 'innocuous'"
NEUTRAL = "role = 'neutral' AND at_working AND name_tested"
NAMED = "role = 'named'"
WITH_NAME = "(role = 'named' OR (role = 'neutral' AND at_working)) AND name_tested"
"""Flows with the target's name, at neutral hosts that worked too."""

NAME_FLOW = "(role IN ('named', 'browser', 'other_size', 'again') OR (role = 'neutral' AND at_working)) AND name_tested"
"""The same with every kind of hello."""

ADDRESS_FLOW = (
    "(role IN ('target', 'innocuous', 'nonexistent_here')"
    " OR (role IN ('browser', 'other_size', 'again') AND flow_address = k.address)) AND name_tested"
)
"""Flows to the address, with any name."""

SUCCEEDED = "passes_all AND (NOT is_http OR (fingerprints = 0 AND NOT away))"
"""Every needed layer passed. An unencrypted answer must be no block page, nor a redirect that the control lacks."""

MAIL_PROTOCOL = "mail_protocol = CASE WHEN needs_mail THEN proof ELSE '' END"
MAIL = f"mail_tested AND {MAIL_PROTOCOL}"
UNOFFERED = "mail_offer IN ('masked', 'missing')"
UNEXPLAINED = f"NOT ({UNOFFERED} OR mail_refused OR mail_turned_away)"
ECHO_SILENT = f"echo_failure_kind = '{TIMEOUT}' AND echo_sent >= 2 AND NOT in_residual"
"""One lost datagram is no silence."""

_CLOSED = f"'{CLOSED}', '{OTHER}'"
_CLOSED_OVER_QUIC = f"{_CLOSED}, '{REFUSED}', '{UNREACHABLE}', '{RESET}'"  # it has no lower connection
_ALERT = f"role = 'neutral' AND tls_answered AND name_failure_kind IN ({_CLOSED})"
NAME_CLOSED = (
    f"(name_failure_kind IN ({_CLOSED}) OR (name_layer = 'quic' AND name_failure_kind IN ({_CLOSED_OVER_QUIC})))"
    f" AND NOT ({_ALERT})"
)
"""The flow was closed. A neutral host that does not know the name answers with an alert, which does not count."""


def count(*conditions: str) -> str:
    """Return the number of linked flows for which all conditions hold."""
    return f"count(*) FILTER (WHERE {' AND '.join(conditions)})"


def closed(layer: str) -> str:
    """Return the condition that a layer was closed, or failed in another way."""
    return f"{layer}_failure_kind IN ({_CLOSED_OVER_QUIC if layer == 'quic' else _CLOSED})"


def last_failure(layer: str, *conditions: str) -> str:
    """Return the last failure of the attempts at a layer. The place in the text's front gives the order."""
    tested = " AND ".join((TARGET, f"{layer}_tested", *conditions))
    failed = f"{layer}_failure"
    return f"substr(max(place || {failed}) FILTER (WHERE {tested} AND {failed} IS NOT NULL), 7)"


def last_text(expression: str, *conditions: str) -> str:
    """Return the text of the last linked flow for which all conditions hold, empty for none."""
    return f"COALESCE(substr(max(place || {expression}) FILTER (WHERE {' AND '.join(conditions)}), 7), '')"


def first_is(condition: str, *conditions: str) -> str:
    """Return whether a condition holds for the first linked flow for which all others hold."""
    return (
        f"COALESCE(min(place || CASE WHEN {condition} THEN ' yes' ELSE ' no' END)"
        f" FILTER (WHERE {' AND '.join(conditions)}) LIKE '% yes', FALSE)"
    )


def or_false(column: str) -> str:
    """Return a condition of a table that has no row for most addresses."""
    return f"COALESCE({column}, FALSE)"


def or_zero(column: str) -> str:
    """Return a count of a table that has no row for most addresses."""
    return f"COALESCE({column}, 0)"
