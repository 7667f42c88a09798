"""List a witness row per rule: the fewest columns with which this rule decides, and no earlier one."""

from typing import Any

Columns = dict[str, Any]


def _each(base: Columns, **rows: Columns) -> dict[str, Columns]:
    return {key: base | columns for key, columns in rows.items()}


def _by_answer(kind: str, columns: Columns) -> dict[str, Columns]:
    return {
        f"{kind}:dns:blockpage": columns | {"dns_blockpage": 1},
        f"{kind}:dns:bogon": columns | {"dns_bogon": 2},
        f"{kind}:dns:other": columns,
    }


_ASKED = {"dns_needed": True, "dns_attempts": 2, "dns_compared": True}
_WRONG = _ASKED | {"dns_answers": 2}
_LIE = _WRONG | {"dns_proven_here": 1, "dns_foreign": 1}
_FAILED = _ASKED | {"dns_failure": "dns_nxdomain_error", "dns_failure_kind": "nxdomain"}
_FILTERED = _WRONG | {"dns_public_genuine": 1, "dns_filtered_advertisements": 3}
_ASSIGNED = {"dns_public_genuine": 1, "dns_assigned_genuine": 1}
_RIGHT = _ASKED | {"dns_answers": 1, "dns_genuine": 1}

NAME: dict[str, Columns] = {
    "name_not_needed": {},
    "capture_chose_address": {"dns_needed": True, "name_captured": True},
    "name_not_asked": {"dns_needed": True},
    "local_fault:dns": _ASKED | {"dns_local_faults": 2, "dns_failure": "interrupted", "dns_failure_kind": "other"},
    "network_lost:dns": _FAILED | {"dns_failure_kind": "timeout", "network_lost": True},
    "name_not_compared": _FAILED | {"dns_compared": False},
    "name_comparison_unrecorded": _FAILED | {"dns_compared": False, "dns_comparison_unrecorded": True},
    "network_unchecked:dns": _FAILED | {"dns_failure_kind": "timeout", "network_unchecked": True},
    "name_in_hosts_file": _WRONG | {"dns_in_hosts_file": 1, "dns_authenticated": 1},
    "name_filtered_in_home_network": _FILTERED | {"dns_filter_place": "local_network"},
    "name_filtered_on_computer": _FILTERED | {"dns_filter_place": "this_computer"},
    "name_filtered_by_chosen_resolver": _FILTERED | {"dns_filter_place": "listed"},
    "name_filtered_like_advertising": _FILTERED | {"dns_filter_place": "listed", "dns_public_genuine": 0},
    "name_filtered_at_both_resolvers": _FILTERED
    | {"dns_filter_place": "local_network", "dns_assigned_forged": 1, "dns_assigned_place": "local_network"},
    "name_false_at_chosen_resolver_alone": _LIE | _ASSIGNED | {"dns_resolver_place": "elsewhere"},
    "name_false_at_own_resolver_alone": _LIE | _ASSIGNED | {"dns_resolver_place": "this_computer"},
    "name_gets_block_page_of_filter": _LIE
    | {"dns_public_genuine": 1, "dns_filtered_pages": 1, "dns_filter_place": "local_network"},
    "name_true_at_assigned_resolver": _LIE | {"dns_assigned_genuine": 1, "dns_resolver_place": "elsewhere"},
    "name_not_asked_at_assigned_resolver": _LIE | {"dns_assigned_unasked": True},
    "dns_resolver_limits_queries": _FAILED
    | {"dns_failure_kind": "refused", "dns_proven_here": 1, "dns_other_names_resolved": 1, "dns_innocuous_failed": 1},
    "name_contested": _WRONG | {"dns_contested": 1},
    "dns_race_denial_first": _WRONG | {"dns_forged_first": 1, "dns_forged_denial": True},
    **_by_answer("dns_one_family_forged", _WRONG | {"dns_forged_first": 1, "dns_family_spared": True}),
    **_by_answer("dns_race_forged_first", _WRONG | {"dns_forged_first": 1}),
    **_by_answer("dns_interceptor_forges", _LIE | {"dns_intercepted": True}),
    **_by_answer("dns_resolver_forges", _LIE | {"dns_public_genuine": 1}),
    **_by_answer("dns_forged_on_path", _LIE | {"dns_public_forged": 2}),
    **_by_answer("dns_forgery_proven", _WRONG | {"dns_proven_here": 1, "dns_foreign": 1}),
    **_by_answer("dns_forgery_proven_at_control", _WRONG | {"dns_proven_authenticated": 1, "dns_elsewhere": 1}),
    **_by_answer("dns_race_at_public_resolver", _WRONG | {"dns_forged_public": 1}),
    **_by_answer("dns_answer_from_non_resolver", _WRONG | {"dns_dark_forged": 1, "dns_authenticated": 1}),
    "dns_bogon_from_non_resolver": _WRONG | {"dns_bogon": 2, "dns_dark_forged": 1, "dns_dark_silent": True},
    "dns_leads_to_blockpage": _WRONG | {"dns_blockpage": 1},
    "dns_bogon_contradicted": _WRONG | {"dns_bogon": 2, "dns_authenticated": 1},
    "dns_resolver_denies": _FAILED | {"dns_proven_here": 1, "dns_public_genuine": 1},
    "dns_denied_on_path": _FAILED | {"dns_proven_here": 1, "dns_dark_forged": 1},
    "dns_denial_proven_false:dns:nxdomain": _FAILED | {"dns_proven_here": 1},
    "dns_denial_proven_false:dns:no_answer": _FAILED | {"dns_failure_kind": "no_answer", "dns_proven_authenticated": 1},
    "name_resolves_in_one_family": _WRONG | {"dns_family_spared": True},
    "dns_known_forgery": _WRONG | {"dns_known_forged": 2, "dns_from_control": 1},
    "dns_bogon_here": _WRONG | {"dns_bogon": 2, "dns_from_control": 1},
    "dns_answer_of_another_device": _WRONG | {"dns_elsewhere": 1, "dns_unlike": 1, "dns_authenticated": 1},
    "dns_nxdomain_here": _FAILED | {"dns_authenticated": 1},
    "dns_stale_answer_here": _WRONG | {"dns_proven_here": 1, "dns_neighbours": 2},
    "dns_answer_fails_here": _WRONG | {"dns_proven_here": 1},
    "dns_answer_elsewhere_fails_here": _WRONG | {"dns_elsewhere": 2, "dns_trusted_reached": 1},
    **{
        f"dns_lookup_fails_here:dns:{way}": _FAILED
        | {"dns_failure_kind": way, "dns_proven_here": 1, "dns_other_names_resolved": 1}
        for way in ("refused", "servfail", "timeout")
    },
    "dns_comparison_unrecorded": _FAILED
    | {"dns_failure_kind": "servfail", "dns_proven_here": 1, "dns_comparison_unrecorded": True},
    "check_not_made:dns": _FAILED
    | {"dns_failure_kind": "refused", "dns_proven_here": 1, "dns_other_names_resolved": 1, "dns_unrepeated": True},
    "dns_resolver_contradicts_itself": _FAILED
    | {"dns_failure_kind": "nxdomain", "dns_proven_here": 1, "dns_own_genuine": 1},
    "dns_resolver_fails_here": _FAILED | {"dns_failure_kind": "timeout", "dns_proven_here": 1},
    "name_resolves_forgery_seen:dns:denial": _RIGHT | {"dns_forged_late": 1, "dns_forged_denial": True},
    "name_resolves_forgery_seen:dns:bogon": _RIGHT | {"dns_forged_late": 1, "dns_forged_bogon": True},
    "name_resolves_forgery_seen:dns:other": _RIGHT | {"dns_dark_forged": 1},
    "name_resolves_answer_copied": _RIGHT | {"dns_doubled": 1},
    "name_resolves_answer_injected": _RIGHT | {"dns_dark_genuine": 1, "dns_dark_silent": True},
    "name_resolves_intercepted": _RIGHT | {"dns_intercepted": True},
    "name_resolves": _RIGHT,
    "name_unknown_everywhere": _FAILED | {"control_attempts": 1},
    "name_family_absent": _ASKED | {"dns_family_absent": True},
    "name_interrupted": _FAILED | {"interrupted": True},
    "name_fails": _FAILED,
    "name_unproven": _WRONG,
    "undecided:dns": _ASKED,
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
    "stopped_by_this_computer": _PROVEN | {"near_this_computer": 1, "local_faults": 2},
    "stopped_by_own_router": _PROVEN | {"near_own_router": 1},
    "stopped_at_first_hop": _PROVEN | {"near_unclear": 1} | _CONTROL,
    "address_quic_not_installed": _PROVEN | {"local_faults": 2, "quic_missing": 2},
    "local_fault": _PROVEN | {"local_faults": 2},
    "address_interrupted": _HERE | {"tcp_attempts": 2, "tcp_timeouts": 2, "interrupted": True} | _CONTROL,
    "network_lost": _PROVEN | {"network_lost": True},
    "address_unproven_fails": _HERE | {"tcp_attempts": 2, "tcp_timeouts": 2} | _CONTROL,
    "address_silent_like_neutral_hosts": _PROVEN | {"in_outage": True} | _CONTROL,
    "address_silent_on_slow_line": _PROVEN | {"slow_silence": True} | _CONTROL,
    "network_unchecked": _PROVEN | {"network_unchecked": True} | _CONTROL,
    "own_load": _PROVEN | {"attempts": 2, "burst_failures": 2} | _CONTROL,
    "failure_among_innocuous_failures": _PROVEN | {"attempts": 2, "cut_off_may_be_chance": True} | _CONTROL,
    "check_not_made": _SILENT | {"near_untested": True} | _CONTROL,
    "connection_accepted_for_all": _PROVEN | {"connect_only": True, "neutral_way": "cut", "successes": 1},
    "address_answer_unchecked": _PROVEN | {"answer_unchecked": True, "tcp_successes": 2, "successes": 2},
    "capture_address_not_judged": _PROVEN | {"captured": True},
    "address_proven": _PROVEN,
    "address_unproven": _HERE | {"tcp_attempts": 2, "tcp_successes": 2, "successes": 2},
}
_RESET_ONCE = _SILENT | {"tcp_attempts": 1, "interrupted": True, "neutral_way": "reset", "web_port": True}
TCP: dict[str, Columns] = {
    "tcp_connects": _PROVEN | {"tcp_attempts": 2, "tcp_successes": 1},
    "local_fault:tcp": _PROVEN | {"local_faults": 1},
    "not_reached:tcp": _PROVEN,
    "port_443_reset_for_all:tcp:refused": _RESET_ONCE | {"tcp_refusals": 1} | _CONTROL,
    "port_443_reset_for_all:tcp:reset": _RESET_ONCE | {"tcp_resets": 1} | _CONTROL,
    "interrupted:tcp": _SILENT | {"tcp_attempts": 1, "interrupted": True},
    "fails_everywhere:tcp": _SILENT | _TRIED,
    "fails_soon_after_another:tcp": _SILENT | {"tcp_refusals": 2, "hurried_failures": 2} | _CONTROL,
    "few_ports_pass": _SILENT | {"tcp_timeouts": 2, "port_silent_elsewhere": 1, "other_ports_closed": 1} | _CONTROL,
    "mail_port_closed": _SILENT | {"tcp_refusals": 2, "port_rejected_elsewhere": 1, "mail_port": True} | _CONTROL,
    "tcp_fails_alike_here:tcp:timeout": _SILENT | {"tcp_timeouts": 2} | _CONTROL,
    "tcp_fails_alike_here:tcp:refused": _SILENT | {"tcp_refusals": 2} | _CONTROL,
    "tcp_fails_alike_here:tcp:reset": _SILENT | {"tcp_resets": 2} | _CONTROL,
    "tcp_fails_alike_here:tcp:unreachable": _SILENT | {"tcp_unreachables": 2} | _CONTROL,
    "tcp_fails_here": _SILENT | {"tcp_resets": 1, "tcp_timeouts": 1} | _CONTROL,
    "unconfirmed:tcp": _SILENT | {"tcp_attempts": 1, "tcp_timeouts": 1} | _CONTROL,
    "no_control:tcp": _SILENT | {"tcp_timeouts": 2},
    "undecided:tcp": _SILENT | {"tcp_failure": None},
}


