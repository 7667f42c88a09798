"""Test the order in which the planner lets one attempt, and the addresses of one name, go on."""

from collections import Counter
from dataclasses import replace

import pytest

from probe.connectivity.attempt_facts import NameFacts, Wait
from probe.connectivity.connection_limits import may_be_policed
from probe.connectivity.followup_plan import FINISHED, End
from probe.connectivity.planner import Addresses, conclude, plan, plan_addresses
from probe.followups.hops.clear_text_page import ClearTextPage
from probe.followups.planned_flow import PlannedFlow
from probe.formats import failures as f
from tests.connectivity.planner_simulation import ADDRESSES, MOST_STEPS, URLS, Attempt, Run


def steps(url: str, outcomes: dict[str, str | None], **facts: object) -> list[str]:
    """Return the waits and rows of one attempt at a verified address, those side by side joined by " + ".

    `outcomes`: row, then its failure as `operation failure`. Rows that are not named pass.
    """
    run = Run(verified={ADDRESSES[0]})
    attempt = Attempt(url, ADDRESSES[0], literal=False, verified=True)
    for name, value in facts.items():
        setattr(run, name, value)
    attempt.verified = run.is_verified(attempt)
    taken: list[str] = []
    while not isinstance(step := plan(seen := run.facts(attempt)), End):
        assert len(taken) < MOST_STEPS, taken
        if isinstance(step, Wait):
            taken.append(step.name)
            run.wait(attempt, step)
            continue
        taken.append(" + ".join(f"{flow.row}{_remarks(flow)}" for flow in step))
        for flow in step:
            run.begin(attempt, seen, flow)
        for flow in list(attempt.under_way):
            operation, _, failure = (outcomes.get(flow.row) or "").partition(" ")
            run.end(attempt, flow, failure or None, operation == "connect", was_sent=True)
    return taken


def _remarks(flow: PlannedFlow) -> str:
    return " (over budget)" * flow.over_budget + " (in turn)" * flow.in_turn


RESET = "tls_handshake connection_reset"
NEAR = "near_reaction"
FIRST = ["innocuous + own", "PAUSE", "confirmation"]
BOTH = {"own": RESET, "confirmation": RESET}
HTTPS = URLS[0]
BROWSERS = {"deep_browser": RESET, "deep_browser_again": RESET}
HELLOS = ["deep_browser", "deep_without_ech", "deep_browser_again", "deep_innocuous"]


def test_success_needs_nothing_more() -> None:
    assert steps(HTTPS, {}) == ["innocuous + own"]


@pytest.mark.parametrize(
    ("url", "layer", "failure", "again"),
    [
        (HTTPS, "tls_handshake", f.RESET, True),
        ("http://service.example:80/", "http_round_trip", f.RESET, True),
        (HTTPS, "connect", f.RESET, False),
        (HTTPS, "tls_handshake", f.TIMEOUT, False),
    ],
)
def test_innocuous_name_that_was_reset_is_sent_again_after_the_own_name_passed(
    url: str, layer: str, failure: str, again: bool
) -> None:
    once = ["innocuous_repeated"] * again
    reset = {"innocuous": f"{layer} {failure}"}
    passed = steps(url, reset)
    assert passed[:1] == FIRST[:1] and ("innocuous_repeated" in " ".join(passed)) is again
    if url == HTTPS:
        assert passed == [*FIRST[:1], *once]
        assert steps(url, reset | {"own": RESET}) == [*FIRST, *once]  # the confirmation passes
    assert "innocuous_repeated" not in " ".join(steps(url, reset | BOTH))  # other_name is sent in any case


STOPS = frozenset({"own", "confirmation", "small_segments", "transfer_again"})
COMPARED = [*FIRST, "small_segments + other_sni + neutral_transfer"]


def test_answer_that_stops_midway_is_compared_with_other_transfers() -> None:
    assert steps(HTTPS, {}, silent=STOPS) == [*COMPARED, "transfer_again"]


NEUTRAL_STOPS = STOPS | {"neutral_transfer"}


