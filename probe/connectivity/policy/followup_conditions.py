"""State the conditions of the policy table."""

from collections.abc import Callable
from dataclasses import dataclass

from probe.connectivity.attempt_facts import AttemptFacts, Outcome, no_answer_in_tls
from probe.formats import failures as f
from probe.signatures.http_refusals import REFUSING

HTTP_PORT = 80  # open on web servers, neutral hosts included


@dataclass(frozen=True)
class FollowUpCondition:
    """Hold one condition on the facts, and its words for the documentation."""

    words: str
    holds: Callable[[AttemptFacts], bool]


def sent_past_connect(facts: AttemptFacts) -> bool:
    """Return whether the attempt or its confirmation failed at another step than the connect."""
    failed = {outcome.failed_operation for outcome in (facts.own, facts.confirmation) if outcome}
    return bool(failed - {"connect"})


def _name_in_hello(facts: AttemptFacts, layers: frozenset[str] = frozenset({"tls"})) -> bool:
    return facts.shows_name and facts.endpoint.facts.name_layer in layers


def _failed_past_connect(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.failed and outcome.failed_operation != "connect"


def _own_failure(facts: AttemptFacts) -> str | None:
    return facts.own.failure if facts.own else None


def _silent_twice(facts: AttemptFacts) -> bool:
    own, again = facts.own, facts.confirmation
    failures = {outcome.failure for outcome in (own, again) if outcome}
    return facts.endpoint.facts.echo_payload is not None and again is not None and failures == {f.TIMEOUT}


def _refused_twice(facts: AttemptFacts) -> bool:
    own, again = facts.own, facts.confirmation
    failures = [outcome.failure or "" for outcome in (own, again) if outcome is not None]
    has_echo = facts.endpoint.facts.echo_payload is not None
    return has_echo and len(failures) == 2 and all(each.startswith(f.STUN_ERROR) for each in failures)


def _quic_silent_twice(facts: AttemptFacts) -> bool:
    own, again = facts.own, facts.confirmation
    failures = {outcome.failure for outcome in (own, again) if outcome}
    return facts.endpoint.scheme == "quic" and again is not None and failures == {f.TIMEOUT}


def _doubtful_twice(facts: AttemptFacts) -> bool:
    own, again = facts.own, facts.confirmation
    has_echo = facts.endpoint.facts.echo_payload is not None
    return has_echo and own is not None and own.doubtful and again is not None and again.doubtful


def page_may_be_forged(facts: AttemptFacts) -> bool:
    """Return whether a clear-text answer is a known block page, redirects to another site, or follows the name.

    A provider's notice is sent once, or by chance. So such an answer is confirmed.
    """
    page = facts.own.page if facts.own else None
    neutral = facts.sent("name_at_neutral")
    same = neutral is not None and neutral.page == page
    host = facts.endpoint.host
    return page is not None and (page.may_be_forged(host) or (same and page.is_telling(host)))


def _refused_at_neutral(facts: AttemptFacts) -> bool:
    page, neutral = facts.own.page if facts.own else None, facts.sent("name_at_neutral")
    return page is not None and page.status in REFUSING and neutral is not None and neutral.page == page


def _hello_is_candidate(facts: AttemptFacts, row: str) -> bool:
    """Return whether the hello passed at the neutral host, or no neutral host could be asked."""
    asked = any(flow.row in {"neutral_browser", "neutral_other_size"} for flow in facts.begun())
    outcome = facts.outcome(row)
    return not asked or (outcome is not None and outcome.passed)


def _may_spend_another(facts: AttemptFacts) -> bool:
    """Return False if the browser's hello was sent without advice of a neutral host and failed, in a standard run."""
    browser = facts.sent("browser")
    asked = any(flow.row in {"neutral_browser", "neutral_other_size"} for flow in facts.begun())
    wasted = browser is not None and browser.triggered and not browser.passed
    return asked or facts.deep or not wasted


def _any_hello_passed(facts: AttemptFacts) -> bool:
    return any(outcome.passed for row in ("browser", "other_size") if (outcome := facts.outcome(row)))


def _passed(facts: AttemptFacts, row: str) -> bool:
    return (outcome := facts.sent(row)) is not None and outcome.passed


def _fell_silent(facts: AttemptFacts) -> bool:
    own = facts.own
    return own is not None and own.fell_silent and facts.verified and _is_confirmed_beside(facts)


def _is_confirmed_beside(facts: AttemptFacts) -> bool:
    """Return whether the confirmation has ended, or is under way and needs no turn of its own."""
    under_way = any(flow.row == "confirmation" and not flow.in_turn for flow in facts.under_way)
    return under_way or facts.outcome("confirmation") is not None


def other_name_is_readable(facts: AttemptFacts) -> bool:
    """Return whether the name is shown by the hello alone, so that the same page can be asked for under another."""
    return facts.endpoint.scheme in {"https", "quic"} and _name_in_hello(facts, frozenset({"tls", "quic"}))


def _ended(facts: AttemptFacts, *rows: str) -> bool:
    """Return whether each of the rows has an outcome."""
    return all(facts.outcome(row) is not None for row in rows)


def _no_neutral_transfer(facts: AttemptFacts) -> bool:
    tried = [facts.outcome(row) for row in ("neutral_transfer", "first_neutral_transfer")]
    ended = [outcome for outcome in tried if outcome is not None]
    return not any(outcome.passed_whole for outcome in ended) and bool(ended or not facts.neutral)


def _silent_at_times(facts: AttemptFacts) -> bool:
    outcomes = [facts.sent(row) for row in ("own", "confirmation", "transfer_again")]
    sent = [outcome for outcome in outcomes if outcome is not None]
    return any(outcome.fell_silent for outcome in sent) and any(outcome.passed_whole for outcome in sent)


NAMED = FollowUpCondition("the first message shows an exchangeable name", lambda facts: facts.shows_name)
VERIFIED = FollowUpCondition("the address is verified", lambda facts: facts.verified)
PAST_CONNECT = FollowUpCondition("a failure was past the connect", sent_past_connect)
NOT_CERTIFICATE = FollowUpCondition(
    "the failure is not a bad certificate", lambda facts: _own_failure(facts) not in f.CERTIFICATE_FAILURES
)
PLAIN_PAGE = FollowUpCondition(
    f"the endpoint is http on port {HTTP_PORT}",
    lambda facts: facts.endpoint.scheme == "http" and facts.endpoint.port == HTTP_PORT,
)
HTTPS = FollowUpCondition("the endpoint is https", lambda facts: facts.endpoint.scheme == "https")
QUIC = FollowUpCondition("the endpoint is QUIC", lambda facts: facts.endpoint.scheme == "quic")
NOT_QUIC = FollowUpCondition("the endpoint is not QUIC", lambda facts: facts.endpoint.scheme != "quic")
NEUTRAL_KNOWN = FollowUpCondition(
    "the endpoint is not QUIC, or neutral hosts were verified over QUIC",
    lambda facts: facts.endpoint.scheme != "quic" or facts.outcome("quic_neutral") is not None,
)
UNPROVEN_NAME = FollowUpCondition(
    "the failed address is unverified, or its certificate is bad",
    lambda facts: facts.own is not None and (not facts.own.verified or _own_failure(facts) in f.CERTIFICATE_FAILURES),
)
LOOKED_UP = FollowUpCondition("the address was looked up", lambda facts: facts.has_name)
UNLISTED = FollowUpCondition(
    "the payload is on no list of usual protocols", lambda facts: facts.endpoint.facts.unlisted
)
DEEP_OR_ECHCHECK = FollowUpCondition(
    "the run is deep, or the nettest is echcheck", lambda facts: facts.deep or facts.compares_hellos
)
ECHCHECK = FollowUpCondition("the nettest is echcheck", lambda facts: facts.compares_hellos)
NO_PACKET_PASSED = FollowUpCondition(
    "each failure was at the connect, or at the first datagram, and no other flow to the address passed",
    lambda facts: (
        all(
            one.failed and (one.failed_operation == "connect" or facts.endpoint.carrier == "udp")
            for one in (facts.own, facts.confirmation)
            if one
        )
        and not any(outcome.passed and outcome.flow.at_endpoint for outcome in facts.outcomes)
    ),
)
NO_CONNECT = FollowUpCondition(
    "the attempt and its confirmation failed at the connect, while neutral hosts answered",
    lambda facts: (
        facts.confirmation is not None
        and not sent_past_connect(facts)
        and all(one.failed for one in (facts.own, facts.confirmation) if one)
        and facts.endpoint.carrier == "tcp"
        and not facts.network_lost
    ),
)
CONFIRMED = FollowUpCondition("the confirmation failed too", lambda facts: facts.confirmation is not None)
NAME_FAILED_AT_NEUTRAL = FollowUpCondition(
    "the target's name failed there past the connect", lambda facts: _failed_past_connect(facts.sent("name_at_neutral"))
)
REFUSED_AT_NEUTRAL = FollowUpCondition(
    "the target's name got the same refusal there as at the endpoint", _refused_at_neutral
)
NONEXISTENT_FAILED_AT_NEUTRAL = FollowUpCondition(
    "the name that does not exist failed there",
    lambda facts: (outcome := facts.sent("nonexistent_at_neutral")) is not None and outcome.failed,
)
HELLOS_FAILED = FollowUpCondition(
    "two hellos were reset, ended or met silence",
    lambda facts: _name_in_hello(facts) and no_answer_in_tls(facts.own) and no_answer_in_tls(facts.confirmation),
)
NAME_FAILED_IN_NEUTRAL_TLS = FollowUpCondition(
    "the target's name failed in TLS at a neutral host",
    lambda facts: any(operation == "tls_handshake" for _, operation in facts.name_at_neutral),
)
NO_HELLO_AT_ADDRESS = FollowUpCondition(
    "no other hello was sent to the endpoint",
    lambda facts: not any(flow.row in {"browser", "other_size"} for flow in facts.begun()),
)
NO_INNOCUOUS = FollowUpCondition(
    "no innocuous name was sent to the address", lambda facts: facts.sent("innocuous") is None
)
INNOCUOUS_RESET = FollowUpCondition(
    "the innocuous name was reset past the connect",
    lambda facts: (
        (outcome := facts.sent("innocuous")) is not None
        and _failed_past_connect(outcome)
        and outcome.failure == f.RESET
    ),
)
NEUTRAL_CUT_OFF = FollowUpCondition(
    "a neutral host accepted a connection and completed no handshake", lambda facts: facts.neutral_cut_off
)
BROWSER_IS_CANDIDATE = FollowUpCondition(
    "it passed at the neutral host, if one was asked",
    lambda facts: _hello_is_candidate(facts, "neutral_browser"),
)
OTHER_SIZE_IS_CANDIDATE = FollowUpCondition(
    "it passed at the neutral host, if one was asked",
    lambda facts: _hello_is_candidate(facts, "neutral_other_size") and _may_spend_another(facts),
)
OTHER_HELLO_PASSED = FollowUpCondition("another hello passed", _any_hello_passed)
FIRST_BROWSER_FAILED = FollowUpCondition(
    "a browser's hello failed without an answer", lambda facts: no_answer_in_tls(facts.sent("deep_browser"))
)
SECOND_BROWSER_FAILED = FollowUpCondition(
    "two browser's hellos failed without an answer", lambda facts: no_answer_in_tls(facts.sent("deep_browser_again"))
)
ECH_SUSPECTED = FollowUpCondition(
    "it passed without Encrypted ClientHello, and an innocuous name failed with it",
    lambda facts: _passed(facts, "deep_without_ech") and no_answer_in_tls(facts.sent("deep_innocuous")),
)
ECH_WITH_NAME_SUSPECTED = FollowUpCondition(
    "it passed without Encrypted ClientHello, and an innocuous name passed with it",
    lambda facts: _passed(facts, "deep_without_ech") and _passed(facts, "deep_innocuous"),
)
NEUTRAL_ECH_FAILED = FollowUpCondition(
    "the neutral host's name failed with it", lambda facts: no_answer_in_tls(facts.sent("ech_at_neutral"))
)
NEUTRAL_PASSED_WITHOUT_ECH = FollowUpCondition(
    "the neutral host's name passed without it", lambda facts: _passed(facts, "no_ech_at_neutral")
)
NAME_FAILED_WITH_ECH_AT_NEUTRAL = FollowUpCondition(
    "the target's name failed with it at the neutral host",
    lambda facts: no_answer_in_tls(facts.sent("name_with_ech_at_neutral")),
)
SILENT_TWICE = FollowUpCondition("two datagrams of a call met silence", _silent_twice)
SILENT_OR_REFUSED_TWICE = FollowUpCondition(
    "two datagrams of a call met silence, or an error of STUN that proves no server",
    lambda facts: _silent_twice(facts) or _refused_twice(facts),
)
DTLS_SILENT_TWICE = FollowUpCondition(
    "two DTLS hellos met silence", lambda facts: facts.endpoint.scheme == "dtls" and _silent_twice(facts)
)
FIREFOX_DTLS_FAILED = FollowUpCondition(
    "the hello in Firefox's form failed",
    lambda facts: (outcome := facts.sent("dtls_firefox")) is not None and outcome.failed,
)
OTHER_DTLS_PASSED = FollowUpCondition(
    "a hello in another form passed", lambda facts: _passed(facts, "dtls_firefox") or _passed(facts, "dtls_13")
)
SAME_DTLS_FAILED = FollowUpCondition(
    "the first form failed again", lambda facts: (outcome := facts.sent("dtls_same")) is not None and outcome.failed
)
FIREFOX_DTLS_PASSED = FollowUpCondition("this form passed", lambda facts: _passed(facts, "dtls_firefox"))
DTLS_13_PASSED = FollowUpCondition("this form passed", lambda facts: _passed(facts, "dtls_13"))
DOUBTFUL_TWICE = FollowUpCondition("two answers of a call are doubtful", _doubtful_twice)
ECHO_OFFERED = FollowUpCondition(
    "the helper offers an echo, and its token allows a pair",
    lambda facts: facts.echo is not None and facts.echo.pairs_left > 0 and facts.echo.triggers_left > 0,
)
FELL_SILENT = FollowUpCondition("the connection fell silent in the middle of an answer", _fell_silent)
TRANSFERS_COMPARED = FollowUpCondition(
    "small packets were tried, and so was another name if one is shown",
    lambda facts: (
        _ended(facts, "pings_first" if facts.endpoint.scheme == "quic" else "small_segments")
        and (not other_name_is_readable(facts) or _ended(facts, "other_sni"))
    ),
)
NO_NEUTRAL_TRANSFER = FollowUpCondition(
    "no neutral host is verified, or transfers from them failed or fell silent", _no_neutral_transfer
)
SMALL_PASSED = FollowUpCondition(
    "the answer in small segments was complete",
    lambda facts: (outcome := facts.sent("small_segments")) is not None and outcome.passed_whole,
)
PINGS_PASSED = FollowUpCondition(
    "the answer after PING frames was complete",
    lambda facts: (outcome := facts.sent("pings_first")) is not None and outcome.passed_whole,
)
SILENT_AT_TIMES = FollowUpCondition("another answer was complete", _silent_at_times)
READABLE_NAME = FollowUpCondition("the name is shown by the hello alone", other_name_is_readable)
DATAGRAMS_SILENT = FollowUpCondition(
    "two datagrams of a call, or two handshakes over QUIC, met silence",
    lambda facts: _quic_silent_twice(facts) or _silent_twice(facts),
)
RANDOM_ENDED = FollowUpCondition("the random datagram was sent", lambda facts: facts.outcome("random_echo") is not None)
