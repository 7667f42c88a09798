"""Test that each kind of follow-up decides a verdict, which is another one without it."""

from collections.abc import Callable
from typing import Any, get_args

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.followups import FollowUp
from tests.analysis.outcomes import test_stopped_answers as transfers
from tests.analysis.outcomes import test_stopped_quic_answers as quic_transfers
from tests.analysis.outcomes.calls import test_dtls as dtls
from tests.analysis.outcomes.hellos.test_client_hellos import browser_fails, fails_in_our_hello, with_other_hellos
from tests.analysis.outcomes.hellos.test_hellos_with_ech import ech_fails_with_any_name, ech_fails_with_name
from tests.analysis.outcomes.test_dns_forgery import BOGON, INNOCUOUS, alone
from tests.analysis.outcomes.test_name_filters import filtered
from tests.analysis.outcomes.test_query_limits import given_after_a_rest
from tests.support.measurements.ablation import without_transactions
from tests.support.measurements.lines import FORGED, GENUINE, SECOND, Lines

HOST, TIMEOUT, RESET = "web.telegram.org", "generic_timeout_error", "connection_reset"
URL, CLEAR, CHAT = f"https://{HOST}:443/", f"http://{HOST}:80/", "mtproto://149.154.167.51:443"
STUN = "stun://stun.example:3478;transport=udp"
OTHER_NEUTRAL = "9.9.9.11"


def web(url: str = URL, *, address: str = GENUINE) -> Lines:
    lines = Lines({"web": [url]})
    lines.lookup(HOST, address)
    lines.encrypted(HOST, GENUINE)
    lines.preflight["neutral"].append(lines.preflight["neutral"][0] | {"address": OTHER_NEUTRAL})
    return lines


def judged(line: dict[str, Any]) -> tuple[str, list[str], str]:
    (record,) = judge_measurement(line, file="a.jsonl", number=1)
    return record["state"], record["mechanisms"], record["rule_id"]


# -- names that no list contains -------------------------------------------------------------------------------------


def listed_names_pass(failure: str = RESET, url: str = URL) -> Lines:
    """Return flows in which an innocuous name passes, and the target's and a non-existent name fail."""
    layer = "http" if url == CLEAR else "tls"
    lines = web(url)
    lines.innocuous(url, GENUINE, t0=1.0)
    lines.twice(url, GENUINE, f"{layer}:{failure}", t0=1.0)
    lines.nonexistent(url, GENUINE, f"{layer}:{failure}", t0=2.0)
    lines.other_name(url, GENUINE, t0=3.0, in_residual=True)
    lines.control(url, GENUINE)
    return lines


def only_the_hosts_own_passes(failure: str = RESET) -> Lines:
    """Return flows in which every name fails except the neutral hosts' own."""
    lines = web()
    lines.innocuous(URL, GENUINE, f"tls:{failure}")
    lines.twice(URL, GENUINE, f"tls:{failure}", t0=1.0)
    lines.neutral(URL, f"tls:{failure}", t0=2.0)
    lines.nonexistent(URL, OTHER_NEUTRAL, f"tls:{failure}", neutral=True, t0=3.0)
    lines.neutral_own(URL, ip=OTHER_NEUTRAL, t0=4.0)
    return lines


@pytest.mark.parametrize(("failure", "mechanism"), [(RESET, "tls.reset.sni"), (TIMEOUT, "tls.timeout.sni")])
def test_failing_nonexistent_name_shows_an_allowlist(failure: str, mechanism: str) -> None:
    found = judged(listed_names_pass(failure).line())
    assert found == ("blocked", [mechanism], "unlisted_names_fail")
    found = judged(only_the_hosts_own_passes(failure).line())
    assert found == ("blocked", [mechanism], "all_names_but_the_hosts_own_fail")


def test_failing_nonexistent_host_header_shows_an_allowlist() -> None:
    found = judged(listed_names_pass(url=CLEAR).line())
    assert found == ("blocked", ["http.reset.host"], "unlisted_names_fail")