def _by_chance(table: str, columns: Columns) -> dict[str, Columns]:
    """Return the witness of resets that may be chance, where an accusing rule would hold."""
    return {f"reset_among_random_resets:{table}": columns | {"resets_needed": 6, "resets_may_be_chance": True}}


def _fails(layer: str, columns: str) -> Columns:
    base = _PROVEN | {"tcp_attempts": 2, "tcp_successes": 2, "name_attempts": 2, "clear_text": layer == "http"}
    base |= {"name_failures": 2}
    return base | {f"{layer}_attempts": 2, f"{layer}_failure": "x", f"{layer}_{columns}": 2, f"name_{columns}": 2}


def _by_kind(layer: str) -> dict[str, Columns]:
    found: dict[str, Columns] = {}
    ways = (("timeout", "timeouts"), ("close", "closes"), *((("reset", "resets"),) if layer != "quic" else ()))
    for way, columns in ways:
        here, passed = _fails(layer, columns), {"innocuous_passed": 1}
        neutral = {"neutral_proven": True, f"neutral_{columns}": 1}
        found[f"failure_follows_name_to_neutral_host:{layer}:{way}"] = here | passed | neutral | _TRIED
        found[f"failure_follows_name:{layer}:{way}"] = here | passed | _CONTROL
        found[f"unlisted_names_fail:{layer}:{way}"] = here | passed | {"nonexistent_failed": 1} | _CONTROL
        found[f"all_names_but_the_hosts_own_fail:{layer}:{way}"] = (
            here | neutral | {"nonexistent_neutral_failed": 1, "innocuous_failed": 1}
        )
        found[f"failure_follows_name_at_this_address:{layer}:{way}"] = (
            here | passed | {"neutral_proven": True, "neutral_passed": 1} | _CONTROL
        )
        found[f"fails_again_for_any_name:{layer}:{way}"] = here | {"innocuous_failed": 1} | _CONTROL
        found[f"fails_here_again:{layer}:{way}"] = here | _CONTROL
    return found


