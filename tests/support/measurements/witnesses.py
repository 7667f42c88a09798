"""List a witness row per rule: the fewest columns with which this rule decides, and no earlier one."""

from typing import Any

Columns = dict[str, Any]


def _each(base: Columns, **rows: Columns) -> dict[str, Columns]:
    return {rule_id: base | columns for rule_id, columns in rows.items()}


def _by_answer(prefix: str, columns: Columns) -> dict[str, Columns]:
    return {
        f"{prefix}_blockpage": columns | {"dns_blockpage": 1},
        f"{prefix}_bogon": columns | {"dns_bogon": 2},
        f"{prefix}_other": columns,
    }


_ASKED = {"dns_needed": True, "dns_attempts": 2, "dns_compared": True}
_WRONG = _ASKED | {"dns_answers": 2}
_LIE = _WRONG | {"dns_proven_here": 1, "dns_foreign": 1}
_FAILED = _ASKED | {"dns_failure": "dns_nxdomain_error", "dns_failure_kind": "nxdomain"}
_RIGHT = _ASKED | {"dns_answers": 1, "dns_genuine": 1}

NAME: dict[str, Columns] = {
    "name_not_needed": {},
    "name_not_asked": {"dns_needed": True},
    "name_local_fault": _ASKED | {"dns_local_faults": 2, "dns_failure": "interrupted", "dns_failure_kind": "other"},
    "name_network_lost": _FAILED | {"dns_failure_kind": "timeout", "network_lost": True},
    "name_not_compared": _FAILED | {"dns_compared": False},
    "name_network_unchecked": _FAILED | {"dns_failure_kind": "timeout", "network_unchecked": True},
    "name_contested": _WRONG | {"dns_contested": 1},
    "dns_race_denial_first": _WRONG | {"dns_forged_first": 1, "dns_forged_denial": True},
    **_by_answer("dns_one_family_forged", _WRONG | {"dns_forged_first": 1, "dns_family_spared": True}),
    **_by_answer("dns_race_forged_first", _WRONG | {"dns_forged_first": 1}),
    **_by_answer("dns_interceptor_lies", _LIE | {"dns_intercepted": True}),
    **_by_answer("dns_resolver_lies", _LIE | {"dns_public_genuine": 1}),
    **_by_answer("dns_forged_on_path", _LIE | {"dns_public_forged": 2}),
    **_by_answer("dns_lie_proven", _WRONG | {"dns_proven_here": 1, "dns_foreign": 1}),
    **_by_answer("dns_lie_proven_at_control", _WRONG | {"dns_proven_authenticated": 1, "dns_elsewhere": 1}),
    **_by_answer("dns_race_at_public_resolver", _WRONG | {"dns_forged_public": 1}),
    **_by_answer("dns_answer_from_nowhere", _WRONG | {"dns_dark_forged": 1, "dns_authenticated": 1}),
    "dns_bogon_from_nowhere": _WRONG | {"dns_bogon": 2, "dns_dark_forged": 1, "dns_dark_silent": True},
    "dns_leads_to_blockpage": _WRONG | {"dns_blockpage": 1},
    "dns_bogon_contradicted": _WRONG | {"dns_bogon": 2, "dns_authenticated": 1},
    "dns_resolver_denies": _FAILED | {"dns_proven_here": 1, "dns_public_genuine": 1},
    "dns_denied_on_path": _FAILED | {"dns_proven_here": 1, "dns_dark_forged": 1},
    "dns_nxdomain_proven_false": _FAILED | {"dns_proven_here": 1},
    "dns_no_answer_proven_false": _FAILED | {"dns_failure_kind": "no_answer", "dns_proven_authenticated": 1},
    "name_resolves_in_one_family": _WRONG | {"dns_family_spared": True},
    "dns_bogon_here": _WRONG | {"dns_bogon": 2, "dns_from_control": 1},
    "dns_answer_of_another_box": _WRONG | {"dns_elsewhere": 1, "dns_unlike": 1, "dns_authenticated": 1},
    "dns_nxdomain_here": _FAILED | {"dns_authenticated": 1},
    "dns_stale_answer_here": _WRONG | {"dns_proven_here": 1, "dns_neighbours": 2},
    "dns_answer_fails_here": _WRONG | {"dns_proven_here": 1},
    "dns_answer_elsewhere_fails_here": _WRONG | {"dns_elsewhere": 2, "dns_trusted_reached": 1},
    **{
        f"dns_{kind}_here": _FAILED | {"dns_failure_kind": kind, "dns_proven_here": 1, "dns_other_names_resolved": 1}
        for kind in ("refused", "servfail", "timeout")
    },
    "dns_resolver_contradicts_itself": _FAILED
    | {"dns_failure_kind": "nxdomain", "dns_proven_here": 1, "dns_own_genuine": 1},
    "dns_resolver_fails_here": _FAILED | {"dns_failure_kind": "timeout", "dns_proven_here": 1},
    "name_resolves_denial_seen": _RIGHT | {"dns_forged_late": 1, "dns_forged_denial": True},
    "name_resolves_forged_bogon_seen": _RIGHT | {"dns_forged_late": 1, "dns_forged_bogon": True},
    "name_resolves_forged_answer_seen": _RIGHT | {"dns_dark_forged": 1},
    "name_resolves_answer_copied": _RIGHT | {"dns_doubled": 1},
    "name_resolves_answer_injected": _RIGHT | {"dns_dark_genuine": 1, "dns_dark_silent": True},
    "name_resolves_intercepted": _RIGHT | {"dns_intercepted": True},
    "name_resolves": _RIGHT,
    "name_unknown_everywhere": _FAILED | {"control_attempts": 1},
    "name_family_absent": _ASKED | {"dns_family_absent": True},
    "name_interrupted": _FAILED | {"interrupted": True},
    "name_fails": _FAILED,
    "name_unproven": _WRONG,
    "name_undecided": _ASKED,
}