def test_failure_in_a_residual_window_counts_only_with_a_later_success() -> None:
    """Require that an innocuous flow passes later, which excludes residual censorship (P8)."""
    lines = listed_names_pass()
    lines.probe.records[-1].t0 = 1.5  # the innocuous name passed before the non-existent one was tried
    assert judged(lines.line())[2] == "failure_follows_name"


def test_passing_nonexistent_name_shows_no_allowlist() -> None:
    lines = web()
    lines.innocuous(URL, GENUINE, t0=1.0)
    lines.twice(URL, GENUINE, f"tls:{RESET}", t0=1.0)
    lines.nonexistent(URL, GENUINE, t0=2.0)
    lines.other_name(URL, GENUINE, t0=3.0)
    lines.control(URL, GENUINE)
    assert judged(lines.line())[2] == "failure_follows_name"


def test_network_that_fails_completely_shows_no_allowlist() -> None:
    """Let the neutral host's own name fail too, as after an outage."""
    lines = only_the_hosts_own_passes(TIMEOUT)
    lines.probe.records.pop()
    lines.neutral_own(URL, f"tls:{TIMEOUT}", ip=OTHER_NEUTRAL, t0=4.0)
    lines.control(URL, GENUINE)
    assert judged(lines.line()) == ("likely_blocked", ["tls.timeout.other"], "fails_again_for_any_name")
    assert judged(_without(only_the_hosts_own_passes(TIMEOUT).line(), "neutral_name_neutral_host"))[0] == "impaired"


# -- the name at this address, and only there ------------------------------------------------------------------------


def conjunctive(failure: str = RESET) -> Lines:
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.twice(URL, GENUINE, f"tls:{failure}")
    lines.neutral(URL)
    lines.control(URL, GENUINE)
    return lines


def test_failure_by_name_at_one_address_only_is_blocked() -> None:
    assert judged(conjunctive().line()) == ("blocked", ["tls.reset.sni"], "failure_follows_name_at_this_address")


def test_server_that_resets_its_own_name_is_down() -> None:
    """Let the control decide, because the differential looks the same."""
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.twice(URL, GENUINE, f"tls:{RESET}")
    lines.neutral(URL)
    lines.control(URL, GENUINE, f"tls:{RESET}")
    assert judged(lines.line())[:2] == ("down", [])


# -- pages that a neutral host sends too -----------------------------------------------------------------------------


def page(digest: str = "", to: str = "", title: str = "") -> dict[str, Any]:
    return {"page": digest, "redirect": to, "title": title}


def answered_in_the_clear(
    here: dict[str, Any],
    neutral: dict[str, Any],
    control: dict[str, Any],
    innocuous: dict[str, Any] | None = None,
    again: dict[str, Any] | None = None,
) -> Lines:
    lines = web(CLEAR)
    lines.innocuous(CLEAR, GENUINE, **(page("44") if innocuous is None else innocuous))
    lines.first(CLEAR, GENUINE, **here)
    lines.confirm(CLEAR, GENUINE, **(here if again is None else again))
    lines.neutral(CLEAR, **neutral)
    lines.control(CLEAR, GENUINE, **control)
    return lines


def test_page_or_redirect_of_a_neutral_host_too_is_blocked() -> None:
    forged, own = page("f0"), page("aa")
    found = judged(answered_in_the_clear(forged, forged, own).line())
    assert found == ("blocked", ["http.blockpage"], "http_page_is_elsewhere_too")
    to = page(to="blocked.example")
    found = judged(answered_in_the_clear(to, to, own).line())
    assert found == ("blocked", ["http.redirect"], "http_redirect_is_elsewhere_too")


@pytest.mark.parametrize("notice", [page("f0"), page(to="bills.example")], ids=["page", "redirect"])
def test_page_or_redirect_that_came_once_is_a_notice(notice: dict[str, Any]) -> None:
    own = page("aa")
    assert judged(answered_in_the_clear(notice, notice, own, again=own).line())[0] == "ok"
    assert judged(answered_in_the_clear(own, notice, own, again=notice).line())[0] == "ok"
    assert judged(answered_in_the_clear(notice, notice, own).line())[0] == "blocked"