def _usual(layer: str, columns: str = "resets") -> dict[str, Columns]:
    here = _fails(layer, columns)
    once = here | {f"{layer}_attempts": 1, "name_attempts": 1, "name_failures": 1}
    return {
        f"local_fault:{layer}": _PROVEN | {"local_faults": 1},
        f"not_reached:{layer}": _PROVEN,
        f"interrupted:{layer}": once | {"interrupted": True},
        f"fails_everywhere:{layer}": here | _TRIED,
        f"unconfirmed:{layer}": once | _CONTROL,
        f"no_control:{layer}": here,
        f"undecided:{layer}": here | {f"{layer}_failure": None},
    }


_OTHER_THERE = {"tls_other_at_control": True} | _CONTROL


def _by_certificate(layer: str) -> dict[str, Columns]:
    refused = _PROVEN | {
        f"{layer}_attempts": 2,
        f"{layer}_failure": "ssl_unknown_authority",
        f"{layer}_certificates": 2,
    }
    return {
        f"same_certificate_at_control:{layer}": refused | {"tls_same_as_control": True} | _CONTROL,
        f"mitm_by_local_authority:{layer}": refused | _OTHER_THERE | {"tls_trusted_by_machine": True},
        f"mitm_self_signed:{layer}": refused | {"tls_name_proven_elsewhere": 1, "tls_self_signed": True},
        f"mitm_by_other_authority:{layer}": refused | {"neutral_same_issuer": 1, "tls_issued_by_other": True},
    } | ({"tls_certificate_refused_here": refused | _CONTROL} if layer == "tls" else {})