_HERE = {"family_works": True, "attempts": 2, "by_name": True}
_PROVEN = _HERE | {"address_proven": True}
_TRIED = {"control_attempts": 1, "control_tcp_attempts": 1, "control_tls_attempts": 1}
_CONTROL = _TRIED | {"control_successes": 1, "control_tcp_successes": 1, "control_tls_successes": 1}
_SILENT = _PROVEN | {"tcp_attempts": 2, "tcp_failure": "generic_timeout_error"}

ADDRESS: dict[str, Columns] = {
    "address_family_absent": {"attempts": 2, "tcp_attempts": 2, "tcp_timeouts": 2} | _CONTROL,
    "address_datagrams_absent": _PROVEN
    | {"by_datagram": True, "payload_attempts": 2, "payload_timeouts": 2}
    | _CONTROL,
    "address_not_tried": {"family_works": True},
    "address_quic_not_installed": _PROVEN | {"local_faults": 2, "quic_missing": 2},
    "address_local_fault": _PROVEN | {"local_faults": 2},
    "address_interrupted": _HERE | {"tcp_attempts": 2, "tcp_timeouts": 2, "interrupted": True} | _CONTROL,
    "address_network_lost": _PROVEN | {"network_lost": True},
    "address_unproven_fails": _HERE | {"tcp_attempts": 2, "tcp_timeouts": 2} | _CONTROL,
    "address_silent_like_neutral_hosts": _PROVEN | {"in_outage": True} | _CONTROL,
    "address_silent_on_slow_line": _PROVEN | {"slow_silence": True} | _CONTROL,
    "address_network_unchecked": _PROVEN | {"network_unchecked": True} | _CONTROL,
    "address_answer_unchecked": _PROVEN | {"answer_unchecked": True, "tcp_successes": 2, "successes": 2},
    "address_proven": _PROVEN,
    "address_unproven": _HERE | {"tcp_attempts": 2, "tcp_successes": 2, "successes": 2},
}
TCP: dict[str, Columns] = {
    "tcp_connects": _PROVEN | {"tcp_attempts": 2, "tcp_successes": 1},
    "tcp_local_fault": _PROVEN | {"local_faults": 1},
    "tcp_not_reached": _PROVEN,
    "tcp_interrupted": _SILENT | {"tcp_attempts": 1, "interrupted": True},
    "tcp_fails_everywhere": _SILENT | _TRIED,
    "tcp_fails_soon_after_another": _SILENT | {"tcp_refusals": 2, "hurried_failures": 2} | _CONTROL,
    "tcp_timeout_here": _SILENT | {"tcp_timeouts": 2} | _CONTROL,
    "tcp_refused_here": _SILENT | {"tcp_refusals": 2} | _CONTROL,
    "tcp_reset_here": _SILENT | {"tcp_resets": 2} | _CONTROL,
    "tcp_unreachable_here": _SILENT | {"tcp_unreachables": 2} | _CONTROL,
    "tcp_fails_here": _SILENT | {"tcp_resets": 1, "tcp_timeouts": 1} | _CONTROL,
    "tcp_unconfirmed": _SILENT | {"tcp_attempts": 1, "tcp_timeouts": 1} | _CONTROL,
    "tcp_no_control": _SILENT | {"tcp_timeouts": 2},
    "tcp_undecided": _SILENT | {"tcp_failure": None},
}


def _by_chance(table: str, columns: Columns) -> dict[str, Columns]:
    """Return the witness of resets that may be chance, where an accusing rule would hold."""
    return {f"{table}_reset_among_random_resets": columns | {"resets_needed": 6, "resets_may_be_chance": True}}