@pytest.mark.parametrize(
    ("notice", "rule"),
    [(page("f0"), "http_page_is_elsewhere_once"), (page(to="bills.example"), "http_redirected_once")],
)
def test_single_answer_shows_no_forgery(notice: dict[str, Any], rule: str) -> None:
    lines = web(CLEAR)
    lines.innocuous(CLEAR, GENUINE, **page("44"))
    lines.first(CLEAR, GENUINE, **notice)
    lines.neutral(CLEAR, **notice)
    lines.control(CLEAR, GENUINE, **page("aa"))
    found = judged(lines.line())
    assert (found[0], found[2]) == ("impaired", rule)


@pytest.mark.parametrize("spared", [None, 4, 6])
def test_each_attempt_over_the_family_gets_the_page(spared: int | None) -> None:
    """Check that a censor of one family is found, and that an address with the true page excludes a forgery."""
    forged, lines = page("f0"), answered_in_the_clear(page("f0"), page("f0"), page("aa"))
    if spared is not None:
        lines.first(CLEAR, SECOND if spared == 4 else "2001:67c:4e8:f004::9", **page("aa"))
    else:
        lines.first(CLEAR, SECOND, **forged)
    found = {record["state"] for record in judge_measurement(lines.line(), file="a.jsonl", number=1)}
    assert found == {"ok"} if spared == 4 else "blocked" in found or "degraded" in found


@pytest.mark.parametrize("innocuous", [page("f0"), page("f1", title="Your bill")], ids=["same page", "same title"])
def test_page_that_an_innocuous_name_gets_too_is_a_notice(innocuous: dict[str, Any]) -> None:
    notice, own = page("f0", title="Your bill"), page("aa")
    assert judged(answered_in_the_clear(notice, notice, own, innocuous).line())[0] == "ok"
    assert judged(answered_in_the_clear(notice, notice, own).line())[0] == "blocked"


def test_page_that_is_compared_with_no_innocuous_name_accuses_nothing() -> None:
    lines, forged = web(CLEAR), page("f0")
    lines.first(CLEAR, GENUINE, **forged)
    lines.confirm(CLEAR, GENUINE, **forged)
    lines.neutral(CLEAR, **forged)
    lines.control(CLEAR, GENUINE, **page("aa"))
    assert judged(lines.line())[0] == "ok"


def states(lines: Lines) -> list[str]:
    return [record["state"] for record in judge_measurement(lines.line(), file="a.jsonl", number=1)]


def test_notice_at_another_server_counts_too() -> None:
    forged, other = page("f0"), "http://other.example:80/"
    lines = answered_in_the_clear(forged, forged, page("aa"))
    lines.target["services"]["other"] = {"works_if": "all", "endpoints": [other]}
    assert "blocked" in states(lines)
    lines.innocuous(other, SECOND, **forged)
    lines.first(other, SECOND, **page("bb"))
    assert "blocked" not in states(lines)


def test_redirect_that_an_innocuous_name_gets_too_proves_less() -> None:
    to = page(to="notice.example")
    found = judged(answered_in_the_clear(to, to, page("aa"), to).line())
    assert found == ("likely_blocked", ["http.redirect"], "http_redirected_here")


@pytest.mark.parametrize(
    ("neutral", "control"),
    [
        ("bb", "aa"),  # each server has its own page
        ("aa", "aa"),  # the usual page of one web server, at the control too
        ("", "cc"),  # advertising here and there, and the neutral host has no page
    ],
)
def test_ordinary_pages_are_ok(neutral: str, control: str) -> None:
    assert judged(answered_in_the_clear(page("aa"), page(neutral), page(control)).line())[0] == "ok"