def test_transfer_that_stops_from_one_neutral_host_is_tried_from_another() -> None:
    assert steps(HTTPS, {}, silent=NEUTRAL_STOPS, home=True) == [*COMPARED, "transfer_again + first_neutral_transfer"]


def test_transfers_that_stop_abroad_are_tried_from_a_host_in_the_country() -> None:
    silent = NEUTRAL_STOPS | {"first_neutral_transfer"}
    tried = [*COMPARED, "transfer_again + first_neutral_transfer"]
    assert steps(HTTPS, {}, silent=silent, home=True) == [*tried, "home_transfer"]
    assert steps(HTTPS, {}, silent=silent) == tried


def test_answer_that_stops_without_a_status_line_is_compared_too() -> None:
    silence = f"http_round_trip {f.TIMEOUT}"
    found = steps(HTTPS, dict.fromkeys(STOPS, silence), silent=STOPS)
    assert found[: len(COMPARED) + 1] == [*COMPARED, "transfer_again"]
    assert found[len(COMPARED) + 1].startswith("name_at_neutral")


def test_small_segments_are_tried_twice_if_they_pass() -> None:
    """Repeat them, because a network may stop some connections only."""
    assert steps(HTTPS, {}, silent=STOPS - {"small_segments"}) == [*COMPARED, "small_again", "transfer_again"]


def test_answer_that_stops_at_times_is_asked_for_once_more() -> None:
    at_times = STOPS - {"confirmation"}
    assert steps(HTTPS, {}, silent=at_times) == [*COMPARED, "transfer_again", "transfer_once_more"]
    failed = {"own": f"http_round_trip {f.TIMEOUT}"}
    assert steps(HTTPS, failed, silent=at_times) == [*COMPARED, "transfer_again", "transfer_once_more"]


def beside_confirmation(url: str, *, own: str | None = None, **facts: object) -> list[str]:
    """Return the rows that are planned while the confirmation is under way. `own`: how the first attempt failed."""
    run = Run(verified={ADDRESSES[0]}, **facts)  # type: ignore[arg-type]
    attempt = Attempt(url, ADDRESSES[0], literal=False, verified=True)
    while not any(flow.row == "confirmation" for flow in attempt.under_way):
        step = plan(seen := run.facts(attempt))
        assert not isinstance(step, End)
        if isinstance(step, Wait):
            run.wait(attempt, step)
            continue
        for flow in step:
            run.begin(attempt, seen, flow)
        for flow in [flow for flow in attempt.under_way if flow.row != "confirmation"]:
            run.end(attempt, flow, own if flow.row == "own" else None, False, was_sent=True)
    step = plan(run.facts(attempt))
    assert isinstance(step, tuple)
    return [flow.row for flow in step]


def test_answer_that_stops_is_compared_while_its_confirmation_waits() -> None:
    assert beside_confirmation(HTTPS, silent=STOPS) == ["small_segments", "other_sni", "neutral_transfer"]
    assert beside_confirmation(QUIC_PAGE, silent=QUIC_STOPS) == ["pings_first", "other_sni", "quic_neutral"]


def test_nothing_else_begins_beside_a_confirmation() -> None:
    """Check that a failure, which may be an outage, has no follow-ups before it is confirmed."""
    assert beside_confirmation(HTTPS, own=f.RESET) == []
    assert beside_confirmation(HTTPS, own=f.TIMEOUT) == []


def test_clear_text_has_no_other_name_for_the_same_page() -> None:
    found = steps("http://service.example:80/", {}, silent=STOPS)
    assert found[: len(COMPARED) + 1] == [*FIRST, "small_segments + neutral_transfer", "transfer_again"]


QUIC_PAGE = "quic://service.example:443/"
QUIC_STOPS = frozenset({"own", "confirmation", "pings_first", "transfer_again"})
QUIC_COMPARED = [*FIRST, "pings_first + other_sni + quic_neutral", "transfer_again + neutral_quic_transfer"]


def test_answer_over_quic_that_stops_is_compared_over_quic_alone() -> None:
    assert steps(QUIC_PAGE, {}, silent=QUIC_STOPS, home=True) == QUIC_COMPARED


