"""Define the rules about HTTP answers, and collect the rules of the HTTP table."""

from probe.analysis.phenomena.forged_pages import (
    PAGE_IS_ELSEWHERE_ONCE,
    PAGE_IS_ELSEWHERE_TOO,
    REDIRECT_IS_ELSEWHERE_TOO,
)
from probe.analysis.phenomena.random_resets import among_random_resets
from probe.analysis.phenomena.refused_pages import (
    REFUSAL_IS_ELSEWHERE_TOO,
    REFUSED_IN_THE_CLEAR,
    SERVICE_REFUSES_HERE,
)
from probe.analysis.phenomena.transfer_stops import ANSWERS_STOP, STOPS_MIDWAY
from probe.analysis.rules.inconclusive import fails_everywhere, unexplained, unfinished
from probe.analysis.rules.layer import HTTP
from probe.analysis.rules.name_blocking import HTTP_FAILS_AGAIN, HTTP_FOLLOWS_NAME
from probe.analysis.rules.rule import Rule, State
from probe.analysis.rules.slow_answers import SLOW_ANSWERS
from probe.messages import mark

HTTP_RULES = (
    REDIRECT_IS_ELSEWHERE_TOO,
    PAGE_IS_ELSEWHERE_TOO,
    PAGE_IS_ELSEWHERE_ONCE,
    REFUSAL_IS_ELSEWHERE_TOO,
    *ANSWERS_STOP,
    SLOW_ANSWERS,
    STOPS_MIDWAY,
    *SERVICE_REFUSES_HERE,
    REFUSED_IN_THE_CLEAR,
    Rule(
        "http_answers",
        "successes > 0",
        State.OK,
        because="The server answers, and is verified.",
        plain=mark("{service} answers web requests."),
    ),
    *unfinished(HTTP),
    Rule(
        "http_shows_blockpage",
        "successes = 0 AND clear_text AND http_blockpages > 0 AND control_http_blockpages = 0",
        State.BLOCKED,
        mechanism="http.blockpage",
        because="A known block page is shown in the place of the service.",
        plain=mark("Web requests to {host} get a block page. Access to {service} is blocked."),
    ),
    among_random_resets(HTTP),
    *HTTP_FOLLOWS_NAME,
    fails_everywhere(HTTP, "successes = 0"),
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
    *HTTP_FAILS_AGAIN,
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
    *unexplained(HTTP),
)