def test_page_with_the_title_of_the_control_s_page_is_ok() -> None:
    """Show a proxy that reads the Host header. It sends the true page from everywhere, with a script or notice."""
    changed = page("f0", title="News")
    assert judged(answered_in_the_clear(changed, changed, page("aa", title="News")).line())[0] == "ok"
    assert judged(answered_in_the_clear(changed, changed, page("aa", title="Other")).line())[0] == "blocked"
    untitled = page("f0")
    assert judged(answered_in_the_clear(untitled, untitled, page("aa")).line())[0] == "blocked"


def test_redirect_within_the_site_is_ok() -> None:
    """Show such a proxy, and a site that sends each country to a host of its own."""
    to = page(to="cz.telegram.org")
    assert judged(answered_in_the_clear(to, to, page(to="us.telegram.org")).line())[0] == "ok"


# -- random bytes ----------------------------------------------------------------------------------------------------


def silent_chat() -> Lines:
    lines = Lines({"web": [CHAT]})
    lines.twice(CHAT, "149.154.167.51", f"payload:{TIMEOUT}")
    lines.control(CHAT, "149.154.167.51")
    return lines


def unlisted_protocol() -> Lines:
    lines = silent_chat()
    lines.random_bytes(CHAT, f"random:{TIMEOUT}")
    return lines


def test_silent_random_bytes_show_an_allowlist_of_protocols() -> None:
    found = judged(unlisted_protocol().line())
    assert found == ("blocked", ["protocol.drop"], "payload_unlisted_protocols_fail")


@pytest.mark.parametrize("outcome", ["ok", f"random:{RESET}"])
def test_answered_random_bytes_are_likely_blocked(outcome: str) -> None:
    """Show that a reset may be the neutral host's own answer to random bytes."""
    lines = silent_chat()
    lines.random_bytes(CHAT, outcome)
    assert judged(lines.line()) == ("likely_blocked", ["protocol"], "payload_fails_here")


def test_random_bytes_answered_once_show_no_allowlist() -> None:
    lines = unlisted_protocol()
    lines.random_bytes(CHAT)
    assert judged(lines.line())[2] == "payload_fails_here"


def test_silent_random_bytes_in_a_residual_window_are_ignored() -> None:
    lines = silent_chat()
    lines.random_bytes(CHAT, f"random:{TIMEOUT}", in_residual=True)
    assert judged(lines.line())[2] == "payload_fails_here"


def test_random_bytes_to_an_unproven_neutral_host_are_ignored() -> None:
    lines = silent_chat()
    lines.random_bytes(CHAT, f"random:{TIMEOUT}", ip=OTHER_NEUTRAL)
    assert judged(lines.line())[2] == "payload_fails_here"


# -- every kind ------------------------------------------------------------------------------------------------------


def false_answer() -> Lines:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, FORGED)
    return lines


def refuted_by(engine: str) -> Lines:
    lines = false_answer()
    lines.encrypted(HOST, GENUINE, engine=engine)
    lines.first(URL, FORGED, "tls:ssl_invalid_hostname")
    lines.control(URL, GENUINE)
    return lines


def forged_at_public_resolver() -> Lines:
    lines = false_answer()
    lines.encrypted(HOST, GENUINE)
    lines.public_udp(HOST, [FORGED], [GENUINE])
    return lines


def false_at_chosen_resolver() -> Lines:
    lines = filtered()
    lines.assigned_udp("web.telegram.org", [GENUINE])
    lines.run["name_filter"] = {"resolver": "elsewhere", "assigned": "elsewhere", "controls": []}
    return lines


def from_non_resolver() -> Lines:
    lines = false_answer()
    lines.encrypted(HOST, GENUINE)
    lines.dark(HOST, [FORGED])
    return lines


def at_a_closed_port() -> Lines:
    lines = alone()
    lines.at_helper(HOST, [BOGON])
    lines.at_helper(INNOCUOUS, innocuous=True)
    return lines


def alternative() -> Lines:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, failure="dns_nxdomain_error")
    lines.encrypted(HOST, GENUINE)
    lines.alternative(URL, GENUINE)
    return lines


def other_name() -> Lines:
    lines = web()
    lines.twice(URL, GENUINE, f"tls:{RESET}")
    lines.other_name(URL, GENUINE, in_residual=True)
    lines.control(URL, GENUINE)
    return lines