def test_pings_are_tried_twice_if_the_answer_after_them_is_complete() -> None:
    found = steps(QUIC_PAGE, {}, silent=QUIC_STOPS - {"pings_first"})
    assert set(" + ".join(found).split(" + ")) >= {"pings_again", "transfer_again"}


def test_answer_that_stops_without_a_trigger_left_is_not_repeated() -> None:
    spent = Counter({("service.example", ADDRESSES[0], "tcp"): 5})
    found = steps(HTTPS, {}, silent=STOPS, spent=spent)
    assert found[2:] == [
        "confirmation (over budget)",
        "small_segments (over budget) + other_sni + neutral_transfer",
        "transfer_again (over budget)",
    ]


def test_confirmed_success_needs_no_follow_up() -> None:
    assert steps(HTTPS, {"own": RESET}) == FIRST


def test_failed_connect_needs_only_packets_with_ttl_1() -> None:
    refused = "connect connection_refused"
    both = {"own": refused, "confirmation": refused}
    assert steps(HTTPS, both | {"innocuous": refused}) == [*FIRST, NEAR]
    assert steps(HTTPS, both) == FIRST  # another name got past the first hop
    assert NEAR not in steps(HTTPS, {"own": refused, "confirmation": RESET})
    assert NEAR not in steps(HTTPS, {"own": refused})  # the confirmation succeeds


def test_name_that_fails_everywhere_is_followed_up_at_neutral_hosts_and_once_more_at_the_endpoint() -> None:
    hellos = {"neutral_browser": RESET, "neutral_other_size": RESET}
    neutral = {"name_at_neutral": RESET, "nonexistent_at_neutral": RESET}
    assert steps(HTTPS, BOTH | neutral | hellos) == [
        *FIRST,
        "name_at_neutral + nonexistent_name",
        "nonexistent_at_neutral + other_name",
        "own_name_at_neutral",
        "neutral_browser + neutral_other_size",
    ]


def test_nothing_is_compared_in_a_network_that_was_lost() -> None:
    assert steps(HTTPS, BOTH, network_lost=True) == FIRST
    assert steps(HTTPS, BOTH, **POLICED, network_lost=True) == FIRST


POLICED = {"crowded": True, "network_answers": True}
BEFORE_ALONE = [*FIRST, "name_at_neutral", "COOL_DOWN", "alone"]


def test_hello_beside_others_is_repeated_alone_before_anything_else_is_sent_to_its_network() -> None:
    assert steps(HTTPS, BOTH, **POLICED) == BEFORE_ALONE


def test_hello_that_fails_alone_too_is_followed_up_as_usual() -> None:
    found = steps(HTTPS, BOTH | {"alone": RESET}, **POLICED)
    assert found[: len(BEFORE_ALONE) + 2] == [*BEFORE_ALONE, "nonexistent_name", "other_name"]


def test_hello_is_not_repeated_alone_if_its_name_fails_in_a_network_that_answers_others() -> None:
    found = steps(HTTPS, BOTH | {"name_at_neutral": RESET}, **POLICED, elsewhere=True)
    assert "alone" not in found
    assert found[3:5] == ["name_at_neutral", "nonexistent_at_neutral + nonexistent_name"]


def test_hello_that_a_server_receives_and_leaves_unanswered_is_repeated_alone_in_every_network() -> None:
    assert steps(HTTPS, BOTH, at_limit=True) == BEFORE_ALONE
    assert "alone" not in steps(HTTPS, BOTH | {"name_at_neutral": RESET}, at_limit=True, elsewhere=True)


@pytest.mark.parametrize(
    ("outcomes", "facts"),
    [
        (BOTH, {}),
        (BOTH, {"crowded": True}),
        ({"own": RESET}, {"at_limit": True}),
        (BOTH, {"at_limit": True, "network_lost": True}),
        (BOTH, {"network_answers": True}),
        (BOTH, POLICED | {"followups": False}),
        (BOTH, POLICED | {"network_lost": True}),
        ({"own": RESET}, POLICED),
        (dict.fromkeys(BOTH, f"tls_handshake {f.SSL_INVALID_HOSTNAME}"), POLICED),
    ],
)
def test_other_failures_are_not_repeated_alone(outcomes: dict[str, str | None], facts: dict[str, object]) -> None:
    assert not {"COOL_DOWN", "alone"} & set(steps(HTTPS, outcomes, **facts))


