"""Define the rules about HTTP answers, and collect the rules of the HTTP table."""

from probe.analysis.rules.http.names import HTTP_FOLLOWS_NAME
from probe.analysis.rules.http.slow_answers import SLOW_ANSWERS
from probe.analysis.rules.http.transfers import STOPS_MIDWAY, TRANSFERS_STOP
from probe.analysis.rules.resets import random_resets
from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_FOR_NAME_ELSEWHERE = "http_successes > 0 AND control_successes > 0"
_AGAIN = "name_failures >= 2 AND control_successes > 0"
_RESET = f"http_successes = 0 AND http_resets > 0 AND {_AGAIN}"
_TIMEOUT = f"http_successes = 0 AND http_timeouts > 0 AND {_AGAIN} AND (quic_attempts = 0 OR http_timeouts >= 2)"
"""Over QUIC a device sees no request. If the next handshake gets no answer either, UDP may have failed as a whole."""

_CLOSE = f"http_successes = 0 AND http_closes > 0 AND {_AGAIN}"

HTTP_RULES = (
    Rule(
        "http_redirect_is_elsewhere_too",
        f"clear_text AND by_name AND http_redirects_elsewhere > 0 AND {_FOR_NAME_ELSEWHERE}",
        State.BLOCKED,
        mechanism="http.redirect",
        because=(
            "A neutral host that receives the name redirects to the same place, and the test helper gets another "
            "answer."
        ),
        plain=mark(
            "Unencrypted web requests for {host} are redirected, even at an unrelated server. Outside this network "
            "they are not. Access to {service} is blocked."
        ),
    ),
    Rule(
        "http_page_is_elsewhere_too",
        f"clear_text AND by_name AND http_pages_elsewhere > 0 AND {_FOR_NAME_ELSEWHERE}",
        State.BLOCKED,
        mechanism="http.blockpage",
        because="A neutral host that receives the name sends the same page, and the test helper gets another answer.",
        plain=mark(
            "Unencrypted web requests for {host} get a false page, even from an unrelated server. Outside this network "
            "they get another. Access to {service} is blocked."
        ),
    ),
    *TRANSFERS_STOP,
    *SLOW_ANSWERS,
    *STOPS_MIDWAY,
    Rule(
        "http_answers",
        "successes > 0",
        State.OK,
        because="The server answers, and is verified.",
        plain=mark("{service} answers web requests."),
    ),
    Rule(
        "http_local_fault",
        "local_faults > 0 AND http_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted, or this computer failed, before the HTTP request was tried.",
        plain=mark(
            "{service} was not tested, because this computer was too busy or the run was stopped. Run the test again."
        ),
    ),
    Rule(
        "http_not_reached",
        "http_attempts = 0",
        State.INSUFFICIENT,
        untested=True,
        because=(
            "The measurement did not get as far as the HTTP request, because an earlier step failed or it was not "
            "requested."
        ),
        plain=mark("The test of {service} ended before its last step. Nothing can be concluded from it."),
    ),
    Rule(
        "http_interrupted",
        "interrupted AND http_attempts < 2",
        State.INSUFFICIENT,
        untested=True,
        because="The run was interrupted before a failure of the HTTP request could be confirmed.",
        plain=mark("The run was stopped before a failed test of {service} could be repeated. Run the test again."),
    ),
    Rule(
        "http_shows_blockpage",
        "successes = 0 AND clear_text AND http_blockpages > 0 AND control_http_blockpages = 0",
        State.BLOCKED,
        mechanism="http.blockpage",
        because="A known block page is shown in the place of the service.",
        plain=mark("Web requests to {host} get a block page. Access to {service} is blocked."),
    ),
    Rule(
        "http_reset_among_random_resets",
        random_resets.may_be_chance("http"),
        State.IMPAIRED,
        because=random_resets.BECAUSE,
        plain=random_resets.PLAIN,
    ),
    *HTTP_FOLLOWS_NAME,
    Rule(
        "http_fails_everywhere",
        "successes = 0 AND control_attempts > 0 AND control_successes = 0",
        State.DOWN,
        because="The HTTP request fails here, and fails from the test helper too.",
        plain=mark(
            "The test of {service} failed here, and it failed from a test helper outside this network too. There is no "
            "sign of blocking."
        ),
    ),
    Rule(
        "http_redirected_here",
        "successes = 0 AND clear_text AND http_redirects >= 2 AND control_successes > 0",
        State.LIKELY_BLOCKED,
        mechanism="http.redirect",
        because="The answers redirect to another domain here, more than once, and not at the test helper.",
        plain=mark(
            "Web requests to {host} are redirected to another website here, and not outside this network. Access to "
            "{service} is probably blocked."
        ),
    ),
    Rule(
        "http_reset_again_for_any_name",
        f"{_RESET} AND innocuous_failed > 0",
        State.LIKELY_BLOCKED,
        mechanism="http.reset",
        because=(
            "The connection is reset here, and failed again, with an innocuous name too, and the test helper succeeds."
        ),
        plain=mark(
            "Web requests to {host} are cut off here, with an unrelated name too. A test helper outside this network "
            "reaches the server. Access to {service} is probably blocked."
        ),
        supersedes=("http_reset_for_any_name",),
    ),
    Rule(
        "http_reset_here_again",
        f"{_RESET}",
        State.LIKELY_BLOCKED,
        mechanism="http.reset",
        because="The connection is reset here, and failed again, and the test helper succeeds.",
        plain=mark(
            "Web requests to {host} are cut off here, more than once. A test helper outside this network reaches the "
            "server. Access to {service} is probably blocked."
        ),
        supersedes=("http_reset_here",),
    ),
    Rule(
        "http_timeout_again_for_any_name",
        f"{_TIMEOUT} AND innocuous_failed > 0",
        State.LIKELY_BLOCKED,
        mechanism="http.timeout",
        because=(
            "The connection times out here, and failed again, with an innocuous name too, and the test helper succeeds."
        ),
        plain=mark(
            "Web requests to {host} get no answer here, with an unrelated name too. A test helper outside this network "
            "reaches the server. Access to {service} is probably blocked."
        ),
        supersedes=("http_timeout_for_any_name",),
    ),
    Rule(
        "http_timeout_here_again",
        f"{_TIMEOUT}",
        State.LIKELY_BLOCKED,
        mechanism="http.timeout",
        because="The connection times out here, and failed again, and the test helper succeeds.",
        plain=mark(
            "Web requests to {host} get no answer here, more than once. A test helper outside this network reaches the "
            "server. Access to {service} is probably blocked."
        ),
        supersedes=("http_timeout_here",),
    ),
    Rule(
        "http_close_again_for_any_name",
        f"{_CLOSE} AND innocuous_failed > 0",
        State.LIKELY_BLOCKED,
        mechanism="http",
        because=(
            "The connection is closed here, and failed again, with an innocuous name too, and the test helper succeeds."
        ),
        plain=mark(
            "Web requests to {host} are closed early here, with an unrelated name too. A test helper outside this "
            "network reaches the server. Access to {service} is probably blocked."
        ),
        supersedes=("http_close_for_any_name",),
    ),
    Rule(
        "http_close_here_again",
        f"{_CLOSE}",
        State.LIKELY_BLOCKED,
        mechanism="http",
        because="The connection is closed here, and failed again, and the test helper succeeds.",
        plain=mark(
            "Web requests to {host} are closed early here, more than once. A test helper outside this network reaches "
            "the server. Access to {service} is probably blocked."
        ),
        supersedes=("http_close_here",),
    ),
    Rule(
        "http_redirected_once",
        "http_redirects > 0 AND control_successes > 0",
        State.IMPAIRED,
        because=(
            "The answer redirected to another domain here once, and not at the test helper. No second answer shows "
            "whether it was a notice of the provider."
        ),
        plain=mark(
            "A web request to {host} was redirected to another website here, and not outside this network. It was not "
            "seen twice, so it may be a notice of the Internet provider. Run the test again."
        ),
    ),
    Rule(
        "http_redirected",
        "http_redirects > 0",
        State.IMPAIRED,
        because="The answer redirects to another domain, and no test helper looked whether it does so elsewhere.",
        plain=mark(
            "Web requests to {host} are redirected to another website. No test helper outside this network tried it, "
            "so the cause is unclear."
        ),
    ),
    Rule(
        "http_unconfirmed",
        "http_failure IS NOT NULL AND control_successes > 0",
        State.IMPAIRED,
        because=(
            "The HTTP request failed here and not at the test helper, but not often or not uniformly enough to "
            "conclude more."
        ),
        plain=mark(
            "The test of {service} failed here and not from a test helper outside this network. The failures are too "
            "few or too different to name a cause. Run the test again."
        ),
    ),
    Rule(
        "http_no_control",
        "http_failure IS NOT NULL",
        State.IMPAIRED,
        because="The HTTP request fails here, and no test helper tried the same endpoint.",
        plain=mark(
            "The test of {service} failed here. No test helper outside this network tried it, so the cause is unclear."
        ),
    ),
    Rule(
        "http_undecided",
        "TRUE",
        State.INSUFFICIENT,
        because="No rule covers the result of the HTTP request.",
        plain=mark("The test of {service} gave a result that no rule covers. Nothing can be concluded from it."),
    ),
)