def neutral_host() -> Lines:
    lines = web()
    lines.innocuous(URL, GENUINE)
    lines.twice(URL, GENUINE, f"tls:{RESET}")
    lines.neutral(URL, f"tls:{RESET}")
    return lines


def echo_pair() -> Lines:
    lines = Lines({"calls": [STUN]}, target="stun")
    lines.lookup("stun.example", SECOND)
    lines.encrypted("stun.example", SECOND)
    lines.twice(STUN, SECOND, f"payload:{TIMEOUT}")
    lines.echo(STUN)
    lines.echo(STUN, f"echo:{TIMEOUT}", payload="stun")
    lines.control(STUN, SECOND)
    return lines


def passes_in_browser_hello() -> Lines:
    return with_other_hellos(fails_in_our_hello(), "browser_hello")


def passes_at_another_length() -> Lines:
    return with_other_hellos(fails_in_our_hello(), "other_size_hello")


def refused_here() -> Lines:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, failure="dns_refused_error")
    lines.resolver_answers()
    lines.encrypted(HOST, GENUINE)
    lines.alternative(URL, GENUINE)
    return lines


def one_form_of_dtls() -> Lines:
    """Return flows in which Firefox's hello passes between two silent ones of OpenSSL."""
    return dtls.with_hellos(dtls.FIREFOX, dtls.AGAIN, dtls.FIREFOX)


def one_form_of_dtls_but_newer() -> Lines:
    """Return flows in which only a hello that offers DTLS 1.3 passes."""
    return dtls.with_hellos(("firefox_dtls_hello", dtls.SILENCE), dtls.NEWER, dtls.AGAIN, dtls.NEWER)


def freeze_for_name() -> Lines:
    """Return transfers that stop after a number of bytes, and a complete one under another name."""
    return transfers.page(**transfers.BY_NAME, small=transfers.SMALL_BYTES)


def freeze_at_address() -> Lines:
    """Return transfers that stop after a number of bytes, and a complete one from a neutral host."""
    return transfers.page(**transfers.AT_ADDRESS, small=transfers.SMALL_BYTES)


def quic_freeze_for_name() -> Lines:
    """Return transfers over QUIC that stop after a number of packets, and a complete one under another name."""
    return quic_transfers.page(**quic_transfers.BY_NAME, pings=quic_transfers.AFTER_PINGS_PACKETS)


def stopped_by_this_computer() -> Lines:
    lines = web()
    lines.twice(URL, GENUINE, "tcp:connection_refused")
    lines.control(URL, GENUINE)
    lines.near(URL, GENUINE, "neutral:expired:router target:reset! neutral:expired:router target:reset! neutral:silent")
    return lines