def test_address_without_an_innocuous_flow_gets_one_before_the_repetition() -> None:
    claimed = {("innocuous", "web", "service.example", "443", "tcp", "4")}
    found = steps(HTTPS, BOTH, **POLICED, claimed=claimed)
    assert found == ["own", "PAUSE", "confirmation", "name_at_neutral + other_name", "COOL_DOWN", "alone"]


NAMES = ["name_at_neutral + nonexistent_name", "other_name"]
REFUSED = f"connect {f.REFUSED}"


def test_name_that_a_limit_may_have_stopped_is_sent_again_after_a_rest() -> None:
    assert steps(HTTPS, BOTH, may_be_limited=True) == [*FIRST, *NAMES, "REST", "rested"]
    refused = dict.fromkeys(BOTH, REFUSED)
    assert steps(HTTPS, refused, may_be_limited=True) == [*FIRST, "REST", "rested"]


def test_name_that_fails_after_a_rest_too_is_followed_up_as_usual() -> None:
    found = steps(HTTPS, BOTH | {"rested": RESET}, may_be_limited=True)
    usual = steps(HTTPS, BOTH)
    assert found == [*usual[:5], "REST", "rested", *usual[5:]]


@pytest.mark.parametrize(
    ("outcomes", "facts"),
    [
        (BOTH, {}),
        ({"own": RESET}, {"may_be_limited": True}),
        (BOTH | {"name_at_neutral": RESET}, {"may_be_limited": True}),
        (BOTH, {"may_be_limited": True, "followups": False}),
        (BOTH, {"may_be_limited": True, "network_lost": True}),
    ],
)
def test_no_rest_without_doubt(outcomes: dict[str, str | None], facts: dict[str, object]) -> None:
    assert not {"REST", "rested"} & set(steps(HTTPS, outcomes, **facts))


def test_repetition_alone_needs_a_trigger() -> None:
    spent = Counter({("service.example", ADDRESSES[0], "tcp"): 4})
    assert steps(HTTPS, BOTH, **POLICED, spent=spent)[4:6] == ["COOL_DOWN", "alone (over budget)"]


TIMEOUT = f"tls_handshake {f.TIMEOUT}"
LATE = {"own": TIMEOUT, "confirmation": TIMEOUT}
IN_TURN = [*FIRST[:2], "confirmation (in turn)"]
SLOW_TWICE = frozenset({"own", "confirmation"})


@pytest.mark.parametrize("facts", [{"slow": frozenset({"own"})}, {"slow_beside": 2}])
def test_slow_attempt_is_confirmed_in_its_turn(facts: dict[str, object]) -> None:
    assert steps(HTTPS, {"own": TIMEOUT}, **facts) == IN_TURN


def test_answer_that_did_not_come_to_its_end_is_confirmed_in_its_turn() -> None:
    assert steps(HTTPS, {}, slow=frozenset({"own"})) == IN_TURN


def test_attempt_whose_confirmation_was_slow_is_repeated_in_its_turn() -> None:
    assert steps(HTTPS, LATE, slow=frozenset({"confirmation"})) == [*FIRST, "in_turn (in turn)"]


def test_attempt_that_fails_in_its_turn_is_followed_up_as_usual() -> None:
    usual = steps(HTTPS, LATE)
    assert steps(HTTPS, LATE, slow=SLOW_TWICE) == [*IN_TURN, *usual[3:]]
    found = steps(HTTPS, LATE | {"in_turn": TIMEOUT}, slow=frozenset({"confirmation"}))
    assert found == [*FIRST, "in_turn (in turn)", *usual[3:]]


@pytest.mark.parametrize(
    ("outcomes", "facts"),
    [
        (LATE, {"slow_beside": 1}),
        (BOTH, {"slow_beside": 9}),
        (dict.fromkeys(LATE, f"connect {f.TIMEOUT}"), {"slow_beside": 9}),
        (LATE, {"slow": SLOW_TWICE, "spares_turns": True}),
        (LATE, {"slow": SLOW_TWICE, "followups": False}),
    ],
)
def test_other_attempts_do_not_wait_for_a_turn(outcomes: dict[str, str | None], facts: dict[str, object]) -> None:
    assert not any("in turn" in step for step in steps(HTTPS, outcomes, **facts))