def _fails(layer: str, columns: str) -> Columns:
    base = _PROVEN | {"tcp_attempts": 2, "tcp_successes": 2, "name_attempts": 2, "clear_text": layer == "http"}
    base |= {"name_failures": 2}
    return base | {f"{layer}_attempts": 2, f"{layer}_failure": "x", f"{layer}_{columns}": 2, f"name_{columns}": 2}


def _by_kind(layer: str) -> dict[str, Columns]:
    found: dict[str, Columns] = {}
    ways = (("timeout", "timeouts"), ("close", "closes"), *((("reset", "resets"),) if layer != "quic" else ()))
    for verb, columns in ways:
        here, passed = _fails(layer, columns), {"innocuous_passed": 1}
        neutral = {"neutral_proven": True, f"neutral_{columns}": 1}
        found[f"{layer}_{verb}_follows_name_to_neutral_host"] = here | passed | neutral | _TRIED
        found[f"{layer}_{verb}_follows_name"] = here | passed | _CONTROL
        found[f"{layer}_{verb}_of_unlisted_names"] = here | passed | {"nonexistent_failed": 1} | _CONTROL
        found[f"{layer}_{verb}_of_all_names_but_the_hosts_own"] = (
            here | neutral | {"nonexistent_neutral_failed": 1, "innocuous_failed": 1}
        )
        found[f"{layer}_{verb}_follows_name_at_this_address"] = (
            here | passed | {"neutral_proven": True, "neutral_passed": 1} | _CONTROL
        )
        found[f"{layer}_{verb}_again_for_any_name"] = here | {"innocuous_failed": 1} | _CONTROL
        found[f"{layer}_{verb}_here_again"] = here | _CONTROL
    return found


def _usual(layer: str, columns: str = "resets") -> dict[str, Columns]:
    here = _fails(layer, columns)
    once = here | {f"{layer}_attempts": 1, "name_attempts": 1, "name_failures": 1}
    return {
        f"{layer}_local_fault": _PROVEN | {"local_faults": 1},
        f"{layer}_not_reached": _PROVEN,
        f"{layer}_interrupted": once | {"interrupted": True},
        f"{layer}_fails_everywhere": here | _TRIED,
        f"{layer}_unconfirmed": once | _CONTROL,
        f"{layer}_no_control": here,
        f"{layer}_undecided": here | {f"{layer}_failure": None},
    }


_OTHER_THERE = {"tls_other_at_control": True} | _CONTROL


def _by_certificate(layer: str) -> dict[str, Columns]:
    refused = _PROVEN | {
        f"{layer}_attempts": 2,
        f"{layer}_failure": "ssl_unknown_authority",
        f"{layer}_certificates": 2,
    }
    return {
        f"{layer}_same_certificate_at_control": refused | {"tls_same_as_control": True} | _CONTROL,
        f"{layer}_mitm_by_local_authority": refused | _OTHER_THERE | {"tls_trusted_by_machine": True},
        f"{layer}_mitm_self_signed": refused | {"tls_name_proven_elsewhere": 1, "tls_self_signed": True},
        f"{layer}_mitm_by_other_authority": refused | {"neutral_same_issuer": 1, "tls_issued_by_other": True},
    } | ({"tls_certificate_refused_here": refused | _CONTROL} if layer == "tls" else {})


def _by_hello() -> dict[str, Columns]:
    found: dict[str, Columns] = {}
    for verb, columns in (("reset", "resets"), ("timeout", "timeouts")):
        for kind, passed in (("size", "other_size_passed"), ("make", "browser_passed")):
            here = _fails("tls", columns) | {passed: 1} | _CONTROL
            found[f"tls_{verb}_of_name_in_hello_of_this_{kind}"] = here | {"innocuous_passed": 1}
            found[f"tls_{verb}_of_any_hello_of_this_{kind}"] = here | {"innocuous_failed": 1}
        ours = _PROVEN | {"tls_attempts": 1, "tls_successes": 1}
        found[f"tls_{verb}_of_name_in_browsers_hello"] = ours | {f"browser_{columns}": 2}
        found[f"tls_{verb}_of_any_hello_with_ech"] = ours | {f"ech_{columns}": 5}
        found[f"tls_{verb}_of_name_in_hello_with_ech"] = ours | {f"ech_name_{columns}": 3}
    return found | {"tls_server_takes_browsers_only": _fails("tls", "resets") | {"browser_passed": 1} | _TRIED}