DECIDES: dict[FollowUp, tuple[Callable[[], Lines], str]] = {
    "other_name_same_address": (other_name, "failure_follows_name"),
    "same_name_neutral_host": (neutral_host, "failure_follows_name_to_neutral_host"),
    "nonexistent_name_same_address": (listed_names_pass, "unlisted_names_fail"),
    "nonexistent_name_neutral_host": (only_the_hosts_own_passes, "all_names_but_the_hosts_own_fail"),
    "neutral_name_neutral_host": (only_the_hosts_own_passes, "all_names_but_the_hosts_own_fail"),
    "browser_hello": (passes_in_browser_hello, "tls_name_in_hello_of_this_make_fails"),
    "harmless_browser_hello": (browser_fails, "tls_name_in_browsers_hello_fails"),
    "other_size_hello": (passes_at_another_length, "tls_name_in_hello_of_this_size_fails"),
    "same_hello_again": (passes_in_browser_hello, "tls_name_in_hello_of_this_make_fails"),
    "browser_hello_without_ech": (ech_fails_with_any_name, "tls_any_hello_with_ech_fails"),
    "neutral_browser_hello": (ech_fails_with_any_name, "tls_any_hello_with_ech_fails"),
    "neutral_browser_hello_without_ech": (ech_fails_with_any_name, "tls_any_hello_with_ech_fails"),
    "neutral_hello_with_ech": (ech_fails_with_any_name, "tls_any_hello_with_ech_fails"),
    "hello_with_ech_neutral_host": (ech_fails_with_name, "tls_name_in_hello_with_ech_fails"),
    "firefox_dtls_hello": (one_form_of_dtls, "dtls_silent_in_one_form"),
    "dtls13_hello": (one_form_of_dtls_but_newer, "dtls_silent_in_one_form"),
    "same_dtls_hello_again": (one_form_of_dtls, "dtls_silent_in_one_form"),
    "same_transfer_again": (freeze_for_name, "http_freezes_for_name"),
    "small_segments_transfer": (freeze_for_name, "http_freezes_for_name"),
    "pings_before_transfer": (quic_freeze_for_name, "http_freezes_for_name"),
    "innocuous_name_transfer": (freeze_for_name, "http_freezes_for_name"),
    "neutral_host_transfer": (freeze_at_address, "http_freezes_at_address"),
    "random_bytes_neutral_host": (unlisted_protocol, "payload_unlisted_protocols_fail"),
    "innocuous_name_system_resolver": (refused_here, "dns_lookup_fails_here"),
    "same_name_system_resolver": (given_after_a_rest, "dns_resolver_limits_queries"),
    "resolver_udp": (forged_at_public_resolver, "dns_race_at_public_resolver"),
    "resolver_assigned": (false_at_chosen_resolver, "name_false_at_chosen_resolver_alone"),
    "resolver_dot": (lambda: refuted_by("dot"), "dns_forgery_proven_at_control"),
    "resolver_doh": (lambda: refuted_by("doh"), "dns_forgery_proven_at_control"),
    "dark_resolver": (from_non_resolver, "dns_answer_from_non_resolver"),
    "dark_innocuous": (at_a_closed_port, "dns_bogon_from_non_resolver"),
    "same_payload_echo": (echo_pair, "call_lost_at_echo_too"),
    "other_payload_echo": (echo_pair, "call_lost_at_echo_too"),
    "alternative_address": (alternative, "dns_denial_proven_false"),
    "near_reaction": (stopped_by_this_computer, "stopped_by_this_computer"),
}


def _without(line: dict[str, Any], kind: str) -> dict[str, Any]:
    ids = [r["transaction_id"] for r in line["test_keys"]["x_transactions"] if r["followup"] == kind]
    assert ids
    return without_transactions(line, ids)


LOCATES = {"path_sweep", "limited_payload"}  # a record's `hop`. Answers to SIP are in calls/test_injected_answers.py.
IN_PAIRS = {"media_shape", "media_opaque", "transfer_name", "transfer_innocuous"}
IN_PAIRS |= {"transfer_host", "transfer_innocuous_host", "quic_page_name", "quic_page_innocuous"}
IN_PAIRS |= {"kept_connection", "kept_connection_innocuous"}
IN_PAIRS |= {"kept_connection_neutral", "kept_connection_name_neutral"}
IN_PAIRS |= {"address_page_innocuous", "upload_beside_media", "transfer_beside_media"}
IN_PAIRS |= {"upload_name", "upload_innocuous"}
"""Taken away from a recording in tests/analysis/verdicts/test_ablation.py."""
IN_PAIRS |= {"datagram_sizes"}  # as the former
FACTS = {"sip_call", "webrtc_call", "hello_with_ech_key"}  # which no rule reads


def test_every_kind_of_followup_is_tested() -> None:
    assert set(DECIDES) == set(get_args(FollowUp)) - LOCATES - IN_PAIRS - FACTS - {""}


@pytest.mark.parametrize("kind", DECIDES)
def test_without_its_followup_another_rule_decides(kind: FollowUp) -> None:
    build, rule_id = DECIDES[kind]
    line = build().line()
    assert judged(line)[2] == rule_id
    assert judged(_without(line, kind))[1:] != judged(line)[1:]