def test_names_at_the_endpoint_do_not_wait_for_those_at_neutral_hosts() -> None:
    run = Run(verified={ADDRESSES[0]})
    attempt = Attempt(HTTPS, ADDRESSES[0], literal=False, verified=True, waits={Wait.PAUSE})
    for rows in (("innocuous", "own"), ("confirmation",), ("name_at_neutral", "nonexistent_name")):
        planned = plan(facts := run.facts(attempt))
        assert isinstance(planned, tuple) and tuple(flow.row for flow in planned) == rows
        for flow in planned:
            run.begin(attempt, facts, flow)
        for flow in planned:
            if flow.row != "name_at_neutral":
                run.end(attempt, flow, f.RESET if flow.row in BOTH else None, at_connect=False, was_sent=True)
    planned = plan(run.facts(attempt))
    assert isinstance(planned, tuple) and [flow.row for flow in planned] == ["other_name"]


def test_hello_that_passes_at_neutral_host_is_sent_to_the_endpoint_and_the_own_hello_again() -> None:
    taken = steps(HTTPS, BOTH | {"name_at_neutral": RESET, "neutral_other_size": RESET})
    assert taken[-3:] == ["neutral_browser + neutral_other_size", "browser", "same_hello"]


def test_name_that_passes_at_neutral_host_costs_the_endpoint_one_more_hello() -> None:
    assert steps(HTTPS, BOTH | {"browser": RESET})[-2:] == ["other_name", "browser"]
    assert steps(HTTPS, BOTH | {"browser": RESET}, deep=True)[-3:] == ["browser", "other_size", "same_hello"]


def test_deep_run_repeats_the_browsers_hello_and_then_sends_an_innocuous_name() -> None:
    taken = steps(HTTPS, BROWSERS | {"deep_without_ech": RESET}, deep=True)
    assert taken == ["innocuous + own", *HELLOS]


def test_hello_with_ech_that_fails_with_any_name_is_compared_at_a_neutral_host() -> None:
    failed = BROWSERS | {"deep_innocuous": RESET}
    assert steps(HTTPS, failed, deep=True)[1:] == [*HELLOS, "ech_at_neutral"]
    taken = steps(HTTPS, failed | {"ech_at_neutral": RESET}, deep=True)
    assert taken[1:] == [*HELLOS, "ech_at_neutral", "no_ech_at_neutral", "our_ech_at_neutral"]
    everywhere = failed | {"ech_at_neutral": RESET, "no_ech_at_neutral": RESET}
    assert steps(HTTPS, everywhere, deep=True)[-1] == "no_ech_at_neutral"
    assert steps(HTTPS, failed | {"deep_without_ech": RESET}, deep=True)[1:] == HELLOS  # not the extension


def test_name_that_fails_with_ech_only_is_sent_to_a_neutral_host_with_it_and_without() -> None:
    assert steps(HTTPS, BROWSERS, deep=True)[1:] == [*HELLOS, "name_with_ech_at_neutral"]
    taken = steps(HTTPS, BROWSERS | {"name_with_ech_at_neutral": RESET}, deep=True)
    assert taken[1:] == [*HELLOS, "name_with_ech_at_neutral", "name_without_ech_at_neutral"]


def test_page_in_clear_text_is_requested_from_a_neutral_host() -> None:
    assert steps("http://service.example:80/", {}) == ["innocuous + own", "name_at_neutral"]


def test_quic_looks_for_neutral_hosts_first() -> None:
    failed = "quic_handshake generic_timeout_error"
    taken = steps("quic://service.example:443/", {"own": failed, "confirmation": failed})
    assert taken[3:] == [
        *("quic_neutral + nonexistent_name", "name_at_neutral + other_name"),
        *("CONTROL_BEFORE_ECHO", "datagram_sizes"),  # another name got past the first hop
    ]


