"""Link each endpoint's address to the flows that count for it, by role, with what each shows about the address."""

import re
from collections.abc import Iterable
from dataclasses import fields

from probe.analysis.features.rows import AddressRow
from probe.analysis.phenomena import in_order
from probe.analysis.pipeline.input_tables import OBSERVATION
from probe.analysis.pipeline.subjects import CONTROL_ROLES
from probe.analysis.sql.expressions import quoted
from probe.analysis.sql.linked_roles import (
    AT_ADDRESS,
    NAME_ALONE,
    OF_ENDPOINT,
    OTHER_NAMES,
    LinkedRole,
    followed,
    linked,
)
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import SUBJECT, same_subject
from probe.targets.dialects import LAYERS

_CARRIER = "CASE WHEN f.quic_attempts > 0 THEN 'quic' WHEN f.tls_attempts > 0 THEN 'tls' ELSE 'http' END"

ECHOES = Statement(
    "echo_candidate",
    "The datagrams to the helper's echo that serve an endpoint: its own payload, and random bytes.",
    (*SUBJECT, "n"),
    "SELECT s.m, s.endpoint, s.address, f.n, f.place, f.echo_port, s.endpoint_port, f.family = s.address_family AS"
    " same_family, f.followup = 'same_payload_echo' AS same FROM subject s JOIN flow f ON f.m = s.m"
    " WHERE f.origin = 'probe' AND s.echo_payload <> '' AND f.echo_attempts > 0"
    " AND ((f.followup = 'same_payload_echo' AND f.echo_payload = s.echo_payload)"
    " OR (f.followup = 'other_payload_echo' AND f.echo_payload = 'other'))",
)

_FIRST_PORT = "CAST(substr(min(CASE WHEN same THEN '0' ELSE '1' END || place || echo_port), 8) AS BIGINT)"

_ECHO_PORT = (
    "SELECT m, endpoint, address, CASE WHEN count(*) FILTER (WHERE echo_port = endpoint_port) > 0"
    f" THEN max(endpoint_port) ELSE {_FIRST_PORT} END AS port FROM echo_candidate GROUP BY m, endpoint, address"
)
"""The port of the echo that both datagrams of a pair went to: the endpoint's own if the helper echoes there."""

ECHO_PAIRS = Statement(
    "echo_pair",
    "The datagrams at that port, of the address's family if there are any.",
    (*SUBJECT, "n"),
    "SELECT x.*, count(CASE WHEN x.same_family THEN 1 END) OVER (PARTITION BY x.m, x.endpoint, x.address) AS of_family"
    f" FROM echo_candidate x JOIN ({_ECHO_PORT}) p ON {same_subject('p', 'x')} AND p.port = x.echo_port",
)

_OTHER_ANSWERED = (
    "(f.port = s.endpoint_port AND (f.http_answered OR (f.tls_answered AND f.tls_attempts > 0)))"
    " OR (f.tls_attempts > 0 AND f.payload_proven AND f.payload_kind = s.proof)"
)
_PAIR = "FROM echo_pair WHERE (same_family OR of_family = 0) AND"