def _by_hello() -> dict[str, Columns]:
    found: dict[str, Columns] = {}
    for way, columns in (("reset", "resets"), ("timeout", "timeouts")):
        for kind, passed in (("size", "other_size_passed"), ("make", "browser_passed")):
            here = _fails("tls", columns) | {passed: 1} | _CONTROL
            found[f"tls_name_in_hello_of_this_{kind}_fails:tls:{way}"] = here | {"innocuous_passed": 1}
            found[f"tls_any_hello_of_this_{kind}_fails:tls:{way}"] = here | {"innocuous_failed": 1}
        ours = _PROVEN | {"tls_attempts": 1, "tls_successes": 1}
        found[f"tls_name_in_browsers_hello_fails:tls:{way}"] = ours | {f"browser_{columns}": 2}
        found[f"tls_any_hello_with_ech_fails:tls:{way}"] = ours | {f"ech_{columns}": 5}
        found[f"tls_name_in_hello_with_ech_fails:tls:{way}"] = ours | {f"ech_name_{columns}": 3}
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
    "fails_soon_after_another:tls": _fails("tls", "resets") | {"hurried_failures": 2} | _CONTROL,
    "tls_fails_side_by_side": _fails("tls", "timeouts") | {"crowded_failures": 2, "crowd_answers": 1} | _CONTROL,
    **_by_hello(),
    **_by_chance("tls", _fails("tls", "resets") | {"innocuous_passed": 1} | _CONTROL),
    "tls_reset_follows_name_among_random_resets": _fails("tls", "resets")
    | {"resets_needed": 6, "name_flows_reset": 6, "innocuous_passed": 1}
    | _CONTROL,
    "capture_completes_at_times:tls": _PROVEN
    | {"captured": True, "captured_completions": 1, "tls_attempts": 2, "tls_failure": "connection_reset"},
    "capture_completes:tls": _PROVEN | {"captured": True, "captured_completions": 1, "tls_attempts": 1},
    "capture_reset_by_another": _PROVEN
    | {"captured": True, "tls_attempts": 2, "tls_failure": "connection_reset", "tls_resets": 1, "resets_unlike": 1},
    "tls_completes": _PROVEN | {"tls_attempts": 2, "tls_successes": 1},
    **_by_certificate("tls"),
    **_by_kind("tls"),
    **_usual("tls"),
}
QUIC: dict[str, Columns] = {
    "capture_completes_at_times:quic": _PROVEN
    | {"captured": True, "captured_completions": 1, "quic_attempts": 2, "quic_failure": "generic_timeout_error"},
    "capture_completes:quic": _PROVEN | {"captured": True, "captured_completions": 1, "quic_attempts": 1},
    "quic_completes": _PROVEN | {"quic_attempts": 2, "quic_successes": 1},
    "datagrams_too_long_here:quic": _PROVEN
    | {"quic_attempts": 2, "quic_timeouts": 2, "datagram_limit": 1000}
    | _CONTROL,
    "check_not_made:quic": _PROVEN
    | {"by_datagram": True, "quic_attempts": 2, "quic_timeouts": 2, "sizes_untested": True}
    | _CONTROL,
    **_by_certificate("quic"),
    **_by_kind("quic"),
    **_usual("quic", "timeouts"),
}
_FORGED = _PROVEN | {"clear_text": True, "http_attempts": 1, "http_successes": 1, "successes": 1} | _CONTROL
_STOPS = _PROVEN | {"by_name": True, "http_attempts": 2, "http_successes": 2, "successes": 2, "transfers_silent": 2}
_FREEZES = _STOPS | _CONTROL | {"transfers_alike": 3, "control_transferred": 1}
_FREEZES_WITH_ANY_NAME = _FREEZES | {"other_name_stopped": 1, "transfers_dead": 2}
_FREEZES_FOR_NAME = _FREEZES | {"other_name_transferred": 1, "other_name_well_past": 1}
_BY_BYTES, _BY_PACKETS = {"small_stops_at_bytes": 1}, {"small_stops_at_packets": 1}
_PAST_PACKETS = _BY_PACKETS | {"elsewhere_past_packets": 1}

_REFUSED_PAGES = _PROVEN | {"http_attempts": 2, "http_successes": 2, "successes": 2, "control_http_pages": 1} | _CONTROL