def test_unlisted_protocol_is_compared_with_random_bytes() -> None:
    silent = "mtproto_exchange generic_timeout_error"
    taken = steps("mtproto://service.example:443", {"own": silent, "confirmation": silent})
    assert taken == ["own", "PAUSE", "confirmation", "random_bytes"]


def test_silent_call_waits_for_the_helper_and_sends_the_echo_pair() -> None:
    silent = "stun_exchange generic_timeout_error"
    taken = steps("stun://service.example:3478", {"own": silent, "confirmation": silent})
    assert taken == [
        "own",
        "PAUSE",
        "confirmation",
        "CONTROL_BEFORE_ECHO",
        "random_echo",
        "own_echo",
        "datagram_sizes",
        NEAR,
    ]


def test_silent_dtls_is_compared_with_the_forms_of_other_programs_beside_the_echo_pair() -> None:
    url, silent = "dtls://service.example:5684", "dtls_hello generic_timeout_error"
    twice = {"own": silent, "confirmation": silent}
    before = ["own", "PAUSE", "confirmation", "CONTROL_BEFORE_ECHO", "random_echo + dtls_firefox"]
    form = twice | {"dtls_same": silent}
    assert steps(url, form) == [*before, "own_echo + dtls_same", "dtls_firefox_again", "datagram_sizes"]
    assert steps(url, twice) == [*before, "own_echo + dtls_same", "datagram_sizes"]  # an outage has ended
    newer = form | {"dtls_firefox": silent}
    assert steps(url, newer) == [*before, "own_echo + dtls_13", "dtls_same", "dtls_13_again", "datagram_sizes"]
    assert steps(url, newer | {"dtls_13": silent}) == [*before, "own_echo + dtls_13", "datagram_sizes", NEAR]
    assert steps(url, twice | {"confirmation": "dtls_hello connection_refused"})[-2:] == ["confirmation", NEAR]


OURS = ClearTextPage(200, "a page", "")


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ({"own": OURS}, []),
        ({"own": OURS, "name_at_neutral": ClearTextPage(200, "another", "")}, []),
        ({"own": OURS, "name_at_neutral": OURS}, ["PAUSE", "confirmation"]),
        (
            {
                "own": ClearTextPage(301, "", "www.service.example"),
                "name_at_neutral": ClearTextPage(301, "", "www.service.example"),
            },
            [],
        ),
    ],
)
def test_page_is_confirmed_if_a_neutral_host_sends_it_too(pages: dict[str, ClearTextPage], expected: list[str]) -> None:
    assert steps("http://service.example:80/", {}, pages=pages) == ["innocuous + own", "name_at_neutral", *expected]


@pytest.mark.parametrize(
    "page", [ClearTextPage(200, "a page", "", is_block_page=True), ClearTextPage(302, "", "notice.example.net")]
)
def test_page_that_may_be_forged_is_confirmed_at_once(page: ClearTextPage) -> None:
    first = ["innocuous + own", "PAUSE", "confirmation", "name_at_neutral"]
    assert steps("http://service.example:80/", {}, pages={"own": page}) == first
    assert steps("http://service.example:80/", {}, pages={"own": page}, as_control=True) == ["own"]


def test_doubtful_answer_of_a_call_is_confirmed_and_sends_the_echo_pair() -> None:
    doubtful = frozenset({"own", "confirmation"})
    taken = steps("sip://service.example:5060", {}, doubtful=doubtful)
    assert taken == ["own", "PAUSE", "confirmation", "CONTROL_BEFORE_ECHO", "random_echo", "own_echo"]
    assert steps("sip://service.example:5060;transport=tcp", {}, doubtful=doubtful) == taken[:3]
    assert steps("sip://service.example:5060", {}, doubtful=frozenset({"own"})) == taken[:3]
    assert steps("sip://service.example:5060", {}, doubtful=doubtful, as_control=True) == ["own"]
    assert steps("sip://service.example:5060", {}, doubtful=doubtful, followups=False) == taken[:3]


