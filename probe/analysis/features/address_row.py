"""Define the feature row of one endpoint at one address.

An expression with an aggregate counts rows of `linked`, and reads `differential` and what phenomena compare flows with.
The others read the tables of the statement `address_row`.
The page Features of the documentation shows these tables and their short names.
"""

from dataclasses import dataclass, make_dataclass
from typing import Any

from probe.analysis.phenomena import in_order
from probe.analysis.sql.column import column, with_columns
from probe.analysis.sql.link_counts import (
    CONTROL,
    ECHO_SILENT,
    INNOCUOUS,
    MAIL,
    MAIL_PROTOCOL,
    NAME_CLOSED,
    NAMED,
    NEUTRAL,
    SUCCEEDED,
    TARGET,
    UNEXPLAINED,
    UNOFFERED,
    WITH_NAME,
    closed,
    count,
    last_failure,
    or_zero,
)
from probe.formats.failures import MTPROTO_WEB_SERVER, NO_QUIC

_WAYS = {
    "timeouts": ("that timed out", "{layer}_failure_kind = 'timeout'"),
    "resets": ("that were reset", "{layer}_failure_kind = 'reset'"),
    "refusals": ("that were refused", "{layer}_failure_kind = 'refused'"),
    "unreachables": ("that ended with an ICMP error", "{layer}_failure_kind = 'unreachable'"),
    "certificates": ("whose certificate was refused", "{layer}_failure_kind = 'certificate'"),
}
"""Ways of failing: the last part of the column's name, what it says of an attempt, and the condition."""


def failures_of(
    prefix: str, things: str, tested: tuple[str, ...], *usual: str, layer: str, **special: tuple[str, str]
) -> type:
    """Return a dataclass with one count for each way in which things fail at a layer that were tested.

    `special` ways have what they say of a thing, and the condition. `usual` ways are those that most things have.
    """
    columns: list[tuple[str, Any, Any]] = []
    for way, (says, condition) in ({way: _WAYS[way] for way in usual} | special).items():
        sql = count(*tested, condition.format(layer=layer))
        columns.append((f"{prefix}_{way}", int, column(0, f"{things} {says}.", sql)))
    return make_dataclass(f"{prefix}_failures", columns)


def counts_of_layer(
    layer: str, one: str, success: tuple[str, str], *usual: str, **special: tuple[str, str]
) -> tuple[type, type]:
    """Return dataclasses with the counts of attempts at a layer: in all, and by success and way of failing.

    `one` is an attempt at the layer with its article. `success` has what it says of an attempt, and the condition.
    """
    things, tested = one.partition(" ")[2], (TARGET, f"{layer}_tested")
    things = f"{things[0].upper()}{things[1:]}s"
    says, succeeded = success
    attempts = column(0, f"Attempts that tried {one}.", count(*tested))
    successes = column(0, f"{things} {says}.", count(*tested, succeeded))
    failure = column(None, f"Last failure of {one}, NULL if none failed.", last_failure(layer))
    columns: list[tuple[str, Any, Any]] = [
        (f"{layer}_attempts", int, attempts),
        (f"{layer}_successes", int, successes),
        (f"{layer}_failure", str | None, failure),
    ]
    failures = failures_of(layer, things, tested, *usual, layer=layer, **special)
    return make_dataclass(f"{layer}_counts", columns), failures


_VALID = "with a certificate that is valid for the name"
_CLOSED = "that were closed or failed in another way"

_TCP = counts_of_layer(
    "tcp",
    "a TCP connect",
    ("that succeeded", "tcp_failure IS NULL"),
    *("timeouts", "refusals", "resets", "unreachables"),
)
_TLS = counts_of_layer(
    "tls",
    "a TLS handshake",
    (_VALID, "tls_shown AND tls_verified_name = host"),
    *("resets", "timeouts", "certificates"),
    closes=(_CLOSED, closed("tls")),
)
_QUIC = counts_of_layer(
    "quic",
    "a QUIC handshake",
    (f"that were confirmed, {_VALID}", "quic_shown AND tls_verified_name = host"),
    *("timeouts", "certificates"),
    closes=("that were closed or refused, by ICMP too", closed("quic")),
)
_HTTP = counts_of_layer(
    "http",
    "an HTTP request",
    ("that got a status line", "http_answered"),
    *("resets", "timeouts"),
    closes=(_CLOSED, closed("http")),
)
_PAYLOAD = counts_of_layer(
    "payload",
    "a payload",
    ("that got the answer that proves the protocol", "passes_payload"),
    *("resets", "timeouts"),
    unreachables=(
        "that ended with an ICMP error, port unreachable included",
        "payload_failure_kind IN ('refused', 'unreachable')",
    ),
)