TLS: dict[str, Columns] = {
    "tls_completes_though_reset": _PROVEN
    | {"tls_attempts": 2, "tls_successes": 1, "resets_outlived": 1, "innocuous_passed": 1},
    "tls_reset_by_another": _fails("tls", "resets") | {"resets_unlike": 2, "innocuous_passed": 1},
    "tls_same_hello_passes_later": _fails("tls", "resets") | {"same_hello_passed": 1} | _CONTROL,
    "tls_policed_side_by_side": _PROVEN
    | {"tls_attempts": 3, "tls_successes": 1, "alone_successes": 1, "crowded_failures": 2, "crowded_silent": 2}
    | {"crowd_answers": 1, "control_crowd": 1},
    "tls_times_out_beside_slow_answers": _fails("tls", "timeouts") | {"name_answers_arriving": 1} | _CONTROL,
    "tls_fails_soon_after_another": _fails("tls", "resets") | {"hurried_failures": 2} | _CONTROL,
    "tls_fails_side_by_side": _fails("tls", "timeouts") | {"crowded_failures": 2, "crowd_answers": 1} | _CONTROL,
    **_by_hello(),
    **_by_chance("tls", _fails("tls", "resets") | {"innocuous_passed": 1} | _CONTROL),
    "tls_reset_follows_name_among_random_resets": _fails("tls", "resets")
    | {"resets_needed": 6, "name_flows_reset": 6, "innocuous_passed": 1}
    | _CONTROL,
    "tls_completes": _PROVEN | {"tls_attempts": 2, "tls_successes": 1},
    **_by_certificate("tls"),
    **_by_kind("tls"),
    **_usual("tls"),
}
QUIC: dict[str, Columns] = {
    "quic_completes": _PROVEN | {"quic_attempts": 2, "quic_successes": 1},
    **_by_certificate("quic"),
    **_by_kind("quic"),
    **_usual("quic", "timeouts"),
}
_FORGED = _PROVEN | {"clear_text": True, "http_attempts": 1, "http_successes": 1, "successes": 1} | _CONTROL
_STOPS = _PROVEN | {"by_name": True, "http_attempts": 2, "http_successes": 2, "successes": 2, "transfers_silent": 2}
_FREEZES = _STOPS | _CONTROL | {"transfers_alike": 3, "control_transferred": 1}
_FREEZES_WITH_ANY_NAME = _FREEZES | {"other_name_stopped": 1, "transfers_dead": 2}
_FREEZES_FOR_NAME = _FREEZES | {"other_name_transferred": 1}
_BY_BYTES, _BY_PACKETS = {"small_stops_at_bytes": 1}, {"small_stops_at_packets": 1}
_PAST_PACKETS = _BY_PACKETS | {"elsewhere_past_packets": 1}

HTTP: dict[str, Columns] = {
    "http_freezes_for_name_after_bytes": _FREEZES_FOR_NAME | _BY_BYTES,
    "http_freezes_for_name_after_packets": _FREEZES_FOR_NAME | _BY_PACKETS,
    "http_freezes_for_name": _FREEZES_FOR_NAME,
    "http_freezes_after_bytes": _FREEZES_WITH_ANY_NAME | _BY_BYTES | {"elsewhere_past_bytes": 1},
    "http_freezes_after_packets": _FREEZES_WITH_ANY_NAME | _PAST_PACKETS,
    "http_freezes_after_packets_at_times": _FREEZES | _PAST_PACKETS | {"transfers_dead": 1, "transfers_whole": 1},
    "http_stops_midway": _STOPS,
    "http_arrives_too_slowly": _fails("http", "timeouts") | {"answers_arriving": 1} | _CONTROL,
    "http_page_is_elsewhere_too": _FORGED | {"http_pages_elsewhere": 1},
    "http_redirect_is_elsewhere_too": _FORGED
    | {"http_redirects_elsewhere": 1, "http_pages_elsewhere": 1, "http_redirects": 1, "successes": 0},
    "http_answers": _PROVEN | {"http_attempts": 1, "http_successes": 1, "successes": 1},
    "http_shows_blockpage": _fails("http", "resets") | {"http_blockpages": 1},
    "http_redirected_here": _fails("http", "resets") | {"http_redirects": 2} | _CONTROL,
    "http_redirected_once": _PROVEN | {"http_attempts": 1, "http_redirects": 1, "clear_text": True} | _CONTROL,
    "http_redirected": _fails("http", "resets") | {"http_redirects": 1},
    **_by_chance("http", _fails("http", "resets") | {"innocuous_passed": 1} | _CONTROL),
    **_by_kind("http"),
    **_usual("http"),
}
PAYLOAD: dict[str, Columns] = {
    "payload_answered": _PROVEN | {"payload_attempts": 1, "payload_successes": 1},
    "payload_reset_twin_passes": _fails("payload", "resets") | {"twin_passed": 1} | _CONTROL,
    **_by_chance("payload", _fails("payload", "resets") | _CONTROL),
    "payload_drop_twin_passes": _fails("payload", "timeouts") | {"twin_passed": 1} | _CONTROL,
    "payload_drop_of_unlisted_protocols": _fails("payload", "timeouts") | {"random_silent": 1} | _CONTROL,
    "payload_answered_by_web_proxy": _fails("payload", "resets") | {"payload_web_answers": 2} | _CONTROL,
    "payload_fails_here": _fails("payload", "timeouts") | _CONTROL,
    **_usual("payload", "timeouts"),
}
_CALL = _PROVEN | {"datagrams_work": True, "payload_attempts": 2, "payload_failure": "x"}
_DATAGRAM = _CALL | {"by_datagram": True, "payload_timeouts": 2}
_STREAM = _CALL | {"tcp_attempts": 2, "tcp_successes": 2}