HTTP: dict[str, Columns] = {
    "http_freezes_for_name:http:bytes": _FREEZES_FOR_NAME | _BY_BYTES,
    "http_freezes_for_name:http:packets": _FREEZES_FOR_NAME | _BY_PACKETS,
    "http_freezes_for_name:http": _FREEZES_FOR_NAME,
    "http_freezes_at_address:http:bytes": _FREEZES_WITH_ANY_NAME | _BY_BYTES | {"elsewhere_past_bytes": 1},
    "http_freezes_at_address:http:packets": _FREEZES_WITH_ANY_NAME | _PAST_PACKETS,
    "http_freezes_at_address_at_times": _FREEZES | _PAST_PACKETS | {"transfers_dead": 1, "transfers_whole": 1},
    "http_stops_midway": _STOPS,
    "http_arrives_too_slowly": _fails("http", "timeouts") | {"answers_arriving": 1} | _CONTROL,
    "http_page_is_elsewhere_too": _FORGED | {"http_pages_elsewhere": 1},
    "http_page_is_elsewhere_once": _FORGED | {"http_pages_elsewhere_once": 1},
    "http_redirect_is_elsewhere_too": _FORGED
    | {"http_redirects_elsewhere": 1, "http_pages_elsewhere": 1, "http_redirects": 1, "successes": 0},
    "http_refusal_is_elsewhere_too": _FORGED | _REFUSED_PAGES | {"http_refusals_elsewhere": 2, "http_forbidden": 2},
    "service_refuses_here:http:forbidden": _REFUSED_PAGES | {"http_forbidden": 2},
    "service_refuses_here:http:legal_reasons": _REFUSED_PAGES | {"http_legal_reasons": 2},
    "service_refuses_here:http:unavailable": _REFUSED_PAGES | {"http_unavailable": 2},
    "http_refused_here": _REFUSED_PAGES | {"http_forbidden": 1, "http_unavailable": 1, "clear_text": True},
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
    "payload_fails_beside_other_protocol:payload:reset": _fails("payload", "resets") | {"twin_passed": 1} | _CONTROL,
    **_by_chance("payload", _fails("payload", "resets") | _CONTROL),
    "payload_fails_beside_other_protocol:payload:timeout": _fails("payload", "timeouts")
    | {"twin_passed": 1}
    | _CONTROL,
    "payload_unlisted_protocols_fail": _fails("payload", "timeouts") | {"random_silent": 1} | _CONTROL,
    "payload_answered_by_web_proxy": _fails("payload", "resets") | {"payload_web_answers": 2} | _CONTROL,
    "payload_fails_here": _fails("payload", "timeouts") | _CONTROL,
    **_usual("payload", "timeouts"),
}
_CALL = _PROVEN | {"datagrams_work": True, "payload_attempts": 2, "payload_failure": "x"}
_DATAGRAM = _CALL | {"by_datagram": True, "payload_timeouts": 2}
_TOO_LONG = _DATAGRAM | {"datagram_limit": 120, "longest_answer": 160, "same_echoed": 1} | {"control_successes": 1}
_LONG = frozenset({"turn", "sip", "dtls"})
_STREAM = _CALL | {"tcp_attempts": 2, "tcp_successes": 2}


def _everywhere(name: str) -> str:
    return {
        "sip": "sip_fails_everywhere",
        "reflector": "unknown_callers_unanswered:reflector",
        "dtls": "unknown_callers_unanswered:dtls",
    }.get(name, f"fails_everywhere:{name}")


def call(name: str) -> dict[str, Columns]:
    """Return the witnesses of STUN, TURN or SIP, which share all rules except those about answers of SIP."""
    reset, silent = _STREAM | {"payload_resets": 2}, _STREAM | {"payload_timeouts": 2}
    once = {"payload_attempts": 1, "payload_timeouts": 1}
    return {
        f"call_answered:{name}": _PROVEN | {"payload_attempts": 1, "payload_successes": 1},
        f"local_fault:{name}": _PROVEN | {"local_faults": 1},
        f"not_reached:{name}": _PROVEN,
        f"interrupted:{name}": _DATAGRAM | once | {"interrupted": True},
        f"call_tampered:{name}": _DATAGRAM | {"other_echoed": 1, "same_echoed": 1, "same_swapped": 1},
        f"call_lost_at_echo_too:{name}": _DATAGRAM | {"other_echoed": 1, "same_silent": 1},
        **({f"datagrams_too_long_here:{name}": _TOO_LONG} if name in _LONG else {}),
        **({f"check_not_made:{name}": _DATAGRAM | {"sizes_untested": True} | _CONTROL} if name in _LONG else {}),
        **(_by_chance(name, reset | _CONTROL) if name != "dtls" else {}),
        f"call_fails_when_readable:{name}:reset": reset | {"twin_passed": 1} | _CONTROL,
        f"call_fails_when_readable:{name}:timeout": silent | {"twin_passed": 1} | _CONTROL,
        _everywhere(name): _DATAGRAM | _TRIED,
        f"call_answers_otherwise:{name}": _CALL | {"payload_answered": 2} | _CONTROL,
        f"call_datagrams_changed:{name}": _DATAGRAM
        | {"other_echoed": 1, "other_changed": 1, "same_echoed": 1, "same_swapped": 1}
        | _CONTROL,
        f"no_datagram_passes:{name}": _DATAGRAM | {"other_silent": 1, "dns_by_datagram": True} | _CONTROL,
        f"unreachable_here:{name}:unreachable": _CALL | {"by_datagram": True, "payload_unreachables": 2} | _CONTROL,
        f"call_reset_here:{name}": reset | _CONTROL,
        f"call_silent_at_server_alone:{name}": _DATAGRAM | {"other_echoed": 1, "same_echoed": 1} | _CONTROL,
        f"call_silent_here:{name}": _DATAGRAM | _CONTROL,
        **({} if name == "sip" else {f"call_fails_here:{name}:timeout": _CALL | {"payload_unanswered": 2} | _CONTROL}),
        f"call_fails_here:{name}": _CALL | _CONTROL,
        f"unconfirmed:{name}": _DATAGRAM | once | _CONTROL,
        f"no_control:{name}": _DATAGRAM,
        f"undecided:{name}": _CALL | {"payload_failure": None},
    }