@with_columns([*_TCP, *_TLS, *_QUIC, *_HTTP])
@dataclass
class LayerColumns:
    """Count the attempts by layer. Those that failed because of this computer are left out."""

    http_blockpages: int = column(
        0, "HTTP answers that are a known block page.", count(TARGET, "http_tested", "fingerprints > 0")
    )
    http_redirects: int = column(
        0,
        "HTTP answers that redirect to a domain that the control does not redirect to.",
        count(TARGET, "http_tested", "away"),
    )
    control_http_blockpages: int = column(
        0, "HTTP answers to the control that are a known block page.", count(CONTROL, "fingerprints > 0")
    )


_NAME_CLOSED = ("that were closed. An alert of a neutral host does not count", NAME_CLOSED)
_NAME_FAILURES, _NEUTRAL_FAILURES = (
    failures_of(prefix, flows, (tested,), "resets", "timeouts", layer="name", closes=_NAME_CLOSED)
    for prefix, flows, tested in (
        ("name", "Flows with the name, at neutral hosts too,", WITH_NAME),
        ("neutral", "Flows with the name to working neutral hosts", NEUTRAL),
    )
)


@with_columns([_NAME_FAILURES, _NEUTRAL_FAILURES])
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
    innocuous_passed: int = column(
        0, "Flows with an innocuous name to this address that were answered.", count(INNOCUOUS, "name_answered")
    )
    innocuous_failed: int = column(
        0,
        "Flows with an innocuous name that failed outside a residual window.",
        count(INNOCUOUS, "name_layer <> ''", "NOT name_answered", "NOT in_residual", "NOT local_fault"),
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


@with_columns(_PAYLOAD)
@dataclass
class PayloadColumns:
    """Count the attempts at the protocol's own layer, and the echo pairs."""

    payload_unanswered: int = column(
        0,
        "Payloads that timed out, also on an access line that loses packets.",
        count(TARGET, "payload_tested", "payload_failure_kind = 'timeout'"),
    )
    payload_answered: int = column(
        0, "Payloads that got any answer to this request.", count(TARGET, "payload_tested", "payload_answered")
    )
    payload_web_answers: int = column(
        0,
        "Payloads that a web server answered, in the place of a server of the protocol.",
        count(TARGET, "payload_tested", f"payload_failure = '{MTPROTO_WEB_SERVER}'"),
    )
    payload_rewritten: int = column(
        0,
        "Payloads whose answer shows that the request was changed on the path.",
        count(TARGET, "payload_tested", "payload_rewritten"),
    )
    payload_unreadable: int = column(
        0,
        "Payloads that got no answer to this request, but other bytes from the same address and port.",
        count(TARGET, "payload_tested", "payload_failure_kind = 'timeout'", "payload_strays > 0"),
    )
    control_rewritten: int = column(
        0, "The control's payloads that were changed on the path.", count(CONTROL, "payload_rewritten")
    )
    payload_sealed: bool = column(False, "The payload is sent inside TLS.", "s.needs_tls")
    twin_passed: int = column(
        0,
        "Answers to another protocol at the same address and port, or to the same protocol inside TLS.",
        count("role = 'other_protocol'"),
    )
    # a resolver that is the target itself
    answers_false: int = column(
        0, "Answers with a bogon, an unknown network or a forged first datagram.", or_zero("d.answers_false")
    )
    answers_bogons: int = column(
        0, "Answers with an address that no public service can have.", or_zero("d.answers_bogons")
    )
    answers_elsewhere: int = column(
        0, "Answers with addresses in no network of a trusted answer.", or_zero("d.answers_elsewhere")
    )
    answers_forged_first: int = column(
        0, "Answers whose first datagram is contradicted and forged.", or_zero("d.answers_forged_first")
    )
    answers_denied: int = column(0, "Answers that deny the name.", or_zero("d.answers_denied"))
    answers_refused: int = column(0, "Answers that refuse the query.", or_zero("d.answers_refused"))
    answers_broken: int = column(0, "Answers that report a server failure (SERVFAIL).", or_zero("d.answers_broken"))
    answers_trusted: int = column(
        0, "Addresses of the queried names from trusted sources.", or_zero("d.answers_trusted")
    )
    dns_intercepted: bool = column(False, "A non-resolver answers DNS queries over UDP.", "w.dns_intercepted")
    # UDP
    by_datagram: bool = column(False, "The endpoint uses UDP.", "s.by_datagram")
    datagrams_work: bool = column(
        False, "UDP passes here, even if only DNS does.", "w.udp_works AND NOT t.datagrams_lost"
    )
    dns_by_datagram: bool = column(False, "DNS over UDP to public resolvers works.", "w.udp_dns")
    udp_passed: int = column(0, "UDP flows of the measurement, except DNS, that got an answer.", "w.udp_passed")
    same_echoed: int = column(
        0,
        "Echo pair: copies of the failed datagram that the helper's echo returned.",
        count("role = 'same_echo'", "echo_echoed"),
    )
    same_silent: int = column(
        0,
        "Echo pair: repeated copies of the failed datagram that got no answer.",
        count("role = 'same_echo'", ECHO_SILENT),
    )
    other_echoed: int = column(
        0, "Echo pair: random datagrams that the helper's echo returned.", count("role = 'other_echo'", "echo_echoed")
    )
    other_silent: int = column(
        0, "Echo pair: repeated random datagrams that got no answer.", count("role = 'other_echo'", ECHO_SILENT)
    )
    same_changed: int = column(
        0, "Echo pair: copies that came back changed.", count("role = 'same_echo'", "echo_changed")
    )
    same_swapped: int = column(
        0,
        "Echo pair: copies that came back with exchanged ends three times or more, and never as they were sent.",
        count("role = 'same_echo'", "echo_swapped >= 3", "echo_kept = 0"),
    )
    same_swapped_at_times: int = column(
        0,
        "Echo pair: copies that came back with exchanged ends fewer than three times, or later as they were sent.",
        count("role = 'same_echo'", "echo_swapped > 0", "(echo_swapped < 3 OR echo_kept > 0)"),
    )
    same_answered: int = column(
        0,
        "Echo pair: copies that got a SIP response or an error of STUN in place of the echo.",
        count("role = 'same_echo'", "echo_answered"),
    )
    other_changed: int = column(
        0, "Echo pair: random datagrams that came back changed.", count("role = 'other_echo'", "echo_changed")
    )
    # mail
    mail_protocol: str = column(
        "",
        "The mail protocol, smtp or imap, empty for other endpoints.",
        "CASE WHEN s.needs_mail THEN s.proof ELSE '' END",
    )
    mail_attempts: int = column(0, "Attempts that began a mail dialogue.", count(TARGET, MAIL))
    mail_successes: int = column(
        0,
        "Mail dialogues that were greeted and, with STARTTLS, offered and granted TLS.",
        count(TARGET, MAIL, "passes_mail"),
    )
    mail_failure: str | None = column(
        None, "Last failure of a mail dialogue, NULL if none failed.", last_failure("mail", MAIL)
    )
    mail_unoffered: int = column(
        0,
        "Mail dialogues whose capabilities lack STARTTLS or show a mask in its place.",
        count(TARGET, MAIL, UNOFFERED),
    )
    mail_refused: int = column(
        0, "Mail dialogues in which the server refused STARTTLS.", count(TARGET, MAIL, "mail_refused")
    )
    mail_turned_away: int = column(
        0, "Mail dialogues in which the server refused the client.", count(TARGET, MAIL, "mail_turned_away")
    )
    mail_known_refusals: int = column(
        0,
        "Mail dialogues with a refusal in the clear whose text a middlebox is said to send.",
        count(TARGET, MAIL, "mail_known_refusal"),
    )
    mail_contradicted: int = column(
        0,
        "Mail dialogues with a refusal in the clear and then an acceptance of the same command.",
        count(TARGET, MAIL, "mail_contradicted"),
    )
    mail_two_greetings: int = column(
        0,
        "Mail dialogues with a greeting in the clear that refuses the client, and then the end of another greeting.",
        count(TARGET, MAIL, "mail_two_greetings"),
    )
    mail_refused_in_tls: int = column(
        0, "Mail dialogues whose greeting inside TLS was a refusal.", count(TARGET, MAIL, "mail_refused_in_tls")
    )
    mail_injected: int = column(
        0, "Mail dialogues with plaintext after the server granted TLS.", count(TARGET, MAIL, "mail_injected")
    )
    mail_resets: int = column(
        0,
        "Mail dialogues that were reset without a refusal or a missing offer.",
        count(TARGET, MAIL, UNEXPLAINED, "mail_failure_kind = 'reset'"),
    )
    mail_timeouts: int = column(
        0,
        "Mail dialogues that timed out without a refusal or a missing offer. Those whose server acknowledged an empty"
        " line after the silence are left out.",
        count(TARGET, MAIL, UNEXPLAINED, "mail_failure_kind = 'timeout'", "stream_acked <> 1"),
    )
    mail_closes: int = column(
        0,
        "Mail dialogues that were closed without a refusal or a missing offer.",
        count(TARGET, MAIL, UNEXPLAINED, closed("mail")),
    )
    control_mail_unoffered: int = column(
        0,
        "The control's mail dialogues whose capabilities lack STARTTLS.",
        count(CONTROL, MAIL_PROTOCOL, "failure_kind <> 'local'", UNOFFERED),
    )
    control_mail_injected: int = column(
        0,
        "The control's mail dialogues with plaintext after TLS was granted.",
        count(CONTROL, MAIL_PROTOCOL, "failure_kind <> 'local'", "mail_injected"),
    )


ADDRESS_PROVEN = (
    "(s.is_literal OR COALESCE(v.verified, FALSE) OR (w.captured AND (c.successes = 0 OR s.is_resolver))"
    " OR (c.successes > 0 AND s.payload_names_no_server AND x.asn IS NOT NULL))"
    " AND (s.is_literal OR NOT COALESCE(v.from_control_alone, FALSE)"
    " OR c.neutral_resets + c.neutral_timeouts + c.neutral_closes > 0)"
)
"""Verified, or it answered a protocol without a certificate from the network of a verified address.

A program that was captured chose its addresses itself (`phenomena/captured_flows.py`). An address that only the control
named counts only if the name fails at neutral hosts too.
"""


@dataclass
class GeneralColumns:
    """Hold what is known about the endpoint, the address and the network."""

    family_works: bool = column(
        False,
        "The address's family (IPv4 or IPv6) works here.",
        "y.m IS NOT NULL AND NOT (s.address_family = 6 AND c.no_route > 0)",
    )
    interrupted: bool = column(False, "The run was interrupted.", "w.interrupted")
    address_proven: bool = column(False, "The address is verified.", ADDRESS_PROVEN)
    clear_text: bool = column(False, "The endpoint is `http://`.", "s.is_http")
    by_name: bool = column(False, "The endpoint's host is a name and not an address.", "NOT s.is_literal")
    line_lossy: bool = column(False, "Packets to neutral hosts were lost too.", "w.lossy OR t.lossy")
    slow_silence: bool = column(
        False,
        "The access line is slow, and each attempt that failed got no answer in time.",
        "w.slow AND c.silent > 0 AND c.failed_otherwise = 0",
    )
    in_outage: bool = column(
        False,
        "No flow to the address got an answer since a check that did not reach a neutral host over its family.",
        "t.in_outage",
    )
    network_unchecked: bool = column(
        False, "Attempts failed, and no check of the network is near in time to them.", "t.unchecked"
    )
    network_lost: bool = column(
        False, "No neutral host of the address's family answered a check near in time to a failed attempt.", "t.lost"
    )
    answer_unchecked: bool = column(
        False,
        "Any device can give the answer, and no check for a sign-in page is near in time to the attempts.",
        "t.answer_unchecked",
    )
    attempts: int = column(0, "Attempts with the target's own name or payload.", count(TARGET))
    successes: int = column(0, "Attempts that passed every layer that the endpoint needs.", count(TARGET, SUCCEEDED))
    unfinished: int = column(
        0, "Attempts without failure that did not try the topmost layer.", count(TARGET, "unfinished")
    )
    local_faults: int = column(0, "Attempts that failed because of this computer.", count(TARGET, "local_fault"))
    quic_missing: int = column(
        0, "Attempts that were not made because QUIC is not installed.", count(TARGET, f"failure = '{NO_QUIC}'")
    )


PARTS_OF_ADDRESSES = tuple(each.address for each in in_order() if each.address is not None)
"""The parts of phenomena that add columns to the row of an address."""


@with_columns([part.columns for part in PARTS_OF_ADDRESSES])
@dataclass
class AddressRow(NameColumns, PayloadColumns, LayerColumns, GeneralColumns):
    """Count the attempts at one endpoint and address, the differentials and the control.

    The counts of a layer leave out attempts that failed because of this computer.
    """
