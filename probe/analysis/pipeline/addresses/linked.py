"""Join the linked flows with what each shows about the endpoint's address that it is linked to."""

import re
from collections.abc import Iterable
from dataclasses import fields

from probe.analysis.features.rows import AddressRow
from probe.analysis.pipeline.addresses.subjects import SUBJECT, same_subject
from probe.analysis.pipeline.inputs import OBSERVATION
from probe.analysis.pipeline.statement import Statement
from probe.targets.dialects import LAYERS

KEY = ", ".join(SUBJECT)

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
    *("kept_answers", "kept_from", "kept_until"),
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
    *("tls_network", "kept_end"),
    *("place", "followup", "tls_verified_name", "tls_leaf", "tls_issuer", "http_page", "http_title"),
    *("http_redirect_host", "mail_protocol", "mail_offer", "failure_kind", "random_failure_kind", "echo_failure_kind"),
    *(f"{layer}_failure_kind" for layer in LAYERS),
)
_LISTED = ("n", "t0", "t", "http_seconds", *_WORDS, *_NUMBERS, *_CONDITIONS, *_TEXTS)


def further_columns(expressions: Iterable[str]) -> list[str]:
    """Return the observation's columns that expressions read and that are not listed, so that they are joined too."""
    read = {word for expression in expressions for word in re.findall(r"\w+", expression)}
    return sorted((read & OBSERVATION.columns.keys()) - {*_LISTED, *SUBJECT})


_FURTHER = further_columns(column.metadata["sql"] for column in fields(AddressRow))
"""Other columns of observations that a column of the address row reads, so that it needs no change here."""

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

LINKED_STATEMENTS = (CONTROL_SITES, LINKED)