def refusals(name: str) -> dict[str, Columns]:
    """Return the witnesses of errors of STUN or TURN."""
    refused = _CALL | {"stun_refusals": 2, "payload_answered": 2} | _CONTROL
    return {
        f"call_refusal_contradicted:{name}": refused | {"stun_contradicted": 1},
        f"call_refused_at_echo_too:{name}": refused | {"by_datagram": True, "same_answered": 1, "other_echoed": 1},
        f"call_service_refuses_here:{name}": refused | {"payload_sealed": True},
    }


_UNAVAILABLE = _PROVEN | {
    "payload_attempts": 2,
    "payload_successes": 2,
    "sip_unavailable": 2,
    "control_sip_answer": "200",
}
_ERRORS = _UNAVAILABLE | {"sip_unavailable": 0, "sip_errors": 2}
_OTHER_STATUS = _UNAVAILABLE | {
    "sip_unavailable": 0,
    "sip_lowest_status": 403,
    "sip_highest_status": 403,
    "control_sip_lowest_status": 200,
    "control_sip_highest_status": 200,
}
_CONTRADICTED = {"sip_second_answers": 1, "sip_second_answer": "200"} | _CONTROL
_AT_ECHO = {"same_answered": 1, "other_echoed": 1} | _CONTROL
_UNNAMED = {"control_sip_named": 1} | _CONTROL
_BEYOND_HOME = {"sip_passed_home": 1}

SIP: dict[str, Columns] = call("sip") | {
    "sip_answer_contradicted:sip:480": _UNAVAILABLE | _CONTRADICTED,
    "sip_answer_contradicted:sip:500": _ERRORS | _CONTRADICTED,
    "sip_answer_contradicted:sip:other_status": _OTHER_STATUS | _CONTRADICTED,
    "sip_gateway_answers": _ERRORS | _AT_ECHO | {"sip_named": 2},
    "sip_answered_at_home": _UNAVAILABLE | _CONTROL | {"sip_answered_at_home": 1},
    "sip_answer_at_echo_too:sip:480": _UNAVAILABLE | _AT_ECHO | _BEYOND_HOME,
    "sip_answer_at_echo_too:sip:500": _ERRORS | _AT_ECHO | _BEYOND_HOME,
    "sip_answer_at_echo_too:sip:other_status": _OTHER_STATUS | _AT_ECHO | _BEYOND_HOME,
    "sip_answered_before_server": _OTHER_STATUS
    | _BEYOND_HOME
    | {"sip_answered_from": 4, "sip_path_goes_to": 6}
    | _CONTROL,
    "sip_service_refuses_here": _OTHER_STATUS | {"payload_sealed": True} | _CONTROL,
    "sip_answers_otherwise_here": _OTHER_STATUS | _CONTROL,
    "sip_answer_of_another_server:sip:480": _UNAVAILABLE | _UNNAMED | _BEYOND_HOME,
    "sip_answer_of_another_server:sip:500": _ERRORS | _UNNAMED | _BEYOND_HOME,
    "sip_refused_only_here": _UNAVAILABLE | _CONTROL,
    "sip_answered_rewritten": _PROVEN | {"payload_attempts": 1, "payload_successes": 1, "payload_rewritten": 1},
}
_NOT_OF_REFLECTORS = ("call_fails_when_readable",)
REFLECTOR: dict[str, Columns] = {
    key: columns for key, columns in call("reflector").items() if not key.startswith(_NOT_OF_REFLECTORS)
} | {"reflector_accepts_alone": _STREAM | {"payload_timeouts": 2} | _TRIED}
_NOT_OF_DTLS = ("call_fails_when_readable", "call_reset_here", "call_fails_here")
DTLS: dict[str, Columns] = {
    key: columns for key, columns in call("dtls").items() if not key.startswith(_NOT_OF_DTLS)
} | {"dtls_silent_in_one_form": _DATAGRAM | {"dtls_same_silent": 1, "dtls_firefox_passed": 2} | _CONTROL}
_MAIL = _PROVEN | {"mail_protocol": "smtp", "mail_attempts": 2, "mail_failure": "connection_reset"}
_IMAP = _MAIL | {"mail_protocol": "imap"}
_SPOKEN = _PROVEN | {"mail_attempts": 1, "mail_successes": 1, "mail_injected": 1}