def test_unverified_address_waits_for_resolvers_and_the_helper_and_is_not_confirmed() -> None:
    taken = steps(HTTPS, BOTH, verified=set(), encrypted=False)
    assert taken == ["own", "RESOLVERS", "CONTROL_BEFORE_CONFIRMATION", "name_at_neutral"]


def test_attempt_that_proves_nothing_waits_for_the_helper_before_the_visit() -> None:
    assert steps("stun://service.example:3478", {}, verified=set()) == ["CONTROL_BEFORE_VISIT", "own"]


def test_address_whose_visit_was_in_vain_is_left_out() -> None:
    run = Run(visits={ADDRESSES[0]: "in_vain"})
    attempt = Attempt(HTTPS, ADDRESSES[0], literal=False, verified=False)
    for wait in (Wait.VISIT, Wait.CONTROL_AFTER_VISIT):
        assert plan(run.facts(attempt)) is wait
        run.wait(attempt, wait)
    assert plan(run.facts(attempt)) is FINISHED
    assert conclude(run.facts(attempt)).not_visited


def test_without_triggers_nothing_is_confirmed() -> None:
    spent = Counter({("service.example", ADDRESSES[0], "tcp"): 5})
    taken = steps(HTTPS, BOTH, spent=spent)
    assert taken[:3] == ["innocuous + own", "PAUSE", "confirmation (over budget)"]


# -- addresses ---------------------------------------------------------------------------------------------------------


def names(**facts: object) -> NameFacts:
    known = NameFacts(ADDRESSES[:1], ADDRESSES[1:], all_trusted=True, suspect=True)
    return replace(known, **facts)  # type: ignore[arg-type]


def test_alternatives_are_tried_after_resolvers_were_asked() -> None:
    assert plan_addresses(names()) == Addresses(ADDRESSES[:1])
    tried = names(tried=True)
    assert plan_addresses(tried) is Wait.SECOND_ANSWERS
    assert plan_addresses(replace(tried, waits=frozenset({Wait.SECOND_ANSWERS}))) is Wait.RESOLVERS
    asked = replace(tried, waits=frozenset({Wait.SECOND_ANSWERS, Wait.RESOLVERS}), suspect=False)
    assert plan_addresses(asked) == Addresses(ADDRESSES[1:], alternative=True)
    assert plan_addresses(replace(asked, alternatives_tried=True)) is FINISHED
    assert plan_addresses(replace(asked, reached=True)) is FINISHED
    assert plan_addresses(replace(asked, trusted_addresses=())) is Wait.CONTROL_BEFORE_ALTERNATIVES


def test_answer_that_nothing_contradicts_needs_no_alternatives() -> None:
    facts = names(tried=True, suspect=False, waits=frozenset({Wait.SECOND_ANSWERS}))
    assert plan_addresses(facts) is FINISHED


def test_answer_that_is_not_trusted_waits_for_a_second_one() -> None:
    assert plan_addresses(names(all_trusted=False)) is Wait.SECOND_ANSWERS_FIRST
    assert plan_addresses(names(all_trusted=False, as_control=True)) == Addresses(ADDRESSES[:1])


@pytest.mark.parametrize("facts", [{"followups": False}, {"followups": False, "as_control": True}])
def test_without_follow_ups_no_alternative_is_tried(facts: dict[str, bool]) -> None:
    assert plan_addresses(names(tried=True, **facts)) is FINISHED


@pytest.mark.parametrize(("lost", "policed"), [(False, True), (True, False)])
def test_hello_in_a_network_that_was_lost_waits_for_no_cool_down(lost: bool, policed: bool) -> None:
    run = Run(verified={ADDRESSES[0]}, crowded=True, network_answers=True, network_lost=lost)
    attempt = Attempt(HTTPS, ADDRESSES[0], literal=False, verified=True)
    for row in ("own", "confirmation"):
        while isinstance(step := plan(seen := run.facts(attempt)), Wait):
            run.wait(attempt, step)
        assert not isinstance(step, End)
        for flow in step:
            run.begin(attempt, seen, flow)
        for flow in list(attempt.under_way):
            run.end(attempt, flow, f.RESET if flow.row == row else None, at_connect=False, was_sent=True)
    assert may_be_policed(run.facts(attempt)) is policed