ROLES = (
    LinkedRole("target", "SELECT m, endpoint, address, 'target' AS role, n FROM target", decides=True),
    linked(
        "innocuous",
        AT_ADDRESS,
        "NOT s.is_literal AND (f.kind = 'innocuous' OR f.followup = 'other_name_same_address')",
        "f.port IN (s.endpoint_port, 0)",
        "((f.quic_attempts > 0 AND s.name_layer = 'quic') OR (f.quic_attempts = 0 AND s.name_layer <> 'quic'))",
        OTHER_NAMES,
        decides=True,
    ),
    followed(
        "neutral",
        "s.host IN (f.sent_name, f.tls_name, f.http_host)",
        "same_name_neutral_host",
        "NOT s.is_literal",
        NAME_ALONE,
        f"(f.tcp_failure IS NOT NULL OR {_CARRIER} = s.name_layer)",
        decides=True,
    ),
    linked(
        "other_protocol",
        AT_ADDRESS,
        "s.tcp_then_payload AND f.kind IN ('first', 'confirm') AND f.endpoint <> s.endpoint AND f.quic_attempts = 0",
        f"({_OTHER_ANSWERED})",
        decides=True,
    ),
    LinkedRole("same_echo", f"SELECT m, endpoint, address, 'same_echo' AS role, n {_PAIR} same", decides=True),
    LinkedRole("other_echo", f"SELECT m, endpoint, address, 'other_echo' AS role, n {_PAIR} NOT same", decides=True),
    linked(
        "named",
        OF_ENDPOINT,
        "s.is_literal AND s.name_layer <> '' AND f.own AND f.address = s.address",
        f"EXISTS (SELECT 1 FROM target t WHERE {same_subject('t', 's')})",
    ),
    linked(
        "named",
        f"{OF_ENDPOINT} JOIN network w ON w.m = s.m"
        " LEFT JOIN trust v ON v.m = s.m AND v.name = s.host AND v.address = f.address",
        "NOT s.is_literal AND s.name_layer <> '' AND f.own AND (v.verified OR w.captured)",
    ),
    *(role for each in in_order() for role in each.roles),
    *CONTROL_ROLES,
)
"""Every role of a flow: the attempts, the differentials, those of the phenomena, and the control's attempts."""

LINKS = Statement(
    "link",
    "The flows that count for an endpoint's address, by role. A flow counts only if its entry confirms its label.",
    (*SUBJECT, "role", "n"),
    "\nUNION ALL ".join(role.select for role in ROLES),
)

LINK_STATEMENTS = (ECHOES, ECHO_PAIRS, LINKS)


CONTROL_SITES = Statement(
    "control_site",
    "The domains that the control was redirected to. A redirect to one of them is no interference.",
    (*SUBJECT, "site"),
    "SELECT DISTINCT l.m, l.endpoint, l.address, f.http_redirect_site AS site FROM link l"
    " JOIN flow f ON f.m = l.m AND f.n = l.n WHERE l.role = 'control' AND f.http_redirect_site <> ''",
)

_BY_LAYER = {
    "name_tested": "WHEN 'tls' THEN f.tls_tested WHEN 'quic' THEN f.quic_tested WHEN 'http' THEN f.http_tested"
    " ELSE FALSE",
    "name_failure_kind": "WHEN 'tls' THEN f.tls_failure_kind WHEN 'quic' THEN f.quic_failure_kind"
    " WHEN 'http' THEN f.http_failure_kind ELSE ''",
    "name_answered": "WHEN 'tls' THEN f.answered_tls WHEN 'quic' THEN f.answered_quic WHEN 'http' THEN f.answered_http"
    " ELSE FALSE",
}
_NAME_COLUMNS = ", ".join(f"CASE s.name_layer {cases} END AS {name}" for name, cases in _BY_LAYER.items())

_TEXTS = ("failure", *(f"{layer}_failure" for layer in LAYERS))
_NUMBERS = (
    *("transaction_id", "port", "family", "resets_unlike", "fingerprints", "proof_depth", "echo_sent"),
    *("tls_hello_length", "stream_bytes", "stream_packets", "stream_acked"),
    *(
        "tls_most_beside",
        "tls_most_elsewhere",
        "tls_answered_later",
        "tls_most_in_run",
        "tls_open_beside",
        "tls_not_again",
    ),
)
_CONDITIONS = (
    *("in_residual", "local_fault", "tls_shown", "quic_shown", "http_answered", "tls_answered", "tls_self_signed"),
    *("tls_trusted_by_machine", "tls_bears_name", "payload_answered", "payload_rewritten", "mail_refused"),
    *("mail_turned_away", "mail_injected", "echo_echoed", "passes_all", "unfinished", "works", "redirects_elsewhere"),
    *(f"passes_{layer}" for layer in ("mail", "payload")),
    *("http_whole", "stream_silent", "fell_silent"),
    *(f"{layer}_tested" for layer in LAYERS),
)
_WORDS = (
    "tls_network",
    *("place", "followup", "tls_verified_name", "tls_leaf", "tls_issuer", "http_page", "http_title"),
    *("http_redirect_host", "mail_protocol", "mail_offer", "failure_kind", "random_failure_kind", "echo_failure_kind"),
    *(f"{layer}_failure_kind" for layer in LAYERS),
)
_LISTED = ("n", "t0", "t", "http_seconds", *_WORDS, *_NUMBERS, *_CONDITIONS, *_TEXTS)