MAIL: dict[str, Columns] = {
    "mail_plaintext_before_tls:smtp": _SPOKEN | {"mail_protocol": "smtp"},
    "mail_plaintext_before_tls:imap": _SPOKEN | {"mail_protocol": "imap"},
    "mail_answered": _SPOKEN | {"mail_protocol": "smtp", "control_mail_injected": 1},
    "local_fault:mail": _PROVEN | {"local_faults": 1},
    "not_reached:mail": _PROVEN,
    "interrupted:mail": _MAIL | {"mail_attempts": 1, "interrupted": True},
    **_by_chance("mail", _MAIL | {"mail_resets": 2} | _CONTROL),
    "starttls_stripped:smtp": _MAIL | {"mail_unoffered": 2, "mail_refused": 2} | _CONTROL,
    "starttls_stripped:imap": _IMAP | {"mail_unoffered": 2, "mail_refused": 2} | _CONTROL,
    "mail_starttls_offered_to_nobody": _MAIL
    | {"mail_unoffered": 2, "control_attempts": 1, "control_mail_unoffered": 1},
    "mail_starttls_not_offered": _MAIL | {"mail_unoffered": 2},
    "fails_everywhere:mail": _MAIL | {"mail_resets": 2} | _TRIED,
    "smtp_greeting_contradicted": _MAIL
    | {"mail_two_greetings": 2, "mail_contradicted": 2, "mail_turned_away": 2}
    | _CONTROL,
    "smtp_refusal_contradicted": _MAIL
    | {"mail_contradicted": 2, "mail_known_refusals": 2, "mail_turned_away": 2}
    | _CONTROL,
    "smtp_refusal_known": _MAIL | {"mail_known_refusals": 2, "mail_turned_away": 2} | _CONTROL,
    "mail_service_refuses_here": _MAIL | {"mail_refused_in_tls": 2, "mail_turned_away": 2} | _CONTROL,
    "mail_turned_away": _MAIL | {"mail_turned_away": 2, "mail_refused": 2, "mail_resets": 2} | _CONTROL,
    "starttls_refused_here:smtp": _MAIL | {"mail_refused": 2, "mail_closes": 2} | _CONTROL,
    "starttls_refused_here:imap": _IMAP | {"mail_refused": 2, "mail_closes": 2} | _CONTROL,
    "mail_fails_here:smtp": _MAIL | {"mail_resets": 2} | _CONTROL,
    "mail_fails_here:imap": _IMAP | {"mail_timeouts": 2} | _CONTROL,
    "unconfirmed:mail": _MAIL | {"mail_resets": 1, "mail_timeouts": 1, "mail_unoffered": 1} | _CONTROL,
    "no_control:mail": _MAIL | {"mail_resets": 2},
    "undecided:mail": _MAIL | {"mail_failure": None},
}
_ASKING = _PROVEN | {"datagrams_work": True, "by_datagram": True, "payload_attempts": 2, "payload_failure": "x"}
_LIE = _ASKING | {"payload_failure": None, "payload_attempts": 1, "payload_successes": 1, "answers_false": 1}

_RACED = _LIE | {"captured": True, "captured_races": 1}