def call(name: str) -> dict[str, Columns]:
    """Return the witnesses of STUN, TURN or SIP, which share all rules except those about answers of SIP."""
    reset, silent = _STREAM | {"payload_resets": 2}, _STREAM | {"payload_timeouts": 2}
    once = {"payload_attempts": 1, "payload_timeouts": 1}
    return {
        f"{name}_answered": _PROVEN | {"payload_attempts": 1, "payload_successes": 1},
        f"{name}_local_fault": _PROVEN | {"local_faults": 1},
        f"{name}_not_reached": _PROVEN,
        f"{name}_interrupted": _DATAGRAM | once | {"interrupted": True},
        f"{name}_tampered": _DATAGRAM | {"other_echoed": 1, "same_echoed": 1, "same_swapped": 1},
        f"{name}_silent_twin_echoed": _DATAGRAM | {"other_echoed": 1, "same_silent": 1},
        **(_by_chance(name, reset | _CONTROL) if name != "dtls" else {}),
        f"{name}_reset_twin_passes": reset | {"twin_passed": 1} | _CONTROL,
        f"{name}_silent_twin_passes": silent | {"twin_passed": 1} | _CONTROL,
        f"{name}_fails_everywhere": _DATAGRAM | _TRIED,
        f"{name}_answers_otherwise": _CALL | {"payload_answered": 2} | _CONTROL,
        f"{name}_datagrams_changed": _DATAGRAM
        | {"other_echoed": 1, "other_changed": 1, "same_echoed": 1, "same_swapped": 1}
        | _CONTROL,
        f"{name}_no_datagram_passes": _DATAGRAM | {"other_silent": 1, "dns_by_datagram": True} | _CONTROL,
        f"{name}_unreachable_here": _CALL | {"by_datagram": True, "payload_unreachables": 2} | _CONTROL,
        f"{name}_reset_here": reset | _CONTROL,
        f"{name}_silent_though_twin_echoed": _DATAGRAM | {"other_echoed": 1, "same_echoed": 1} | _CONTROL,
        f"{name}_silent_here": _DATAGRAM | _CONTROL,
        f"{name}_fails_here": _CALL | _CONTROL,
        f"{name}_unconfirmed": _DATAGRAM | once | _CONTROL,
        f"{name}_no_control": _DATAGRAM,
        f"{name}_undecided": _CALL | {"payload_failure": None},
    }


_UNAVAILABLE = _PROVEN | {
    "payload_attempts": 2,
    "payload_successes": 2,
    "sip_unavailable": 2,
    "control_sip_answer": "200",
}
_ERRORS = _UNAVAILABLE | {"sip_unavailable": 0, "sip_errors": 2}
_CONTRADICTED = {"sip_contradicted": 1, "sip_second_answer": "200"} | _CONTROL
_AT_ECHO = {"same_answered": 1, "other_echoed": 1} | _CONTROL
_UNNAMED = {"control_sip_named": 1} | _CONTROL
_BEYOND_HOME = {"sip_passed_home": 1}

SIP: dict[str, Columns] = call("sip") | {
    "sip_480_contradicted": _UNAVAILABLE | _CONTRADICTED,
    "sip_500_contradicted": _ERRORS | _CONTRADICTED,
    "sip_gateway_answers": _ERRORS | _AT_ECHO | {"sip_named": 2},
    "sip_answered_at_home": _UNAVAILABLE | _CONTROL | {"sip_answered_at_home": 1},
    "sip_480_at_echo_too": _UNAVAILABLE | _AT_ECHO | _BEYOND_HOME,
    "sip_500_at_echo_too": _ERRORS | _AT_ECHO | _BEYOND_HOME,
    "sip_480_of_another_server": _UNAVAILABLE | _UNNAMED | _BEYOND_HOME,
    "sip_500_of_another_server": _ERRORS | _UNNAMED | _BEYOND_HOME,
    "sip_refused_only_here": _UNAVAILABLE | _CONTROL,
    "sip_answered_rewritten": _PROVEN | {"payload_attempts": 1, "payload_successes": 1, "payload_rewritten": 1},
}
_NOT_OF_REFLECTORS = ("_twin_passes",)
REFLECTOR: dict[str, Columns] = {
    rule_id: columns for rule_id, columns in call("reflector").items() if not rule_id.endswith(_NOT_OF_REFLECTORS)
} | {"reflector_accepts_alone": _STREAM | {"payload_timeouts": 2} | _TRIED}
_NOT_OF_DTLS = ("_twin_passes", "_reset_here", "_fails_here")
DTLS: dict[str, Columns] = {
    rule_id: columns for rule_id, columns in call("dtls").items() if not rule_id.endswith(_NOT_OF_DTLS)
} | {"dtls_silent_in_one_form": _DATAGRAM | {"dtls_same_silent": 1, "dtls_firefox_passed": 2} | _CONTROL}
_MAIL = _PROVEN | {"mail_protocol": "smtp", "mail_attempts": 2, "mail_failure": "connection_reset"}
_IMAP = _MAIL | {"mail_protocol": "imap"}
_SPOKEN = _PROVEN | {"mail_attempts": 1, "mail_successes": 1, "mail_injected": 1}