def further_columns(expressions: Iterable[str]) -> list[str]:
    """Return the observation's columns that expressions read and that are not listed, so that they are joined too."""
    read = {word for expression in expressions for word in re.findall(r"\w+", expression)}
    return sorted((read & OBSERVATION.columns.keys()) - {*_LISTED, *SUBJECT})


_SELECTS_OF_PHENOMENA = (
    select
    for each in in_order()
    for part in (each.address, each.service)
    if part is not None
    for select in (*(statement.select for statement in part.statements), *(part.compared | part.joined).values())
)
_FURTHER = further_columns(
    (
        *(column.metadata["sql"] for column in fields(AddressRow)),
        *_SELECTS_OF_PHENOMENA,
        *(each.condition for phenomenon in in_order() for each in phenomenon.differentials),
    )
)
"""Other columns of observations that a column of the address row or a statement of a phenomenon reads."""

_COLUMNS = ", ".join(f"f.{name}" for name in (*_LISTED, *_FURTHER))

_OF_SUBJECT = ", ".join(
    f"s.{name}" for name in ("host", "proof", "is_http", "is_literal", "name_layer", "first_layer", "needs_mail")
)

LINKED = Statement(
    "linked",
    "Each link with its flow and the endpoint. `away` is a redirect to a domain that the control does not get.",
    (*SUBJECT, "role", "n"),
    f"SELECT l.m, l.endpoint, l.address, l.role, f.address AS flow_address, {_COLUMNS}, {_OF_SUBJECT},"
    " w.n IS NOT NULL AS at_working, f.redirects_elsewhere AND c.site IS NULL AS away,"
    f" {_NAME_COLUMNS}"
    f" FROM link l JOIN subject s ON {same_subject('s', 'l')} JOIN flow f ON f.m = l.m AND f.n = l.n"
    " LEFT JOIN working_neutral w ON w.m = l.m AND w.n = l.n"
    f" LEFT JOIN control_site c ON {same_subject('c', 'l')} AND c.site = f.http_redirect_site",
    kept=False,
)

_DIFFERENTIALS = tuple(each for phenomenon in in_order() for each in phenomenon.differentials)


def _all_of(column: str) -> str:
    """Return the condition of a column of the table `differential`."""
    return " OR ".join(each.condition for each in _DIFFERENTIALS if each.column == column)


_COMPARED_ROLES = quoted(dict.fromkeys(role for each in _DIFFERENTIALS for role in each.roles))
_OTHER_ROLES = quoted(dict.fromkeys(role for each in _DIFFERENTIALS for role in each.other_roles))

DIFFERENTIALS = Statement(
    "differential",
    "The linked flows that are compared with others to the same address before or after them, and what those show."
    " Phenomena declare the columns.",
    (*SUBJECT, "of_role", "of_n"),
    "SELECT k.m, k.endpoint, k.address, k.role AS of_role, k.n AS of_n, "
    + ", ".join(
        f"count(*) FILTER (WHERE {_all_of(column)}) > 0 AS {column}"
        for column in dict.fromkeys(each.column for each in _DIFFERENTIALS)
    )
    + f" FROM linked k JOIN linked b ON {same_subject('b', 'k')} AND b.flow_address = k.flow_address"
    f" WHERE k.role IN {_COMPARED_ROLES} AND b.role IN {_OTHER_ROLES}"
    " GROUP BY k.m, k.endpoint, k.address, k.role, k.n",
)

LINKED_STATEMENTS = (CONTROL_SITES, LINKED, DIFFERENTIALS)