RESOLVER: dict[str, Columns] = {
    "capture_answer_raced:dns:bogon": _RACED | {"answers_bogons": 1},
    "capture_answer_raced:dns:other": _RACED | {"captured_races_unlike": 1},
    "capture_answers_contradict": _RACED,
    "capture_answer_not_verified": _PROVEN | {"captured": True, "payload_attempts": 1, "payload_successes": 1},
    "resolver_answered_in_its_place": _PROVEN
    | {"payload_attempts": 2, "payload_successes": 2, "by_datagram": True, "dns_intercepted": True},
    "resolver_answers": _PROVEN | {"payload_attempts": 2, "payload_successes": 2, "answers_false": 1},
    "local_fault:resolver": _PROVEN | {"local_faults": 1},
    "not_reached:resolver": _PROVEN,
    "interrupted:resolver": _ASKING | {"payload_attempts": 1, "interrupted": True},
    "resolver_answer_raced": _LIE | {"answers_forged_first": 1, "answers_bogons": 1, "answers_trusted": 1},
    **_by_chance("resolver", _ASKING | {"payload_resets": 2} | _CONTROL),
    "resolver_answers_bogon": _LIE | {"answers_bogons": 1, "answers_trusted": 1} | _CONTROL,
    "resolver_denies_a_name_that_exists": _ASKING | {"answers_denied": 2, "answers_trusted": 1} | _CONTROL,
    "resolver_answers_otherwise": _LIE | {"answers_elsewhere": 1, "answers_trusted": 1} | _CONTROL,
    "fails_everywhere:resolver": _ASKING | {"payload_timeouts": 2} | _TRIED,
    "unreachable_here:resolver:unreachable": _ASKING | {"payload_unreachables": 2} | _CONTROL,
    "resolver_fails_alike_here:resolver:timeout": _ASKING | {"payload_timeouts": 2} | _CONTROL,
    "resolver_fails_alike_here:resolver:refused": _ASKING | {"answers_refused": 2} | _CONTROL,
    "resolver_fails_alike_here:resolver:servfail": _ASKING | {"answers_broken": 2} | _CONTROL,
    "resolver_fails_here": _ASKING | {"payload_resets": 2} | _CONTROL,
    "unconfirmed:resolver": _ASKING | {"payload_attempts": 1, "payload_timeouts": 1} | _CONTROL,
    "no_control:resolver": _ASKING | {"payload_timeouts": 2},
    "undecided:resolver": _ASKING | {"payload_failure": None},
}
_FAILING = ("blocked", "likely_blocked", "degraded", "filtered_locally", "impaired", "down")
ENDPOINT: dict[str, Columns] = {
    "endpoint_addresses_differ": {"working": 1, "blocked": 1, "name_fine": True},
    "endpoint_works": {"working": 1, "name_fine": True, "down": 1},
    **{f"endpoint_{state}": {state: 1} for state in _FAILING},
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
    "service_name_throttled:tls": {"endpoints": 1, "ok": 1, "control_successes": 1, "slow_pages": 2}
    | {"transfer_pairs": 1, "transfer_limited": 1},
    "service_name_throttled:http": {"endpoints": 1, "ok": 1, "control_successes": 1, "clear_slow_pages": 2}
    | {"clear_transfer_pairs": 1, "clear_transfer_limited": 1},
    "service_name_throttled:quic": {"endpoints": 1, "ok": 1, "control_successes": 1, "quic_slow_pages": 1}
    | {"quic_page_pairs": 1, "quic_page_limited": 1},
    "service_address_slow": {"endpoints": 1, "ok": 1, "control_successes": 1, "address_slow_pages": 1}
    | {"address_pages": 1, "address_limited": 1},
    "service_udp_slow": {"endpoints": 1, "ok": 1, "media_pairs": 1, "udp_limited": 1},
    "service_name_cut_off": {"endpoints": 1, "ok": 1, "control_successes": 1, "cutoff_alike": 3}
    | {"cutoff_neutral_past": 1, "cutoff_other_past": 1, "cutoff_name_at_neutral": 1},
    "service_connections_end": {"endpoints": 1, "ok": 1, "cutoff_alike": 3, "cutoff_broken": 3}
    | {"cutoff_neutral_past": 1},
    **{
        f"service_{direction}_stop:{way}": {"endpoints": 1, "ok": 1, "control_successes": 1, f"{column}_at_{way}": 1}
        for direction, column in (("downloads", "helper_stops"), ("uploads", "upload_stops"))
        for way in ("bytes", "packets")
    },
    "service_datagram_flows_freeze": {"endpoints": 1, "ok": 1, "media_pairs": 1, "media_frozen": 1},
    "service_speed_not_compared": {"endpoints": 1, "ok": 1, "pages_not_compared": 1},
    "service_works_in_part": {"endpoints": 2, "ok": 1, "blocked": 1, "any_suffices": True},
    "service_one_works": {"endpoints": 2, "ok": 1, "down": 1, "any_suffices": True},
    **_each(
        {"endpoints": 2, "ok": 1},
        **{f"service_{state}": {state: 1} for state in _FAILING},
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
    "need_filtered_locally": {"services": 2, "filtered_locally": 1, "impaired": 1},
    "need_unclear": {"services": 2, "impaired": 1, "ok": 1},
    "need_down": {"services": 2, "down": 1, "insufficient": 1},
    "need_tested_in_part": {"services": 6, "ok": 1, "insufficient": 5, "untested": 5},
    "need_works": {"services": 2, "ok": 1, "down": 1},
    "need_untested": {"services": 1, "insufficient": 1},
}
APP: dict[str, Columns] = {
    "app_blocked": {"essential": 1, "essential_blocked": 1, "blocked": 1},
    "app_likely_blocked": {"essential": 2, "essential_blocked": 1, "essential_impaired": 1, "blocked": 1},
    "app_works_in_part": {"essential": 2, "essential_blocked": 1, "essential_ok": 1, "blocked": 1},
    "app_other_need_blocked": {"essential": 1, "essential_ok": 1, "blocked": 1},
    "app_filtered_locally": {"essential": 1, "essential_filtered_locally": 1, "filtered_locally": 1},
    "app_unclear": {"essential": 1, "essential_impaired": 1, "impaired": 1},
    "app_down": {"essential": 1, "essential_down": 1},
    "app_untested": {"essential": 2, "essential_insufficient": 1, "essential_ok": 1},
    "app_other_need_filtered_locally": {"essential": 1, "essential_ok": 1, "filtered_locally": 1},
    "app_other_need_unclear": {"essential": 1, "essential_ok": 1, "impaired": 1},
    "app_other_need_untested": {"essential": 1, "essential_ok": 1, "insufficient": 1},
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
    "regime_few_ports": {"candidate": "few_ports", "neutral_proven": 1, "few_ports_services": 1},
    "regime_udp_ports": {
        "candidate": "udp_limited",
        "neutral_proven": 1,
        "datagram_services_silent": 2,
        "datagrams_working": 1,
    },
    "regime_udp_short": {
        "candidate": "udp_limited",
        "neutral_proven": 1,
        "long_datagram_services": 1,
        "datagrams_working": 1,
    },
    "regime_relays_cut": {
        "candidate": "relay_ports_cut",
        "neutral_proven": 1,
        "relay_apps_accused": 2,
        "quic_working": 1,
    },
    "regime_mail_ports_closed": {"candidate": "mail_ports_closed", "neutral_proven": 1, "mail_port_services": 1},
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
    "stun": {
        "stun_address_rewritten": _PROVEN | {"payload_attempts": 1, "payload_successes": 1, "stun_mapped_elsewhere": 1}
    }
    | call("stun")
    | refusals("stun"),
    "turn": call("turn") | refusals("turn"),
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