MAIL: dict[str, Columns] = {
    "smtp_plaintext_before_tls": _SPOKEN | {"mail_protocol": "smtp"},
    "imap_plaintext_before_tls": _SPOKEN | {"mail_protocol": "imap"},
    "mail_answered": _SPOKEN | {"mail_protocol": "smtp", "control_mail_injected": 1},
    "mail_local_fault": _PROVEN | {"local_faults": 1},
    "mail_not_reached": _PROVEN,
    "mail_interrupted": _MAIL | {"mail_attempts": 1, "interrupted": True},
    **_by_chance("mail", _MAIL | {"mail_resets": 2} | _CONTROL),
    "smtp_starttls_stripped": _MAIL | {"mail_unoffered": 2, "mail_refused": 2} | _CONTROL,
    "imap_starttls_stripped": _IMAP | {"mail_unoffered": 2, "mail_refused": 2} | _CONTROL,
    "mail_starttls_offered_to_nobody": _MAIL
    | {"mail_unoffered": 2, "control_attempts": 1, "control_mail_unoffered": 1},
    "mail_starttls_not_offered": _MAIL | {"mail_unoffered": 2},
    "mail_fails_everywhere": _MAIL | {"mail_resets": 2} | _TRIED,
    "smtp_refusal_contradicted": _MAIL
    | {"mail_contradicted": 2, "mail_known_refusals": 2, "mail_turned_away": 2}
    | _CONTROL,
    "smtp_refusal_known": _MAIL | {"mail_known_refusals": 2, "mail_turned_away": 2} | _CONTROL,
    "mail_turned_away": _MAIL | {"mail_turned_away": 2, "mail_refused": 2, "mail_resets": 2} | _CONTROL,
    "smtp_starttls_refused_here": _MAIL | {"mail_refused": 2, "mail_closes": 2} | _CONTROL,
    "imap_starttls_refused_here": _IMAP | {"mail_refused": 2, "mail_closes": 2} | _CONTROL,
    "smtp_fails_here": _MAIL | {"mail_resets": 2} | _CONTROL,
    "imap_fails_here": _IMAP | {"mail_timeouts": 2} | _CONTROL,
    "mail_unconfirmed": _MAIL | {"mail_resets": 1, "mail_timeouts": 1, "mail_unoffered": 1} | _CONTROL,
    "mail_no_control": _MAIL | {"mail_resets": 2},
    "mail_undecided": _MAIL | {"mail_failure": None},
}
_ASKING = _PROVEN | {"datagrams_work": True, "by_datagram": True, "payload_attempts": 2, "payload_failure": "x"}
_LIE = _ASKING | {"payload_failure": None, "payload_attempts": 1, "payload_successes": 1, "answers_false": 1}

RESOLVER: dict[str, Columns] = {
    "resolver_answered_in_its_place": _PROVEN
    | {"payload_attempts": 2, "payload_successes": 2, "by_datagram": True, "dns_intercepted": True},
    "resolver_answers": _PROVEN | {"payload_attempts": 2, "payload_successes": 2, "answers_false": 1},
    "resolver_local_fault": _PROVEN | {"local_faults": 1},
    "resolver_not_reached": _PROVEN,
    "resolver_interrupted": _ASKING | {"payload_attempts": 1, "interrupted": True},
    "resolver_answer_raced": _LIE | {"answers_forged_first": 1, "answers_bogons": 1, "answers_trusted": 1},
    **_by_chance("resolver", _ASKING | {"payload_resets": 2} | _CONTROL),
    "resolver_answers_bogon": _LIE | {"answers_bogons": 1, "answers_trusted": 1} | _CONTROL,
    "resolver_denies_a_name_that_exists": _ASKING | {"answers_denied": 2, "answers_trusted": 1} | _CONTROL,
    "resolver_answers_otherwise": _LIE | {"answers_elsewhere": 1, "answers_trusted": 1} | _CONTROL,
    "resolver_fails_everywhere": _ASKING | {"payload_timeouts": 2} | _TRIED,
    "resolver_unreachable_here": _ASKING | {"payload_unreachables": 2} | _CONTROL,
    "resolver_silent_here": _ASKING | {"payload_timeouts": 2} | _CONTROL,
    "resolver_refuses_here": _ASKING | {"answers_refused": 2} | _CONTROL,
    "resolver_breaks_here": _ASKING | {"answers_broken": 2} | _CONTROL,
    "resolver_fails_here": _ASKING | {"payload_resets": 2} | _CONTROL,
    "resolver_unconfirmed": _ASKING | {"payload_attempts": 1, "payload_timeouts": 1} | _CONTROL,
    "resolver_no_control": _ASKING | {"payload_timeouts": 2},
    "resolver_undecided": _ASKING | {"payload_failure": None},
}
ENDPOINT: dict[str, Columns] = {
    "endpoint_addresses_differ": {"working": 1, "blocked": 1, "name_fine": True},
    "endpoint_works": {"working": 1, "name_fine": True, "down": 1},
    **{f"endpoint_{state}": {state: 1} for state in ("blocked", "likely_blocked", "degraded", "impaired", "down")},
    "endpoint_insufficient": {"insufficient": 1},
    "endpoint_not_tried": {},
}
_RELAYS: Columns = {"endpoints": 2, "any_suffices": True, "likely_blocked": 1}
_RELAYS |= {"relays_by_datagram": 1, "relays_by_datagram_accused": 1}
SERVICE: dict[str, Columns] = {
    "service_bug": {"endpoints": 1, "ok": 1, "bugs": 1},
    "service_datagrams_absent": {"absent": 2, "absent_datagrams": 1},
    "service_family_absent": {"absent": 1},
    "service_empty": {},
    "service_unread": {"unread": True},
    "service_retired": {"endpoints": 1, "down": 1, "retired": True},
    "service_relays_over_tcp": _RELAYS | {"ok": 1, "relays_by_stream_ok": 1},
    "service_relays_accept_tcp": _RELAYS | {"insufficient": 1, "relays_by_stream_accepting": 1},
    **_each(
        {"endpoints": 1, "ok": 1, "media_pairs": 1},
        service_media_silent={"media_silent": 1, "media_cut": 1},
        service_media_cut={"media_cut": 1},
        service_media_throttled={"media_throttled": 1, "media_lost": 1},
        service_media_lost={"media_lost": 1},
        service_media_late={"media_late": 1},
    ),
    "service_name_throttled": {"endpoints": 1, "ok": 1, "control_successes": 1, "slow_pages": 2}
    | {"transfer_pairs": 1, "transfer_limited": 1},
    "service_host_throttled": {"endpoints": 1, "ok": 1, "control_successes": 1, "clear_slow_pages": 2}
    | {"clear_transfer_pairs": 1, "clear_transfer_limited": 1},
    "service_quic_name_throttled": {"endpoints": 1, "ok": 1, "control_successes": 1, "quic_slow_pages": 1}
    | {"quic_page_pairs": 1, "quic_page_limited": 1},
    "service_address_slow": {"endpoints": 1, "ok": 1, "control_successes": 1, "address_slow_pages": 1}
    | {"address_pages": 1, "address_limited": 1},
    "service_udp_slow": {"endpoints": 1, "ok": 1, "media_pairs": 1, "udp_limited": 1},
    "service_name_cut_off": {"endpoints": 1, "ok": 1, "control_successes": 1, "cutoff_alike": 3}
    | {"cutoff_neutral_past": 1, "cutoff_other_past": 1, "cutoff_name_at_neutral": 1},
    "service_connections_end": {"endpoints": 1, "ok": 1, "cutoff_alike": 3, "cutoff_broken": 3}
    | {"cutoff_neutral_past": 1},
    **_each(
        {"endpoints": 1, "ok": 1, "control_successes": 1},
        service_downloads_stop_after_bytes={"helper_stops_at_bytes": 1},
        service_downloads_stop_after_packets={"helper_stops_at_packets": 1},
        service_uploads_stop_after_bytes={"upload_stops_at_bytes": 1},
        service_uploads_stop_after_packets={"upload_stops_at_packets": 1},
    ),
    "service_datagram_flows_freeze": {"endpoints": 1, "ok": 1, "media_pairs": 1, "media_frozen": 1},
    "service_works_in_part": {"endpoints": 2, "ok": 1, "blocked": 1, "any_suffices": True},
    "service_one_works": {"endpoints": 2, "ok": 1, "down": 1, "any_suffices": True},
    **_each(
        {"endpoints": 2, "ok": 1},
        **{f"service_{state}": {state: 1} for state in ("blocked", "likely_blocked", "degraded", "impaired", "down")},
        service_out_of_time={"insufficient": 1, "untested": 1},
        service_insufficient={"insufficient": 1},
        service_ok={"ok": 2},
        service_undecided={"ok": 0},
    ),
}
NEED: dict[str, Columns] = {
    "need_blocked": {"services": 2, "blocked": 2},
    "need_likely_blocked": {"services": 2, "blocked": 1, "down": 1},
    "need_works_in_part": {"services": 2, "blocked": 1, "ok": 1},
    "need_unclear": {"services": 2, "impaired": 1, "ok": 1},
    "need_down": {"services": 2, "down": 1, "insufficient": 1},
    "need_works": {"services": 2, "ok": 1, "down": 1},
    "need_untested": {"services": 1, "insufficient": 1},
}
APP: dict[str, Columns] = {
    "app_blocked": {"essential": 1, "essential_blocked": 1, "blocked": 1},
    "app_likely_blocked": {"essential": 2, "essential_blocked": 1, "essential_impaired": 1, "blocked": 1},
    "app_works_in_part": {"essential": 2, "essential_blocked": 1, "essential_ok": 1, "blocked": 1},
    "app_other_need_blocked": {"essential": 1, "essential_ok": 1, "blocked": 1},
    "app_unclear": {"essential": 1, "essential_impaired": 1, "impaired": 1},
    "app_down": {"essential": 1, "essential_down": 1},
    "app_untested": {"essential": 2, "essential_insufficient": 1, "essential_ok": 1},
    "app_other_need_unclear": {"essential": 1, "essential_ok": 1, "impaired": 1},
    "app_works": {"essential": 1, "essential_ok": 1},
    "app_undecided": {},
}
_NONE_PROVEN = {
    "neutral_hosts": 3,
    "neutral_shown": 3,
    "neutral_cut": 3,
    "apps_working": 1,
    "web_port_apps_accused": 2,
}
REGIME: dict[str, Columns] = {
    "regime_captive": {"candidate": "captive", "portals": 1},
    "regime_international_cut": {
        "candidate": "international_cut",
        "home_proven": 1,
        "neutral_hosts": 6,
        "neutral_silent": 6,
    },
    "regime_port_443_reset": {
        "candidate": "port_443_reset",
        "neutral_hosts": 3,
        "neutral_reset": 3,
        "web_port_apps_accused": 2,
        "other_ports_working": 1,
    },
    "regime_allowlist_of_addresses": _NONE_PROVEN | {"candidate": "allowlist_address", "innocuous_beside_listed": 1},
    "regime_allowlist_without_neutral_hosts": _NONE_PROVEN
    | {"candidate": "allowlist_name", "innocuous_cut_beside_listed": 1},
    "regime_allowlist_of_names": {"candidate": "allowlist_name", "neutral_proven": 1, "unlisted_services": 2},
    "regime_allowlist_of_protocols": {
        "candidate": "protocol_allowlist",
        "neutral_proven": 1,
        "unlisted_protocol_apps": 2,
    },
    "regime_blocklist": {"candidate": "blocklist", "neutral_proven": 1, "apps_working": 1, "apps_blocked": 1},
    "regime_resolver_denies_names": {
        "candidate": "national_dns_delisting",
        "neutral_proven": 1,
        "apps_denied": 2,
        "providers_resolver": True,
    },
    "regime_encrypted_dns_blocked": {
        "candidate": "encrypted_dns_blocked",
        "neutral_proven": 1,
        "encrypted_dns_accused": 2,
        "plain_dns_working": 2,
    },
    "regime_ech_blocked": {"candidate": "ech_blocked", "neutral_proven": 1, "ech_services": 2},
    "regime_udp_absent": {
        "candidate": "udp_blocked",
        "neutral_proven": 1,
        "udp_failed": 1,
        "datagram_services_absent": 2,
    },
    "regime_udp_but_dns_absent": {
        "candidate": "udp_blocked",
        "neutral_proven": 1,
        "udp_passed": 1,
        "datagram_services_silent": 3,
        "neutral_quic_failed": 1,
    },
    "regime_quic_blocked": {
        "candidate": "quic_blocked",
        "neutral_proven": 1,
        "quic_apps_silent": 1,
        "neutral_quic_failed": 1,
        "datagrams_working": 1,
    },
    "regime_open": {"candidate": "open", "neutral_proven": 3, "apps_working": 3, "udp_passed": 1},
    "regime_not_shown": {},
}
WITNESSES = {
    "name": NAME,
    "address": ADDRESS,
    "tcp": TCP,
    "tls": TLS,
    "quic": QUIC,
    "http": HTTP,
    "payload": PAYLOAD,
    "stun": call("stun"),
    "turn": call("turn"),
    "reflector": REFLECTOR,
    "dtls": DTLS,
    "sip": SIP,
    "resolver": RESOLVER,
    "mail": MAIL,
    "endpoint": ENDPOINT,
    "service": SERVICE,
    "need": NEED,
    "app": APP,
    "regime": REGIME,
}
